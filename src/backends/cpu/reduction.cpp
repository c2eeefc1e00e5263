// The Reduce operators. Axes that are neighbours once axes of size 1 are left out are reduced where
// they lie; others are brought together by a transpose first.
#include "backends/cpu/rules.hpp"
#include "backends/cpu/transpose.hpp"
#include "backends/reference/arguments.hpp"
#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::ReduceOp;
using kernels::ReduceShape;

/// The kept axes before, the reduced, and the kept ones after; false when kept and reduced axes
/// alternate more often.
bool as_middle(const Shape& shape, const kernels::AxisSet& reduced, ReduceShape& out) {
  std::size_t sizes[3] = {1, 1, 1};
  int part = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    if (reduced[axis] != (part == 1)) ++part;
    if (part > 2) return false;
    sizes[part] *= to_size(shape[axis]);
  }
  out = {sizes[0], sizes[1], sizes[2]};
  return true;
}

class ReduceKernel final : public Kernel {
 public:
  ReduceKernel(const CompileContext& context, const KernelTable& table) : spatial_(table.spatial) {
    const auto* rule = std::find_if(std::begin(reduce_rules), std::end(reduce_rules),
                                    [&](const ReduceRule& r) { return r.op == context.node.op; });
    function_ = table.reduce.reduce[static_cast<std::size_t>(rule->function)];
  }

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    const int rank = x.rank();
    kernels::AxisSet reduced;
    const auto axes = kernels::integers(context, "axes", 1);
    for (const std::int64_t axis : axes) reduced.add(axis, rank);
    if (axes.empty() && context.attributes().integer("noop_with_empty_axes", 0) == 0) {
      reduced.chosen.fill(true);
    }
    const bool keep = context.attributes().integer("keepdims", 1) != 0;
    Shape shape;
    for (int axis = 0; axis < rank; ++axis) {
      if (!reduced[axis]) shape.push_back(x.dim(axis));
      if (reduced[axis] && keep) shape.push_back(1);
    }
    const float* from = x.as<float>().data();
    ReduceShape parts;
    if (x.size() > 0 && !as_middle(x.shape(), reduced, parts)) {
      from = gather_reduced(context, reduced, parts);
    } else if (x.size() == 0) {
      const kernels::Partition empty = kernels::partition(x.shape(), reduced);
      parts = {to_size(empty.kept.elements()), to_size(empty.within.elements()), 1};
    }
    Tensor& y = context.output(0, shape);
    float* to = y.as_mutable<float>().data();
    // Neighbouring columns lie in the same lines of the cache: no task takes few of them.
    const std::int64_t columns = std::min<std::int64_t>(static_cast<std::int64_t>(parts.inner), 64);
    const std::int64_t rows = static_cast<std::int64_t>(parts.reduce);
    for_ranges(
        context, y.size(), columns * items_per_task(columns * rows),
        [&](std::size_t begin, std::size_t end, int) { function_(from, to, parts, begin, end); });
  }

 private:
  /// The elements with all reduced axes last, in scratch.
  const float* gather_reduced(KernelContext& context, const kernels::AxisSet& reduced,
                              ReduceShape& parts) const {
    const Tensor& x = context.input(0);
    std::size_t dims[Shape::max_rank], order[Shape::max_rank];
    std::size_t rank = 0;
    parts = {1, 1, 1};
    for (const bool chosen : {false, true}) {
      for (int axis = 0; axis < x.rank(); ++axis) {
        const std::size_t size = to_size(x.dim(axis));
        dims[axis] = size;
        if (reduced[axis] != chosen) continue;
        order[rank++] = static_cast<std::size_t>(axis);
        (chosen ? parts.reduce : parts.outer) *= size;
      }
    }
    float* gathered = context.scratch<float>(x.size()).data();
    const float* from = x.as<float>().data();
    const kernels::TransposePlan plan =
        kernels::make_transpose_plan(rank, dims, order, sizeof(float));
    run_transpose(context, spatial_, plan, from, gathered);
    return gathered;
  }

  const SpatialKernels& spatial_;
  ReduceKernels::Reduce function_;
};

Support supports_reduce(const CompileContext& context) { return float_inputs(context, 1); }

}  // namespace

std::vector<CpuOp> reduction_ops() {
  std::vector<CpuOp> ops;
  for (const ReduceRule& rule : reduce_rules) {
    ops.push_back({"", rule.op, supports_reduce, compile_as<ReduceKernel>});
  }
  return ops;
}

}  // namespace inlay::inline v0::cpu
