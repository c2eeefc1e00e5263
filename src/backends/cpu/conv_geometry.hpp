// The sizes of a convolution node as its kernels take them.
#pragma once

#include "backends/cpu/glue.hpp"
#include "backends/reference/conv.hpp"

namespace inlay::inline v0::cpu {

inline constexpr int max_spatial = 3;

inline bool is_transpose(const Node& node) {
  return node.op == "ConvTranspose" || node.op == "BlockedConvTranspose";
}

/// The kernel's view of a window; the spatial axes are the last of depth, height and width.
inline kernels::ConvShape shape_of(const Window& window, bool transpose) {
  kernels::ConvShape s;
  for (int i = 0; i < window.rank; ++i) {
    const WindowAxis& axis = window[i];
    const int at = max_spatial - window.rank + i;
    const auto set = [&](kernels::Extent3& extent, std::int64_t value) {
      (at == 0 ? extent.d : at == 1 ? extent.h : extent.w) = value;
    };
    // A transposed window slides over the output.
    set(s.in, transpose ? axis.output : axis.input);
    set(s.out, transpose ? axis.input : axis.output);
    set(s.kernel, axis.kernel);
    set(s.stride, axis.stride);
    set(s.dilation, axis.dilation);
    set(s.pad, axis.pad_begin);
  }
  return s;
}

/// Lets an innermost axis of one pixel give way to those before it: kernels work along rows.
inline void drop_flat_width(kernels::ConvShape& s) {
  if (s.in.w != 1 || s.out.w != 1 || s.kernel.w != 1 || s.pad.w != 0) return;
  for (kernels::Extent3* e : {&s.in, &s.out, &s.kernel, &s.stride, &s.dilation}) {
    *e = {1, e->d, e->h};
  }
  s.pad = {0, s.pad.d, s.pad.h};
}

struct ConvSizes {
  kernels::ConvShape shape;
  Shape output;
};

/// Errors: as conv_geometry; limit, when the output is larger than a tensor can be.
inline ConvSizes geometry_of(const Node& node, const Shape& x, const Shape& w) {
  if (!is_transpose(node)) {
    const kernels::ConvGeometry g = kernels::conv_geometry(node.attributes, x, w);
    ConvSizes result{shape_of(g.window, false), g.output};
    result.shape.batch = g.batch, result.shape.channels = g.channels;
    result.shape.filters = g.filters, result.shape.groups = g.groups;
    drop_flat_width(result.shape);
    result.output.elements();
    return result;
  }
  const kernels::ConvTransposeGeometry g = kernels::conv_transpose_geometry(node.attributes, x, w);
  ConvSizes result{shape_of(g.window, true), g.output};
  result.shape.batch = g.batch, result.shape.channels = g.channels;
  result.shape.filters = g.filters, result.shape.groups = g.groups;
  result.output.elements();
  return result;
}

/// Some shape of the node's, for packing weights before the input's size is known: packed weights
/// depend on the kernel, groups, strides and dilations alone.
inline kernels::ConvShape nominal_shape(const Node& node, const Shape& w) {
  const std::int64_t groups = std::max<std::int64_t>(1, node.attributes.integer("group", 1));
  Window window;
  window.rank = w.rank() - 2;
  const auto strides = node.attributes.integers("strides");
  const auto dilations = node.attributes.integers("dilations");
  for (int i = 0; i < window.rank; ++i) {
    WindowAxis& axis = window[i];
    axis.kernel = w[i + 2];
    if (to_size(i) < strides.size()) axis.stride = strides[to_size(i)];
    if (to_size(i) < dilations.size()) axis.dilation = dilations[to_size(i)];
    axis.input = axis.output = 64 + axis.kernel;
  }
  const bool transpose = is_transpose(node);
  kernels::ConvShape s = shape_of(window, transpose);
  s.channels = transpose ? w[0] : w[1] * groups;
  s.filters = transpose ? w[1] * groups : w[0];
  s.groups = groups;
  return s;
}

}  // namespace inlay::inline v0::cpu
