// The recorded inputs of a model in the test data.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>

#include "support.hpp"

namespace inlay::test {

inline Value read_recorded(const std::filesystem::path& file_name, const Type& type) {
  std::ifstream file(file_name, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return read_value(std::as_bytes(std::span(bytes)), type);
}

inline std::vector<Value> read_inputs(const Model& model, const std::filesystem::path& folder) {
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    inputs.push_back(
        read_recorded(folder / ("input_" + std::to_string(i) + ".pb"), model.inputs()[i].type));
  }
  return inputs;
}

}  // namespace inlay::test
