// Convolutions of common networks.
#pragma once

#include <inlay/kernels/conv_problem.hpp>

namespace inlay_bench {

using namespace inlay::kernels;

struct Layer {
  const char* name;
  std::int64_t channels, filters, groups, size, kernel, stride, pad;
  bool transpose = false;
};

inline constexpr Layer kLayers[] = {
    {"stem7x7", 3, 64, 1, 224, 7, 2, 3},
    {"stem3x3", 3, 32, 1, 224, 3, 2, 1},
    {"3x3/56", 64, 64, 1, 56, 3, 1, 1},
    {"3x3/28", 128, 128, 1, 28, 3, 1, 1},
    {"3x3/14", 256, 256, 1, 14, 3, 1, 1},
    {"3x3/7", 512, 512, 1, 7, 3, 1, 1},
    {"3x3s2/56", 64, 128, 1, 56, 3, 2, 1},
    {"1x1/56", 256, 64, 1, 56, 1, 1, 0},
    {"1x1up/56", 64, 256, 1, 56, 1, 1, 0},
    {"1x1/14", 1024, 256, 1, 14, 1, 1, 0},
    {"1x1/7", 512, 2048, 1, 7, 1, 1, 0},
    {"1x1s2/56", 256, 512, 1, 56, 1, 2, 0},
    {"grouped3x3/56", 128, 128, 32, 56, 3, 1, 1},
    {"depthwise3x3/112", 32, 32, 32, 112, 3, 1, 1},
    {"depthwise3x3s2/112", 96, 96, 96, 112, 3, 2, 1},
    {"depthwise3x3s2/28", 192, 192, 192, 28, 3, 2, 1},
    {"depthwise3x3/28", 192, 192, 192, 28, 3, 1, 1},
    {"depthwise3x3/14", 384, 384, 384, 14, 3, 1, 1},
    {"depthwise3x3/7", 960, 960, 960, 7, 3, 1, 1},
    {"depthwise5x5/14", 672, 672, 672, 14, 5, 1, 2},
    {"transpose4x4s2/28", 64, 32, 1, 28, 4, 2, 1, true},
    {"transpose2x2s2/56", 128, 64, 1, 56, 2, 2, 0, true},
};

inline ConvShape shape_of(const Layer& l) {
  ConvShape s;
  s.channels = l.channels, s.filters = l.filters, s.groups = l.groups;
  s.in = {1, l.size, l.size};
  s.kernel = {1, l.kernel, l.kernel};
  s.stride = {1, l.stride, l.stride};
  s.pad = {0, l.pad, l.pad};
  const std::int64_t out = l.transpose ? (l.size - 1) * l.stride + l.kernel - 2 * l.pad
                                       : (l.size + 2 * l.pad - l.kernel) / l.stride + 1;
  s.out = {1, out, out};
  return s;
}

}  // namespace inlay_bench
