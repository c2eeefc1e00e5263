// `inlay quantize MODEL -o OUT.onnx`
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.hpp"
#include "picture_arguments.hpp"
#include "samples.hpp"

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;

struct QuantizeArguments {
  std::string model, output;
  std::string calibration;
  PictureArguments pictures;
  std::optional<Precision> asked_precision;
  std::optional<double> share;  ///< of weights that become zero
  SparsityPattern pattern = SparsityPattern::unstructured;
  bool weights_only = false;
  std::int64_t block = 32;
  Observer observer = Observer::min_max;
  double max_error = 0;
  bool distill = false;
  std::vector<std::string> in_float;
  std::vector<std::string> nodes;
  bool report = false;
  bool json = false;

  Precision precision() const {
    return asked_precision.value_or(share ? Precision::f32 : Precision::int8);
  }
};

const std::map<std::string, Observer> observers = {{"min-max", Observer::min_max},
                                                   {"moving-average", Observer::moving_average},
                                                   {"percentile", Observer::percentile},
                                                   {"entropy", Observer::entropy},
                                                   {"mse", Observer::mse}};

const std::map<std::string, SparsityPattern> patterns = {
    {"unstructured", SparsityPattern::unstructured},
    {"block4", SparsityPattern::block4},
    {"2:4", SparsityPattern::two_of_four}};

/// The samples of a folder, read when they are asked for.
Calibration samples_of(const QuantizeArguments& arguments, const Model& model,
                       const GlobalOptions& global) {
  if (arguments.calibration.empty()) return {};
  const auto paths = find_samples(arguments.calibration);
  const PictureOptions pictures = arguments.pictures.options();
  return Calibration([=, &global](std::size_t i) -> std::optional<CalibrationSample> {
    if (i >= paths.size()) {
      if (global.progress) clear_progress();
      return std::nullopt;
    }
    if (global.progress) {
      show_progress(std::to_string(i + 1) + "/" + std::to_string(paths.size()) + " " +
                    paths[i].filename().string());
    }
    try {
      std::vector<Value> values = load_sample(paths[i], model, pictures);
      CalibrationSample sample;
      for (std::size_t k = 0; k < values.size(); ++k) {
        sample.emplace_back(model.inputs()[k].name, std::move(values[k]));
      }
      return sample;
    } catch (const Error& error) {
      throw error.at({.file = paths[i].string()});
    }
  });
}

const std::map<std::string, Precision> precisions = {{"f32", Precision::f32},
                                                     {"bf16", Precision::bf16},
                                                     {"f16", Precision::f16},
                                                     {"int8", Precision::int8},
                                                     {"int4", Precision::int4}};

const char* name_of(Precision precision) {
  const auto found = std::find_if(precisions.begin(), precisions.end(),
                                  [&](const auto& named) { return named.second == precision; });
  return found->first.c_str();
}

void print_json(const QuantizationReport& report) {
  Json nodes = Json::array();
  for (const QuantizedNode& node : report.nodes) {
    nodes.push_back({{"node", node.node},
                     {"op", node.op},
                     {"precision", name_of(node.precision)},
                     {"error", node.error},
                     {"sparsity", node.sparsity},
                     {"reason", node.reason}});
  }
  const Json json{{"error", report.error},
                  {"samples", report.samples},
                  {"float_bytes", report.float_bytes},
                  {"bytes", report.bytes},
                  {"nodes", std::move(nodes)}};
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_report(const QuantizeArguments& arguments, const QuantizationReport& report) {
  std::size_t changed = 0;
  const bool is_float = arguments.precision() == Precision::f32;
  for (const QuantizedNode& node : report.nodes) {
    changed += is_float ? node.sparsity > 0 : node.precision != Precision::f32;
  }
  std::printf(
      "%s written: %zu of %zu nodes %s, constants %s (%s in float)\n", arguments.output.c_str(),
      changed, report.nodes.size(),
      is_float ? "with zeros" : (std::string("in ") + name_of(arguments.precision())).c_str(),
      format_bytes(static_cast<double>(report.bytes)).c_str(),
      format_bytes(static_cast<double>(report.float_bytes)).c_str());
  if (report.samples > 0) {
    std::printf("error of the outputs on %zu sample%s: %.4g\n", report.samples,
                report.samples == 1 ? "" : "s", report.error);
  }
  if (!arguments.report) return;
  for (const QuantizedNode& node : report.nodes) {
    std::printf("  %-5s %-20s %-40s", name_of(node.precision), node.op.c_str(), node.node.c_str());
    if (node.sparsity > 0) std::printf(" %5.1f %% zeros,", 100 * node.sparsity);
    if (node.error > 0) std::printf(" %10.4g alone,", node.error);
    std::printf(" %s\n", node.reason.c_str());
  }
}

/// NAME=PRECISION
std::pair<std::string, Precision> rule_of(const std::string& text) {
  const std::size_t at = text.rfind('=');
  const auto precision = at == text.npos ? precisions.end() : precisions.find(text.substr(at + 1));
  if (precision == precisions.end()) {
    throw Error(ErrorCode::invalid_argument,
                "'" + text + "' is not NAME=PRECISION, with f32, bf16, f16, int8 or int4");
  }
  return {text.substr(0, at), precision->second};
}

void quantize_model(const QuantizeArguments& arguments, const GlobalOptions& global) {
  ModelOptions options = global.model_options();
  const auto reader = file_reader(arguments.model);
  Graph graph = read_graph(*reader, options.limits);
  ModelOptions ports = options;
  ports.optimize = false;
  const Model model = Model::from_graph(graph.clone(), ports);
  options.precision = arguments.precision();
  if (arguments.share) options.quantization.sparsity = {arguments.pattern, *arguments.share};
  options.quantization.weights_only = arguments.weights_only;
  options.quantization.block = arguments.block;
  options.threads = global.threads;
  options.calibration = samples_of(arguments, model, global);
  options.quantization.observer = arguments.observer;
  options.quantization.max_error = arguments.max_error;
  options.quantization.distill = arguments.distill;
  for (const std::string& name : arguments.in_float) {
    options.quantization.nodes.emplace(name, Precision::f32);
  }
  for (const std::string& rule : arguments.nodes) {
    options.quantization.nodes.insert(rule_of(rule));
  }
  const QuantizedGraph quantized = quantize(std::move(graph), options);
  save_onnx(quantized.graph, arguments.output, {.registry = options.registry});
  arguments.json ? print_json(quantized.report) : print_report(arguments, quantized.report);
}

}  // namespace

void add_quantize(CLI::App& app, const GlobalOptions& global) {
  auto arguments = std::make_shared<QuantizeArguments>();
  CLI::App* command = app.add_subcommand(
      "quantize", "Write a model with weights, and values, of few bits, or with zeros");
  command->add_option("MODEL", arguments->model, "ONNX file")->required();
  command->add_option("-o,--output", arguments->output, "ONNX file to write")->required();
  command->add_option("--calibration", arguments->calibration,
                      "Samples: a folder of test_data_set_*, or of pictures, .npy or .pb files; "
                      "without, int8 values are those of each run, of matrix products alone");
  command
      ->add_option("--precision", arguments->asked_precision,
                   "int8; of weights alone: int4, bf16, f16; f32 with --sparsity")
      ->transform(CLI::CheckedTransformer(precisions))
      ->default_str("int8; f32 with --sparsity");
  command->add_option("--sparsity", arguments->share,
                      "Share of each node's weights that become zero, below 1");
  command
      ->add_option("--sparsity-pattern", arguments->pattern,
                   "Which become zero together; 2:4 is always one half")
      ->transform(CLI::CheckedTransformer(patterns))
      ->default_str("unstructured");
  command->add_flag("--weights-only", arguments->weights_only, "int8: of weights alone");
  command->add_option("--block", arguments->block, "Weights of a column that share a scale")
      ->capture_default_str();
  command->add_option("--observer", arguments->observer, "How ranges follow from the samples")
      ->transform(CLI::CheckedTransformer(observers))
      ->default_str("min-max");
  command->add_option(
      "--max-error", arguments->max_error,
      "Largest relative error of the outputs; what does most damage stays in float");
  command->add_flag("--distill", arguments->distill,
                    "Bring what each node computes closest to the same in float");
  command->add_option("--float", arguments->in_float, "Nodes or operators to leave in float");
  command->add_option("--node", arguments->nodes,
                      "NAME=PRECISION of a node or of all of an operator");
  command->add_flag("--report", arguments->report, "Say what became of each node");
  command->add_flag("--json", arguments->json, "Print JSON");
  add_picture_options(*command, arguments->pictures);
  command->callback([arguments, &global] { quantize_model(*arguments, global); });
}

}  // namespace inlay::cli
