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

void set_inputs(Graph& body, const std::vector<Type>& types) {
  for (std::size_t i = 0; i < body.inputs.size(); ++i) {
    body.value(body.inputs[i]).type = i < types.size() ? types[i] : Type();
  }
}

/// Infers the body and widens the state's types to what comes back; says whether they changed.
bool widen(Graph& body, Formals& formals, const Registry& registry, int loop_depth) {
  set_inputs(body, formals.types);
  infer_graph(body, registry, loop_depth + 1);
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

void infer_loop_body(Graph& body, Formals& formals, const Registry& registry, int loop_depth) {
  const std::vector<Type> initial = formals.types;
  const auto forget_shapes = [&] {
    for (std::size_t i = 0; i < formals.states; ++i) {
      Type& state = formals.types[formals.first_state + i];
      if (state.is_tensor()) state = infer::without_shape(std::move(state));
    }
  };
  if (formals.states == 0 || loop_depth < exact_loop_depth) {
    try {
      for (int round = 0; round < exact_rounds; ++round) {
        if (!widen(body, formals, registry, loop_depth)) return;
      }
    } catch (const Error&) {
      // The initial shapes may not fit later iterations: try again without them.
      if (formals.states == 0) throw;
      formals.types = initial;
    }
  }
  forget_shapes();
  if (widen(body, formals, registry, loop_depth)) {
    set_inputs(body, formals.types);
    infer_graph(body, registry, loop_depth + 1);
  }
}

void infer_subgraphs(Graph& graph, Node& node, const Registry& registry, int loop_depth,
                     Formals& formals) {
  const bool known_op = node.domain.empty();
  if (known_op && node.op == "Loop") formals = loop_formals(graph, node);
  if (known_op && node.op == "Scan") formals = scan_formals(graph, node);
  if (known_op && node.op == "SequenceMap") formals = map_formals(graph, node);
  if (node.is("FlexAttention", "ai.onnx.preview")) formals = flex_attention_formals(graph, node);
  for_each_subgraph(node, [&](Graph& subgraph) {
    bind_captures(graph, subgraph);
    if (formals.states > 0) {
      infer_loop_body(subgraph, formals, registry, loop_depth);
    } else {
      set_inputs(subgraph, formals.types);
      infer_graph(subgraph, registry, loop_depth);
    }
  });
}

}  // namespace

void infer_graph(Graph& graph, const Registry& registry, int loop_depth) {
  for (ValueInfo& value : graph.values) {
    if (value.is_constant()) {
      value.type = Type::tensor(value.constant.dtype(), value.constant.shape());
    }
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].dead()) {
      infer_outputs(graph, static_cast<NodeId>(i), registry, loop_depth);
    }
  }
}

bool infer_outputs(Graph& graph, NodeId id, const Registry& registry, int loop_depth) {
  Node& node = graph.node(id);
  const OpSchema* schema = registry.find_op(node.domain, node.op, node.version);
  if (schema == nullptr) {
    throw Error(ErrorCode::unsupported, "no operator of that name and version is registered",
                {.node = node.name, .op = qualified_op(node.domain, node.op)});
  }
  Formals formals;
  infer_subgraphs(graph, node, registry, loop_depth, formals);
  std::vector<Type> types = infer_node(*schema, graph, node);
  // A state that comes out of a loop may also be the one that went in.
  if (node.is("Loop") || (node.is("Scan") && node.version >= 9)) {
    for (std::size_t i = 0; i < formals.states && i < types.size(); ++i) {
      const Type& state = formals.types[formals.first_state + i];
      if (state.kind == types[i].kind) types[i] = state;
    }
  }
  bool changed = false;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (node.outputs[i] == no_id) continue;
    Type& type = graph.value(node.outputs[i]).type;
    if (type == types[i]) continue;
    type = std::move(types[i]);
    changed = true;
  }
  return changed;
}

}  // namespace inlay::inline v0::passes
