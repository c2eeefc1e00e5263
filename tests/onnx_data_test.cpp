// Every model and test case of the reference data reads.
#include <catch2/catch.hpp>

#include <fstream>

#include "support.hpp"

using namespace inlay;
using namespace inlay::test;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> sorted_files(const fs::path& folder, const std::string& prefix,
                                   const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& item : fs::recursive_directory_iterator(folder)) {
    const fs::path& path = item.path();
    if (path.extension() == extension && path.filename().string().rfind(prefix, 0) == 0) {
      files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

Value read_pb(const fs::path& path, const Type& type) {
  INFO(path);
  Value value;
  CHECK_NOTHROW(value = read_value(file_reader(path)->read().bytes, type));
  if (type.kind == Type::Kind::sequence) CHECK(value.is_sequence());
  if (type.is_tensor()) CHECK(value.tensor().dtype() == type.dtype);
  return value;
}

/// The number in input_N.pb or output_N.pb.
std::size_t index_of(const fs::path& path) {
  const std::string stem = path.stem().string();
  return static_cast<std::size_t>(std::stoi(stem.substr(stem.find('_') + 1)));
}

/// Every input_N.pb and output_N.pb below the model's folder, by the types that the model declares.
std::size_t check_case(const fs::path& model_path) {
  const Graph graph = read_graph(*file_reader(model_path));
  const fs::path folder = model_path.parent_path();
  const auto inputs = sorted_files(folder, "input_", ".pb");
  const auto outputs = sorted_files(folder, "output_", ".pb");
  for (const fs::path& path : inputs) {
    read_pb(path, graph.value(graph.inputs.at(index_of(path))).type);
  }
  for (const fs::path& path : outputs) {
    read_pb(path, graph.value(graph.outputs.at(index_of(path))).type);
  }
  return inputs.size() + outputs.size();
}

}  // namespace

TEST_CASE("all real models read", "[data]") {
  REQUIRE_TEST_DATA(data);
  const auto files = sorted_files(data / "models", "", ".onnx");
  CHECK(files.size() >= 17);
  for (const fs::path& file : files) {
    INFO(file);
    const Graph graph = read_graph(*file_reader(file));
    CHECK_NOTHROW(graph.verify());
    CHECK(graph.nodes.size() > 0);
    CHECK(graph.inputs.size() > 0);
    CHECK(graph.metadata.count("onnx.ir_version") == 1);
  }
}

TEST_CASE("all inputs and outputs of the real models read", "[data]") {
  REQUIRE_TEST_DATA(data);
  const auto files = sorted_files(data / "models", "input_", ".pb");
  CHECK(files.size() >= 60);
  for (const fs::path& file : files) CHECK(read_pb(file, {}).is_tensor());
  for (const fs::path& file : sorted_files(data / "models", "output_", ".pb")) {
    CHECK(read_pb(file, {}).is_tensor());
  }
}

TEST_CASE("all cases of the standard read, with their inputs and outputs", "[data]") {
  REQUIRE_TEST_DATA(data);
  const auto files = sorted_files(data / "onnx", "model", ".onnx");
  CHECK(files.size() >= 1600);
  std::size_t values = 0;
  for (const fs::path& file : files) {
    INFO(file);
    values += check_case(file);
  }
  CHECK(values >= 4000);
}
