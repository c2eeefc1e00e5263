#include "backends/reference/attention/attention.hpp"

namespace inlay::inline v0::kernels {

/// LinearAttention: a matrix of state per head that decays, is corrected (delta rule, Schlag et al.
/// 2021) and grows by key x value at each token; the query reads it.
void run_linear_attention(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const std::int64_t q_heads = attributes.integer("q_num_heads", 0);
  const std::int64_t kv_heads = attributes.integer("kv_num_heads", 0);
  const HeadLayout q = head_layout(context.input(0).shape(), q_heads);
  const HeadLayout k = head_layout(context.input(1).shape(), kv_heads);
  const HeadLayout v = head_layout(context.input(2).shape(), kv_heads);
  const std::string_view rule = attributes.text("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta";
  const bool delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear") {
    context.fail(ErrorCode::invalid_argument,
                 "update_rule must be linear, gated, delta or gated_delta");
  }
  const Shape state_shape{k.batch, kv_heads, k.size, v.size};
  const auto last_dim = [&](std::size_t i) {
    const Shape& shape = context.input(i).shape();
    const bool fits = shape.rank() == 3 && shape[0] == k.batch && shape[1] == k.sequence;
    return fits ? shape[2] : -1;
  };
  const std::int64_t decays = gated ? last_dim(4) : kv_heads, betas = delta ? last_dim(5) : 1;
  const bool fits = q.packed && k.packed && v.packed && q.batch == k.batch && v.batch == k.batch &&
                    q.sequence == k.sequence && v.sequence == k.sequence && q.size == k.size &&
                    q_heads % kv_heads == 0 &&
                    (decays == kv_heads || decays == kv_heads * k.size) &&
                    (betas == kv_heads || betas == 1);
  if (!fits) context.fail(ErrorCode::shape_mismatch, "the inputs do not fit each other");
  if (context.has_input(3) && !(context.input(3).shape() == state_shape)) {
    context.fail(ErrorCode::shape_mismatch, "past_state is not " + to_string(state_shape));
  }
  float scale = attributes.real("scale", 0);
  if (scale == 0) scale = 1 / std::sqrt(static_cast<float>(k.size));
  const HeadLayout out{q.batch, q_heads, q.sequence, v.size, true};
  Tensor& y = context.output(0, out.shape());
  Tensor& present = context.output(1, state_shape);
  if (y.size() == 0 && present.size() == 0) return;
  const std::int64_t state_size = k.size * v.size;
  const auto states = context.scratch<float>(present.size());
  if (context.has_input(3)) {
    visit_dtype<Floats>(context.input(3).dtype(), [&]<class S>() {
      const auto past = context.input(3).as<S>();
      std::transform(past.begin(), past.end(), states.begin(),
                     [](S value) { return static_cast<float>(value); });
    });
  } else {
    std::fill(states.begin(), states.end(), 0.0f);
  }

  visit_dtype<Types<float, float16, bfloat16>>(y.dtype(), [&]<class T>() {
    const float* queries = widened_input<float, T>(context, 0);
    const float* keys = widened_input<float, T>(context, 1);
    const float* values = widened_input<float, T>(context, 2);
    const float* decay = gated ? widened_input<float, T>(context, 4) : nullptr;
    const float* beta = delta ? widened_input<float, T>(context, 5) : nullptr;
    T* to = y.as_mutable<T>().data();
    const auto scratch = context.scratch<float>(context.concurrency() * v.size);
    context.parallel_for(k.batch * kv_heads, [&](std::int64_t task, int worker) {
      const std::int64_t b = task / kv_heads, h = task % kv_heads;
      const Matrix<float> state{states.data() + task * state_size, k.size, v.size, v.size};
      float* update = scratch.data() + worker * v.size;
      for (std::int64_t t = 0; t < k.sequence; ++t) {
        const std::int64_t token = b * k.sequence + t;
        const float* key = k.matrix(keys, b, h).at(t, 0);
        const float* value = v.matrix(values, b, h).at(t, 0);
        if (gated) {
          for (std::int64_t i = 0; i < k.size; ++i) {
            const float g = decay[token * decays + (decays == kv_heads ? h : h * k.size + i)];
            for (std::int64_t j = 0; j < v.size; ++j) *state.at(i, j) *= std::exp(g);
          }
        }
        std::copy_n(value, v.size, update);
        if (delta) {
          const float rate = beta[token * betas + (betas == 1 ? 0 : h)];
          for (std::int64_t i = 0; i < k.size; ++i) {
            for (std::int64_t j = 0; j < v.size; ++j) update[j] -= *state.at(i, j) * key[i];
          }
          for (std::int64_t j = 0; j < v.size; ++j) update[j] *= rate;
        }
        for (std::int64_t i = 0; i < k.size; ++i) {
          for (std::int64_t j = 0; j < v.size; ++j) *state.at(i, j) += key[i] * update[j];
        }
        const std::int64_t group = q_heads / kv_heads;
        for (std::int64_t reader = h * group; reader < (h + 1) * group; ++reader) {
          const float* query = q.matrix(queries, b, reader).at(t, 0);
          T* result = out.matrix(to, b, reader).at(t, 0);
          for (std::int64_t j = 0; j < v.size; ++j) {
            result[j] = static_cast<T>(scale * dot(query, 1, state.at(0, j), v.size, k.size));
          }
        }
      }
    });
  });
  visit_dtype<Floats>(present.dtype(), [&]<class S>() {
    std::transform(states.begin(), states.end(), present.as_mutable<S>().begin(),
                   [](float value) { return static_cast<S>(value); });
  });
}

}  // namespace inlay::inline v0::kernels
