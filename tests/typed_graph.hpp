// A graph for tests of type and shape inference.
#pragma once

#include "ops_support.hpp"

namespace inlay::test {

/// A graph whose values are typed as they are added.
struct TypedGraph {
  Graph graph;
  std::shared_ptr<const Registry> registry = Registry::standard();

  explicit TypedGraph(int version = 21) { graph.opsets[""] = version; }
  ValueId input(DType dtype, std::vector<Dim> dims) {
    return graph.add_input("i" + std::to_string(graph.values.size()),
                           Type::tensor(dtype, std::move(dims)));
  }
  ValueId longs(std::initializer_list<std::int64_t> values) {
    return graph.add_constant("c" + std::to_string(graph.values.size()),
                              Tensor::copy_of<std::int64_t>(values));
  }
  ValueId add(std::string_view op, std::vector<ValueId> inputs,
              std::initializer_list<Attributes::Item> attributes = {}) {
    Attributes set;
    for (const auto& [name, value] : attributes) set.set(name, value);
    const ValueId id = graph.add_node(op, std::move(inputs),
                                      "v" + std::to_string(graph.values.size()), std::move(set));
    const Node& node = *graph.producer(id);
    graph.value(id).type = infer_node(*registry->find_op("", op, node.version), graph, node)[0];
    return id;
  }
  std::string type(ValueId id) const { return to_string(graph.value(id).type); }
};

}  // namespace inlay::test
