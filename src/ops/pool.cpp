#include "ops/pool.hpp"

#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"
#include "ops/window.hpp"

namespace inlay::inline v0 {

namespace infer {

void set_pool_output(InferContext& context, std::size_t out, DType dtype, bool channels_last) {
  const Type& x = context.input(0);
  if (!x.has_rank) return context.set_output(out, dtype);
  require_rank(context, 0, 3, Shape::max_rank);
  const WindowAttributes window(context.attributes(), x.rank() - 2);
  if (window.kernel_shape().empty()) context.fail("attribute 'kernel_shape' is missing");
  std::vector<Dim> dims = x.dims;
  for (int axis = 0; axis < window.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    Dim& dim = dims[i + (channels_last ? 1 : 2)];
    dim = window.output(axis, dim, window.kernel_shape()[i]);
  }
  context.set_output(out, dtype, std::move(dims));
}

void set_global_pool_output(InferContext& context, bool channels_last) {
  Type type = context.input(0);
  const std::size_t channels = channels_last ? type.dims.size() - 1 : 1;
  for (std::size_t i = 1; i < type.dims.size(); ++i) {
    if (i != channels) type.dims[i] = 1;
  }
  context.set_output(0, std::move(type));
}

}  // namespace infer

namespace {

void infer_pool(InferContext& context) {
  infer::set_pool_output(context, 0, context.dtype(0));
  if (context.output_count() > 1) infer::set_pool_output(context, 1, DType::int64);
}

void infer_nhwc_max_pool(InferContext& context) {
  infer::set_pool_output(context, 0, context.dtype(0), true);
}

void infer_global_pool(InferContext& context) {
  infer::require_rank(context, 0, 2, Shape::max_rank);
  infer::set_global_pool_output(context);
}

void infer_max_unpool(InferContext& context) {
  const Type& x = context.input(0);
  if (context.has_input(2)) {
    if (auto dims = context.known_dims(2)) {
      return context.set_output(0, x.dtype, std::move(*dims));
    }
    return context.set_output(0, x.dtype, infer::unknown_dims(std::max(x.rank(), 0)));
  }
  if (!x.has_rank) return context.set_output(0, x.dtype);
  infer::require_rank(context, 0, 3, Shape::max_rank);
  const WindowAttributes window(context.attributes(), x.rank() - 2);
  if (window.kernel_shape().empty()) context.fail("attribute 'kernel_shape' is missing");
  std::vector<Dim> dims{x.dims[0], x.dims[1]};
  for (int axis = 0; axis < window.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const Dim& input = x.dims[i + 2];
    dims.push_back(
        input.known()
            ? Dim(window.resolve_transposed(axis, input.value, window.kernel_shape()[i]).input)
            : Dim());
  }
  context.set_output(0, x.dtype, std::move(dims));
}

void infer_max_roi_pool(InferContext& context) {
  infer::require_rank(context, 0, 4, 4);
  infer::require_rank(context, 1, 2, 2);
  const auto pooled = context.attributes().integers("pooled_shape");
  if (pooled.size() != 2 || pooled[0] < 0 || pooled[1] < 0) {
    context.fail("attribute 'pooled_shape' must be a height and a width");
  }
  const auto dim = [&](std::size_t input, std::size_t axis) {
    return context.input(input).has_rank ? context.input(input).dims[axis] : Dim();
  };
  context.set_output(0, context.dtype(0), {dim(1, 0), dim(0, 1), pooled[0], pooled[1]});
}

}  // namespace

std::vector<OpSchema> pool_schemas() {
  return {
      {"",
       "MaxPool",
       1,
       1,
       1,
       1,
       2,
       infer_pool,
       Trait::none,
       {dtypes::floats | dtypes::eight_bit_integers}},
      {.domain = "com.microsoft",
       .name = "NhwcMaxPool",
       .infer = infer_nhwc_max_pool,
       .types = {dtypes::eight_bit_integers}},
      {"", "AveragePool", 1, 1, 1, 1, 1, infer_pool, Trait::none, {dtypes::floats}},
      {"", "LpPool", 2, 1, 1, 1, 1, infer_pool, Trait::none, {dtypes::floats}},
      {"", "GlobalMaxPool", 1, 1, 1, 1, 1, infer_global_pool, Trait::none, {dtypes::floats}},
      {"", "GlobalAveragePool", 1, 1, 1, 1, 1, infer_global_pool, Trait::none, {dtypes::floats}},
      {"", "GlobalLpPool", 2, 1, 1, 1, 1, infer_global_pool, Trait::none, {dtypes::floats}},
      {"",
       "MaxUnpool",
       9,
       2,
       3,
       1,
       1,
       infer_max_unpool,
       Trait::none,
       {dtypes::floats, DType::int64}},
      {"", "MaxRoiPool", 1, 2, 2, 1, 1, infer_max_roi_pool, Trait::none, {dtypes::floats}},
  };
}

}  // namespace inlay::inline v0
