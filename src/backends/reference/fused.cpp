#include "backends/reference/activation_attribute.hpp"
#include "backends/reference/channels.hpp"
#include "backends/reference/conv.hpp"
#include "backends/reference/matmul.hpp"
#include "backends/reference/precision.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

namespace kernels {
namespace {

/// values += input i, if there, broadcast to `shape`.
template <class T, class Element>
void add_input(KernelContext& context, std::size_t i, const Shape& shape, std::span<T> values) {
  if (!context.has_input(i)) return;
  const Tensor& tensor = context.input(i);
  const Element* from = tensor.as<Element>().data();
  walk<1>(shape, {broadcast_strides(tensor.shape(), shape)}, [&](std::int64_t n, Offsets<1> at) {
    values[static_cast<std::size_t>(n)] += from[at[0]];
  });
}

template <class T>
void activate(const ActivationFunction<T>& f, std::span<T> values) {
  std::transform(values.begin(), values.end(), values.begin(), f);
}

/// com.microsoft:FusedConv: activation(conv(X, W) + B + Z). NhwcFusedConv and NhwcConv: the same
/// with the channels of X, Y and Z last.
template <bool last>
void run_fused_conv(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(1);
  const Shape x_shape = last ? channels_first(x.shape()) : x.shape();
  const ConvGeometry g = conv_geometry(context.attributes(), x_shape, w.shape());
  check_bias(context, 2, g.filters);
  Tensor& y = context.output(0, last ? channels_last(g.output) : g.output);
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const WideOutput<T> out(context, y);
    const Wide* image = widened<Wide, T>(context, x);
    if (last) image = with_channels_first(context, image, x_shape);
    Wide* sums = last ? context.scratch<Wide>(y.size()).data() : out.data();
    fill_bias(g, widened_input<Wide, T>(context, 2), sums);
    convolve<Wide>(context, g, image, widened<Wide, T>(context, w), sums);
    if (last) put_channels_last(sums, g.output, out.data());
    add_input<Wide, T>(context, 3, y.shape(), out.values());
    activate(activation_attribute<Wide>(context.attributes()), out.values());
    out.store();
  });
}

/// inlay:FusedMatMul: activation(A * B + bias + residual). B may be narrower than the rest.
void run_fused_matmul(KernelContext& context) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(1);
  const MatMulGeometry g = matmul_geometry(a.shape(), b.shape());
  Tensor& y = context.output(0, g.output);
  visit_dtype<Floats>(a.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const WideOutput<T> out(context, y);
    const Wide* wide_b = nullptr;
    if (b.dtype() == a.dtype()) {
      wide_b = widened<Wide, T>(context, b);
    } else if constexpr (std::is_same_v<T, float>) {
      visit_dtype<Types<float16, bfloat16>>(
          b.dtype(), [&]<class Half>() { wide_b = widened<Wide, Half>(context, b); });
    }
    matmul<Wide>(context, g, widened<Wide, T>(context, a), wide_b, out.data());
    for (const std::size_t i : {2, 3}) add_input<Wide, T>(context, i, g.output, out.values());
    activate(activation_attribute<Wide>(context.attributes()), out.values());
    out.store();
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> fused_kernels() {
  return {
      {"com.microsoft", "FusedConv", kernels::run_fused_conv<false>},
      {"com.microsoft", "NhwcConv", kernels::run_fused_conv<true>},
      {"com.microsoft", "NhwcFusedConv", kernels::run_fused_conv<true>},
      {"inlay", "FusedMatMul", kernels::run_fused_matmul},
  };
}

}  // namespace inlay::inline v0
