// Files that are damaged or mean harm: an Error or a verified graph, never anything else.
#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <random>

#include "error_check.hpp"
#include "onnx_samples.hpp"
#include "support.hpp"

using namespace inlay;
using namespace inlay::test;
using namespace inlay::test::onnx_file;

namespace {

std::string file_content(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Reads `bytes` from an allocation of exactly their size, so that sanitizers see any overrun.
bool reads(const std::string& bytes) {
  const std::vector<std::byte> copy(as_bytes(bytes).begin(), as_bytes(bytes).end());
  try {
    read_graph(*memory_reader(copy)).verify();
    return true;
  } catch (const Error& error) {
    CHECK(error.code() != ErrorCode::internal);
    CHECK_FALSE(error.message().empty());
    return false;
  }
}

void truncate_everywhere(const std::string& whole) {
  REQUIRE(reads(whole));
  std::size_t readable = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    readable += reads(whole.substr(0, size)) ? 1 : 0;
  }
  CHECK(readable < whole.size() / 2);
}

void flip_bits(const std::string& whole, int rounds) {
  std::mt19937 engine(20240607);
  int readable = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string damaged = whole;
    const int flips = 1 + static_cast<int>(engine() % 4);
    for (int i = 0; i < flips; ++i) {
      damaged[engine() % damaged.size()] ^= static_cast<char>(1u << (engine() % 8));
    }
    readable += reads(damaged) ? 1 : 0;
  }
  CHECK(readable < rounds);
}

}  // namespace

TEST_CASE("a model cut short at any byte") {
  for (const auto& [name, bytes] : samples()) {
    INFO(name);
    truncate_everywhere(bytes);
  }
}

TEST_CASE("a real model cut short at any byte", "[data]") {
  REQUIRE_TEST_DATA(data);
  truncate_everywhere(file_content(data / "models/mnist/mnist.onnx"));
}

TEST_CASE("a model with bits flipped") {
  for (const auto& [name, bytes] : samples()) {
    INFO(name);
    flip_bits(bytes, 1000);
  }
}

TEST_CASE("a real model with bits flipped", "[data]") {
  REQUIRE_TEST_DATA(data);
  flip_bits(file_content(data / "models/mnist/mnist.onnx"), 2000);
}

TEST_CASE("subgraphs and types nested without end") {
  GraphFile file = {.outputs = {value_info("x")}};
  std::string type = tensor_type(DType::float32, {});
  for (int i = 0; i < 1000; ++i) {
    file = {.nodes = {node("If", {"x"}, {"y"}, {graph_attribute("then_branch", file.bytes())})},
            .outputs = {value_info("y")}};
    type = container_type(onnx::type_field::sequence_type, type);
  }
  file.inputs = {float_input("x")};
  CHECK_ERROR(read(model(file)), limit, "64 levels");
  CHECK_ERROR(read(model({.inputs = {value_info("x", type)}})), limit, "64 levels");
}

TEST_CASE("limits that the caller sets hold") {
  GraphFile file = {.inputs = {float_input("x")}};
  for (int i = 0; i < 10; ++i) {
    file.nodes.push_back(node("Relu", {"x"}, {"y" + std::to_string(i)}));
  }
  Limits limits;
  limits.max_nodes = 10;
  CHECK(read(model(file), limits).nodes.size() == 10);
  limits.max_nodes = 9;
  CHECK_ERROR(read(model(file), limits), limit, "9 nodes");
  limits = {};
  limits.max_depth = 0;
  CHECK(read(model(file), limits).nodes.size() == 10);
  CHECK_ERROR(read(branches_sample(), limits), limit, "0 levels");
  CHECK_ERROR(read(functions_sample(), limits), limit, "0 levels");
}

TEST_CASE("many names captured through many graphs draw on the budget") {
  GraphFile file;
  Strings names;
  Strings inputs;
  for (int i = 0; i < 3000; ++i) {
    names.push_back(std::to_string(i));
    inputs.push_back(value_info(names.back()));
  }
  file = {.nodes = {node("Sum", names, {"y"})}, .outputs = {value_info("y")}};
  for (int i = 0; i < 60; ++i) {
    file = {.nodes = {node("If", {"0"}, {"y"}, {graph_attribute("then_branch", file.bytes())})},
            .outputs = {value_info("y")}};
  }
  file.inputs = inputs;
  CHECK_ERROR(read(model(file)), limit, "captures");
}
