// MatMul and Gemm by constants with many zeros, of the cpu backend against the reference backend.
#include <filesystem>

#include "cpu_support.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::random_tensor;

namespace {

/// Random weights of which a share of the blocks of four outputs is zero.
Tensor weights(std::int64_t inputs, std::int64_t outputs, bool transposed, double share) {
  std::mt19937 engine(3);
  const Shape shape = transposed ? Shape{outputs, inputs} : Shape{inputs, outputs};
  Tensor tensor = random_tensor(engine, shape);
  const auto values = tensor.as_mutable<float>();
  for (std::int64_t i = 0; i < inputs; ++i) {
    for (std::int64_t first = 0; first < outputs; first += 4) {
      if (engine() % 1000 >= share * 1000) continue;
      for (std::int64_t j = first; j < std::min(first + 4, outputs); ++j) {
        values[static_cast<std::size_t>(transposed ? j * inputs + i : i * outputs + j)] = 0;
      }
    }
  }
  return tensor;
}

Call product(const Shape& a, std::int64_t inputs, std::int64_t outputs, double share = 0.95) {
  std::mt19937 engine(1);
  Call call{.op = "MatMul",
            .inputs = {random_tensor(engine, a), weights(inputs, outputs, false, share)}};
  call.constants = {1};
  return call;
}

std::size_t packed_bytes(const Call& call) {
  ModelOptions options;
  options.backends = {"cpu"};
  return Model::from_graph(test::graph_of(call), options).memory().packed;
}

}  // namespace

TEST_CASE("cpu: MatMul by a constant of many zeros", "[cpu]") {
  for (const auto& [inputs, outputs] :
       {std::pair<std::int64_t, std::int64_t>{70, 61}, {64, 300}, {600, 70}, {1100, 530}}) {
    for (Shape a : {Shape{1, 0}, {0}, {5, 0}, {2, 3, 0}, {70, 0}, {9, 1, 20, 0}, {0, 3, 0}}) {
      a[a.rank() - 1] = inputs;
      CAPTURE(inputs, outputs, to_string(a));
      check(product(a, inputs, outputs), 1e-5);
    }
  }
}

TEST_CASE("cpu: Gemm by a constant of many zeros", "[cpu]") {
  std::mt19937 engine(2);
  for (const bool transposed : {false, true}) {
    for (const bool transposed_a : {false, true}) {
      for (const std::int64_t rows : {1, 3, 50}) {
        for (const Shape& bias : {Shape{61}, {rows, 1}, {rows, 61}, {}}) {
          Call call{
              .op = "Gemm",
              .inputs = {random_tensor(engine, transposed_a ? Shape{280, rows} : Shape{rows, 280}),
                         weights(280, 61, transposed, 0.95), random_tensor(engine, bias)}};
          call.constants = {1};
          call.attributes.set("alpha", 0.5f);
          call.attributes.set("beta", -2.0f);
          call.attributes.set("transA", std::int64_t{transposed_a});
          call.attributes.set("transB", std::int64_t{transposed});
          CAPTURE(transposed, transposed_a, rows, to_string(bias));
          check(call, 1e-5);
        }
      }
    }
  }
}

TEST_CASE("cpu: threads change no bit of products that skip zeros", "[cpu]") {
  for (const std::int64_t rows : {1, 3, 6000}) {
    const Call call = product({rows, 1000}, 1000, rows > 100 ? 60 : 3000);
    const Tensor one = test::run(call, "cpu", 1)[0].tensor();
    for (const int threads : {2, 3, 16}) {
      const Tensor many = test::run(call, "cpu", threads)[0].tensor();
      REQUIRE(std::memcmp(one.data(), many.data(), one.bytes()) == 0);
    }
  }
}

TEST_CASE("cpu: zeros are skipped where there are enough", "[cpu]") {
  const auto share_of_dense = [](std::int64_t size, double share) {
    const Shape rows{4, size};
    return static_cast<double>(packed_bytes(product(rows, size, size, share))) /
           static_cast<double>(packed_bytes(product(rows, size, size, 0)));
  };
  CHECK(share_of_dense(512, 0.45) == 1);
  CHECK(share_of_dense(512, 0.55) < 0.6);
  CHECK(share_of_dense(512, 0.95) < 0.1);
  CHECK(share_of_dense(256, 0.8) == 1);
  CHECK(share_of_dense(256, 0.95) < 0.1);
  CHECK(share_of_dense(64, 0.95) == 1);
  Call none = product({4, 256}, 256, 256);
  none.inputs[1] = Tensor::zeros(DType::float32, {256, 256});
  CHECK(packed_bytes(none) == 2 * 256 * 256);  // nothing is left to go by: whole, in 16 bits
  check(none);
}

TEST_CASE("cpu: products that skip zeros are loaded from a prepared file", "[cpu]") {
  const auto path = std::filesystem::temp_directory_path() / "inlay_sparse.inlay";
  const Call call = product({6, 256}, 256, 300);
  const Model model = Model::from_graph(test::graph_of(call));
  model.save_prepared(path);
  const Model again = Model::load(path);
  CHECK(again.memory().packed == model.memory().packed);
  Session a(model), b(again);
  const std::span<const Value> inputs(call.inputs.data(), 1);
  const Outputs u = a.run(inputs), v = b.run(inputs);
  CHECK(std::memcmp(u[0].data(), v[0].data(), u[0].bytes()) == 0);
  std::filesystem::remove(path);
}
