// Running a graph on calibration samples.
#pragma once

#include <map>
#include <vector>

#include "inlay/model.hpp"
#include "inlay/session.hpp"
#include "quantize/observer.hpp"

namespace inlay::inline v0::quantization {

/// Runs a model on samples. Errors name the sample.
class SampleRunner {
 public:
  SampleRunner(Graph graph, const ModelOptions& options, const Calibration& samples);

  /// f(i, sample, outputs) for each sample, the first `most` of them. Gives how many there were.
  std::size_t run(std::size_t most,
                  FunctionRef<void(std::size_t, const CalibrationSample&, const Outputs&)> f);

 private:
  Session session_;
  const Calibration& samples_;
};

/// Shows f every value of the graph for each sample in turn. Errors: as SampleRunner::run, and
/// invalid_argument where f throws.
void watch(const Graph& graph, const std::vector<ValueId>& values, const ModelOptions& options,
           FunctionRef<void(ValueId, const Tensor&)> f);

/// The ranges of values of the graph over all samples. Errors: invalid_argument: no samples, one
/// that does not suit the model, numbers that are not finite.
std::map<ValueId, Range> observe(const Graph& graph, const std::vector<ValueId>& values,
                                 const ModelOptions& options);

}  // namespace inlay::inline v0::quantization
