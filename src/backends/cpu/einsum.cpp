// Einsum of two f32 operands: matrix products over strided views of them.
#include <bitset>

#include "backends/cpu/batched_gemm.hpp"
#include "backends/cpu/glue.hpp"
#include "backends/reference/storage.hpp"
#include "ops/einsum.hpp"

namespace inlay::inline v0::cpu {
namespace {

/// A label: its size, and how far its neighbours lie apart in each tensor (0: not in there).
struct Axis {
  std::int64_t size = 1, a = 0, b = 0, c = 0;
};
using Stride = std::int64_t Axis::*;

/// Axes from the outermost on; neighbours that one stride per tensor steps through are one axis.
struct Axes {
  std::array<Axis, 2 * Shape::max_rank> axis;
  int count = 0;

  const Axis& operator[](int i) const { return axis[to_size(i)]; }
  Axis& operator[](int i) { return axis[to_size(i)]; }

  void add(const Axis& next) {
    if (next.size == 1) return;
    if (count > 0) {
      Axis& last = axis[to_size(count - 1)];
      if (last.a == next.a * next.size && last.b == next.b * next.size &&
          last.c == next.c * next.size) {
        last = {last.size * next.size, next.a, next.b, next.c};
        return;
      }
    }
    axis[to_size(count++)] = next;
  }
  /// Takes the largest axis out.
  Axis take_largest() {
    Axis largest;
    const auto end = axis.begin() + count;
    const auto at = std::max_element(axis.begin(), end,
                                     [](const Axis& x, const Axis& y) { return x.size < y.size; });
    if (at != end) {
      largest = *at;
      std::copy(at + 1, end, at);
      --count;
    }
    return largest;
  }
  /// Takes the axis whose neighbours are neighbours in C out, if there is one.
  Axis take_innermost() {
    Axis innermost;
    if (count > 0 && axis[to_size(count - 1)].c == 1) innermost = axis[to_size(--count)];
    return innermost;
  }
  /// Whether the axes of one tensor lie behind each other.
  bool merge(Stride stride) const {
    for (int i = 1; i < count; ++i) {
      if ((*this)[i - 1].*stride != (*this)[i].*stride * (*this)[i].size) return false;
    }
    return true;
  }
};

/// The labels by what they are to the product C [m, n] = A [m, k] B [k, n].
struct Product {
  Axes batch, m, n, k;
  const float *a = nullptr, *b = nullptr;

  /// The same with A and B, rows and columns in each other's place.
  void transpose() {
    std::swap(a, b);
    std::swap(m, n);
    for (Axes* axes : {&batch, &m, &n, &k}) {
      for (int i = 0; i < axes->count; ++i) std::swap((*axes)[i].a, (*axes)[i].b);
    }
  }
};

/// Copies an operand so that the summed axes lie behind each other: `axes` are its own, in order.
const float* gather(KernelContext& context, const float* data, std::span<Axes* const> axes,
                    Stride stride) {
  Shape shape;
  kernels::Strides from{};
  const auto each = [&](const auto& f) {
    for (Axes* list : axes) {
      for (int i = 0; i < list->count; ++i) f((*list)[i]);
    }
  };
  each([&](const Axis& axis) {
    from[shape.size()] = axis.*stride;
    shape.push_back(axis.size);
  });
  const kernels::Strides dense = kernels::dense_strides(shape);
  float* copy = context.scratch<float>(shape.elements()).data();
  kernels::copy_strided(shape, copy, dense, data, from);
  std::size_t at = 0;
  each([&](Axis& axis) { axis.*stride = dense[at++]; });
  return copy;
}

/// Axes that "..." stands for.
int ellipsis_axes(const EinsumLabels& labels) {
  int count = 0;
  for (int i = 0; i < labels.count; ++i) count = std::max(count, static_cast<int>(labels[i]) - 51);
  return count;
}

std::bitset<EinsumLabels::limit> set_of(const EinsumLabels& labels) {
  std::bitset<EinsumLabels::limit> set;
  for (int i = 0; i < labels.count; ++i) set.set(labels[i]);
  return set;
}

class EinsumKernel final : public Kernel {
 public:
  EinsumKernel(const CompileContext& context, const KernelTable& table)
      : gemm_(table.gemm), equation_(context.node.attributes.text("equation", "")) {}

  void run(KernelContext& context) const override {
    std::array<Axis, EinsumLabels::limit> axes;
    const EinsumLabels labels[] = {read(context, 0, &Axis::a, axes),
                                   read(context, 1, &Axis::b, axes)};
    const EinsumLabels kept =
        equation_.output(std::max(ellipsis_axes(labels[0]), ellipsis_axes(labels[1])));
    Shape shape;
    for (int i = 0; i < kept.count; ++i) shape.push_back(axes[kept[i]].size);
    Tensor& output = context.output(0, shape);
    if (output.size() == 0) return;
    const kernels::Strides dense = kernels::dense_strides(shape);
    std::array<bool, EinsumLabels::limit> is_kept{};
    for (int i = 0; i < kept.count; ++i) {
      is_kept[kept[i]] = true;
      axes[kept[i]].c = dense[to_size(i)];
    }

    Product product;
    product.a = floats(context, 0);
    product.b = floats(context, 1);
    // The larger operand says in which order to sum: it is more likely to stay where it is.
    const bool b_is_larger = context.input(1).size() > context.input(0).size();
    for (const EinsumLabels& operand : {labels[b_is_larger ? 1 : 0], labels[b_is_larger ? 0 : 1]}) {
      for (int i = 0; i < operand.count; ++i) {
        if (is_kept[operand[i]]) continue;
        is_kept[operand[i]] = true;  // each label once
        product.k.add(axes[operand[i]]);
      }
    }
    float* const y = output.as_mutable<float>().data();
    if (!is_batch(innermost(axes, kept))) {
      classify(axes, kept, product);
      if (product.m.count > 0 && product.m[product.m.count - 1].c == 1) product.transpose();
      return multiply(context, product, y);
    }
    // Columns of the product are no neighbours in the output: it is brought into order afterwards.
    float* const c = context.scratch<float>(output.size()).data();
    const kernels::Strides strides = rows_last(axes, kept);
    classify(axes, kept, product);
    multiply(context, product, c);
    kernels::copy_strided(shape, y, dense, c, strides);
  }

 private:
  static bool is_batch(const Axis& axis) { return axis.a != 0 && axis.b != 0; }

  /// The sizes and strides of an operand's labels. Errors: shape_mismatch.
  EinsumLabels read(KernelContext& context, int operand, Stride stride,
                    std::array<Axis, EinsumLabels::limit>& axes) const {
    const Shape& shape = context.input(to_size(operand)).shape();
    const kernels::Strides strides = kernels::dense_strides(shape);
    const EinsumLabels labels = equation_.operand(operand, shape.rank());
    for (int i = 0; i < labels.count; ++i) {
      Axis& axis = axes[labels[i]];
      if (shape[i] == 1) continue;
      if (axis.size != 1 && axis.size != shape[i]) {
        context.fail(ErrorCode::shape_mismatch, "one label stands for axes of different sizes");
      }
      axis.size = shape[i];
      axis.*stride += strides[to_size(i)];
    }
    return labels;
  }

  /// The output's innermost axis of more than one element.
  static Axis innermost(const std::array<Axis, EinsumLabels::limit>& axes,
                        const EinsumLabels& kept) {
    for (int i = kept.count; i-- > 0;) {
      if (axes[kept[i]].size != 1) return axes[kept[i]];
    }
    return {};
  }

  static void classify(const std::array<Axis, EinsumLabels::limit>& axes, const EinsumLabels& kept,
                       Product& product) {
    for (int i = 0; i < kept.count; ++i) {
      const Axis& axis = axes[kept[i]];
      (is_batch(axis) ? product.batch : axis.a != 0 ? product.m : product.n).add(axis);
    }
  }

  /// Lets C have its batch axes first, then A's, then B's. Returns the strides of the output's axes
  /// there.
  static kernels::Strides rows_last(std::array<Axis, EinsumLabels::limit>& axes,
                                    const EinsumLabels& kept) {
    std::int64_t step = 1;
    kernels::Strides strides{};
    const auto put = [&](const auto& chosen) {
      for (int i = kept.count; i-- > 0;) {
        Axis& axis = axes[kept[i]];
        if (!chosen(axis)) continue;
        strides[to_size(i)] = axis.c = step;
        step *= axis.size;
      }
    };
    put([](const Axis& axis) { return axis.a == 0; });
    put([](const Axis& axis) { return axis.a != 0 && axis.b == 0; });
    put([](const Axis& axis) { return is_batch(axis); });
    return strides;
  }

  void multiply(KernelContext& context, Product& p, float* c) const {
    if (!p.k.merge(&Axis::a)) {
      p.a = gather(context, p.a, std::array{&p.batch, &p.m, &p.k}, &Axis::a);
    }
    if (!p.k.merge(&Axis::b)) {
      p.b = gather(context, p.b, std::array{&p.batch, &p.n, &p.k}, &Axis::b);
    }
    Axes merged;
    for (int i = 0; i < p.k.count; ++i) merged.add(p.k[i]);
    const Axis k = merged.count > 0 ? merged[0] : Axis{};
    const Axis n = p.n.take_innermost(), m = p.m.take_largest();

    BatchedGemm batched;
    for (const Axes* axes : {&p.batch, &p.m, &p.n}) {
      for (int i = 0; i < axes->count; ++i) {
        const Axis& axis = (*axes)[i];
        const std::size_t at = batched.batch.size();
        batched.batch.push_back(axis.size);
        batched.a_steps[at] = axis.a;
        batched.b_steps[at] = axis.b;
        batched.c_steps[at] = axis.c;
        if (axis.a != 0) batched.a_matrices = 0;
        if (axis.b != 0) batched.b_matrices = 0;
      }
    }
    batched.count = batched.batch.elements();
    kernels::GemmProblem& problem = batched.first;
    problem.m = m.size, problem.n = n.size, problem.k = k.size;
    problem.a = {p.a, m.a, k.a};
    problem.b = {p.b, k.b, n.b};
    problem.c = c;
    problem.ldc = m.c;
    run_batched_gemm(context, gemm_, batched);
  }

  const GemmKernels& gemm_;
  EinsumEquation equation_;  // of the graph's text
};

Support supports_einsum(const CompileContext& context) {
  const Node& node = context.node;
  if (node.inputs.size() != 2) return unsupported("not two operands");
  const Type &a = context.input_type(0), &b = context.input_type(1);
  if (!a.has_rank || !b.has_rank) return unsupported("operands of unknown rank");
  const EinsumEquation equation(node.attributes.text("equation", ""));
  const EinsumLabels of_a = equation.operand(0, a.rank()), of_b = equation.operand(1, b.rank());
  const EinsumLabels kept = equation.output(std::max(ellipsis_axes(of_a), ellipsis_axes(of_b)));
  if (set_of(of_a) == set_of(kept) && set_of(of_b) == set_of(kept)) {
    return unsupported("an elementwise product");
  }
  return float_inputs(context, 2);
}

}  // namespace

std::vector<CpuOp> einsum_ops() {
  return {cpu_op("", "Einsum", supports_einsum, compile_as<EinsumKernel>)};
}

}  // namespace inlay::inline v0::cpu
