// Kernels of operators whose output's size does not depend on values find all memory planned.
#include "call_allocations.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

Attributes::Item text(std::string name, std::string value) { return {name, std::move(value)}; }
Attributes::Item number(std::string name, std::int64_t value) { return {name, value}; }

Value floats(const Shape& shape) { return Tensor::zeros(DType::float32, shape); }
Value longs(std::initializer_list<std::int64_t> values) {
  return Tensor::copy_of<std::int64_t>(values);
}
Value halves(const Shape& shape) { return Tensor::zeros(DType::float16, shape); }

}  // namespace

TEST_CASE("moving elements allocates nothing once warm", "[ops][allocation]") {
  const Value x = floats({2, 4, 3, 2});
  const Call calls[] = {
      call("Reshape", {x, longs({4, -1})}),
      call("Transpose", {x}),
      call("Transpose", {Tensor::zeros(DType::int4, {3, 5})}),
      call("Expand", {floats({1, 3}), longs({2, 3})}),
      call("Concat", {x, x}, {number("axis", -1)}),
      call("Split", {x}, {number("axis", 1), number("num_outputs", 2)}, 18, 2),
      call("Slice", {x, longs({-1}), longs({0}), longs({1}), longs({-2})}),
      call("Pad", {x, longs({0, 1}), Value(), longs({-1})}, {text("mode", "reflect")}),
      call("Pad", {x, longs({0, 1, 1, 0, 0, 0, 0, 0})}),
      call("CenterCropPad", {x, longs({2, 2, 5, 5})}),
      call("Tile", {x, longs({1, 2, 1, 2})}),
      call("ReverseSequence", {x, longs({1, 2, 1, 2})}),
      call("DepthToSpace", {x}, {number("blocksize", 2)}),
      call("Trilu", {x}),
      call("Gather", {x, Tensor::copy_of<std::int32_t>({0, 2})}, {number("axis", 1)}),
      call("GatherElements", {floats({3}), longs({0, 1})}),
      call("GatherND", {x, Tensor::copy_of<std::int64_t>({0, 1}, {1, 2})}),
      call("ScatterElements", {floats({3}), longs({0, 1}), floats({2})},
           {text("reduction", "add")}),
      call("ScatterND", {halves({3}), Tensor::copy_of<std::int64_t>({0, 1}, {2, 1}), halves({2})}),
      call("TensorScatter", {floats({1, 3, 2}), floats({1, 1, 2}), longs({1})}, {}, 24),
      call("OneHot", {longs({0, 1}), Tensor::scalar<std::int64_t>(3), floats({2})}),
  };
  for (const Call& one : calls) {
    INFO(one.op);
    CHECK(allocations(one) == 0);
  }
}

TEST_CASE("interpolating allocates nothing once warm", "[ops][allocation]") {
  const Value image = floats({1, 2, 4, 4});
  const Value twice = Tensor::copy_of<float>({1, 1, 2, 2});
  const Call calls[] = {
      call("Resize", {image, Value(), twice}),
      call("Resize", {image, Value(), twice}, {text("mode", "linear")}),
      call("Resize", {halves({1, 2, 4, 4}), Value(), twice}, {text("mode", "cubic")}),
      call("GridSample", {image, floats({1, 3, 3, 2})}),
      call("AffineGrid", {floats({1, 2, 3}), longs({1, 1, 2, 2})}),
      call("RoiAlign", {image, floats({2, 4}), longs({0, 0})}),
      call("Col2Im", {floats({1, 4, 4}), longs({4, 4}), longs({2, 2})},
           {{"strides", std::vector<std::int64_t>{2, 2}}}),
  };
  for (const Call& one : calls) {
    INFO(one.op);
    CHECK(allocations(one) == 0);
  }
}
