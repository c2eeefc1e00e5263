// Operators that read images at computed places: GridSample, AffineGrid, RoiAlign; and Col2Im.
#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

using Dims = std::vector<Dim>;

void infer_grid_sample(InferContext& context) {
  const Type& data = context.input(0);
  const Type& grid = context.input(1);
  if (!data.has_rank && !grid.has_rank) return context.set_output(0, data.dtype);
  const int rank = data.has_rank ? data.rank() : grid.rank();
  infer::require_rank(context, 0, 3, Shape::max_rank);
  infer::require_rank(context, 1, rank, rank);
  Dims dims = infer::unknown_dims(rank);
  if (data.has_rank) std::copy_n(data.dims.begin(), 2, dims.begin());
  if (grid.has_rank) {
    dims[0] = infer::merged(context, dims[0], grid.dims[0]);
    std::copy(grid.dims.begin() + 1, grid.dims.end() - 1, dims.begin() + 2);
  }
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_affine_grid(InferContext& context) {
  const auto size = context.known_dims(1);
  if (!size) return context.set_output(0, context.dtype(0));
  if (size->size() != 4 && size->size() != 5) context.fail("size must have 4 or 5 entries");
  Dims dims{(*size)[0]};
  dims.insert(dims.end(), size->begin() + 2, size->end());
  dims.emplace_back(static_cast<std::int64_t>(size->size() - 2));
  context.set_output(0, context.dtype(0), std::move(dims));
}

void infer_roi_align(InferContext& context) {
  const Type& data = context.input(0);
  infer::require_rank(context, 0, 4, 4);
  infer::require_rank(context, 1, 2, 2);
  Dims dims = infer::unknown_dims(4);
  if (context.input(1).has_rank) dims[0] = context.input(1).dims[0];
  if (data.has_rank) dims[1] = data.dims[1];
  dims[2] = context.attributes().integer("output_height", 1);
  dims[3] = context.attributes().integer("output_width", 1);
  if (!dims[2].known() || !dims[3].known()) context.fail("the output's size is negative");
  context.set_output(0, data.dtype, std::move(dims));
}

void infer_col2im(InferContext& context) {
  const Type& data = context.input(0);
  infer::require_rank(context, 0, 3, 3);
  const auto image = context.known_dims(1);
  const auto block = context.known_dims(2);
  if (!image) return context.set_output(0, data.dtype);
  Dims dims = infer::unknown_dims(2);
  if (data.has_rank) {
    dims[0] = data.dims[0];
    if (block) dims[1] = infer::quotient(std::span(data.dims).subspan(1, 1), *block);
  }
  dims.insert(dims.end(), image->begin(), image->end());
  context.set_output(0, data.dtype, std::move(dims));
}

}  // namespace

std::vector<OpSchema> sampling_schemas() {
  return {
      {.domain = "",
       .name = "AffineGrid",
       .since = 20,
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_affine_grid,
       .types = {dtypes::floats, DType::int64}},
      {.domain = "",
       .name = "Col2Im",
       .since = 18,
       .min_inputs = 3,
       .max_inputs = 3,
       .infer = infer_col2im,
       .types = {dtypes::numbers, DType::int64}},
      {.domain = "",
       .name = "GridSample",
       .since = 16,
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_grid_sample,
       .types = {dtypes::any, dtypes::floats}},
      {.domain = "com.microsoft",
       .name = "GridSample",
       .min_inputs = 2,
       .max_inputs = 2,
       .infer = infer_grid_sample,
       .types = {dtypes::any, dtypes::floats}},
      {.domain = "",
       .name = "RoiAlign",
       .since = 10,
       .min_inputs = 3,
       .max_inputs = 3,
       .infer = infer_roi_align,
       .types = {dtypes::floats, dtypes::floats, DType::int64}},
  };
}

}  // namespace inlay::inline v0
