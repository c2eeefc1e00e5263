// Plan: a graph compiled to steps. Immutable; belongs to a model and is shared by its sessions.
#pragma once

#include <inlay/kernels/inline.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "inlay/backend.hpp"

namespace inlay::inline v0 {

/// A subgraph of a step, compiled.
struct Subplan {
  std::unique_ptr<const Plan> plan;
  std::size_t first_capture = 0;  ///< where its captures start in Step::captures
};

/// One node with its kernel.
struct Step {
  const Node* node = nullptr;
  const Backend* backend = nullptr;
  std::string reason;
  PackedWeights packed;
  std::unique_ptr<const Kernel> kernel;
  std::vector<ValueId> captures;   ///< values that the subgraphs read
  std::vector<Subplan> subplans;   ///< in attribute order
  std::vector<ValueId> last_uses;  ///< values that nobody needs after this step
  Trait traits = Trait::none;
  bool joins = false;       ///< a Concat whose output is its inputs, one after the other in memory
  bool leads_rows = false;  ///< the next step alone reads the output, and both run by rows
};

/// Number of elements and bytes that a value takes.
struct Extent {
  std::int64_t elements = -1;  ///< -1 when not known
  std::size_t bytes = 0;
  int bits = 0;           ///< of one element
  std::int64_t rows = 0;  ///< places along axis 2, of all images; 0: there is no such axis

  static Extent of(DType dtype, const Shape& shape);
};

/// Steps that run by rows together at most.
inline constexpr std::size_t most_chain_steps = 4;

/// Where values lie in the arena, and which steps run by rows together, so that what lies between
/// them needs no place.
struct MemoryPlan {
  static constexpr std::size_t unplanned = static_cast<std::size_t>(-1);
  std::vector<std::size_t> offsets;     ///< by ValueId
  std::vector<std::size_t> capacities;  ///< by ValueId
  std::size_t arena_bytes = 0;
  std::vector<std::size_t> chain_ends;  ///< by step: the last that runs by rows with it

  bool is_within_chain(ValueId id) const noexcept {
    return within_chain[static_cast<std::size_t>(id)];
  }
  std::vector<bool> within_chain;  ///< by ValueId
};

/// What a plan is made with.
struct Compilation {
  const Registry& registry;
  std::span<const std::shared_ptr<const Backend>> backends;  ///< asked in order
  Executor& executor;                                        ///< packs weights
  /// Packed weights of a prepared file in the order of Plan::each_step; null: none.
  std::vector<std::vector<Tensor>>* stored = nullptr;
  std::size_t steps = 0;  ///< so far, those of subgraphs included
};

class INLAY_API Plan {
 public:
  /// `graph` must outlive the plan; its constants that nobody reads once kernels have packed them
  /// lose their elements. Errors: unsupported, naming every node that no backend takes; any error
  /// of compiling a kernel.
  INLAY_COLD static std::unique_ptr<const Plan> compile(Graph& graph, Compilation& compilation);

  const Graph& graph() const noexcept { return graph_; }
  std::span<const Step> steps() const noexcept { return steps_; }
  std::size_t packed_bytes() const noexcept;
  /// Calls f(step) for each step, before those of its subgraphs.
  template <class F>
  void each_step(F&& f) const {
    for (const Step& step : steps_) {
      f(step);
      for (const Subplan& subplan : step.subplans) subplan.plan->each_step(f);
    }
  }

  /// Position of a value among the graph's outputs, -1 if it is none.
  int output_index(ValueId id) const noexcept {
    return output_index_[static_cast<std::size_t>(id)];
  }
  /// The value whose memory `id` shares through views.
  ValueId storage(ValueId id) const noexcept { return storage_[static_cast<std::size_t>(id)]; }

  /// What type inference knows of every value.
  std::vector<Extent> static_extents() const;
  /// Lays out every value with a known extent that a step produces and that is no graph output.
  MemoryPlan plan_memory(std::span<const Extent> extents) const;
  /// Whether step `step` may let output 0 take the memory of input `input`.
  bool can_reuse(std::size_t step, ValueId input) const;

 private:
  explicit Plan(const Graph& graph) : graph_(graph) {}
  void compile_kernels(Graph& graph, Executor& executor);
  void find_storage();
  void find_last_uses();
  void find_rows();
  void plan_chains(std::span<const Extent> extents, MemoryPlan& memory) const;

  const Graph& graph_;
  std::vector<Step> steps_;
  std::vector<int> output_index_;
  std::vector<ValueId> storage_;
  std::vector<std::int32_t> last_use_;  ///< by storage: the last step that needs it; -1 for none
  std::vector<bool> planned_;           ///< by storage: made by a step, and no graph output
};

}  // namespace inlay::inline v0
