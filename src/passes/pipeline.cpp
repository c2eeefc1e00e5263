#include "passes/pipeline.hpp"

#include <algorithm>
#include <array>

#include "built_operators.hpp"

namespace inlay::inline v0 {
namespace {

using namespace passes;

using RunPass = void (*)(Graph& graph, const PassContext& context);

/// The pass, if this build has the operators that it writes: qualified names, a space between them.
constexpr RunPass with(std::string_view writes, RunPass pass) {
  while (!writes.empty()) {
    const std::string_view name = writes.substr(0, writes.find(' '));
    const std::size_t colon = name.find(':');
    const std::string_view domain = colon == name.npos ? "" : name.substr(0, colon);
    if (!is_built(domain, name.substr(colon + 1))) return nullptr;  // npos + 1 is 0
    writes.remove_prefix(std::min(writes.size(), name.size() + 1));
  }
  return pass;
}

// A short fixed order: each fusion comes after those that make room for it.
constexpr std::array standard{
    Pass{"infer_types", "gives every value its type", infer_types, true, true},
    // Before folding, which would turn quantized weights into floats.
    Pass{"fuse_quantized", "runs QDQ patterns on integers",
         with("QLinearConv QLinearMatMul com.microsoft:QLinearAdd com.microsoft:QLinearMul",
              fuse_quantized)},
    Pass{"fold_constants", "computes what does not depend on inputs", fold_constants, false, true},
    Pass{"inline_branches", "takes the branch of an If whose condition is known", inline_branches},
    Pass{"fold_constants", "the same within branches taken", fold_constants, false, true},
    Pass{"eliminate_dead", "drops what nobody needs", eliminate_dead},
    Pass{"eliminate_common", "computes equal nodes once", eliminate_common},
    Pass{"fuse_dynamic_matmul", "makes one node of a product with codes of what comes in",
         with("com.microsoft:DynamicQuantizeMatMul", fuse_dynamic_matmul)},
    Pass{"widen_float16", "computes float16 in float32, rounding at the borders",
         with("Cast", widen_float16)},
    Pass{"eliminate_dead", "drops casts that nobody needs", eliminate_dead},
    Pass{"replace_upsample", "writes Upsample as Resize", with("Resize", replace_upsample)},
    Pass{"split_max_pool", "takes wide maxima along one axis after the other", split_max_pool},
    Pass{"remove_noops", "removes nodes that change nothing", remove_noops},
    Pass{"fuse_one_hot", "picks rows for products with one-hot ones",
         with("Cast Clip Gather Squeeze", fuse_one_hot)},
    Pass{"fuse_activation_formulas", "finds Gelu, Swish, HardSwish, Mish in arithmetic",
         with("Gelu Swish HardSwish HardSigmoid Mish", fuse_activation_formulas)},
    Pass{"precompute_rows", "computes once what is done to rows gathered from a constant",
         precompute_rows},
    Pass{"fuse_layer_norm", "finds LayerNormalization in arithmetic",
         with("LayerNormalization", fuse_layer_norm)},
    Pass{"fuse_rms_norm", "finds RMSNormalization in arithmetic",
         with("RMSNormalization", fuse_rms_norm)},
    Pass{"fuse_norm_scale", "puts constants behind a normalisation into it", fuse_norm_scale},
    Pass{"merge_transposes", "cancels and merges Transposes",
         with("Reshape Transpose", merge_transposes)},
    Pass{"fuse_rotary", "finds rotary position embeddings in arithmetic",
         with("inlay:FusedRotaryEmbedding Reshape", fuse_rotary)},
    Pass{"fuse_attention", "finds attention in products and Softmax",
         with("inlay:FusedAttention Where", fuse_attention)},
    Pass{"merge_reshapes", "makes one Reshape of a chain", with("Reshape", merge_reshapes)},
    Pass{"hoist_transpose", "puts channels last before pictures are enlarged or flattened",
         hoist_transpose},
    Pass{"fuse_channel_shuffle", "finds channel shuffles in Reshapes and Transposes",
         with("Gather", fuse_channel_shuffle)},
    Pass{"eliminate_dead", "drops what shuffles were made of", eliminate_dead},
    Pass{"fuse_space_to_depth", "puts slices of every second pixel into the Conv behind them",
         fuse_space_to_depth},
    Pass{"fuse_pad", "puts zero padding into the Conv behind it", fuse_pad},
    Pass{"fuse_gemm", "writes Gemm as FusedMatMul", with("inlay:FusedMatMul", fuse_gemm)},
    Pass{"unflatten_matmul", "drops Reshapes to a matrix and back",
         with("inlay:FusedMatMul Reshape", unflatten_matmul)},
    Pass{"fuse_affine", "puts constant scales and shifts into weights and bias", fuse_affine},
    Pass{"merge_siblings", "makes one Conv of some of few filters on the same image",
         with("Split", merge_siblings)},
    Pass{"fuse_residual", "adds residuals within Conv and MatMul", fuse_residual},
    Pass{"fuse_activation", "applies activations within Conv and MatMul", fuse_activation},
    Pass{"eliminate_dead", "drops what the passes before left over", eliminate_dead},
    Pass{"infer_types", "gives the values that passes made their types", infer_types, false, true},
    Pass{"narrow_weights", "keeps weights of products in 16 bits that fit them",
         with("Cast inlay:FusedMatMul", narrow_weights)},
    Pass{"channels_last_codes", "moves convolutions of codes to channels last",
         with("com.microsoft:QLinearConv inlay:CodeTable Transpose", channels_last_codes)},
    Pass{"merge_transposes", "cancels the Transposes that meet",
         with("Reshape Transpose", merge_transposes)},
    Pass{"eliminate_dead", "drops conversions that nobody needs", eliminate_dead},
    // Last: it asks for types, and leaves no pattern that another pass would know.
    Pass{"block_channels", "moves convolutions to blocked channels",
         with("inlay:BlockedConv inlay:BlockChannels inlay:UnblockChannels", block_channels)},
    Pass{"eliminate_dead", "drops reorders that nobody needs", eliminate_dead},
};

void run_on(Graph& graph, const PassContext& context, const Pass& pass) {
  if (!pass.whole) {
    for (Node& node : graph.nodes) {
      for_each_subgraph(node, [&](Graph& subgraph) { run_on(subgraph, context, pass); });
    }
  }
  pass.run(graph, context);
}

#ifndef NDEBUG
void check(const Graph& graph, const Pass& pass) {
  try {
    graph.verify();
  } catch (const Error& error) {
    throw Error(ErrorCode::internal,
                "pass " + std::string(pass.name) + " left a broken graph: " + error.message(),
                error.where());
  }
}
#endif

}  // namespace

std::span<const Pass> standard_passes() { return standard; }

void run_passes(Graph& graph, const PassContext& context, std::span<const Pass> passes,
                const std::function<void(const Pass&, const Graph&)>& after) {
  for (const Pass& pass : passes) {
    if (pass.run == nullptr) continue;
    run_on(graph, context, pass);
#ifndef NDEBUG
    check(graph, pass);
#endif
    if (after) after(pass, graph);
  }
}

}  // namespace inlay::inline v0
