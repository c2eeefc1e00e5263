// Attention and inlay:FusedAttention.
#include "backends/reference/attention/attention.hpp"

#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::AttentionProblem;
using kernels::HeadLayout;

template <class T>
kernels::HeadView<T> view_of(T* data, const HeadLayout& heads) {
  return {data, heads.offset(1, 0), heads.offset(0, 1), heads.row_step()};
}

/// The mask as addends for all keys, in scratch unless it is that already.
kernels::HeadView<const float> mask_view(KernelContext& context, const HeadLayout& q,
                                         std::int64_t keys) {
  const Tensor& mask = context.input(3);
  auto steps = kernels::attention_mask_steps(context, mask, q, keys);
  const std::int64_t given = mask.shape().back();
  if (mask.dtype() == DType::float32 && given == keys) {
    return {mask.as<float>().data(), steps[0], steps[1], steps[2]};
  }
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::int64_t rows = mask.shape().product(0, mask.rank() - 1);
  const auto addends = context.scratch<float>(rows * keys);
  std::fill(addends.begin(), addends.end(), -infinity);
  for (std::int64_t row = 0; row < rows; ++row) {
    float* to = addends.data() + row * keys;
    if (mask.dtype() == DType::float32) {
      std::copy_n(mask.as<float>().data() + row * given, given, to);
    } else {
      const bool* from = mask.as<bool>().data() + row * given;
      for (std::int64_t j = 0; j < given; ++j) to[j] = from[j] ? 0.0f : -infinity;
    }
  }
  for (std::int64_t& step : steps) step = given > 0 ? step / given * keys : 0;
  return {addends.data(), steps[0], steps[1], steps[2]};
}

/// Packs K and V, then computes all heads.
void attend(KernelContext& context, const AttentionKernels& attention,
            const AttentionProblem& problem) {
  const std::int64_t packed_size = attention.packed_size(problem);
  const std::int64_t heads = problem.batch * problem.kv_heads;
  float* packed = nullptr;
  if (packed_size > 0) {
    packed = context.scratch<float>(heads * packed_size).data();
    const std::int64_t blocks = kernels::ceil_div(problem.keys, attention.block);
    context.parallel_for(heads * blocks, [&](std::int64_t task, int) {
      const std::int64_t head = task / blocks, first = task % blocks * attention.block;
      attention.pack(problem, head / problem.kv_heads, head % problem.kv_heads, first,
                     std::min(attention.block, problem.keys - first), packed + head * packed_size);
    });
  }
  const std::size_t floats = to_size(kernels::round_up(attention.scratch(problem), 16));
  float* const scratch = scratch_per_worker<float>(context, floats);
  context.parallel_for(attention.tasks(problem), [&](std::int64_t task, int worker) {
    attention.task(problem, packed, task, scratch + floats * to_size(worker));
  });
}

class AttentionKernel final : public Kernel {
 public:
  AttentionKernel(const CompileContext& context, const KernelTable& table)
      : attention_(table.attention),
        causal_(context.node.attributes.integer("is_causal", 0) != 0) {}

  void run(KernelContext& context) const override {
    const kernels::AttentionHeads heads = kernels::attention_heads(context);
    const HeadLayout &q = heads.q, &k = heads.k, &v = heads.v;
    const HeadLayout y{q.batch, q.heads, q.sequence, v.size, q.packed};
    AttentionProblem problem;
    problem.batch = q.batch, problem.heads = q.heads, problem.kv_heads = k.heads;
    problem.queries = q.sequence, problem.keys = k.sequence;
    problem.size = q.size, problem.value_size = v.size;
    problem.q = view_of(floats(context, 0), q);
    problem.k = view_of(floats(context, 1), k);
    problem.v = view_of(floats(context, 2), v);
    problem.out = view_of(context.output(0, y.shape()).as_mutable<float>().data(), y);
    problem.scale = static_cast<float>(kernels::attention_scale(context.attributes(), q.size));
    if (context.has_input(3)) problem.mask = mask_view(context, q, k.sequence);
    problem.causal = causal_;
    attend(context, attention_, problem);
  }

 private:
  const AttentionKernels& attention_;
  bool causal_;
};

/// The view with an axis of one repeated.
kernels::HeadView<const float> repeated_view(const float* data, const HeadLayout& heads) {
  kernels::HeadView<const float> view = view_of(data, heads);
  if (heads.batch == 1) view.batch = 0;
  if (heads.heads == 1) view.head = 0;
  if (heads.sequence == 1) view.row = 0;
  return view;
}

class FusedAttentionKernel final : public Kernel {
 public:
  FusedAttentionKernel(const CompileContext& context, const KernelTable& table)
      : attention_(table.attention),
        causal_(context.node.attributes.integer("is_causal", 0) != 0) {}

  void run(KernelContext& context) const override {
    const kernels::FusedHeads heads = kernels::fused_heads(context);
    const HeadLayout& y = heads.y;
    const Shape shape = y.packed ? Shape{y.batch, y.sequence, y.heads, y.size}
                                 : Shape{y.batch, y.heads, y.sequence, y.size};
    AttentionProblem problem;
    problem.batch = y.batch, problem.heads = y.heads, problem.kv_heads = heads.kv_heads;
    problem.queries = y.sequence, problem.keys = heads.k.sequence;
    problem.size = heads.q.size, problem.value_size = y.size;
    problem.q = repeated_view(floats(context, 0), heads.q);
    problem.k = repeated_view(floats(context, 1), heads.k);
    problem.v = repeated_view(floats(context, 2), heads.v);
    problem.out = view_of(context.output(0, shape).as_mutable<float>().data(), y);
    problem.scale =
        static_cast<float>(kernels::attention_scale(context.attributes(), heads.q.size));
    if (context.has_input(3)) problem.mask = mask_view(context, heads);
    problem.causal = causal_;
    attend(context, attention_, problem);
  }

 private:
  static kernels::HeadView<const float> mask_view(KernelContext& context,
                                                  const kernels::FusedHeads& heads) {
    Shape shape = heads.mask;
    const float* data = floats(context, 3);
    if (shape[3] != heads.k.sequence) {  // one addend for all keys
      const std::int64_t rows = shape.product(0, 3), keys = heads.k.sequence;
      float* const addends = context.scratch<float>(Shape{rows, keys}.elements()).data();
      for (std::int64_t row = 0; row < rows; ++row) {
        std::fill_n(addends + row * keys, keys, data[row]);
      }
      data = addends;
      shape[3] = keys;
    }
    const kernels::Strides steps = kernels::broadcast_strides(
        shape, {heads.y.batch, heads.y.heads, heads.y.sequence, heads.k.sequence});
    return {data, steps[0], steps[1], steps[2]};
  }

  const AttentionKernels& attention_;
  bool causal_;
};

Support supports_attention(const CompileContext& context) {
  const Node& node = context.node;
  const Attributes& attributes = node.attributes;
  if (node.has_input(4) || node.has_input(5) || node.has_input(6) || node.outputs.size() > 1) {
    return unsupported("a cache, or scores as an output");
  }
  if (attributes.real("softcap", 0) != 0 || attributes.integer("left_window_size", -1) >= 0 ||
      attributes.integer("right_window_size", -1) >= 0) {
    return unsupported("a softcap or a window");
  }
  const auto precision = static_cast<DType>(attributes.integer("softmax_precision", 0));
  if (precision != DType::undefined && precision != DType::float32) {
    return unsupported("softmax is computed in f32");
  }
  if (node.has_input(3) && context.dtype(3) != DType::float32 &&
      context.dtype(3) != DType::boolean) {
    return unsupported("a mask of another dtype");
  }
  return float_inputs(context, 3);
}

Support supports_fused_attention(const CompileContext& context) { return float_inputs(context, 4); }

}  // namespace

std::vector<CpuOp> attention_ops() {
  return {cpu_op("", "Attention", supports_attention, compile_as<AttentionKernel>),
          cpu_op("inlay", "FusedAttention", supports_fused_attention,
                 compile_as<FusedAttentionKernel>)};
}

}  // namespace inlay::inline v0::cpu
