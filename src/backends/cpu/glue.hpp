// What the operator files of this folder share.
#pragma once

#include <algorithm>
#include <memory>

#include "backends/cpu/cpu.hpp"

namespace inlay::inline v0::cpu {

inline Support supported() { return {true, "SIMD kernel"}; }
inline Support unsupported(const char* reason) { return {false, reason}; }

/// Supported when every input that is there is f32, from input `first` on.
inline Support float_inputs(const CompileContext& context, std::size_t count,
                            std::size_t first = 0) {
  for (std::size_t i = first; i < std::min(count, context.node.inputs.size()); ++i) {
    if (context.node.has_input(i) && context.dtype(i) != DType::float32) {
      return unsupported("only f32 has a kernel");
    }
  }
  return supported();
}

/// A CpuOp::compile that constructs a K from the context and the table.
template <class K>
std::unique_ptr<Kernel> compile_as(const CompileContext& context, const KernelTable& table) {
  return std::make_unique<K>(context, table);
}

inline std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

inline const float* floats(KernelContext& context, std::size_t i) {
  return context.input(i).as<float>().data();
}
/// Null where the input is absent.
inline const float* floats_or_null(KernelContext& context, std::size_t i) {
  return context.has_input(i) ? floats(context, i) : nullptr;
}

/// Tasks that large work is cut into at least, where its results do not depend on the cuts: enough
/// that no thread waits long for another, or one where there is none to wait for.
inline std::int64_t wanted_tasks(const KernelContext& context) {
  constexpr std::int64_t per_thread = 8;
  const std::int64_t threads = context.concurrency();
  return threads > 1 ? per_thread * threads : 1;
}

/// Elements of cheap work that are worth a task of their own.
inline constexpr std::int64_t task_elements = 1 << 14;

/// Pieces of `count` items, each of `item_elements` elements, that make a task.
inline std::int64_t items_per_task(std::int64_t item_elements) {
  return std::max<std::int64_t>(1, task_elements / std::max<std::int64_t>(1, item_elements));
}

/// Runs f(begin, end, worker) over [0, count) cut into pieces of `grain`.
template <class F>
void for_ranges(KernelContext& context, std::int64_t count, std::int64_t grain, F&& f) {
  if (count == 0) return;
  context.parallel_for((count - 1) / grain + 1, [&](std::int64_t task, int worker) {
    const std::int64_t begin = task * grain;
    f(to_size(begin), to_size(std::min(begin + grain, count)), worker);
  });
}

/// `count` T for each worker; row `worker` begins at data() + worker * count.
template <class T>
T* scratch_per_worker(KernelContext& context, std::size_t count) {
  return static_cast<T*>(
      context.scratch(count * sizeof(T) * static_cast<std::size_t>(context.concurrency())));
}

}  // namespace inlay::inline v0::cpu
