// Rows of floats on their way into products with weights of few bits.
//
// Where bytes are multiplied in bulk, a row becomes integers of 24 bits relative to the largest
// number of its block, as three signed bytes each: three times the exact products of bytes cost
// less than turning every code into a float. What is rounded is within 2^-23 of the largest number.
#pragma once

#include <inlay/kernels/gemm_blocking.hpp>
#include <inlay/kernels/nbits_problem.hpp>

namespace inlay::inline v0::kernels {

/// Whether rows become integers.
template <class A>
INLAY_INLINE constexpr bool nbits_has_digits(int bits) {
  return bits == 4 && (is_avx2<A> || is_avx512<A>);
}
inline constexpr int nbits_digits = 3;

/// Words of one block of a prepared row: its scale, its sum with the sign changed, the numbers.
INLAY_INLINE constexpr std::int64_t nbits_row_block_words(const NbitsShape& shape) {
  return 2 + shape.block;
}
INLAY_INLINE constexpr std::int64_t nbits_row_words(const NbitsShape& shape) {
  return shape.blocks() * nbits_row_block_words(shape);
}

namespace detail {

/// The power of two that brings numbers of at most the magnitude `bits` into 24-bit integers.
struct DigitScale {
  float up, down;

  INLAY_INLINE explicit DigitScale(std::uint32_t bits) {
    constexpr std::uint32_t largest = 0x7F7F7F;  // that three signed bytes hold
    std::uint32_t exponent = bits >> 23 < 23 ? 23 : bits >> 23;
    if ((bits & 0x7FFFFF) >= 2 * (largest - (1u << 22))) ++exponent;
    const std::uint32_t up_bits = (276 - exponent) << 23, down_bits = (exponent - 22) << 23;
    std::memcpy(&up, &up_bits, sizeof up);
    std::memcpy(&down, &down_bits, sizeof down);
  }
};

/// Writes a block as words of four signed bytes: for each eight numbers three words of the even
/// ones, from the least significant bytes on, and three of the odd ones.
template <class A>
INLAY_INLINE void nbits_put_digits(const float* x, std::int64_t block, std::uint32_t largest,
                                   std::uint32_t* to) {
  constexpr std::uint32_t flip = 0x808080;  // turns bytes with carries into signed ones
  const DigitScale scale(largest);
  std::uint32_t digits[max_nbits_block];
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < block; ++i) {
    const float scaled = x[i] * scale.up;
    const auto q = static_cast<std::int32_t>(scaled + (scaled < 0 ? -0.5f : 0.5f));
    sum += q;
    digits[i] = (static_cast<std::uint32_t>(q) + flip) ^ flip;
  }
  const float minus_sum = -static_cast<float>(sum) * scale.down;
  std::memcpy(to, &scale.down, sizeof *to);
  std::memcpy(to + 1, &minus_sum, sizeof *to);
  to += 2;
  for (std::int64_t i = 0; i < block; i += 8) {
    for (std::int64_t odd = 0; odd < 2; ++odd) {
      const std::uint32_t* q = digits + i + odd;
      for (int d = 0; d < nbits_digits; ++d) {
        const auto byte = [&](int n) { return (q[2 * n] >> 8 * d & 0xFF) << 8 * n; };
        *to++ = byte(0) | byte(1) | byte(2) | byte(3);
      }
    }
  }
}

/// Writes a block of floats, each divided by the weight of its code's place within 16 bits.
template <class A>
INLAY_INLINE void nbits_put_floats(const float* x, std::int64_t block, int bits,
                                   std::uint32_t* to) {
  const float step = bits == 4 ? 1.0f / 16 : 1.0f / 256;
  const float factors[4] = {1, step, bits == 4 ? step * step : 1,
                            bits == 4 ? step * step * step : step};
  float sums[4] = {}, scaled[max_nbits_block];
  for (std::int64_t i = 0; i < block; i += 4) {
    for (int j = 0; j < 4; ++j) {
      sums[j] += x[i + j];
      scaled[i + j] = x[i + j] * factors[j];
    }
  }
  const float head[2] = {1.0f, -((sums[0] + sums[1]) + (sums[2] + sums[3]))};
  std::memcpy(to, head, sizeof head);
  std::memcpy(to + 2, scaled, static_cast<std::size_t>(block) * sizeof *scaled);
}

}  // namespace detail

/// Prepares a row of k numbers for nbits_gemv: nbits_row_words words. False where a number is not
/// finite; such rows must go through nbits_gemm_task.
template <class A>
INLAY_FLATTEN bool nbits_prepare_row(const NbitsShape& shape, const float* row, std::uint32_t* to) {
  float last[max_nbits_block];
  for (std::int64_t k = 0; k < shape.k; k += shape.block, to += nbits_row_block_words(shape)) {
    const float* x = row + k;
    if (k + shape.block > shape.k) {
      for (std::int64_t i = 0; i < shape.block; ++i) last[i] = k + i < shape.k ? x[i] : 0.0f;
      x = last;
    }
    std::uint32_t largest = 0;
    for (std::int64_t i = 0; i < shape.block; ++i) {
      std::uint32_t bits;
      std::memcpy(&bits, x + i, sizeof bits);
      bits &= 0x7FFFFFFF;
      largest = largest < bits ? bits : largest;
    }
    if (largest >= 0x7F800000) return false;
    if (nbits_has_digits<A>(shape.bits)) {
      detail::nbits_put_digits<A>(x, shape.block, largest, to);
    } else {
      detail::nbits_put_floats<A>(x, shape.block, shape.bits, to);
    }
  }
  return true;
}

}  // namespace inlay::inline v0::kernels
