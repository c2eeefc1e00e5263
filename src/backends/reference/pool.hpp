// Walking the windows of a pool.
#pragma once

#include <inlay/kernels/inline.hpp>

#include "backends/reference/channels.hpp"
#include "ops/window.hpp"

namespace inlay::inline v0::kernels {

/// Input [planes of spatial axes] and output shape of a pool over x: [batch, channels, spatial...].
struct PoolGeometry {
  Window window;
  Shape output;
  std::int64_t planes;
};

/// Errors: shape_mismatch, invalid_graph.
inline PoolGeometry pool_geometry(const Attributes& attributes, const Shape& x) {
  if (x.rank() < 3) {
    throw Error(ErrorCode::shape_mismatch, "a pool needs a batch, a channel and spatial axes");
  }
  PoolGeometry g{make_window(attributes, x.dims().subspan(2), {}), {x[0], x[1]}, 0};
  for (const std::int64_t dim : g.window.output_shape()) g.output.push_back(dim);
  g.planes = x.product(0, 2);
  return g;
}

/// One position of a window: the taps along each axis that lie inside the image.
struct WindowView {
  const Window& window;
  std::array<std::int64_t, Shape::max_rank> at;  ///< the window's number along each axis
  std::array<WindowAxis::Taps, Shape::max_rank> taps;
  std::int64_t inside;  ///< taps inside the image

  WindowView(const Window& w, std::int64_t position) : window(w), at{}, taps{}, inside(1) {
    for (int axis = w.rank - 1; axis >= 0; --axis) {
      const auto i = static_cast<std::size_t>(axis);
      at[i] = position % w[axis].output;
      position /= w[axis].output;
      taps[i] = w[axis].taps_inside(at[i]);
      inside *= taps[i].count();
    }
  }

  /// Taps inside the image or its padding.
  double inside_padded() const {
    double count = 1;
    for (int axis = 0; axis < window.rank; ++axis) {
      const WindowAxis& a = window[axis];
      const auto taps_there =
          a.taps_between(at[static_cast<std::size_t>(axis)], -a.pad_begin, a.input + a.pad_end);
      count *= static_cast<double>(taps_there.count());
    }
    return count;
  }

  /// What an average over the window divides by.
  double divisor(bool count_padding) const {
    return count_padding ? inside_padded() : static_cast<double>(inside);
  }

  /// Calls f(offset) with the place in the image of each tap inside it, in row-major order.
  template <class F>
  void for_each(F&& f) const {
    if (inside > 0) walk_axis(0, 0, f);
  }

 private:
  // A call per row: inlined into itself it would be large, once for each dtype.
  template <class F>
  INLAY_NOINLINE void walk_axis(int axis, std::int64_t offset, F& f) const {
    const WindowAxis& a = window[axis];
    const auto i = static_cast<std::size_t>(axis);
    std::int64_t place = offset * a.input + a.start(at[i]) + taps[i].first * a.dilation;
    for (std::int64_t tap = taps[i].first; tap < taps[i].last; ++tap, place += a.dilation) {
      if (axis + 1 == window.rank) {
        f(place);
      } else {
        walk_axis(axis + 1, place, f);
      }
    }
  }
};

/// Calls f(plane, view, output index) for each window of each plane, planes in parallel.
template <class F>
void for_each_window(KernelContext& context, const PoolGeometry& g, F&& f) {
  const std::int64_t outputs = g.window.output_size();
  if (outputs == 0) return;
  context.parallel_for(g.planes, [&](std::int64_t plane, int) {
    for (std::int64_t i = 0; i < outputs; ++i) {
      f(plane, WindowView(g.window, i), plane * outputs + i);
    }
  });
}

}  // namespace inlay::inline v0::kernels
