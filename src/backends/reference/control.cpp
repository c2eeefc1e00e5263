// If, Loop, Scan, SequenceMap: run the node's subgraphs and collect what they give.
#include <algorithm>

#include "backends/reference/arguments.hpp"
#include "backends/reference/parts.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

using Values = std::vector<Value>;

bool truth(const KernelContext& context, const Tensor& tensor) {
  if (tensor.size() != 1) context.fail(ErrorCode::shape_mismatch, "a condition is no scalar");
  return tensor.as<bool>()[0];
}

void run_if(KernelContext& context) {
  // Subgraphs are numbered in attribute order: else_branch, then_branch.
  const std::size_t branch = truth(context, context.input(0)) ? 1 : 0;
  Values& outputs = context.subgraph_outputs(branch);
  context.run_subgraph(branch, {}, outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    context.set_output(i, outputs[i]);
    if (!outputs[i].is_tensor()) outputs[i].reset();
  }
}

const Type& body_type(const KernelContext& context, std::size_t output) {
  const Graph& body = **context.attributes().get<std::shared_ptr<Graph>>("body");
  return body.value(body.outputs[output]).type;
}

/// The tensors stacked along a new axis; without any, an empty tensor of what `type` tells.
Tensor stacked(KernelContext& context, Values& parts, std::int64_t axis, const Type& type) {
  Shape shape;
  if (parts.empty()) {
    for (const Dim& dim : type.dims) shape.push_back(std::max<std::int64_t>(dim.value, 0));
  } else {
    shape = parts[0].tensor().shape();
  }
  const int at = normalize_axis(axis, shape.rank() + 1);
  shape.insert(at, parts.empty() ? 0 : 1);
  if (parts.empty()) return Tensor(type.dtype, shape);
  for (Value& part : parts) {
    Shape widened = part.tensor().shape();
    widened.insert(std::min(at, widened.rank()), 1);
    part = part.tensor().reshaped(widened);
  }
  const auto part = [&](std::size_t i) -> const Tensor& { return parts[i].tensor(); };
  Tensor whole(parts[0].tensor().dtype(), joined_shape(context, parts.size(), at, part));
  join(context, whole, parts.size(), at, part);
  return whole;
}

void run_loop(KernelContext& context) {
  const bool counted = context.has_input(0);
  const bool conditional = context.has_input(1);
  const std::int64_t trips = counted ? integer(context.input(0)) : INT64_MAX;
  bool go_on = !conditional || truth(context, context.input(1));
  Values inputs(context.input_count());
  const std::size_t states = inputs.size() - 2;
  for (std::size_t i = 0; i < states; ++i) inputs[2 + i] = context.input_value(2 + i);
  Values outputs;
  std::vector<Values> collected(context.output_count() - states);
  std::int64_t trip = 0;
  inputs[0] = Tensor::wrap(DType::int64, {}, &std::as_const(trip), sizeof(trip));
  inputs[1] = Tensor::wrap(DType::boolean, {}, &std::as_const(go_on), sizeof(go_on));
  for (; trip < trips && go_on; ++trip) {
    context.check_cancelled();
    context.run_subgraph(0, inputs, outputs);
    if (conditional) go_on = truth(context, outputs[0].tensor());
    // The states of this iteration become room for the outputs of the next but one.
    std::swap_ranges(inputs.begin() + 2, inputs.end(), outputs.begin() + 1);
    for (std::size_t k = 0; k < collected.size(); ++k) {
      collected[k].push_back(std::move(outputs[1 + states + k]));
    }
  }
  for (std::size_t i = 0; i < states; ++i) context.set_output(i, std::move(inputs[2 + i]));
  for (std::size_t k = 0; k < collected.size(); ++k) {
    const Type& type = body_type(context, 1 + states + k);
    context.set_output(states + k, stacked(context, collected[k], 0, type));
  }
}

/// The slice of `data` at `index` of `axis`, which it then lacks.
Tensor slice_of(KernelContext& context, const Tensor& data, int axis, std::int64_t index) {
  Shape shape = data.shape();
  shape.erase(axis);
  return cut_out(context, data, axis, index, 1).reshaped(shape);
}

std::int64_t entry(const KernelContext& context, std::string_view name, std::size_t i) {
  const auto list = context.attributes().integers(name);
  return i < list.size() ? list[i] : 0;
}

/// What one scan reads and leaves.
struct Scan {
  Values states;     ///< initial ones before, final ones after
  Values sequences;  ///< scanned along `axes`
  std::vector<int> axes;
  std::int64_t length = 0;        ///< elements to scan
  std::vector<Values> collected;  ///< by scan output, in the order of their iterations

  void run(KernelContext& context, std::string_view directions) {
    const std::size_t kept = states.size();
    Values inputs = std::move(states);
    inputs.resize(kept + sequences.size());
    Values outputs;
    collected.assign(context.output_count() - kept, {});
    for (std::int64_t i = 0; i < length; ++i) {
      context.check_cancelled();
      for (std::size_t k = 0; k < sequences.size(); ++k) {
        const bool backwards = entry(context, directions, k) != 0;
        inputs[kept + k] =
            slice_of(context, sequences[k].tensor(), axes[k], backwards ? length - 1 - i : i);
      }
      context.run_subgraph(0, inputs, outputs);
      std::swap_ranges(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(kept),
                       outputs.begin());
      for (std::size_t k = 0; k < collected.size(); ++k) {
        collected[k].push_back(std::move(outputs[kept + k]));
      }
    }
    inputs.resize(kept);
    states = std::move(inputs);
  }
};

void run_scan(KernelContext& context) {
  const auto scans = static_cast<std::size_t>(context.attributes().integer("num_scan_inputs", 0));
  const std::size_t states = context.input_count() - scans;
  Scan scan;
  for (std::size_t i = 0; i < states; ++i) scan.states.push_back(context.input_value(i));
  for (std::size_t k = 0; k < scans; ++k) {
    const Tensor& data = context.input(states + k);
    const int axis = normalize_axis(entry(context, "scan_input_axes", k), data.rank());
    if (k == 0) scan.length = data.dim(axis);
    if (data.dim(axis) != scan.length) {
      context.fail(ErrorCode::shape_mismatch, "the scanned axes differ in length");
    }
    scan.sequences.emplace_back(data);
    scan.axes.push_back(axis);
  }
  scan.run(context, "scan_input_directions");
  for (std::size_t i = 0; i < states; ++i) context.set_output(i, std::move(scan.states[i]));
  for (std::size_t k = 0; k < scan.collected.size(); ++k) {
    Values& parts = scan.collected[k];
    if (entry(context, "scan_output_directions", k) != 0) std::reverse(parts.begin(), parts.end());
    context.set_output(states + k, stacked(context, parts, entry(context, "scan_output_axes", k),
                                           body_type(context, states + k)));
  }
}

/// Scan of opset 8: a batch of sequences of own lengths, input 0, in tensors [batch, time, ...].
void run_batched_scan(KernelContext& context) {
  const auto scans = static_cast<std::size_t>(context.attributes().integer("num_scan_inputs", 0));
  const std::size_t states = context.input_count() - 1 - scans;
  const Tensor& first = context.input(1 + states);
  if (first.rank() < 2) context.fail(ErrorCode::shape_mismatch, "a scan input has no time axis");
  const std::int64_t batch = first.dim(0);
  const std::int64_t time = first.dim(1);
  const auto lengths =
      context.has_input(0) ? integers(context, context.input(0)) : std::span<const std::int64_t>();
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    const Shape& shape = context.input(i).shape();
    const bool scanned = i > states;
    if (shape.rank() < (scanned ? 2 : 1) || shape[0] != batch || (scanned && shape[1] != time)) {
      context.fail(ErrorCode::shape_mismatch, "the inputs differ in batch or time axis");
    }
  }
  if (context.has_input(0) && std::ssize(lengths) != batch) {
    context.fail(ErrorCode::shape_mismatch, "sequence_lens does not have one entry per sequence");
  }
  std::vector<Values> results(context.output_count());
  for (std::int64_t b = 0; b < batch; ++b) {
    Scan scan;
    scan.length = lengths.empty() ? time : lengths[static_cast<std::size_t>(b)];
    if (scan.length < 0 || scan.length > time) {
      context.fail(ErrorCode::invalid_argument, "a sequence is longer than the time axis");
    }
    for (std::size_t i = 1; i < context.input_count(); ++i) {
      Values& list = i > states ? scan.sequences : scan.states;
      list.emplace_back(slice_of(context, context.input(i), 0, b));
    }
    scan.axes.assign(scans, 0);
    scan.run(context, "directions");
    for (std::size_t i = 0; i < states; ++i) results[i].push_back(std::move(scan.states[i]));
    for (std::size_t k = 0; k < scan.collected.size(); ++k) {
      Values& parts = scan.collected[k];
      const Type& type = body_type(context, states + k);
      const Shape shape =
          parts.empty() ? type.static_shape().value_or(Shape()) : parts[0].tensor().shape();
      while (std::ssize(parts) < time) parts.emplace_back(Tensor::zeros(type.dtype, shape));
      results[states + k].emplace_back(stacked(context, parts, 0, type));
    }
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    context.set_output(i, stacked(context, results[i], 0, body_type(context, i)));
  }
}

void scan(KernelContext& context) {
  context.version() < 9 ? run_batched_scan(context) : run_scan(context);
}

void sequence_map(KernelContext& context) {
  const std::size_t count = context.input_value(0).sequence().size();
  Values inputs(context.input_count());
  Values outputs;
  std::vector<Sequence> results(context.output_count());
  for (std::size_t n = 0; n < count; ++n) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Value& given = context.input_value(i);
      if (given.is_sequence() && given.sequence().size() != count) {
        context.fail(ErrorCode::shape_mismatch, "the input sequences differ in length");
      }
      inputs[i] = given.is_sequence() ? given.sequence()[n] : given;
    }
    context.run_subgraph(0, inputs, outputs);
    for (std::size_t i = 0; i < results.size(); ++i) results[i].push_back(std::move(outputs[i]));
  }
  for (std::size_t i = 0; i < results.size(); ++i) context.set_output(i, std::move(results[i]));
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> control_kernels() {
  using namespace kernels;
  return {
      {"", "If", run_if},
      {"", "Loop", run_loop},
      {"", "Scan", kernels::scan},
      {"", "SequenceMap", sequence_map},
  };
}

}  // namespace inlay::inline v0
