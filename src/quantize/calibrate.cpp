#include "quantize/calibrate.hpp"

#include <algorithm>

namespace inlay::inline v0::quantization {
namespace {

/// The graph as it is: what is measured is not quantized or pruned in turn.
ModelOptions as_it_is(ModelOptions options) {
  options.precision = Precision::f32;
  options.quantization = {};
  return options;
}

}  // namespace

SampleRunner::SampleRunner(Graph graph, const ModelOptions& options, const Calibration& samples)
    : session_(Model::from_graph(std::move(graph), as_it_is(options)),
               {.threads = options.threads, .executor = options.executor}),
      samples_(samples) {}

std::size_t SampleRunner::run(
    std::size_t most, FunctionRef<void(std::size_t, const CalibrationSample&, const Outputs&)> f) {
  std::size_t count = 0;
  for (; count < most; ++count) {
    const std::optional<CalibrationSample> sample = samples_.sample(count);
    if (!sample) break;
    std::vector<NamedValue> inputs;
    for (const auto& [name, value] : *sample) inputs.emplace_back(name, value);
    try {
      f(count, *sample, session_.run(std::span<const NamedValue>(inputs)));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::out_of_memory) throw;
      throw Error(ErrorCode::invalid_argument,
                  "calibration sample " + std::to_string(count) + ": " + error.message(),
                  error.where());
    }
  }
  if (count == 0) {
    throw Error(
        ErrorCode::invalid_argument,
        "ranges of values, and bounds on errors, take samples to measure, and there are none");
  }
  return count;
}

void watch(const Graph& graph, const std::vector<ValueId>& values, const ModelOptions& options,
           FunctionRef<void(ValueId, const Tensor&)> f) {
  Graph watched = graph.clone();
  std::vector<ValueId> inner, given;  // the first are `watched`'s outputs
  for (const ValueId value : values) {
    const bool is_input =
        std::find(graph.inputs.begin(), graph.inputs.end(), value) != graph.inputs.end();
    (is_input ? given : inner).push_back(value);
  }
  if (!inner.empty()) watched.outputs = inner;
  SampleRunner(std::move(watched), options, options.calibration)
      .run(SIZE_MAX, [&](std::size_t, const CalibrationSample& sample, const Outputs& outputs) {
        for (const ValueId value : given) {
          for (const auto& [name, input] : sample) {
            if (name == graph.value(value).name) f(value, input.tensor());
          }
        }
        for (std::size_t i = 0; i < inner.size(); ++i) f(inner[i], outputs[i]);
      });
}

std::map<ValueId, Range> observe(const Graph& graph, const std::vector<ValueId>& values,
                                 const ModelOptions& options) {
  const Observer kind = options.quantization.observer;
  std::map<ValueId, ValueObserver> observers;
  for (const ValueId value : values) observers.emplace(value, ValueObserver(kind));
  watch(graph, values, options, [&](ValueId value, const Tensor& tensor) {
    observers.at(value).see_extremes(tensor.as<float>());
  });
  if (ValueObserver(kind).needs_histogram()) {
    watch(graph, values, options, [&](ValueId value, const Tensor& tensor) {
      observers.at(value).see_histogram(tensor.as<float>());
    });
  }
  std::map<ValueId, Range> ranges;
  for (const auto& [value, observer] : observers) ranges.emplace(value, observer.range());
  return ranges;
}

}  // namespace inlay::inline v0::quantization
