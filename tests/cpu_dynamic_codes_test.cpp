// Codes that the cpu backend chooses for what comes in, as the reference backend chooses them.
#include "call_allocations.hpp"
#include "cpu_support.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::random_tensor;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Rows of all kinds of ranges.
Tensor uneven(std::mt19937& engine, const Shape& shape) {
  Tensor x = random_tensor(engine, shape, -1, 1);
  const auto values = x.as_mutable<float>();
  const auto k = static_cast<std::size_t>(shape.back());
  constexpr float factors[] = {1, 0, 1e30f, -1e-30f, 77};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t row = i / k;
    values[i] = (row % 3 == 2 ? std::abs(values[i]) : values[i]) * factors[row % 5];
  }
  return x;
}

template <class T>
Call product(std::mt19937& engine, const char* domain, const Tensor& a, std::int64_t n,
             bool by_column, T zero) {
  const std::int64_t k = a.shape().back();
  const Tensor b = random_tensor<T>(engine, {k, n}, std::numeric_limits<T>::min(),
                                    std::numeric_limits<T>::max());
  Call call{.op = "DynamicQuantizeMatMul",
            .inputs = {a, b},
            .domain = domain,
            .version = 1,
            .constants = {1}};
  if (by_column) {
    Tensor zeros = Tensor::zeros(dtype_of<T>, {n});
    for (std::int64_t j = 0; j < n; ++j) {
      zeros.as_mutable<T>()[static_cast<std::size_t>(j)] = static_cast<T>(zero + j % 3);
    }
    call.inputs.insert(call.inputs.end(), {random_tensor(engine, {n}, 0.01, 0.03), zeros,
                                           random_tensor(engine, {n}, -1, 1)});
  } else {
    call.inputs.emplace_back(Tensor::scalar(0.02f));
    if (zero != 0) call.inputs.emplace_back(Tensor::scalar(zero));
  }
  return call;
}

}  // namespace

TEST_CASE("cpu: DynamicQuantizeLinear", "[cpu]") {
  std::mt19937 engine(1);
  for (const Shape& shape : {Shape{}, {0}, {1}, {3, 43}, {7, 64}, {3, 40000}}) {
    for (const double low : {-3.0, 0.5, -9.0}) {
      CAPTURE(to_string(shape), low);
      check({.op = "DynamicQuantizeLinear",
             .inputs = {random_tensor(engine, shape, low, std::abs(low) + low + 1)},
             .outputs = 3},
            0);
    }
  }
  for (const std::vector<float>& values : {std::vector<float>{0, 0, 0},
                                           {1, NAN, -2},
                                           {NAN},
                                           {3e38f, -3e38f, 1},
                                           {1e-44f, 0},
                                           {infinity, 1, -1},
                                           {-infinity, 1, -1},
                                           {5, 5},
                                           {-0.0f}}) {
    check({.op = "DynamicQuantizeLinear",
           .inputs = {Tensor::copy_of(std::span(values), {std::ssize(values)})},
           .outputs = 3},
          0);
  }
}

TEST_CASE("cpu: DynamicQuantizeMatMul", "[cpu]") {
  std::mt19937 engine(2);
  for (const char* domain : {"inlay", "com.microsoft"}) {
    for (const Shape& shape :
         {Shape{9, 40}, {1, 768}, {40}, {37, 1}, {2, 3, 5, 33}, {70, 259}, {5, 0}, {0, 7}}) {
      for (const std::int64_t n : {1, 3, 17, 64, 101}) {
        CAPTURE(domain, to_string(shape), n);
        const Tensor a =
            shape.elements() == 0 ? random_tensor(engine, shape, -1, 1) : uneven(engine, shape);
        check(product<std::int8_t>(engine, domain, a, n, n % 2 != 0, 0), 0);
        check(product<std::uint8_t>(engine, domain, a, n, n % 2 == 0, 125), 0);
      }
    }
  }
}

TEST_CASE("cpu: DynamicQuantizeMatMul of what no codes are like", "[cpu]") {
  std::mt19937 engine(3);
  for (const char* domain : {"inlay", "com.microsoft"}) {
    Tensor a = random_tensor(engine, {6, 50}, -1, 1);
    const auto values = a.as_mutable<float>();
    values[7] = NAN;
    values[57] = infinity;
    values[107] = -infinity;
    values[150] = 3e38f, values[151] = -3e38f;
    std::fill_n(values.begin() + 200, 50, 0.0f);
    check(product<std::int8_t>(engine, domain, a, 33, true, 0), 0);
    std::fill_n(values.begin(), values.size(), 0.0f);
    check(product<std::int8_t>(engine, domain, a, 33, true, 0), 0);
  }
}

TEST_CASE("codes of each row are closer than those of all", "[cpu]") {
  std::mt19937 engine(4);
  Tensor a = random_tensor(engine, {8, 64}, -1, 1);
  for (std::size_t i = 0; i < 64; ++i) a.as_mutable<float>()[i] *= 100;
  const Tensor b = random_tensor<std::int8_t>(engine, {64, 16}, -127, 127);
  const auto error = [&](const char* domain) {
    const auto y = test::run({.op = "DynamicQuantizeMatMul",
                              .inputs = {a, b, Tensor::scalar(0.01f)},
                              .domain = domain,
                              .version = 1,
                              .constants = {1}},
                             "cpu");
    double sum = 0;
    for (std::size_t i = 16; i < 128; ++i) {
      double exact = 0;
      for (std::size_t p = 0; p < 64; ++p) {
        exact += static_cast<double>(a.as<float>()[i / 16 * 64 + p]) *
                 b.as<std::int8_t>()[p * 16 + i % 16] * 0.01f;
      }
      sum += std::pow(exact - y[0].tensor().as<float>()[i], 2);
    }
    return std::sqrt(sum);
  };
  CHECK(error("inlay") < 0.05 * error("com.microsoft"));
}

TEST_CASE("products with codes of what comes in allocate nothing", "[cpu][bind]") {
  std::mt19937 engine(5);
  const Tensor a = random_tensor(engine, {9, 40}, -1, 1);
  for (const char* domain : {"inlay", "com.microsoft"}) {
    CHECK(test::allocations(product<std::int8_t>(engine, domain, a, 17, true, 0), "cpu") == 0);
  }
  CHECK(test::allocations({.op = "DynamicQuantizeLinear", .inputs = {a}, .outputs = 3}, "cpu") ==
        0);
}
