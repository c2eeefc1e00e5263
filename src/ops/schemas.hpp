// The operator tables of this build, one per family file in this folder.
#pragma once

#include <vector>

#include "inlay/op.hpp"

namespace inlay::inline v0 {

std::vector<OpSchema>
elementwise_schemas();  // arithmetic, comparison, logic, activations, Where, Cast
std::vector<OpSchema> generator_schemas();  // Constant, ConstantOfShape, Range, EyeLike, random
std::vector<OpSchema> reduction_schemas();  // Reduce*, ArgMax, ArgMin, CumSum, TopK
std::vector<OpSchema>
normalization_schemas();                // Softmax, BatchNormalization, LayerNormalization, losses
std::vector<OpSchema> shape_schemas();  // Reshape, Transpose, Squeeze, Shape, Size
std::vector<OpSchema> movement_schemas();   // Concat, Split, Slice, Pad, DepthToSpace
std::vector<OpSchema> gather_schemas();     // Gather*, Scatter*
std::vector<OpSchema> selection_schemas();  // NonZero, Unique, OneHot, NonMaxSuppression
std::vector<OpSchema> resize_schemas();     // Resize, Upsample
std::vector<OpSchema> sampling_schemas();   // GridSample, RoiAlign, Col2Im
std::vector<OpSchema> container_schemas();  // sequences and optionals
std::vector<OpSchema> control_schemas();    // If, Loop, Scan
std::vector<OpSchema> matmul_schemas();     // MatMul, Gemm, Einsum
std::vector<OpSchema> conv_schemas();       // Conv, ConvTranspose
std::vector<OpSchema> pool_schemas();       // MaxPool, AveragePool, global pools
std::vector<OpSchema> recurrent_schemas();  // LSTM, GRU, RNN
std::vector<OpSchema> quantized_schemas();  // QuantizeLinear, QLinear*, integer products
std::vector<OpSchema> attention_schemas();  // Attention, RotaryEmbedding
std::vector<OpSchema> fused_schemas();      // what the fusion passes write
std::vector<OpSchema> blocked_schemas();    // what runs on blocked channels
std::vector<OpSchema> signal_schemas();     // DFT, STFT, MelWeightMatrix
std::vector<OpSchema> text_schemas();       // operators on strings
std::vector<OpSchema> ml_schemas();         // ai.onnx.ml: features, labels, maps, classical models
std::vector<OpSchema> image_schemas();      // ImageDecoder

// Operators of com.microsoft that exporters and optimisers write.
std::vector<OpSchema> contrib_attention_schemas();  // Attention, MultiHeadAttention
std::vector<OpSchema> contrib_norm_schemas();       // SkipLayerNormalization, BiasGelu
std::vector<OpSchema> contrib_product_schemas();    // FusedMatMul, MatMulNBits, QGemm
std::vector<OpSchema> contrib_quantized_schemas();  // QLinearSoftmax, DynamicQuantizeLSTM
std::vector<OpSchema> contrib_tensor_schemas();     // Inverse, CropAndResize

}  // namespace inlay::inline v0
