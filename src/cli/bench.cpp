// `inlay bench MODEL`
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "backends/cpu/measure_peak.hpp"
#include "cases/case.hpp"
#include "command.hpp"
#include "made_up_inputs.hpp"
#include "peak_memory.hpp"
#include "runtime/flops.hpp"
#include "trace.hpp"

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct BenchArguments {
  std::string model;
  std::int64_t batch = 1;
  std::vector<std::string> shapes;
  std::string case_folder;
  double duration = 3;
  std::string precision = "f32";
  std::string profile;
  bool json = false;
};

struct Measurement {
  double load = 0;  ///< seconds, as all times here
  double first = 0;
  std::vector<double> runs;  ///< sorted
  double total = 0;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double percentile(const std::vector<double>& sorted, double p) {
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

double first_run(BoundRun& bound) {
  const auto start = Clock::now();
  try {
    bound.run();
  } catch (const Error& error) {
    throw Error(error.code(),
                error.message() + "; open axes are 1, integers are 1: give --shape or --case",
                error.where());
  }
  return seconds_since(start);
}

// Runs for `duration` seconds, at least three times.
void measure_runs(BoundRun& bound, double duration, bool progress, Measurement& result) {
  const auto start = Clock::now();
  double last_shown = 0;
  while (result.runs.size() < 3 || seconds_since(start) < duration) {
    const auto run_start = Clock::now();
    bound.run();
    result.runs.push_back(seconds_since(run_start));
    const double so_far = seconds_since(start);
    if (progress && so_far - last_shown > 0.2) {
      last_shown = so_far;
      show_progress(std::to_string(result.runs.size()) + " runs, " + format_seconds(so_far));
    }
  }
  result.total = seconds_since(start);
  if (progress) clear_progress();
  std::sort(result.runs.begin(), result.runs.end());
}

// A branch that is not taken may not fit the inputs: then what is known without them counts.
Flops flops_of(const Model& model, std::span<const Value> inputs) {
  const auto sized = try_call([&] { return with_input_shapes(model.graph(), inputs); });
  return count_flops(sized ? *sized : model.graph());
}

// One more run, seen node by node.
void write_profile(const Model& model, const GlobalOptions& global,
                   std::span<const NamedValue> inputs, const std::string& path) {
  Trace trace;
  SessionOptions options = global.session_options();
  options.profile = [&](const Node& node, std::string_view backend, std::int64_t start,
                        std::int64_t time) { trace.add(node, backend, start, time); };
  Session session(model, options);
  BoundRun bound = session.bind(inputs);
  bound.run();
  trace.clear();
  bound.run();
  write_file(path, trace.json());
}

Json report(const BenchArguments& arguments, const GlobalOptions& global, const Model& model,
            const Session& session, const Measurement& m, const Flops& flops, double peak) {
  const double p50 = percentile(m.runs, 0.5);
  const double rate = static_cast<double>(m.runs.size()) / m.total;
  return {{"model", arguments.model},
          {"threads", global.threads},
          {"load_s", m.load},
          {"first_run_s", m.first},
          {"runs", m.runs.size()},
          {"p50_s", p50},
          {"p90_s", percentile(m.runs, 0.9)},
          {"p99_s", percentile(m.runs, 0.99)},
          {"min_s", m.runs.front()},
          {"items_per_s", rate * static_cast<double>(arguments.batch)},
          {"flops_per_run", flops.count},
          {"flops_unknown_nodes", flops.unknown_nodes},
          {"gflops", flops.count / p50 / 1e9},
          {"peak_gflops", peak / 1e9},
          {"share_of_peak", flops.count / p50 / peak},
          {"peak_memory_bytes", peak_memory()},
          {"constants_bytes", model.memory().constants},
          {"packed_bytes", model.memory().packed},
          {"arena_bytes", session.memory().arena},
          {"scratch_bytes", session.memory().scratch}};
}

void print_text(const Json& r) {
  const auto seconds = [&](const char* key) { return format_seconds(r[key].get<double>()); };
  const auto bytes = [&](const char* key) { return format_bytes(r[key].get<double>()); };
  std::printf("load         %s\n", seconds("load_s").c_str());
  std::printf("first run    %s\n", seconds("first_run_s").c_str());
  std::printf("latency      p50 %s   p90 %s   p99 %s   best %s   (%lld runs, %d threads)\n",
              seconds("p50_s").c_str(), seconds("p90_s").c_str(), seconds("p99_s").c_str(),
              seconds("min_s").c_str(), r["runs"].get<long long>(), r["threads"].get<int>());
  std::printf("throughput   %.4g per second\n", r["items_per_s"].get<double>());
  const bool all_known = r["flops_unknown_nodes"].get<int>() == 0;
  if (r["flops_per_run"].get<double>() == 0 && !all_known) {
    std::printf("arithmetic   not known: shapes depend on values\n");
  } else {
    std::printf("arithmetic   %.4g GFLOP/s, %.1f %% of this machine's %.4g (f32 multiply-adds)%s\n",
                r["gflops"].get<double>(), 100 * r["share_of_peak"].get<double>(),
                r["peak_gflops"].get<double>(),
                all_known ? "" : ", nodes of unknown shape left out");
  }
  std::printf("memory       peak %s   constants %s   packed %s   arena %s   scratch %s\n",
              bytes("peak_memory_bytes").c_str(), bytes("constants_bytes").c_str(),
              bytes("packed_bytes").c_str(), bytes("arena_bytes").c_str(),
              bytes("scratch_bytes").c_str());
}

void bench(const BenchArguments& arguments, const GlobalOptions& global) {
  Measurement m;
  const auto start = Clock::now();
  const Model model = Model::load(arguments.model, global.model_options());
  m.load = seconds_since(start);

  const auto values = arguments.case_folder.empty()
                          ? made_up_inputs(model.inputs(), arguments.batch, arguments.shapes)
                          : cases::load_inputs(arguments.case_folder, model);
  std::vector<NamedValue> inputs;
  for (std::size_t i = 0; i < values.size(); ++i) {
    inputs.emplace_back(model.inputs()[i].name, values[i]);
  }
  const auto executor = global.threads == 1 ? inline_executor() : thread_pool(global.threads);
  Session session(model, {.executor = executor});
  BoundRun bound = session.bind(inputs);
  m.first = first_run(bound);
  measure_runs(bound, arguments.duration, global.progress, m);

  const double peak = cpu::measure_peak(*executor, global.isa);
  const Flops flops = flops_of(model, values);
  const Json result = report(arguments, global, model, session, m, flops, peak);
  if (arguments.json) {
    std::printf("%s\n", result.dump(2).c_str());
  } else {
    print_text(result);
  }
  if (!arguments.profile.empty()) write_profile(model, global, inputs, arguments.profile);
}

}  // namespace

void add_bench(CLI::App& app, const GlobalOptions& global) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure a model's speed, on made-up inputs by default");
  command->add_option("MODEL", arguments->model, "ONNX file")->required();
  command
      ->add_option("--batch", arguments->batch, "Size of a first axis that the model leaves open")
      ->check(CLI::Range(1, 1 << 20));
  command->add_option("--shape", arguments->shapes, "NAME=AxBxC, an input's shape")
      ->allow_extra_args(false);
  command->add_option("--case", arguments->case_folder,
                      "Folder of input_N.pb to run on instead of made-up inputs");
  command->add_option("--duration", arguments->duration, "Seconds to measure")
      ->capture_default_str();
  command->add_option("--precision", arguments->precision, "Precision to run in")
      ->check(CLI::IsMember({"f32"}));
  command->add_option("--profile", arguments->profile, "Write a Chrome trace of one run here");
  command->add_flag("--json", arguments->json, "Print JSON");
  command->callback([arguments, &global] { bench(*arguments, global); });
}

}  // namespace inlay::cli
