// The operator tables of this build, one per family file in this folder.
#pragma once

#include <inlay/kernels/inline.hpp>
#include <vector>

#include "inlay/op.hpp"

namespace inlay::inline v0 {

INLAY_COLD std::vector<OpSchema>
elementwise_schemas();  // arithmetic, comparison, logic, activations, Where, Cast
INLAY_COLD std::vector<OpSchema>
generator_schemas();  // Constant, ConstantOfShape, Range, EyeLike, random
INLAY_COLD std::vector<OpSchema> reduction_schemas();  // Reduce*, ArgMax, ArgMin, CumSum, TopK
INLAY_COLD std::vector<OpSchema>
normalization_schemas();  // Softmax, BatchNormalization, LayerNormalization, losses
INLAY_COLD std::vector<OpSchema> shape_schemas();      // Reshape, Transpose, Squeeze, Shape, Size
INLAY_COLD std::vector<OpSchema> movement_schemas();   // Concat, Split, Slice, Pad, DepthToSpace
INLAY_COLD std::vector<OpSchema> gather_schemas();     // Gather*, Scatter*
INLAY_COLD std::vector<OpSchema> selection_schemas();  // NonZero, Unique, OneHot, NonMaxSuppression
INLAY_COLD std::vector<OpSchema> resize_schemas();     // Resize, Upsample
INLAY_COLD std::vector<OpSchema> sampling_schemas();   // GridSample, RoiAlign, Col2Im
INLAY_COLD std::vector<OpSchema> container_schemas();  // sequences and optionals
INLAY_COLD std::vector<OpSchema> control_schemas();    // If, Loop, Scan
INLAY_COLD std::vector<OpSchema> matmul_schemas();     // MatMul, Gemm, Einsum
INLAY_COLD std::vector<OpSchema> conv_schemas();       // Conv, ConvTranspose
INLAY_COLD std::vector<OpSchema> pool_schemas();       // MaxPool, AveragePool, global pools
INLAY_COLD std::vector<OpSchema> recurrent_schemas();  // LSTM, GRU, RNN
INLAY_COLD std::vector<OpSchema> quantized_schemas();  // QuantizeLinear, QLinear*, integer products
INLAY_COLD std::vector<OpSchema> attention_schemas();  // Attention, RotaryEmbedding
INLAY_COLD std::vector<OpSchema> fused_schemas();      // what the fusion passes write
INLAY_COLD std::vector<OpSchema> blocked_schemas();    // what runs on blocked channels
INLAY_COLD std::vector<OpSchema> signal_schemas();     // DFT, STFT, MelWeightMatrix
INLAY_COLD std::vector<OpSchema> text_schemas();       // operators on strings
INLAY_COLD std::vector<OpSchema>
ml_schemas();  // ai.onnx.ml: features, labels, maps, classical models
INLAY_COLD std::vector<OpSchema> image_schemas();  // ImageDecoder

// Operators of com.microsoft that exporters and optimisers write.
INLAY_COLD std::vector<OpSchema> contrib_attention_schemas();  // Attention, MultiHeadAttention
INLAY_COLD std::vector<OpSchema> contrib_norm_schemas();       // SkipLayerNormalization, BiasGelu
INLAY_COLD std::vector<OpSchema> contrib_product_schemas();    // FusedMatMul, MatMulNBits, QGemm
INLAY_COLD std::vector<OpSchema>
contrib_quantized_schemas();                                // QLinearSoftmax, DynamicQuantizeLSTM
INLAY_COLD std::vector<OpSchema> contrib_tensor_schemas();  // Inverse, CropAndResize

}  // namespace inlay::inline v0
