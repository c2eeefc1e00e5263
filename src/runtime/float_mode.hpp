// What a thread's floating-point unit does with rounding and subnormal numbers.
#pragma once

#include <cstdint>

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace inlay::inline v0 {

/// The control bits of this thread; 0 where the processor is not one that is known here.
inline std::uint64_t float_mode() noexcept {
#if defined(__SSE2__) || defined(_M_X64)
  constexpr std::uint32_t status = 0x3f;  // exceptions that happened
  return _mm_getcsr() & ~status;
#elif defined(__aarch64__) && defined(__GNUC__)
  std::uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
#else
  return 0;
#endif
}

/// Bits of float_mode(): subnormal operands and results count as zero.
#if defined(__SSE2__) || defined(_M_X64)
inline constexpr std::uint64_t subnormals_as_zero = 0x8040;
#elif defined(__aarch64__) && defined(__GNUC__)
inline constexpr std::uint64_t subnormals_as_zero = std::uint64_t{1} << 24;
#else
inline constexpr std::uint64_t subnormals_as_zero = 0;
#endif

/// This thread computes in `mode` until the end of the scope.
class ScopedFloatMode {
 public:
  explicit ScopedFloatMode(std::uint64_t mode) noexcept : before_(float_mode()), mode_(mode) {
    if (mode_ != before_) set(mode_);
  }
  ~ScopedFloatMode() {
    if (mode_ != before_) set(before_);
  }
  ScopedFloatMode(const ScopedFloatMode&) = delete;
  ScopedFloatMode& operator=(const ScopedFloatMode&) = delete;

 private:
  static void set([[maybe_unused]] std::uint64_t mode) noexcept {
#if defined(__SSE2__) || defined(_M_X64)
    _mm_setcsr(static_cast<std::uint32_t>(mode));
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#endif
  }

  std::uint64_t before_, mode_;
};

}  // namespace inlay::inline v0
