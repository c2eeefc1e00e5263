#include "quantize/coded_weights.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/storage.hpp"
#include "inlay/error.hpp"

namespace inlay::inline v0::quantization {

CodedWeights code_weights(const Tensor& weights, int axis) {
  const kernels::AxisSplit split = kernels::split_axis(weights.shape(), axis);
  CodedWeights result{Tensor(DType::int8, weights.shape()), Tensor(DType::float32, {split.axis})};
  const auto from = weights.as<float>();
  if (!std::all_of(from.begin(), from.end(), [](float w) { return std::isfinite(w); })) {
    throw Error(ErrorCode::invalid_argument, "weights must be finite");
  }
  const auto codes = result.codes.as_mutable<std::int8_t>();
  const auto scales = result.scales.as_mutable<float>();
  constexpr float most = 127;
  const auto for_channel = [&](std::int64_t channel, auto&& f) {
    for (std::int64_t outer = 0; outer < split.outer; ++outer) {
      for (std::int64_t inner = 0; inner < split.inner; ++inner) {
        f(static_cast<std::size_t>((outer * split.axis + channel) * split.inner + inner));
      }
    }
  };
  for (std::int64_t channel = 0; channel < split.axis; ++channel) {
    float largest = 0;
    for_channel(channel, [&](std::size_t i) { largest = std::max(largest, std::abs(from[i])); });
    float scale = largest / most;
    if (!(scale >= std::numeric_limits<float>::min())) scale = 1;
    scales[static_cast<std::size_t>(channel)] = scale;
    for_channel(channel, [&](std::size_t i) {
      codes[i] = static_cast<std::int8_t>(std::clamp(std::nearbyint(from[i] / scale), -most, most));
    });
  }
  return result;
}

}  // namespace inlay::inline v0::quantization
