#include "backends/reference/deform_conv.hpp"

#include <cmath>

#include "backends/reference/conv.hpp"
#include "backends/reference/precision.hpp"

namespace inlay::inline v0::kernels {

namespace {

using Point = std::array<double, Shape::max_rank>;

/// The image at a point between its elements, multilinear; zero outside.
template <class T>
T sample(const Window& window, const T* image, const Point& point) {
  double sum = 0;
  for (std::uint32_t corner = 0; corner < (1u << window.rank); ++corner) {
    double weight = 1;
    std::int64_t offset = 0;
    for (int axis = 0; axis < window.rank; ++axis) {
      const double at = point[static_cast<std::size_t>(axis)];
      const double size = static_cast<double>(window[axis].input);
      if (!(at > -1 && at < size)) return T{};
      const double floor = std::floor(at);
      const bool upper = ((corner >> axis) & 1) != 0;
      const double position = upper ? floor + 1 : floor;
      weight *= upper ? at - floor : 1 - (at - floor);
      if (position < 0 || position >= size) weight = 0;
      offset = offset * window[axis].input + static_cast<std::int64_t>(position);
    }
    if (weight != 0) sum += weight * static_cast<double>(image[offset]);
  }
  return static_cast<T>(sum);
}

}  // namespace

void run_deform_conv(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(1);
  const Tensor& offset = context.input(2);
  const ConvGeometry g = conv_geometry(context.attributes(), x.shape(), w.shape());
  const Window& window = g.window;
  const std::int64_t taps = window.kernel_size(), plane = g.plane();
  const std::int64_t offset_groups = context.attributes().integer("offset_group", 1);
  const auto fits = [&](const Tensor& tensor, std::int64_t per_tap) {
    if (tensor.rank() != x.rank() || tensor.dim(0) != g.batch ||
        tensor.dim(1) != offset_groups * taps * per_tap) {
      return false;
    }
    return std::equal(g.output.begin() + 2, g.output.end(), tensor.shape().begin() + 2);
  };
  if (offset_groups < 1 || g.channels % offset_groups != 0 || !fits(offset, window.rank)) {
    context.fail(ErrorCode::shape_mismatch, "offsets " + to_string(offset.shape()) +
                                                " do not fit the windows and offset_group");
  }
  if (context.has_input(4) && !fits(context.input(4), 1)) {
    context.fail(ErrorCode::shape_mismatch, "the mask does not fit the windows and offset_group");
  }
  check_bias(context, 3, g.filters);
  Tensor& y = context.output(0, g.output);

  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const WideOutput<T> out(context, y);
    const Wide* image = widened<Wide, T>(context, x);
    const Wide* shifts = widened<Wide, T>(context, offset);
    const Wide* mask = widened_input<Wide, T>(context, 4);
    fill_bias(g, widened_input<Wide, T>(context, 3), out.data());
    const auto gather = [&](std::int64_t n, std::int64_t group, std::int64_t first,
                            std::int64_t count, Wide* columns) {
      for (std::int64_t i = 0; i < g.depth() * count; ++i) {
        const std::int64_t p = first + i % count, tap = i / count % taps;
        const std::int64_t channel = group * g.group_channels() + i / count / taps;
        const std::int64_t offset_group = channel / (g.channels / offset_groups);
        const std::int64_t shift = (n * offset_groups + offset_group) * taps + tap;
        Point point{};
        std::int64_t position = p, rest = tap;
        for (int axis = window.rank - 1; axis >= 0; --axis) {
          const WindowAxis& a = window[axis];
          point[static_cast<std::size_t>(axis)] =
              static_cast<double>(a.start(position % a.output) + rest % a.kernel * a.dilation) +
              static_cast<double>(shifts[(shift * window.rank + axis) * plane + p]);
          position /= a.output;
          rest /= a.kernel;
        }
        columns[i] =
            sample(window, image + (n * g.channels + channel) * window.input_size(), point);
        if (mask != nullptr) columns[i] *= mask[shift * plane + p];
      }
    };
    convolve_columns<Wide>(context, g, widened<Wide, T>(context, w), out.data(), gather);
    out.store();
  });
}

}  // namespace inlay::inline v0::kernels
