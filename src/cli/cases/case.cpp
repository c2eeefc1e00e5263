#include "cases/case.hpp"

#include <algorithm>

#include "inlay/reader.hpp"

namespace inlay::cases {
namespace {

/// Before ONNX 1.13 its cases stored bfloat16 as the uint16 with the same bits.
Tensor as_bfloat16(const Tensor& tensor, const Type& type) {
  if (type.dtype != DType::bfloat16 || tensor.dtype() != DType::uint16) return tensor;
  return Tensor::wrap(DType::bfloat16, tensor.shape(), tensor.data(), tensor.bytes(),
                      tensor.owner());
}

std::vector<Value> load_values(const std::filesystem::path& folder, const std::string& prefix,
                               std::span<const Model::Port> ports) {
  std::vector<Value> values;
  while (true) {
    const auto path = folder / (prefix + std::to_string(values.size()) + ".pb");
    if (!std::filesystem::exists(path)) return values;
    if (values.size() == ports.size()) {
      throw Error(ErrorCode::invalid_argument,
                  "the case has more values than the model has places for",
                  {.file = path.string()});
    }
    const Bytes file = file_reader(path)->read();
    const Type& type = ports[values.size()].type;
    try {
      Value value = read_value(file.bytes, type);
      if (value.is_tensor()) value = as_bfloat16(value.tensor(), type);
      values.push_back(std::move(value));
    } catch (const Error& error) {
      throw error.at({.file = path.string()});
    }
  }
}

}  // namespace

std::vector<Value> load_inputs(const std::filesystem::path& folder, const Model& model) {
  return load_values(folder, "input_", model.inputs());
}

Case load_case(const std::filesystem::path& folder, const Model& model) {
  Case test{load_inputs(folder, model), load_values(folder, "output_", model.outputs())};
  if (test.outputs.empty()) {
    throw Error(ErrorCode::not_found, "the case has no output_0.pb", {.file = folder.string()});
  }
  return test;
}

std::vector<std::filesystem::path> find_data_sets(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_directory() && entry.path().filename().string().starts_with("test_data_set_")) {
      found.push_back(entry.path());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<OutputResult> run_case(Session& session, const Case& test, const Tolerance& tolerance) {
  const Outputs actual = session.run(std::span<const Value>(test.inputs));
  std::vector<OutputResult> results;
  for (std::size_t i = 0; i < test.outputs.size(); ++i) {
    results.push_back(
        {session.model().outputs()[i].name, compare(actual.value(i), test.outputs[i], tolerance)});
  }
  return results;
}

}  // namespace inlay::cases
