// Operators on 8-bit codes of the cpu backend, bit for bit those of the reference backend.
#include "cpu_support.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::random_tensor;

namespace {

template <class T>
Tensor codes(std::mt19937& engine, const Shape& shape) {
  return random_tensor<T>(engine, shape, std::numeric_limits<T>::min(),
                          std::numeric_limits<T>::max());
}

template <class F>
void for_code_types(F&& f) {
  f(std::int8_t{-7});
  f(std::uint8_t{131});
}

}  // namespace

TEST_CASE("cpu: QuantizeLinear and DequantizeLinear with one scale", "[cpu]") {
  std::mt19937 engine(1);
  for_code_types([&]<class T>(T zero) {
    for (const Shape& shape : {Shape{}, {0}, {3, 43}, {7, 64}, {3, 40000}}) {
      CAPTURE(to_string(shape));
      Tensor x = random_tensor(engine, shape, -20, 20);
      if (x.size() > 5) {
        const auto values = x.as_mutable<float>();
        values[0] = std::numeric_limits<float>::quiet_NaN();
        values[1] = std::numeric_limits<float>::infinity();
        values[2] = -1e30f;
        values[3] = 0.05f * 2.5f;  // a tie
      }
      const Tensor scale = Tensor::scalar(0.05f), wide = Tensor::copy_of<float>({0.1f});
      check({.op = "QuantizeLinear", .inputs = {x, scale, Tensor::scalar(zero)}});
      check({.op = "DequantizeLinear",
             .inputs = {codes<T>(engine, shape), wide, Tensor::copy_of<T>({zero})}});
      check({.op = "DequantizeLinear", .inputs = {codes<T>(engine, shape), scale}});
    }
  });
}

TEST_CASE("cpu: QLinearAdd and QLinearMul broadcast", "[cpu]") {
  std::mt19937 engine(2);
  for_code_types([&]<class T>(T zero) {
    for (const char* op : {"QLinearAdd", "QLinearMul"}) {
      for (const Shape& b : {Shape{3, 5, 70}, {70}, {5, 1}, {}}) {
        CAPTURE(op, to_string(b));
        check({.op = op,
               .inputs = {codes<T>(engine, {3, 5, 70}), Tensor::scalar(0.05f), Tensor::scalar(zero),
                          codes<T>(engine, b), Tensor::scalar(0.03f), Tensor::scalar(T{5}),
                          Tensor::scalar(0.07f), Tensor::scalar(zero)},
               .domain = "com.microsoft",
               .version = 1});
      }
    }
  });
}

TEST_CASE("cpu: products of codes are exact", "[cpu]") {
  std::mt19937 engine(3);
  const auto products = [&]<class A, class B>(A a_zero, B b_zero) {
    const auto product = [&](const Shape& a_shape, const Shape& b_shape) {
      CAPTURE(to_string(a_shape), to_string(b_shape), +a_zero, +b_zero);
      const Tensor a = codes<A>(engine, a_shape), b = codes<B>(engine, b_shape);
      const Tensor zero_of_a = Tensor::scalar(a_zero), scale_of_a = Tensor::scalar(0.05f);
      Tensor zero_of_b = Tensor::copy_of<B>({b_zero}), scale_of_b = Tensor::copy_of<float>({0.02f});
      const auto both = [&](Call call, std::initializer_list<std::size_t> constants) {
        check(call);
        call.constants = constants;
        check(call);
      };
      for (const bool by_column : {false, true}) {
        if (by_column && b_shape.rank() != 2) break;
        if (by_column) {
          zero_of_b = codes<B>(engine, {b_shape[1]});
          scale_of_b = random_tensor(engine, {b_shape[1]}, 0.01, 0.03);
        }
        both({.op = "QLinearMatMul",
              .inputs = {a, scale_of_a, zero_of_a, b, scale_of_b, zero_of_b, Tensor::scalar(0.9f),
                         Tensor::scalar(std::uint8_t{99})}},
             {3, 5});
        both({.op = "MatMulInteger", .inputs = {a, b, zero_of_a, zero_of_b}}, {1});
        const Tensor bias = random_tensor(engine, {b_shape.back()}, -1, 1);
        both({.op = "MatMulIntegerToFloat",
              .inputs = {a, b, scale_of_a, scale_of_b, zero_of_a, zero_of_b, bias},
              .domain = "com.microsoft",
              .version = 1},
             {1, 3});
      }
      both({.op = "MatMulInteger", .inputs = {a, b}}, {1});
    };
    for (const std::int64_t transposes : {0, 1}) {
      for (const bool writes_codes : {false, true}) {
        const Tensor b = codes<B>(engine, transposes != 0 ? Shape{33, 40} : Shape{40, 33});
        Call call{
            .op = "QGemm",
            .inputs = {codes<A>(engine, {9, 40}), Tensor::scalar(0.05f), Tensor::scalar(a_zero), b,
                       random_tensor(engine, {33}, 0.01, 0.03), codes<B>(engine, {33}),
                       random_tensor<std::int32_t>(engine, {33}, -4000, 4000)},
            .domain = "com.microsoft",
            .version = 1,
            .constants = {3}};
        call.attributes.set("transB", transposes);
        if (writes_codes) {
          call.inputs.insert(call.inputs.end(),
                             {Tensor::scalar(0.9f), Tensor::scalar(std::uint8_t{99})});
        }
        check(call);
      }
    }
    product({9, 40}, {40, 33});
    product({2, 9, 40}, {40, 17});
    product({2, 3, 9, 40}, {2, 1, 40, 17});
    product({3, 1, 5, 7}, {2, 7, 3});
    product({40}, {40, 17});
    product({9, 40}, {40, 1});
    product({5, 0}, {0, 3});
    product({0, 4}, {4, 3});
  };
  products(std::uint8_t{131}, std::int8_t{0});
  products(std::uint8_t{3}, std::uint8_t{120});
  products(std::int8_t{-7}, std::int8_t{5});
  products(std::int8_t{0}, std::uint8_t{128});
}

TEST_CASE("cpu: products of codes that leave 24 bits", "[cpu]") {
  Tensor a = Tensor::zeros(DType::uint8, {1, 600}), b = Tensor::zeros(DType::int8, {600, 2});
  std::fill_n(static_cast<std::uint8_t*>(a.mutable_data()), 600, std::uint8_t{255});
  std::fill_n(static_cast<std::int8_t*>(b.mutable_data()), 1200, std::int8_t{127});
  check({.op = "MatMulInteger", .inputs = {a, b}, .constants = {1}});
  check({.op = "QLinearMatMul",
         .inputs = {a, Tensor::scalar(1.0f), Tensor::scalar(std::uint8_t{0}), b,
                    Tensor::scalar(1.0f), Tensor::scalar(std::int8_t{0}), Tensor::scalar(1e5f),
                    Tensor::scalar(std::uint8_t{0})},
         .constants = {3, 5}});
}

TEST_CASE("cpu: convolutions of codes are exact in both layouts", "[cpu]") {
  std::mt19937 engine(5);
  const auto convolve = [&]<class X, class W>(X x_zero, W w_zero, std::int64_t groups,
                                              std::int64_t channels, std::int64_t filters,
                                              std::vector<std::int64_t> kernel, bool by_filter) {
    CAPTURE(+x_zero, +w_zero, groups, channels, filters, by_filter);
    Attributes attributes;
    const std::size_t rank = kernel.size();
    attributes.set("group", groups);
    attributes.set("strides", std::vector<std::int64_t>(rank, by_filter ? 2 : 1));
    attributes.set("pads", std::vector<std::int64_t>(2 * rank, 1));
    Shape first{2, channels}, last{2}, weights{filters, channels / groups};
    for (std::size_t i = 0; i < rank; ++i) {
      first.push_back(5 + static_cast<std::int64_t>(i));
      last.push_back(5 + static_cast<std::int64_t>(i));
      weights.push_back(kernel[i]);
    }
    last.push_back(channels);
    const Tensor w = codes<W>(engine, weights);
    const std::int64_t scales = by_filter ? filters : 1;
    Tensor w_zeros = Tensor::zeros(dtype_of<W>, {scales});
    std::fill_n(w_zeros.as_mutable<W>().begin(), scales, w_zero);
    const Tensor zero = Tensor::scalar(x_zero);
    Call call{.op = "QLinearConv",
              .inputs = {codes<X>(engine, first), Tensor::scalar(0.04f), zero, w,
                         random_tensor(engine, {scales}, 0.01, 0.03), w_zeros, Tensor::scalar(0.8f),
                         Tensor::scalar(X{17})},
              .attributes = attributes};
    if (by_filter) {
      call.inputs.push_back(random_tensor<std::int32_t>(engine, {filters}, -5000, 5000));
    }
    call.constants = {3};
    check(call);
    call.domain = "com.microsoft", call.version = 1;
    call.attributes.set("channels_last", std::int64_t{1});
    call.inputs[0] = codes<X>(engine, last);
    check(call);
    check({.op = "ConvInteger",
           .inputs = {codes<X>(engine, first), w, zero, w_zeros},
           .attributes = attributes,
           .constants = {1}});
  };
  convolve(std::uint8_t{131}, std::int8_t{0}, 1, 5, 9, {3, 3}, false);
  convolve(std::uint8_t{131}, std::int8_t{0}, 1, 16, 40, {1, 1}, true);
  convolve(std::uint8_t{0}, std::uint8_t{120}, 2, 6, 8, {3, 2}, true);
  convolve(std::int8_t{-7}, std::int8_t{3}, 1, 4, 7, {3}, true);
  convolve(std::int8_t{-7}, std::uint8_t{128}, 1, 4, 7, {2, 3, 1}, false);
  convolve(std::uint8_t{9}, std::int8_t{0}, 40, 40, 40, {3, 3}, true);
  convolve(std::int8_t{9}, std::int8_t{1}, 7, 7, 7, {3, 3}, false);
}

TEST_CASE("cpu: pools of codes with channels last", "[cpu]") {
  std::mt19937 engine(6);
  for_code_types([&]<class T>(T zero) {
    for (const std::int64_t channels : {1, 7, 64, 100}) {
      CAPTURE(channels, +zero);
      const Tensor image = codes<T>(engine, {2, 9, 8, channels});
      const Tensor line = codes<T>(engine, {1, 9, channels});
      Attributes window;
      window.set("kernel_shape", std::vector<std::int64_t>{3, 2});
      window.set("strides", std::vector<std::int64_t>{2, 1});
      window.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
      check({.op = "NhwcMaxPool",
             .inputs = {image},
             .attributes = window,
             .domain = "com.microsoft",
             .version = 1});
      window.set("channels_last", std::int64_t{1});
      const std::vector<Value> scales = {Tensor::scalar(0.05f), Tensor::scalar(zero),
                                         Tensor::scalar(0.03f), Tensor::scalar(T{3})};
      for (const std::int64_t include : {0, 1}) {
        window.set("count_include_pad", include);
        Call call{.op = "QLinearAveragePool",
                  .inputs = {image},
                  .attributes = window,
                  .domain = "com.microsoft",
                  .version = 1};
        call.inputs.insert(call.inputs.end(), scales.begin(), scales.end());
        check(call);
      }
      for (const Tensor& x : {image, line}) {
        Call call{.op = "QLinearGlobalAveragePool",
                  .inputs = {x},
                  .domain = "com.microsoft",
                  .version = 1};
        call.inputs.insert(call.inputs.end(), scales.begin(), scales.end());
        call.attributes.set("channels_last", std::int64_t{1});
        check(call);
      }
    }
  });
}

TEST_CASE("cpu: functions and joins of codes", "[cpu]") {
  std::mt19937 engine(7);
  for_code_types([&]<class T>(T zero) {
    const Tensor scale = Tensor::scalar(0.05f), other = Tensor::scalar(0.004f);
    const Tensor zeros = Tensor::scalar(zero), others = Tensor::scalar(T{5});
    for (const char* op : {"QLinearSigmoid", "QLinearLeakyRelu"}) {
      Call call{.op = op,
                .inputs = {codes<T>(engine, {3, 500}), scale, zeros, other, others},
                .domain = "com.microsoft",
                .version = 1};
      if (call.op == "QLinearLeakyRelu") call.attributes.set("alpha", 0.3f);
      check(call);
    }
    check({.op = "CodeTable",
           .inputs = {codes<T>(engine, {3, 500}), codes<std::uint8_t>(engine, {256})},
           .domain = "inlay",
           .version = 1});
    for (const std::int64_t axis : {0, 1, 2}) {
      Shape shape{3, 4, 5};
      const Tensor a = codes<T>(engine, shape);
      shape[static_cast<int>(axis)] = 7;
      Call call{.op = "QLinearConcat",
                .inputs = {scale, zeros, a, scale, zeros, codes<T>(engine, shape), other, others},
                .domain = "com.microsoft",
                .version = 1};
      call.attributes.set("axis", axis);
      check(call);
    }
  });
}
