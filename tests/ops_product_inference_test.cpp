#include <catch2/catch.hpp>

#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

Type floats(std::vector<Dim> dims) { return Type::tensor(DType::float32, std::move(dims)); }
Dim named(const std::string& symbol) { return Dim::named(symbol); }

/// What a node's inference says about its outputs, printed.
std::vector<std::string> infer(const std::string& op, const std::vector<Type>& inputs,
                               Attributes items = {}, int version = 24, std::size_t outputs = 1,
                               const std::string& domain = "") {
  Graph graph;
  Node node;
  node.domain = domain;
  node.op = op;
  node.version = version;
  node.attributes = std::move(items);
  for (const Type& type : inputs) {
    const std::string name = "in" + std::to_string(node.inputs.size());
    node.inputs.push_back(type.kind == Type::Kind::unknown ? no_id : graph.add_input(name, type));
  }
  for (std::size_t i = 0; i < outputs; ++i) {
    node.outputs.push_back(graph.add_value("out" + std::to_string(i)));
  }
  const OpSchema* schema = Registry::standard()->find_op(domain, op, version);
  REQUIRE(schema != nullptr);
  std::vector<std::string> result;
  for (const Type& type : infer_node(*schema, graph, node)) result.push_back(to_string(type));
  return result;
}

using Printed = std::vector<std::string>;

}  // namespace

TEST_CASE("products keep the symbols of their batch, rows and columns", "[ops][infer]") {
  CHECK(infer("MatMul", {floats({named("N"), named("T"), 4}), floats({4, named("H")})}) ==
        Printed{"float32[N, T, H]"});
  CHECK(infer("MatMul", {floats({4}), floats({named("N"), 4, 5})}) == Printed{"float32[N, 5]"});
  CHECK(infer("MatMul", {Type::tensor(DType::float32), floats({4, 5})}) == Printed{"float32[...]"});
  CHECK(infer("Gemm", {floats({4, named("N")}), floats({5, 4})},
              attributes({{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}})) ==
        Printed{"float32[N, 5]"});
  CHECK(infer("Einsum", {floats({named("B"), named("T"), 8}), floats({named("B"), 1, 8})},
              attributes({{"equation", std::string("...td,...sd->...ts")}})) ==
        Printed{"float32[B, T, 1]"});
  CHECK_THROWS_AS(infer("MatMul", {floats({2, 3}), floats({4, 5})}), Error);
  CHECK_THROWS_AS(infer("Gemm", {floats({2, 3}), floats({4, 5})}), Error);
}

TEST_CASE("windows give numbers, symbols where the size stays, or nothing", "[ops][infer]") {
  const Type image = floats({named("N"), 3, named("H"), 32});
  const Type weights = floats({16, 3, 3, 3});
  CHECK(infer("Conv", {image, weights}) == Printed{"float32[N, 16, ?, 30]"});
  CHECK(infer("Conv", {image, weights}, attributes({{"pads", Int64s{1, 1, 1, 1}}})) ==
        Printed{"float32[N, 16, H, 32]"});
  CHECK(infer("Conv", {image, weights},
              attributes({{"auto_pad", std::string("SAME_UPPER")}, {"strides", Int64s{1, 2}}})) ==
        Printed{"float32[N, 16, H, 16]"});
  CHECK(infer("MaxPool", {image}, attributes({{"kernel_shape", Int64s{2, 2}}}), 22, 2) ==
        Printed{"float32[N, 3, ?, 31]", "int64[N, 3, ?, 31]"});
  CHECK(infer("GlobalAveragePool", {image}) == Printed{"float32[N, 3, 1, 1]"});
  CHECK(infer("ConvTranspose", {floats({named("N"), 16, 5, named("W")}), floats({16, 4, 3, 3})},
              attributes({{"group", std::int64_t{2}}, {"strides", Int64s{2, 2}}})) ==
        Printed{"float32[N, 8, 11, ?]"});
  CHECK_THROWS_AS(infer("Conv", {floats({1, 4, 8, 8}), weights}), Error);
  CHECK_THROWS_AS(infer("Conv", {floats({1, 3, 2, 8}), weights}), Error);
  CHECK_THROWS_AS(infer("Conv", {image, weights}, attributes({{"dilations", Int64s{1, -1}}})),
                  Error);
  CHECK_THROWS_AS(
      infer("Conv", {image, weights}, attributes({{"pads", Int64s{INT64_MAX, 1, 1, 1}}})), Error);
}

TEST_CASE("recurrent layers and attention name every output", "[ops][infer]") {
  CHECK(infer("LSTM",
              {floats({named("T"), named("N"), 8}), floats({2, 64, 8}), floats({2, 64, 16})},
              attributes({{"direction", std::string("bidirectional")}}), 22,
              3) == Printed{"float32[T, 2, N, 16]", "float32[2, N, 16]", "float32[2, N, 16]"});
  CHECK(infer("GRU", {floats({named("N"), named("T"), 8}), floats({1, 48, 8}), floats({1, 48, 16})},
              attributes({{"layout", std::int64_t{1}}}), 22,
              2) == Printed{"float32[N, T, 1, 16]", "float32[N, 1, 16]"});
  const Type past = floats({named("N"), 2, 10, 8});
  const Type current = floats({named("N"), 2, 3, 8});
  CHECK(infer("Attention",
              {floats({named("N"), 4, named("T"), 8}), current, current, Type(), past, past}, {},
              24, 4) == Printed{"float32[N, 4, T, 8]", "float32[N, 2, 13, 8]",
                                "float32[N, 2, 13, 8]", "float32[N, 4, T, 13]"});
}

TEST_CASE("quantized operators take their type from the zero point", "[ops][infer]") {
  const Type scale = floats({}), x = floats({named("N"), 4});
  const Type int8 = Type::tensor(DType::int8, Shape{});
  CHECK(infer("QuantizeLinear", {x, scale}) == Printed{"uint8[N, 4]"});
  CHECK(infer("QuantizeLinear", {x, scale, int8}) == Printed{"int8[N, 4]"});
  CHECK(infer("DequantizeLinear", {Type::tensor(DType::int8, {named("N"), 4}), scale, int8}) ==
        Printed{"float32[N, 4]"});
  CHECK(infer("QLinearConcat",
              {scale, int8, Type::tensor(DType::int8, {named("N"), 4}), scale, int8,
               Type::tensor(DType::int8, {named("N"), 5}), scale, int8},
              attributes({{"axis", std::int64_t{1}}}), 1, 1,
              "com.microsoft") == Printed{"int8[N, 9]"});
  CHECK_THROWS_AS(infer("QuantizeLinear", {x, scale, int8},
                        attributes({{"output_dtype", static_cast<std::int64_t>(DType::uint8)}})),
                  Error);
}
