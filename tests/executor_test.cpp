#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "inlay/inlay.hpp"

using namespace inlay;

namespace {

std::vector<std::shared_ptr<Executor>> executors() {
  std::vector<std::shared_ptr<Executor>> all{inline_executor(), thread_pool(2), thread_pool(4)};
  if (const auto openmp = try_call([] { return openmp_executor(3); }))
    all.push_back(openmp.value());
  return all;
}

}  // namespace

TEST_CASE("every executor runs each task once, no two under one worker", "[executor]") {
  for (const auto& executor : executors()) {
    std::vector<std::atomic<int>> runs(1000);
    std::vector<std::atomic<int>> inside(static_cast<std::size_t>(executor->concurrency()));
    std::atomic<bool> clash = false;
    for (int repeat = 0; repeat < 50; ++repeat) {
      executor->parallel_for(1000, [&](std::int64_t i, int worker) {
        if (inside[static_cast<std::size_t>(worker)].fetch_add(1) != 0) clash = true;
        runs[static_cast<std::size_t>(i)].fetch_add(1);
        inside[static_cast<std::size_t>(worker)].fetch_sub(1);
      });
    }
    CHECK_FALSE(clash);
    for (const auto& count : runs) CHECK(count == 50);
    executor->parallel_for(0, [&](std::int64_t, int) { clash = true; });
    CHECK_FALSE(clash);
  }
}

TEST_CASE("executors run any number of tasks", "[executor]") {
  for (const auto& executor : executors()) {
    for (std::int64_t count = 1; count <= 13; ++count) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      executor->parallel_for(count,
                             [&](std::int64_t i, int) { ++runs[static_cast<std::size_t>(i)]; });
      for (const auto& times : runs) CHECK(times == 1);
    }
  }
}

TEST_CASE("a pool serves callers on several threads at once", "[executor]") {
  const auto pool = thread_pool(3);
  std::atomic<std::int64_t> total = 0;
  const auto work = [&] {
    for (int repeat = 0; repeat < 200; ++repeat) {
      pool->parallel_for(10, [&](std::int64_t i, int) { total += i; });
    }
  };
  std::thread a(work), b(work);
  work();
  a.join();
  b.join();
  CHECK(total == 3 * 200 * 45);
}

TEST_CASE("executors refuse impossible sizes", "[executor]") {
  CHECK_THROWS_AS(thread_pool(0), Error);
  CHECK_THROWS_AS(thread_pool(5000), Error);
  CHECK(thread_pool(1)->concurrency() == 1);
}
