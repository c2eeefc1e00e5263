#include "runtime/memory_planner.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace inlay;

TEST_CASE("blocks alive together never overlap, and dead ones are reused", "[memory]") {
  std::mt19937 engine(7);
  for (int round = 0; round < 30; ++round) {
    std::vector<Lifetime> lifetimes(200);
    for (Lifetime& life : lifetimes) {
      life.first = static_cast<std::int32_t>(engine() % 100);
      life.last = life.first + static_cast<std::int32_t>(engine() % 10);
      life.bytes = engine() % 5000;
    }
    std::sort(lifetimes.begin(), lifetimes.end(),
              [](const Lifetime& a, const Lifetime& b) { return a.first < b.first; });
    const Arena arena = plan_arena(lifetimes);
    std::size_t total = 0;
    for (std::size_t i = 0; i < lifetimes.size(); ++i) {
      total += lifetimes[i].bytes;
      REQUIRE(arena.offsets[i] % 64 == 0);
      REQUIRE(arena.offsets[i] + lifetimes[i].bytes <= arena.bytes);
      for (std::size_t j = 0; j < i; ++j) {
        const bool together =
            lifetimes[i].first <= lifetimes[j].last && lifetimes[j].first <= lifetimes[i].last;
        const bool apart = arena.offsets[i] + lifetimes[i].bytes <= arena.offsets[j] ||
                           arena.offsets[j] + lifetimes[j].bytes <= arena.offsets[i];
        if (together) REQUIRE((apart || lifetimes[i].bytes == 0 || lifetimes[j].bytes == 0));
      }
    }
    CHECK(arena.bytes < total / 2);
  }
}

TEST_CASE("a chain of equal blocks needs two of them", "[memory]") {
  std::vector<Lifetime> chain;
  for (int step = 0; step < 50; ++step) chain.push_back({step, step + 1, 640});
  CHECK(plan_arena(chain).bytes == 2 * 640);
  CHECK(plan_arena({}).bytes == 0);
}
