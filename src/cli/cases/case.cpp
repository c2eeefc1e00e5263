#include "cases/case.hpp"

#include "inlay/reader.hpp"

namespace inlay::cases {
namespace {

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
    try {
      values.push_back(read_value(file.bytes, ports[values.size()].type));
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
