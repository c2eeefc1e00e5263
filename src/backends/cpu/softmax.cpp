// Softmax and LogSoftmax.
#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {
namespace {

class SoftmaxKernel final : public Kernel {
 public:
  SoftmaxKernel(const CompileContext& context, const KernelTable& table) {
    const ReduceKernels& reduce = table.reduce;
    const bool logarithm = context.node.op == "LogSoftmax";
    rows_ = logarithm ? reduce.log_softmax_rows : reduce.softmax_rows;
    columns_ = logarithm ? reduce.log_softmax_columns : reduce.softmax_columns;
    // Before opset 13 the axis and all after it were one.
    flattens_ = context.node.version < 13;
    axis_ = context.node.attributes.integer("axis", flattens_ ? 1 : -1);
  }

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    const Shape shape = x.shape();
    const float* from = x.as<float>().data();
    float* to = context.output(0, shape).as_mutable<float>().data();
    if (shape.elements() == 0) return;
    const int rank = shape.rank();
    // Flattening takes an axis just past the last one for none.
    const int axis = flattens_ && axis_ == rank ? rank
                     : rank == 0                ? 0
                                                : normalize_axis(axis_, rank);
    const int end = flattens_ || rank == 0 ? rank : axis + 1;
    const std::int64_t outer = shape.product(0, axis), n = shape.product(axis, end);
    const std::int64_t inner = shape.product(end, rank);
    if (inner == 1) {
      for_ranges(context, outer, items_per_task(4 * n), [&](std::size_t b, std::size_t e, int) {
        const std::size_t offset = b * to_size(n);
        if (n <= short_row) {
          run_short_rows(from + offset, to + offset, e - b, to_size(n));
        } else {
          rows_(from + offset, to + offset, e - b, to_size(n));
        }
      });
      return;
    }
    const kernels::ReduceShape parts{to_size(outer), to_size(n), to_size(inner)};
    // Whole cache lines of columns for each task.
    const std::int64_t grain = (items_per_task(4 * n) + 63) / 64 * 64;
    for_ranges(context, outer * inner, grain,
               [&](std::size_t b, std::size_t e, int) { columns_(from, to, parts, b, e); });
  }

 private:
  static constexpr std::int64_t short_row = 8;

  /// Rows shorter than registers lie side by side as columns, some at a time.
  void run_short_rows(const float* x, float* y, std::size_t rows, std::size_t n) const {
    constexpr std::size_t most = 128;
    float columns[most * short_row];
    for (std::size_t first = 0; first < rows; first += most, x += most * n, y += most * n) {
      const std::size_t count = std::min(most, rows - first);
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t i = 0; i < n; ++i) columns[i * count + r] = x[r * n + i];
      }
      columns_(columns, columns, {1, n, count}, 0, count);
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t i = 0; i < n; ++i) y[r * n + i] = columns[i * count + r];
      }
    }
  }

  ReduceKernels::Rows rows_;
  ReduceKernels::Reduce columns_;
  bool flattens_;
  std::int64_t axis_;
};

Support supports_softmax(const CompileContext& context) { return float_inputs(context, 1); }

}  // namespace

std::vector<CpuOp> softmax_ops() {
  return {cpu_op("", "Softmax", supports_softmax, compile_as<SoftmaxKernel>),
          cpu_op("", "LogSoftmax", supports_softmax, compile_as<SoftmaxKernel>)};
}

}  // namespace inlay::inline v0::cpu
