// Function pointers of the kernels that move data about: pooling, resizing, transposing.
#pragma once

#include <inlay/kernels/pool.hpp>
#include <inlay/kernels/resize.hpp>
#include <inlay/kernels/transpose.hpp>

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
  Transpose transpose[4];  ///< by log2 of the plan's element size
};

template <class A>
constexpr SpatialKernels make_spatial_kernels() {
  return {
      .max_pool = &kernels::pool<A, kernels::PoolOp::max>,
      .average_pool = &kernels::pool<A, kernels::PoolOp::average>,
      .resize_nearest = &kernels::resize_nearest<A>,
      .resize_bilinear = &kernels::resize_bilinear<A>,
      .transpose = {&kernels::transpose<A, std::uint8_t>, &kernels::transpose<A, std::uint16_t>,
                    &kernels::transpose<A, std::uint32_t>, &kernels::transpose<A, std::uint64_t>},
  };
}

}  // namespace inlay::inline v0::cpu
