#include "ops/window.hpp"

#include <string>

namespace inlay::inline v0 {

namespace {

constexpr std::int64_t max_step = std::int64_t{1} << 30;  // products of two still fit 63 bits
constexpr std::int64_t max_input = std::int64_t{1} << 61;

[[noreturn]] void fail(ErrorCode code, const std::string& message) { throw Error(code, message); }

std::span<const std::int64_t> checked(const Attributes& attributes, std::string_view name,
                                      std::size_t count, std::int64_t low) {
  const auto values = attributes.integers(name);
  if (!values.empty() && values.size() != count) {
    fail(ErrorCode::invalid_graph, "attribute '" + std::string(name) + "' has " +
                                       std::to_string(values.size()) + " values, needs " +
                                       std::to_string(count));
  }
  for (const std::int64_t value : values) {
    if (value < low || value > max_step) {
      fail(ErrorCode::invalid_graph, "attribute '" + std::string(name) + "' holds " +
                                         std::to_string(value) + ", which is out of range");
    }
  }
  return values;
}

void check_sizes(std::int64_t input, std::int64_t kernel) {
  if (kernel < 1) fail(ErrorCode::shape_mismatch, "the kernel has an axis of size 0");
  if (kernel > max_step) fail(ErrorCode::limit, "the kernel is too large");
  if (input > max_input) fail(ErrorCode::limit, "a spatial axis is too long");
}

/// Splits padding over both ends, the odd element at the end or (SAME_LOWER) at the beginning.
void split_padding(WindowAxis& axis, std::int64_t total, bool odd_at_end) {
  axis.pad_begin = odd_at_end ? total / 2 : total - total / 2;
  axis.pad_end = total - axis.pad_begin;
}

std::int64_t at(std::span<const std::int64_t> values, int i, std::int64_t fallback) {
  return values.empty() ? fallback : values[static_cast<std::size_t>(i)];
}

template <class Resolve>
Window resolve_all(const Attributes& attributes, std::span<const std::int64_t> input,
                   std::span<const std::int64_t> kernel, Resolve&& resolve) {
  const WindowAttributes spec(attributes, static_cast<int>(input.size()));
  if (kernel.empty()) kernel = spec.kernel_shape();
  if (kernel.size() != input.size() || input.empty()) {
    fail(ErrorCode::shape_mismatch, "the kernel has " + std::to_string(kernel.size()) +
                                        " spatial axes and the input has " +
                                        std::to_string(input.size()));
  }
  Window window;
  window.rank = spec.rank();
  for (int i = 0; i < window.rank; ++i) {
    const auto n = static_cast<std::size_t>(i);
    if (at(spec.kernel_shape(), i, kernel[n]) != kernel[n]) {
      fail(ErrorCode::shape_mismatch, "attribute 'kernel_shape' is not the shape of the weights");
    }
    window[i] = resolve(spec, i, input[n], kernel[n]);
  }
  return window;
}

}  // namespace

WindowAttributes::WindowAttributes(const Attributes& attributes, int rank) : rank_(rank) {
  const auto count = static_cast<std::size_t>(rank);
  kernel_shape_ = checked(attributes, "kernel_shape", count, 1);
  strides_ = checked(attributes, "strides", count, 1);
  dilations_ = checked(attributes, "dilations", count, 1);
  pads_ = checked(attributes, "pads", 2 * count, -max_step);
  output_padding_ = checked(attributes, "output_padding", count, 0);
  output_shape_ = attributes.integers("output_shape");
  if (output_shape_.size() == count + 2) output_shape_ = output_shape_.subspan(2);
  if (!output_shape_.empty() && output_shape_.size() != count) {
    fail(ErrorCode::invalid_graph, "attribute 'output_shape' has too many or too few values");
  }
  ceil_mode_ = attributes.integer("ceil_mode", 0) != 0;
  const std::string_view auto_pad = attributes.text("auto_pad", "NOTSET");
  if (auto_pad == "NOTSET" || auto_pad.empty()) {
    auto_pad_ = AutoPad::notset;
  } else if (auto_pad == "SAME_UPPER") {
    auto_pad_ = AutoPad::same_upper;
  } else if (auto_pad == "SAME_LOWER") {
    auto_pad_ = AutoPad::same_lower;
  } else if (auto_pad == "VALID") {
    auto_pad_ = AutoPad::valid;
  } else {
    fail(ErrorCode::invalid_graph, "attribute 'auto_pad' is '" + std::string(auto_pad) +
                                       "', not NOTSET, SAME_UPPER, SAME_LOWER or VALID");
  }
}

WindowAxis WindowAttributes::from_attributes(int axis, std::int64_t kernel) const {
  WindowAxis result;
  result.kernel = kernel;
  result.stride = at(strides_, axis, 1);
  result.dilation = at(dilations_, axis, 1);
  if (auto_pad_ == AutoPad::notset) {
    result.pad_begin = at(pads_, axis, 0);
    result.pad_end = at(pads_, axis + rank_, 0);
  }
  return result;
}

WindowAxis WindowAttributes::resolve(int axis, std::int64_t input, std::int64_t kernel) const {
  check_sizes(input, kernel);
  WindowAxis result = from_attributes(axis, kernel);
  result.input = input;
  if (auto_pad_ == AutoPad::same_upper || auto_pad_ == AutoPad::same_lower) {
    result.output = (input + result.stride - 1) / result.stride;
    const std::int64_t covered = (result.output - 1) * result.stride + result.extent();
    split_padding(result, std::max<std::int64_t>(0, covered - input),
                  auto_pad_ == AutoPad::same_upper);
    return result;
  }
  const std::int64_t room = input + result.pad_begin + result.pad_end - result.extent();
  if (room < 0) {
    if (input == 0) return result;  // an empty image has no windows
    fail(ErrorCode::shape_mismatch, "the kernel spans " + std::to_string(result.extent()) +
                                        " elements, the padded input has " +
                                        std::to_string(room + result.extent()));
  }
  result.output = room / result.stride + 1;
  if (ceil_mode_ && auto_pad_ == AutoPad::notset) {
    if (room % result.stride != 0) ++result.output;
    // A window that starts in the padding at the end is left out.
    if (result.output > 1 && result.start(result.output - 1) >= input) --result.output;
  }
  return result;
}

Dim WindowAttributes::output(int axis, const Dim& input, const Dim& kernel) const {
  if (input.known() && kernel.known()) return resolve(axis, input.value, kernel.value).output;
  if (!kernel.known()) return {};
  const WindowAxis known = from_attributes(axis, kernel.value);
  const bool same = auto_pad_ == AutoPad::same_upper || auto_pad_ == AutoPad::same_lower ||
                    known.pad_begin + known.pad_end == known.extent() - 1;
  return known.stride == 1 && same ? input : Dim();
}

WindowAxis WindowAttributes::resolve_transposed(int axis, std::int64_t input,
                                                std::int64_t kernel) const {
  check_sizes(input, kernel);
  if (input > max_step) fail(ErrorCode::limit, "a spatial axis is too long");
  WindowAxis result = from_attributes(axis, kernel);
  result.output = input;
  const std::int64_t full =
      result.stride * (input - 1) + at(output_padding_, axis, 0) + result.extent();
  const bool same = auto_pad_ == AutoPad::same_upper || auto_pad_ == AutoPad::same_lower;
  if (!output_shape_.empty() || same) {
    result.input = at(output_shape_, axis, input * result.stride);
    if (result.input < 0 || result.input > max_input) {
      fail(ErrorCode::invalid_graph, "attribute 'output_shape' is out of range");
    }
    const std::int64_t total = std::max<std::int64_t>(0, full - result.input);
    split_padding(result, total, auto_pad_ == AutoPad::same_upper);
    return result;
  }
  result.input = full - result.pad_begin - result.pad_end;
  if (result.input < 0) {
    if (input == 0) {
      result.input = 0;
    } else {
      fail(ErrorCode::shape_mismatch, "the padding is larger than the transposed output");
    }
  }
  return result;
}

Window make_window(const Attributes& attributes, std::span<const std::int64_t> input,
                   std::span<const std::int64_t> kernel) {
  return resolve_all(attributes, input, kernel,
                     [](const WindowAttributes& spec, int i, std::int64_t in, std::int64_t k) {
                       return spec.resolve(i, in, k);
                     });
}

Window make_transposed_window(const Attributes& attributes, std::span<const std::int64_t> input,
                              std::span<const std::int64_t> kernel) {
  return resolve_all(attributes, input, kernel,
                     [](const WindowAttributes& spec, int i, std::int64_t in, std::int64_t k) {
                       return spec.resolve_transposed(i, in, k);
                     });
}

}  // namespace inlay::inline v0
