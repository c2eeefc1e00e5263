// Moving some channels of each pixel.
#pragma once

#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {

/// Copies `count` floats for each of `pixels`.
inline void copy_channels(std::int64_t count, std::int64_t pixels, const float* from,
                          std::int64_t from_step, float* to, std::int64_t to_step) {
  const auto copy = [&](auto size) {
    for (std::int64_t i = 0; i < pixels; ++i, from += from_step, to += to_step) {
      for (std::int64_t c = 0; c < size; ++c) to[c] = from[c];
    }
  };
  // Blocks of the instruction sets that there are: moves of whole registers.
  if (count == 16) return copy(std::integral_constant<std::int64_t, 16>());
  if (count == 8) return copy(std::integral_constant<std::int64_t, 8>());
  if (count == 4) return copy(std::integral_constant<std::int64_t, 4>());
  copy(count);
}

}  // namespace inlay::inline v0::cpu
