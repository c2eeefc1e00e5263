// Every pass of this folder, one per file; pipeline.cpp puts them in order. They run once per
// model: small code rather than fast code.
#pragma once

#include <inlay/kernels/inline.hpp>

#include "inlay/pass.hpp"

namespace inlay::inline v0::passes {

// Understanding: they follow values into subgraphs themselves.
INLAY_COLD void infer_types(Graph& graph, const PassContext& context);
INLAY_COLD void fold_constants(Graph& graph, const PassContext& context);

// Cleaning.
INLAY_COLD void inline_branches(Graph& graph, const PassContext& context);
INLAY_COLD void eliminate_dead(Graph& graph, const PassContext& context);
INLAY_COLD void eliminate_common(Graph& graph, const PassContext& context);
INLAY_COLD void remove_noops(Graph& graph, const PassContext& context);
INLAY_COLD void widen_float16(Graph& graph, const PassContext& context);
INLAY_COLD void replace_upsample(Graph& graph, const PassContext& context);
INLAY_COLD void split_max_pool(Graph& graph, const PassContext& context);
INLAY_COLD void merge_transposes(Graph& graph, const PassContext& context);
INLAY_COLD void hoist_transpose(Graph& graph, const PassContext& context);
INLAY_COLD void merge_reshapes(Graph& graph, const PassContext& context);
INLAY_COLD void precompute_rows(Graph& graph, const PassContext& context);

// Fusing.
INLAY_COLD void fuse_quantized(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_dynamic_matmul(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_one_hot(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_layer_norm(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_rms_norm(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_norm_scale(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_activation_formulas(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_rotary(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_attention(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_channel_shuffle(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_space_to_depth(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_pad(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_gemm(Graph& graph, const PassContext& context);
INLAY_COLD void unflatten_matmul(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_affine(Graph& graph, const PassContext& context);
INLAY_COLD void merge_siblings(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_residual(Graph& graph, const PassContext& context);
INLAY_COLD void fuse_activation(Graph& graph, const PassContext& context);

// Laying out.
INLAY_COLD void narrow_weights(Graph& graph, const PassContext& context);
INLAY_COLD void channels_last_codes(Graph& graph, const PassContext& context);
INLAY_COLD void block_channels(Graph& graph, const PassContext& context);

}  // namespace inlay::inline v0::passes
