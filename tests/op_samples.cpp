#include "op_samples.hpp"

namespace inlay::test {
Tensor counting(const Shape& shape, float scale, float offset) {
  Tensor tensor(DType::float32, shape);
  int i = 0;
  for (float& value : tensor.as_mutable<float>()) {
    value = offset + scale * static_cast<float>(1 + i++ % 3);
  }
  return tensor;
}

std::vector<Sample> elementwise_samples() {
  std::vector<Sample> samples;
  const Tensor fractions = counting({2, 3}, 0.25F);  // 0.25, 0.5, 0.75
  for (const char* name : {"Floor",      "Ceil",      "Round",
                           "Sqrt",       "Exp",       "Log",
                           "Reciprocal", "Sin",       "Cos",
                           "Tan",        "Asin",      "Acos",
                           "Atan",       "Sinh",      "Cosh",
                           "Tanh",       "Asinh",     "Atanh",
                           "Sigmoid",    "LeakyRelu", "Elu",
                           "Selu",       "Celu",      "Gelu",
                           "Mish",       "Swish",     "HardSigmoid",
                           "HardSwish",  "IsNaN",     "IsInf",
                           "Softplus",   "Softsign",  "ThresholdedRelu",
                           "Dropout"}) {
    samples.push_back({.call = op(name, {fractions}), .scalar = true});
  }
  samples.push_back({.call = op("Acosh", {counting({2, 3})}), .scalar = true});
  const Tensor x = counting({2, 3});
  for (const char* name : {"Abs", "Sign", "Erf", "Shrink", "Neg", "Relu", "Identity"}) {
    samples.push_back({.call = op(name, {x}), .scalar = true});
  }
  const Tensor truth = Tensor::copy_of({true, false, true, false, false, true}, {2, 3});
  const Tensor whole_numbers = counting_as<std::int32_t>({2, 3});
  samples.push_back({.call = op("Not", {truth}), .scalar = true});
  samples.push_back({.call = op("BitwiseNot", {whole_numbers}), .scalar = true});
  samples.push_back(
      {.call = op("Clip", {x, Tensor::scalar(1.F), Tensor::scalar(2.F)}), .scalar = true});
  samples.push_back({.call = op("Cast", {x}, {whole("to", 11)}), .scalar = true});
  samples.push_back({.call = op("CastLike", {x, Tensor::scalar(1.0)}), .scalar = true});
  samples.push_back({.call = op("BitCast", {counting_as<std::int32_t>({2, 3})}, {whole("to", 1)}),
                     .scalar = true});
  const Tensor y = counting({3}, 1, 3);  // 4, 5, 6: not less than x
  for (const char* name : {"Add", "Sub", "Mul", "Div", "Mod", "Pow", "Equal", "Less", "Greater",
                           "LessOrEqual", "GreaterOrEqual", "Max", "Min", "Sum", "Mean"}) {
    Call made = op(name, {counting({2, 3}, 1, 3), counting({2, 1})});
    if (made.op == "Mod") made.attributes.set("fmod", std::int64_t{1});
    samples.push_back({.call = made, .empty = {{0, 1}}, .scalar = true, .broadcasts = true});
  }
  samples.push_back({.call = op("PRelu", {x, y}), .scalar = true});
  samples.push_back({.call = op("SwiGLU", {x, x}), .empty = {{0, 0}, {1, 0}}, .scalar = true});
  for (const char* name : {"And", "Or", "Xor"}) {
    samples.push_back({.call = op(name, {truth, Tensor::copy_of({true, false, true})}),
                       .scalar = true,
                       .broadcasts = true});
  }
  for (const char* name : {"BitwiseAnd", "BitwiseOr", "BitwiseXor"}) {
    samples.push_back({.call = op(name, {whole_numbers, counting_as<std::int32_t>({3})}),
                       .scalar = true,
                       .broadcasts = true});
  }
  samples.push_back(
      {.call = op("BitShift", {counting_as<std::uint8_t>({2, 3}), counting_as<std::uint8_t>({3})},
                  {word("direction", "LEFT")}),
       .scalar = true,
       .broadcasts = true});
  samples.push_back({.call = op("Where", {truth, x, y}),
                     .empty = {{0, 0}, {1, 0}},
                     .scalar = true,
                     .broadcasts = true});
  return samples;
}

std::vector<Sample> tensor_samples() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  const Tensor x = counting({2, 3});
  const Tensor cube = counting({2, 3, 2});
  for (const char* name :
       {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
        "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"}) {
    add({.call = op(name, {cube, longs({1})}), .axes_input = 1});
  }
  add({.call = op("ArgMax", {cube}, {whole("axis", 1)})});
  add({.call = op("ArgMin", {cube}, {whole("axis", 1)})});
  add({.call = op("CumSum", {cube, Tensor::scalar<std::int64_t>(1)}), .axes_input = 1});
  add({.call = op("CumProd", {cube, Tensor::scalar<std::int64_t>(1)}), .axes_input = 1});
  add({.call = op("TopK", {x, longs({2})}, {whole("axis", 1)}, 2)});

  for (const char* name : {"Softmax", "LogSoftmax", "Hardmax", "LpNormalization"}) {
    add({.call = op(name, {cube}, {whole("axis", 1)})});
  }
  add({.call = op("LRN", {counting({1, 4, 3})}, {whole("size", 3)})});
  add({.call = op("MeanVarianceNormalization", {counting({2, 2, 3, 2})})});
  const Tensor three = counting({3}), four = counting({4});
  add({.call = op("BatchNormalization", {counting({2, 3, 2}), three, three, three, three})});
  add({.call = op("InstanceNormalization", {counting({2, 3, 4}), three, three})});
  add({.call =
           op("GroupNormalization", {counting({2, 4, 3}), four, four}, {whole("num_groups", 2)})});
  add({.call = op("LayerNormalization", {x, three, three}, {whole("axis", 1)})});
  add({.call = op("RMSNormalization", {x, three}, {whole("axis", 1)})});
  const Tensor classes = longs({2, 0, 1});
  for (const char* name : {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}) {
    add({.call = op(name, {counting({3, 4}), classes}), .empty = {{0, 0}, {1, 0}}});
  }

  add({.call = op("Expand", {x, longs({2, 1, 3})}), .empty = {{0, 0}}});
  add({.call = op("Flatten", {cube}, {whole("axis", 1)})});
  add({.call = op("Reshape", {cube, longs({0, 6})})});
  add({.call = op("Shape", {cube})});
  add({.call = op("Size", {cube})});
  add({.call = op("Squeeze", {counting({2, 1, 3}), longs({1})}), .axes_input = 1});
  add({.call = op("Unsqueeze", {x, longs({1})}), .axes_input = 1});
  add({.call = op("Transpose", {cube})});

  add({.call = op("CenterCropPad", {cube, longs({5})}, {list("axes", {1})})});
  add({.call = op("Concat", {x, counting({2, 2})}, {whole("axis", 1)}), .empty = {{0, 0}, {1, 0}}});
  add({.call = op("DepthToSpace", {counting({1, 4, 2, 3})}, {whole("blocksize", 2)})});
  add({.call = op("SpaceToDepth", {counting({1, 2, 4, 2})}, {whole("blocksize", 2)})});
  add({.call = op("Pad", {x, longs({0, 1, 0, 2})})});
  add({.call = op("ReverseSequence", {counting({3, 2}), longs({3, 2})}),
       .empty = {{0, 1}, {1, 0}}});
  add({.call = op("Slice", {counting({2, 5}), longs({1}), longs({4}), longs({1})}),
       .axes_input = 3});
  add({.call = op("Split", {counting({2, 4}), longs({1, 3})}, {whole("axis", 1)}, 2)});
  add({.call = op("Tile", {x, longs({1, 2})})});
  add({.call = op("Trilu", {counting({2, 3, 3})})});

  add({.call = op("Gather", {x, longs({2, 0})}, {whole("axis", 1)})});
  const Tensor at = Tensor::copy_of<std::int64_t>({2, 0, 1, 1}, {2, 2});
  add({.call = op("GatherElements", {x, at}, {whole("axis", 1)}), .empty = {{0, 0}, {1, 0}}});
  const Tensor rows = Tensor::copy_of<std::int64_t>({1, 0}, {2, 1});
  add({.call = op("GatherND", {x, rows}, {whole("batch_dims", 1)}), .empty = {{0, 0}, {1, 0}}});
  const std::vector<std::pair<std::size_t, int>> all_rows = {{0, 0}, {1, 0}, {2, 0}};
  add({.call = op("Scatter", {x, at, counting({2, 2})}, {whole("axis", 1)}, 1, 10),
       .empty = all_rows});
  add({.call = op("ScatterElements", {x, at, counting({2, 2})}, {whole("axis", 1)}),
       .empty = all_rows});
  add({.call = op("ScatterND", {x, rows, x}), .empty = {{1, 0}, {2, 0}}});
  add({.call = op("TensorScatter", {counting({2, 4, 3}), counting({2, 1, 3}), longs({2, 0})}),
       .empty = all_rows});

  const Tensor kept = Tensor::copy_of({true, false, true});
  add({.call = op("Compress", {x, kept}, {whole("axis", 1)})});
  add({.call = op("NonMaxSuppression", {counting({1, 3, 4}), counting({1, 2, 3}, 0.25F),
                                        Tensor::scalar<std::int64_t>(2)}),
       .empty = {{0, 0}, {1, 0}}});
  add({.call = op("NonZero", {x})});
  add({.call = op("OneHot", {longs({0, 2, 1}), Tensor::scalar<std::int64_t>(3),
                             Tensor::copy_of({0.F, 1.F})})});
  add({.call = op("Unique", {Tensor::copy_of({2.F, 1.F, 1.F, 3.F})})});

  add({.call =
           op("Resize", {counting({1, 1, 2, 2}), Value(), Tensor::copy_of({1.F, 1.F, 2.F, 2.F})})});
  add({.call = op("Upsample", {counting({1, 1, 2, 2}), Tensor::copy_of({1.F, 1.F, 2.F, 2.F})}, {},
                  1, 9)});
  add({.call = op("AffineGrid", {counting({2, 2, 3}), longs({2, 1, 3, 3})}), .empty = {}});
  add({.call = op("Col2Im", {counting({1, 4, 4}), longs({3, 3}), longs({2, 2})})});
  add({.call = op("GridSample", {counting({1, 1, 3, 3}), counting({1, 2, 2, 2}, 0.25F)},
                  {word("mode", "nearest")}),
       .empty = {{0, 0}, {1, 0}}});
  add({.call = op("RoiAlign", {counting({1, 1, 4, 4}), counting({2, 4}), longs({0, 0})}),
       .empty = {{1, 0}, {2, 0}}});

  add({.call = op("Constant", {}, {{"value_float", 2.F}}), .empty = {}});
  add({.call = op("ConstantOfShape", {longs({2, 3})}), .empty = {{0, 0}}});
  add({.call = op("Range", {Tensor::scalar(1.F), Tensor::scalar(6.F), Tensor::scalar(2.F)}),
       .empty = {}});
  add({.call = op("EyeLike", {counting({3, 4})})});
  for (const char* name : {"HannWindow", "HammingWindow", "BlackmanWindow"}) {
    add({.call = op(name, {Tensor::scalar<std::int64_t>(5)}), .empty = {}});
  }
  const Attributes::Item seed{"seed", 7.F};
  for (const char* name : {"RandomNormal", "RandomUniform"}) {
    add({.call = op(name, {}, {list("shape", {2, 3}), seed}), .empty = {}});
  }
  add({.call = op("RandomNormalLike", {x}, {whole("dtype", 1), seed})});
  add({.call = op("RandomUniformLike", {x}, {whole("dtype", 1), seed})});
  add({.call = op("Bernoulli", {counting({2, 3}, 0.25F)}, {seed})});
  add({.call = op("Multinomial", {x}, {whole("sample_size", 4), seed})});
  return samples;
}

std::vector<Sample> product_samples() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  add({.call = op("MatMul", {counting({2, 3, 4}), counting({4, 2})})});
  add({.call = op("Gemm", {counting({2, 3}), counting({3, 4}), counting({4})})});
  add({.call =
           op("Einsum", {counting({2, 3}), counting({3, 2})}, {word("equation", "ij,jk->ik")})});
  add({.call = op("Det", {counting({2, 2, 2}, 0.5F)})});
  add({.call = {"FusedMatMul", {counting({2, 3}), counting({3, 2})}, {}, "inlay", 1}});

  const Tensor image = counting({2, 2, 4, 4}), filters = counting({3, 2, 3, 3});
  add({.call = op("Conv", {image, filters, counting({3})})});
  add({.call = {"FusedConv", {image, filters}, {}, "com.microsoft", 1}});
  const auto blocked = [&](const char* name, std::vector<Value> inputs, bool from_blocks) {
    Call call{name, std::move(inputs), {}, "inlay", 1};
    call.attributes.set("block", std::int64_t{4});
    if (from_blocks) call.attributes.set("channels", std::int64_t{2});
    return call;
  };
  add({.call = blocked("BlockChannels", {image}, false)});
  add({.call = blocked("UnblockChannels", {counting({2, 1, 3, 3, 4})}, true)});
  Call last = blocked("UnblockChannels", {counting({2, 1, 3, 3, 4})}, true);
  last.attributes.set("channels_last", std::int64_t{1});
  add({.call = std::move(last)});
  Call joined =
      blocked("BlockedGather", {counting({2, 1, 3, 3, 4}), counting({2, 2, 3, 3, 4})}, false);
  joined.attributes.set("channels", std::vector<std::int64_t>{3, 5});
  add({.call = joined, .empty = {{0, 0}, {1, 0}}});
  joined.attributes.set("indices", std::vector<std::int64_t>{7, 2, 3, 3, 0});
  add({.call = std::move(joined), .empty = {{0, 0}, {1, 0}}});
  add({.call = blocked("BlockedConv", {counting({2, 1, 4, 4, 4}), filters, counting({3})}, true)});
  add({.call = blocked("BlockedConvTranspose",
                       {counting({2, 1, 4, 4, 4}), counting({2, 3, 3, 3}), counting({3})}, true)});
  add({.call = op("ConvTranspose", {counting({2, 3, 2, 2}), filters})});
  add({.call = op("DeformConv",
                  {counting({1, 1, 3, 3}), counting({1, 1, 2, 2}), counting({1, 8, 2, 2}, 0.25F)}),
       .empty = {{0, 0}, {2, 0}}});
  add({.call = op("CausalConvWithState", {counting({2, 3, 4}), counting({3, 1, 2})})});
  const Attributes::Item window = list("kernel_shape", {2, 2});
  for (const char* name : {"MaxPool", "AveragePool", "LpPool"}) {
    add({.call = op(name, {image}, {window})});
  }
  for (const char* name : {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"}) {
    add({.call = op(name, {image})});
  }
  add({.call =
           op("MaxUnpool",
              {counting({1, 1, 2, 2}), Tensor::copy_of<std::int64_t>({0, 3, 9, 11}, {1, 1, 2, 2})},
              {window, list("strides", {2, 2})}),
       .empty = {{0, 0}, {1, 0}}});
  add({.call = op("MaxRoiPool",
                  {counting({1, 1, 4, 4}), Tensor::copy_of({0.F, 0.F, 0.F, 2.F, 2.F}, {1, 5})},
                  {list("pooled_shape", {2, 2})}),
       .empty = {{1, 0}}});

  const Tensor sequence = counting({3, 2, 4}, 0.25F);
  for (const auto& [name, gates] : {std::pair("RNN", 1), {"GRU", 3}, {"LSTM", 4}}) {
    add({.call = op(name,
                    {sequence, counting({1, gates * 5, 4}, 0.25F, -0.5F),
                     counting({1, gates * 5, 5}, 0.25F, -0.5F)},
                    {whole("hidden_size", 5)}, 2),
         .empty = {{0, 1}}});
  }

  const Tensor tokens = counting({2, 3, 8}, 0.25F);
  const std::vector<std::pair<std::size_t, int>> batch = {{0, 0}, {1, 0}, {2, 0}};
  add({.call = op("Attention", {tokens, tokens, tokens},
                  {whole("q_num_heads", 2), whole("kv_num_heads", 2)}),
       .empty = batch});
  const Tensor heads = counting({2, 2, 3, 4}, 0.25F);
  add({.call = {"FusedAttention", {heads, heads, heads}, {}, "inlay", 1}, .empty = batch});
  add({.call = {"FusedRotaryEmbedding",
                {heads, counting({3, 2}, 0.25F), counting({3, 2}, 0.25F)},
                {},
                "inlay",
                1}});
  add({.call = op("RotaryEmbedding", {heads, counting({5, 2}, 0.25F), counting({5, 2}, 0.25F),
                                      Tensor::copy_of<std::int64_t>({0, 1, 2, 4, 3, 2}, {2, 3})}),
       .empty = {{0, 0}, {3, 0}}});
  add({.call = op(
           "LinearAttention", {tokens, tokens, tokens},
           {whole("q_num_heads", 2), whole("kv_num_heads", 2), word("update_rule", "linear")}, 2),
       .empty = batch});
  Call flex{"FlexAttention", {heads, heads, heads}, {}, "ai.onnx.preview", 1};
  add({.call = flex, .empty = batch});
  return samples;
}

std::vector<Sample> quantized_samples() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  using u8 = std::uint8_t;
  const Tensor x = counting({2, 3}), codes = counting_as<u8>({2, 3});
  const Tensor scale = Tensor::scalar(0.5F), zero = Tensor::scalar(u8{1});
  const std::pair<const char*, int> domains[] = {{"", newest}, {"com.microsoft", 1}};
  for (const auto& [domain, version] : domains) {
    add({.call = {"QuantizeLinear", {x, scale, zero}, {}, domain, version}});
    add({.call = {"DequantizeLinear",
                  {counting_as<std::int8_t>({2, 3}), scale, Tensor::scalar(std::int8_t{1})},
                  {},
                  domain,
                  version}});
  }
  add({.call = op("DynamicQuantizeLinear", {x}, {}, 3)});
  add({.call = op("MatMulInteger", {codes, counting_as<u8>({3, 2})})});
  const Tensor image = counting_as<u8>({2, 2, 4, 4}), filters = counting_as<u8>({3, 2, 3, 3});
  add({.call = op("ConvInteger", {image, filters})});
  add({.call = op("QLinearConv", {image, scale, zero, filters, scale, zero, scale, zero})});
  add({.call = op("QLinearMatMul",
                  {codes, scale, zero, counting_as<u8>({3, 2}), scale, zero, scale, zero})});

  const auto add_microsoft = [&](const char* name, std::vector<Value> inputs,
                                 Attributes attributes = {},
                                 std::vector<std::pair<std::size_t, int>> empty = {{0, 0}}) {
    add({.call = {name, std::move(inputs), std::move(attributes), "com.microsoft", 1},
         .empty = std::move(empty)});
  };
  const std::vector<std::pair<std::size_t, int>> both = {{0, 0}, {3, 0}};
  add_microsoft("QLinearAdd", {codes, scale, zero, codes, scale, zero, scale, zero}, {}, both);
  add_microsoft("QLinearMul", {codes, scale, zero, codes, scale, zero, scale, zero}, {}, both);
  add_microsoft("QLinearLeakyRelu", {codes, scale, zero, scale, zero});
  add_microsoft("QLinearSigmoid", {codes, scale, zero, scale, zero});
  add_microsoft("QLinearAveragePool", {image, scale, zero, scale, zero},
                attributes({list("kernel_shape", {2, 2})}));
  add_microsoft("QLinearGlobalAveragePool", {image, scale, zero, scale, zero});
  add_microsoft("QLinearConcat", {scale, zero, codes, scale, zero, codes, scale, zero},
                attributes({whole("axis", 1)}), {{2, 0}, {5, 0}});
  add({.call = {"CodeTable", {codes, Tensor::zeros(DType::uint8, {256})}, {}, "inlay", 1}});
  return samples;
}

std::vector<Sample> op_samples() {
  std::vector<Sample> all;
  for (auto part : {elementwise_samples, tensor_samples, product_samples, quantized_samples,
                    signal_samples, text_samples, ml_samples, contrib_samples}) {
    for (Sample& sample : part()) all.push_back(std::move(sample));
  }
  return all;
}

}  // namespace inlay::test
