#include "backends/reference/attention/attention.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// values = subgraph(values), as a tensor of `dtype`.
template <class T>
void modify(KernelContext& context, std::size_t subgraph, DType dtype, const Shape& shape,
            std::span<T> values) {
  Tensor tensor(dtype, shape);
  visit_dtype<Floats>(dtype, [&]<class Element>() {
    std::transform(values.begin(), values.end(), tensor.as_mutable<Element>().begin(),
                   [](T value) { return static_cast<Element>(value); });
  });
  const Value input(tensor);
  std::vector<Value> outputs;
  context.run_subgraph(subgraph, {&input, 1}, outputs);
  if (outputs.size() != 1 || !(outputs[0].tensor().shape() == shape)) {
    context.fail(ErrorCode::shape_mismatch, "a modifier must keep the shape of its input");
  }
  visit_dtype<Floats>(outputs[0].tensor().dtype(), [&]<class Element>() {
    const auto result = outputs[0].tensor().as<Element>();
    std::transform(result.begin(), result.end(), values.begin(),
                   [](Element value) { return static_cast<T>(value); });
  });
}

}  // namespace

/// FlexAttention: attention whose scores and probabilities pass through subgraphs.
void run_flex_attention(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const HeadLayout q = head_layout(context.input(0).shape(), 0);
  const HeadLayout k = head_layout(context.input(1).shape(), 0);
  const HeadLayout v = head_layout(context.input(2).shape(), 0);
  const bool fits = k.batch == q.batch && v.batch == q.batch && k.size == q.size &&
                    k.heads == v.heads && k.sequence == v.sequence && k.heads > 0 &&
                    q.heads % k.heads == 0;
  if (!fits) context.fail(ErrorCode::shape_mismatch, "Q, K and V do not fit each other");
  const float* scale_given = attributes.get<float>("scale");
  const double scale = scale_given != nullptr ? static_cast<double>(*scale_given)
                                              : 1 / std::sqrt(static_cast<double>(q.size));
  const HeadLayout out{q.batch, q.heads, q.sequence, v.size, false};
  const Shape shape{q.batch, q.heads, q.sequence, k.sequence};
  Tensor& y = context.output(0, out.shape());
  auto precision = static_cast<DType>(attributes.integer("softmax_precision", 0));
  if (precision == DType::undefined) {
    precision = y.dtype() == DType::float64 ? DType::float64 : DType::float32;
  }
  // Subgraphs are numbered in the order of the attributes' names.
  const bool has_prob_mod = attributes.has("prob_mod");
  visit_dtype<Floats>(y.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const Wide* query = widened_input<Wide, T>(context, 0);
    const Wide* key = widened_input<Wide, T>(context, 1);
    const Wide* value = widened_input<Wide, T>(context, 2);
    const auto scores = context.scratch<Wide>(shape.elements());
    std::fill(scores.begin(), scores.end(), Wide{});
    const HeadLayout score_layout{q.batch, q.heads, q.sequence, k.sequence, false};
    const auto kv_head = [&](std::int64_t i) { return i % q.heads / (q.heads / k.heads); };
    multiply_add_all<Wide>(context, q.batch * q.heads, [&](std::int64_t i) {
      const std::int64_t b = i / q.heads, h = i % q.heads;
      return Product<Wide>{q.matrix(query, b, h), k.matrix(key, b, kv_head(i)).transposed(),
                           score_layout.matrix(scores.data(), b, h)};
    });
    for (Wide& score : scores) {
      score = round_to(precision, static_cast<Wide>(static_cast<double>(score) * scale));
    }
    if (attributes.has("score_mod")) {
      modify(context, has_prob_mod ? 1 : 0, precision, shape, scores);
    }
    for (std::int64_t row = 0; row < shape.product(0, 3); ++row) {
      softmax(scores.data() + row * k.sequence, k.sequence, false);
    }
    if (has_prob_mod) modify(context, 0, precision, shape, scores);
    const WideOutput<T> results(context, y);
    std::fill(results.values().begin(), results.values().end(), Wide{});
    multiply_add_all<Wide>(context, q.batch * q.heads, [&](std::int64_t i) {
      const std::int64_t b = i / q.heads, h = i % q.heads;
      return Product<Wide>{score_layout.matrix<const Wide>(scores.data(), b, h),
                           v.matrix(value, b, kv_head(i)), out.matrix(results.data(), b, h)};
    });
    results.store();
  });
}

}  // namespace inlay::inline v0::kernels
