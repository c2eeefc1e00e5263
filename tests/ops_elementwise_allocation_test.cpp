// Elementwise, generating, reducing and normalizing kernels find all memory planned.
#include "call_allocations.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

Attributes::Item number(std::string name, std::int64_t value) { return {name, value}; }
Attributes::Item text(std::string name, std::string value) { return {name, std::move(value)}; }

Value floats(const Shape& shape) { return Tensor::zeros(DType::float32, shape); }
Value halves(const Shape& shape) { return Tensor::zeros(DType::float16, shape); }
Value longs(std::initializer_list<std::int64_t> values) {
  return Tensor::copy_of<std::int64_t>(values);
}
template <class T>
Value scalar(T value) {
  return Tensor::scalar(value);
}

}  // namespace

TEST_CASE("elementwise kernels allocate nothing once warm", "[ops][allocation]") {
  const Value x = floats({2, 3, 4});
  const Value absent;
  const auto to = [](DType dtype) { return number("to", static_cast<std::int64_t>(dtype)); };
  const Call calls[] = {
      call("Exp", {x}),
      call("Gelu", {halves({5})}, {text("approximate", "tanh")}),
      call("LeakyRelu", {x}, {{"alpha", 0.5f}}),
      call("Clip", {x, absent, scalar(1.0f)}),
      call("PRelu", {x, floats({4})}),
      call("Add", {x, floats({3, 1})}),
      call("Mod", {longs({5, -6}), longs({3})}),
      call("Pow", {x, scalar<std::int32_t>(2)}),
      call("Max", {x, floats({4}), floats({2, 1, 1})}),
      call("Less", {x, scalar(0.0f)}),
      call("IsInf", {x}),
      call("BitShift", {longs({5}), longs({1})}, {text("direction", "LEFT")}),
      call("Where", {Tensor::zeros(DType::boolean, {3, 1}), x, floats({4})}),
      call("Cast", {x}, {to(DType::float8e4m3fn)}),
      call("Cast", {x}, {to(DType::int4)}),
      call("Cast", {halves({300})}, {to(DType::int64)}),
      call("Dropout", {x}, {}, 13, 2),
      call("Dropout", {x, scalar(0.5f), scalar(true)}, {number("seed", 1)}, 13, 2),
  };
  for (const Call& each : calls) {
    INFO(each.op);
    CHECK(allocations(each) == 0);
  }
}

TEST_CASE("reductions and normalizations allocate nothing once warm", "[ops][allocation]") {
  const Value x = floats({2, 4, 3});
  const Value four = floats({4});
  const Call calls[] = {
      call("ReduceMean", {x}, {{"axes", std::vector<std::int64_t>{1}}}, 13),
      call("ReduceLogSumExp", {x}),
      call("ArgMax", {x}, {number("axis", -1)}),
      call("TopK", {x}, {number("k", 2)}, 9, 2),
      call("CumSum", {x, scalar<std::int32_t>(1)}),
      call("Softmax", {x}),
      call("Softmax", {halves({2, 3})}, {}, 11),
      call("BatchNormalization", {x, four, four, four, four}, {}, 15),
      call("BatchNormalization", {x, four, four, four, four}, {number("training_mode", 1)}, 15, 3),
      call("InstanceNormalization", {x, four, four}),
      call("GroupNormalization", {x, four, four}, {number("num_groups", 2)}),
      call("LayerNormalization", {x, floats({3}), floats({3})}, {}, 17, 3),
      call("RMSNormalization", {x, floats({3})}, {}, 23),
      call("LpNormalization", {x}),
      call("MeanVarianceNormalization", {x}, {{"axes", std::vector<std::int64_t>{0, 2}}}),
      call("LRN", {x}, {number("size", 3)}),
      call("SoftmaxCrossEntropyLoss", {floats({2, 4}), longs({1, 3}), four}, {}, 13, 2),
  };
  for (const Call& each : calls) {
    INFO(each.op);
    CHECK(allocations(each) == 0);
  }
}

TEST_CASE("generators of a known size allocate nothing once warm", "[ops][allocation]") {
  const Value x = floats({3, 3});
  const Call calls[] = {
      call("EyeLike", {x}),
      call("RandomNormalLike", {x}),
      call("RandomUniform", {}, {{"shape", std::vector<std::int64_t>{8}}, {"seed", 1.0f}}),
      call("Bernoulli", {x}),
      call("Multinomial", {x}, {number("sample_size", 5)}),
  };
  for (const Call& each : calls) {
    INFO(each.op);
    CHECK(allocations(each) == 0);
  }
}
