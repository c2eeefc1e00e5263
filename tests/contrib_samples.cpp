// Typical calls of com.microsoft's operators.
#include "op_samples.hpp"

namespace inlay::test {
namespace {

const Value none;

/// int32 numbers 0, 1, 0, 1 …
Tensor bits(const Shape& shape) {
  Tensor tensor(DType::int32, shape);
  std::int32_t i = 0;
  for (std::int32_t& value : tensor.as_mutable<std::int32_t>()) value = i++ % 2;
  return tensor;
}

std::vector<Sample> attention_family() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  const Attributes::Item heads = whole("num_heads", 2);
  const Tensor tokens = counting({2, 3, 4}, 0.25F);
  const Tensor weights = counting({4, 12}, 0.25F, -0.5F), bias = counting({12}, 0.25F);
  add({.call = microsoft_call("Attention", {tokens, weights, bias, bits({2, 3})}, {heads}),
       .empty = {{0, 0}, {3, 0}}});
  add({.call =
           microsoft_call("QAttention",
                          {counting_as<std::uint8_t>({2, 3, 4}), counting_as<std::int8_t>({4, 12}),
                           bias, Tensor::scalar(0.25F), Tensor::scalar(0.25F)},
                          {heads})});
  const std::vector<std::pair<std::size_t, int>> batch = {{0, 0}, {1, 0}, {2, 0}};
  add({.call = microsoft_call("MultiHeadAttention", {tokens, tokens, tokens, bias}, {heads}, 3),
       .empty = batch});
  add({.call = microsoft_call(
           "GroupQueryAttention",
           {counting({2, 3, 8}, 0.25F), tokens, tokens, none, none,
            Tensor::copy_of<std::int32_t>({2, 1}), Tensor::copy_of<std::int32_t>({3})},
           {heads, whole("kv_num_heads", 1)}, 3),
       .empty = {{0, 0}, {1, 0}, {2, 0}, {5, 0}}});
  add({.call = microsoft_call("RotaryEmbedding",
                              {tokens, Tensor::copy_of<std::int64_t>({0, 1, 2, 4, 3, 2}, {2, 3}),
                               counting({5, 1}, 0.25F), counting({5, 1}, 0.25F)},
                              {heads}),
       .empty = {{0, 0}, {1, 0}}});
  return samples;
}

std::vector<Sample> norm_family() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  const Tensor x = counting({2, 3}), three = counting({3});
  add({.call = microsoft_call("SkipLayerNormalization", {x, x, three, three, three}, {}, 4),
       .empty = {{0, 0}, {1, 0}}});
  add({.call = microsoft_call("SkipSimplifiedLayerNormalization", {x, x, three, three}, {}, 4),
       .empty = {{0, 0}, {1, 0}}});
  Call simplified = microsoft_call("SimplifiedLayerNormalization", {x, three}, {whole("axis", 1)});
  add({.call = simplified});
  simplified.domain = "";
  add({.call = simplified});
  const Tensor ids = bits({2, 3}), table = counting({3, 4}), four = counting({4});
  add({.call = microsoft_call("EmbedLayerNormalization",
                              {ids, ids, table, table, table, four, four, ids}, {}, 3),
       .empty = {{0, 0}, {1, 0}, {7, 0}}});
  const Tensor coded = counting_as<std::uint8_t>({3, 4}), row = counting_as<std::uint8_t>({4});
  const Tensor scale = Tensor::scalar(0.25F), zero = Tensor::scalar(std::uint8_t{1});
  add({.call = microsoft_call("QEmbedLayerNormalization",
                              {ids, ids, coded, coded, coded, row, row, ids, scale, scale, scale,
                               scale, scale, zero, zero, zero, zero, zero},
                              {}, 2),
       .empty = {{0, 0}, {1, 0}, {7, 0}}});
  const Tensor fractions = counting({2, 4}, 0.25F);
  add({.call = microsoft_call("Gelu", {fractions}), .scalar = true});
  add({.call = microsoft_call("QuickGelu", {fractions}), .scalar = true});
  add({.call = microsoft_call("BiasGelu", {fractions, four})});
  add({.call = microsoft_call("FastGelu", {fractions, four})});
  add({.call = microsoft_call("BiasSplitGelu", {fractions, four})});
  return samples;
}

std::vector<Sample> product_family() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  const Attributes::Item transposed = whole("transB", 1);
  const Tensor a = counting({2, 3}), b = counting({4, 3});
  add({.call = microsoft_call("FusedMatMul", {a, b}, {transposed})});
  add({.call = microsoft_call("TransposeMatMul", {a, b}, {transposed})});
  add({.call = microsoft_call("FusedGemm", {a, b, counting({4})},
                              {transposed, word("activation", "Relu")})});
  const Tensor codes = counting_as<std::uint8_t>({2, 3}), more = counting_as<std::uint8_t>({3, 4});
  const Tensor scale = Tensor::scalar(0.5F), zero = Tensor::scalar(std::uint8_t{1});
  add({.call = microsoft_call("MatMulIntegerToFloat", {codes, more, scale, scale, zero, zero})});
  add({.call = microsoft_call("DynamicQuantizeMatMul", {a, more, scale, zero})});
  add({.call = {"DynamicQuantizeMatMul", {a, more, scale, zero}, {}, "inlay", 1}});
  add({.call = microsoft_call("QGemm", {codes, scale, zero, more, scale, zero})});
  const Attributes::Item depth = whole("K", 16), columns = whole("N", 2);
  const Attributes::Item block = whole("block_size", 16);
  const Tensor row = counting({1, 16});
  add({.call = microsoft_call("MatMulNBits",
                              {row, counting_as<std::uint8_t>({2, 1, 8}), counting({2, 1}, 0.25F)},
                              {depth, columns, block})});
  add({.call = microsoft_call("MatMulBnb4",
                              {row, counting_as<std::uint8_t>({16}), counting({2}, 0.25F)},
                              {depth, columns, block, whole("quant_type", 1)})});
  add({.call = microsoft_call("GatherBlockQuantized",
                              {counting_as<std::uint8_t>({3, 16}), longs({2, -3}), counting({3, 1}),
                               counting_as<std::uint8_t>({3, 1})},
                              {block, whole("bits", 8)}),
       .empty = {{1, 0}}});
  const Tensor image = counting({2, 4, 4, 2}), filters = counting({3, 2, 3, 3});
  add({.call = microsoft_call("NhwcConv", {image, filters, counting({3})})});
  add({.call = microsoft_call("NhwcFusedConv", {image, filters}, {word("activation", "Relu")})});
  add({.call = microsoft_call("NhwcMaxPool", {counting_as<std::uint8_t>({2, 4, 4, 2})},
                              {list("kernel_shape", {2, 2})})});
  add({.call = microsoft_call("ConvTransposeWithDynamicPads",
                              {counting({2, 3, 2, 2}), filters, longs({0, 1, 1, 0})})});
  return samples;
}

std::vector<Sample> quantized_family() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  const Tensor codes = counting_as<std::uint8_t>({2, 3});
  const Tensor scale = Tensor::scalar(0.5F), zero = Tensor::scalar(std::uint8_t{1});
  add({.call = microsoft_call("QLinearSoftmax", {codes, scale, zero, Tensor::scalar(0.01F), zero},
                              {whole("axis", 1), whole("opset", 13)})});
  add({.call = microsoft_call("QLinearReduceMean", {codes, scale, zero, scale, zero},
                              {list("axes", {1}), whole("keepdims", 1)})});
  const Tensor chosen = Tensor::copy_of({true, false, true});
  add({.call = microsoft_call("QLinearWhere",
                              {chosen, codes, scale, zero, codes, scale, zero, scale, zero}),
       .empty = {{1, 0}, {4, 0}}});
  add({.call = microsoft_call("QLinearConv",
                              {counting_as<std::uint8_t>({2, 4, 4, 2}), scale, zero,
                               counting_as<std::uint8_t>({3, 2, 3, 3}), scale, zero, scale, zero},
                              {whole("channels_last", 1)})});
  add({.call = microsoft_call("DynamicQuantizeLSTM",
                              {counting({3, 2, 4}, 0.25F), counting_as<std::uint8_t>({1, 4, 20}),
                               counting_as<std::uint8_t>({1, 5, 20}), none, none, none, none, none,
                               Tensor::copy_of({0.25F}), Tensor::copy_of<std::uint8_t>({1}),
                               Tensor::copy_of({0.25F}), Tensor::copy_of<std::uint8_t>({2})},
                              {whole("hidden_size", 5)}, 3),
       .empty = {{0, 1}}});
  return samples;
}

std::vector<Sample> tensor_family() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  const Tensor x = counting({2, 3});
  add({.call = microsoft_call(
           "Inverse", {Tensor::copy_of({2.F, 1.F, 1.F, 1.F, 1.F, 0.F, 0.F, 4.F}, {2, 2, 2})})});
  add({.call = microsoft_call("CDist", {x, counting({4, 3}, 1, 1)})});
  add({.call = microsoft_call("CropAndResize", {counting({1, 2, 3, 3}), counting({2, 4}, 0.25F),
                                                Tensor::zeros(DType::int32, {2}),
                                                Tensor::copy_of<std::int32_t>({2, 2})}),
       .empty = {{1, 0}, {2, 0}}});
  add({.call = microsoft_call("ExpandDims", {x, Tensor::scalar(std::int32_t{1})})});
  add({.call = microsoft_call("NGramRepeatBlock",
                              {Tensor::copy_of<std::int64_t>({0, 1, 0, 2, 2, 2}, {2, 3}), x},
                              {whole("ngram_size", 2)}),
       .empty = {{0, 0}, {1, 0}}});
  add({.call = microsoft_call("Unique", {Tensor::copy_of({2.F, 1.F, 1.F, 3.F})}, {}, 3)});
  add({.call = microsoft_call("GridSample", {counting({1, 1, 3, 3}), counting({1, 2, 2, 2}, 0.25F)},
                              {word("mode", "nearest")}),
       .empty = {{0, 0}, {1, 0}}});
  add({.call = microsoft_call("GatherND", {x, Tensor::copy_of<std::int64_t>({1, 0}, {2, 1})}),
       .empty = {{1, 0}}});
  add({.call = microsoft_call("Pad", {x, longs({0, 1, 0, 2})})});
  add({.call = microsoft_call("Range", {Tensor::scalar(1.F), Tensor::scalar(6.F)}), .empty = {}});
  add({.call = microsoft_call("Trilu", {counting({2, 3, 3})})});
  return samples;
}

}  // namespace

std::vector<Sample> contrib_samples() {
  std::vector<Sample> all;
  for (auto part :
       {attention_family, norm_family, product_family, quantized_family, tensor_family}) {
    for (Sample& sample : part()) all.push_back(std::move(sample));
  }
  return all;
}

}  // namespace inlay::test
