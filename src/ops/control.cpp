// If, Loop, Scan, SequenceMap. The types inside their subgraphs are inferred before.
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

const Graph& subgraph(const InferContext& context, std::string_view name) {
  const auto* graph = context.attributes().get<std::shared_ptr<Graph>>(name);
  if (graph == nullptr || *graph == nullptr) {
    context.fail("the attribute " + std::string(name) + " is missing");
  }
  return **graph;
}

const Type& output_type(const Graph& graph, std::size_t i) {
  return graph.value(graph.outputs[i]).type;
}

void require_arity(const InferContext& context, const Graph& body, std::size_t inputs,
                   std::size_t outputs) {
  if (body.inputs.size() != inputs || body.outputs.size() != outputs) {
    context.fail("the subgraph has " + std::to_string(body.inputs.size()) + " inputs and " +
                 std::to_string(body.outputs.size()) + " outputs, the node needs " +
                 std::to_string(inputs) + " and " + std::to_string(outputs));
  }
}

void infer_if(InferContext& context) {
  const Graph& yes = subgraph(context, "then_branch");
  const Graph& no = subgraph(context, "else_branch");
  require_arity(context, yes, 0, context.output_count());
  require_arity(context, no, 0, context.output_count());
  for (std::size_t i = 0; i < context.output_count(); ++i) {
    context.set_output(i, infer::common_type(output_type(yes, i), output_type(no, i)));
  }
}

/// `type` with one more axis, of size `dim`, in place `axis`.
Type stacked(const InferContext& context, Type type, std::int64_t axis, Dim dim) {
  if (!type.has_rank) return type;
  const int at = infer::axis(context, axis, type.rank() + 1);
  type.dims.insert(type.dims.begin() + at, std::move(dim));
  return type;
}

void infer_loop(InferContext& context) {
  const Graph& body = subgraph(context, "body");
  if (context.input_count() < 2) context.fail("Loop needs a trip count or a condition");
  const std::size_t states = context.input_count() - 2;
  if (context.output_count() < states) context.fail("Loop has fewer outputs than states");
  require_arity(context, body, 2 + states, 1 + context.output_count());
  const auto trips = context.has_input(1) ? std::nullopt : context.constant_integers(0);
  for (std::size_t i = 0; i < context.output_count(); ++i) {
    const Type& type = output_type(body, 1 + i);
    if (i < states) {
      // An optional that the body fills is taken for full, although the body may never run.
      const Type& initial = context.input(2 + i);
      context.set_output(i, initial.kind == type.kind ? infer::common_type(initial, type) : type);
    } else {
      const Dim count =
          trips && trips->size() == 1 ? Dim(std::max<std::int64_t>(trips->front(), 0)) : Dim();
      context.set_output(i, stacked(context, type, 0, count));
    }
  }
}

void infer_scan(InferContext& context) {
  const bool batched = context.version() < 9;
  const std::size_t first = batched ? 1 : 0;
  const Graph& body = subgraph(context, "body");
  const std::int64_t scans = context.attributes().integer("num_scan_inputs", 0);
  const auto given =
      static_cast<std::int64_t>(context.input_count() - std::min(first, context.input_count()));
  if (scans < 1 || scans > given) context.fail("num_scan_inputs does not fit the inputs");
  const auto states = static_cast<std::size_t>(given - scans);
  require_arity(context, body, static_cast<std::size_t>(given), context.output_count());
  const auto entry = [](std::span<const std::int64_t> list, std::size_t i) {
    return i < list.size() ? list[i] : 0;
  };
  const auto input_axes = context.attributes().integers("scan_input_axes");
  const auto output_axes = context.attributes().integers("scan_output_axes");
  const Type& scanned = context.input(first + states);
  Dim length;
  if (scanned.has_rank) {
    const std::int64_t axis = batched ? 1 : entry(input_axes, 0);
    length = scanned.dims[static_cast<std::size_t>(infer::axis(context, axis, scanned.rank()))];
  }
  const Dim batch = batched && scanned.has_rank ? scanned.dims[0] : Dim();
  for (std::size_t i = 0; i < context.output_count(); ++i) {
    Type type = output_type(body, i);
    if (i >= states) {
      type = stacked(context, std::move(type), entry(output_axes, i - states), length);
    }
    if (batched) type = stacked(context, std::move(type), 0, batch);
    context.set_output(i, std::move(type));
  }
}

void infer_sequence_map(InferContext& context) {
  const Graph& body = subgraph(context, "body");
  require_arity(context, body, context.input_count(), context.output_count());
  for (std::size_t i = 0; i < context.output_count(); ++i) {
    context.set_output(i, Type::sequence(output_type(body, i)));
  }
}

OpSchema control_schema(std::string name, int since, int inputs, InferFn function,
                        std::vector<DTypeSet> types) {
  return {.domain = "",
          .name = std::move(name),
          .since = since,
          .min_inputs = 1,
          .max_inputs = inputs,
          .min_outputs = 0,
          .max_outputs = any_number,
          .infer = std::move(function),
          .types = std::move(types)};
}

}  // namespace

std::vector<OpSchema> control_schemas() {
  return {
      control_schema("If", 1, 1, infer_if, {DType::boolean}),
      control_schema("Loop", 1, any_number, infer_loop,
                     {DType::int64, DType::boolean, dtypes::any}),
      control_schema("Scan", 8, any_number, infer_scan, {dtypes::any}),
      control_schema("SequenceMap", 17, any_number, infer_sequence_map, {dtypes::any}),
  };
}

}  // namespace inlay::inline v0
