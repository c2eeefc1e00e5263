// RoiAlign and Col2Im.
#include "backends/reference/arguments.hpp"
#include "backends/reference/interpolate.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/reference.hpp"
#include "backends/reference/wrap.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

/// Samples along one side of a region of interest.
struct RoiSide {
  double start;
  double bin;            ///< length of one output element
  std::int64_t samples;  ///< in each bin
  std::int64_t size;     ///< of the image

  RoiSide(double from, double to, bool half_pixel, std::int64_t bins, std::int64_t sampling,
          std::int64_t image)
      : start(from), size(image) {
    const double length = half_pixel ? to - from : std::max(to - from, 1.0);
    bin = length / static_cast<double>(bins);
    constexpr double countable = INT32_MAX;
    const double automatic = std::ceil(bin) > 0 ? std::min(std::ceil(bin), countable) : 0;
    samples = sampling > 0 ? sampling : static_cast<std::int64_t>(automatic);
  }

  /// The two elements that sample `s` of bin `b` lies between; false when it lies outside.
  bool taps(std::int64_t b, std::int64_t s, std::array<Tap, 2>& found) const {
    double at = start + static_cast<double>(b) * bin +
                (static_cast<double>(s) + 0.5) * bin / static_cast<double>(samples);
    if (!(at >= -1 && at <= static_cast<double>(size))) return false;
    at = std::clamp(at, 0.0, static_cast<double>(size - 1));
    const auto low = static_cast<std::int64_t>(at);
    const double high_weight = at - static_cast<double>(low);
    found = {Tap{low, 1 - high_weight}, Tap{std::min(low + 1, size - 1), high_weight}};
    return true;
  }
};

/// The average, or the largest weighted element, of the samples in one bin of an image plane.
template <class T>
double pooled_bin(const T* plane, const RoiSide& rows, const RoiSide& columns, std::int64_t row,
                  std::int64_t column, bool largest) {
  double sum = 0;
  double most = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < rows.samples; ++i) {
    for (std::int64_t j = 0; j < columns.samples; ++j) {
      std::array<Tap, 2> y;
      std::array<Tap, 2> x;
      if (!rows.taps(row, i, y) || !columns.taps(column, j, x)) {
        most = std::max(most, 0.0);
        continue;
      }
      for (const Tap& vertical : y) {
        for (const Tap& horizontal : x) {
          const double value =
              vertical.weight * horizontal.weight *
              static_cast<double>(plane[vertical.element * columns.size + horizontal.element]);
          sum += value;
          most = std::max(most, value);
        }
      }
    }
  }
  const std::int64_t count = rows.samples * columns.samples;
  if (largest) return count == 0 ? 0 : most;
  return sum / static_cast<double>(std::max<std::int64_t>(count, 1));
}

void roi_align(KernelContext& context) {
  const Tensor& data = context.input(0);
  const Tensor& rois = context.input(1);
  const auto batch = integers(context, context.input(2));
  if (data.rank() != 4 || rois.rank() != 2 || rois.dim(1) != 4 ||
      std::ssize(batch) != rois.dim(0)) {
    context.fail(ErrorCode::shape_mismatch, "needs data [N, C, H, W], rois [R, 4], indices [R]");
  }
  const Attributes& given = context.attributes();
  const bool half_pixel =
      given.text("coordinate_transformation_mode",
                 context.version() < 16 ? "output_half_pixel" : "half_pixel") == "half_pixel";
  const bool largest = given.text("mode", "avg") == "max";
  const std::int64_t height = given.integer("output_height", 1);
  const std::int64_t width = given.integer("output_width", 1);
  const std::int64_t sampling = given.integer("sampling_ratio", 0);
  const double scale = given.real("spatial_scale", 1);
  const std::int64_t channels = data.dim(1);
  const std::int64_t plane = data.dim(2) * data.dim(3);
  Tensor& output = context.output(0, {rois.dim(0), channels, height, width});
  if (output.size() > 0 && plane == 0) {
    context.fail(ErrorCode::shape_mismatch, "there is no element to sample");
  }
  visit_dtype<Floats>(data.dtype(), [&]<class T>() {
    const T* roi = rois.as<T>().data();
    T* to = output.as_mutable<T>().data();
    for (const std::int64_t image : batch) {
      if (image < 0 || image >= data.dim(0)) {
        context.fail(ErrorCode::execution, "a batch index is outside the batch");
      }
      const auto side = [&](int first, std::int64_t bins, std::int64_t size) {
        const double shift = half_pixel ? 0.5 : 0;
        return RoiSide(static_cast<double>(roi[first]) * scale - shift,
                       static_cast<double>(roi[first + 2]) * scale - shift, half_pixel, bins,
                       sampling, size);
      };
      const RoiSide columns = side(0, width, data.dim(3));
      const RoiSide rows = side(1, height, data.dim(2));
      roi += 4;
      const T* from = data.as<T>().data() + image * channels * plane;
      for (std::int64_t channel = 0; channel < channels; ++channel, from += plane) {
        context.check_cancelled();
        for (std::int64_t row = 0; row < height; ++row) {
          for (std::int64_t column = 0; column < width; ++column) {
            const double value = pooled_bin(from, rows, columns, row, column, largest);
            *to++ = static_cast<T>(static_cast<compute_t<T>>(value));
          }
        }
      }
    }
  });
}

void col2im(KernelContext& context) {
  const Tensor& data = context.input(0);
  const Shape image(integers(context, context.input(1)));
  const Shape block(integers(context, context.input(2)));
  const int rank = image.rank();
  const auto axes = static_cast<std::size_t>(rank);
  constexpr std::int64_t most = INT32_MAX;  // keeps the arithmetic on positions from overflowing
  const auto option = [&](std::string_view name, std::size_t i, std::int64_t absent) {
    const auto list = context.attributes().integers(name);
    if (list.empty()) return absent;
    if (list.size() <= i || list[i] < -most || list[i] > most) {
      context.fail(ErrorCode::invalid_argument, std::string(name) + " does not fit the image");
    }
    return list[i];
  };
  if (data.rank() != 3 || block.rank() != rank || block.elements() == 0 ||
      data.dim(1) % block.elements() != 0) {
    context.fail(ErrorCode::shape_mismatch, "the input is not [N, C * block elements, blocks]");
  }
  Strides stride{}, dilation{}, pad{};
  Shape blocks;  // along each axis
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const int at = static_cast<int>(axis);
    stride[axis] = option("strides", axis, 1);
    dilation[axis] = option("dilations", axis, 1);
    pad[axis] = option("pads", axis, 0);
    const std::int64_t pads = pad[axis] + option("pads", axis + axes, 0);
    if (stride[axis] < 1 || dilation[axis] < 1 || image[at] > most || block[at] > most) {
      context.fail(ErrorCode::invalid_argument, "strides, dilations or sizes are out of range");
    }
    const std::int64_t room = image[at] + pads - dilation[axis] * (block[at] - 1) - 1;
    blocks.push_back(room < 0 ? 0 : room / stride[axis] + 1);
  }
  if (data.dim(2) != blocks.elements()) {
    context.fail(ErrorCode::shape_mismatch, "the image has " + std::to_string(blocks.elements()) +
                                                " blocks, the input " +
                                                std::to_string(data.dim(2)));
  }
  Shape shape{data.dim(0), data.dim(1) / block.elements()};
  for (const std::int64_t dim : image) shape.push_back(dim);
  const std::int64_t planes = shape.product(0, 2);
  const Strides image_strides = dense_strides(image);
  const Strides block_indices = dense_strides(block);
  const Strides blocks_indices = dense_strides(blocks);
  Tensor& output = context.output(0, shape);
  visit_dtype<Numbers>(data.dtype(), [&]<class T>() {
    const T* from = data.as<T>().data();
    T* to = output.as_mutable<T>().data();
    std::fill_n(to, output.size(), T{});
    for (std::int64_t plane = 0; plane < planes; ++plane, to += image.elements()) {
      for (std::int64_t k = 0; k < block.elements(); ++k) {
        for (std::int64_t b = 0; b < blocks.elements(); ++b, ++from) {
          std::int64_t offset = 0;
          bool inside = true;
          for (std::size_t axis = 0; axis < axes; ++axis) {
            const int at = static_cast<int>(axis);
            const std::int64_t position = b / blocks_indices[axis] % blocks[at] * stride[axis] +
                                          k / block_indices[axis] % block[at] * dilation[axis] -
                                          pad[axis];
            inside = inside && position >= 0 && position < image[at];
            offset += position * image_strides[axis];
          }
          if (inside) to[offset] = static_cast<T>(wrap_add<compute_t<T>>(to[offset], *from));
        }
      }
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> sampling_kernels() {
  return {
      {"", "Col2Im", kernels::col2im},
      {"", "RoiAlign", kernels::roi_align},
  };
}

}  // namespace inlay::inline v0
