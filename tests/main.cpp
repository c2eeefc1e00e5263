#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <cstdio>

#include "inlay/backend.hpp"

int main(int argc, char** argv) {
  // A rerun for an instruction set that this machine lacks says so and counts as skipped.
  if (const auto registry = inlay::try_call([] { return inlay::Registry::create(); }); !registry) {
    std::printf("skipped: %s\n", registry.error().what());
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
