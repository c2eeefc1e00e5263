// What the models of ai.onnx.ml do to their scores at the end.
#pragma once

#include <cstdint>
#include <span>

#include "inlay/graph.hpp"

namespace inlay::inline v0::kernels {

/// Numbered as in TreeEnsemble.
enum class PostTransform : std::uint8_t { none, softmax, logistic, softmax_zero, probit };

/// The attribute post_transform, a word or (in TreeEnsemble) a number. Errors: invalid_graph.
PostTransform post_transform(const Attributes& attributes);

/// Transforms the scores of one row.
void apply_transform(PostTransform transform, std::span<double> scores);

/// The scores of both classes, from the one score that a binary classifier computes: the negative
/// class gets the rest to 1 of a probability, and the opposite of any other score. A probit is only
/// defined of probabilities.
void complement(PostTransform transform, double score, bool probability, std::span<double, 2> both);

}  // namespace inlay::inline v0::kernels
