// `inlay conformance DIR`
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "cases/suite.hpp"
#include "command.hpp"

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;
using cases::CaseResult;
using cases::Status;

struct ConformanceArguments {
  std::string folder;
  std::string filter;
  std::string json;
  cases::Tolerance tolerance{.rtol = 1e-3, .atol = 1e-7};
};

CaseResult run_case_folder(const fs::path& folder, const ConformanceArguments& arguments,
                           const GlobalOptions& global) {
  const auto result = try_call([&] {
    const Model model = Model::load(folder / "model.onnx", global.model_options());
    return run_data_sets(folder, model, global.session_options(), arguments.tolerance);
  });
  return result ? *result : CaseResult{Status::failed, result.error().what()};
}

const char* name_of(Status status) {
  switch (status) {
    case Status::passed:
      return "passed";
    case Status::failed:
      return "failed";
    case Status::skipped:
      break;
  }
  return "skipped";
}

class Report {
 public:
  void add(const std::string& name, const CaseResult& result, double seconds) {
    ++counts_[static_cast<std::size_t>(result.status)];
    if (result.status != Status::passed) {
      std::printf("%s  %s: %s\n", result.status == Status::failed ? "FAIL" : "skip", name.c_str(),
                  result.reason.c_str());
    }
    list_.push_back({{"case", name},
                     {"status", name_of(result.status)},
                     {"reason", result.reason},
                     {"seconds", seconds}});
  }
  void print_summary() const {
    std::printf("%d passed, %d failed, %d skipped\n", counts_[0], counts_[1], counts_[2]);
  }
  std::string json() const {
    const Json json{
        {"passed", counts_[0]}, {"failed", counts_[1]}, {"skipped", counts_[2]}, {"cases", list_}};
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
  }
  bool success() const { return counts_[0] > 0 && counts_[1] == 0; }

 private:
  int counts_[3] = {};
  Json list_ = Json::array();
};

std::regex compile_filter(const std::string& filter) {
  try {
    return std::regex(filter);
  } catch (const std::regex_error& error) {
    throw Error(ErrorCode::invalid_argument,
                "--filter is no regular expression (" + std::string(error.what()) + ")");
  }
}

void conformance(const ConformanceArguments& arguments, const GlobalOptions& global) {
  const std::regex filter = compile_filter(arguments.filter);
  Report report;
  const auto folders = cases::find_cases(arguments.folder);
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const auto& [name, folder] = folders[i];
    if (!std::regex_search(name, filter)) continue;
    if (global.progress) {
      show_progress(std::to_string(i + 1) + "/" + std::to_string(folders.size()) + " " + name);
    }
    const auto start = std::chrono::steady_clock::now();
    const CaseResult result = run_case_folder(folder, arguments, global);
    if (global.progress) clear_progress();
    report.add(name, result,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  if (!arguments.json.empty()) write_file(arguments.json, report.json());
  report.print_summary();
  if (!report.success()) throw CLI::RuntimeError(1);
}

}  // namespace

void add_conformance(CLI::App& app, const GlobalOptions& global) {
  auto arguments = std::make_shared<ConformanceArguments>();
  CLI::App* command = app.add_subcommand(
      "conformance", "Run all test cases below a folder (model.onnx with test_data_set_*)");
  command->add_option("DIR", arguments->folder, "Folder of cases")->required();
  command->add_option("--filter", arguments->filter, "Only cases whose name has a match of this");
  command->add_option("--rtol", arguments->tolerance.rtol, "Relative tolerance")
      ->capture_default_str();
  command->add_option("--atol", arguments->tolerance.atol, "Absolute tolerance")
      ->capture_default_str();
  command->add_option("--json", arguments->json, "Write the list of results to this file");
  command->callback([arguments, &global] { conformance(*arguments, global); });
}

}  // namespace inlay::cli
