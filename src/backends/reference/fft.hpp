// The discrete Fourier transform of one line.
#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <span>

#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

using Complex128 = std::complex<double>;

/// Transforms whose length has small prime factors only, by mixed radix (Cooley and Tukey).
class MixedRadix {
 public:
  static constexpr std::int64_t max_radix = 31;

  MixedRadix() = default;
  /// Tables lie in the context's scratch memory.
  MixedRadix(KernelContext& context, std::int64_t length);

  /// Whether `length` (1 or more) has no prime factor above max_radix.
  static bool takes(std::int64_t length);

  std::int64_t length() const noexcept { return std::ssize(roots_); }
  /// See Fft::forward.
  void forward(const Complex128* from, Complex128* to) const {
    transform(from, 1, to, length(), 0);
  }

 private:
  void transform(const Complex128* from, std::int64_t step, Complex128* to, std::int64_t count,
                 std::size_t level) const;
  void butterfly(Complex128* x, std::int64_t part, std::int64_t radix, std::int64_t turn) const;

  const KernelContext* context_ = nullptr;
  std::span<Complex128> roots_;           // exp(-2 pi i k / length)
  std::array<std::int64_t, 64> radix_{};  // of each level, their product is the length
};

/// Transforms of one length, any length, in O(n log n) and double precision. A length with a large
/// prime factor is done as a convolution over a power of two (Bluestein, "A linear filtering
/// approach to the computation of discrete Fourier transform", 1970).
class Fft {
 public:
  /// `length`: 1 or more. Tables lie in the context's scratch memory. Errors: limit, out_of_memory.
  Fft(KernelContext& context, std::int64_t length);

  std::int64_t length() const noexcept { return length_; }
  /// Elements of working memory that one transform needs.
  std::int64_t workspace() const noexcept { return chirp_.empty() ? 0 : 2 * radix_.length(); }

  /// to[k] = the sum over n of from[n] exp(-2 pi i k n / length). `from` and `to` are apart. May be
  /// called by several threads at once.
  void forward(const Complex128* from, Complex128* to, Complex128* work) const;

 private:
  std::int64_t length_;
  MixedRadix radix_;                // of this length, or of the convolution's
  std::span<Complex128> chirp_;     // exp(-pi i n^2 / length); empty where no convolution is needed
  std::span<Complex128> spectrum_;  // of the conjugate chirp on both sides of 0, over its length
};

}  // namespace inlay::inline v0::kernels
