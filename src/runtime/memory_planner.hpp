// Places values in one arena so that values alive at the same time do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

/// One block of memory, needed from step `first` to step `last` inclusive.
struct Lifetime {
  std::int32_t first = 0;
  std::int32_t last = 0;
  std::size_t bytes = 0;
};

struct Arena {
  std::vector<std::size_t> offsets;  ///< per lifetime; multiples of 64
  std::size_t bytes = 0;
};

/// Best-fit over a sweep in time, O(n log n). Lifetimes must be sorted by `first`.
INLAY_API Arena plan_arena(std::span<const Lifetime> lifetimes);

}  // namespace inlay::inline v0
