// Subgraphs: values that they capture have the outer value's type (and constant). The inputs of a
// loop's body are as wide as all iterations need, which is found by widening until nothing changes.
#include "passes/inference.hpp"

#include "ops/infer_util.hpp"

namespace inlay::inline v0::passes {
namespace {

constexpr int exact_loop_depth = 2;  // deeper loops start wide: the cost would grow as 2^depth
constexpr int exact_rounds = 3;

Type without_axis(Type type, std::int64_t axis) {
  if (!type.has_rank) return type;
  if (axis < 0) axis += type.rank();
  if (axis < 0 || axis >= type.rank()) return infer::without_shape(type);
  type.dims.erase(type.dims.begin() + axis);
  return type;
}

void bind_captures(const Graph& outer, Graph& inner) {
  std::erase_if(inner.captures, [&](const Capture& capture) {
    const ValueInfo& from = outer.value(capture.outer);
    ValueInfo& to = inner.value(capture.inner);
    to.type = from.type;
    to.constant = from.constant;
    return from.is_constant();
  });
}

/// What a loop hands to its body: types of the body's inputs, of which the ones in
/// [first_state, first_state + states) come back as the body's outputs from `first_state_output`
/// on.
struct Formals {
  std::vector<Type> types;
  std::size_t first_state = 0;
  std::size_t states = 0;
  std::size_t first_state_output = 0;
};

Type type_of(const Graph& graph, const Node& node, std::size_t i) {
  return node.has_input(i) ? graph.value(node.inputs[i]).type : Type();
}

Formals loop_formals(const Graph& graph, const Node& node) {
  Formals formals;
  formals.types = {Type::tensor(DType::int64, Shape{}), Type::tensor(DType::boolean, Shape{})};
  for (std::size_t i = 2; i < node.inputs.size(); ++i) {
    formals.types.push_back(type_of(graph, node, i));
  }
  formals.first_state = 2;
  formals.states = formals.types.size() - 2;
  formals.first_state_output = 1;
  return formals;
}

Formals scan_formals(const Graph& graph, const Node& node) {
  const bool batched = node.version < 9;  // sequence_lens first, and a batch axis on everything
  const std::size_t first = batched ? 1 : 0;
  const auto scans = static_cast<std::size_t>(node.attributes.integer("num_scan_inputs", 0));
  const std::size_t given = node.inputs.size() > first ? node.inputs.size() - first : 0;
  const auto axes = node.attributes.integers("scan_input_axes");
  Formals formals;
  formals.states = given - std::min(scans, given);
  for (std::size_t i = 0; i < given; ++i) {
    Type type = type_of(graph, node, first + i);
    if (batched) type = without_axis(std::move(type), 0);
    if (i >= formals.states) {
      const std::size_t scan = i - formals.states;
      type = without_axis(std::move(type), scan < axes.size() && !batched ? axes[scan] : 0);
    }
    formals.types.push_back(std::move(type));
  }
  return formals;
}

Formals map_formals(const Graph& graph, const Node& node) {
  Formals formals;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Type type = type_of(graph, node, i);
    const bool element = type.kind == Type::Kind::sequence && type.element;
    formals.types.push_back(element ? *type.element : type);
  }
  return formals;
}

/// FlexAttention's modifiers get its scores, in the precision of the softmax.
Formals flex_attention_formals(const Graph& graph, const Node& node) {
  const Type q = type_of(graph, node, 0), k = type_of(graph, node, 1);
  auto dtype = static_cast<DType>(node.attributes.integer("softmax_precision", 0));
  if (dtype == DType::undefined) {
    dtype = q.dtype == DType::float64 ? DType::float64 : DType::float32;
  }
  Formals formals;
  const bool known = q.rank() == 4 && k.rank() == 4;
  formals.types = {known ? Type::tensor(dtype, {q.dims[0], q.dims[1], q.dims[2], k.dims[2]})
                         : Type::tensor(dtype)};
  return formals;
}

/// Gives dims of `value` that are unknown a symbol of their own; likewise those whose symbol starts
/// with `hidden` (empty: none).
void name_dims(Type& type, ValueId value, const Scope& scope, std::string_view hidden = {}) {
  for (std::size_t axis = 0; axis < type.dims.size(); ++axis) {
    Dim& dim = type.dims[axis];
    const bool renamed = !hidden.empty() && dim.symbol.starts_with(hidden);
    if (dim.known() || (!dim.symbol.empty() && !renamed)) continue;
    dim.symbol = "?" + scope.path + std::to_string(value) + "." + std::to_string(axis);
  }
}

void set_inputs(Graph& body, const std::vector<Type>& types, const Scope& scope) {
  for (std::size_t i = 0; i < body.inputs.size(); ++i) {
    Type& type = body.value(body.inputs[i]).type;
    type = i < types.size() ? types[i] : Type();
    name_dims(type, body.inputs[i], scope);
  }
}

/// Infers the body and widens the state's types to what comes back; says whether they changed.
bool widen(Graph& body, Formals& formals, const Scope& scope) {
  set_inputs(body, formals.types, scope);
  infer_graph(body, scope);
  bool changed = false;
  for (std::size_t i = 0; i < formals.states; ++i) {
    const std::size_t output = formals.first_state_output + i;
    if (output >= body.outputs.size()) break;
    Type& state = formals.types[formals.first_state + i];
    Type wide = infer::common_type(state, body.value(body.outputs[output]).type);
    if (wide == state) continue;
    state = std::move(wide);
    changed = true;
  }
  return changed;
}

void infer_loop_body(Graph& body, Formals& formals, Scope scope) {
  const bool starts_exact = scope.loop_depth++ < exact_loop_depth;
  const std::vector<Type> initial = formals.types;
  if (starts_exact) {
    try {
      for (int round = 0; round < exact_rounds; ++round) {
        if (!widen(body, formals, scope)) return;
      }
    } catch (const Error&) {
      // The initial shapes may not fit later iterations: try again without them.
      formals.types = initial;
    }
  }
  for (std::size_t i = 0; i < formals.states; ++i) {
    Type& state = formals.types[formals.first_state + i];
    if (state.is_tensor()) state = infer::without_shape(std::move(state));
  }
  if (widen(body, formals, scope)) {
    set_inputs(body, formals.types, scope);
    infer_graph(body, scope);
  }
}

Formals infer_subgraphs(Graph& graph, NodeId id, const Scope& scope) {
  Formals formals;
  Node& node = graph.node(id);
  if (node.is("Loop")) formals = loop_formals(graph, node);
  if (node.is("Scan")) formals = scan_formals(graph, node);
  if (node.is("SequenceMap")) formals = map_formals(graph, node);
  if (node.is("FlexAttention", "ai.onnx.preview")) formals = flex_attention_formals(graph, node);
  std::size_t index = 0;
  for_each_subgraph(node, [&](Graph& subgraph) {
    const Scope inner = scope.within(id, index++);
    bind_captures(graph, subgraph);
    if (formals.states > 0) {
      infer_loop_body(subgraph, formals, inner);
    } else {
      set_inputs(subgraph, formals.types, inner);
      infer_graph(subgraph, inner);
    }
  });
  return formals;
}

}  // namespace

void infer_main_graph(Graph& graph, const Registry& registry) {
  const Scope scope{registry};
  for (const ValueId input : graph.inputs) {
    name_dims(graph.value(input).type, input, scope, "?");  // some files call every dim "?"
  }
  infer_graph(graph, scope);
}

void infer_graph(Graph& graph, const Scope& scope) {
  for (ValueInfo& value : graph.values) {
    if (value.is_constant()) {
      value.type = Type::tensor(value.constant.dtype(), value.constant.shape());
    }
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].dead()) infer_outputs(graph, static_cast<NodeId>(i), scope);
  }
}

bool infer_outputs(Graph& graph, NodeId id, const Scope& scope) {
  Node& node = graph.node(id);
  const OpSchema* schema = scope.registry.find_op(node.domain, node.op, node.version);
  if (schema == nullptr) {
    throw Error(ErrorCode::unsupported, "no operator of that name and version is registered",
                {.node = node.name, .op = qualified_op(node.domain, node.op)});
  }
  const Formals formals = infer_subgraphs(graph, id, scope);
  std::vector<Type> types = infer_node(*schema, graph, node);
  // A state that comes out of a loop may also be the one that went in.
  if (node.is("Loop") || (node.is("Scan") && node.version >= 9)) {
    for (std::size_t i = 0; i < formals.states && i < types.size(); ++i) {
      const Type& state = formals.types[formals.first_state + i];
      if (state.kind == types[i].kind) types[i] = state;
    }
  }
  bool changed = false;
  const std::string within_subgraphs = "?" + scope.path + std::to_string(id) + "_";
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (node.outputs[i] == no_id) continue;
    name_dims(types[i], node.outputs[i], scope, within_subgraphs);
    Type& type = graph.value(node.outputs[i]).type;
    if (type == types[i]) continue;
    type = std::move(types[i]);
    changed = true;
  }
  return changed;
}

}  // namespace inlay::inline v0::passes
