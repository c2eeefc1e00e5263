// The clock of profiles.
#pragma once

#include <chrono>
#include <cstdint>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

/// Nanoseconds since some moment.
inline std::int64_t now() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace inlay::inline v0
