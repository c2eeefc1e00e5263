// `inlay compare A B`
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cases/perplexity.hpp"
#include "command.hpp"
#include "made_up_inputs.hpp"
#include "model_pair.hpp"
#include "picture_arguments.hpp"
#include "samples.hpp"

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;

struct CompareArguments {
  std::string a, b;
  std::string isa_b, backend_b;
  std::string data;
  std::vector<std::string> shapes;
  std::int64_t batch = 1;
  PictureArguments pictures;
  bool layers = false;
  bool perplexity = false;
  std::int64_t window = 512;
  std::optional<double> max_error;
  bool json = false;
};

/// How B is loaded and run: as A, where nothing else is said.
GlobalOptions options_of_b(const CompareArguments& arguments, const GlobalOptions& global) {
  GlobalOptions options = global;
  if (!arguments.isa_b.empty()) options.isa = arguments.isa_b;
  if (!arguments.backend_b.empty()) options.backend = arguments.backend_b;
  return options;
}

/// The two models, and what is known of their outputs.
struct Subject {
  ModelPair pair;
  std::size_t own_outputs;  ///< of A; the further ones are inner values
};

Subject load_pair(const CompareArguments& arguments, const GlobalOptions& global) {
  const GlobalOptions global_b = options_of_b(arguments, global);
  ModelOptions options_a = global.model_options(), options_b = global_b.model_options();
  if (!arguments.layers) {
    Model a = Model::load(arguments.a, options_a), b = Model::load(arguments.b, options_b);
    const std::size_t own_outputs = a.outputs().size();
    return {
        ModelPair(std::move(a), global.session_options(), std::move(b), global_b.session_options()),
        own_outputs};
  }
  Graph a = read_graph(*file_reader(arguments.a)), b = read_graph(*file_reader(arguments.b));
  const std::size_t own_outputs = a.outputs.size();
  expose_common_values(a, b);
  options_a.optimize = options_b.optimize = false;
  return {ModelPair(Model::from_graph(std::move(a), options_a), global.session_options(),
                    Model::from_graph(std::move(b), options_b), global_b.session_options()),
          own_outputs};
}

/// Runs the models on all data; the number of runs.
std::size_t run_all(ModelPair& pair, const CompareArguments& arguments,
                    const GlobalOptions& global) {
  const Model& model = pair.a();
  if (arguments.data.empty()) {
    pair.run(made_up_inputs(model.inputs(), arguments.batch, arguments.shapes));
    return 1;
  }
  const PictureOptions pictures = arguments.pictures.options();
  const auto samples = find_samples(arguments.data);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (global.progress) {
      show_progress(std::to_string(i + 1) + "/" + std::to_string(samples.size()) + " " +
                    samples[i].filename().string());
    }
    try {
      pair.run(load_sample(samples[i], model, pictures));
    } catch (const Error& error) {
      throw error.at({.file = samples[i].string()});
    }
  }
  if (global.progress) clear_progress();
  return samples.size();
}

std::string percent(std::int64_t part, std::int64_t whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%",
                100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

void print_text(const ModelPair::Output& output, int width) {
  const cases::OutputDifference& difference = output.difference;
  std::printf("%-*s", width, output.name.c_str());
  if (!difference.mismatch().empty()) {
    std::printf("  %s\n", difference.mismatch().c_str());
    return;
  }
  const Difference& numbers = difference.numbers();
  std::printf("  %9.3g  %9.3g  %10.7f  %8.2f", numbers.max_abs(), numbers.relative(),
              numbers.cosine(), numbers.sqnr());
  if (const cases::Ranking& ranking = difference.ranking(); ranking.rows > 0) {
    std::printf("  %9s  %9s", percent(ranking.top1, ranking.rows).c_str(),
                percent(ranking.top5, ranking.rows).c_str());
  }
  std::printf("\n");
}

void print_text(ModelPair& pair, std::size_t runs, const CompareArguments& arguments) {
  int width = 6;
  for (const ModelPair::Output& output : pair.outputs()) {
    width = std::max(width, static_cast<int>(std::min<std::size_t>(output.name.size(), 60)));
  }
  std::printf("%zu run%s on %s\n", runs, runs == 1 ? "" : "s",
              arguments.data.empty() ? "made-up inputs" : arguments.data.c_str());
  std::printf("%-*s  %9s  %9s  %10s  %8s  %9s  %9s\n", width, arguments.layers ? "value" : "output",
              "max abs", "relative", "cosine", "SQNR dB", "top-1", "top-5");
  for (const ModelPair::Output& output : pair.outputs()) print_text(output, width);
  for (const std::string& name : pair.only_in_a()) std::printf("only in A: %s\n", name.c_str());
  for (const std::string& name : pair.only_in_b()) std::printf("only in B: %s\n", name.c_str());
}

/// Infinities, which JSON has no word for, become null.
Json to_json(const ModelPair::Output& output) {
  const cases::OutputDifference& difference = output.difference;
  const Difference& numbers = difference.numbers();
  Json json{{"name", output.name}};
  if (!difference.mismatch().empty()) {
    json["mismatch"] = difference.mismatch();
    return json;
  }
  json["elements"] = numbers.count();
  json["max_abs"] = numbers.max_abs();
  json["relative"] = numbers.relative();
  json["cosine"] = numbers.cosine();
  json["sqnr_db"] = numbers.sqnr();
  if (const cases::Ranking& ranking = difference.ranking(); ranking.rows > 0) {
    const auto rows = static_cast<double>(ranking.rows);
    json["top1"] = static_cast<double>(ranking.top1) / rows;
    json["top5"] = static_cast<double>(ranking.top5) / rows;
  }
  return json;
}

void print_json(const Json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_json(ModelPair& pair, std::size_t runs) {
  Json json{{"runs", runs},
            {"outputs", Json::array()},
            {"only_in_a", pair.only_in_a()},
            {"only_in_b", pair.only_in_b()}};
  for (const ModelPair::Output& output : pair.outputs()) json["outputs"].push_back(to_json(output));
  print_json(json);
}

void compare_outputs(const CompareArguments& arguments, const GlobalOptions& global) {
  Subject subject = load_pair(arguments, global);
  const std::size_t runs = run_all(subject.pair, arguments, global);
  auto& outputs = subject.pair.outputs();
  const bool too_far = std::any_of(outputs.begin(), outputs.end(), [&](const auto& output) {
    return arguments.max_error && output.in_a < subject.own_outputs &&
           !(output.difference.relative() <= *arguments.max_error);
  });
  if (arguments.layers) {
    std::stable_sort(outputs.begin(), outputs.end(), [](const auto& x, const auto& y) {
      return x.difference.relative() > y.difference.relative();
    });
  }
  if (arguments.json) {
    print_json(subject.pair, runs);
  } else {
    print_text(subject.pair, runs, arguments);
  }
  if (too_far) throw CLI::RuntimeError(1);
}

cases::TokenLoss loss_of(const std::string& path, const CompareArguments& arguments,
                         const GlobalOptions& global) {
  Session session(Model::load(path, global.model_options()), global.session_options());
  const Model::Port port{"tokens", Type::tensor(DType::int64)};
  cases::TokenLoss loss;
  for (const auto& file : find_samples(arguments.data)) {
    try {
      const Tensor tokens = load_input(file, port, {}).tensor();
      const cases::TokenLoss part =
          cases::token_loss(session, tokens.as<std::int64_t>(), arguments.window);
      loss.sum += part.sum;
      loss.tokens += part.tokens;
    } catch (const Error& error) {
      throw error.at({.file = file.string()});
    }
  }
  if (loss.tokens == 0) {
    throw Error(ErrorCode::invalid_argument, "there are fewer tokens than one window takes",
                {.file = arguments.data});
  }
  return loss;
}

void compare_perplexity(const CompareArguments& arguments, const GlobalOptions& global) {
  const cases::TokenLoss a = loss_of(arguments.a, arguments, global);
  const cases::TokenLoss b = loss_of(arguments.b, arguments, options_of_b(arguments, global));
  if (arguments.json) {
    return print_json(
        {{"tokens", a.tokens}, {"perplexity_a", a.perplexity()}, {"perplexity_b", b.perplexity()}});
  }
  std::printf("perplexity  A %.6g  B %.6g  (%+.3f %%)  of %lld tokens\n", a.perplexity(),
              b.perplexity(), 100 * (b.perplexity() / a.perplexity() - 1),
              static_cast<long long>(a.tokens));
}

constexpr const char* layers_help =
    "Also inner values of the main graph that have one name in both files, the worst first. The "
    "models run as the files say, without optimisation (QDQ in floats), and hold all these values "
    "at once";
constexpr const char* perplexity_help =
    "Perplexity of language models on .npy or .pb files of int64 token ids, in windows as long as "
    "the "
    "model takes. Inputs attention_mask, position_ids, token_type_ids and past... are made up";

}  // namespace

void add_compare(CLI::App& app, const GlobalOptions& global) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command = app.add_subcommand("compare",
                                         "Run two models on the same inputs and tell how far apart "
                                         "their outputs are, as errors of B");
  command->add_option("A", arguments->a, "ONNX file")->required();
  command->add_option("B", arguments->b, "ONNX file")->required();
  auto* data = command->add_option(
      "--data", arguments->data,
      "Folder of test_data_set_*, or of files for the one input: .npy, .pb, .png, .jpg, .wav; "
      "without it inputs are made up");
  command
      ->add_option("--batch", arguments->batch,
                   "Made-up inputs: size of a first axis that A leaves open")
      ->check(CLI::PositiveNumber)
      ->excludes(data);
  command->add_option("--shape", arguments->shapes, "Made-up inputs: NAME=AxBxC, an input's shape")
      ->excludes(data);
  command->add_option("--backend-b", arguments->backend_b, "Backend to ask first for B");
  command->add_option("--isa-b", arguments->isa_b, "Instruction set of the CPU kernels of B");
  auto* error = command->add_option("--max-error", arguments->max_error,
                                    "Fail when the relative error of an output is larger");
  auto* layers = command->add_flag("--layers", arguments->layers, layers_help);
  command->add_flag("--perplexity", arguments->perplexity, perplexity_help)
      ->needs(data)
      ->excludes(layers)
      ->excludes(error);
  command
      ->add_option("--window", arguments->window,
                   "Tokens of a window, where the model takes any number")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Print JSON");
  add_picture_options(*command, arguments->pictures);
  command->callback([arguments, &global] {
    arguments->perplexity ? compare_perplexity(*arguments, global)
                          : compare_outputs(*arguments, global);
  });
}

}  // namespace inlay::cli
