#include <catch2/catch.hpp>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

TEST_CASE("MatMul multiplies matrices, vectors and batches", "[ops]") {
  const Tensor a = Tensor::copy_of({1.f, 2.f, 3.f, 4.f, 5.f, 6.f}, {2, 3});
  const Tensor b = Tensor::copy_of({1.f, 0.f, 0.f, 1.f, 1.f, 1.f}, {3, 2});
  check(run({"MatMul", {a, b}}), Tensor::copy_of({4.f, 5.f, 10.f, 11.f}, {2, 2}));
  const Tensor v = Tensor::copy_of({1.f, 1.f, 2.f});
  check(run({"MatMul", {a, v}}), Tensor::copy_of({9.f, 21.f}));
  check(run({"MatMul", {v, b}}), Tensor::copy_of({3.f, 3.f}));
  check(run({"MatMul", {v, v}}), Tensor::scalar(6.f));

  // [2,1,1,2] x [3,2,1] -> [2,3,1,1]
  const Tensor left = Tensor::copy_of({1.f, 2.f, 3.f, 4.f}, {2, 1, 1, 2});
  const Tensor right = Tensor::copy_of({1.f, 0.f, 0.f, 1.f, 1.f, 1.f}, {3, 2, 1});
  check(run({"MatMul", {left, right}}),
        Tensor::copy_of({1.f, 2.f, 3.f, 3.f, 4.f, 7.f}, {2, 3, 1, 1}));
}

TEST_CASE("MatMul takes every element type of its schema", "[ops]") {
  const auto product = [](auto one) {
    using T = decltype(one);
    const auto n = [](float x) { return static_cast<T>(x); };
    const Tensor a = Tensor::copy_of({n(1), n(2), n(3), n(4)}, {2, 2});
    check(run({"MatMul", {a, a}}), Tensor::copy_of({n(7), n(10), n(15), n(22)}, {2, 2}));
  };
  product(1.0);
  product(float16(1.f));
  product(bfloat16(1.f));
  product(std::int32_t{1});
  product(std::int64_t{1});
  product(std::uint32_t{1});
  product(std::uint64_t{1});
}

TEST_CASE("MatMul of integers wraps around", "[ops]") {
  const Tensor a = Tensor::copy_of({std::int32_t{1} << 30}, {1, 1});
  const Tensor b = Tensor::copy_of({std::int32_t{5}}, {1, 1});
  check(run({"MatMul", {a, b}}), Tensor::copy_of({std::int32_t{1} << 30}, {1, 1}));
}

TEST_CASE("MatMul over empty axes gives zeros or nothing", "[ops]") {
  check(run({"MatMul", {Tensor(DType::float32, {2, 0}), Tensor(DType::float32, {0, 2})}}),
        Tensor::copy_of({0.f, 0.f, 0.f, 0.f}, {2, 2}));
  check(run({"MatMul", {Tensor(DType::float32, {0, 3}), Tensor::zeros(DType::float32, {3, 2})}}),
        Tensor(DType::float32, {0, 2}));
  check(run({"MatMul",
             {Tensor(DType::float32, {0, 2, 3}), Tensor::zeros(DType::float32, {1, 3, 2})}}),
        Tensor(DType::float32, {0, 2, 2}));
}

TEST_CASE("MatMul refuses operands that do not fit", "[ops]") {
  const Tensor a = Tensor::zeros(DType::float32, {2, 3});
  CHECK_THROWS_AS(run({"MatMul", {a, a}}), Error);
  CHECK_THROWS_AS(run({"MatMul", {a, Tensor::scalar(1.f)}}), Error);
}

TEST_CASE("MatMul blocks large products the same way at any thread count", "[ops]") {
  std::mt19937 engine(7);
  const Tensor a = random_tensor(engine, {37, 91}), b = random_tensor(engine, {91, 300});
  const Value one = run({"MatMul", {a, b}}, "reference", 1)[0];
  const Value three = run({"MatMul", {a, b}}, "reference", 3)[0];
  check({three}, one.tensor());
  const auto x = a.as<float>(), y = b.as<float>(), z = one.tensor().as<float>();
  for (std::size_t i = 0; i < 37; i += 12) {
    for (std::size_t j = 0; j < 300; j += 57) {
      double sum = 0;
      for (std::size_t k = 0; k < 91; ++k) {
        sum += static_cast<double>(x[i * 91 + k]) * static_cast<double>(y[k * 300 + j]);
      }
      CHECK(z[i * 300 + j] == Approx(sum).margin(1e-5));
    }
  }
}

TEST_CASE("Gemm scales, transposes and adds", "[ops]") {
  const Tensor a = Tensor::copy_of({1.f, 2.f, 3.f, 4.f, 5.f, 6.f}, {2, 3});
  const Tensor b = Tensor::copy_of({1.f, 0.f, 0.f, 1.f, 1.f, 1.f}, {3, 2});
  const Tensor row = Tensor::copy_of({10.f, 20.f});
  check(run({"Gemm", {a, b, row}}), Tensor::copy_of({14.f, 25.f, 20.f, 31.f}, {2, 2}));
  check(run({"Gemm", {a, b, row}, attributes({{"alpha", 2.f}, {"beta", 0.5f}})}),
        Tensor::copy_of({13.f, 20.f, 25.f, 32.f}, {2, 2}));
  check(run({"Gemm", {b, b}, attributes({{"transA", std::int64_t{1}}})}),
        Tensor::copy_of({2.f, 1.f, 1.f, 2.f}, {2, 2}));
  check(run({"Gemm", {a, a}, attributes({{"transB", std::int64_t{1}}})}),
        Tensor::copy_of({14.f, 32.f, 32.f, 77.f}, {2, 2}));
  check(
      run({"Gemm", {b, a}, attributes({{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}})}),
      Tensor::copy_of({4.f, 10.f, 5.f, 11.f}, {2, 2}));
  const Tensor column = Tensor::copy_of({100.f, 200.f}, {2, 1});
  check(run({"Gemm", {a, b, column}}), Tensor::copy_of({104.f, 105.f, 210.f, 211.f}, {2, 2}));
  check(run({"Gemm", {Tensor(DType::float32, {2, 0}), Tensor(DType::float32, {0, 2}), row}}),
        Tensor::copy_of({10.f, 20.f, 10.f, 20.f}, {2, 2}));
}

TEST_CASE("MatMulInteger takes zero points per tensor, row and column", "[ops]") {
  using u8 = std::uint8_t;
  const Tensor a = Tensor::copy_of({u8{11}, u8{7}, u8{3}, u8{10}, u8{6}, u8{2}}, {2, 3});
  const Tensor b = Tensor::copy_of({std::int8_t{1}, std::int8_t{4}, std::int8_t{2}, std::int8_t{5},
                                    std::int8_t{-3}, std::int8_t{6}},
                                   {3, 2});
  // a - 12 = [[-1, -5, -9], [-2, -6, -10]]
  check(run({"MatMulInteger", {a, b, Tensor::scalar(u8{12})}}),
        Tensor::copy_of<std::int32_t>({16, -83, 16, -98}, {2, 2}));
  // rows - [1, 2]: [[10, 6, 2], [8, 4, 0]]; columns - [1, 4]: [[0, 0], [1, 1], [-4, 2]]
  check(run({"MatMulInteger",
             {a, b, Tensor::copy_of({u8{1}, u8{2}}),
              Tensor::copy_of({std::int8_t{1}, std::int8_t{4}})}}),
        Tensor::copy_of<std::int32_t>({-2, 10, 4, 4}, {2, 2}));
}

TEST_CASE("Einsum contracts by label", "[ops]") {
  const auto einsum = [](const std::string& equation, std::vector<Value> operands) {
    return run({"Einsum", std::move(operands), attributes({{"equation", equation}})});
  };
  const Tensor a = Tensor::copy_of({1.f, 2.f, 3.f, 4.f}, {2, 2});
  const Tensor b = Tensor::copy_of({5.f, 6.f, 7.f, 8.f}, {2, 2});
  check(einsum("ij,jk->ik", {a, b}), Tensor::copy_of({19.f, 22.f, 43.f, 50.f}, {2, 2}));
  check(einsum("ij,jk", {a, b}), Tensor::copy_of({19.f, 22.f, 43.f, 50.f}, {2, 2}));
  check(einsum("ij->ji", {a}), Tensor::copy_of({1.f, 3.f, 2.f, 4.f}, {2, 2}));
  check(einsum("ii", {a}), Tensor::scalar(5.f));
  check(einsum("ii->i", {a}), Tensor::copy_of({1.f, 4.f}));
  check(einsum("... i, i -> ...", {a, Tensor::copy_of({1.f, 10.f})}),
        Tensor::copy_of({21.f, 43.f}));
  check(einsum("i,j,k->",
               {Tensor::copy_of({1.f, 2.f}), Tensor::copy_of({3.f}), Tensor::copy_of({1.f, 1.f})}),
        Tensor::scalar(18.f));
  check(einsum("bA,bA->bA", {a, b}), Tensor::copy_of({5.f, 12.f, 21.f, 32.f}, {2, 2}));
  check(einsum("...,...", {Tensor::copy_of({1.f, 2.f}, {2, 1}), Tensor::copy_of({3.f, 4.f})}),
        Tensor::copy_of({3.f, 4.f, 6.f, 8.f}, {2, 2}));
  check(einsum("ij->i", {Tensor(DType::float32, {2, 0})}), Tensor::copy_of({0.f, 0.f}));
  check(einsum("ij->j", {Tensor(DType::float32, {2, 0})}), Tensor(DType::float32, {0}));
  const std::int64_t many = std::int64_t{1} << 40;
  check(einsum("ij->", {Tensor(DType::float32, {many, 0})}), Tensor::scalar(0.f));
  check(einsum("i->", {Tensor::copy_of<std::int8_t>({100, 100})}),
        Tensor::scalar(std::int8_t{-56}));
  CHECK_THROWS_AS(einsum("ij,jk->il", {a, b}), Error);
  CHECK_THROWS_AS(einsum("ijk->i", {a}), Error);
  CHECK_THROWS_AS(einsum("ij->ii", {a}), Error);
  CHECK_THROWS_AS(einsum("i,j->", {a}), Error);
  CHECK_THROWS_AS(einsum("i*->i", {a}), Error);
}

TEST_CASE("Det takes batches, swaps rows and knows the empty matrix", "[ops]") {
  check(run({"Det", {Tensor::copy_of({0.f, 2.f, 3.f, 4.f}, {2, 2})}}), Tensor::scalar(-6.f));
  check(run({"Det", {Tensor::copy_of({1.f, 2.f, 2.f, 4.f, 2.f, 0.f, 0.f, 3.f}, {2, 2, 2})}}),
        Tensor::copy_of({0.f, 6.f}));
  check(run({"Det", {Tensor(DType::float32, {2, 0, 0})}}), Tensor::copy_of({1.f, 1.f}));
  CHECK_THROWS_AS(run({"Det", {Tensor::zeros(DType::float32, {2, 3})}}), Error);
}
