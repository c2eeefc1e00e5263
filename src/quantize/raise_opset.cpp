#include "quantize/raise_opset.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "passes/editor.hpp"

namespace inlay::inline v0::quantization {
namespace {

class OpsetRaiser {
 public:
  explicit OpsetRaiser(Graph& graph) : editor_(graph) {}

  void run() {
    const auto count = static_cast<NodeId>(editor_.graph().nodes.size());
    for (NodeId id = 0; id < count; ++id) {
      const Node& node = editor_.graph().node(id);
      if (node.is("FusedMatMul", "inlay")) {
        split(id);
        continue;
      }
      if (node.dead() || !node.domain.empty() || node.version >= qdq_opset) continue;
      Node raised = node;
      if (!raise(raised)) continue;
      raised.version = qdq_opset;
      editor_.rewrite(id, std::move(raised));
    }
    editor_.finish();
  }

 private:
  bool raise(Node& node) {
    static constexpr std::array<std::string_view, 2> axes_to_input = {"Squeeze", "Unsqueeze"};
    const int version = node.version;
    if (std::find(axes_to_input.begin(), axes_to_input.end(), node.op) != axes_to_input.end() ||
        node.op == "ReduceSum") {
      list_to_input(node, "axes", 1);
    } else if (node.op == "Split") {
      list_to_input(node, "split", 1);
    } else if (node.op == "Slice" && version < 10) {
      list_to_input(node, "starts", 1);
      list_to_input(node, "ends", 2);
      list_to_input(node, "axes", 3);
    } else if (node.op == "Clip" && version < 11) {
      number_to_input(node, "min", 1);
      number_to_input(node, "max", 2);
    } else if (node.op == "Pad" && version < 11) {
      list_to_input(node, "pads", 1);
      number_to_input(node, "value", 2);
    } else if (node.op == "Dropout") {
      node.attributes.erase("ratio");  // of training
    } else if (node.op == "BatchNormalization") {
      node.attributes.erase("spatial");
    } else if (node.op == "Softmax" || node.op == "LogSoftmax" || node.op == "Hardmax") {
      return raise_softmax(node);
    } else if (node.op == "Resize" && version < 11) {
      if (node.inputs.size() != 2) return false;
      node.inputs.insert(node.inputs.begin() + 1, no_id);
      node.attributes.set("coordinate_transformation_mode", std::string("asymmetric"));
      node.attributes.set("nearest_mode", std::string("floor"));
    } else if (node.op == "Upsample" || node.op == "Scatter" || node.op == "Scan" ||
               (node.op == "TopK" && version < 10)) {
      return false;
    }
    return true;
  }

  /// A product with a bias, as passes make it.
  void split(NodeId id) {
    const Node fused = editor_.graph().node(id);
    const Type type = editor_.graph().value(fused.output(0)).type;
    Node product{.op = "MatMul", .name = fused.name, .version = qdq_opset};
    product.inputs = {fused.inputs[0], fused.inputs[1]};
    if (!fused.has_input(2)) return editor_.rewrite(id, std::move(product));
    const ValueId sum = editor_.add_node(std::move(product), "product", type);
    Node add{.op = "Add", .version = qdq_opset, .inputs = {sum, fused.inputs[2]}};
    editor_.graph().node(id).name += ".bias";
    editor_.rewrite(id, std::move(add));
  }

  void put_input(Node& node, std::size_t i, Tensor tensor) {
    if (node.inputs.size() <= i) node.inputs.resize(i + 1, no_id);
    node.inputs[i] = editor_.add_constant(node.op, std::move(tensor));
  }
  void list_to_input(Node& node, const char* name, std::size_t i) {
    if (!node.attributes.has(name)) return;
    const auto list = node.attributes.integers(name);
    put_input(node, i, Tensor::copy_of(list, {std::ssize(list)}));
    node.attributes.erase(name);
  }
  void number_to_input(Node& node, const char* name, std::size_t i) {
    if (!node.attributes.has(name)) return;
    put_input(node, i, Tensor::scalar(node.attributes.real(name, 0)));
    node.attributes.erase(name);
  }

  /// Before opset 13 all axes from `axis` on were one.
  bool raise_softmax(Node& node) {
    const Type& type = editor_.graph().value(node.input(0)).type;
    if (!type.has_rank) return false;
    const int rank = type.rank();
    std::int64_t axis = node.attributes.integer("axis", 1);
    if (axis < 0) axis += rank;
    std::int64_t longest = rank - 1;  // the only axis among them that is not 1
    int others = 0;
    for (std::int64_t i = std::max<std::int64_t>(axis, 0); i < rank; ++i) {
      const Dim& dim = type.dims[static_cast<std::size_t>(i)];
      if (dim.known() && dim.value == 1) continue;
      longest = i;
      ++others;
    }
    if (others > 1) return false;
    node.attributes.set("axis", longest);
    return true;
  }

  passes::Editor editor_;
};

}  // namespace

void raise_opset(Graph& graph) { OpsetRaiser(graph).run(); }

}  // namespace inlay::inline v0::quantization
