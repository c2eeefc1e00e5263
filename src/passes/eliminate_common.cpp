// Common subexpressions: of nodes that compute the same, the first computes it for all. Small equal
// constants become one first, so that nodes over them are seen to be equal.
#include <algorithm>
#include <unordered_map>

#include "passes/editor.hpp"
#include "passes/pipeline.hpp"

namespace inlay::inline v0::passes {
namespace {

constexpr std::size_t compared_bytes = 4096;  // larger constants are compared by address alone

std::size_t combine(std::size_t seed, std::size_t hash) {
  return seed ^ (hash + 0x9e3779b97f4a7c15u + (seed << 6) + (seed >> 2));
}

std::size_t hash_bytes(const void* data, std::size_t bytes) {
  return std::hash<std::string_view>()({static_cast<const char*>(data), bytes});
}

bool is_small_number(const Tensor& tensor) {
  return tensor.dtype() != DType::string && tensor.bytes() <= compared_bytes &&
         tensor.has_elements();
}

std::size_t hash_of(const Tensor& tensor) {
  std::size_t hash = static_cast<std::size_t>(tensor.dtype());
  for (const std::int64_t dim : tensor.shape()) hash = combine(hash, static_cast<std::size_t>(dim));
  if (!is_small_number(tensor)) return combine(hash, std::hash<const void*>()(tensor.data()));
  return combine(hash, hash_bytes(tensor.data(), tensor.bytes()));
}

bool same(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.data() == b.data()) return true;
  return is_small_number(a) && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

struct SameAttribute {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a == b;
  }
  bool operator()(float a, float b) const { return std::bit_cast<int>(a) == std::bit_cast<int>(b); }
  bool operator()(const Tensor& a, const Tensor& b) const { return same(a, b); }
  bool operator()(const std::vector<Tensor>& a, const std::vector<Tensor>& b) const {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Tensor& x, const Tensor& y) { return same(x, y); });
  }
  template <class T, class U>
  bool operator()(const T&, const U&) const {
    return false;
  }
};

bool same(const Attributes& a, const Attributes& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && std::visit(SameAttribute(), x.second, y.second);
  });
}

/// Lists of tensors, graphs and types are left out: equal attributes have equal hashes all the
/// same.
struct HashAttribute {
  template <class T>
  std::size_t operator()(const T& value) const {
    if constexpr (std::is_same_v<T, Tensor>) {
      return hash_of(value);
    } else if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, float>) {
      return hash_bytes(&value, sizeof value);
    } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>> ||
                         std::is_same_v<T, std::vector<float>>) {
      return hash_bytes(value.data(), value.size() * sizeof value[0]);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return std::hash<std::string>()(value);
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      std::size_t hash = value.size();
      for (const std::string& text : value) hash = combine(hash, (*this)(text));
      return hash;
    } else {
      return 0;
    }
  }
};

std::size_t hash_of(const Node& node) {
  std::size_t hash = std::hash<std::string>()(node.op);
  hash = combine(hash, std::hash<std::string>()(node.domain));
  for (const ValueId input : node.inputs) hash = combine(hash, static_cast<std::size_t>(input));
  for (const auto& [key, attribute] : node.attributes) {
    hash = combine(hash, std::hash<std::string>()(key));
    hash = combine(hash, std::visit(HashAttribute(), attribute));
  }
  return hash;
}

bool same(const Node& a, const Node& b) {
  const auto same_outputs = [](ValueId x, ValueId y) { return (x == no_id) == (y == no_id); };
  return a.op == b.op && a.domain == b.domain && a.version == b.version && a.inputs == b.inputs &&
         std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(),
                    same_outputs) &&
         same(a.attributes, b.attributes);
}

/// Calls keep(first, later) for each item equal to an earlier one.
template <class Same, class Keep>
class Classes {
 public:
  Classes(Same is_same, Keep keep) : is_same_(std::move(is_same)), keep_(std::move(keep)) {}
  void add(std::size_t hash, std::int32_t item) {
    const auto [first, last] = items_.equal_range(hash);
    for (auto it = first; it != last; ++it) {
      if (is_same_(it->second, item)) return keep_(it->second, item);
    }
    items_.emplace(hash, item);
  }

 private:
  Same is_same_;
  Keep keep_;
  std::unordered_multimap<std::size_t, std::int32_t> items_;
};

bool has_graph(const Node& node) {
  bool found = false;
  for_each_subgraph(node, [&](const Graph&) { found = true; });
  return found;
}

}  // namespace

void eliminate_common(Graph& graph, const PassContext& context) {
  Editor editor(graph);
  Classes constants(
      [&](ValueId a, ValueId b) { return same(graph.value(a).constant, graph.value(b).constant); },
      [&](ValueId first, ValueId later) { editor.replace(later, first); });
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    if (graph.values[i].is_constant() && !editor.is_output(id)) {
      constants.add(hash_of(graph.values[i].constant), id);
    }
  }
  Classes nodes([&](NodeId a, NodeId b) { return same(graph.node(a), graph.node(b)); },
                [&](NodeId first, NodeId later) {
                  const std::vector<ValueId> values = graph.node(first).outputs;
                  const std::vector<ValueId>& outputs = graph.node(later).outputs;
                  const bool named = std::any_of(outputs.begin(), outputs.end(), [&](ValueId id) {
                    return id != no_id && editor.is_output(id);
                  });
                  if (!named) editor.substitute(later, values);
                });
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.dead() || has_graph(node)) continue;
    const OpSchema* schema = context.registry.find_op(node.domain, node.op, node.version);
    if (schema == nullptr || has(schema->traits, Trait::nondeterministic)) continue;
    nodes.add(hash_of(node), static_cast<NodeId>(i));
  }
}

}  // namespace inlay::inline v0::passes
