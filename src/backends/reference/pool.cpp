#include "backends/reference/pool.hpp"

#include <cmath>
#include <limits>

#include "backends/reference/dispatch.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {

namespace kernels {
namespace {

using MaxTypes = Union<Floats, Types<std::int8_t, std::uint8_t>>;

/// Less than any other number.
template <class T>
constexpr compute_t<T> lowest() {
  using Wide = compute_t<T>;
  if constexpr (std::is_floating_point_v<Wide>) return -std::numeric_limits<Wide>::infinity();
  return std::numeric_limits<Wide>::lowest();
}

/// Whether `value` takes the place of the maximum so far: NaN wins and stays.
template <class T>
bool beats(T value, T best) {
  if constexpr (std::is_floating_point_v<T>) {
    return value > best || std::isnan(value);
  } else {
    return value > best;
  }
}

/// A place in a plane, with the first spatial axis moving fastest (storage_order = 1).
std::int64_t column_major(const Window& window, std::int64_t place) {
  std::array<std::int64_t, Shape::max_rank> at{};
  for (int axis = window.rank - 1; axis >= 0; --axis) {
    at[static_cast<std::size_t>(axis)] = place % window[axis].input;
    place /= window[axis].input;
  }
  for (int axis = window.rank - 1; axis >= 0; --axis) {
    place = place * window[axis].input + at[static_cast<std::size_t>(axis)];
  }
  return place;
}

/// The channels are the second axis, or the last.
template <bool last>
void run_max_pool(KernelContext& context) {
  const Tensor& x = context.input(0);
  const PoolGeometry g =
      pool_geometry(context.attributes(), last ? channels_first(x.shape()) : x.shape());
  const bool by_column = context.attributes().integer("storage_order", 0) != 0;
  const std::int64_t plane_size = g.window.input_size(), outputs = g.window.output_size();
  Tensor& y = context.output(0, last ? channels_last(g.output) : g.output);
  std::int64_t* indices = context.has_output(1)
                              ? context.output(1, g.output).as_mutable<std::int64_t>().data()
                              : nullptr;
  visit_dtype<MaxTypes>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    for_each_window(context, g, [&](std::int64_t plane, const WindowView& view, std::int64_t out) {
      const PlanePlaces image = plane_places(plane, plane_size, g.output[1], last);
      const PlanePlaces result = plane_places(plane, outputs, g.output[1], last);
      compute_t<T> best = lowest<T>();
      std::int64_t place = -1;
      view.for_each([&](std::int64_t at) {
        const compute_t<T> value = from[image(at)];
        if (place < 0 || beats(value, best)) {
          best = value;
          place = at;
        }
      });
      to[result(out - plane * outputs)] = static_cast<T>(best);
      if (indices != nullptr) {
        place = std::max<std::int64_t>(place, 0);
        indices[out] = plane * plane_size + (by_column ? column_major(g.window, place) : place);
      }
    });
  });
}

void run_average_pool(KernelContext& context) {
  const Tensor& x = context.input(0);
  const PoolGeometry g = pool_geometry(context.attributes(), x.shape());
  const bool count_padding = context.attributes().integer("count_include_pad", 0) != 0;
  const std::int64_t plane_size = g.window.input_size();
  Tensor& y = context.output(0, g.output);
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    for_each_window(context, g, [&](std::int64_t plane, const WindowView& view, std::int64_t out) {
      const T* image = from + plane * plane_size;
      double sum = 0;
      view.for_each([&](std::int64_t at) { sum += static_cast<double>(image[at]); });
      to[out] = static_cast<T>(static_cast<compute_t<T>>(sum / view.divisor(count_padding)));
    });
  });
}

/// |value| to the power p, and its inverse, for a sum of such powers.
double power(double value, double p) {
  value = std::abs(value);
  return p == 1 ? value : p == 2 ? value * value : std::pow(value, p);
}
double root(double sum, double p) {
  return p == 1 ? sum : p == 2 ? std::sqrt(sum) : std::pow(sum, 1 / p);
}

void run_lp_pool(KernelContext& context) {
  const Tensor& x = context.input(0);
  const PoolGeometry g = pool_geometry(context.attributes(), x.shape());
  const auto p = static_cast<double>(context.attributes().integer("p", 2));
  const std::int64_t plane_size = g.window.input_size();
  Tensor& y = context.output(0, g.output);
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    for_each_window(context, g, [&](std::int64_t plane, const WindowView& view, std::int64_t out) {
      const T* image = from + plane * plane_size;
      double sum = 0;
      view.for_each([&](std::int64_t at) { sum += power(static_cast<double>(image[at]), p); });
      to[out] = static_cast<T>(static_cast<compute_t<T>>(root(sum, p)));
    });
  });
}

/// Output [batch, channels, 1...]: each element is f of one plane's elements.
template <class Group, class F>
void pool_planes(KernelContext& context, F&& f) {
  const Tensor& x = context.input(0);
  if (x.rank() < 2) {
    context.fail(ErrorCode::shape_mismatch, "a global pool needs a batch and a channel axis");
  }
  Shape shape{x.dim(0), x.dim(1)};
  while (shape.rank() < x.rank()) shape.push_back(1);
  const auto size = static_cast<std::size_t>(x.shape().product(2, x.rank()));
  Tensor& y = context.output(0, shape);
  visit_dtype<Group>(x.dtype(), [&]<class T>() {
    const auto from = x.as<T>();
    const auto to = y.as_mutable<T>();
    context.parallel_for(y.size(), [&](std::int64_t task, int) {
      const auto i = static_cast<std::size_t>(task);
      to[i] = static_cast<T>(static_cast<compute_t<T>>(f(from.subspan(i * size, size))));
    });
  });
}

void run_global_max_pool(KernelContext& context) {
  pool_planes<Floats>(context, []<class T>(std::span<const T> plane) {
    compute_t<T> best = lowest<T>();
    for (const compute_t<T> value : plane) {
      if (beats(value, best)) best = value;
    }
    return best;
  });
}

void run_global_average_pool(KernelContext& context) {
  pool_planes<Floats>(context, []<class T>(std::span<const T> plane) {
    double sum = 0;
    for (const T value : plane) sum += static_cast<double>(value);
    return sum / static_cast<double>(plane.size());
  });
}

void run_global_lp_pool(KernelContext& context) {
  const auto p = static_cast<double>(context.attributes().integer("p", 2));
  pool_planes<Floats>(context, [p]<class T>(std::span<const T> plane) {
    double sum = 0;
    for (const T value : plane) sum += power(static_cast<double>(value), p);
    return root(sum, p);
  });
}

void run_max_unpool(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& indices = context.input(1);
  if (x.rank() < 3 || !(indices.shape() == x.shape())) {
    context.fail(ErrorCode::shape_mismatch, "the indices must have the shape of the input");
  }
  // Indices count through the tensor that was pooled; a larger output_shape only adds zeros.
  const Window window =
      make_transposed_window(context.attributes(), x.shape().dims().subspan(2), {});
  Shape pooled{x.dim(0), x.dim(1)};
  for (const std::int64_t dim : window.input_shape()) pooled.push_back(dim);
  Shape shape = pooled;
  if (context.has_input(2)) shape = Shape(context.input(2).as<std::int64_t>());
  if (shape.rank() != x.rank()) {
    context.fail(ErrorCode::shape_mismatch, "output_shape needs one size per axis of the input");
  }
  Tensor& y = context.output(0, shape);
  const std::int64_t limit = pooled.elements();
  const Strides strides = dense_strides(shape);
  const auto places = indices.as<std::int64_t>();
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const auto from = x.as<T>();
    const auto to = y.as_mutable<T>();
    std::fill(to.begin(), to.end(), T{});
    for (std::size_t i = 0; i < from.size(); ++i) {
      std::int64_t rest = places[i], place = 0;
      bool inside = rest >= 0 && rest < limit;
      for (int axis = shape.rank() - 1; axis >= 0 && inside; --axis) {
        const std::int64_t at = rest % pooled[axis];
        rest /= pooled[axis];
        inside = at < shape[axis];
        place += at * strides[static_cast<std::size_t>(axis)];
      }
      if (!inside) {
        context.fail(ErrorCode::execution,
                     "index " + std::to_string(places[i]) + " lies outside the output");
      }
      to[static_cast<std::size_t>(place)] = from[i];
    }
  });
}

void run_max_roi_pool(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& rois = context.input(1);
  const auto pooled = context.attributes().integers("pooled_shape");
  const double scale = context.attributes().real("spatial_scale", 1);
  if (x.rank() != 4 || rois.rank() != 2 || rois.dim(1) != 5) {
    context.fail(ErrorCode::shape_mismatch, "needs an image batch and rois of [count, 5]");
  }
  const std::int64_t plane = x.dim(2) * x.dim(3);
  Tensor& y = context.output(0, {rois.dim(0), x.dim(1), pooled[0], pooled[1]});
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    for (std::int64_t roi = 0; roi < rois.dim(0); ++roi) {
      const T* box = rois.as<T>().data() + roi * 5;  // batch, x1, y1, x2, y2
      const auto batch = static_cast<double>(box[0]);
      if (!(batch >= 0 && batch < static_cast<double>(x.dim(0)))) {
        context.fail(ErrorCode::execution, "a roi names an image that is not in the batch");
      }
      // The pixels that bin `i` of an axis covers, clipped to the image (Girshick 2015).
      const auto bin = [&](int axis, std::int64_t i) {
        const double begin = std::round(static_cast<double>(box[axis == 2 ? 2 : 1]) * scale);
        const double end = std::round(static_cast<double>(box[axis == 2 ? 4 : 3]) * scale);
        const double bins = static_cast<double>(pooled[static_cast<std::size_t>(axis - 2)]);
        const double size = std::max(end - begin + 1, 1.0) / bins;
        const double limit = static_cast<double>(x.dim(axis));
        const auto clip = [&](double at) {
          return static_cast<std::int64_t>(at >= 0 ? std::min(at, limit) : 0);
        };
        const double number = static_cast<double>(i);
        return std::pair(clip(std::floor(number * size) + begin),
                         clip(std::ceil((number + 1) * size) + begin));
      };
      for (std::int64_t c = 0; c < x.dim(1); ++c) {
        const T* image = from + (static_cast<std::int64_t>(batch) * x.dim(1) + c) * plane;
        for (std::int64_t ph = 0; ph < pooled[0]; ++ph) {
          const auto [top, bottom] = bin(2, ph);
          for (std::int64_t pw = 0; pw < pooled[1]; ++pw) {
            const auto [left, right] = bin(3, pw);
            const bool empty = bottom <= top || right <= left;
            compute_t<T> best = empty ? compute_t<T>{} : lowest<T>();
            for (std::int64_t h = top; h < bottom; ++h) {
              for (std::int64_t w = left; w < right; ++w) {
                const compute_t<T> value = image[h * x.dim(3) + w];
                if (beats(value, best)) best = value;
              }
            }
            *to++ = static_cast<T>(best);
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> pool_kernels() {
  return {
      {"", "MaxPool", kernels::run_max_pool<false>},
      {"com.microsoft", "NhwcMaxPool", kernels::run_max_pool<true>},
      {"", "AveragePool", kernels::run_average_pool},
      {"", "LpPool", kernels::run_lp_pool},
      {"", "GlobalMaxPool", kernels::run_global_max_pool},
      {"", "GlobalAveragePool", kernels::run_global_average_pool},
      {"", "GlobalLpPool", kernels::run_global_lp_pool},
      {"", "MaxUnpool", kernels::run_max_unpool},
      {"", "MaxRoiPool", kernels::run_max_roi_pool},
  };
}

}  // namespace inlay::inline v0
