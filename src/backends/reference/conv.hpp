// The convolution behind Conv and its integer, quantized, deformable and fused forms.
#pragma once

#include "backends/reference/columns.hpp"
#include "backends/reference/product.hpp"

namespace inlay::inline v0::kernels {

struct ConvGeometry {
  std::int64_t batch, channels, filters, groups;
  Window window;
  Shape output;

  std::int64_t group_channels() const { return channels / groups; }
  std::int64_t group_filters() const { return filters / groups; }
  std::int64_t plane() const { return window.output_size(); }
  /// Products that are summed up for one output element.
  std::int64_t depth() const { return group_channels() * window.kernel_size(); }
  /// Whether the columns of the image are the image itself.
  bool pointwise() const {
    bool result = true;
    for (int i = 0; i < window.rank; ++i) {
      const WindowAxis& axis = window[i];
      result = result && axis.kernel == 1 && axis.stride == 1 && axis.pad_begin == 0 &&
               axis.output == axis.input;
    }
    return result;
  }
};

/// x: [batch, channels, spatial...], w: [filters, channels / group, kernel...].
/// Errors: shape_mismatch, invalid_graph.
inline ConvGeometry conv_geometry(const Attributes& attributes, const Shape& x, const Shape& w) {
  const std::int64_t groups = attributes.integer("group", 1);
  if (x.rank() < 3 || w.rank() != x.rank() || groups < 1 || w[0] % groups != 0 ||
      x[1] % groups != 0 || x[1] / groups != w[1]) {
    throw Error(ErrorCode::shape_mismatch, "weights " + to_string(w) + " in " +
                                               std::to_string(groups) +
                                               " groups do not fit an input of " + to_string(x));
  }
  ConvGeometry g{
      x[0], x[1], w[0], groups, make_window(attributes, x.dims().subspan(2), w.dims().subspan(2)),
      {}};
  g.output = {g.batch, g.filters};
  for (const std::int64_t dim : g.window.output_shape()) g.output.push_back(dim);
  return g;
}

/// Fails unless input i is absent or holds one number per filter.
inline void check_bias(const KernelContext& context, std::size_t i, std::int64_t filters) {
  if (context.has_input(i) && context.input(i).size() != filters) {
    context.fail(ErrorCode::shape_mismatch, "the bias is " + to_string(context.input(i).shape()) +
                                                " for " + std::to_string(filters) + " filters");
  }
}

/// Sets every output element to its filter's bias (null: zero).
template <class T>
void fill_bias(const ConvGeometry& g, const T* bias, T* y) {
  const std::int64_t plane = g.plane();
  for (std::int64_t n = 0; n < g.batch; ++n) {
    for (std::int64_t m = 0; m < g.filters; ++m, y += plane) {
      std::fill_n(y, plane, bias != nullptr ? bias[m] : T{});
    }
  }
}

/// y += w * columns, where gather(image, group, first, count, columns) writes the columns
/// [first, first + count) of one image and group, dense, depth() rows of them.
template <class T, class Gather>
void convolve_columns(KernelContext& context, const ConvGeometry& g, const T* w, T* y,
                      Gather&& gather) {
  if (g.output.elements() == 0) return;
  const std::int64_t depth = g.depth(), plane = g.plane(), filters = g.group_filters();
  if (depth == 0) return;
  constexpr std::int64_t tile_elements = 1 << 16, least = 64;
  const std::int64_t tile = std::min(plane, std::max(least, tile_elements / depth));
  const std::int64_t tiles = (plane + tile - 1) / tile;
  const auto scratch = context.scratch<T>(context.concurrency() * depth * tile);
  context.parallel_for(g.batch * g.groups * tiles, [&](std::int64_t task, int worker) {
    T* columns = scratch.data() + worker * depth * tile;
    const std::int64_t first = task % tiles * tile;
    const std::int64_t count = std::min(tile, plane - first);
    const std::int64_t group = task / tiles % g.groups;
    gather(task / tiles / g.groups, group, first, count, columns);
    multiply_add<T>({w + group * filters * depth, filters, depth, depth},
                    {columns, depth, count, count},
                    {y + task / tiles * filters * plane + first, filters, count, plane});
  });
}

/// y += the convolution of x with w.
template <class T>
void convolve(KernelContext& context, const ConvGeometry& g, const T* x, const T* w, T* y) {
  if (g.output.elements() == 0) return;
  const std::int64_t channels = g.group_channels(), image = channels * g.window.input_size();
  if (g.pointwise()) {
    const std::int64_t filters = g.group_filters(), plane = g.plane();
    multiply_add_all<T>(context, g.batch * g.groups, [&](std::int64_t i) {
      return Product<T>{{w + i % g.groups * filters * channels, filters, channels, channels},
                        {x + i * image, channels, plane, plane},
                        {y + i * filters * plane, filters, plane, plane}};
    });
    return;
  }
  convolve_columns(
      context, g, w, y,
      [&](std::int64_t n, std::int64_t group, std::int64_t first, std::int64_t count, T* columns) {
        image_to_columns(g.window, x + (n * g.groups + group) * image, channels, first, count,
                         columns);
      });
}

/// Of a transposed convolution, whose window slides over the output.
struct ConvTransposeGeometry {
  std::int64_t batch, channels, filters, groups;
  Window window;
  Shape output;
};

/// x: [batch, channels, spatial...], w: [channels, filters / group, kernel...].
/// Errors: shape_mismatch, invalid_graph.
inline ConvTransposeGeometry conv_transpose_geometry(const Attributes& attributes, const Shape& x,
                                                     const Shape& w) {
  const std::int64_t groups = attributes.integer("group", 1);
  if (x.rank() < 3 || w.rank() != x.rank() || x[1] != w[0] || groups < 1 || x[1] % groups != 0 ||
      w[1] > INT64_MAX / groups) {
    throw Error(ErrorCode::shape_mismatch,
                "weights " + to_string(w) + " do not fit an input of " + to_string(x));
  }
  ConvTransposeGeometry g{
      x[0],
      x[1],
      w[1] * groups,
      groups,
      make_transposed_window(attributes, x.dims().subspan(2), w.dims().subspan(2)),
      {}};
  g.output = {g.batch, g.filters};
  for (const std::int64_t dim : g.window.input_shape()) g.output.push_back(dim);
  return g;
}

/// y = bias (null: zero) + what each position of the window adds to the elements that its taps see.
template <class T>
void convolve_transposed(KernelContext& context, const ConvTransposeGeometry& g, const T* image,
                         const T* w, const T* bias, T* y) {
  constexpr std::int64_t tile_elements = 1 << 16, least = 64;
  const std::int64_t channels = g.channels / g.groups, filters = g.filters / g.groups;
  const std::int64_t taps = g.window.kernel_size(), inputs = g.window.output_size();
  const std::int64_t plane = g.window.input_size();
  const std::int64_t tile =
      std::min(inputs, std::max(least, tile_elements / std::max<std::int64_t>(1, taps)));
  const auto scratch = context.scratch<T>(context.concurrency() * taps * tile);
  context.parallel_for(g.batch * g.filters, [&](std::int64_t task, int worker) {
    T* columns = scratch.data() + worker * taps * tile;
    T* target = y + task * plane;
    const std::int64_t filter = task % g.filters, group = filter / filters;
    const T* from = image + (task / g.filters * g.groups + group) * channels * inputs;
    const Matrix<const T> taps_by_channel{
        w + (group * channels * filters + filter % filters) * taps, taps, channels, 1,
        filters * taps};
    std::fill_n(target, plane, bias != nullptr ? bias[filter] : T{});
    for (std::int64_t first = 0; first < inputs; first += tile) {
      const std::int64_t count = std::min(tile, inputs - first);
      std::fill_n(columns, taps * count, T{});
      multiply_add<T>(taps_by_channel, {from + first, channels, count, inputs},
                      {columns, taps, count, count});
      add_columns_to_image(g.window, columns, first, count, target);
    }
  });
}

}  // namespace inlay::inline v0::kernels
