#include "cases/perplexity.hpp"

#include <algorithm>
#include <numeric>

#include "cases/numbers.hpp"

namespace inlay::cases {
namespace {

[[noreturn]] void refuse(const std::string& why, const std::string& tensor = {}) {
  throw Error(ErrorCode::unsupported, "this is no language model as known here: " + why,
              {.tensor = tensor});
}

const Model::Port& token_port(const Model& model) {
  const Model::Port* only = nullptr;
  for (const Model::Port& port : model.inputs()) {
    if (port.name == "input_ids") return port;
    if (port.type.dtype != DType::int64) continue;
    if (only != nullptr) refuse("none of its int64 inputs is called input_ids");
    only = &port;
  }
  if (only == nullptr) refuse("it has no int64 input for tokens");
  return *only;
}

std::size_t logits_output(const Model& model) {
  const auto outputs = model.outputs();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].name == "logits") return i;
  }
  if (outputs.empty()) refuse("it has no output");
  return 0;
}

/// One row of `count` tokens.
Shape row_shape(const Type& type, std::int64_t count) {
  return type.rank() == 1 ? Shape{count} : Shape{1, count};
}

template <class T>
Tensor filled(const Type& type, std::int64_t count, bool counts_up, T value) {
  Tensor tensor(dtype_of<T>, row_shape(type, count));
  const auto elements = tensor.as_mutable<T>();
  std::fill(elements.begin(), elements.end(), value);
  if (counts_up) std::iota(elements.begin(), elements.end(), value);
  return tensor;
}

/// An input other than the tokens.
Tensor side_input(const Model::Port& port, std::int64_t count) {
  const bool positions = port.name == "position_ids";
  if (positions || port.name == "attention_mask" || port.name == "token_type_ids") {
    const int value = port.name == "attention_mask" ? 1 : 0;
    if (port.type.dtype == DType::int64) {
      return filled<std::int64_t>(port.type, count, positions, value);
    }
    if (port.type.dtype == DType::int32) {
      return filled<std::int32_t>(port.type, count, positions, value);
    }
    refuse("its input is neither int64 nor int32", port.name);
  }
  if (!port.name.starts_with("past"))
    refuse("it has an input that nothing is known for", port.name);
  // The last axis that is not known is that of what came before, which is empty.
  Shape shape;
  int past = -1;
  for (const Dim& dim : port.type.dims) {
    if (!dim.known()) past = shape.rank();
    shape.push_back(dim.known() ? dim.value : 1);
  }
  if (past >= 0) shape[past] = 0;
  return Tensor::zeros(port.type.dtype, shape);
}

Tensor run_window(Session& session, std::span<const std::int64_t> window) {
  const Model& model = session.model();
  const CalibrationSample sample = window_inputs(model, window);  // which holds the names
  std::vector<NamedValue> inputs;
  for (const auto& [name, value] : sample) inputs.emplace_back(name, value);
  return session.run(std::span<const NamedValue>(inputs))[logits_output(model)];
}

/// log(sum(exp(row)))
double log_sum_exp(const std::vector<double>& row) {
  const double most = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const double value : row) sum += std::exp(value - most);
  return most + std::log(sum);
}

}  // namespace

CalibrationSample window_inputs(const Model& model, std::span<const std::int64_t> window) {
  const Model::Port& ids = token_port(model);
  CalibrationSample inputs;
  for (const Model::Port& port : model.inputs()) {
    const auto count = static_cast<std::int64_t>(window.size());
    inputs.emplace_back(port.name, &port == &ids
                                       ? Tensor::copy_of(window, row_shape(port.type, count))
                                       : side_input(port, count));
  }
  return inputs;
}

void add_loss(const Tensor& logits, std::span<const std::int64_t> window, TokenLoss& loss) {
  const auto count = static_cast<std::int64_t>(window.size());
  const int rank = logits.rank();
  if (rank < 2 || logits.dim(rank - 2) != count || logits.size() != count * logits.dim(rank - 1)) {
    throw Error(ErrorCode::shape_mismatch, "logits are [1, T, V] for T tokens, not " +
                                               to_string(logits.shape()) + " for " +
                                               std::to_string(count));
  }
  const std::int64_t words = logits.dim(rank - 1);
  std::vector<double> row;
  for (std::int64_t t = 0; t + 1 < count; ++t) {
    const std::int64_t next = window[static_cast<std::size_t>(t + 1)];
    if (next < 0 || next >= words) {
      throw Error(
          ErrorCode::invalid_argument,
          "token " + std::to_string(next) + " is none of the model's " + std::to_string(words));
    }
    if (!read_numbers(logits, t * words, words, row)) {
      throw Error(ErrorCode::type_mismatch, "logits are no numbers");
    }
    loss.sum += log_sum_exp(row) - row[static_cast<std::size_t>(next)];
    ++loss.tokens;
  }
}

TokenLoss token_loss(Session& session, std::span<const std::int64_t> tokens, std::int64_t window) {
  const Type& type = token_port(session.model()).type;
  const bool fixed = type.has_rank && !type.dims.empty() && type.dims.back().known();
  if (fixed) window = type.dims.back().value;
  if (window < 2) refuse("a window has one token at most");
  TokenLoss loss;
  const auto length = static_cast<std::size_t>(window);
  while (tokens.size() >= (fixed ? length : 2)) {
    const auto part = tokens.first(std::min(length, tokens.size()));
    add_loss(run_window(session, part), part, loss);
    tokens = tokens.subspan(part.size());
  }
  return loss;
}

}  // namespace inlay::cases
