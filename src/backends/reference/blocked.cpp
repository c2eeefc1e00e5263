#include "backends/reference/blocked.hpp"

#include "backends/reference/activation_attribute.hpp"
#include "backends/reference/channels.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

namespace kernels {
namespace {

/// Calls f(place in the plain tensor, place in the blocked one) for every element of `plain`.
template <class F>
void for_each_place(const Shape& plain, std::int64_t block, const F& f) {
  const std::int64_t channels = plain[1], plane = plain.product(2, plain.rank());
  const std::int64_t blocks = blocked_shape(plain, block)[1];
  for (std::int64_t n = 0; n < plain[0]; ++n) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t to = (n * blocks + c / block) * plane * block + c % block;
      for (std::int64_t i = 0; i < plane; ++i) f((n * channels + c) * plane + i, to + i * block);
    }
  }
}

void run_block_channels(KernelContext& context) {
  const Tensor& x = context.input(0);
  const std::int64_t block = channel_block_of(context.attributes());
  const auto y = context.output(0, blocked_shape(x.shape(), block)).as_mutable<float>();
  std::fill(y.begin(), y.end(), 0.0f);
  const float* const from = x.as<float>().data();
  for_each_place(x.shape(), block,
                 [&](std::int64_t plain, std::int64_t at) { y.data()[at] = from[plain]; });
}

void run_unblock_channels(KernelContext& context) {
  const Tensor& x = context.input(0);
  const std::int64_t block = channel_block_of(context.attributes());
  const std::int64_t channels = context.attributes().integer("channels", 0);
  const Shape shape = unblocked_shape(x.shape(), channels, block);
  const bool last = puts_channels_last(context.attributes());
  float* const y =
      context.output(0, last ? channels_last(shape) : shape).as_mutable<float>().data();
  const float* const from = x.as<float>().data();
  const std::int64_t plane = shape.product(2, shape.rank());
  for_each_place(shape, block, [&](std::int64_t plain, std::int64_t at) {
    const std::int64_t image = plain / (channels * plane), c = plain / plane % channels;
    y[last ? (image * plane + plain % plane) * channels + c : plain] = from[at];
  });
}

void run_blocked_gather(KernelContext& context) {
  const std::int64_t block = channel_block_of(context.attributes());
  const ChannelGather gather(context.attributes(), context.input_count());
  const Shape shape = gathered_shape(context, gather);
  const auto y = context.output(0, blocked_shape(shape, block)).as_mutable<float>();
  std::fill(y.begin(), y.end(), 0.0f);
  const std::int64_t plane = shape.product(2, shape.rank());
  for_each_place(shape, block, [&](std::int64_t plain, std::int64_t at) {
    const std::int64_t image = plain / (shape[1] * plane), pixel = plain % plane;
    const auto [input, c] = gather[plain / plane % shape[1]];
    const std::int64_t blocks = context.input(input).dim(1);
    const std::int64_t from = ((image * blocks + c / block) * plane + pixel) * block + c % block;
    y.data()[at] = context.input(input).as<float>().data()[from];
  });
}

/// The image that is input 0, plain.
const float* plain_image(KernelContext& context, const Shape& plain, std::int64_t block) {
  const float* const image = context.input(0).as<float>().data();
  if (!context.attributes().has("channels")) return image;
  const auto copy = context.scratch<float>(plain.elements());
  for_each_place(plain, block,
                 [&](std::int64_t to, std::int64_t at) { copy.data()[to] = image[at]; });
  return copy.data();
}

/// Output 0 becomes activation(sums + residual) in blocks; sums are plain.
void store_blocked(KernelContext& context, const Shape& plain, const float* sums,
                   const float* residual) {
  const std::int64_t block = channel_block_of(context.attributes());
  const auto y = context.output(0, blocked_shape(plain, block)).as_mutable<float>();
  std::fill(y.begin(), y.end(), 0.0f);
  const auto activation = activation_attribute<float>(context.attributes());
  for_each_place(plain, block, [&](std::int64_t from, std::int64_t at) {
    y.data()[at] = activation(sums[from] + (residual == nullptr ? 0.0f : residual[at]));
  });
}

const float* input_or_null(const KernelContext& context, std::size_t i) {
  return context.has_input(i) ? context.input(i).as<float>().data() : nullptr;
}

/// activation(conv(X, W) + B + Z): X (unless planar), Z and the result are blocked.
void run_blocked_conv(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const std::int64_t block = channel_block_of(attributes);
  const Tensor& w = context.input(1);
  const Shape plain = blocked_conv_input(attributes, context.input(0).shape());
  const ConvGeometry g = conv_geometry(attributes, plain, w.shape());
  check_bias(context, 2, g.filters);
  check_residual(context, 3, blocked_shape(g.output, block));
  const auto sums = context.scratch<float>(g.output.elements());
  fill_bias(g, input_or_null(context, 2), sums.data());
  convolve<float>(context, g, plain_image(context, plain, block), w.as<float>().data(),
                  sums.data());
  store_blocked(context, g.output, sums.data(), input_or_null(context, 3));
}

/// activation(ConvTranspose(X, W) + B): X and the result are blocked.
void run_blocked_conv_transpose(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const std::int64_t block = channel_block_of(attributes);
  const Tensor& w = context.input(1);
  const Shape plain = blocked_conv_input(attributes, context.input(0).shape());
  const ConvTransposeGeometry g = conv_transpose_geometry(attributes, plain, w.shape());
  check_bias(context, 2, g.filters);
  const auto sums = context.scratch<float>(g.output.elements());
  convolve_transposed<float>(context, g, plain_image(context, plain, block), w.as<float>().data(),
                             input_or_null(context, 2), sums.data());
  store_blocked(context, g.output, sums.data(), nullptr);
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> blocked_kernels() {
  return {
      {"inlay", "BlockChannels", kernels::run_block_channels},
      {"inlay", "UnblockChannels", kernels::run_unblock_channels},
      {"inlay", "BlockedGather", kernels::run_blocked_gather},
      {"inlay", "BlockedConv", kernels::run_blocked_conv},
      {"inlay", "BlockedConvTranspose", kernels::run_blocked_conv_transpose},
  };
}

}  // namespace inlay::inline v0
