// Whether two graphs are the same but for the numbers of their values and the types of inner ones.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <map>

#include "inlay/graph.hpp"

namespace inlay::test {

inline bool same(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape())) return false;
  if (a.dtype() != DType::string) {
    return a.bytes() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0;
  }
  const auto x = a.as<std::string>(), y = b.as<std::string>();
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

inline void check_same_graph(const Graph& a, const Graph& b);

inline void check_same(const Attribute& a, const Attribute& b) {
  REQUIRE(a.index() == b.index());
  std::visit(
      [&]<class T>(const T& x) {
        const T& y = std::get<T>(b);
        if constexpr (std::is_same_v<T, Tensor>) {
          CHECK(same(x, y));
        } else if constexpr (std::is_same_v<T, std::shared_ptr<Graph>>) {
          check_same_graph(*x, *y);
        } else if constexpr (std::is_same_v<T, std::vector<Tensor>>) {
          CHECK(std::equal(x.begin(), x.end(), y.begin(), y.end(),
                           [](const Tensor& p, const Tensor& q) { return same(p, q); }));
        } else if constexpr (std::is_same_v<T, std::vector<std::shared_ptr<Graph>>>) {
          REQUIRE(x.size() == y.size());
          for (std::size_t i = 0; i < x.size(); ++i) check_same_graph(*x[i], *y[i]);
        } else if constexpr (std::is_floating_point_v<T>) {
          CHECK(std::memcmp(&x, &y, sizeof x) == 0);  // NaN is itself
        } else {
          CHECK(x == y);
        }
      },
      a);
}

/// Constants that a node, a subgraph or an output of the graph sees, by name.
inline std::map<std::string, Tensor> seen_constants(const Graph& graph) {
  std::vector<ValueId> seen = graph.outputs;
  for (const Node& node : graph.nodes) {
    for (const ValueId id : graph.reads(node)) seen.push_back(id);
  }
  std::map<std::string, Tensor> found;
  for (const ValueId id : seen) {
    if (const Tensor* tensor = graph.constant(id)) found.emplace(graph.value(id).name, *tensor);
  }
  return found;
}

/// The listing without types of nodes' outputs: writing infers them.
inline std::string listing(Graph graph) {
  for (ValueInfo& value : graph.values) {
    if (value.producer != no_id) value.type = {};
  }
  return graph.print();
}

inline void check_same_graph(const Graph& a, const Graph& b) {
  CHECK(listing(a) == listing(b));
  CHECK(a.opsets == b.opsets);
  const auto x = seen_constants(a), y = seen_constants(b);
  CHECK(std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const auto& p, const auto& q) {
    return p.first == q.first && same(p.second, q.second);
  }));
  REQUIRE(a.nodes.size() == b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    const Node &p = a.nodes[i], &q = b.nodes[i];
    CHECK(p.name == q.name);
    CHECK(p.version == q.version);
    REQUIRE(p.attributes.size() == q.attributes.size());
    for (auto m = p.attributes.begin(), n = q.attributes.begin(); m != p.attributes.end();
         ++m, ++n) {
      CHECK(m->first == n->first);
      check_same(m->second, n->second);
    }
  }
}

}  // namespace inlay::test
