#include "runtime/frame.hpp"

#include <algorithm>

#include "runtime/clock.hpp"

namespace inlay::inline v0 {
namespace {

/// The value with memory that outlives the frame: views of the arena or of the caller are copied.
Value owned(const Value& value) {
  if (value.is_tensor()) return value.tensor().owner() ? value : Value(value.tensor().clone());
  if (value.is_sequence()) {
    const Sequence& from = value.sequence();
    Sequence to;
    to.reserve(from.size());
    for (const Value& element : from) to.push_back(owned(element));
    return to;
  }
  return value;
}

bool is_like(const Value& value, DType dtype, const Shape& shape) {
  return value.is_tensor() && value.tensor().dtype() == dtype && value.tensor().shape() == shape;
}

void copy_elements(const Tensor& from, Tensor& to) {
  if (from.dtype() == DType::string) {
    const auto strings = from.as<std::string>();
    std::copy(strings.begin(), strings.end(), to.as_mutable<std::string>().begin());
  } else if (from.bytes() != 0) {
    std::memmove(to.mutable_data(), from.data(), from.bytes());
  }
}

}  // namespace

Frame::Frame(const Plan& plan, Executor& executor, const ProfileFn& profile)
    : plan_(plan),
      executor_(executor),
      profile_(profile),
      slots_(plan.graph().values.size()),
      extents_(plan.static_extents()),
      children_(plan.steps().size()),
      memory_plan_(plan.plan_memory(extents_)) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (plan.graph().values[i].is_constant()) slots_[i] = plan.graph().values[i].constant;
  }
  std::size_t most_outputs = 0;
  for (std::size_t s = 0; s < plan.steps().size(); ++s) {
    children_[s].resize(step(s).subplans.size());
    most_outputs = std::max(most_outputs, step(s).node->outputs.size());
  }
  unwanted_.resize(most_outputs);
  arena_.reserve(memory_plan_.arena_bytes);
}

void Frame::run(std::span<const Value* const> inputs, std::span<Value> outputs,
                const CancelToken& cancel, std::span<const std::uint8_t> fixed) {
  const Graph& graph = plan_.graph();
  cancel_ = cancel;
  outputs_ = outputs;
  fixed_ = fixed;
  saw_unplanned_ = false;
  std::size_t given = 0;
  for (const ValueId id : graph.inputs) slot(id) = *inputs[given++];
  for (const Capture& capture : graph.captures) slot(capture.inner) = *inputs[given++];
  try {
    for (std::size_t s = 0; s < plan_.steps().size(); ++s) {
      const std::size_t last = memory_plan_.chain_ends[s];
      last == s ? run_step(s) : run_chain(s, last);
      s = last;
    }
    copy_out();
  } catch (...) {
    forget();
    throw;
  }
  forget();
}

void Frame::run_step(std::size_t s) {
  if (cancel_.cancelled()) throw Error(ErrorCode::cancelled, "the run was cancelled");
  const Node& node = *step(s).node;
  KernelContext context(*this, s);
  const std::int64_t start = profile_ ? now() : 0;
  try {
    step(s).kernel->run(context);
  } catch (const Error& error) {
    throw error.at({.node = node.name, .op = qualified_op(node.domain, node.op)});
  }
  if (profile_) profile_(node, step(s).backend->name(), start, now() - start);
  scratch_.reset();
  release(s);
}

Tensor& Frame::place(std::size_t s, std::size_t output, DType dtype, const Shape& shape) {
  const ValueId id = step(s).node->output(output);
  if (id == no_id) {
    if (output >= unwanted_.size()) {
      throw Error(ErrorCode::internal, "a kernel writes an output that its node does not have");
    }
    unwanted_[output] = Tensor(dtype, shape);
    return unwanted_[output].tensor();
  }
  if (const int index = plan_.output_index(id); index >= 0) {
    return place_output(static_cast<std::size_t>(index), id, dtype, shape);
  }
  const std::size_t offset = memory_plan_.offsets[static_cast<std::size_t>(id)];
  std::byte* const memory = offset == MemoryPlan::unplanned ? nullptr : arena_.data() + offset;
  const int bits = bit_width(dtype);
  const auto is_free = [&](std::int64_t elements) {
    if (step(s).joins) return parts_are_in_place(s, memory, byte_size(dtype, elements));
    return !has(step(s).traits, Trait::in_place) ||
           !overlaps_other_input(s, memory, elements, bits);
  };
  Value& value = slot(id);
  if (memory != nullptr && is_like(value, dtype, shape) && value.tensor().data() == memory &&
      is_free(value.tensor().size())) {
    return value.tensor();  // as in the last run
  }
  const std::int64_t elements = shape.elements();
  const std::size_t bytes = byte_size(dtype, elements);
  extents_[static_cast<std::size_t>(id)] = Extent::of(dtype, shape);
  if (memory == nullptr || dtype == DType::string ||
      bytes > memory_plan_.capacities[static_cast<std::size_t>(id)] || !is_free(elements)) {
    return place_on_heap(s, id, dtype, shape);
  }
  value = Tensor::wrap(dtype, shape, memory, bytes);
  return value.tensor();
}

bool Frame::overlaps_other_input(std::size_t s, const std::byte* memory, std::int64_t elements,
                                 int bits) const noexcept {
  for (const ValueId id : step(s).node->inputs) {
    if (id == no_id) continue;
    const Value& value = slots_[static_cast<std::size_t>(id)];
    if (value.is_tensor() && value.tensor().data() == memory &&
        (value.tensor().size() != elements || bit_width(value.tensor().dtype()) != bits)) {
      return true;
    }
  }
  return false;
}

bool Frame::parts_are_in_place(std::size_t s, const std::byte* memory,
                               std::size_t bytes) const noexcept {
  const auto address = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
  std::uintptr_t place = address(memory);
  for (const ValueId id : step(s).node->inputs) {
    const Value& value = slots_[static_cast<std::size_t>(id)];
    if (!value.is_tensor()) continue;
    const std::uintptr_t data = address(value.tensor().data());
    const bool is_inside = data - address(memory) < bytes;
    if (is_inside && data != place && value.tensor().bytes() != 0) return false;
    place += value.tensor().bytes();
  }
  return true;
}

Tensor& Frame::place_on_heap(std::size_t s, ValueId id, DType dtype, const Shape& shape) {
  saw_unplanned_ = true;
  if (has(step(s).traits, Trait::in_place) && dtype != DType::string) {
    const std::int64_t elements = shape.elements();
    for (const ValueId input : step(s).node->inputs) {
      if (input == no_id || !plan_.can_reuse(s, input) || !slot(input).is_tensor()) continue;
      Tensor& tensor = slot(input).tensor();
      if (tensor.owner().use_count() == 1 && tensor.writable() && tensor.size() == elements &&
          bit_width(tensor.dtype()) == bit_width(dtype) && tensor.dtype() != DType::string) {
        slot(id) =
            Tensor::wrap(dtype, shape, tensor.mutable_data(), tensor.bytes(), tensor.owner());
        return slot(id).tensor();
      }
    }
  }
  slot(id) = Tensor(dtype, shape);
  return slot(id).tensor();
}

Tensor& Frame::fit_output(std::size_t index, DType dtype, const Shape& shape) {
  Value& value = outputs_[index];
  const bool fits = is_like(value, dtype, shape);
  if (is_fixed(index) && !fits) {
    const std::string& name = plan_.graph().value(plan_.graph().outputs[index]).name;
    const std::string bound = value.is_tensor() ? std::string(inlay::name(value.tensor().dtype())) +
                                                      to_string(value.tensor().shape())
                                                : "no tensor";
    throw Error(ErrorCode::shape_mismatch,
                "the output is " + std::string(inlay::name(dtype)) + to_string(shape) +
                    ", what was bound is " + bound,
                {.tensor = name});
  }
  if (!fits || (!is_fixed(index) && value.tensor().owner().use_count() != 1)) {
    value = Tensor(dtype, shape);
  }
  return value.tensor();
}

Tensor& Frame::place_output(std::size_t index, ValueId id, DType dtype, const Shape& shape) {
  slot(id) = fit_output(index, dtype, shape);
  return slot(id).tensor();
}

void Frame::set(std::size_t s, std::size_t output, Value value) {
  const ValueId id = step(s).node->output(output);
  if (id == no_id) return;
  const int index = plan_.output_index(id);
  if (index >= 0 && value.is_tensor()) {
    const Tensor& from = value.tensor();
    const Value& there = outputs_[static_cast<std::size_t>(index)];
    const bool has_room =
        is_like(there, from.dtype(), from.shape()) && there.tensor().owner().use_count() == 1;
    if (has_room || is_fixed(static_cast<std::size_t>(index))) {
      Tensor& to = place_output(static_cast<std::size_t>(index), id, from.dtype(), from.shape());
      copy_elements(from, to);
      return;
    }
  }
  slot(id) = owned(value);
  if (index >= 0) outputs_[static_cast<std::size_t>(index)] = slot(id);
}

void Frame::release(std::size_t s) noexcept {
  for (const ValueId id : step(s).last_uses) {
    Value& value = slot(id);
    if (!value.is_tensor() || value.tensor().owner()) value.reset();
  }
}

void Frame::forget() noexcept {
  const Graph& graph = plan_.graph();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (graph.values[i].is_constant()) continue;
    if (!slots_[i].is_tensor() || slots_[i].tensor().owner()) slots_[i].reset();
  }
  for (const ValueId id : graph.inputs) slot(id).reset();
  for (const ValueId id : graph.outputs) {
    if (!graph.value(id).is_constant()) slot(id).reset();
  }
  for (const Capture& capture : graph.captures) slot(capture.inner).reset();
  for (Value& value : unwanted_) value.reset();
  outputs_ = {};
  cancel_ = {};
}

void Frame::copy_out() {
  const Graph& graph = plan_.graph();
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId id = graph.outputs[i];
    const bool made_here = graph.value(id).producer != no_id;
    if (made_here && plan_.output_index(id) == static_cast<int>(i)) continue;
    const Value& from = slot(id);
    if (!from.is_tensor()) {
      outputs_[i] = owned(from);
      continue;
    }
    const Tensor& tensor = from.tensor();
    copy_elements(tensor, fit_output(i, tensor.dtype(), tensor.shape()));
  }
}

void Frame::plan_observed() {
  for (std::size_t i = 0; i < extents_.size(); ++i) {
    const std::size_t before = memory_plan_.capacities[i];
    if (extents_[i].elements >= 0 && extents_[i].bytes < before && extents_[i].bits != 0) {
      extents_[i].bytes = before;
      extents_[i].elements = static_cast<std::int64_t>(before * 8) / extents_[i].bits;
    }
  }
  memory_plan_ = plan_.plan_memory(extents_);
  arena_.reserve(memory_plan_.arena_bytes);
  for (auto& children : children_) {
    for (Child& child : children) {
      if (child.frame) child.frame->plan_observed();
    }
  }
}

SessionMemory Frame::memory() const noexcept {
  SessionMemory total{.arena = arena_.size(), .scratch = scratch_.size()};
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (memory_plan_.offsets[i] == MemoryPlan::unplanned && extents_[i].elements >= 0 &&
        !memory_plan_.within_chain[i] && plan_.graph().values[i].producer != no_id) {
      total.dynamic += extents_[i].bytes;
    }
  }
  for (const auto& children : children_) {
    for (const Child& child : children) {
      if (!child.frame) continue;
      const SessionMemory inner = child.frame->memory();
      total.arena += inner.arena;
      total.scratch += inner.scratch;
      total.dynamic += inner.dynamic;
    }
  }
  return total;
}

void Frame::run_subgraph(std::size_t s, std::size_t index, std::span<const Value> inputs,
                         std::vector<Value>& outputs) {
  const Subplan& subplan = step(s).subplans[index];
  const Graph& graph = subplan.plan->graph();
  Child& child = children_[s][index];
  if (!child.frame) child.frame = std::make_unique<Frame>(*subplan.plan, executor_, profile_);
  if (inputs.size() != graph.inputs.size()) {
    throw Error(ErrorCode::invalid_graph, "the subgraph takes " +
                                              std::to_string(graph.inputs.size()) +
                                              " inputs, not " + std::to_string(inputs.size()));
  }
  child.inputs.clear();
  for (const Value& value : inputs) child.inputs.push_back(&value);
  for (std::size_t c = 0; c < graph.captures.size(); ++c) {
    child.inputs.push_back(&slot(step(s).captures[subplan.first_capture + c]));
  }
  outputs.resize(graph.outputs.size());
  child.frame->run(child.inputs, outputs, cancel_);
  saw_unplanned_ |= child.frame->saw_unplanned();
}

}  // namespace inlay::inline v0
