#include "formats/onnx/conform.hpp"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "formats/onnx/opset_imports.hpp"

namespace inlay::inline v0::onnx {
namespace {

void drop_unseen(Graph& graph) {
  for (Node& node : graph.nodes) for_each_subgraph(node, drop_unseen);
  graph.compact();
}

/// A subgraph's output must be the output of one of its nodes, not a value of the graph around it.
/// `version`: of Identity, which all versions define alike.
void copy_captured_outputs(Graph& graph, int version) {
  for (Node& node : graph.nodes) {
    for_each_subgraph(node, [&](Graph& inner) { copy_captured_outputs(inner, version); });
  }
  for (const Capture& capture : graph.captures) {
    if (!graph.is_output(capture.inner)) continue;
    const ValueId copy = graph.add_value({}, graph.value(capture.inner).type);
    std::replace(graph.outputs.begin(), graph.outputs.end(), capture.inner, copy);
    graph.add_node(
        {.op = "Identity", .version = version, .inputs = {capture.inner}, .outputs = {copy}});
  }
}

/// A dense tensor, as read_graph makes of this attribute, goes by the other name.
void rename_sparse_constants(Graph& graph) {
  for (Node& node : graph.nodes) {
    for_each_subgraph(node, rename_sparse_constants);
    const Attribute* sparse = node.is("Constant") ? node.attributes.find("sparse_value") : nullptr;
    if (sparse == nullptr) continue;
    node.attributes.set("value", Attribute(*sparse));
    node.attributes.erase("sparse_value");
  }
}

/// An operator of Inlay that is like one of com.microsoft goes by its domain.
void rename_operators(Graph& graph) {
  for (Node& node : graph.nodes) {
    for_each_subgraph(node, rename_operators);
    if (node.is("DynamicQuantizeMatMul", "inlay")) node.domain = "com.microsoft";
  }
}

/// The names of a graph's values, and of those around it.
struct TakenNames {
  const TakenNames* outer;
  std::unordered_set<std::string> names = {};

  bool has(const std::string& name) const {
    return names.count(name) != 0 || (outer != nullptr && outer->has(name));
  }
  /// `name`, or a variation of it that is not taken; then it is.
  std::string take(const std::string& name) {
    std::string unique = name;
    for (int i = 1; has(unique); ++i) unique = name + "_" + std::to_string(i);
    names.insert(unique);
    return unique;
  }
};

void name_values(Graph& graph, const Graph* outer_graph, const TakenNames* outer) {
  if (graph.name.empty()) graph.name = "main";
  TakenNames taken{outer};
  std::vector<bool> named(graph.values.size(), false);
  for (const Capture& capture : graph.captures) {
    graph.value(capture.inner).name = outer_graph->value(capture.outer).name;
    named[static_cast<std::size_t>(capture.inner)] = true;
  }
  for (const bool has_name : {true, false}) {  // names that are there come first
    for (std::size_t i = 0; i < graph.values.size(); ++i) {
      std::string& name = graph.values[i].name;
      if (named[i] || name.empty() == has_name) continue;
      name = taken.take(has_name ? name : "value_" + std::to_string(i));
      named[i] = true;
    }
  }
  for (Node& node : graph.nodes) {
    for_each_subgraph(node, [&](Graph& inner) { name_values(inner, &graph, &taken); });
  }
}

}  // namespace

void conform(Graph& graph, const Registry& registry) {
  drop_unseen(graph);
  const auto own = graph.opsets.find("");
  copy_captured_outputs(graph, own != graph.opsets.end() ? own->second : 1);
  rename_sparse_constants(graph);
  rename_operators(graph);
  graph.opsets = opset_imports(graph, registry);
  name_values(graph, nullptr, nullptr);
}

}  // namespace inlay::inline v0::onnx
