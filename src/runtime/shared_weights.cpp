#include "runtime/shared_weights.hpp"

#include <algorithm>
#include <unordered_map>

namespace inlay::inline v0 {
namespace {

constexpr std::size_t small_bytes = 4096;  // less is not worth the search, and quick to compare

struct SameAttribute {
  template <class T, class U>
  bool operator()(const T& a, const U& b) const {
    if constexpr (!std::is_same_v<T, U> || std::is_same_v<T, Tensor> ||
                  std::is_same_v<T, std::vector<Tensor>>) {
      return false;
    } else {
      return a == b;
    }
  }
};

bool same(const Attributes& a, const Attributes& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && std::visit(SameAttribute(), x.second, y.second);
  });
}

bool same_elements(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && a.dtype() != DType::string &&
         a.bytes() < small_bytes && a.has_elements() && b.has_elements() &&
         std::equal(static_cast<const std::byte*>(a.data()),
                    static_cast<const std::byte*>(a.data()) + a.bytes(),
                    static_cast<const std::byte*>(b.data()));
}

/// The same constant, or values of the same dtype and as far as known the same size.
bool same_input(const Graph& graph, ValueId a, ValueId b) {
  if (a == b) return true;
  if (a == no_id || b == no_id) return false;
  const ValueInfo &x = graph.value(a), &y = graph.value(b);
  const auto same_size = [](const Dim& p, const Dim& q) { return p.value == q.value; };
  if (x.is_constant() || y.is_constant()) {
    return x.is_constant() && y.is_constant() && same_elements(x.constant, y.constant);
  }
  return x.type.is_tensor() && y.type.is_tensor() && x.type.dtype == y.type.dtype &&
         x.type.has_rank == y.type.has_rank &&
         std::equal(x.type.dims.begin(), x.type.dims.end(), y.type.dims.begin(), y.type.dims.end(),
                    same_size);
}

bool same_packing(const Graph& graph, const Step& a, const Step& b) {
  const Node &x = *a.node, &y = *b.node;
  return a.backend == b.backend && x.op == y.op && x.domain == y.domain && x.version == y.version &&
         std::equal(x.inputs.begin(), x.inputs.end(), y.inputs.begin(), y.inputs.end(),
                    [&](ValueId p, ValueId q) { return same_input(graph, p, q); }) &&
         same(x.attributes, y.attributes);
}

ValueId largest_constant(const Graph& graph, const Node& node) {
  ValueId largest = no_id;
  std::size_t bytes = small_bytes - 1;
  for (const ValueId id : node.inputs) {
    const Tensor* constant = graph.constant(id);
    if (constant == nullptr || constant->bytes() <= bytes) continue;
    largest = id;
    bytes = constant->bytes();
  }
  return largest;
}

}  // namespace

std::vector<std::size_t> first_of_equal_packing(const Graph& graph, std::span<const Step> steps) {
  constexpr std::size_t most_ways = 4;  // in which one constant is packed; bounds the search
  std::vector<std::size_t> first(steps.size());
  std::unordered_map<ValueId, std::vector<std::size_t>> ways;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    first[i] = i;
    const ValueId weights = largest_constant(graph, *steps[i].node);
    if (weights == no_id || !steps[i].subplans.empty()) continue;
    std::vector<std::size_t>& others = ways[weights];
    const auto equal = std::find_if(others.begin(), others.end(), [&](std::size_t other) {
      return same_packing(graph, steps[other], steps[i]);
    });
    if (equal != others.end()) {
      first[i] = *equal;
    } else if (others.size() < most_ways) {
      others.push_back(i);
    }
  }
  return first;
}

}  // namespace inlay::inline v0
