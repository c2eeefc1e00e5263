// Every pass of this folder, one per file; pipeline.cpp puts them in order.
#pragma once

#include "inlay/pass.hpp"

namespace inlay::inline v0::passes {

// Understanding: they follow values into subgraphs themselves.
void infer_types(Graph& graph, const PassContext& context);
void fold_constants(Graph& graph, const PassContext& context);

// Cleaning.
void inline_branches(Graph& graph, const PassContext& context);
void eliminate_dead(Graph& graph, const PassContext& context);
void eliminate_common(Graph& graph, const PassContext& context);
void remove_noops(Graph& graph, const PassContext& context);
void widen_float16(Graph& graph, const PassContext& context);
void replace_upsample(Graph& graph, const PassContext& context);
void merge_transposes(Graph& graph, const PassContext& context);
void merge_reshapes(Graph& graph, const PassContext& context);

// Fusing.
void fuse_quantized(Graph& graph, const PassContext& context);
void fuse_layer_norm(Graph& graph, const PassContext& context);
void fuse_rms_norm(Graph& graph, const PassContext& context);
void fuse_norm_scale(Graph& graph, const PassContext& context);
void fuse_activation_formulas(Graph& graph, const PassContext& context);
void fuse_rotary(Graph& graph, const PassContext& context);
void fuse_attention(Graph& graph, const PassContext& context);
void fuse_pad(Graph& graph, const PassContext& context);
void fuse_gemm(Graph& graph, const PassContext& context);
void unflatten_matmul(Graph& graph, const PassContext& context);
void fuse_affine(Graph& graph, const PassContext& context);
void fuse_residual(Graph& graph, const PassContext& context);
void fuse_activation(Graph& graph, const PassContext& context);

}  // namespace inlay::inline v0::passes
