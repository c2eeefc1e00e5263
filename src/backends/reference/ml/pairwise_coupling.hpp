// Probabilities of classes from probabilities of pairs of classes.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

namespace inlay::inline v0::kernels {

/// Estimates the probability of each class from `pairs`, [classes, classes], where element (i, j)
/// is the probability of i if it is either i or j: the second method of Wu, Lin and Weng,
/// "Probability estimates for multi-class classification by pairwise coupling" (2004), with its
/// usual tolerance, which the result depends on. `work` has room for classes * (classes + 1)
/// numbers.
inline void couple(std::span<const double> pairs, std::span<double> work, std::span<double> p) {
  const std::size_t n = p.size();
  const auto q = work.first(n * n), qp = work.subspan(n * n, n);
  for (std::size_t i = 0; i < n; ++i) {
    q[i * n + i] = 0;
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      q[i * n + i] += pairs[j * n + i] * pairs[j * n + i];
      q[i * n + j] = -pairs[j * n + i] * pairs[i * n + j];
    }
    p[i] = 1 / static_cast<double>(n);
  }
  const double tolerance = 0.005 / static_cast<double>(n);
  for (std::size_t round = 0; round < std::max<std::size_t>(100, n); ++round) {
    double pqp = 0;
    for (std::size_t i = 0; i < n; ++i) {
      qp[i] = 0;
      for (std::size_t j = 0; j < n; ++j) qp[i] += q[i * n + j] * p[j];
      pqp += p[i] * qp[i];
    }
    const auto is_near = [&](double value) { return std::abs(value - pqp) < tolerance; };
    if (std::all_of(qp.begin(), qp.end(), is_near)) return;
    for (std::size_t i = 0; i < n; ++i) {
      const double step = (pqp - qp[i]) / q[i * n + i];
      pqp = (pqp + step * (step * q[i * n + i] + 2 * qp[i])) / ((1 + step) * (1 + step));
      p[i] += step;
      for (std::size_t j = 0; j < n; ++j) {
        qp[j] = (qp[j] + step * q[i * n + j]) / (1 + step);
        p[j] /= 1 + step;
      }
    }
  }
}

}  // namespace inlay::inline v0::kernels
