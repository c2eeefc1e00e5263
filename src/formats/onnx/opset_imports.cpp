#include "formats/onnx/opset_imports.hpp"

#include <algorithm>

namespace inlay::inline v0::onnx {
namespace {

/// From `version` on the operator is another one for the nodes that `breaks` picks.
struct Change {
  std::string_view op;
  int version;
  bool (*breaks)(const Node& node);
};

bool always(const Node&) { return true; }
bool has_axes(const Node& node) { return node.attributes.has("axes"); }
bool has_more_outputs(const Node& node) { return node.outputs.size() > 1; }

/// Where nodes of ONNX's opset 7 and later are not what they were: attributes that became inputs,
/// operators withdrawn, other defaults. New types, inputs and attributes change no node that is
/// there.
constexpr Change changes[] = {
    {"BatchNormalization", 9, [](const Node& n) { return n.attributes.has("spatial"); }},
    {"BatchNormalization", 14, has_more_outputs},
    {"Clip", 11, [](const Node& n) { return n.attributes.has("min") || n.attributes.has("max"); }},
    {"DFT", 20, [](const Node& n) { return n.attributes.has("axis"); }},
    {"Dropout", 10, has_more_outputs},
    {"Dropout", 12, [](const Node& n) { return n.attributes.has("ratio"); }},
    {"GridSample", 20, [](const Node& n) { return n.attributes.has("mode"); }},
    {"GroupNormalization", 21, always},
    {"Hardmax", 13, always},
    {"LogSoftmax", 13, always},
    {"Pad", 11, always},
    {"ReduceL1", 18, has_axes},
    {"ReduceL2", 18, has_axes},
    {"ReduceLogSum", 18, has_axes},
    {"ReduceLogSumExp", 18, has_axes},
    {"ReduceMax", 18, has_axes},
    {"ReduceMean", 18, has_axes},
    {"ReduceMin", 18, has_axes},
    {"ReduceProd", 18, has_axes},
    {"ReduceSum", 13, has_axes},
    {"ReduceSumSquare", 18, has_axes},
    {"Resize", 11, always},
    {"RoiAlign", 16,
     [](const Node& n) { return !n.attributes.has("coordinate_transformation_mode"); }},
    {"Scan", 9, always},
    {"Scatter", 11, always},
    {"Slice", 10, always},
    {"Softmax", 13, always},
    {"Split", 13, [](const Node& n) { return n.attributes.has("split"); }},
    {"Split", 18,
     [](const Node& n) { return !n.has_input(1) && !n.attributes.has("num_outputs"); }},
    {"Squeeze", 13, has_axes},
    {"TopK", 10, always},
    {"Unsqueeze", 13, has_axes},
    {"Upsample", 9, always},
    {"Upsample", 10, always},
    {"ai.onnx.ml:LabelEncoder", 2, always},
    {"ai.onnx.ml:TreeEnsembleClassifier", 5, always},
    {"ai.onnx.ml:TreeEnsembleRegressor", 5, always},
};

template <class F>
void each_node(const Graph& graph, const F& f) {
  for (const Node& node : graph.nodes) {
    if (node.dead()) continue;
    f(node);
    for_each_subgraph(node, [&](const Graph& inner) { each_node(inner, f); });
  }
}

bool is_same_operator(const Node& node, int version, const Registry& registry) {
  if (node.version == version) return true;
  const OpSchema* const schema = registry.find_op(node.domain, node.op, node.version);
  if (schema == nullptr || schema != registry.find_op(node.domain, node.op, version)) return false;
  const std::string op = qualified_op(node.domain, node.op);
  return std::none_of(std::begin(changes), std::end(changes), [&](const Change& change) {
    return change.op == op && node.version < change.version && change.version <= version &&
           change.breaks(node);
  });
}

}  // namespace

std::map<std::string, int> opset_imports(const Graph& graph, const Registry& registry) {
  std::map<std::string, int> imports = graph.opsets;
  each_node(graph, [&](const Node& node) {
    if (node.domain == "inlay") {
      throw Error(ErrorCode::unsupported,
                  "the operator is internal to Inlay and has no place in ONNX files; write a graph "
                  "that was not optimised",
                  {.node = node.name, .op = qualified_op(node.domain, node.op)});
    }
    int& version = imports.try_emplace(node.domain, 1).first->second;
    version = std::max(version, node.version);
  });
  each_node(graph, [&](const Node& node) {
    const int version = imports.at(node.domain);
    if (is_same_operator(node, version, registry)) return;
    throw Error(ErrorCode::unsupported,
                "the node is written for opset " + std::to_string(node.version) +
                    " and others for opset " + std::to_string(version) +
                    ", where this operator is another one; a file can import only one of them",
                {.node = node.name, .op = qualified_op(node.domain, node.op)});
  });
  return imports;
}

int ir_version_of(int opset) noexcept {
  // The last opset of each IR version from 4 on.
  constexpr int last_opset[] = {9, 10, 11, 14, 18, 20, 22, 23, 24, 27};
  const auto found = std::lower_bound(std::begin(last_opset), std::end(last_opset), opset);
  return 4 + static_cast<int>(found - std::begin(last_opset));
}

}  // namespace inlay::inline v0::onnx
