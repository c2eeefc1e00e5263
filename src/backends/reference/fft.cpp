#include "backends/reference/fft.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace inlay::inline v0::kernels {
namespace {

/// A product without the special cases for infinities that std::complex has.
Complex128 product(const Complex128& a, const Complex128& b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

/// exp(-2 pi i k / n) for k in [0, n); exact at quarter turns and with all symmetries of the
/// circle.
Complex128 root_of_unity(std::int64_t k, std::int64_t n) {
  const std::int64_t quarter = 4 * k / n;
  const std::int64_t rest = 4 * k - quarter * n;
  const bool mirrored = 2 * rest > n;
  const double angle = std::numbers::pi / 2 * static_cast<double>(mirrored ? n - rest : rest) /
                       static_cast<double>(n);
  double x = std::cos(angle);
  double y = std::sin(angle);
  if (mirrored) std::swap(x, y);
  switch (quarter) {
    case 0:
      return {x, -y};
    case 1:
      return {-y, -x};
    case 2:
      return {-x, y};
    default:
      return {y, x};
  }
}

/// The next radix to split `length` by: 4, else the least prime factor; above max_radix, `length`.
std::int64_t next_radix(std::int64_t length) {
  if (length % 4 == 0) return 4;
  for (std::int64_t radix = 2; radix <= MixedRadix::max_radix; ++radix) {
    if (length % radix == 0) return radix;
  }
  return length;
}

}  // namespace

bool MixedRadix::takes(std::int64_t length) {
  while (length > max_radix) {
    const std::int64_t radix = next_radix(length);
    if (radix > max_radix) return false;
    length /= radix;
  }
  return true;
}

MixedRadix::MixedRadix(KernelContext& context, std::int64_t length)
    : context_(&context), roots_(context.scratch<Complex128>(length)) {
  for (std::int64_t k = 0; k < length; ++k) {
    roots_[static_cast<std::size_t>(k)] = root_of_unity(k, length);
  }
  std::size_t level = 0;
  do {
    radix_[level] = next_radix(length);
    length /= radix_[level++];
  } while (length > 1);
}

/// `count` elements of `from`, `step` apart: each radix-th on its own, then the parts together.
void MixedRadix::transform(const Complex128* from, std::int64_t step, Complex128* to,
                           std::int64_t count, std::size_t level) const {
  constexpr std::int64_t long_transform = 1 << 18;
  if (count >= long_transform) context_->check_cancelled();
  const std::int64_t radix = radix_[level];
  const std::int64_t part = count / radix;
  for (std::int64_t q = 0; q < radix; ++q) {
    if (part == 1) {
      to[q] = from[q * step];
    } else {
      transform(from + q * step, step * radix, to + q * part, part, level + 1);
    }
  }
  for (std::int64_t i = 0; i < part; ++i) butterfly(to + i, part, radix, i * step);
}

/// Transforms the `radix` elements that lie `part` apart, after turning number q by q * turn roots.
void MixedRadix::butterfly(Complex128* x, std::int64_t part, std::int64_t radix,
                           std::int64_t turn) const {
  const auto turned = [&](std::int64_t q) {
    return product(x[q * part], roots_[static_cast<std::size_t>(q * turn)]);
  };
  if (radix == 2) {
    const Complex128 t0 = x[0], t1 = turned(1);
    x[0] = t0 + t1;
    x[part] = t0 - t1;
  } else if (radix == 4) {
    const Complex128 t0 = x[0], t1 = turned(1), t2 = turned(2), t3 = turned(3);
    const Complex128 across(t1.imag() - t3.imag(), t3.real() - t1.real());  // -i (t1 - t3)
    x[0] = t0 + t2 + (t1 + t3);
    x[part] = t0 - t2 + across;
    x[2 * part] = t0 + t2 - (t1 + t3);
    x[3 * part] = t0 - t2 - across;
  } else {
    std::array<Complex128, max_radix> all;
    for (std::int64_t q = 0; q < radix; ++q) all[static_cast<std::size_t>(q)] = turned(q);
    const std::int64_t spacing = length() / radix;
    for (std::int64_t k = 0; k < radix; ++k) {
      Complex128 sum = all[0];
      for (std::int64_t q = 1; q < radix; ++q) {
        sum += product(all[static_cast<std::size_t>(q)],
                       roots_[static_cast<std::size_t>(k * q % radix * spacing)]);
      }
      x[k * part] = sum;
    }
  }
}

Fft::Fft(KernelContext& context, std::int64_t length) : length_(length) {
  if (MixedRadix::takes(length)) {
    radix_ = MixedRadix(context, length);
    return;
  }
  const auto padded =
      static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(2 * length - 1)));
  radix_ = MixedRadix(context, padded);
  chirp_ = context.scratch<Complex128>(length);
  spectrum_ = context.scratch<Complex128>(padded);
  const auto both_sides = context.scratch<Complex128>(padded);
  std::fill(both_sides.begin(), both_sides.end(), Complex128());
  std::int64_t square = 0;  // n^2 modulo 2 * length
  for (std::int64_t n = 0; n < length; ++n) {
    const Complex128 root = root_of_unity(square, 2 * length);
    chirp_[static_cast<std::size_t>(n)] = root;
    const Complex128 scaled = std::conj(root) / static_cast<double>(padded);
    both_sides[static_cast<std::size_t>(n)] = scaled;
    both_sides[static_cast<std::size_t>((padded - n) % padded)] = scaled;
    square = (square + 2 * n + 1) % (2 * length);
  }
  radix_.forward(both_sides.data(), spectrum_.data());
}

void Fft::forward(const Complex128* from, Complex128* to, Complex128* work) const {
  if (chirp_.empty()) return radix_.forward(from, to);
  const std::span signal(work, spectrum_.size());
  const std::span transformed(work + spectrum_.size(), spectrum_.size());
  std::fill(signal.begin(), signal.end(), Complex128());
  std::transform(chirp_.begin(), chirp_.end(), from, signal.begin(), product);
  radix_.forward(signal.data(), transformed.data());
  // The inverse transform, as the conjugate of the forward one of the conjugate.
  for (std::size_t k = 0; k < transformed.size(); ++k) {
    transformed[k] = std::conj(product(transformed[k], spectrum_[k]));
  }
  radix_.forward(transformed.data(), signal.data());
  for (std::size_t k = 0; k < chirp_.size(); ++k) {
    to[k] = product(chirp_[k], std::conj(signal[k]));
  }
}

}  // namespace inlay::inline v0::kernels
