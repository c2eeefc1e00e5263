// The sizes of a pooling node as its kernels take them.
#pragma once

#include <inlay/kernels/pool_window.hpp>

#include "backends/reference/pool.hpp"

namespace inlay::inline v0::cpu {

inline kernels::PoolShape pool_shape(const Attributes& attributes, const kernels::PoolGeometry& g) {
  kernels::PoolShape shape;
  shape.count_include_pad = attributes.integer("count_include_pad", 0) != 0;
  for (int i = 0; i < g.window.rank; ++i) {
    const WindowAxis& from = g.window[i];
    shape.axis[3 - g.window.rank + i] = {.size = from.input,
                                         .out = from.output,
                                         .kernel = from.kernel,
                                         .stride = from.stride,
                                         .dilation = from.dilation,
                                         .pad_begin = from.pad_begin,
                                         .pad_end = from.pad_end};
  }
  return shape;
}

}  // namespace inlay::inline v0::cpu
