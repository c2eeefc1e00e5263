// Function pointers of the kernels that move data about: pooling, resizing, transposing.
#pragma once

#include <inlay/kernels/pool.hpp>
#include <inlay/kernels/resize_columns.hpp>
#include <inlay/kernels/transpose.hpp>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

struct SpatialKernels {
  using Pool = void (*)(const float* x, float* y, const kernels::PoolShape& shape,
                        std::size_t begin, std::size_t end, float* scratch);
  using Transpose = void (*)(const void* source, void* target, const kernels::TransposePlan& plan,
                             std::size_t begin, std::size_t end);

  Pool max_pool, average_pool;
  void (*resize_nearest)(const float* x, float* y, const kernels::NearestAxis& height,
                         const kernels::NearestAxis& width, std::size_t begin, std::size_t end);
  void (*resize_bilinear)(const float* x, float* y, const kernels::LinearAxis& height,
                          const kernels::LinearAxis& width, std::size_t begin, std::size_t end,
                          float* scratch);
  void (*resize_nearest_columns)(const float* x, float* y, const kernels::NearestAxis& height,
                                 const kernels::NearestAxis& width, std::size_t columns,
                                 std::size_t begin, std::size_t end);
  void (*resize_bilinear_columns)(const float* x, float* y, const kernels::LinearAxis& height,
                                  const kernels::LinearAxis& width, std::size_t columns,
                                  std::size_t begin, std::size_t end, float* scratch);
  Transpose transpose[4];  ///< by log2 of the plan's element size
};

template <class A>
constexpr SpatialKernels make_spatial_kernels() {
  constexpr bool resizes = is_any_built({"Resize", "Upsample"});
  return {
      .max_pool = is_built("", "MaxPool") ? &kernels::pool<A, kernels::PoolOp::max> : nullptr,
      .average_pool =
          is_built("", "AveragePool") ? &kernels::pool<A, kernels::PoolOp::average> : nullptr,
      .resize_nearest = resizes ? &kernels::resize_nearest<A> : nullptr,
      .resize_bilinear = resizes ? &kernels::resize_bilinear<A> : nullptr,
      .resize_nearest_columns = resizes ? &kernels::resize_nearest_columns<A> : nullptr,
      .resize_bilinear_columns = resizes ? &kernels::resize_bilinear_columns<A> : nullptr,
      .transpose = {&kernels::transpose<A, std::uint8_t>, &kernels::transpose<A, std::uint16_t>,
                    &kernels::transpose<A, std::uint32_t>, &kernels::transpose<A, std::uint64_t>},
  };
}

}  // namespace inlay::inline v0::cpu
