// The cpu backend: SIMD kernels behind a table chosen once per registry.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "backends/cpu/isa/table.hpp"
#include "built_operators.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::cpu {

/// One operator of the cpu backend. `supports` answers quickly from dtypes, attributes and known
/// shapes; `compile` packs weights and picks functions from the table.
struct CpuOp {
  std::string_view domain;
  std::string_view op;
  Support (*supports)(const CompileContext& context);
  std::unique_ptr<Kernel> (*compile)(const CompileContext& context, const KernelTable& table);
};

/// The same, with neither function when this build is without the operator.
INLAY_CONSTEVAL CpuOp cpu_op(std::string_view domain, std::string_view op,
                             Support (*supports)(const CompileContext&),
                             std::unique_ptr<Kernel> (*compile)(const CompileContext&,
                                                                const KernelTable&)) {
  if (!is_built(domain, op)) return {domain, op, nullptr, nullptr};
  return {domain, op, supports, compile};
}

// One function per family file in this folder.
INLAY_COLD std::vector<CpuOp> matmul_ops();
INLAY_COLD std::vector<CpuOp> einsum_ops();
INLAY_COLD std::vector<CpuOp> conv_ops();
INLAY_COLD std::vector<CpuOp> blocked_ops();
INLAY_COLD std::vector<CpuOp> blocked_gather_ops();
INLAY_COLD std::vector<CpuOp> blocked_transpose_ops();
INLAY_COLD std::vector<CpuOp> elementwise_ops();
INLAY_COLD std::vector<CpuOp> arithmetic_ops();
INLAY_COLD std::vector<CpuOp> select_ops();
INLAY_COLD std::vector<CpuOp> softmax_ops();
INLAY_COLD std::vector<CpuOp> normalization_ops();
INLAY_COLD std::vector<CpuOp> reduction_ops();
INLAY_COLD std::vector<CpuOp> pool_ops();
INLAY_COLD std::vector<CpuOp> transpose_ops();
INLAY_COLD std::vector<CpuOp> resize_ops();
INLAY_COLD std::vector<CpuOp> recurrent_ops();
INLAY_COLD std::vector<CpuOp> indexed_copy_ops();
INLAY_COLD std::vector<CpuOp> quantized_ops();
INLAY_COLD std::vector<CpuOp> integer_matmul_ops();
INLAY_COLD std::vector<CpuOp> dynamic_matmul_ops();
INLAY_COLD std::vector<CpuOp> dynamic_lstm_ops();
INLAY_COLD std::vector<CpuOp> integer_conv_ops();
INLAY_COLD std::vector<CpuOp> qlinear_ops();
INLAY_COLD std::vector<CpuOp> matmul_nbits_ops();
INLAY_COLD std::vector<CpuOp> attention_ops();
INLAY_COLD std::vector<CpuOp> rotary_ops();

/// `table` is that of the instruction set to use.
std::shared_ptr<const Backend> make_cpu_backend(const KernelTable& table);

}  // namespace inlay::inline v0::cpu
