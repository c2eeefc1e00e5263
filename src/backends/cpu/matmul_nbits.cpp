// com.microsoft's MatMulNBits: products with weights of 4 and 8 bits.
#include <inlay/kernels/nbits_pack.hpp>

#include <optional>

#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::NbitsProblem;
using kernels::NbitsShape;
using kernels::NbitsSource;
using kernels::NbitsZeros;

constexpr std::size_t nbits_codes = 1, nbits_scales = 2, nbits_zeros = 3, nbits_groups = 4,
                      nbits_bias = 5;

/// Its weights: as the node has them, and as they are packed.
struct NbitsWeights {
  NbitsShape shape;
  std::int64_t block = 0;
};

/// Nothing, where the attributes are none that have a kernel.
std::optional<NbitsWeights> nbits_weights(const CompileContext& context) {
  const Attributes& attributes = context.node.attributes;
  NbitsWeights weights;
  NbitsShape& shape = weights.shape;
  shape.n = attributes.integer("N", 0);
  shape.k = attributes.integer("K", 0);
  weights.block = attributes.integer("block_size", 0);
  const std::int64_t bits = attributes.integer("bits", 4);
  constexpr std::int64_t most = 1 << 30;
  const auto fits = [&](std::int64_t size, std::int64_t least) {
    return size >= least && size <= most;
  };
  if (!fits(shape.n, 1) || !fits(shape.k, 1) || !fits(weights.block, 16) ||
      (weights.block & (weights.block - 1)) != 0 || (bits != 4 && bits != 8)) {
    return std::nullopt;
  }
  shape.bits = static_cast<int>(bits);
  shape.block = std::min(weights.block, kernels::max_nbits_block);
  if (context.node.has_input(nbits_zeros)) {
    shape.zeros =
        context.dtype(nbits_zeros) == DType::uint8 ? NbitsZeros::bytes : NbitsZeros::floats;
  }
  return weights;
}

class MatMulNbitsKernel final : public Kernel {
 public:
  MatMulNbitsKernel(const CompileContext& context, const KernelTable& table) : nbits_(table.nbits) {
    const NbitsWeights weights = *nbits_weights(context);
    shape_ = weights.shape;
    has_zeros_ = shape_.zeros != NbitsZeros::middle;
    packed_ = context.pack<std::uint8_t>(shape_.packed_bytes(nbits_.nr), [&](std::uint8_t* to) {
      NbitsSource from;
      from.codes = context.constant(nbits_codes)->as<std::uint8_t>().data();
      from.scales = context.constant(nbits_scales)->as<float>().data();
      if (shape_.zeros == NbitsZeros::bytes) {
        from.packed_zeros = context.constant(nbits_zeros)->as<std::uint8_t>().data();
      } else if (has_zeros_) {
        from.float_zeros = context.constant(nbits_zeros)->as<float>().data();
      }
      from.block = weights.block;
      kernels::nbits_pack(shape_, from, nbits_.nr, to);
    });
  }

  bool consumed(std::size_t i) const noexcept override {
    return i == nbits_codes || i == nbits_scales || (i == nbits_zeros && has_zeros_);
  }

  void run(KernelContext& context) const override {
    const Tensor& a = context.input(0);
    Shape output = a.shape();
    if (output.rank() < 1 || output.back() != shape_.k) {
      context.fail(ErrorCode::shape_mismatch, "the last axis of " + to_string(output) +
                                                  " is not K = " + std::to_string(shape_.k));
    }
    output[output.rank() - 1] = shape_.n;
    Tensor& y = context.output(0, output);
    NbitsProblem problem;
    problem.shape = shape_;
    problem.m = a.size() / shape_.k;
    problem.packed = packed_.as<std::uint8_t>().data();
    problem.bias = floats_or_null(context, nbits_bias);
    problem.ldc = shape_.n;
    if (problem.bias != nullptr && context.input(nbits_bias).size() != shape_.n) {
      context.fail(ErrorCode::shape_mismatch,
                   "the bias has not N = " + std::to_string(shape_.n) + " elements");
    }
    if (problem.m == 0) return;
    problem.c = y.as_mutable<float>().data();
    const float* const rows = a.as<float>().data();
    if (problem.m > kernels::nbits_few_rows || !multiply_few(context, rows, problem)) {
      multiply_many(context, rows, problem);
    }
  }

 private:
  /// False, with nothing done, where a number is not finite.
  bool multiply_few(KernelContext& context, const float* rows, NbitsProblem problem) const {
    const std::int64_t words = kernels::nbits_row_words(shape_);
    const auto prepared = context.scratch<std::uint32_t>(problem.m * words);
    for (std::int64_t row = 0; row < problem.m; ++row) {
      if (!nbits_.prepare_row(shape_, rows + row * shape_.k, prepared.data() + row * words)) {
        return false;
      }
    }
    problem.rows = prepared.data();
    const std::int64_t panel_products = problem.m * nbits_.nr * shape_.k;
    const std::int64_t grain =
        std::max<std::int64_t>(1, kernels::min_task_products / panel_products);
    for_ranges(context, kernels::ceil_div(shape_.n, nbits_.nr), grain,
               [&](std::size_t begin, std::size_t end, int) {
                 nbits_.gemv(problem, static_cast<std::int64_t>(begin),
                             static_cast<std::int64_t>(end - begin));
               });
    return true;
  }

  void multiply_many(KernelContext& context, const float* rows, NbitsProblem problem) const {
    const std::int64_t m = problem.m, k = shape_.k;
    const auto packed = context.scratch<float>(nbits_.packed_a_size(m, k));
    const std::int64_t chunk = 8 * nbits_.mr;
    context.parallel_for(kernels::ceil_div(m, chunk), [&](std::int64_t task, int) {
      const std::int64_t row = task * chunk;
      nbits_.pack_a({rows + row * k, k, 1}, std::min(chunk, m - row), k, packed.data() + row * k);
    });
    problem.packed_a = packed.data();
    const kernels::GemmGrid grid = nbits_.gemm_grid(m, shape_.n, k, wanted_tasks(context));
    const std::size_t floats = (grid.scratch_floats + 15) / 16 * 16;
    float* const scratch = scratch_per_worker<float>(context, floats);
    context.parallel_for(grid.task_count(), [&](std::int64_t task, int worker) {
      nbits_.gemm_task(problem, grid, task, scratch + floats * to_size(worker));
    });
  }

  const NbitsKernels& nbits_;
  NbitsShape shape_;  ///< as packed
  bool has_zeros_ = false;
  Tensor packed_;
};

Support supports_matmul_nbits(const CompileContext& context) {
  const Node& node = context.node;
  for (const std::size_t i : {std::size_t{0}, nbits_scales, nbits_bias}) {
    if (node.has_input(i) && context.dtype(i) != DType::float32) {
      return unsupported("floats that are not f32");
    }
  }
  const auto weights = nbits_weights(context);
  if (!weights || node.attributes.integer("weight_prepacked", 0) != 0) {
    return unsupported("weights of another form");
  }
  if (node.has_input(nbits_groups)) return unsupported("columns whose blocks are mixed");
  const NbitsShape& shape = weights->shape;
  // Panels are as wide as 32 columns, which these would not fill.
  if (shape.n < 32 && shape.k > 1 << 16) return unsupported("few and long columns");
  const std::int64_t blocks = kernels::ceil_div(shape.k, weights->block);
  const auto is_constant = [&](std::size_t i, std::int64_t size) {
    const Tensor* tensor = context.constant(i);
    return tensor != nullptr && tensor->size() == size;
  };
  const std::int64_t zeros = shape.zeros == NbitsZeros::bytes
                                 ? kernels::ceil_div(blocks * shape.bits, std::int64_t{8})
                                 : blocks;
  if (!is_constant(nbits_codes, shape.n * (blocks * weights->block * shape.bits / 8)) ||
      !is_constant(nbits_scales, shape.n * blocks) ||
      (node.has_input(nbits_zeros) &&
       (!is_constant(nbits_zeros, shape.n * zeros) ||
        (shape.zeros == NbitsZeros::floats && context.dtype(nbits_zeros) != DType::float32)))) {
    return unsupported("weights that are not constant, or of other sizes");
  }
  return supported();
}

}  // namespace

std::vector<CpuOp> matmul_nbits_ops() {
  return {
      cpu_op("com.microsoft", "MatMulNBits", supports_matmul_nbits, compile_as<MatMulNbitsKernel>)};
}

}  // namespace inlay::inline v0::cpu
