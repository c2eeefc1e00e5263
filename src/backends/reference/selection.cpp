// NonZero, Compress, Unique, OneHot, NonMaxSuppression.
#include <cmath>
#include <numeric>

#include "backends/reference/arguments.hpp"
#include "backends/reference/reference.hpp"
#include "backends/reference/storage.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

void non_zero(KernelContext& context) {
  const Tensor& data = context.input(0);
  visit_dtype<Any>(data.dtype(), [&]<class T>() {
    const auto values = data.as<T>();
    const auto zeros = std::count(values.begin(), values.end(), T{});
    const std::int64_t count = data.size() - zeros;
    Tensor& output = context.output(0, {data.rank(), count});
    const auto positions = output.as_mutable<std::int64_t>();
    std::int64_t column = 0;
    for (std::int64_t n = 0; n < data.size(); ++n) {
      if (values[static_cast<std::size_t>(n)] == T{}) continue;
      std::int64_t rest = n;
      for (int axis = data.rank() - 1; axis >= 0; --axis) {
        positions[static_cast<std::size_t>(axis * count + column)] = rest % data.dim(axis);
        rest /= data.dim(axis);
      }
      ++column;
    }
  });
}

/// The tensor as [outer, axis, inner] along the attribute `axis`; flat when there is none.
AxisSplit selection_axis(const KernelContext& context, const Tensor& data) {
  if (!context.attributes().has("axis")) return {1, data.size(), 1};
  return split_axis(data.shape(), axis_attribute(context, 0, data.rank()));
}

/// The shape of `data` when `count` slices along the attribute `axis` are left.
Shape selection_shape(const KernelContext& context, const Tensor& data, std::int64_t count) {
  if (!context.attributes().has("axis")) return {count};
  Shape shape = data.shape();
  shape[axis_attribute(context, 0, data.rank())] = count;
  return shape;
}

/// Output 0 holds the slices of input 0 along the attribute `axis` that `chosen` lists.
void select_slices(KernelContext& context, std::span<const std::int64_t> chosen) {
  const Tensor& data = context.input(0);
  const AxisSplit parts = selection_axis(context, data);
  const Shape shape = selection_shape(context, data, std::ssize(chosen));
  write_stored(context, context.output(0, shape), [&](auto* to) {
    const auto* from = stored<element_t<decltype(to)>>(context, data);
    for (std::int64_t outer = 0; outer < parts.outer; ++outer) {
      for (const std::int64_t slice : chosen) {
        to = std::copy_n(from + (outer * parts.axis + slice) * parts.inner, parts.inner, to);
      }
    }
  });
}

void compress(KernelContext& context) {
  const auto condition = context.input(1).as<bool>();
  const std::int64_t length = selection_axis(context, context.input(0)).axis;
  const auto chosen = context.scratch<std::int64_t>(std::ssize(condition));
  std::size_t count = 0;
  for (std::int64_t i = 0; i < std::ssize(condition); ++i) {
    if (!condition[static_cast<std::size_t>(i)]) continue;
    if (i >= length) {
      context.fail(ErrorCode::execution, "condition chooses a slice past the input's end");
    }
    chosen[count++] = i;
  }
  select_slices(context, chosen.first(count));
}

/// A total order: NaN is the largest and equal to itself, complex numbers order by real part first.
template <class T>
bool before(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>) {
    return a.real() != b.real() ? before(a.real(), b.real()) : before(a.imag(), b.imag());
  } else if constexpr (is_float<T>) {
    return a < b || (a == a && b != b);
  } else {
    return a < b;
  }
}

/// Slices of a tensor along an axis, compared element by element.
template <class T>
struct SliceOrder {
  const T* data;
  AxisSplit parts;

  /// Negative, zero or positive as slice a comes before, with or after slice b.
  int compare(std::int64_t a, std::int64_t b) const {
    for (std::int64_t outer = 0; outer < parts.outer; ++outer) {
      const T* row = data + outer * parts.axis * parts.inner;
      for (std::int64_t i = 0; i < parts.inner; ++i) {
        const T& x = row[a * parts.inner + i];
        const T& y = row[b * parts.inner + i];
        if (before(x, y)) return -1;
        if (before(y, x)) return 1;
      }
    }
    return 0;
  }
};

/// com.microsoft's keeps the order of appearance, and has no output for the first places.
void unique(KernelContext& context) {
  const bool standard = context.node().domain.empty();
  const Tensor& data = context.input(0);
  const AxisSplit parts = selection_axis(context, data);
  const std::int64_t n = parts.axis;
  const auto order = context.scratch<std::int64_t>(n);     // slices, equal ones together
  const auto group_of = context.scratch<std::int64_t>(n);  // slice -> group, in sorted order
  const auto first_of = context.scratch<std::int64_t>(n);  // group -> its first slice
  const auto count_of = context.scratch<std::int64_t>(n);  // group -> its slices
  const auto group_at = context.scratch<std::int64_t>(n);  // output position -> group
  const auto place_of = context.scratch<std::int64_t>(n);  // group -> output position
  std::iota(order.begin(), order.end(), 0);
  std::size_t groups = 0;
  visit_dtype<Any>(data.dtype(), [&]<class T>() {
    const SliceOrder<T> slices{data.as<T>().data(), parts};
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      const int compared = slices.compare(a, b);
      return compared != 0 ? compared < 0 : a < b;
    });
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i == 0 || slices.compare(order[i - 1], order[i]) != 0) {
        first_of[groups] = order[i];
        count_of[groups++] = 0;
      }
      ++count_of[groups - 1];
      group_of[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(groups - 1);
    }
  });
  const auto positions = group_at.first(groups);
  std::iota(positions.begin(), positions.end(), 0);
  if (!standard || context.attributes().integer("sorted", 1) == 0) {
    std::sort(positions.begin(), positions.end(), [&](std::int64_t a, std::int64_t b) {
      return first_of[static_cast<std::size_t>(a)] < first_of[static_cast<std::size_t>(b)];
    });
  }
  const auto first_slices = context.scratch<std::int64_t>(static_cast<std::int64_t>(groups));
  for (std::size_t i = 0; i < groups; ++i) {
    const auto group = static_cast<std::size_t>(positions[i]);
    first_slices[i] = first_of[group];
    place_of[group] = static_cast<std::int64_t>(i);
  }
  select_slices(context, first_slices);
  const auto write = [&](std::size_t output, std::int64_t count, auto&& value) {
    if (output >= context.output_count() || !context.has_output(output)) return;
    const auto to = context.output(output, {count}).as_mutable<std::int64_t>();
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = value(i);
  };
  const auto total = static_cast<std::int64_t>(groups);
  const std::size_t places = standard ? 2 : 1;  // the output of each element's place
  if (standard) write(1, total, [&](std::size_t i) { return first_slices[i]; });
  write(places, n, [&](std::size_t i) { return place_of[static_cast<std::size_t>(group_of[i])]; });
  write(places + 1, total,
        [&](std::size_t i) { return count_of[static_cast<std::size_t>(positions[i])]; });
}

/// `x` as an index into `depth` entries, negative ones counted from the end; -1 when it is none.
template <class T>
std::int64_t index_or_none(T x, std::int64_t depth) {
  if constexpr (is_float<T>) {
    const double value = x;
    const auto limit = static_cast<double>(depth);
    if (!(value >= -limit && value < limit)) return -1;
  } else if constexpr (std::is_unsigned_v<T>) {
    if (x >= static_cast<std::uint64_t>(depth)) return -1;
  }
  const auto index = static_cast<std::int64_t>(x);
  if (index < -depth || index >= depth) return -1;
  return index < 0 ? index + depth : index;
}

void one_hot(KernelContext& context) {
  const Tensor& indices = context.input(0);
  const Tensor& values = context.input(2);
  std::int64_t depth = -1;
  visit_dtype<Numbers>(context.input(1).dtype(), [&]<class T>() {
    // One more than the largest index that fits a tensor of such a depth.
    depth = index_or_none(context.input(1).item<T>(), INT64_MAX);
  });
  if (depth < 0 || values.size() != 2) {
    context.fail(ErrorCode::invalid_argument, "depth must not be negative, values must hold two");
  }
  const int axis = axis_attribute(context, -1, indices.rank() + 1);
  Shape shape = indices.shape();
  shape.insert(axis, depth);
  const AxisSplit parts = split_axis(shape, axis);
  write_stored(context, context.output(0, shape), [&](auto* to) {
    using T = element_t<decltype(to)>;
    const T* off_on = stored<T>(context, values);
    std::fill_n(to, shape.elements(), off_on[0]);
    visit_dtype<Numbers>(indices.dtype(), [&]<class Index>() {
      const Index* index = indices.as<Index>().data();
      for (std::int64_t outer = 0; outer < parts.outer; ++outer) {
        for (std::int64_t inner = 0; inner < parts.inner; ++inner) {
          const std::int64_t at = index_or_none(*index++, depth);
          if (at >= 0) to[(outer * depth + at) * parts.inner + inner] = off_on[1];
        }
      }
    });
  });
}

/// A rectangle with its sides in order.
struct Box {
  float top, left, bottom, right;

  /// From two corners, or from center and size.
  Box(const float* box, bool center) {
    if (center) {
      left = box[0] - box[2] / 2;
      right = box[0] + box[2] / 2;
      top = box[1] - box[3] / 2;
      bottom = box[1] + box[3] / 2;
    } else {
      top = std::min(box[0], box[2]);
      bottom = std::max(box[0], box[2]);
      left = std::min(box[1], box[3]);
      right = std::max(box[1], box[3]);
    }
  }
  float area() const { return (bottom - top) * (right - left); }
};

/// Intersection over union.
float overlap(const Box& a, const Box& b) {
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (height <= 0 || width <= 0) return 0;
  const float shared = height * width;
  return shared / (a.area() + b.area() - shared);
}

void non_max_suppression(KernelContext& context) {
  const Tensor& boxes = context.input(0);
  const Tensor& scores = context.input(1);
  if (boxes.rank() != 3 || scores.rank() != 3 || boxes.dim(2) != 4 ||
      boxes.dim(0) != scores.dim(0) || boxes.dim(1) != scores.dim(2)) {
    context.fail(ErrorCode::shape_mismatch,
                 "boxes must be [batch, n, 4], scores [batch, class, n]");
  }
  const bool center = context.attributes().integer("center_point_box", 0) != 0;
  const std::int64_t count = boxes.dim(1);
  const std::int64_t most =
      std::clamp<std::int64_t>(context.has_input(2) ? integer(context.input(2)) : 0, 0, count);
  const float most_overlap = context.has_input(3) ? context.input(3).item<float>() : 0;
  const auto candidates = context.scratch<std::int64_t>(count);
  const std::int64_t classes = scores.dim(1);
  const Shape largest{scores.dim(0), classes, most, 3};
  const auto selected = context.scratch<std::int64_t>(largest.elements());
  std::size_t written = 0;
  for (std::int64_t row = 0; row < scores.dim(0) * classes && most > 0; ++row) {
    const float* score = scores.as<float>().data() + row * count;
    const float* box = boxes.as<float>().data() + row / classes * count * 4;
    std::size_t left = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      if (context.has_input(4) && !(score[i] > context.input(4).item<float>())) continue;
      candidates[left++] = i;
    }
    std::sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(left),
              [&](std::int64_t a, std::int64_t b) {
                if (before(score[b], score[a])) return true;
                return !before(score[a], score[b]) && a < b;
              });
    const std::size_t first = written;
    for (std::size_t i = 0; i < left; ++i) {
      if (written - first == static_cast<std::size_t>(most) * 3) break;
      context.check_cancelled();
      const std::int64_t candidate = candidates[i];
      const Box here(box + candidate * 4, center);
      bool keep = true;
      for (std::size_t k = first; k < written && keep; k += 3) {
        keep = overlap(here, Box(box + selected[k + 2] * 4, center)) <= most_overlap;
      }
      if (!keep) continue;
      selected[written++] = row / classes;
      selected[written++] = row % classes;
      selected[written++] = candidate;
    }
  }
  Tensor& output = context.output(0, {static_cast<std::int64_t>(written / 3), 3});
  std::copy_n(selected.begin(), written, output.as_mutable<std::int64_t>().begin());
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> selection_kernels() {
  using namespace kernels;
  return {
      {"", "Compress", compress},      {"", "NonMaxSuppression", non_max_suppression},
      {"", "NonZero", non_zero},       {"", "OneHot", one_hot},
      {"", "Unique", kernels::unique}, {"com.microsoft", "Unique", kernels::unique},
  };
}

}  // namespace inlay::inline v0
