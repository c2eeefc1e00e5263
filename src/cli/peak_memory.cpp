#include "peak_memory.hpp"

#if __has_include(<sys/resource.h>)
#include <sys/resource.h>
#endif

namespace inlay::cli {

std::uint64_t peak_memory() {
#if __has_include(<sys/resource.h>)
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto peak = static_cast<std::uint64_t>(usage.ru_maxrss);
#if defined(__APPLE__)
  return peak;
#else
  return peak * 1024;
#endif
#else
  return 0;
#endif
}

}  // namespace inlay::cli
