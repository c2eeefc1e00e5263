// A folder of test cases in ONNX's layout: CASE/model.onnx with CASE/test_data_set_N/.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cases/case.hpp"

namespace inlay::cases {

enum class Status { passed, failed, skipped };

struct CaseResult {
  Status status = Status::passed;
  std::string reason = {};  ///< why not passed
};

struct SuiteCase {
  std::string name;  ///< its path below the suite's folder
  std::filesystem::path folder;
};

/// Every folder below `root` (or itself) that holds a model.onnx, in the order of their names.
/// Errors: not_found.
std::vector<SuiteCase> find_cases(const std::filesystem::path& root);

/// Runs the data sets of the case's folder, until one fails. Numbers of an unseeded random operator
/// that differ are skipped, not failed. Errors: as load_case and Session::run.
CaseResult run_data_sets(const std::filesystem::path& folder, const Model& model,
                         const SessionOptions& options, const Tolerance& tolerance);

}  // namespace inlay::cases
