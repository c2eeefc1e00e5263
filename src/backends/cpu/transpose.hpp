// Running a transpose plan as tasks.
#pragma once

#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {

inline void run_transpose(KernelContext& context, const SpatialKernels& table,
                          const kernels::TransposePlan& plan, const void* from, void* to) {
  const auto function = table.transpose[std::countr_zero(plan.element_size)];
  const std::size_t item =
      plan.copy ? plan.columns : plan.columns * std::min(plan.rows, plan.strip);
  for_ranges(
      context, static_cast<std::int64_t>(plan.items),
      items_per_task(static_cast<std::int64_t>(item)),
      [&](std::size_t begin, std::size_t end, int) { function(from, to, plan, begin, end); });
}

}  // namespace inlay::inline v0::cpu
