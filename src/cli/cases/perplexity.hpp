// Perplexity: how well a language model foresees the next token.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "inlay/quantize.hpp"
#include "inlay/session.hpp"

namespace inlay::cases {

struct TokenLoss {
  double sum = 0;           ///< of -log p(token | those before it), natural
  std::int64_t tokens = 0;  ///< foretold

  double perplexity() const { return std::exp(sum / static_cast<double>(tokens)); }
};

/// Adds the loss of each token but the first of a window. `logits`: [..., T, V] for the window's T
/// tokens. Errors: shape_mismatch, type_mismatch, invalid_argument (a token that is none of V).
void add_loss(const Tensor& logits, std::span<const std::int64_t> window, TokenLoss& loss);

/// What a language model is given for T tokens. They go to the input `input_ids`, or the only one
/// of int64, of shape [1, T] or [T]. Further inputs are filled by name: attention_mask with ones,
/// position_ids with 0, 1, 2 ..., token_type_ids with zeros, and past... (keys and values) with
/// nothing. Errors: unsupported (another kind of model).
CalibrationSample window_inputs(const Model& model, std::span<const std::int64_t> window);

/// Runs the model on windows of `tokens`, one after the other; the last may be shorter where the
/// model takes any length, and is left out where not. `window`: tokens of a window, where the model
/// takes any number. Logits are the output `logits`, or the first.
///
/// Errors: those of window_inputs, add_loss and Session::run.
TokenLoss token_loss(Session& session, std::span<const std::int64_t> tokens, std::int64_t window);

}  // namespace inlay::cases
