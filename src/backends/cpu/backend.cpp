// Looks a node's kernel up in the tables of this folder.
#include <map>

#include "backends/cpu/cpu.hpp"

namespace inlay::inline v0::cpu {
namespace {

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(const KernelTable& table) : table_(table) {
    for (auto family : {matmul_ops,         einsum_ops,         conv_ops,
                        blocked_ops,        blocked_gather_ops, blocked_transpose_ops,
                        elementwise_ops,    arithmetic_ops,     select_ops,
                        softmax_ops,        normalization_ops,  reduction_ops,
                        pool_ops,           transpose_ops,      resize_ops,
                        recurrent_ops,      indexed_copy_ops,   quantized_ops,
                        integer_matmul_ops, dynamic_matmul_ops, dynamic_lstm_ops,
                        matmul_nbits_ops,   integer_conv_ops,   qlinear_ops,
                        attention_ops,      rotary_ops}) {
      for (const CpuOp& op : family()) {
        if (op.supports != nullptr) ops_.emplace(std::pair(op.domain, op.op), op);
      }
    }
  }

  std::string_view name() const noexcept override { return "cpu"; }
  std::string_view variant() const noexcept override { return table_.name; }

  std::int64_t channel_block() const noexcept override { return table_.blocked.block; }

  Support supports(const CompileContext& context) const override {
    const CpuOp* op = find(context.node);
    if (op == nullptr) return {false, "no kernel"};
    const std::int64_t block = table_.blocked.block;
    if (context.node.domain == "inlay" &&
        context.node.attributes.integer("block", block) != block) {
      return {false, "blocks of another size"};
    }
    Support support = op->supports(context);
    if (support.supported) support.reason += std::string(" (") + table_.name + ")";
    return support;
  }

  std::unique_ptr<Kernel> compile(const CompileContext& context) const override {
    return find(context.node)->compile(context, table_);
  }

 private:
  const CpuOp* find(const Node& node) const {
    const auto it = ops_.find(std::pair<std::string_view, std::string_view>(node.domain, node.op));
    return it == ops_.end() ? nullptr : &it->second;
  }

  const KernelTable& table_;
  std::map<std::pair<std::string_view, std::string_view>, CpuOp> ops_;
};

}  // namespace

std::shared_ptr<const Backend> make_cpu_backend(const KernelTable& table) {
  return std::make_shared<const CpuBackend>(table);
}

}  // namespace inlay::inline v0::cpu
