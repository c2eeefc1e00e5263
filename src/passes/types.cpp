#include "passes/types.hpp"

#include <algorithm>

namespace inlay::inline v0::passes {

bool same_shape(const Type& a, const Type& b) {
  return a.is_tensor() && b.is_tensor() && a.has_rank && b.has_rank &&
         std::equal(a.dims.begin(), a.dims.end(), b.dims.begin(), b.dims.end(),
                    [](const Dim& x, const Dim& y) { return x.same_as(y); });
}

std::optional<std::vector<std::int64_t>> integers(const Graph& graph, ValueId value) {
  const Tensor* tensor = graph.constant(value);
  if (tensor == nullptr) return std::nullopt;
  const auto list = [](auto elements) {
    return std::vector<std::int64_t>(elements.begin(), elements.end());
  };
  if (tensor->dtype() == DType::int64) return list(tensor->as<std::int64_t>());
  if (tensor->dtype() == DType::int32) return list(tensor->as<std::int32_t>());
  return std::nullopt;
}

std::optional<std::vector<std::int64_t>> reshape_target(const Type& type) {
  if (!type.is_tensor() || !type.has_rank) return std::nullopt;
  std::vector<std::int64_t> target;
  for (const Dim& dim : type.dims) {
    if (dim.value == 0) return std::nullopt;
    target.push_back(dim.known() ? dim.value : -1);
  }
  if (std::count(target.begin(), target.end(), -1) > 1) return std::nullopt;
  return target;
}

}  // namespace inlay::inline v0::passes
