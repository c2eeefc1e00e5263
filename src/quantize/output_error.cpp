#include "quantize/output_error.hpp"

#include <algorithm>
#include <cmath>

namespace inlay::inline v0::quantization {

double relative_error(const Outputs& wanted, const Outputs& got) {
  double largest = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Value& want = wanted.value(i);
    const Value& have = got.value(i);
    if (!want.is_tensor() || want.tensor().dtype() != DType::float32) continue;
    if (want.tensor().shape() != have.tensor().shape()) return INFINITY;
    const auto u = want.tensor().as<float>(), v = have.tensor().as<float>();
    double error = 0, norm = 0;
    for (std::size_t k = 0; k < u.size(); ++k) {
      const double a = u[k], b = v[k];
      if (a != b) error += (b - a) * (b - a);
      norm += a * a;
    }
    if (!(error > 0)) {
      if (std::isnan(error)) return INFINITY;
      continue;
    }
    largest = std::max(largest, norm > 0 ? std::sqrt(error / norm) : INFINITY);
  }
  return largest;
}

}  // namespace inlay::inline v0::quantization
