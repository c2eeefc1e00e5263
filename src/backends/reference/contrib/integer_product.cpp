// com.microsoft's products of 8-bit integers: MatMulIntegerToFloat, DynamicQuantizeMatMul, QGemm;
// inlay:DynamicQuantizeMatMul.
#include "backends/reference/contrib/contrib.hpp"
#include "backends/reference/convert.hpp"
#include "backends/reference/matmul.hpp"
#include "backends/reference/quantization.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// The inputs behind A and B of an integer product that gives floats.
struct FloatStage {
  std::size_t b_scale, b_zero_point, bias;
};

/// Scales of A, of a shape that broadcasts to that of the product.
struct ScalesOfA {
  std::span<const float> values;
  Shape shape = {};
};

/// Output 0 = a_scale * b_scale * a * (B - its zero point) + bias.
template <class Sum>
void product_to_float(KernelContext& context, const MatMulGeometry& g, const Sum* a,
                      const ScalesOfA& a_scales, const FloatStage& stage) {
  const Tensor& b_scale = context.input(stage.b_scale);
  const auto scales = decoded_scales(context, b_scale);
  Shape full = g.batch;
  full.push_back(g.m);
  full.push_back(g.n);
  const Strides scale_steps =
      broadcast_strides(b_scale.size() == 1 ? Shape() : b_scale.shape(), full);
  const Strides a_steps = broadcast_strides(a_scales.shape, full);
  if (context.has_input(stage.bias) && context.input(stage.bias).size() != g.n) {
    context.fail(ErrorCode::shape_mismatch, "the bias needs one number per column");
  }
  Tensor& y = context.output(0, g.output);
  const auto sums = context.scratch<Sum>(y.size());
  matmul<Sum>(context, g, a, centered<Sum>(context, context.input(1), stage.b_zero_point),
              sums.data());
  visit_dtype<Types<float, float16>>(y.dtype(), [&]<class T>() {
    const T* bias =
        context.has_input(stage.bias) ? context.input(stage.bias).as<T>().data() : nullptr;
    T* to = y.as_mutable<T>().data();
    walk<2>(full, {scale_steps, a_steps}, [&](std::int64_t i, const Offsets<2>& at) {
      const float factor = a_scales.values[static_cast<std::size_t>(at[1])] *
                           static_cast<float>(scales[static_cast<std::size_t>(at[0])]);
      const float product = static_cast<float>(sums[static_cast<std::size_t>(i)]) * factor;
      to[i] =
          static_cast<T>(bias != nullptr ? product + static_cast<float>(bias[i % g.n]) : product);
    });
  });
}

void run_matmul_integer_to_float(KernelContext& context) {
  constexpr FloatStage stage{.b_scale = 3, .b_zero_point = 5, .bias = 6};
  const Tensor& a = context.input(0);
  const MatMulGeometry g = matmul_geometry(a.shape(), context.input(1).shape());
  if (context.input(2).size() == 1) {
    const float a_scale = scalar_scale(context, 2);
    return product_to_float(context, g, centered<std::int32_t>(context, a, 4),
                            {std::span(&a_scale, 1)}, stage);
  }
  // A scale for each column of A lies inside of the sums.
  const auto scales = decoded_scales(context, context.input(2));
  if (static_cast<std::int64_t>(scales.size()) != g.k) {
    context.fail(ErrorCode::shape_mismatch, "a_scale must be one number, or one per column of A");
  }
  const float* codes = centered<float>(context, a, 4);
  const auto values = context.scratch<float>(a.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = codes[i] * static_cast<float>(scales[i % scales.size()]);
  }
  constexpr float one = 1;
  product_to_float<float>(context, g, values.data(), {std::span(&one, 1)}, stage);
}

/// com.microsoft's has one scale for all of A, inlay's one for each row.
template <bool by_row>
void run_dynamic_quantize_matmul(KernelContext& context) {
  const Tensor& a = context.input(0);
  const MatMulGeometry g = matmul_geometry(a.shape(), context.input(1).shape());
  Shape scale_shape;
  if (by_row) {
    scale_shape = a.shape();
    scale_shape[scale_shape.rank() - 1] = 1;
  }
  const auto scales = context.scratch<float>(scale_shape.elements());
  const auto values = a.as<float>();
  const auto centered_codes = context.scratch<std::int32_t>(a.size());
  const std::size_t part = by_row ? static_cast<std::size_t>(g.k) : values.size();
  for (std::size_t row = 0; row < scales.size(); ++row) {
    const DynamicCodes codes(values.subspan(row * part, part));
    scales[row] = codes.scale;
    for (std::size_t i = row * part; i < (row + 1) * part; ++i) {
      centered_codes[i] = std::int32_t{codes(values[i])} - std::int32_t{codes.zero_point};
    }
  }
  product_to_float<std::int32_t>(context, g, centered_codes.data(), {scales, scale_shape},
                                 {.b_scale = 2, .b_zero_point = 3, .bias = 4});
}

void run_qgemm(KernelContext& context) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(3);
  const bool trans_a = context.attributes().integer("transA", 0) != 0;
  const bool trans_b = context.attributes().integer("transB", 0) != 0;
  if (a.rank() != 2 || b.rank() != 2 || a.dim(trans_a ? 0 : 1) != b.dim(trans_b ? 1 : 0)) {
    context.fail(ErrorCode::shape_mismatch, to_string(a.shape()) + " and " + to_string(b.shape()) +
                                                " are no matrices that can be multiplied");
  }
  const float alpha = context.attributes().real("alpha", 1);
  const std::int64_t m = a.dim(trans_a ? 1 : 0), n = b.dim(trans_b ? 0 : 1);
  const float a_scale = scalar_scale(context, 1);
  const auto b_scales = decoded_scales(context, context.input(4));
  if (b_scales.size() != 1 && static_cast<std::int64_t>(b_scales.size()) != n) {
    context.fail(ErrorCode::shape_mismatch, "b_scale must be one number, or one per column of B");
  }
  Matrix<const std::int32_t> left{centered<std::int32_t>(context, a, 2), a.dim(0), a.dim(1),
                                  a.dim(1)};
  Matrix<const std::int32_t> right{
      trans_b ? centered_rows<std::int32_t>(context, b, 5) : centered<std::int32_t>(context, b, 5),
      b.dim(0), b.dim(1), b.dim(1)};
  if (trans_a) left = left.transposed();
  if (trans_b) right = right.transposed();
  Tensor& y = context.output(0, {m, n});
  const auto sums = context.scratch<std::int32_t>(y.size());
  std::fill(sums.begin(), sums.end(), 0);
  if (context.has_input(6)) {
    const auto c = context.input(6).as<std::int32_t>();
    walk<1>(y.shape(), {broadcast_strides(context.input(6).shape(), y.shape())},
            [&](std::int64_t i, const Offsets<1>& at) {
              sums[static_cast<std::size_t>(i)] = c[static_cast<std::size_t>(at[0])];
            });
  }
  multiply_add_all<std::int32_t>(context, 1, [&](std::int64_t) {
    return Product<std::int32_t>{left, right, {sums.data(), m, n, n}};
  });
  const bool writes_codes = context.has_input(8);
  const float y_scale = writes_codes ? scalar_scale(context, 7) : 1.0f;
  const auto value = [&](std::int64_t i) {
    const auto column = b_scales.size() == 1 ? 0 : static_cast<std::size_t>(i % n);
    const float factor = alpha * a_scale * static_cast<float>(b_scales[column]) / y_scale;
    return static_cast<float>(sums[static_cast<std::size_t>(i)]) * factor;
  };
  if (!writes_codes) {
    float* to = y.as_mutable<float>().data();
    for (std::int64_t i = 0; i < y.size(); ++i) to[i] = value(i);
    return;
  }
  const double y_zero = scalar_zero_point(context, 8);
  visit_quantizer(y, true, [&](auto put) {
    for (std::int64_t i = 0; i < y.size(); ++i) put(i, value(i), y_zero);
  });
}

}  // namespace

void add_integer_product_kernels(std::vector<ReferenceKernel>& table) {
  constexpr std::string_view microsoft = "com.microsoft";
  table.push_back({microsoft, "MatMulIntegerToFloat", run_matmul_integer_to_float});
  table.push_back({microsoft, "DynamicQuantizeMatMul", run_dynamic_quantize_matmul<false>});
  table.push_back({"inlay", "DynamicQuantizeMatMul", run_dynamic_quantize_matmul<true>});
  table.push_back({microsoft, "QGemm", run_qgemm});
}

}  // namespace inlay::inline v0::kernels
