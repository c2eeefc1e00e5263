#include "runtime/plan.hpp"

#include <algorithm>
#include <atomic>
#include <unordered_set>

#include "runtime/shared_weights.hpp"

namespace inlay::inline v0 {
namespace {

Where place_of(const Node& node) {
  return {.node = node.name, .op = qualified_op(node.domain, node.op)};
}

/// Gives the step the first backend that takes its node; false if there is none.
bool place(Step& step, const Graph& graph,
           std::span<const std::shared_ptr<const Backend>> backends) {
  const CompileContext context{graph, *step.node};
  std::string refusals;
  for (const auto& backend : backends) {
    Support support = backend->supports(context);
    if (support.supported) {
      step.backend = backend.get();
      step.reason = std::move(support.reason) + refusals;
      return true;
    }
    refusals += "; not " + std::string(backend->name()) + ": " + support.reason;
  }
  return false;
}

/// Whether this is a Concat along an axis with nothing but ones before it.
bool joins(const Graph& graph, const Node& node) {
  if (!node.is("Concat")) return false;
  const Type& type = graph.value(node.output(0)).type;
  std::int64_t axis = node.attributes.integer("axis", 1);
  if (axis < 0) axis += type.rank();
  if (!type.has_rank || axis < 0 || axis >= type.rank()) return false;
  return std::all_of(type.dims.begin(), type.dims.begin() + axis,
                     [](const Dim& dim) { return dim.known() && dim.value == 1; });
}

/// Takes the elements of constants that nobody reads any more.
class ConstantReaders {
 public:
  ConstantReaders(Graph& graph, std::span<const Step> steps)
      : graph_(graph), left_(graph.values.size()) {
    for (const Step& step : steps) {
      for (const ValueId id : step.node->inputs) add(id);
      for (const ValueId id : step.captures) add(id);
    }
    for (const ValueId id : graph.outputs) add(id);
  }

  /// A kernel is made and does not read the constant at run time. Called from any thread.
  void consumed(ValueId id) {
    if (graph_.constant(id) == nullptr) return;
    if (left_[static_cast<std::size_t>(id)].fetch_sub(1) != 1) return;
    Tensor& constant = graph_.value(id).constant;
    constant = Tensor::without_elements(constant.dtype(), constant.shape());
  }

  /// Errors: invalid_argument, when a constant that is read at run time is without elements.
  void check() const {
    for (std::size_t i = 0; i < left_.size(); ++i) {
      const ValueInfo& value = graph_.values[i];
      if (left_[i] > 0 && value.is_constant() && !value.constant.has_elements()) {
        throw Error(ErrorCode::invalid_argument, "a constant that is needed has no elements",
                    {.tensor = value.name});
      }
    }
  }

 private:
  void add(ValueId id) {
    if (id != no_id) ++left_[static_cast<std::size_t>(id)];
  }

  Graph& graph_;
  std::vector<std::atomic<std::int32_t>> left_;  ///< by ValueId
};

PackedWeights next_stored(Compilation& compilation) {
  const std::size_t step = compilation.steps++;
  if (compilation.stored == nullptr) return {};
  if (step >= compilation.stored->size()) {
    throw Error(ErrorCode::stale, "the prepared file holds the weights of fewer nodes");
  }
  return PackedWeights(std::move((*compilation.stored)[step]));
}

}  // namespace

std::unique_ptr<const Plan> Plan::compile(Graph& graph, Compilation& compilation) {
  std::unique_ptr<Plan> plan(new Plan(graph));
  std::string refused;
  Where first_refused;
  for (Node& node : graph.nodes) {
    if (node.dead()) continue;
    Step step;
    step.node = &node;
    if (!place(step, graph, compilation.backends)) {
      if (refused.empty()) first_refused = place_of(node);
      const std::string op =
          qualified_op(node.domain, node.op) + " (version " + std::to_string(node.version) + ")";
      if (refused.find(op) == std::string::npos) refused += (refused.empty() ? "" : ", ") + op;
      continue;
    }
    const Registry& registry = compilation.registry;
    if (const OpSchema* schema = registry.find_op(node.domain, node.op, node.version)) {
      step.traits = schema->traits;
    }
    step.joins = joins(graph, node);
    step.packed = next_stored(compilation);
    for_each_subgraph(node, [&](Graph& subgraph) {
      step.subplans.push_back({Plan::compile(subgraph, compilation), step.captures.size()});
      for (const Capture& capture : subgraph.captures) step.captures.push_back(capture.outer);
    });
    plan->steps_.push_back(std::move(step));
  }
  if (!refused.empty()) {
    throw Error(ErrorCode::unsupported, "no backend runs " + refused, first_refused);
  }
  plan->compile_kernels(graph, compilation.executor);
  plan->output_index_.assign(graph.values.size(), -1);
  for (std::size_t i = graph.outputs.size(); i-- > 0;) {
    plan->output_index_[static_cast<std::size_t>(graph.outputs[i])] = static_cast<int>(i);
  }
  plan->find_storage();
  plan->find_last_uses();
  plan->find_rows();
  return plan;
}

void Plan::compile_kernels(Graph& graph, Executor& executor) {
  ConstantReaders readers(graph, steps_);
  std::vector<std::exception_ptr> errors(steps_.size());
  const std::vector<std::size_t> first = first_of_equal_packing(graph, steps_);
  const auto compile = [&](Step& step) {
    step.kernel = step.backend->compile({graph, *step.node, &step.packed});
    step.packed.finish();
    for (std::size_t i = 0; i < step.node->inputs.size(); ++i) {
      if (step.kernel->consumed(i)) readers.consumed(step.node->inputs[i]);
    }
  };
  // Those that share what others pack come after these.
  for (const bool shares : {false, true}) {
    executor.parallel_for(std::ssize(steps_), [&](std::int64_t task, int) {
      const auto i = static_cast<std::size_t>(task);
      if (shares != (first[i] != i) || errors[first[i]]) return;
      try {
        if (shares) {
          const auto tensors = steps_[first[i]].packed.tensors();
          steps_[i].packed = PackedWeights({tensors.begin(), tensors.end()});
        }
        compile(steps_[i]);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
  }
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (!errors[i]) continue;
    try {
      std::rethrow_exception(errors[i]);
    } catch (...) {
      throw current_error().at(place_of(*steps_[i].node));
    }
  }
  readers.check();
}

std::size_t Plan::packed_bytes() const noexcept {
  std::size_t bytes = 0;
  std::unordered_set<const void*> seen;  // steps may share what one of them packed
  each_step([&](const Step& step) {
    bytes += step.kernel->packed_bytes();
    for (const Tensor& tensor : step.packed.tensors()) {
      if (seen.insert(tensor.data()).second) bytes += tensor.bytes();
    }
  });
  return bytes;
}

void Plan::find_storage() {
  storage_.resize(graph_.values.size());
  for (std::size_t i = 0; i < storage_.size(); ++i) storage_[i] = static_cast<ValueId>(i);
  for (const Step& step : steps_) {
    const ValueId from = step.node->input(0);
    const ValueId to = step.node->output(0);
    // A graph output has memory of its own, so a view that ends in one copies.
    if (has(step.traits, Trait::view) && from != no_id && to != no_id && output_index(to) < 0) {
      storage_[static_cast<std::size_t>(to)] = storage(from);
    }
  }
}

void Plan::find_last_uses() {
  last_use_.assign(graph_.values.size(), -1);
  planned_.assign(graph_.values.size(), false);
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const auto touch = [&](ValueId id) {
      if (id != no_id)
        last_use_[static_cast<std::size_t>(storage(id))] = static_cast<std::int32_t>(s);
    };
    for (const ValueId id : steps_[s].node->inputs) touch(id);
    for (const ValueId id : steps_[s].captures) touch(id);
    for (const ValueId id : steps_[s].node->outputs) {
      touch(id);
      if (id != no_id && storage(id) == id && output_index(id) < 0) {
        planned_[static_cast<std::size_t>(id)] = true;
      }
    }
  }
  for (std::size_t i = 0; i < graph_.values.size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    const ValueId root = storage(id);
    const std::int32_t last = last_use_[static_cast<std::size_t>(root)];
    if (last >= 0 && planned_[static_cast<std::size_t>(root)]) {
      steps_[static_cast<std::size_t>(last)].last_uses.push_back(id);
    }
  }
}

void Plan::find_rows() {
  std::vector<int> readers(graph_.values.size(), 0);
  for (const Step& step : steps_) {
    for (const auto* list : {&step.node->inputs, &step.captures}) {
      for (const ValueId id : *list) {
        if (id != no_id) ++readers[static_cast<std::size_t>(id)];
      }
    }
  }
  for (std::size_t s = 0; s + 1 < steps_.size(); ++s) {
    const ValueId between = steps_[s].node->output(0);
    steps_[s].leads_rows = between != no_id && steps_[s].node->outputs.size() == 1 &&
                           steps_[s].kernel->runs_rows() && steps_[s + 1].kernel->runs_rows() &&
                           steps_[s + 1].node->input(0) == between && output_index(between) < 0 &&
                           readers[static_cast<std::size_t>(between)] == 1;
  }
}

bool Plan::can_reuse(std::size_t step, ValueId input) const {
  const ValueId root = storage(input);
  return planned_[static_cast<std::size_t>(root)] &&
         last_use_[static_cast<std::size_t>(root)] == static_cast<std::int32_t>(step);
}

Extent Extent::of(DType dtype, const Shape& shape) {
  const std::int64_t elements = shape.elements();
  return {dtype == DType::string ? -1 : elements, byte_size(dtype, elements), bit_width(dtype),
          shape.rank() > 2 ? shape[0] * shape[2] : 0};
}

std::vector<Extent> Plan::static_extents() const {
  std::vector<Extent> extents(graph_.values.size());
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const Type& type = graph_.values[i].type;
    const std::optional<Shape> shape = type.static_shape();
    if (!shape || type.dtype == DType::string || type.dtype == DType::undefined) continue;
    extents[i] = Extent::of(type.dtype, *shape);
  }
  return extents;
}

}  // namespace inlay::inline v0
