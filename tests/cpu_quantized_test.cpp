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
