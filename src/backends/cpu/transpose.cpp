// Transpose, DepthToSpace and SpaceToDepth, for every dtype whose elements are whole bytes.
#include "backends/cpu/transpose.hpp"

#include "backends/reference/block_move.hpp"

namespace inlay::inline v0::cpu {
namespace {

class TransposeKernel final : public Kernel {
 public:
  TransposeKernel(const CompileContext&, const KernelTable& table) : spatial_(table.spatial) {}

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    const auto rank = static_cast<std::size_t>(x.rank());
    const auto perm = context.attributes().integers("perm");
    if (!perm.empty() && perm.size() != rank) {
      context.fail(ErrorCode::shape_mismatch, "perm does not have one entry for each axis");
    }
    std::size_t dims[Shape::max_rank], order[Shape::max_rank];
    Shape shape;
    for (std::size_t i = 0; i < rank; ++i) {
      const int axis = perm.empty() ? static_cast<int>(rank - 1 - i)
                                    : normalize_axis(perm[i], static_cast<int>(rank));
      order[i] = static_cast<std::size_t>(axis);
      if (std::find(order, order + i, order[i]) != order + i) {
        context.fail(ErrorCode::invalid_argument, "perm names an axis twice");
      }
      shape.push_back(x.dim(axis));
      dims[i] = to_size(x.dim(static_cast<int>(i)));
    }
    const void* from = x.data();
    const std::size_t element = static_cast<std::size_t>(bit_width(x.dtype())) / 8;
    Tensor& y = context.output(0, shape);
    if (y.size() == 0) return;
    run_transpose(context, spatial_, kernels::make_transpose_plan(rank, dims, order, element), from,
                  y.mutable_data());
  }

 private:
  const SpatialKernels& spatial_;
};

template <bool to_space>
class BlockMoveKernel final : public Kernel {
 public:
  BlockMoveKernel(const CompileContext&, const KernelTable& table) : spatial_(table.spatial) {}

  void run(KernelContext& context) const override {
    const kernels::BlockMove move = kernels::block_move(context, to_space);
    const Tensor& x = context.input(0);
    const auto element = static_cast<std::size_t>(bit_width(x.dtype())) / 8;
    Tensor& y = context.output(0, move.result);
    if (y.size() == 0) return;
    std::size_t dims[6];
    for (std::size_t i = 0; i < 6; ++i) dims[i] = to_size(move.axes[static_cast<int>(i)]);
    run_transpose(context, spatial_,
                  kernels::make_transpose_plan(6, dims, move.perm.data(), element), x.data(),
                  y.mutable_data());
  }

 private:
  const SpatialKernels& spatial_;
};

Support supports_transpose(const CompileContext& context) {
  const DType dtype = context.dtype(0);
  const int bits = bit_width(dtype);
  const bool whole = bits == 8 || bits == 16 || bits == 32 || bits == 64;
  return whole && dtype != DType::string ? supported() : unsupported("no kernel for the dtype");
}

}  // namespace

std::vector<CpuOp> transpose_ops() {
  return {
      cpu_op("", "Transpose", supports_transpose, compile_as<TransposeKernel>),
      cpu_op("", "DepthToSpace", supports_transpose, compile_as<BlockMoveKernel<true>>),
      cpu_op("", "SpaceToDepth", supports_transpose, compile_as<BlockMoveKernel<false>>),
  };
}

}  // namespace inlay::inline v0::cpu
