// MaxPool, AveragePool and their global forms.
#include "backends/cpu/glue.hpp"
#include "backends/cpu/pool_shape.hpp"

namespace inlay::inline v0::cpu {
namespace {

class PoolKernel final : public Kernel {
 public:
  PoolKernel(const CompileContext& context, const KernelTable& table)
      : function_(context.node.op == "MaxPool" ? table.spatial.max_pool
                                               : table.spatial.average_pool),
        // Rows are the first of three axes. Averages would have to know of the whole picture.
        runs_rows_(context.node.op == "MaxPool" && context.input_type(0).rank() == 5) {}

  void run(KernelContext& context) const override {
    const kernels::PoolGeometry g =
        kernels::pool_geometry(context.attributes(), context.input(0).shape());
    const kernels::PoolShape shape = pool_shape(context.attributes(), g);
    const float* x = floats(context, 0);
    float* y = context.output(0, g.output).as_mutable<float>().data();
    if (g.output.elements() == 0) return;
    const std::size_t size = kernels::pool_scratch_size(shape);
    float* const scratch = scratch_per_worker<float>(context, size);
    const std::int64_t slices = shape.axis[0].out;
    for_ranges(context, g.planes * slices, items_per_task(g.window.input_size() / slices),
               [&](std::size_t begin, std::size_t end, int worker) {
                 function_(x, y, shape, begin, end,
                           scratch + size * static_cast<std::size_t>(worker));
               });
  }

  bool runs_rows() const noexcept override { return runs_rows_; }

  RowWindow row_window(const KernelContext& context, const Shape& input) const override {
    const kernels::PoolGeometry g = kernels::pool_geometry(context.attributes(), input);
    const WindowAxis& rows = g.window[0];
    return {
        .output = g.output,
        .kernel = rows.kernel,
        .stride = rows.stride,
        .dilation = rows.dilation,
        .pad = rows.pad_begin,
        .scratch = kernels::pool_scratch_size(pool_shape(context.attributes(), g)) * sizeof(float)};
  }

  void run_rows(KernelContext& context, const Shape& input, const RowBand& in, const RowBand& out,
                std::int64_t begin, std::int64_t end, void* scratch) const override {
    const kernels::PoolGeometry g = kernels::pool_geometry(context.attributes(), input);
    kernels::PoolShape shape = pool_shape(context.attributes(), g);
    kernels::PoolAxis& rows = shape.axis[0];
    // A picture of the rows that are seen: the first window may begin before them.
    const std::int64_t start = begin * rows.stride - rows.pad_begin;
    const std::int64_t first = std::max(start, in.begin);
    rows.pad_begin = first - start;
    rows.size = std::max<std::int64_t>(0, std::min(in.end, input[2]) - first);
    rows.out = end - begin;
    const std::int64_t in_row = input.product(3, input.rank());
    const std::int64_t out_row = g.output.product(3, input.rank());
    for (std::int64_t plane = 0; plane < input[1]; ++plane) {
      const float* x = static_cast<const float*>(in.data) +
                       (plane * (in.end - in.begin) + first - in.begin) * in_row;
      float* y = static_cast<float*>(out.data) +
                 (plane * (out.end - out.begin) + begin - out.begin) * out_row;
      function_(x, y, shape, 0, to_size(rows.out), static_cast<float*>(scratch));
    }
  }

 private:
  SpatialKernels::Pool function_;
  bool runs_rows_;
};

Support supports_pool(const CompileContext& context) {
  const Type& x = context.input_type(0);
  if (!x.has_rank || x.rank() > 5) return unsupported("more than three spatial axes");
  if (context.node.output(1) != no_id) return unsupported("the places of the maxima");
  // The kernel keeps a padded line in scratch: its size must follow from the input's.
  for (const std::string_view name : {"kernel_shape", "dilations", "pads"}) {
    for (const std::int64_t value : context.node.attributes.integers(name)) {
      if (value < 0 || value > 256) return unsupported("an unusual window");
    }
  }
  return float_inputs(context, 1);
}

/// A reduction of each plane.
class GlobalPoolKernel final : public Kernel {
 public:
  GlobalPoolKernel(const CompileContext& context, const KernelTable& table) {
    const bool maximum = context.node.op == "GlobalMaxPool";
    const auto op = maximum ? kernels::ReduceOp::max : kernels::ReduceOp::mean;
    function_ = table.reduce.reduce[static_cast<std::size_t>(op)];
  }

  void run(KernelContext& context) const override {
    const Shape x = context.input(0).shape();
    if (x.rank() < 2) {
      context.fail(ErrorCode::shape_mismatch, "a global pool needs a batch and a channel axis");
    }
    Shape shape{x[0], x[1]};
    while (shape.rank() < x.rank()) shape.push_back(1);
    const std::int64_t planes = x.product(0, 2), size = x.product(2, x.rank());
    const kernels::ReduceShape parts{to_size(planes), to_size(size), 1};
    const float* from = floats(context, 0);
    float* to = context.output(0, shape).as_mutable<float>().data();
    for_ranges(context, planes, items_per_task(size), [&](std::size_t begin, std::size_t end, int) {
      function_(from, to, parts, begin, end);
    });
  }

 private:
  ReduceKernels::Reduce function_;
};

Support supports_global_pool(const CompileContext& context) { return float_inputs(context, 1); }

}  // namespace

std::vector<CpuOp> pool_ops() {
  return {cpu_op("", "MaxPool", supports_pool, compile_as<PoolKernel>),
          cpu_op("", "AveragePool", supports_pool, compile_as<PoolKernel>),
          cpu_op("", "GlobalMaxPool", supports_global_pool, compile_as<GlobalPoolKernel>),
          cpu_op("", "GlobalAveragePool", supports_global_pool, compile_as<GlobalPoolKernel>)};
}

}  // namespace inlay::inline v0::cpu
