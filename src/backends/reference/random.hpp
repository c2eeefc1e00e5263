// Random numbers of a node.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// A stream of random numbers: the Mersenne Twister and the same ways from its words to numbers as
/// ONNX's reference evaluator, so that a node with a seed gives what it gives there: the same in
/// each run, on any number of threads and any machine.
class Random {
 public:
  /// The stream of the node's attribute `seed`; without one (or with NaN), one that differs at each
  /// call.
  explicit Random(const KernelContext& context);

  /// Uniform in [0, 1), with 53 bits.
  double uniform() {
    const auto high = static_cast<double>(engine_() >> 5);
    const auto low = static_cast<double>(engine_() >> 6);
    return (high * 0x1p26 + low) * 0x1p-53;
  }
  /// Standard normal, by the polar method (Marsaglia and Bray, "A convenient method for generating
  /// normal variables", 1964), which gives two at a time.
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    double x = 0;
    double y = 0;
    double square = 0;
    while (square >= 1 || square == 0) {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    }
    const double factor = std::sqrt(-2 * std::log(square) / square);
    spare_ = factor * x;
    has_spare_ = true;
    return factor * y;
  }

 private:
  std::mt19937 engine_;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace inlay::inline v0::kernels
