// com.microsoft's operators from 8-bit codes to 8-bit codes, each tensor with a scale and a zero
// point of its own: sums, products, averages and maxima, functions of one value, joins.
#include "backends/cpu/broadcast_plan.hpp"
#include "backends/cpu/pool_shape.hpp"
#include "backends/cpu/quantized_codes.hpp"
#include "backends/reference/activation_function.hpp"
#include "backends/reference/parts.hpp"

namespace inlay::inline v0::cpu {
namespace {

constexpr std::size_t code_count = 256;

/// QLinearAdd and QLinearMul.
class QLinearBinaryKernel final : public Kernel {
 public:
  QLinearBinaryKernel(const CompileContext& context, const KernelTable& table)
      : kernels_(table.quantize), adds_(context.node.op == "QLinearAdd") {}

  void run(KernelContext& context) const override {
    const Tensor &a = context.input(0), &b = context.input(3);
    const Codes of_a(context, 1), of_b(context, 4), of_y(context, 6);
    const float a_factor = adds_ ? of_a.scale / of_y.scale : of_a.scale * of_b.scale / of_y.scale;
    const kernels::CodeBinary by{a_factor, of_b.scale / of_y.scale, of_a.zero_point,
                                 of_b.zero_point, of_y.zero_point};
    const Shape shape = broadcast(a.shape(), b.shape());
    Tensor& y = context.output(0, shape);
    const BroadcastPlan plan(a.shape(), b.shape(), shape);
    visit_codes(y.dtype(), kernels_, [&]<class T>(T, const CodeKernels<T>& code) {
      const auto function = adds_ ? code.add : code.mul;
      const T *const u = a.as<T>().data(), *const v = b.as<T>().data();
      T* const to = y.as_mutable<T>().data();
      context.parallel_for(plan.tasks(), [&](std::int64_t task, int) {
        plan.run(task, [&](std::int64_t a_at, std::int64_t b_at, std::int64_t at,
                           const kernels::BroadcastRows& rows) {
          function(u + a_at, v + b_at, to + at, rows, by);
        });
      });
    });
  }

 private:
  const QuantizeKernels& kernels_;
  bool adds_;
};

Support supports_qlinear_binary(const CompileContext& context) {
  const DType dtype = output_dtype(context);
  if (context.dtype(0) != dtype || context.dtype(3) != dtype) return unsupported("mixed codes");
  for (const std::size_t i : {1, 4, 6}) {
    if (const char* reason = unsuited(context, i, dtype)) return unsupported(reason);
  }
  return supported();
}

/// y[i] = table[x[i]], codes as their bits.
void look_up(KernelContext& context, const std::uint8_t* table, const std::uint8_t* x,
             std::uint8_t* y, std::int64_t n) {
  for_ranges(context, n, task_elements, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t i = begin; i < end; ++i) y[i] = table[x[i]];
  });
}

const std::uint8_t* bits(const Tensor& codes) {
  return static_cast<const std::uint8_t*>(codes.data());
}
std::uint8_t* bits(Tensor& codes) { return static_cast<std::uint8_t*>(codes.mutable_data()); }

/// The table of a function of one code, of quantization `from`, that gives codes of `to`.
template <class T, class F>
std::array<T, code_count> tabulate(const Codes& from, const Codes& to, F&& f) {
  std::array<T, code_count> table;
  for (std::size_t i = 0; i < code_count; ++i) {
    const auto code = static_cast<T>(static_cast<std::uint8_t>(i));
    const float real = static_cast<float>(code - from.zero_point) * from.scale;
    table[i] = kernels::detail::code_of<T>(f(real) / to.scale, to.zero_point);
  }
  return table;
}

/// QLinearSigmoid and QLinearLeakyRelu.
class QLinearUnaryKernel final : public Kernel {
 public:
  QLinearUnaryKernel(const CompileContext& context, const KernelTable& table)
      : kernels_(table.quantize),
        function_(kernels::find_activation<float>(
            context.node.op == "QLinearSigmoid" ? "Sigmoid" : "LeakyRelu")) {
    function_.alpha = context.node.attributes.real("alpha", function_.alpha);
  }

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    const Codes of_x(context, 1), of_y(context, 3);
    Tensor& y = context.output(0, x.shape());
    visit_codes(y.dtype(), kernels_, [&]<class T>(T, const CodeKernels<T>&) {
      const auto table = tabulate<T>(of_x, of_y, function_);
      look_up(context, reinterpret_cast<const std::uint8_t*>(table.data()), bits(x), bits(y),
              x.size());
    });
  }

 private:
  const QuantizeKernels& kernels_;
  kernels::ActivationFunction<float> function_;
};

/// One tensor of codes in, one of the same type out, with the scales behind.
Support supports_qlinear_unary(const CompileContext& context) {
  for (const std::size_t i : {1, 3}) {
    if (const char* reason = unsuited(context, i, context.dtype(0))) return unsupported(reason);
  }
  return supported();
}

/// inlay:CodeTable.
class CodeTableKernel final : public Kernel {
 public:
  CodeTableKernel(const CompileContext&, const KernelTable&) {}

  void run(KernelContext& context) const override {
    const Tensor &x = context.input(0), &table = context.input(1);
    Tensor& y = context.output(0, x.shape());
    if (table.size() != static_cast<std::int64_t>(code_count)) {
      context.fail(ErrorCode::shape_mismatch, "a table of codes has 256 entries");
    }
    look_up(context, bits(table), bits(x), bits(y), x.size());
  }
};

Support supports_code_table(const CompileContext&) { return supported(); }

/// NhwcMaxPool, and QLinearAveragePool and QLinearGlobalAveragePool with channels last.
class CodePoolKernel final : public Kernel {
 public:
  CodePoolKernel(const CompileContext& context, const KernelTable& table)
      : kernels_(table.quantize),
        is_max_(context.node.op == "NhwcMaxPool"),
        is_global_(context.node.op == "QLinearGlobalAveragePool") {}

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    if (x.rank() < 3) {
      context.fail(ErrorCode::shape_mismatch, "a pool needs a batch, a channel and spatial axes");
    }
    kernels::CodePool pool;
    pool.channels = x.dim(x.rank() - 1);
    const Shape output = is_global_ ? global_shape(x.shape(), pool.shape)
                                    : window_shape(context, x.shape(), pool.shape);
    if (!is_max_) {
      const Codes of_x(context, 1), of_y(context, 3);
      pool.x_zero = of_x.zero_point, pool.x_scale = of_x.scale;
      pool.y_zero = of_y.zero_point, pool.y_scale = of_y.scale;
    }
    Tensor& y = context.output(0, output);
    if (y.size() == 0) return;
    const kernels::PoolAxis* const axis = pool.shape.axis;
    const std::int64_t lines = x.dim(0) * axis[0].out * axis[1].out;
    visit_codes(x.dtype(), kernels_, [&]<class T>(T, const CodeKernels<T>& code) {
      const auto function = is_max_ ? code.max_pool : code.average_pool;
      const T* const from = x.as<T>().data();
      T* const to = y.as_mutable<T>().data();
      for_ranges(context, lines, items_per_task(x.size() / lines),
                 [&](std::size_t begin, std::size_t end, int) {
                   function(pool, from, to, static_cast<std::int64_t>(begin),
                            static_cast<std::int64_t>(end));
                 });
    });
  }

 private:
  static Shape global_shape(const Shape& x, kernels::PoolShape& shape) {
    kernels::PoolAxis& all = shape.axis[2];
    all.size = all.kernel = x.product(1, x.rank() - 1);
    Shape output = x;
    for (int i = 1; i < x.rank() - 1; ++i) output[i] = 1;
    return output;
  }

  static Shape window_shape(const KernelContext& context, const Shape& x,
                            kernels::PoolShape& shape) {
    const kernels::PoolGeometry g =
        kernels::pool_geometry(context.attributes(), kernels::channels_first(x));
    shape = pool_shape(context.attributes(), g);
    return kernels::channels_last(g.output);
  }

  const QuantizeKernels& kernels_;
  bool is_max_, is_global_;
};

Support supports_code_pool(const CompileContext& context) {
  const Type& x = context.input_type(0);
  if (!is_code(x.dtype)) return unsupported("codes that are not of 8 bits");
  if (!x.has_rank || x.rank() > 5) return unsupported("more than three spatial axes");
  if (context.node.op == "NhwcMaxPool") return supported();
  if (context.node.attributes.integer("channels_last", 0) == 0) {
    return unsupported("channels that are not the last axis");
  }
  return supports_qlinear_unary(context);
}

class QLinearConcatKernel final : public Kernel {
 public:
  QLinearConcatKernel(const CompileContext&, const KernelTable& table) : kernels_(table.quantize) {}

  void run(KernelContext& context) const override {
    const Codes of_y(context, 0);
    const std::size_t count = (context.input_count() - 2) / 3;
    const auto part = [&](std::size_t i) -> const Tensor& { return context.input(2 + 3 * i); };
    const int axis =
        normalize_axis(context.attributes().integer("axis", 0), part(0).shape().rank());
    Tensor& y = context.output(0, kernels::joined_shape(context, count, axis, part));
    const kernels::AxisSplit whole = kernels::split_axis(y.shape(), axis);
    std::int64_t start = 0;  // of the part within the axis
    for (std::size_t i = 0; i < count; ++i) {
      const Codes of_part(context, 3 + 3 * i);
      const std::int64_t run = part(i).dim(axis) * whole.inner;
      std::uint8_t* const to = bits(y) + start * whole.inner;
      visit_codes(y.dtype(), kernels_, [&]<class T>(T, const CodeKernels<T>&) {
        const auto table = tabulate<T>(of_part, of_y, [](float real) { return real; });
        const bool copies = of_part.scale == of_y.scale && of_part.zero_point == of_y.zero_point;
        copy_runs(context, copies ? nullptr : reinterpret_cast<const std::uint8_t*>(table.data()),
                  bits(part(i)), to, whole.outer, run, whole.axis * whole.inner);
      });
      start += part(i).dim(axis);
    }
  }

 private:
  /// Copies `count` runs of neighbours, through a table if there is one.
  static void copy_runs(KernelContext& context, const std::uint8_t* table, const std::uint8_t* from,
                        std::uint8_t* to, std::int64_t count, std::int64_t run,
                        std::int64_t to_step) {
    for_ranges(context, count, items_per_task(run), [&](std::size_t begin, std::size_t end, int) {
      for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
        const std::uint8_t* const x = from + i * run;
        std::uint8_t* const y = to + i * to_step;
        if (table == nullptr) {
          std::copy_n(x, run, y);
        } else {
          for (std::int64_t j = 0; j < run; ++j) y[j] = table[x[j]];
        }
      }
    });
  }

  const QuantizeKernels& kernels_;
};

Support supports_qlinear_concat(const CompileContext& context) {
  const DType dtype = output_dtype(context);
  if (const char* reason = unsuited(context, 0, dtype)) return unsupported(reason);
  for (std::size_t i = 2; i + 2 < context.node.inputs.size(); i += 3) {
    if (context.dtype(i) != dtype) return unsupported("mixed codes");
    if (const char* reason = unsuited(context, i + 1, dtype)) return unsupported(reason);
  }
  return supported();
}

}  // namespace

std::vector<CpuOp> qlinear_ops() {
  constexpr std::string_view microsoft = "com.microsoft";
  return {
      cpu_op(microsoft, "QLinearAdd", supports_qlinear_binary, compile_as<QLinearBinaryKernel>),
      cpu_op(microsoft, "QLinearMul", supports_qlinear_binary, compile_as<QLinearBinaryKernel>),
      cpu_op(microsoft, "QLinearSigmoid", supports_qlinear_unary, compile_as<QLinearUnaryKernel>),
      cpu_op(microsoft, "QLinearLeakyRelu", supports_qlinear_unary, compile_as<QLinearUnaryKernel>),
      cpu_op("inlay", "CodeTable", supports_code_table, compile_as<CodeTableKernel>),
      cpu_op(microsoft, "NhwcMaxPool", supports_code_pool, compile_as<CodePoolKernel>),
      cpu_op(microsoft, "QLinearAveragePool", supports_code_pool, compile_as<CodePoolKernel>),
      cpu_op(microsoft, "QLinearGlobalAveragePool", supports_code_pool, compile_as<CodePoolKernel>),
      cpu_op(microsoft, "QLinearConcat", supports_qlinear_concat, compile_as<QLinearConcatKernel>),
  };
}

}  // namespace inlay::inline v0::cpu
