// Convolutions of 8-bit codes, and what lies between them, move to channels last and unsigned
// codes, which integer kernels read as they are. Each value may exist in both forms; each is made
// where it is first needed, so that conversions are left only at the borders.
#include <algorithm>
#include <unordered_map>

#include "built_operators.hpp"
#include "passes/pipeline.hpp"
#include "passes/quantized_value.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

constexpr std::uint8_t shift = 0x80;  // between a signed code's bits and the unsigned one's

/// Place `i` of the last form's axes is axis last_axes(rank)[i] of the plain form.
std::vector<std::int64_t> last_axes(int rank) {
  std::vector<std::int64_t> axes{0};
  for (std::int64_t i = 2; i < rank; ++i) axes.push_back(i);
  axes.push_back(1);
  return axes;
}
std::vector<std::int64_t> plain_axes(int rank) {
  std::vector<std::int64_t> axes{0, rank - 1};
  for (std::int64_t i = 1; i + 1 < rank; ++i) axes.push_back(i);
  return axes;
}
/// Where the axis of the plain form is in the last form.
std::int64_t last_axis(std::int64_t axis, int rank) {
  if (axis < 0) axis += rank;
  return axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1;
}

Type permuted(const Type& type, const std::vector<std::int64_t>& axes, DType dtype) {
  std::vector<Dim> dims;
  for (const std::int64_t axis : axes) dims.push_back(type.dims[static_cast<std::size_t>(axis)]);
  return Type::tensor(dtype, std::move(dims));
}

class CodesGraph {
 public:
  CodesGraph(Graph& graph, const Backend& backend)
      : graph_(graph), editor_(graph), backend_(backend) {}

  void run() {
    const auto count = static_cast<NodeId>(graph_.nodes.size());
    for (NodeId id = 0; id < count; ++id) {
      if (!graph_.node(id).dead()) visit(id);
    }
    editor_.finish();
  }

 private:
  const Type& type(ValueId value) const { return graph_.value(value).type; }
  bool is_signed(ValueId value) const { return type(value).dtype == DType::int8; }
  int rank(ValueId value) const { return type(value).rank(); }

  bool is_image(ValueId value) const {
    return value != no_id && is_code(type(value).dtype) && rank(value) >= 3 && rank(value) <= 5;
  }
  bool is_last(ValueId value) const { return value != no_id && last_.contains(value); }

  ValueId transposed(ValueId value, std::vector<std::int64_t> axes) {
    Type to = permuted(type(value), axes, type(value).dtype);
    Node node{.op = "Transpose", .version = 13, .inputs = {value}};
    node.attributes.set("perm", std::move(axes));
    return editor_.add_node(std::move(node), "last", std::move(to));
  }

  /// The codes of the other signedness that mean the same numbers.
  Node shifted(ValueId codes) {
    Tensor table(is_signed(codes) ? DType::uint8 : DType::int8, Shape{256});
    auto* const to = static_cast<std::uint8_t*>(table.mutable_data());
    for (int i = 0; i < 256; ++i) to[i] = static_cast<std::uint8_t>(i ^ shift);
    return {.domain = "inlay",
            .op = "CodeTable",
            .version = 1,
            .inputs = {codes, editor_.add_constant("shift", std::move(table))}};
  }
  ValueId add_unsigned(Node node, const Type& like) {
    Type to = like;
    to.dtype = DType::uint8;
    return editor_.add_node(std::move(node), "codes", std::move(to));
  }

  /// The zero point of unsigned codes; no_id if it is not known.
  ValueId unsigned_zero(ValueId zero) {
    const Tensor* constant = graph_.constant(zero);
    if (constant == nullptr || constant->size() != 1) return no_id;
    if (constant->dtype() == DType::uint8) return zero;
    const auto bits = static_cast<std::uint8_t>(constant->item<std::int8_t>());
    return editor_.add_constant("zero_point",
                                Tensor::scalar(static_cast<std::uint8_t>(bits ^ shift)));
  }

  /// The value in the last form, which is made if need be.
  ValueId last(ValueId value) {
    const auto found = last_.find(value);
    if (found != last_.end()) return found->second;
    ValueId codes = value;
    if (is_signed(value)) codes = quantized_unsigned(value);
    const ValueId result = transposed(codes, last_axes(rank(value)));
    last_.emplace(value, result);
    return result;
  }

  ValueId quantized_unsigned(ValueId value) {
    const Type like = type(value);
    const Node* maker = graph_.producer(value);
    if (maker != nullptr && maker->is("QuantizeLinear") && maker->has_input(2)) {
      Node again = *maker;
      const ValueId zero = unsigned_zero(again.inputs[2]);
      if (zero != no_id && !again.attributes.has("output_dtype")) {
        again.inputs[2] = zero;
        again.outputs.clear();
        again.name.clear();
        return add_unsigned(std::move(again), like);
      }
    }
    return add_unsigned(shifted(value), like);
  }

  /// `node`, on last forms, computes what the node at `id` did; who reads that in the plain form
  /// reads a conversion.
  void replace(NodeId id, Node node) {
    const ValueId plain = graph_.node(id).output(0);
    const Type type_before = type(plain);
    node.outputs.clear();
    node.name.clear();
    const ValueId result =
        editor_.add_node(std::move(node), "last",
                         permuted(type_before, last_axes(type_before.rank()), DType::uint8));
    Node back{.op = "Transpose", .version = 13, .inputs = {result}};
    back.attributes.set("perm", plain_axes(type_before.rank()));
    if (type_before.dtype == DType::int8) {
      Type unsigned_type = type_before;
      unsigned_type.dtype = DType::uint8;
      back = shifted(editor_.add_node(std::move(back), "plain", std::move(unsigned_type)));
    }
    editor_.rewrite(id, std::move(back));
    last_.emplace(plain, result);
  }

  void visit(NodeId id) {
    const Node& node = graph_.node(id);
    const ValueId out = node.output(0);
    if (node.is("QLinearConv")) return convolve(id);
    if (node.is("DequantizeLinear")) return dequantize(id);
    const bool reads_last = std::any_of(node.inputs.begin(), node.inputs.end(),
                                        [&](ValueId value) { return is_last(value); });
    if (!reads_last || node.outputs.size() != 1 || !is_image(out)) return;
    if (node.is("QLinearAdd", microsoft) || node.is("QLinearMul", microsoft)) return join(id);
    if (node.is("QLinearConcat", microsoft)) return concatenate(id);
    if (!is_last(node.input(0))) return;
    if (node.is("QLinearSigmoid", microsoft) || node.is("QLinearLeakyRelu", microsoft)) {
      return follow(id, {2, 4}, Node(node));
    }
    if (node.is("CodeTable", "inlay")) return look_up(id);
    if (node.is("MaxPool") || node.is("QLinearAveragePool", microsoft) ||
        node.is("QLinearGlobalAveragePool", microsoft)) {
      return pool(id);
    }
    if (node.is("Resize")) return resize(id);
  }

  void convolve(NodeId id) {
    Node conv = graph_.node(id);
    if (!is_image(conv.input(0)) || !is_image(conv.output(0))) return;
    conv.domain = microsoft, conv.version = 1;
    conv.attributes.set("channels_last", std::int64_t{1});
    if (!backend_.supports({graph_, conv}).supported) return;
    follow(id, {2, 7}, std::move(conv));
  }

  /// Zero points at `zeros` are made unsigned, and the first input is read in the last form.
  void follow(NodeId id, std::initializer_list<std::size_t> zeros, Node node) {
    for (const std::size_t i : zeros) {
      const ValueId zero = unsigned_zero(node.input(i));
      if (zero == no_id) return;
      node.inputs[i] = zero;
    }
    node.inputs[0] = last(node.inputs[0]);
    replace(id, std::move(node));
  }

  void join(NodeId id) {
    Node node = graph_.node(id);
    const int axes = rank(node.output(0));
    for (const std::size_t i : {0, 3}) {
      if (!is_image(node.input(i)) || rank(node.input(i)) != axes) return;
    }
    for (const std::size_t i : {2, 5, 7}) {
      const ValueId zero = unsigned_zero(node.input(i));
      if (zero == no_id) return;
      node.inputs[i] = zero;
    }
    for (const std::size_t i : {0, 3}) node.inputs[i] = last(node.inputs[i]);
    replace(id, std::move(node));
  }

  void concatenate(NodeId id) {
    Node node = graph_.node(id);
    const int axes = rank(node.output(0));
    for (std::size_t i = 1; i < node.inputs.size(); i += 3) {
      const ValueId zero = unsigned_zero(node.input(i));
      if (zero == no_id) return;
      node.inputs[i] = zero;
    }
    for (std::size_t i = 2; i < node.inputs.size(); i += 3) {
      if (!is_image(node.inputs[i]) || rank(node.inputs[i]) != axes) return;
    }
    for (std::size_t i = 2; i < node.inputs.size(); i += 3) node.inputs[i] = last(node.inputs[i]);
    node.attributes.set("axis", last_axis(node.attributes.integer("axis", 0), axes));
    replace(id, std::move(node));
  }

  void look_up(NodeId id) {
    Node node = graph_.node(id);
    const Tensor* table = graph_.constant(node.input(1));
    if (table == nullptr || table->size() != 256) return;
    const std::uint8_t in = is_signed(node.input(0)) ? shift : 0;
    const std::uint8_t out = table->dtype() == DType::int8 ? shift : 0;
    Tensor unsigned_table(DType::uint8, Shape{256});
    const auto* const from = static_cast<const std::uint8_t*>(table->data());
    auto* const to = static_cast<std::uint8_t*>(unsigned_table.mutable_data());
    for (int i = 0; i < 256; ++i) to[i] = static_cast<std::uint8_t>(from[i ^ in] ^ out);
    node.inputs[1] = editor_.add_constant("table", std::move(unsigned_table));
    follow(id, {}, std::move(node));
  }

  void pool(NodeId id) {
    Node node = graph_.node(id);
    const bool is_max = node.op == "MaxPool";
    if (is_max) {
      node.domain = microsoft, node.op = "NhwcMaxPool", node.version = 1;
      node.attributes.erase("storage_order");
    } else {
      node.attributes.set("channels_last", std::int64_t{1});
    }
    if (!is_built(node.domain, node.op) || !backend_.supports({graph_, node}).supported) return;
    if (is_max) return follow(id, {}, std::move(node));
    follow(id, {2, 4}, std::move(node));
  }

  /// By constant scales or sizes of every axis.
  void resize(NodeId id) {
    Node node = graph_.node(id);
    if (node.version < 11 || node.attributes.has("axes")) return;
    const std::size_t place = node.has_input(3) ? 3 : 2;
    const Tensor* list = graph_.constant(node.input(place));
    const auto axes = last_axes(rank(node.output(0)));
    if (list == nullptr || list->size() != std::ssize(axes)) return;
    Tensor order(list->dtype(), list->shape());
    const auto permute = [&]<class T>(T) {
      for (std::size_t i = 0; i < axes.size(); ++i) {
        order.as_mutable<T>()[i] = list->as<T>()[static_cast<std::size_t>(axes[i])];
      }
    };
    place == 3 ? permute(std::int64_t{}) : permute(float{});
    node.inputs[place] = editor_.add_constant("size", std::move(order));
    node.inputs[1] = no_id;
    follow(id, {}, std::move(node));
  }

  /// Of signed codes whose unsigned ones there are: reads those.
  void dequantize(NodeId id) {
    Node node = graph_.node(id);
    const ValueId q = node.input(0);
    if (!is_last(q) || !is_signed(q)) return;
    const ValueId zero = node.has_input(2) ? unsigned_zero(node.input(2)) : no_id;
    if (zero == no_id) return;
    node.inputs[0] = transposed(last(q), plain_axes(rank(q)));
    node.inputs[2] = zero;
    editor_.rewrite(id, std::move(node));
  }

  static constexpr const char* microsoft = "com.microsoft";
  Graph& graph_;
  Editor editor_;
  const Backend& backend_;
  std::unordered_map<ValueId, ValueId> last_;  // plain value: the same in the last form
};

}  // namespace

void channels_last_codes(Graph& graph, const PassContext& context) {
  if (context.blocked == nullptr) return;
  CodesGraph(graph, *context.blocked).run();
}

}  // namespace inlay::inline v0::passes
