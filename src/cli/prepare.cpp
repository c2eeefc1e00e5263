// `inlay prepare MODEL -o FILE`
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "command.hpp"

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;

struct PrepareArguments {
  std::string model;
  std::string output;
  bool check = false;
  bool json = false;
};

void prepare(const PrepareArguments& arguments, const GlobalOptions& global) {
  ModelOptions options = global.model_options();
  options.prepared = arguments.output;
  options.check_prepared_weights = arguments.check;
  const Model model = Model::load(arguments.model, options);
  const Preparation& preparation = model.preparation();
  if (!preparation.written && !preparation.loaded) {
    throw Error(ErrorCode::io, "nothing was prepared: " + preparation.reason);
  }
  const auto bytes = std::filesystem::file_size(arguments.output);
  if (arguments.json) {
    const Json json = {{"model", arguments.model},
                       {"prepared", arguments.output},
                       {"written", preparation.written},
                       {"reason", preparation.reason},
                       {"bytes", bytes},
                       {"packed_bytes", model.memory().packed}};
    std::printf("%s\n", json.dump(2).c_str());
    return;
  }
  std::printf("%s %s (%s)\n", arguments.output.c_str(),
              preparation.written ? "written" : "is up to date",
              format_bytes(static_cast<double>(bytes)).c_str());
  if (preparation.written) std::printf("because %s\n", preparation.reason.c_str());
}

}  // namespace

void add_prepare(CLI::App& app, const GlobalOptions& global) {
  auto arguments = std::make_shared<PrepareArguments>();
  CLI::App* command = app.add_subcommand(
      "prepare", "Write a model with its packed weights to a file that loads at once");
  command->add_option("MODEL", arguments->model, "ONNX file")->required();
  command->add_option("-o,--output", arguments->output, "Where to write; an up-to-date file stays")
      ->required();
  command->add_flag("--check", arguments->check, "Check all weights of a file that is there");
  command->add_flag("--json", arguments->json, "Print JSON");
  command->callback([arguments, &global] { prepare(*arguments, global); });
}

}  // namespace inlay::cli
