#include "backends/cpu/broadcast_term.hpp"

#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::cpu {

const float* broadcast_term(KernelContext& context, std::size_t i, const Shape& output,
                            const float* other) {
  if (!context.has_input(i)) return other;
  const Tensor& term = context.input(i);
  const float* from = term.as<float>().data();
  if (other == nullptr && term.shape() == output) return from;
  float* full = context.scratch<float>(output.elements()).data();
  kernels::walk<1>(output, {kernels::broadcast_strides(term.shape(), output)},
                   [&](std::int64_t n, kernels::Offsets<1> at) {
                     full[n] = from[at[0]] + (other == nullptr ? 0.0f : other[n]);
                   });
  return full;
}

}  // namespace inlay::inline v0::cpu
