// Counts what the process allocates while a counter is alive.
#pragma once

#include <cstddef>

namespace inlay::test {

class AllocationCounter {
 public:
  AllocationCounter() noexcept;
  ~AllocationCounter();
  /// Allocations since construction, on any thread.
  std::size_t count() const noexcept;
};

}  // namespace inlay::test
