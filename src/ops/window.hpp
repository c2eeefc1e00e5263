// Sliding windows over spatial axes: the geometry that convolutions and pools share.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "inlay/graph.hpp"

namespace inlay::inline v0 {

/// One spatial axis of a sliding window. All sizes in elements.
struct WindowAxis {
  std::int64_t input = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_begin = 0;
  std::int64_t pad_end = 0;
  std::int64_t output = 0;

  /// Elements from a window's first tap to its last, both included.
  std::int64_t extent() const noexcept { return (kernel - 1) * dilation + 1; }
  /// Where the window number `out` starts; negative inside the padding.
  std::int64_t start(std::int64_t out) const noexcept { return out * stride - pad_begin; }

  struct Taps {
    std::int64_t first, last;  // [first, last) of the kernel
    std::int64_t count() const noexcept { return last - first; }
  };
  /// The taps of window `out` at positions [low, high) of the input.
  Taps taps_between(std::int64_t out, std::int64_t low, std::int64_t high) const noexcept {
    const auto tap_at = [&](std::int64_t position) {  // the first tap not before `position`
      const std::int64_t distance = position - start(out);
      return distance <= 0 ? 0 : std::min(kernel, (distance - 1) / dilation + 1);
    };
    const std::int64_t first = tap_at(low);
    return {first, std::max(first, tap_at(high))};
  }
  Taps taps_inside(std::int64_t out) const noexcept { return taps_between(out, 0, input); }
};

/// A sliding window over all spatial axes.
struct Window {
  int rank = 0;
  std::array<WindowAxis, Shape::max_rank> axes;

  const WindowAxis& operator[](int i) const noexcept { return axes[static_cast<std::size_t>(i)]; }
  WindowAxis& operator[](int i) noexcept { return axes[static_cast<std::size_t>(i)]; }
  Shape input_shape() const { return shape_of(&WindowAxis::input); }
  Shape output_shape() const { return shape_of(&WindowAxis::output); }
  std::int64_t input_size() const { return input_shape().elements(); }
  std::int64_t kernel_size() const { return shape_of(&WindowAxis::kernel).elements(); }
  std::int64_t output_size() const { return output_shape().elements(); }

 private:
  Shape shape_of(std::int64_t WindowAxis::*size) const {
    Shape shape;
    for (int i = 0; i < rank; ++i) shape.push_back((*this)[i].*size);
    return shape;
  }
};

/// The attributes strides, dilations, pads, auto_pad, kernel_shape and ceil_mode of a node with
/// `rank` spatial axes. Refers to the attributes. Errors: invalid_graph.
class WindowAttributes {
 public:
  WindowAttributes(const Attributes& attributes, int rank);

  /// The axis for an input and kernel of known size. Errors: shape_mismatch, limit.
  WindowAxis resolve(int axis, std::int64_t input, std::int64_t kernel) const;
  /// The output's size as far as it follows from what is known.
  Dim output(int axis, const Dim& input, const Dim& kernel) const;
  /// The same of a transposed window, whose `output` is then the size of ConvTranspose's input and
  /// whose `input` is the size of its output. Errors: shape_mismatch, limit.
  WindowAxis resolve_transposed(int axis, std::int64_t input, std::int64_t kernel) const;

  /// The kernel_shape attribute; empty when absent.
  std::span<const std::int64_t> kernel_shape() const noexcept { return kernel_shape_; }
  int rank() const noexcept { return rank_; }

 private:
  enum class AutoPad { notset, same_upper, same_lower, valid };

  WindowAxis from_attributes(int axis, std::int64_t kernel) const;

  int rank_;
  AutoPad auto_pad_;
  bool ceil_mode_;
  std::span<const std::int64_t> kernel_shape_, strides_, dilations_, pads_, output_padding_,
      output_shape_;
};

/// The window of a convolution or pool over `input` (its spatial dims). `kernel`: the weight's
/// spatial dims, empty to take them from kernel_shape. Errors: invalid_graph, shape_mismatch,
/// limit.
Window make_window(const Attributes& attributes, std::span<const std::int64_t> input,
                   std::span<const std::int64_t> kernel);
/// The same for ConvTranspose (see WindowAttributes::resolve_transposed).
Window make_transposed_window(const Attributes& attributes, std::span<const std::int64_t> input,
                              std::span<const std::int64_t> kernel);

}  // namespace inlay::inline v0
