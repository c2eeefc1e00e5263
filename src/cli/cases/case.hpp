// A test case: values to give to a model, and what it must answer.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cases/compare.hpp"
#include "inlay/session.hpp"

namespace inlay::cases {

struct Case {
  std::vector<Value> inputs;   ///< in the order of the model's inputs
  std::vector<Value> outputs;  ///< in the order of the model's outputs
};

/// Reads input_0.pb, input_1.pb … and output_0.pb … of a folder: TensorProto, SequenceProto or
/// OptionalProto by the model's types. Errors: not_found (no folder, no outputs), io, parse,
/// invalid_argument (more files than the model has inputs or outputs).
Case load_case(const std::filesystem::path& folder, const Model& model);

/// The inputs alone, of a folder that may have no outputs.
std::vector<Value> load_inputs(const std::filesystem::path& folder, const Model& model);

/// The folders test_data_set_* in a folder, by name.
std::vector<std::filesystem::path> find_data_sets(const std::filesystem::path& folder);

struct OutputResult {
  std::string name;
  Comparison comparison;
};

/// Runs a case and compares each output that it has a value for. Errors: as Session::run.
std::vector<OutputResult> run_case(Session& session, const Case& test, const Tolerance& tolerance);

}  // namespace inlay::cases
