// 8-bit codes for whatever numbers there are, as DynamicQuantizeLinear chooses them.
#pragma once

#include "backends/cpu/quantized_codes.hpp"
#include "backends/reference/quantization.hpp"

namespace inlay::inline v0::cpu {

using kernels::DynamicCodes;

/// Codes for all n numbers of x.
inline DynamicCodes codes_for(KernelContext& context, const QuantizeKernels& table, const float* x,
                              std::int64_t n) {
  const auto ranges = context.scratch<kernels::NumberRange>(kernels::ceil_div(n, task_elements));
  for_ranges(context, n, task_elements, [&](std::size_t begin, std::size_t end, int) {
    ranges[begin / to_size(task_elements)] = table.range(x + begin, end - begin);
  });
  kernels::NumberRange all;
  for (const kernels::NumberRange& one : ranges) {
    all = {std::min(all.low, one.low), std::max(all.high, one.high)};
  }
  return {all.low, all.high};
}

/// Writes the codes of all n numbers of x.
inline void write_codes(KernelContext& context, const QuantizeKernels& table,
                        const DynamicCodes& codes, const float* x, std::int64_t n,
                        std::uint8_t* to) {
  for_ranges(context, n, task_elements, [&](std::size_t begin, std::size_t end, int) {
    table.uint8.quantize(x + begin, to + begin, end - begin, codes.scale, codes.zero_point);
  });
}

}  // namespace inlay::inline v0::cpu
