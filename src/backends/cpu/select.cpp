// Where: three operands that broadcast, of which one is bool.
#include "backends/cpu/glue.hpp"
#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::cpu {
namespace {

template <class T>
class WhereKernel final : public Kernel {
 public:
  WhereKernel(const CompileContext&, const KernelTable& table)
      : function_(std::get<ElementwiseKernels::Select<T>>(table.elementwise.select)) {}

  void run(KernelContext& context) const override {
    const Tensor& condition = context.input(0);
    const Tensor& a = context.input(1);
    const Tensor& b = context.input(2);
    const Shape shape = broadcast(condition.shape(), broadcast(a.shape(), b.shape()));
    const bool* const choose = condition.as<bool>().data();
    const auto* const then = static_cast<const T*>(a.data());
    const auto* const otherwise = static_cast<const T*>(b.data());
    auto* const y = static_cast<T*>(context.output(0, a.dtype(), shape).mutable_data());
    const auto strides = [&](const Tensor& x) {
      return kernels::broadcast_strides(x.shape(), shape);
    };
    kernels::walk_rows<3>(
        shape, {strides(condition), strides(a), strides(b)},
        [&](std::int64_t index, const kernels::Offsets<3>& at, const kernels::Offsets<3>& step,
            std::int64_t count) {
          // Rows are merged axes, so that each is one value or lies side by side.
          for_ranges(context, count, task_elements, [&](std::size_t begin, std::size_t end, int) {
            const auto from = [&](std::size_t i) {
              return at[i] + step[i] * static_cast<std::int64_t>(begin);
            };
            function_(choose + from(0), then + from(1), otherwise + from(2),
                      y + index + static_cast<std::int64_t>(begin),
                      {end - begin, step[0] == 0, step[1] == 0, step[2] == 0});
          });
        });
  }

 private:
  ElementwiseKernels::Select<T> function_;
};

Support supports_where(const CompileContext& context) {
  const DType dtype = context.dtype(1);
  const int bits = bit_width(dtype);
  if (context.dtype(0) != DType::boolean || context.dtype(2) != dtype) {
    return unsupported("operands of other dtypes");
  }
  if (dtype == DType::string || bits < 8 || bits > 64) return unsupported("an unusual dtype");
  return supported();
}

std::unique_ptr<Kernel> compile_where(const CompileContext& context, const KernelTable& table) {
  switch (bit_width(context.dtype(1))) {
    case 8:
      return compile_as<WhereKernel<std::uint8_t>>(context, table);
    case 16:
      return compile_as<WhereKernel<std::uint16_t>>(context, table);
    case 32:
      return compile_as<WhereKernel<std::uint32_t>>(context, table);
    default:
      return compile_as<WhereKernel<std::uint64_t>>(context, table);
  }
}

}  // namespace

std::vector<CpuOp> select_ops() { return {cpu_op("", "Where", supports_where, compile_where)}; }

}  // namespace inlay::inline v0::cpu
