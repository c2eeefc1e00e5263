// GridSample and AffineGrid.
#include "backends/reference/arguments.hpp"
#include "backends/reference/interpolate.hpp"
#include "backends/reference/reference.hpp"
#include "backends/reference/storage.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

enum class Padding { zeros, border, reflection };

/// One spatial axis of GridSample's input, read at places between its elements.
struct GridAxis {
  std::int64_t size;
  Padding padding;
  bool align_corners;

  /// The place in elements of a coordinate in [-1, 1], in the precision of the grid.
  template <class T>
  T place(T coordinate) const {
    const auto length = static_cast<T>(size);
    return align_corners ? (coordinate + 1) / 2 * (length - 1)
                         : ((coordinate + 1) * length - 1) / 2;
  }

  double low() const { return align_corners ? 0 : -0.5; }
  double high() const { return static_cast<double>(size) - (align_corners ? 1 : 0.5); }

  /// Mirrors x at the borders until it lies between them.
  double reflected(double x) const {
    const double range = high() - low();
    if (range <= 0) return low();
    const double distance = std::fmod(std::abs(x - low()), 2 * range);
    return low() + (distance <= range ? distance : 2 * range - distance);
  }

  /// Where to read for a place `x`, which may be anything.
  double padded(double x) const {
    const auto last = static_cast<double>(size - 1);
    if (x < low() || x > high()) {
      if (padding == Padding::border) x = std::clamp(x, 0.0, last);
      if (padding == Padding::reflection) x = reflected(x);
    }
    // As far outside as any filter reaches; a NaN is outside too.
    return x > -4 ? std::min(x, last + 4) : -4;
  }

  /// The element at position i, -1 for a zero.
  std::int64_t element(std::int64_t i) const {
    if (i >= 0 && i < size) return i;
    if (padding == Padding::zeros) return -1;
    const double inside =
        padding == Padding::border ? static_cast<double>(i) : reflected(static_cast<double>(i));
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(inside), 0, size - 1);
  }
};

/// The elements of one axis that a result is made of.
struct AxisTaps {
  std::array<Tap, 4> taps;
  int count = 0;
};
using PointTaps = std::array<AxisTaps, Shape::max_rank>;

struct GridSampler {
  enum class Mode { nearest, linear, cubic };
  Mode mode = Mode::linear;
  std::array<GridAxis, Shape::max_rank> axes{};
  Strides strides{};
  int rank = 0;

  GridSampler(const KernelContext& context, const Shape& data) {
    const Attributes& given = context.attributes();
    const std::string_view name = given.text("mode", "linear");
    if (name == "nearest") mode = Mode::nearest;
    if (name == "cubic" || name == "bicubic") mode = Mode::cubic;
    const std::string_view pad = given.text("padding_mode", "zeros");
    const Padding padding = pad == "border"       ? Padding::border
                            : pad == "reflection" ? Padding::reflection
                                                  : Padding::zeros;
    rank = data.rank() - 2;
    const Strides dense = dense_strides(data);
    for (std::size_t axis = 0; axis < static_cast<std::size_t>(rank); ++axis) {
      axes[axis] = {data[static_cast<int>(axis) + 2], padding,
                    given.integer("align_corners", 0) != 0};
      strides[axis] = dense[axis + 2];
    }
  }

  /// The grid lists a point's coordinates from the last axis to the first.
  template <class T>
  void find_taps(const T* point, PointTaps& taps) const {
    for (int i = 0; i < rank; ++i) {
      const GridAxis& axis = axes[static_cast<std::size_t>(i)];
      AxisTaps& found = taps[static_cast<std::size_t>(i)];
      const auto place = axis.place(static_cast<compute_t<T>>(point[rank - 1 - i]));
      if (mode == Mode::nearest) {
        const double x = axis.padded(std::nearbyint(place));
        found = {{Tap{axis.element(static_cast<std::int64_t>(std::nearbyint(x))), 1}}, 1};
        continue;
      }
      const double x = axis.padded(place);
      found.count = mode == Mode::linear ? 2 : 4;
      const auto first = static_cast<std::int64_t>(std::floor(x)) - (mode == Mode::linear ? 0 : 1);
      for (int k = 0; k < found.count; ++k) {
        const double distance = static_cast<double>(first + k) - x;
        found.taps[static_cast<std::size_t>(k)] = {
            axis.element(first + k),
            mode == Mode::linear ? linear_weight(distance) : cubic_weight(distance, -0.75)};
      }
    }
  }

  template <class T>
  double weighted(const T* from, const PointTaps& taps, int axis = 0) const {
    if (axis == rank) return static_cast<double>(*from);
    const AxisTaps& here = taps[static_cast<std::size_t>(axis)];
    double sum = 0;
    for (int k = 0; k < here.count; ++k) {
      const Tap& tap = here.taps[static_cast<std::size_t>(k)];
      if (tap.element < 0) continue;
      const T* next = from + tap.element * strides[static_cast<std::size_t>(axis)];
      sum += tap.weight * weighted(next, taps, axis + 1);
    }
    return sum;
  }

  /// The place of the one element that nearest chooses, -1 for a zero.
  std::int64_t nearest(const PointTaps& taps) const {
    std::int64_t offset = 0;
    for (std::size_t axis = 0; axis < static_cast<std::size_t>(rank); ++axis) {
      const std::int64_t element = taps[axis].taps[0].element;
      if (element < 0) return -1;
      offset += element * strides[axis];
    }
    return offset;
  }
};

void grid_sample(KernelContext& context) {
  const Tensor& data = context.input(0);
  const Tensor& grid = context.input(1);
  const int rank = data.rank();
  if (rank < 3 || grid.rank() != rank || grid.shape().back() != rank - 2 ||
      grid.dim(0) != data.dim(0)) {
    context.fail(ErrorCode::shape_mismatch, "a grid of shape " + to_string(grid.shape()) +
                                                " does not fit data of shape " +
                                                to_string(data.shape()));
  }
  Shape shape{data.dim(0), data.dim(1)};
  for (int axis = 1; axis < rank - 1; ++axis) shape.push_back(grid.dim(axis));
  Tensor& output = context.output(0, shape);
  if (output.size() > 0 && data.size() == 0) {
    context.fail(ErrorCode::shape_mismatch, "there is no element to sample");
  }
  const GridSampler sampler(context, data.shape());
  const std::int64_t channels = data.dim(1);
  const std::int64_t points = shape.product(2, rank);
  const std::int64_t elements = data.shape().product(2, rank);
  // Calls f(point's taps, plane of data, place in the output) for every element of the output.
  const auto for_each = [&](auto&& f) {
    visit_dtype<Floats>(grid.dtype(), [&]<class Coordinate>() {
      const Coordinate* coordinates = grid.as<Coordinate>().data();
      PointTaps taps;
      for (std::int64_t n = 0; n < data.dim(0); ++n) {
        for (std::int64_t point = 0; point < points; ++point, coordinates += rank - 2) {
          context.check_cancelled();
          sampler.find_taps(coordinates, taps);
          for (std::int64_t plane = n * channels; plane < (n + 1) * channels; ++plane) {
            f(taps, plane * elements, plane * points + point);
          }
        }
      }
    });
  };
  if (sampler.mode == GridSampler::Mode::nearest) {
    write_stored(context, output, [&](auto* to) {
      using T = element_t<decltype(to)>;
      const T* from = stored<T>(context, data);
      for_each([&](const PointTaps& taps, std::int64_t plane, std::int64_t at) {
        const std::int64_t offset = sampler.nearest(taps);
        to[at] = offset < 0 ? T{} : from[plane + offset];
      });
    });
    return;
  }
  visit_dtype<Numbers>(data.dtype(), [&]<class T>() {
    const T* from = data.as<T>().data();
    T* to = output.as_mutable<T>().data();
    for_each([&](const PointTaps& taps, std::int64_t plane, std::int64_t at) {
      to[at] = interpolated<T>(sampler.weighted(from + plane, taps));
    });
  });
}

/// Coordinate i of `size` ones that divide [-1, 1] evenly, at the ends or at the middles of cells.
double grid_coordinate(std::int64_t i, std::int64_t size, bool align_corners) {
  if (!align_corners) return static_cast<double>(2 * i + 1) / static_cast<double>(size) - 1;
  if (size == 1) return 0;
  return static_cast<double>(2 * i) / static_cast<double>(size - 1) - 1;
}

void affine_grid(KernelContext& context) {
  const Tensor& theta = context.input(0);
  const auto size = integers(context, context.input(1));
  const std::int64_t rank = std::ssize(size) - 2;  // 2 or 3 spatial axes
  if ((rank != 2 && rank != 3) || theta.shape() != Shape{size[0], rank, rank + 1}) {
    context.fail(ErrorCode::shape_mismatch, "theta must be [N, 2, 3] or [N, 3, 4], as size says");
  }
  const bool align_corners = context.attributes().integer("align_corners", 0) != 0;
  Shape shape{size[0]};
  for (std::size_t i = 2; i < size.size(); ++i) shape.push_back(size[i]);
  const std::int64_t points = shape.product(1, shape.rank());
  shape.push_back(rank);
  Tensor& output = context.output(0, shape);
  visit_dtype<Floats>(theta.dtype(), [&]<class T>() {
    const T* matrix = theta.as<T>().data();
    T* to = output.as_mutable<T>().data();
    for (std::int64_t n = 0; n < size[0]; ++n, matrix += rank * (rank + 1)) {
      for (std::int64_t point = 0; point < points; ++point) {
        std::array<double, 3> coordinates{};  // x, y, z
        std::int64_t rest = point;
        for (std::size_t i = 0; i < static_cast<std::size_t>(rank); ++i) {
          const std::int64_t extent = size[size.size() - 1 - i];
          coordinates[i] = grid_coordinate(rest % extent, extent, align_corners);
          rest /= extent;
        }
        for (std::int64_t row = 0; row < rank; ++row) {
          double sum = static_cast<double>(matrix[row * (rank + 1) + rank]);
          for (std::int64_t k = 0; k < rank; ++k) {
            sum += static_cast<double>(matrix[row * (rank + 1) + k]) *
                   coordinates[static_cast<std::size_t>(k)];
          }
          *to++ = static_cast<T>(static_cast<compute_t<T>>(sum));
        }
      }
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> grid_kernels() {
  return {
      {"", "AffineGrid", kernels::affine_grid},
      {"", "GridSample", kernels::grid_sample},
      {"com.microsoft", "GridSample", kernels::grid_sample},
  };
}

}  // namespace inlay::inline v0
