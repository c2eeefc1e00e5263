// What the tests share: one-node models, random tensors, comparison, the data folder.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "inlay/inlay.hpp"
#include "inlay/pass.hpp"

namespace inlay::test {

/// The reference data, absent where the machine has none: then tests say so and stop.
inline std::optional<std::filesystem::path> data_folder() {
  const char* variable = std::getenv("INLAY_TEST_DATA");
  const std::filesystem::path folder = variable != nullptr ? variable : INLAY_TEST_DATA_DEFAULT;
  if (!std::filesystem::is_directory(folder / "onnx")) return std::nullopt;
  return folder;
}

#define REQUIRE_TEST_DATA(folder)                                                  \
  const auto folder##_found = ::inlay::test::data_folder();                        \
  if (!folder##_found) {                                                           \
    WARN("skipped: no test data (set INLAY_TEST_DATA to the folder that has it)"); \
    return;                                                                        \
  }                                                                                \
  const std::filesystem::path folder = *folder##_found

/// An operator call: everything a one-node graph needs.
struct Call {
  std::string op;
  std::vector<Value> inputs;  ///< an empty Value is an absent optional input
  Attributes attributes = {};
  std::string domain = "";
  int version = 21;
  std::size_t outputs = 1;
  std::vector<std::size_t> constants = {};  ///< inputs given as initializers (for prepacking)
};

inline Graph graph_of(const Call& call) {
  Graph graph;
  graph.opsets[call.domain] = call.version;
  Node node;
  node.domain = call.domain;
  node.op = call.op;
  node.name = "node";
  node.version = call.version;
  node.attributes = call.attributes;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const Value& value = call.inputs[i];
    const std::string name = "in" + std::to_string(i);
    if (!value.has_value()) {
      node.inputs.push_back(no_id);
    } else if (std::find(call.constants.begin(), call.constants.end(), i) != call.constants.end()) {
      node.inputs.push_back(graph.add_constant(name, value.tensor()));
    } else {
      node.inputs.push_back(
          graph.add_input(name, Type::tensor(value.tensor().dtype(), value.tensor().shape())));
    }
  }
  for (std::size_t i = 0; i < call.outputs; ++i) {
    node.outputs.push_back(graph.add_value("out" + std::to_string(i)));
    graph.outputs.push_back(node.outputs.back());
  }
  graph.add_node(std::move(node));
  return graph;
}

/// Runs one operator on the given backend alone (reference stands behind it).
inline std::vector<Value> run(const Call& call, const std::string& backend = "reference",
                              int threads = 1, const std::string& isa = "") {
  ModelOptions options;
  options.backends = {backend};
  options.isa = isa;
  options.optimize = false;
  Session session(Model::from_graph(graph_of(call), options), {.threads = threads});
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const bool constant =
        std::find(call.constants.begin(), call.constants.end(), i) != call.constants.end();
    if (call.inputs[i].has_value() && !constant) inputs.push_back(call.inputs[i]);
  }
  const Outputs outputs = session.run(std::span<const Value>(inputs));
  return {outputs.begin(), outputs.end()};
}

template <class T = float>
Tensor random_tensor(std::mt19937& engine, const Shape& shape, double low = -1, double high = 1) {
  Tensor tensor(dtype_of<T>, shape);
  if constexpr (std::is_integral_v<T>) {
    std::uniform_int_distribution<std::int64_t> draw(static_cast<std::int64_t>(low),
                                                     static_cast<std::int64_t>(high));
    for (T& x : tensor.as_mutable<T>()) x = static_cast<T>(draw(engine));
  } else {
    std::uniform_real_distribution<double> draw(low, high);
    for (T& x : tensor.as_mutable<T>()) x = static_cast<T>(static_cast<float>(draw(engine)));
  }
  return tensor;
}

}  // namespace inlay::test
