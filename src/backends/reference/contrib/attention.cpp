// com.microsoft's Attention and QAttention, which project one input to Q, K and V.
#include "backends/reference/attention/attend.hpp"
#include "backends/reference/attention/padding_bias.hpp"
#include "backends/reference/contrib/contrib.hpp"
#include "backends/reference/quantization.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// Q, K and V projected by one product: [batch * sequence, widths].
template <class T>
struct Projected {
  const compute_t<T>* values;
  std::int64_t batch, sequence, width;
  std::array<std::int64_t, 3> sizes;  ///< of Q, K and V within a row
};

/// The inputs that Attention and QAttention number differently.
struct ProjectedInputs {
  std::size_t mask, past, bias, past_length;
};

/// The widths of Q, K and V in the weights' `width` columns.
std::array<std::int64_t, 3> projected_sizes(const KernelContext& context, std::int64_t width,
                                            std::int64_t heads) {
  std::array<std::int64_t, 3> sizes{width / 3, width / 3, width / 3};
  const auto given = context.attributes().integers("qkv_hidden_sizes");
  if (given.size() == 3) std::copy(given.begin(), given.end(), sizes.begin());
  bool fits = (given.empty() || given.size() == 3) && sizes[0] == sizes[1];
  std::int64_t rest = width;
  for (const std::int64_t size : sizes) {
    fits = fits && size >= 0 && size <= rest && size % heads == 0;
    if (fits) rest -= size;
  }
  if (!fits || rest != 0) {
    context.fail(ErrorCode::shape_mismatch, std::to_string(width) +
                                                " columns of weights do not make Q, K and V of " +
                                                std::to_string(heads) + " heads");
  }
  return sizes;
}

template <class T>
void attend_projected(KernelContext& context, const Projected<T>& p, std::int64_t heads,
                      const ProjectedInputs& inputs, Tensor& y) {
  using Wide = compute_t<T>;
  const auto layout = [&](std::size_t part, std::int64_t rows) {
    return HeadLayout{p.batch, heads, rows, p.sizes[part] / heads, false};
  };
  const HeadLayout q = layout(0, p.sequence), k = layout(1, p.sequence), v = layout(2, p.sequence);
  const bool has_past = context.has_input(inputs.past);
  if ((has_past || context.has_output(1)) && k.size != v.size) {
    context.fail(ErrorCode::shape_mismatch, "a past needs K and V of one size");
  }
  std::int64_t rows = 0;
  const T* past = nullptr;
  if (has_past) {
    const Tensor& tensor = context.input(inputs.past);
    rows = tensor.rank() == 5 ? tensor.dim(3) : 0;
    if (tensor.shape() != Shape{2, p.batch, heads, rows, k.size}) {
      context.fail(ErrorCode::shape_mismatch,
                   "a past of " + to_string(tensor.shape()) + " does not fit the heads");
    }
    past = tensor.as<T>().data();
  }
  const PastRows count = past_rows(context, rows, inputs.past_length, p.sequence);
  Tensor* present = context.has_output(1)
                        ? &context.output(1, {2, p.batch, heads, count.present, k.size})
                        : nullptr;
  const auto plan = equal_rows(context, p.batch, count, p.sequence);
  const auto part = [&](std::int64_t start, const HeadLayout& head) {
    return gather_heads<T>(context, p.values, head, places_in_rows(head, p.width, start)).data();
  };
  const auto cache = [&](std::size_t half, std::int64_t start, const HeadLayout& head) {
    const auto whole = elements_of<T>(present);
    const T* old =
        past != nullptr && half == 1 ? past + context.input(inputs.past).size() / 2 : past;
    return joined_cache<T>(context, old, count.capacity, part(start, head), head, count.present,
                           plan, true, whole.subspan(half * whole.size() / 2, whole.size() / 2))
        .data();
  };
  const Wide* query = part(0, q);
  const Wide* key = cache(0, p.sizes[0], k);
  const Wide* value = cache(1, p.sizes[0] + p.sizes[1], v);
  const auto lengths = context.scratch<std::int64_t>(p.batch);
  std::fill(lengths.begin(), lengths.end(), count.total);
  attend<T>(
      context,
      {q, layout(1, count.present), layout(2, count.present), query, key, value, true, lengths},
      {.scale = score_scale(context.attributes(), q.size)}, y,
      PaddingBias<Wide>(context, inputs.mask, inputs.bias, q, count.used, count.total));
}

/// Errors: shape_mismatch unless x is [batch, sequence, n] and w [n, m].
void check_projection(const KernelContext& context, const Tensor& x, const Tensor& w) {
  if (x.rank() != 3 || w.rank() != 2 || x.dim(2) != w.dim(0)) {
    context.fail(ErrorCode::shape_mismatch, "weights " + to_string(w.shape()) +
                                                " do not fit an input of " + to_string(x.shape()));
  }
}

/// x * w for all rows of x.
template <class T>
std::span<T> project(KernelContext& context, const Shape& x_shape, const Shape& w_shape, const T* x,
                     const T* w) {
  const std::int64_t rows = x_shape[0] * x_shape[1], inner = w_shape[0], width = w_shape[1];
  const auto values = context.scratch<T>(Shape{rows, width}.elements());
  std::fill(values.begin(), values.end(), T{});
  multiply_add_all<T>(context, 1, [&](std::int64_t) {
    return Product<T>{
        {x, rows, inner, inner}, {w, inner, width, width}, {values.data(), rows, width, width}};
  });
  return values;
}

/// Adds input i, one number per column, to all rows.
template <class T, class Element>
void add_columns(KernelContext& context, std::size_t i, std::int64_t width, std::span<T> values) {
  if (!context.has_input(i)) return;
  if (context.input(i).size() != width) {
    context.fail(ErrorCode::shape_mismatch, "the bias is " + to_string(context.input(i).shape()) +
                                                " for " + std::to_string(width) + " columns");
  }
  const auto bias = context.input(i).as<Element>();
  for (std::size_t n = 0; n < values.size(); ++n) {
    values[n] += static_cast<T>(bias[n % bias.size()]);
  }
}

void refuse_rotary(const KernelContext& context) {
  if (context.attributes().integer("do_rotary", 0) != 0) {
    context.fail(ErrorCode::unsupported,
                 "do_rotary is not supported; use RotaryEmbedding before MultiHeadAttention");
  }
}

void run_contrib_attention(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(1);
  check_projection(context, x, w);
  refuse_rotary(context);
  const std::int64_t heads = head_count(context, "num_heads");
  const auto sizes = projected_sizes(context, w.dim(1), heads);
  Tensor& y = context.output(0, {x.dim(0), x.dim(1), sizes[2]});
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const auto values = project(context, x.shape(), w.shape(), widened<Wide, T>(context, x),
                                widened<Wide, T>(context, w));
    add_columns<Wide, T>(context, 2, w.dim(1), values);
    const Projected<T> projected{values.data(), x.dim(0), x.dim(1), w.dim(1), sizes};
    attend_projected(context, projected, heads, {.mask = 3, .past = 4, .bias = 5, .past_length = 6},
                     y);
  });
}

void run_quantized_attention(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(1);
  check_projection(context, x, w);
  refuse_rotary(context);
  const std::int64_t heads = head_count(context, "num_heads");
  const auto sizes = projected_sizes(context, w.dim(1), heads);
  const float x_scale = scalar_scale(context, 3);
  const auto w_scales = decoded_scales(context, context.input(4));
  if (w_scales.size() != 1 && w_scales.size() != static_cast<std::size_t>(w.dim(1))) {
    context.fail(ErrorCode::shape_mismatch, "there must be one weight scale, or one per column");
  }
  Tensor& y = context.output(0, {x.dim(0), x.dim(1), sizes[2]});
  const auto sums = project(context, x.shape(), w.shape(), centered<std::int32_t>(context, x, 6),
                            centered<std::int32_t>(context, w, 7));
  visit_dtype<Types<float, float16>>(y.dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const auto values = context.scratch<Wide>(static_cast<std::int64_t>(sums.size()));
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto w_scale = static_cast<float>(w_scales[i % w_scales.size()]);
      values[i] = static_cast<Wide>(sums[i]) * (x_scale * w_scale);
    }
    add_columns<Wide, T>(context, 2, w.dim(1), values);
    const Projected<T> projected{values.data(), x.dim(0), x.dim(1), w.dim(1), sizes};
    attend_projected(context, projected, heads,
                     {.mask = 5, .past = 8, .bias = no_input, .past_length = no_input}, y);
  });
}

}  // namespace

void add_contrib_attention_kernels(std::vector<ReferenceKernel>& table) {
  constexpr std::string_view microsoft = "com.microsoft";
  table.push_back({microsoft, "Attention", run_contrib_attention});
  table.push_back({microsoft, "QAttention", run_quantized_attention});
  table.push_back({microsoft, "MultiHeadAttention", run_multi_head_attention});
  table.push_back({microsoft, "GroupQueryAttention", run_group_query_attention});
  table.push_back({microsoft, "RotaryEmbedding", run_contrib_rotary_embedding});
}

}  // namespace inlay::inline v0::kernels
