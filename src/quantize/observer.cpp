#include "quantize/observer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "inlay/error.hpp"

namespace inlay::inline v0::quantization {
namespace {

constexpr double codes = 255;  // steps between the first code and the last

}  // namespace

CodeScale code_scale(Range range) {
  const float low = std::min(range.low, 0.0f), high = std::max(range.high, 0.0f);
  CodeScale result;
  const double width = static_cast<double>(high) - static_cast<double>(low);
  // A value that is nothing but zeros, or nearly so, gets any scale.
  result.scale = static_cast<float>(width / codes);
  if (!(result.scale >= std::numeric_limits<float>::min())) return {};
  const double zero = std::nearbyint(-static_cast<double>(low) / result.scale);
  result.zero_point = static_cast<std::uint8_t>(std::clamp(zero, 0.0, codes));
  return result;
}

void ValueObserver::see_extremes(std::span<const float> values) {
  if (values.empty()) return;
  Range seen{values[0], values[0]};
  for (const float x : values) {
    if (!std::isfinite(x)) {
      throw Error(ErrorCode::invalid_argument, "calibration met a number that is not finite");
    }
    seen.low = std::min(seen.low, x), seen.high = std::max(seen.high, x);
  }
  constexpr float weight = 0.1f;
  if (!is_seen_) {
    extremes_ = averaged_ = seen;
  } else {
    extremes_ = {std::min(extremes_.low, seen.low), std::max(extremes_.high, seen.high)};
    averaged_.low += weight * (seen.low - averaged_.low);
    averaged_.high += weight * (seen.high - averaged_.high);
  }
  is_seen_ = true;
}

double ValueObserver::bin_width() const {
  return (static_cast<double>(extremes_.high) - extremes_.low) / bin_count;
}

void ValueObserver::see_histogram(std::span<const float> values) {
  bins_.resize(bin_count);
  const double width = bin_width();
  if (!(width > 0)) return;
  count_ += values.size();
  for (const float x : values) {
    const double place = (static_cast<double>(x) - extremes_.low) / width;
    ++bins_[static_cast<std::size_t>(std::clamp(place, 0.0, bin_count - 1.0))];
  }
}

Range ValueObserver::range() const {
  const bool is_flat = !(bin_width() > 0);
  if (kind_ == Observer::moving_average) return averaged_;
  if (kind_ == Observer::min_max || is_flat || bins_.empty()) return extremes_;
  if (kind_ == Observer::percentile) return percentile();
  return kind_ == Observer::mse ? least_error() : least_divergence();
}

Range ValueObserver::percentile() const {
  constexpr double left_out = 1e-4;
  const auto most = static_cast<std::uint64_t>(static_cast<double>(count_) * left_out / 2);
  std::size_t first = 0, last = bin_count;
  for (std::uint64_t n = 0; first + 1 < last && (n += bins_[first]) <= most;) ++first;
  for (std::uint64_t n = 0; last > first + 1 && (n += bins_[last - 1]) <= most;) --last;
  const double width = bin_width();
  return {static_cast<float>(extremes_.low + static_cast<double>(first) * width),
          static_cast<float>(extremes_.low + static_cast<double>(last) * width)};
}

namespace {

/// The ranges to choose from: both ends drawn in by the same share, each not past zero.
Range drawn_in(Range all, int step, int steps) {
  const float share = 1.0f - static_cast<float>(step) / static_cast<float>(steps);
  return {all.low < 0 ? all.low * share : all.low, all.high > 0 ? all.high * share : all.high};
}

constexpr int candidate_steps = 100, candidate_count = 80;
/// Few samples leave bins so sparse that their divergence says little of what is cut off.
constexpr double most_outside = 1e-3;

}  // namespace

Range ValueObserver::least_error() const {
  Range best = extremes_;
  double least = std::numeric_limits<double>::infinity();
  const double width = bin_width();
  for (int step = 0; step < candidate_count; ++step) {
    const Range range = drawn_in(extremes_, step, candidate_steps);
    const CodeScale by = code_scale(range);
    double error = 0;
    for (std::size_t i = 0; i < bin_count; ++i) {
      const double x = extremes_.low + (static_cast<double>(i) + 0.5) * width;
      const double code = std::clamp(std::nearbyint(x / by.scale) + by.zero_point, 0.0, codes);
      const double moved = (code - by.zero_point) * by.scale - x;
      error += moved * moved * static_cast<double>(bins_[i]);
    }
    if (error < least) least = error, best = range;
  }
  return best;
}

Range ValueObserver::least_divergence() const {
  Range best = extremes_;
  double least = std::numeric_limits<double>::infinity();
  const double width = bin_width();
  std::vector<double> clipped(bin_count), shared(bin_count);
  for (int step = 0; step < candidate_count; ++step) {
    const Range range = drawn_in(extremes_, step, candidate_steps);
    const CodeScale by = code_scale(range);
    // The distribution with what lies outside moved to the ends, and the same with the bins of each
    // code sharing what the code got.
    std::vector<double> of_code(256, 0.0), bins_of_code(256, 0.0);
    std::fill(clipped.begin(), clipped.end(), 0.0);
    const auto place = [&](double x) {
      const double at = (x - extremes_.low) / width;
      return static_cast<std::size_t>(std::clamp(at, 0.0, bin_count - 1.0));
    };
    const std::size_t first = place(range.low), last = place(range.high - 1e-6 * width);
    const auto code_of = [&](std::size_t i) {
      const double x = extremes_.low + (static_cast<double>(i) + 0.5) * width;
      return static_cast<std::size_t>(
          std::clamp(std::nearbyint(x / by.scale) + by.zero_point, 0.0, codes));
    };
    for (std::size_t i = 0; i < bin_count; ++i) {
      const auto count = static_cast<double>(bins_[i]);
      clipped[std::clamp(i, first, last)] += count;
      if (i < first || i > last) continue;
      of_code[code_of(i)] += count;
      bins_of_code[code_of(i)] += bins_[i] != 0 ? 1 : 0;
    }
    std::uint64_t outside = 0;
    for (std::size_t i = 0; i < bin_count; ++i) outside += i < first || i > last ? bins_[i] : 0;
    if (static_cast<double>(outside) > most_outside * static_cast<double>(count_)) break;
    double total = 0, total_shared = 0;
    for (std::size_t i = first; i <= last; ++i) {
      const std::size_t code = code_of(i);
      shared[i] = bins_[i] != 0 ? of_code[code] / bins_of_code[code] : 0;
      total += clipped[i], total_shared += shared[i];
    }
    if (!(total > 0) || !(total_shared > 0)) continue;
    constexpr double unseen = 1e-9;  // instead of a probability of zero
    double divergence = 0;
    for (std::size_t i = first; i <= last; ++i) {
      const double p = clipped[i] / total, q = std::max(shared[i] / total_shared, unseen);
      if (p > 0) divergence += p * std::log(p / q);
    }
    if (divergence < least) least = divergence, best = range;
  }
  return best;
}

}  // namespace inlay::inline v0::quantization
