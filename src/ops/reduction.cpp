#include <algorithm>

#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

void infer_reduce(InferContext& context) {
  const Type& x = context.input(0);
  const bool keep = context.attributes().integer("keepdims", 1) != 0;
  const infer::Integers given = infer::integers(context, "axes", 1);
  if (!x.has_rank) return context.set_output(0, x.dtype);
  if (given.given && !given.values) {
    // Which axes is not known yet; how many may be, and 0 means all or none.
    const auto count = context.input(1).static_shape();
    if (keep) return context.set_output(0, x.dtype, infer::unknown_dims(x.rank()));
    if (!count || count->rank() != 1 || (*count)[0] == 0 || (*count)[0] > x.rank()) {
      return context.set_output(0, x.dtype);
    }
    return context.set_output(0, x.dtype,
                              infer::unknown_dims(x.rank() - static_cast<int>((*count)[0])));
  }
  std::vector<int> axes;
  if (given.values) axes = infer::axes(context, *given.values, x.rank());
  const bool all = axes.empty() && context.attributes().integer("noop_with_empty_axes", 0) == 0;
  std::vector<Dim> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!all && std::find(axes.begin(), axes.end(), axis) == axes.end()) {
      dims.push_back(x.dims[static_cast<std::size_t>(axis)]);
    } else if (keep) {
      dims.emplace_back(1);
    }
  }
  context.set_output(0, x.dtype, std::move(dims));
}

void infer_arg(InferContext& context) {
  const Type& x = context.input(0);
  if (!x.has_rank) return context.set_output(0, DType::int64);
  std::vector<Dim> dims = x.dims;
  const int axis = infer::axis(context, context.attributes().integer("axis", 0), x.rank());
  if (context.attributes().integer("keepdims", 1) != 0) {
    dims[static_cast<std::size_t>(axis)] = 1;
  } else {
    dims.erase(dims.begin() + axis);
  }
  context.set_output(0, DType::int64, std::move(dims));
}

void infer_top_k(InferContext& context) {
  const Type& x = context.input(0);
  if (!x.has_rank) {
    context.set_output(0, x.dtype);
    context.set_output(1, DType::int64);
    return;
  }
  std::vector<Dim> dims = x.dims;
  const int axis = infer::axis(context, context.attributes().integer("axis", -1), x.rank());
  Dim count;
  if (context.version() < 10) {
    count = context.attributes().integer("k", -1);
    if (!count.known()) context.fail("attribute k is missing or negative");
  } else if (const auto k = context.constant_integers(1); k && k->size() == 1) {
    count = (*k)[0];
    if (!count.known()) context.fail("K is negative");
  }
  dims[static_cast<std::size_t>(axis)] = count;
  context.set_output(0, x.dtype, dims);
  context.set_output(1, DType::int64, std::move(dims));
}

}  // namespace

std::vector<OpSchema> reduction_schemas() {
  std::vector<OpSchema> schemas;
  const auto add_reduce = [&](const char* name, DTypeSet types) {
    schemas.push_back(
        {.name = name, .max_inputs = 2, .infer = infer_reduce, .types = {types, DType::int64}});
  };
  for (const char* name : {"ReduceSum", "ReduceMean", "ReduceProd", "ReduceL1", "ReduceL2",
                           "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"}) {
    add_reduce(name, dtypes::numbers);
  }
  for (const char* name : {"ReduceMax", "ReduceMin"}) {
    add_reduce(name, dtypes::numbers | dtypes::boolean);
  }
  for (const char* name : {"ArgMax", "ArgMin"}) {
    schemas.push_back({.name = name, .infer = infer_arg, .types = {dtypes::numbers}});
  }
  schemas.push_back({.name = "CumSum",
                     .since = 11,
                     .min_inputs = 2,
                     .max_inputs = 2,
                     .infer = infer::same_as_input,
                     .traits = Trait::in_place,
                     .types = {dtypes::numbers, dtypes::indices}});
  schemas.push_back({.name = "CumProd",
                     .since = 26,
                     .min_inputs = 2,
                     .max_inputs = 2,
                     .infer = infer::same_as_input,
                     .traits = Trait::in_place,
                     .types = {dtypes::numbers, dtypes::indices}});
  schemas.push_back({.name = "TopK",
                     .max_inputs = 2,
                     .min_outputs = 1,
                     .max_outputs = 2,
                     .infer = infer_top_k,
                     .types = {dtypes::numbers, DType::int64}});
  return schemas;
}

}  // namespace inlay::inline v0
