// `inlay run MODEL --input NAME=FILE…`
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "command.hpp"
#include "io/npy.hpp"
#include "picture_arguments.hpp"
#include "show_value.hpp"

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;

struct RunArguments {
  std::string model;
  std::vector<std::string> inputs;
  std::string output_folder;
  std::string labels;
  std::size_t top = 5;
  bool all = false;
  bool json = false;
  PictureArguments pictures;
};

std::string names_of(std::span<const Model::Port> ports) {
  std::string names;
  for (const Model::Port& port : ports) names += " " + port.name + " " + to_string(port.type);
  return names;
}

// NAME=FILE, or FILE alone when the model has one input.
std::pair<const Model::Port*, std::string> find_port(const Model& model, const std::string& text) {
  const auto ports = model.inputs();
  for (const Model::Port& port : ports) {
    if (text.starts_with(port.name + "=")) return {&port, text.substr(port.name.size() + 1)};
  }
  if (ports.size() == 1 && text.find('=') == text.npos) return {&ports[0], text};
  throw Error(ErrorCode::not_found,
              "--input '" + text + "' names no input; there are:" + names_of(ports));
}

std::vector<NamedValue> load_inputs(const Model& model, const RunArguments& arguments) {
  const PictureOptions options = arguments.pictures.options();
  std::vector<NamedValue> inputs;
  for (const std::string& text : arguments.inputs) {
    const auto [port, file] = find_port(model, text);
    inputs.emplace_back(port->name, load_input(file, *port, options));
  }
  return inputs;
}

std::vector<std::string> load_labels(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::not_found, "cannot read the labels", {.file = path});
  std::vector<std::string> labels;
  for (std::string line; std::getline(file, line);) labels.push_back(line);
  return labels;
}

std::string label_of(const std::vector<std::string>& labels, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  return i < labels.size() ? labels[i] : std::to_string(index);
}

// Output names may hold characters that file names do not.
std::string file_name(const std::string& output) {
  std::string out = output;
  for (char& c : out) {
    if (c == '/' || c == '\\' || c == ':') c = '_';
  }
  return out + ".npy";
}

void save_outputs(const Model& model, const Outputs& outputs, const std::string& folder) {
  std::filesystem::create_directories(folder);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    io::save_npy(outputs[i], std::filesystem::path(folder) / file_name(model.outputs()[i].name));
  }
}

void print_outputs(const Model& model, const Outputs& outputs, const RunArguments& arguments) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::printf("%s\n", model.outputs()[i].name.c_str());
    std::fputs(to_text(outputs.value(i), arguments.all ? 0 : 20, "  ").c_str(), stdout);
  }
}

void print_json(const Model& model, const Outputs& outputs) {
  Json json;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    json[model.outputs()[i].name] = to_json(outputs.value(i));
  }
  std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_top(const Outputs& outputs, const RunArguments& arguments) {
  const auto labels = load_labels(arguments.labels);
  Json json = Json::array();
  for (const auto& [index, score] : top(outputs[std::size_t{0}], arguments.top)) {
    const std::string label = label_of(labels, index);
    if (arguments.json) {
      json.push_back({{"index", index}, {"score", score}, {"label", label}});
    } else {
      std::printf("%10.6f  %s\n", score, label.c_str());
    }
  }
  if (arguments.json) std::printf("%s\n", json.dump().c_str());
}

void run(const RunArguments& arguments, const GlobalOptions& global) {
  const Model model = Model::load(arguments.model, global.model_options());
  Session session(model, global.session_options());
  const Outputs outputs = session.run(std::span<const NamedValue>(load_inputs(model, arguments)));
  if (!arguments.output_folder.empty()) save_outputs(model, outputs, arguments.output_folder);
  if (!arguments.labels.empty()) return print_top(outputs, arguments);
  if (arguments.json) return print_json(model, outputs);
  if (arguments.output_folder.empty()) print_outputs(model, outputs, arguments);
}

}  // namespace

void add_run(CLI::App& app, const GlobalOptions& global) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", "Run a model on files");
  command->add_option("MODEL", arguments->model, "ONNX file")->required();
  command
      ->add_option("--input", arguments->inputs,
                   "NAME=FILE, one for each input; FILE is .npy, .pb, .png, .jpg or .wav")
      ->allow_extra_args(false);
  command->add_option("--output-dir", arguments->output_folder, "Write outputs there as .npy");
  command->add_option("--labels", arguments->labels,
                      "Text file with a line for each class: print the best of the first output");
  command->add_option("--top", arguments->top, "How many")->capture_default_str();
  command->add_flag("--all", arguments->all, "Print every element");
  command->add_flag("--json", arguments->json, "Print JSON");
  add_picture_options(*command, arguments->pictures);
  command->callback([arguments, &global] { run(*arguments, global); });
}

}  // namespace inlay::cli
