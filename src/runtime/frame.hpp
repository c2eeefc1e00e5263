// Frame: the values of a plan while it runs, and the memory they lie in.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "inlay/executor.hpp"
#include "inlay/session.hpp"
#include "runtime/buffer.hpp"
#include "runtime/plan.hpp"

namespace inlay::inline v0 {

using ProfileFn = decltype(SessionOptions::profile);

/// Not thread-safe. Steady state (same input shapes again) allocates nothing.
class Frame {
 public:
  Frame(const Plan& plan, Executor& executor, const ProfileFn& profile);

  /// Runs all steps. `outputs` (one per graph output) are written where they lie when they hold a
  /// tensor of the right dtype and shape that nobody else holds, else replaced; those that `fixed`
  /// marks (by position; empty: none) must fit. `inputs`: the graph's inputs, then its captures.
  void run(std::span<const Value* const> inputs, std::span<Value> outputs,
           const CancelToken& cancel, std::span<const std::uint8_t> fixed = {});
  /// Lays memory out for the extents that the last run had, so that the next one like it allocates
  /// nothing. Called between runs.
  void plan_observed();
  /// Whether the last run met values without planned memory.
  bool saw_unplanned() const noexcept { return saw_unplanned_; }

  SessionMemory memory() const noexcept;

 private:
  friend class KernelContext;
  struct Child {
    std::unique_ptr<Frame> frame;
    std::vector<const Value*> inputs;
    std::vector<Value> outputs;
  };

  const Step& step(std::size_t s) const noexcept { return plan_.steps()[s]; }
  Tensor& place(std::size_t s, std::size_t output, DType dtype, const Shape& shape);
  Tensor& place_output(std::size_t index, ValueId id, DType dtype, const Shape& shape);
  Tensor& place_on_heap(std::size_t s, ValueId id, DType dtype, const Shape& shape);
  bool overlaps_other_input(std::size_t s, const std::byte* memory, std::int64_t elements,
                            int bits) const noexcept;
  /// Whether inputs of a joining step that lie in the memory of its output lie where they belong.
  bool parts_are_in_place(std::size_t s, const std::byte* memory, std::size_t bytes) const noexcept;
  void set(std::size_t s, std::size_t output, Value value);
  bool is_fixed(std::size_t index) const noexcept {
    return index < fixed_.size() && fixed_[index] != 0;
  }
  /// Makes output `index` a tensor like that, or fails when it is fixed and is not.
  Tensor& fit_output(std::size_t index, DType dtype, const Shape& shape);
  void release(std::size_t s) noexcept;
  void forget() noexcept;
  void copy_out();
  void run_step(std::size_t s);
  /// Steps [first, last], by rows.
  void run_chain(std::size_t first, std::size_t last);
  void report_chain(std::size_t first, std::size_t last, std::int64_t start,
                    const std::atomic<std::int64_t>* times) const;
  void run_subgraph(std::size_t s, std::size_t index, std::span<const Value> inputs,
                    std::vector<Value>& outputs);
  Value& slot(ValueId id) noexcept { return slots_[static_cast<std::size_t>(id)]; }

  const Plan& plan_;
  Executor& executor_;
  const ProfileFn& profile_;
  CancelToken cancel_;
  std::vector<Value> slots_;                  ///< by ValueId
  std::vector<Extent> extents_;               ///< by ValueId, as last seen
  std::vector<std::vector<Child>> children_;  ///< by step, by subgraph
  std::vector<Value> unwanted_;               ///< by output position: stands in where nobody reads
  MemoryPlan memory_plan_;
  Buffer arena_;
  Scratch scratch_;
  std::span<Value> outputs_;
  std::span<const std::uint8_t> fixed_;
  bool saw_unplanned_ = false;
};

}  // namespace inlay::inline v0
