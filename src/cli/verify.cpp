// `inlay verify MODEL CASE_DIR…`
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cases/case.hpp"
#include "command.hpp"

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;

struct VerifyArguments {
  std::string model;
  std::vector<std::string> cases;
  cases::Tolerance tolerance{.rtol = 1e-3, .atol = 1e-5};
  bool json = false;
};

struct CaseResult {
  std::string folder;
  std::string error = {};
  std::vector<cases::OutputResult> outputs = {};

  bool passed() const {
    return error.empty() && std::all_of(outputs.begin(), outputs.end(),
                                        [](const auto& out) { return out.comparison.equal; });
  }
};

CaseResult verify_case(Session& session, const std::string& folder,
                       const cases::Tolerance& tolerance) {
  CaseResult result{.folder = folder};
  const auto outputs = try_call([&] {
    return cases::run_case(session, cases::load_case(folder, session.model()), tolerance);
  });
  if (outputs) {
    result.outputs = *outputs;
  } else {
    result.error = outputs.error().what();
  }
  return result;
}

void print_text(const CaseResult& result) {
  std::printf("%s  %s\n", result.passed() ? "pass" : "FAIL", result.folder.c_str());
  if (!result.error.empty()) std::printf("      %s\n", result.error.c_str());
  for (const auto& [name, comparison] : result.outputs) {
    std::printf("      %-24s max error %.3g (%.3g of what is allowed)\n", name.c_str(),
                comparison.max_abs, comparison.max_ratio);
    if (!comparison.equal) std::printf("        %s\n", comparison.reason.c_str());
  }
}

Json to_json(const CaseResult& result) {
  Json json{{"case", result.folder}, {"passed", result.passed()}, {"outputs", Json::array()}};
  if (!result.error.empty()) json["error"] = result.error;
  for (const auto& [name, comparison] : result.outputs) {
    json["outputs"].push_back({{"name", name},
                               {"equal", comparison.equal},
                               {"max_abs", comparison.max_abs},
                               {"max_ratio", comparison.max_ratio},
                               {"reason", comparison.reason}});
  }
  return json;
}

void verify(const VerifyArguments& arguments, const GlobalOptions& global) {
  Session session(Model::load(arguments.model, global.model_options()), global.session_options());
  Json list = Json::array();
  std::size_t failed = 0;
  for (const std::string& folder : arguments.cases) {
    const CaseResult result = verify_case(session, folder, arguments.tolerance);
    failed += result.passed() ? 0 : 1;
    if (arguments.json) {
      list.push_back(to_json(result));
    } else {
      print_text(result);
    }
  }
  const std::size_t passed = arguments.cases.size() - failed;
  if (arguments.json) {
    const Json json{{"passed", passed}, {"failed", failed}, {"cases", list}};
    std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    std::printf("%zu passed, %zu failed\n", passed, failed);
  }
  if (failed != 0) throw CLI::RuntimeError(1);
}

}  // namespace

void add_verify(CLI::App& app, const GlobalOptions& global) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* command = app.add_subcommand(
      "verify",
      "Compare a model's outputs with recorded ones (folders of input_N.pb, output_N.pb)");
  command->add_option("MODEL", arguments->model, "ONNX file")->required();
  command->add_option("CASE_DIR", arguments->cases, "Case folders")->required();
  command->add_option("--rtol", arguments->tolerance.rtol, "Relative tolerance")
      ->capture_default_str();
  command->add_option("--atol", arguments->tolerance.atol, "Absolute tolerance")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Print JSON");
  command->callback([arguments, &global] { verify(*arguments, global); });
}

}  // namespace inlay::cli
