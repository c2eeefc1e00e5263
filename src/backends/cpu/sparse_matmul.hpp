// Products with a constant B most of whose blocks of four columns are zero.
#pragma once

#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {

/// B packed without its zeros, where that makes products faster than all of it.
class SparseOperand {
 public:
  SparseOperand() = default;
  /// `b` [k, n], or [n, k] transposed. Errors: stale.
  INLAY_COLD SparseOperand(const CompileContext& context, const Tensor& b, bool transpose);

  /// False: the dense product is faster.
  bool is_used() const { return matrix_.blocks > 0; }
  /// C = epilogue(A * B) for a problem of which B is this.
  void multiply(KernelContext& context, const KernelTable& table,
                const kernels::GemmProblem& problem) const;

 private:
  void multiply_few(KernelContext& context, const KernelTable& table,
                    const kernels::SparseProblem& problem) const;
  void multiply_many(KernelContext& context, const KernelTable& table,
                     const kernels::GemmProblem& dense, kernels::SparseProblem problem) const;

  kernels::SparseMatrix matrix_;
  Tensor starts_, rows_, weights_;
};

}  // namespace inlay::inline v0::cpu
