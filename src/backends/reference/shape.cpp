// Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Expand, Shape, Size.
#include "backends/reference/arguments.hpp"
#include "backends/reference/reference.hpp"
#include "backends/reference/storage.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

void reshape(KernelContext& context) {
  const Shape& from = context.input(0).shape();
  const bool copy_zeros = context.attributes().integer("allowzero", 0) == 0;
  Shape to;
  int inferred = -1;
  for (const std::int64_t target : integers(context, context.input(1))) {
    std::int64_t dim = target;
    if (target == -1) {
      if (inferred >= 0) context.fail(ErrorCode::invalid_argument, "shape holds -1 twice");
      inferred = to.rank();
      dim = 1;
    } else if (target == 0 && copy_zeros) {
      if (to.rank() >= from.rank()) {
        context.fail(ErrorCode::invalid_argument, "shape copies an axis that data does not have");
      }
      dim = from[to.rank()];
    }
    to.push_back(dim);
  }
  if (inferred >= 0) {
    const std::int64_t known = to.elements();
    if (known == 0 || from.elements() % known != 0) {
      context.fail(ErrorCode::shape_mismatch,
                   "no size in place of -1 makes the shape hold the data's " +
                       std::to_string(from.elements()) + " elements");
    }
    to[inferred] = from.elements() / known;
  }
  context.output_view(0, 0, to);
}

void flatten(KernelContext& context) {
  const Shape& from = context.input(0).shape();
  const std::int64_t axis = context.attributes().integer("axis", 1);
  const int cut = axis == from.rank() ? from.rank() : normalize_axis(axis, from.rank());
  context.output_view(0, 0, {from.product(0, cut), from.product(cut, from.rank())});
}

void squeeze(KernelContext& context) {
  const Shape& from = context.input(0).shape();
  const bool given = context.attributes().has("axes") || context.has_input(1);
  AxisSet dropped;
  for (const std::int64_t axis : integers(context, "axes", 1)) dropped.add(axis, from.rank());
  Shape to;
  for (int axis = 0; axis < from.rank(); ++axis) {
    const bool drop = given ? dropped[axis] : from[axis] == 1;
    if (drop && from[axis] != 1) {
      context.fail(ErrorCode::shape_mismatch, "an axis to squeeze is not 1");
    }
    if (!drop) to.push_back(from[axis]);
  }
  context.output_view(0, 0, to);
}

void unsqueeze(KernelContext& context) {
  const Shape& from = context.input(0).shape();
  const auto axes = integers(context, "axes", 1);
  const int rank = from.rank() + static_cast<int>(axes.size());
  if (rank > Shape::max_rank) context.fail(ErrorCode::limit, "the output has too many axes");
  AxisSet added;
  for (const std::int64_t axis : axes) {
    if (added[normalize_axis(axis, rank)]) {
      context.fail(ErrorCode::invalid_argument, "an axis is named twice");
    }
    added.add(axis, rank);
  }
  Shape to;
  for (int axis = 0, next = 0; axis < rank; ++axis) {
    to.push_back(added[axis] ? 1 : from[next++]);
  }
  context.output_view(0, 0, to);
}

void transpose(KernelContext& context) {
  const Tensor& data = context.input(0);
  const auto perm = context.attributes().integers("perm");
  const int rank = data.rank();
  if (!perm.empty() && perm.size() != data.shape().size()) {
    context.fail(ErrorCode::shape_mismatch, "perm does not have one entry per axis");
  }
  const Strides from = dense_strides(data.shape());
  Strides permuted{};
  Shape shape;
  AxisSet used;
  for (int axis = 0; axis < rank; ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    const int source = perm.empty() ? rank - 1 - axis : normalize_axis(perm[at], rank);
    if (used[source]) context.fail(ErrorCode::invalid_argument, "perm names an axis twice");
    used.add(source, rank);
    permuted[at] = from[static_cast<std::size_t>(source)];
    shape.push_back(data.dim(source));
  }
  write_stored(context, context.output(0, shape), [&](auto* to) {
    copy_strided(shape, to, dense_strides(shape), stored<element_t<decltype(to)>>(context, data),
                 permuted);
  });
}

void expand(KernelContext& context) {
  const Tensor& data = context.input(0);
  const Shape shape = broadcast(data.shape(), Shape(integers(context, context.input(1))));
  write_stored(context, context.output(0, shape), [&](auto* to) {
    copy_strided(shape, to, dense_strides(shape), stored<element_t<decltype(to)>>(context, data),
                 broadcast_strides(data.shape(), shape));
  });
}

void shape(KernelContext& context) {
  const Shape& of = context.input(0).shape();
  const std::int64_t rank = of.rank();
  auto place = [rank](std::int64_t axis) {
    return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  const std::int64_t start = place(context.attributes().integer("start", 0));
  const std::int64_t end = std::max(start, place(context.attributes().integer("end", rank)));
  Tensor& output = context.output(0, {end - start});
  std::copy(of.begin() + start, of.begin() + end, output.as_mutable<std::int64_t>().begin());
}

void size(KernelContext& context) {
  context.output(0, {}).as_mutable<std::int64_t>()[0] = context.input(0).size();
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> shape_kernels() {
  using namespace kernels;
  return {
      {"", "Expand", expand},        {"", "Flatten", flatten},     {"", "Reshape", reshape},
      {"", "Shape", kernels::shape}, {"", "Size", size},           {"", "Squeeze", squeeze},
      {"", "Transpose", transpose},  {"", "Unsqueeze", unsqueeze},
  };
}

}  // namespace inlay::inline v0
