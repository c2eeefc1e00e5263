// How much memory this process had at most.
#pragma once

#include <cstdint>

namespace inlay::cli {

/// Bytes of the largest resident set so far; 0 where the system does not tell.
std::uint64_t peak_memory();

}  // namespace inlay::cli
