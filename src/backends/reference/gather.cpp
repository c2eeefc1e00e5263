// Gather, GatherElements, GatherND, Scatter, ScatterElements, ScatterND, TensorScatter.
#include "backends/reference/arguments.hpp"
#include "backends/reference/reference.hpp"
#include "backends/reference/storage.hpp"
#include "backends/reference/wrap.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

/// `index` as 0..dim-1, counted from the end when negative.
std::int64_t checked_index(const KernelContext& context, std::int64_t index, std::int64_t dim) {
  if (index < -dim || index >= dim) {
    context.fail(ErrorCode::execution, "index " + std::to_string(index) +
                                           " is outside an axis of " + std::to_string(dim));
  }
  return index < 0 ? index + dim : index;
}

void gather(KernelContext& context) {
  const Tensor& data = context.input(0);
  const Tensor& at = context.input(1);
  const int axis = axis_attribute(context, 0, data.rank());
  const AxisSplit parts = split_axis(data.shape(), axis);
  const auto indices = integers(context, at);
  Shape shape;
  for (int i = 0; i < axis; ++i) shape.push_back(data.dim(i));
  for (const std::int64_t dim : at.shape()) shape.push_back(dim);
  for (int i = axis + 1; i < data.rank(); ++i) shape.push_back(data.dim(i));
  write_stored(context, context.output(0, shape), [&](auto* to) {
    const auto* from = stored<element_t<decltype(to)>>(context, data);
    for (std::int64_t outer = 0; outer < parts.outer; ++outer) {
      for (const std::int64_t index : indices) {
        const std::int64_t row = outer * parts.axis + checked_index(context, index, parts.axis);
        if (parts.inner == 1) {
          *to++ = from[row];
        } else {
          to = std::copy_n(from + row * parts.inner, parts.inner, to);
        }
      }
    }
  });
}

/// Calls f(n, offset) for each element n of `indices`, with the place that it names in a tensor of
/// `shape`: the element's own position, but for the index along `axis`.
template <class F>
void for_each_element(const KernelContext& context, const Shape& shape, int axis,
                      const Shape& indices_shape, std::span<const std::int64_t> indices, F&& f) {
  if (indices_shape.rank() != shape.rank()) {
    context.fail(ErrorCode::shape_mismatch, "data and indices differ in rank");
  }
  for (int i = 0; i < shape.rank(); ++i) {
    if (i != axis && indices_shape[i] > shape[i]) {
      context.fail(ErrorCode::shape_mismatch, "indices is larger than data");
    }
  }
  Strides strides = dense_strides(shape);
  const std::int64_t step = std::exchange(strides[static_cast<std::size_t>(axis)], 0);
  walk(indices_shape, std::array<Strides, 1>{strides},
       [&](std::int64_t n, const Offsets<1>& offset) {
         const std::int64_t index = indices[static_cast<std::size_t>(n)];
         f(n, offset[0] + checked_index(context, index, shape[axis]) * step);
       });
}

void gather_elements(KernelContext& context) {
  const Tensor& data = context.input(0);
  const Tensor& at = context.input(1);
  const int axis = axis_attribute(context, 0, data.rank());
  const auto indices = integers(context, at);
  write_stored(context, context.output(0, at.shape()), [&](auto* to) {
    const auto* from = stored<element_t<decltype(to)>>(context, data);
    for_each_element(context, data.shape(), axis, at.shape(), indices,
                     [&](std::int64_t n, std::int64_t offset) { to[n] = from[offset]; });
  });
}

/// The slices of a tensor that the rows of an index tensor name, as in GatherND and ScatterND.
struct IndexedSlices {
  Shape rows;              ///< the index tensor without its last axis
  Shape slice;             ///< one slice
  std::int64_t depth = 0;  ///< indices in a row
  std::int64_t batches = 1;
  Strides strides{};  ///< of the axes that the row's indices run along
  Shape indexed;      ///< those axes

  IndexedSlices(const KernelContext& context, const Shape& data, const Shape& indices, int batch) {
    if (indices.empty() || batch < 0 || batch >= indices.rank() || batch > data.rank() ||
        indices.back() > data.rank() - batch) {
      context.fail(ErrorCode::shape_mismatch, "indices of shape " + to_string(indices) +
                                                  " cannot address data of shape " +
                                                  to_string(data));
    }
    depth = indices.back();
    for (int i = 0; i < indices.rank() - 1; ++i) rows.push_back(indices[i]);
    for (int i = 0; i < batch; ++i) {
      if (data[i] != indices[i]) {
        context.fail(ErrorCode::shape_mismatch, "data and indices differ in a batch axis");
      }
    }
    batches = data.product(0, batch);
    const Strides dense = dense_strides(data);
    const int inner = batch + static_cast<int>(depth);
    for (int i = batch; i < inner; ++i) {
      strides[indexed.size()] = dense[static_cast<std::size_t>(i)];
      indexed.push_back(data[i]);
    }
    for (int i = inner; i < data.rank(); ++i) slice.push_back(data[i]);
  }

  /// Calls f(offset) for each row, in order, with the place of the slice it names.
  template <class F>
  void for_each(const KernelContext& context, std::span<const std::int64_t> indices, F&& f) const {
    const std::int64_t slice_size = slice.elements();
    const std::int64_t batch_size = indexed.elements() * slice_size;
    const std::int64_t count = rows.elements();
    const std::int64_t* index = indices.data();
    for (std::int64_t row = 0; row < count; ++row) {
      std::int64_t offset = row / (count / batches) * batch_size;
      for (int i = 0; i < indexed.rank(); ++i) {
        offset +=
            checked_index(context, *index++, indexed[i]) * strides[static_cast<std::size_t>(i)];
      }
      f(offset);
    }
  }
};

void gather_nd(KernelContext& context) {
  const Tensor& data = context.input(0);
  const Tensor& at = context.input(1);
  const auto batch = static_cast<int>(
      std::clamp<std::int64_t>(context.attributes().integer("batch_dims", 0), -1, Shape::max_rank));
  const IndexedSlices slices(context, data.shape(), at.shape(), batch);
  const auto indices = integers(context, at);
  Shape shape = slices.rows;
  for (const std::int64_t dim : slices.slice) shape.push_back(dim);
  write_stored(context, context.output(0, shape), [&](auto* to) {
    const auto* from = stored<element_t<decltype(to)>>(context, data);
    slices.for_each(context, indices, [&](std::int64_t offset) {
      to = std::copy_n(from + offset, slices.slice.elements(), to);
    });
  });
}

/// Calls f(reduce) with the function of two elements that the attribute `reduction` names. For
/// bool, as in numpy, adding is or, multiplying and; complex numbers have no order.
template <class T, class F>
void with_reduction(const KernelContext& context, std::string_view reduction, F&& f) {
  if constexpr (std::is_same_v<T, bool>) {
    if (reduction == "add" || reduction == "max") return f([](T a, T b) { return a || b; });
    if (reduction == "mul" || reduction == "min") return f([](T a, T b) { return a && b; });
  } else {
    if (reduction == "add") return f([](T a, T b) { return wrap_add(a, b); });
    if (reduction == "mul") return f([](T a, T b) { return wrap_mul(a, b); });
    if constexpr (std::is_arithmetic_v<T>) {
      if (reduction == "max") return f([](T a, T b) { return a >= b || a != a ? a : b; });
      if (reduction == "min") return f([](T a, T b) { return a <= b || a != a ? a : b; });
    }
  }
  context.fail(ErrorCode::invalid_graph, "there is no reduction '" + std::string(reduction) +
                                             "' of such elements; there are none, add, mul, max "
                                             "and min");
}

/// Output 0 is input 0 with input 2 written or reduced into it. `for_each` calls its argument with
/// (to, from, count) for each run of elements.
template <class ForEach>
void scatter(KernelContext& context, ForEach&& for_each) {
  const Tensor& data = context.input(0);
  const Tensor& updates = context.input(2);
  if (updates.dtype() != data.dtype()) {
    context.fail(ErrorCode::type_mismatch, "data and updates differ in dtype");
  }
  const std::string_view reduction = context.attributes().text("reduction", "none");
  Tensor& output = context.output(0, data.shape());
  if (reduction == "none") {
    write_stored(context, output, [&](auto* to) {
      using T = element_t<decltype(to)>;
      std::copy_n(stored<T>(context, data), data.size(), to);
      const T* from = stored<T>(context, updates);
      for_each([&](std::int64_t target, std::int64_t source, std::int64_t count) {
        std::copy_n(from + source, count, to + target);
      });
    });
    return;
  }
  visit_dtype<Union<Numbers, Types<bool>, Complex>>(data.dtype(), [&]<class T>() {
    T* to = output.as_mutable<T>().data();
    const T* from = updates.as<T>().data();
    std::copy_n(data.as<T>().data(), data.size(), to);
    with_reduction<compute_t<T>>(context, reduction, [&](auto reduce) {
      for_each([&](std::int64_t target, std::int64_t source, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
          to[target + i] = static_cast<T>(reduce(to[target + i], from[source + i]));
        }
      });
    });
  });
}

void scatter_elements(KernelContext& context) {
  const Shape& data = context.input(0).shape();
  const Tensor& at = context.input(1);
  if (context.input(2).shape() != at.shape()) {
    context.fail(ErrorCode::shape_mismatch, "indices and updates differ in shape");
  }
  const int axis = axis_attribute(context, 0, data.rank());
  const auto indices = integers(context, at);
  scatter(context, [&](auto&& write) {
    for_each_element(context, data, axis, at.shape(), indices,
                     [&](std::int64_t n, std::int64_t offset) { write(offset, n, 1); });
  });
}

void scatter_nd(KernelContext& context) {
  const IndexedSlices slices(context, context.input(0).shape(), context.input(1).shape(), 0);
  Shape expected = slices.rows;
  for (const std::int64_t dim : slices.slice) expected.push_back(dim);
  if (context.input(2).shape() != expected) {
    context.fail(ErrorCode::shape_mismatch, "updates has shape " +
                                                to_string(context.input(2).shape()) + ", not " +
                                                to_string(expected));
  }
  const auto indices = integers(context, context.input(1));
  const std::int64_t run = slices.slice.elements();
  scatter(context, [&](auto&& write) {
    std::int64_t source = 0;
    slices.for_each(context, indices, [&](std::int64_t offset) {
      write(offset, source, run);
      source += run;
    });
  });
}

void tensor_scatter(KernelContext& context) {
  const Tensor& cache = context.input(0);
  const Tensor& update = context.input(1);
  const int axis = axis_attribute(context, -2, cache.rank());
  const bool circular = context.attributes().text("mode", "linear") == "circular";
  Shape expected = cache.shape();
  if (update.rank() == cache.rank()) expected[axis] = update.dim(axis);
  if (axis == 0 || update.shape() != expected || update.dim(axis) > cache.dim(axis)) {
    context.fail(ErrorCode::shape_mismatch, "an update of shape " + to_string(update.shape()) +
                                                " does not fit a cache of " +
                                                to_string(cache.shape()));
  }
  const auto starts =
      context.has_input(2) ? integers(context, context.input(2)) : std::span<const std::int64_t>();
  if (context.has_input(2) && std::ssize(starts) != cache.dim(0)) {
    context.fail(ErrorCode::shape_mismatch, "write_indices does not have one entry per batch");
  }
  const AxisSplit parts = split_axis(cache.shape(), axis);
  const std::int64_t length = update.dim(axis);
  write_stored(context, context.output(0, cache.shape()), [&](auto* to) {
    using T = element_t<decltype(to)>;
    std::copy_n(stored<T>(context, cache), cache.size(), to);
    const T* from = stored<T>(context, update);
    if (update.size() == 0) return;
    for (std::int64_t outer = 0; outer < parts.outer; ++outer) {
      const std::int64_t batch = outer / (parts.outer / cache.dim(0));
      std::int64_t start = starts.empty() ? 0 : starts[static_cast<std::size_t>(batch)];
      if (circular) start = (start % parts.axis + parts.axis) % parts.axis;
      if (start < 0 || (!circular && start > parts.axis - length)) {
        context.fail(ErrorCode::execution, "an update would be written outside the cache");
      }
      for (std::int64_t i = 0; i < length; ++i) {
        const std::int64_t row = outer * parts.axis + (start + i) % parts.axis;
        std::copy_n(from + (outer * length + i) * parts.inner, parts.inner, to + row * parts.inner);
      }
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> gather_kernels() {
  using namespace kernels;
  return {
      {"", "Gather", gather},
      {"", "GatherElements", gather_elements},
      {"", "GatherND", gather_nd},
      {"com.microsoft", "GatherND", gather_nd},
      {"", "Scatter", scatter_elements},
      {"", "ScatterElements", scatter_elements},
      {"", "ScatterND", scatter_nd},
      {"", "TensorScatter", tensor_scatter},
  };
}

}  // namespace inlay::inline v0
