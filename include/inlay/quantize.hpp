// Quantization and pruning when a model is loaded: which precision, which weights become zero,
// which samples to measure values on, and how far the answers may move.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "inlay/graph.hpp"

namespace inlay::inline v0 {

struct ModelOptions;  // inlay/model.hpp
class Outputs;        // inlay/session.hpp

/// What a model computes in.
enum class Precision : std::uint8_t {
  f32,   ///< as the file has it
  bf16,  ///< weights and embeddings rounded to bfloat16; values and sums stay f32
  f16,   ///< the same with float16
  /// 8-bit codes: weights with a scale per channel, values with one each; without samples, those
  /// of matrix products alone, with a scale for each row of values that a run brings.
  int8,
  int4,  ///< 4-bit codes of weights of matrix products, in blocks with a scale; values stay f32
};

/// How the range of a value's codes follows from what calibration saw of it.
enum class Observer : std::uint8_t {
  min_max,         ///< the smallest and largest of all samples
  moving_average,  ///< those of each sample, averaged with weight 0.1 for the next
  percentile,      ///< all but 0.01 % of the values
  /// Least Kullback-Leibler divergence of the codes' distribution (Migacz 2017), of the ranges that
  /// leave out no more than 0.1 % of the values.
  entropy,
  mse,  ///< least mean squared error of the codes
};

/// Which weights become zero together. "Inputs" and "outputs" are those of one product: of a Conv,
/// an output is a filter, and an input is one tap of one channel.
enum class SparsityPattern : std::uint8_t {
  none,          ///< weights stay as they are
  unstructured,  ///< any
  /// For one input, those of four neighbouring outputs, the first at a multiple of four: what
  /// MatMul and Gemm skip where enough are zero.
  block4,
  two_of_four,  ///< of each output, two of each four inputs, the first at a multiple of four
};

/// Weights that become zero.
struct Sparsity {
  SparsityPattern pattern = SparsityPattern::none;
  /// Of each node's weights (of their blocks, for block4), those that become zero: from 0 to below
  /// 1. two_of_four is always one half.
  double share = 0.5;
};

/// A model's inputs by name.
using CalibrationSample = std::vector<std::pair<std::string, Value>>;

/// Inputs that are like those to come. A copy shares what it was made of.
class Calibration {
 public:
  /// Gives sample number i, nothing past the last one. It is called for 0, 1, ... more than once.
  using Source = std::function<std::optional<CalibrationSample>(std::size_t i)>;

  Calibration() = default;
  Calibration(Source source) : source_(std::move(source)) {}  // NOLINT: a source is samples
  Calibration(std::vector<CalibrationSample> samples)         // NOLINT
      : source_([held = std::move(samples)](std::size_t i) {
          return i < held.size() ? std::optional(held[i]) : std::nullopt;
        }) {}

  bool empty() const noexcept { return source_ == nullptr; }
  std::optional<CalibrationSample> sample(std::size_t i) const {
    return source_ ? source_(i) : std::nullopt;
  }

 private:
  Source source_;
};

/// How to quantize; see ModelOptions::precision.
struct QuantizationRules {
  Observer observer = Observer::min_max;
  /// int8: bring the channels of a value to like ranges first, by scales within the weights around
  /// it, where that is expected to lower the error.
  bool equalize = true;
  /// int8: make up in the bias for what rounding of weights does to an output's mean.
  bool correct_bias = true;
  /// With samples: bring what each node computes on codes closest to what it computes in float, by
  /// a scale and a shift of each channel that go into weights and bias (least squares).
  bool distill = false;
  /// int8: codes of weights alone, in blocks, as int4 has them.
  bool weights_only = false;
  /// Weights of one column that share a scale, where they are in blocks: a power of two from 16 on.
  std::int64_t block = 32;
  /// Weights of Conv, Gemm and MatMul that become zero, before they become codes; with
  /// Precision::f32, that alone. Without samples, those of least magnitude; with them, those of
  /// products whose loss the others make up for best, and which then do so (SparseGPT).
  Sparsity sparsity = {};
  /// Precision of nodes by name, or of all nodes of an operator ("Conv", "com.microsoft:X"), where
  /// it is another than the model's. Nodes fixed to f32 are not pruned either.
  std::map<std::string, Precision> nodes = {};
  /// The largest error that the outputs may have on the samples; 0: any. Nodes whose codes, or
  /// zeros, do most damage stay as they are until it holds.
  double max_error = 0;
  /// What that error is of one sample, given the outputs in float and quantized; null: the largest,
  /// over outputs of numbers, of |quantized - float| / |float| as Euclidean norms.
  std::function<double(const Outputs& wanted, const Outputs& got)> error = {};
};

/// What became of a node that could be quantized or pruned.
struct QuantizedNode {
  std::string node;
  std::string op;
  Precision precision = Precision::f32;
  /// Error of the outputs with this node alone quantized; 0 where it was not measured.
  double error = 0;
  std::string reason;  ///< why it has that precision
  /// Of its weights, those that are zero, before they are codes: from 0 to 1; 0 where no sparsity
  /// was asked for.
  double sparsity = 0;
};

struct QuantizationReport {
  std::vector<QuantizedNode> nodes;  ///< in the order of the graph; empty: nothing was asked for
  double error = 0;                  ///< of the outputs, the largest over the samples
  std::size_t samples = 0;
  std::size_t float_bytes = 0;  ///< of constants, before
  std::size_t bytes = 0;        ///< and after
};

/// A graph with QuantizeLinear and DequantizeLinear where values are to be codes, with
/// inlay:DynamicQuantizeMatMul where there were no samples, with MatMulNBits for weights in blocks,
/// or a Cast behind weights of 16 bits. save_onnx() writes all of them.
struct QuantizedGraph {
  Graph graph;
  QuantizationReport report;
};

/// Quantizes and prunes a graph as ModelOptions::precision, calibration and quantization say.
/// Deterministic. Weights in blocks are rounded by GPTQ where there are samples, each to the
/// nearest where not. Weights that were pruned are constants with zeros. Errors: invalid_argument,
/// when the calibration gives no samples, or there is none and the error has a bound, or a sample
/// has another name, type or shape than the model wants, or leads to a value that is not finite, or
/// a share of weights is not from 0 to below 1; unsupported, in a build without QuantizeLinear
/// (without samples: inlay:DynamicQuantizeMatMul; MatMulNBits; Cast; with Precision::f32: any of
/// them).
INLAY_API QuantizedGraph quantize(Graph graph, const ModelOptions& options);

}  // namespace inlay::inline v0
