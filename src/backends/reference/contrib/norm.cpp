// com.microsoft's normalizations: of a sum of residuals, of a sum of embeddings.
#include "backends/reference/arguments.hpp"
#include "backends/reference/contrib/contrib.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/moments.hpp"
#include "backends/reference/quantization.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// Input i, one number for each place in a row. Errors: shape_mismatch.
std::span<const double> per_place(KernelContext& context, std::size_t i, std::int64_t width) {
  if (context.input(i).size() != width) {
    context.fail(ErrorCode::shape_mismatch, "input " + std::to_string(i) + " is " +
                                                to_string(context.input(i).shape()) +
                                                ", a row has " + std::to_string(width));
  }
  return reals(context, context.input(i));
}

/// The same; empty when the input is absent.
std::span<const double> optional_per_place(KernelContext& context, std::size_t i,
                                           std::int64_t width) {
  return context.has_input(i) ? per_place(context, i, width) : std::span<const double>();
}

/// to = (row - moments.mean) * inverse * scale + shift; an empty shift is none.
template <class T>
void put_normalized(std::span<const double> row, double mean, double inverse,
                    std::span<const double> scale, std::span<const double> shift, T* to) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double scaled = (row[i] - mean) * inverse * scale[i];
    to[i] = from_real<T>(shift.empty() ? scaled : scaled + shift[i]);
  }
}

/// The moments of input + skip + bias; only the mean square if `by_root`.
template <bool by_root>
void run_skip_normalization(KernelContext& context) {
  constexpr std::size_t bias_input = by_root ? 3 : 4;
  const Tensor& x = context.input(0);
  const Tensor& skip = context.input(1);
  if (x.rank() < 1) context.fail(ErrorCode::shape_mismatch, "the input is a scalar");
  const std::int64_t width = x.shape().back();
  const auto scale = per_place(context, 2, width);
  const auto shift = by_root ? std::span<const double>() : optional_per_place(context, 3, width);
  const auto bias = optional_per_place(context, bias_input, width);
  const double epsilon = context.attributes().real("epsilon", 1e-12f);
  const Strides skip_steps = broadcast_strides(skip.shape(), x.shape());
  Shape row_shape = x.shape();
  row_shape[x.rank() - 1] = 1;
  Tensor& y = context.output(0, x.shape());
  RowOutput mean(context, 1, row_shape);
  RowOutput inverse_deviation(context, 2, row_shape);
  Tensor* sum = context.has_output(3) ? &context.output(3, x.shape()) : nullptr;
  if (x.size() == 0) return;
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    const T* more = skip.as<T>().data();
    T* to = y.as_mutable<T>().data();
    T* sums = sum != nullptr ? sum->as_mutable<T>().data() : nullptr;
    const auto row = context.scratch<double>(width);
    walk<1>(x.shape(), {skip_steps}, [&](std::int64_t i, const Offsets<1>& at) {
      const auto place = static_cast<std::size_t>(i % width);
      row[place] = static_cast<double>(from[i]) + static_cast<double>(more[at[0]]);
      if (!bias.empty()) row[place] += bias[place];
      if (sums != nullptr) sums[i] = from_real<T>(row[place]);
      if (i % width != width - 1) return;
      Moments moments;
      if constexpr (by_root) {
        for (const double value : row) moments.variance += value * value;
        moments.variance /= static_cast<double>(width);
      } else {
        moments = moments_of(row.data(), width);
      }
      const double inverse = moments.inverse_deviation(epsilon);
      mean.put(i / width, moments.mean);
      inverse_deviation.put(i / width, inverse);
      put_normalized<T>(row, moments.mean, inverse, scale, shift, to + i - (width - 1));
    });
  });
}

/// A tensor of rows, stored as floats, or as codes with a scale and a zero point.
struct EmbeddingRows {
  std::size_t input;
  const Tensor* tensor;
  std::int64_t width;
  bool coded;
  float scale = 1;
  double zero_point = 0;

  /// sum += row number `index`. Errors: execution when there is none.
  void add(const KernelContext& context, std::int64_t index, std::span<double> sum) const {
    if (index < 0 || index >= tensor->size() / std::max<std::int64_t>(width, 1)) {
      context.fail(ErrorCode::execution, "index " + std::to_string(index) +
                                             " lies outside the rows of input " +
                                             std::to_string(input));
    }
    const std::int64_t start = index * width;
    if (coded) {
      visit_codes(*tensor, [&](auto code) {
        for (std::int64_t d = 0; d < width; ++d) {
          sum[static_cast<std::size_t>(d)] +=
              static_cast<float>(code(start + d) - zero_point) * scale;
        }
      });
    } else {
      visit_dtype<Floats>(tensor->dtype(), [&]<class T>() {
        const T* row = tensor->as<T>().data() + start;
        for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += static_cast<double>(row[d]);
      });
    }
  }
};

/// Which input is what in EmbedLayerNormalization and its quantized form.
struct EmbeddingInputs {
  std::size_t position_ids;
  bool coded;  ///< inputs 2 to 6 have scales in inputs 8 to 12 and zero points in 13 to 17
};
namespace embed {
enum : std::size_t {
  words = 0,
  segments = 1,
  word_rows = 2,
  position_rows = 3,
  segment_rows = 4,
  scale = 5,
  shift = 6,
  mask = 7
};
}  // namespace embed

EmbeddingRows embedding_rows(KernelContext& context, const EmbeddingInputs& inputs, std::size_t i,
                             std::int64_t width) {
  const Tensor& tensor = context.input(i);
  if (tensor.rank() < 1 || tensor.rank() > 2 || tensor.shape().back() != width) {
    context.fail(ErrorCode::shape_mismatch, "input " + std::to_string(i) + " is " +
                                                to_string(tensor.shape()) + ", not rows of " +
                                                std::to_string(width));
  }
  EmbeddingRows rows{i, &tensor, width, inputs.coded};
  if (inputs.coded) {
    rows.scale = scalar_scale(context, i + 6);
    rows.zero_point = scalar_zero_point(context, i + 11);
  }
  return rows;
}

/// Input i as one index per token, or per position if its first axis is 1. Empty when absent.
std::span<const std::int32_t> token_ids(const KernelContext& context, std::size_t i,
                                        const Shape& tokens, bool may_repeat) {
  if (!context.has_input(i)) return {};
  const Shape& shape = context.input(i).shape();
  if (shape != tokens && !(may_repeat && shape == Shape{1, tokens[1]})) {
    context.fail(ErrorCode::shape_mismatch, "input " + std::to_string(i) + " is " +
                                                to_string(shape) + " for tokens of " +
                                                to_string(tokens));
  }
  return context.input(i).as<std::int32_t>();
}

void normalize_embeddings(KernelContext& context, const EmbeddingInputs& inputs) {
  const Shape& tokens = context.input(embed::words).shape();
  const Shape& table = context.input(embed::word_rows).shape();
  if (tokens.rank() != 2 || table.rank() != 2) {
    context.fail(ErrorCode::shape_mismatch, "input_ids and the embeddings need two axes");
  }
  const std::int64_t width = table[1], sequence = tokens[1];
  const auto words = context.input(embed::words).as<std::int32_t>();
  const auto segments = token_ids(context, embed::segments, tokens, false);
  const auto positions = token_ids(context, inputs.position_ids, tokens, true);
  const auto mask = token_ids(context, embed::mask, tokens, false);
  const auto rows_of = [&](std::size_t i) { return embedding_rows(context, inputs, i, width); };
  const EmbeddingRows word_rows = rows_of(embed::word_rows);
  const EmbeddingRows position_rows = rows_of(embed::position_rows);
  const bool segmented = context.has_input(embed::segments);
  const EmbeddingRows segment_rows = rows_of(segmented ? embed::segment_rows : embed::word_rows);
  const auto scale = context.scratch<double>(width), shift = context.scratch<double>(width);
  std::fill(scale.begin(), scale.end(), 0.0);
  std::fill(shift.begin(), shift.end(), 0.0);
  rows_of(embed::scale).add(context, 0, scale);
  rows_of(embed::shift).add(context, 0, shift);
  const double epsilon = context.attributes().real("epsilon", 1e-12f);
  const Shape shape{tokens[0], sequence, width};
  Tensor& y = context.output(0, shape);
  if (context.has_output(1)) {
    const auto counts = context.output(1, {tokens[0]}).as_mutable<std::int32_t>();
    std::fill(counts.begin(), counts.end(), 0);
    for (std::size_t i = 0; i < mask.size(); ++i) {
      if (mask[i] == 1) ++counts[i / static_cast<std::size_t>(sequence)];
    }
  }
  Tensor* sum = context.has_output(2) ? &context.output(2, shape) : nullptr;
  const auto row = context.scratch<double>(width);
  visit_dtype<Floats>(y.dtype(), [&]<class T>() {
    T* to = y.as_mutable<T>().data();
    T* sums = sum != nullptr ? sum->as_mutable<T>().data() : nullptr;
    for (std::size_t token = 0; token < words.size(); ++token, to += width) {
      const std::int64_t position = positions.empty() ? static_cast<std::int64_t>(token) % sequence
                                                      : positions[token % positions.size()];
      std::fill(row.begin(), row.end(), 0.0);
      word_rows.add(context, words[token], row);
      position_rows.add(context, position, row);
      if (segmented) segment_rows.add(context, segments[token], row);
      if (sums != nullptr) sums = std::transform(row.begin(), row.end(), sums, from_real<T>);
      const Moments moments = moments_of(row.data(), width);
      put_normalized<T>(row, moments.mean, moments.inverse_deviation(epsilon), scale, shift, to);
    }
  });
}

void run_embed_layer_normalization(KernelContext& context) {
  normalize_embeddings(context, {.position_ids = 8, .coded = false});
}

void run_quantized_embed_layer_normalization(KernelContext& context) {
  normalize_embeddings(context, {.position_ids = SIZE_MAX, .coded = true});
}

}  // namespace

void add_contrib_norm_kernels(std::vector<ReferenceKernel>& table) {
  constexpr std::string_view microsoft = "com.microsoft";
  table.push_back({microsoft, "SkipLayerNormalization", run_skip_normalization<false>});
  table.push_back({microsoft, "SkipSimplifiedLayerNormalization", run_skip_normalization<true>});
  table.push_back({microsoft, "EmbedLayerNormalization", run_embed_layer_normalization});
  table.push_back({microsoft, "QEmbedLayerNormalization", run_quantized_embed_layer_normalization});
}

}  // namespace inlay::inline v0::kernels
