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

TEST_CASE("cpu: QLinearMatMul is exact", "[cpu]") {
  std::mt19937 engine(3);
  const auto product = [&](const Shape& a, const Shape& b, double most) {
    CAPTURE(to_string(a), to_string(b));
    for_code_types([&]<class T>(T zero) {
      Call call{.op = "QLinearMatMul",
                .inputs = {codes<T>(engine, a), Tensor::scalar(0.05f), Tensor::scalar(zero),
                           random_tensor<std::int8_t>(engine, b, -most, most),
                           Tensor::copy_of<float>({0.02f}), Tensor::scalar(std::int8_t{0}),
                           Tensor::scalar(0.9f), Tensor::scalar(zero)}};
      if (most > 100) check(call);
      call.constants = {3, 5};
      check(call);
    });
  };
  product({9, 40}, {40, 33}, 127);
  for (const Shape& b : {Shape{40, 33}, {40, 130}}) {  // scales and zero points per column
    Call call{.op = "QLinearMatMul",
              .inputs = {codes<std::uint8_t>(engine, {2, 9, 40}), Tensor::scalar(0.05f),
                         Tensor::scalar(std::uint8_t{99}), codes<std::int8_t>(engine, b),
                         random_tensor(engine, {b[1]}, 0.01, 0.03),
                         random_tensor<std::int8_t>(engine, {b[1]}, -5, 5), Tensor::scalar(0.9f),
                         Tensor::scalar(std::uint8_t{120})},
              .constants = {3, 5}};
    check(call);
  }
  product({2, 3, 9, 40}, {2, 3, 40, 17}, 127);
  product({2, 9, 40}, {40, 17}, 127);
  product({40}, {40, 17}, 127);
  product({9, 40}, {40, 1}, 127);
  product({5, 0}, {0, 3}, 127);
  product({9, 600}, {600, 33}, 40);  // more than 256 products, of small weights
}

TEST_CASE("cpu: sums that f32 cannot hold are left to the reference", "[cpu]") {
  Tensor a = Tensor::zeros(DType::uint8, {1, 600}), b = Tensor::zeros(DType::int8, {600, 2});
  std::fill_n(static_cast<std::uint8_t*>(a.mutable_data()), 600, std::uint8_t{255});
  std::fill_n(static_cast<std::int8_t*>(b.mutable_data()), 1200, std::int8_t{127});
  Call call{.op = "QLinearMatMul",
            .inputs = {a, Tensor::scalar(1.0f), Tensor::scalar(std::uint8_t{0}), b,
                       Tensor::scalar(1.0f), Tensor::scalar(std::int8_t{0}), Tensor::scalar(1e5f),
                       Tensor::scalar(std::uint8_t{0})},
            .constants = {3, 5}};
  ModelOptions options;
  options.optimize = false;
  const Model model = Model::from_graph(test::graph_of(call), options);
  CHECK(model.placements()[0].backend == "reference");
}
