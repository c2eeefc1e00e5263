// oneDNN's convolutions, to compare with in one run: in layouts of its choice, on one thread
// (OMP_NUM_THREADS=1).
#include <dnnl.hpp>
#include <unordered_map>

#include "conv_layers.hpp"
#include "support.hpp"

namespace inlay_bench {
namespace {

using namespace dnnl;

dnnl::memory filled(const memory::desc& desc, const engine& e) {
  memory result(desc, e);
  auto* const data = static_cast<float*>(result.get_data_handle());
  for (std::size_t i = 0; i < desc.get_size() / sizeof(float); ++i) data[i] = 0.01f;
  return result;
}

convolution_forward::primitive_desc describe(const ConvShape& s, const engine& e) {
  using tag = memory::format_tag;
  const auto any = [](memory::dims dims) {
    return memory::desc(std::move(dims), memory::data_type::f32, tag::any);
  };
  const memory::desc src = any({s.batch, s.channels, s.in.h, s.in.w});
  const memory::desc dst = any({s.batch, s.filters, s.out.h, s.out.w});
  const memory::desc weights =
      s.groups == 1
          ? any({s.filters, s.channels, s.kernel.h, s.kernel.w})
          : any({s.groups, s.group_filters(), s.group_channels(), s.kernel.h, s.kernel.w});
  const memory::desc bias({s.filters}, memory::data_type::f32, tag::a);
  const memory::dims strides = {s.stride.h, s.stride.w}, pads = {s.pad.h, s.pad.w};
  const auto end = [](std::int64_t out, std::int64_t stride, std::int64_t kernel, std::int64_t in,
                      std::int64_t pad) { return (out - 1) * stride + kernel - in - pad; };
  const memory::dims pads_end = {end(s.out.h, s.stride.h, s.kernel.h, s.in.h, s.pad.h),
                                 end(s.out.w, s.stride.w, s.kernel.w, s.in.w, s.pad.w)};
  post_ops activation;
  primitive_attr attributes;
  constexpr auto kind = prop_kind::forward_inference;
  constexpr auto direct = algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  activation.append_eltwise(algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(activation);
  return {e, kind, direct, src, weights, bias, dst, strides, pads, pads_end, attributes};
#else
  activation.append_eltwise(1, algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(activation);
  return {{kind, direct, src, weights, bias, dst, strides, pads, pads_end}, attributes, e};
#endif
}

void onednn_conv(benchmark::State& state, const KernelTable& peak, Layer layer) {
  const ConvShape s = shape_of(layer);
  const engine e(engine::kind::cpu, 0);
  stream queue(e);
  const auto described = describe(s, e);
  const convolution_forward conv(described);
  const std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, filled(described.src_desc(), e)},
      {DNNL_ARG_WEIGHTS, filled(described.weights_desc(), e)},
      {DNNL_ARG_BIAS, filled(described.bias_desc(), e)},
      {DNNL_ARG_DST, filled(described.dst_desc(), e)}};
  for (auto _ : state) {
    conv.execute(queue, arguments);
    queue.wait();
  }
  state.SetLabel(described.impl_info_str());
  report_flops(
      state, peak,
      2.0 * static_cast<double>(s.filters * s.group_channels() * s.kernel.count() * s.out.count()));
}

const bool registered = [] {
  for (const Layer& layer : kLayers) {
    if (layer.transpose) continue;
    const std::string name = std::string("conv/onednn/") + layer.name;
    benchmark::RegisterBenchmark(name.c_str(), onednn_conv, best_table(), layer);
  }
  return true;
}();

}  // namespace
}  // namespace inlay_bench
