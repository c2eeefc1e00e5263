// A product for tests of what changes its weights: inputs whose columns depend on each other.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace inlay::test {

inline std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Inputs whose columns depend on each other, weights, and the inputs' Hessian.
struct ProductLayer {
  std::int64_t n, k, samples = 64;
  std::vector<double> x;
  std::vector<float> weights;
  std::vector<double> hessian;

  ProductLayer(std::int64_t columns, std::int64_t depth, std::uint32_t seed = 1)
      : n(columns), k(depth) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> draw;
    for (std::int64_t i = 0; i < samples; ++i) {
      double shared = draw(engine);
      for (std::int64_t j = 0; j < k; ++j) {
        shared = 0.9 * shared + 0.4 * draw(engine);
        x.push_back(shared);
      }
    }
    for (std::int64_t i = 0; i < n * k; ++i) weights.push_back(static_cast<float>(draw(engine)));
    multiply();
  }

  void multiply() {
    hessian.assign(index(k * k), 0);
    for (std::int64_t s = 0; s < samples; ++s) {
      for (std::int64_t i = 0; i < k; ++i) {
        for (std::int64_t j = 0; j < k; ++j) {
          hessian[index(i * k + j)] += x[index(s * k + i)] * x[index(s * k + j)];
        }
      }
    }
  }

  /// The square of the norm of X times what the weights were changed by.
  double loss(const std::vector<float>& changed) const {
    double sum = 0;
    for (std::int64_t s = 0; s < samples; ++s) {
      for (std::int64_t row = 0; row < n; ++row) {
        double error = 0;
        for (std::int64_t j = 0; j < k; ++j) {
          const std::size_t at = index(row * k + j);
          error += x[index(s * k + j)] *
                   (static_cast<double>(weights[at]) - static_cast<double>(changed[at]));
        }
        sum += error * error;
      }
    }
    return sum;
  }
};

}  // namespace inlay::test
