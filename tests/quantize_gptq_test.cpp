#include "error_check.hpp"
#include "product_layer.hpp"
#include "quantize/gptq.hpp"

#include <limits>

using namespace inlay;
using test::index;
using Layer = test::ProductLayer;

namespace {

GptqOptions options(int bits, std::int64_t block, bool symmetric) {
  return {.format = {.bits = bits, .block = block, .symmetric = symmetric}};
}

}  // namespace

TEST_CASE("blocks are rounded to the nearest codes", "[quantize]") {
  for (const bool symmetric : {true, false}) {
    for (const int bits : {2, 4, 8}) {
      for (const std::int64_t k : {1, 15, 16, 50}) {
        CAPTURE(symmetric, bits, k);
        const Layer layer(3, k);
        const BlockCodes codes =
            quantize_blocks(layer.weights, 3, k, options(bits, 16, symmetric).format);
        REQUIRE(codes.codes.size() == index(3 * codes.blocks() * 2 * bits));
        REQUIRE(codes.scales.size() == index(3 * codes.blocks()));
        REQUIRE(codes.zeros.size() ==
                (symmetric ? 0 : index(3 * ((codes.blocks() * bits + 7) / 8))));
        const std::vector<float> decoded = decode_blocks(codes);
        for (std::int64_t i = 0; i < 3 * k; ++i) {
          const float scale = std::fabs(codes.scales[index(i / k * codes.blocks() + i % k / 16)]);
          // The end of a symmetric range that has no code of its own is one step off.
          REQUIRE(std::fabs(decoded[index(i)] - layer.weights[index(i)]) <= scale * 1.001f);
        }
      }
    }
  }
  const std::vector<float> zeros(20);
  for (const bool symmetric : {true, false}) {
    CHECK(decode_blocks(quantize_blocks(zeros, 1, 20, options(4, 16, symmetric).format)) == zeros);
  }
  const std::vector<float> range{-8, -3, 0, 7};
  CHECK(decode_blocks(quantize_blocks(range, 1, 4)) == range);
  const std::vector<float> positive{1, 2, 14, 15};
  CHECK(decode_blocks(quantize_blocks(positive, 1, 4, options(4, 16, false).format)) == positive);
}

TEST_CASE("gptq loses less than rounding to nearest", "[quantize]") {
  for (const bool symmetric : {true, false}) {
    for (const auto& [n, k, block] :
         {std::array<std::int64_t, 3>{5, 33, 16}, {8, 128, 32}, {3, 300, 64}, {7, 261, 256}}) {
      for (const int bits : {4, 8}) {
        CAPTURE(symmetric, n, k, block, bits);
        const Layer layer(n, k);
        const GptqOptions with = options(bits, block, symmetric);
        const BlockCodes codes = gptq(layer.weights, n, k, layer.hessian, with);
        const double loss = layer.loss(decode_blocks(codes));
        CHECK(loss <
              0.8 * layer.loss(decode_blocks(quantize_blocks(layer.weights, n, k, with.format))));
        const BlockCodes again = gptq(layer.weights, n, k, layer.hessian, with);
        CHECK(codes.codes == again.codes);
        CHECK(codes.scales == again.scales);
        CHECK(codes.zeros == again.zeros);
      }
    }
  }
}

TEST_CASE("gptq without correlation rounds to nearest", "[quantize]") {
  Layer layer(4, 40);
  layer.hessian.assign(1600, 0);
  for (std::size_t i = 0; i < 40; ++i) layer.hessian[i * 41] = 2;
  const BlockCodes codes = gptq(layer.weights, 4, 40, layer.hessian);
  const BlockCodes nearest = quantize_blocks(layer.weights, 4, 40);
  CHECK(codes.codes == nearest.codes);
  CHECK(codes.scales == nearest.scales);
}

TEST_CASE("gptq of one column, and of inputs that are always zero", "[quantize]") {
  const Layer one(3, 1);
  CHECK(decode_blocks(gptq(one.weights, 3, 1, one.hessian)) ==
        decode_blocks(quantize_blocks(one.weights, 3, 1)));
  Layer layer(4, 40);
  for (std::int64_t s = 0; s < layer.samples; ++s) {
    for (const std::int64_t dead : {0, 7, 39}) layer.x[index(s * 40 + dead)] = 0;
  }
  layer.multiply();
  const BlockCodes codes = gptq(layer.weights, 4, 40, layer.hessian);
  CHECK(layer.loss(decode_blocks(codes)) <
        layer.loss(decode_blocks(quantize_blocks(layer.weights, 4, 40))));
  for (std::int64_t row = 0; row < 4; ++row) {
    CHECK(decode_blocks(codes)[index(row * 40 + 7)] == 0.0f);
  }
  const std::vector<double> nothing(1600);
  for (const float w : decode_blocks(gptq(layer.weights, 4, 40, nothing))) CHECK(w == 0.0f);
}

TEST_CASE("gptq leaves zeros where it is asked to", "[quantize]") {
  Layer layer(6, 96);
  for (std::size_t i = 0; i < layer.weights.size(); i += 3) layer.weights[i] = 0;
  GptqOptions with = options(4, 32, false);
  with.keep_zeros = true;
  const BlockCodes codes = gptq(layer.weights, 6, 96, layer.hessian, with);
  const std::vector<float> decoded = decode_blocks(codes);
  for (std::size_t i = 0; i < layer.weights.size(); i += 3) CHECK(decoded[i] == 0.0f);
  CHECK(layer.loss(decoded) <
        layer.loss(decode_blocks(quantize_blocks(layer.weights, 6, 96, with.format))));
}

TEST_CASE("gptq refuses what cannot be", "[quantize]") {
  const Layer layer(2, 20);
  const auto refused = [&](auto change) {
    Layer wrong = layer;
    GptqOptions with;
    std::int64_t n = 2, k = 20;
    change(wrong, with, n, k);
    CHECK_ERROR(gptq(wrong.weights, n, k, wrong.hessian, with), invalid_argument, "must");
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  refused([](Layer& l, auto&, auto&, auto&) { l.hessian[5] = nan; });
  refused([](Layer& l, auto&, auto&, auto&) { l.hessian[21] = -1; });
  refused([](Layer& l, auto&, auto&, auto&) { l.hessian.pop_back(); });
  refused([](Layer& l, auto&, auto&, auto&) { l.weights[3] = static_cast<float>(nan); });
  refused([](Layer& l, auto&, auto&, auto&) { l.weights.pop_back(); });
  refused([](Layer&, GptqOptions& o, auto&, auto&) { o.format.bits = 3; });
  refused([](Layer&, GptqOptions& o, auto&, auto&) { o.format.block = 24; });
  refused([](Layer&, GptqOptions& o, auto&, auto&) { o.damping = nan; });
  refused([](Layer&, auto&, std::int64_t& n, auto&) { n = -2; });
  refused([](Layer&, auto&, auto&, std::int64_t& k) { k = 0; });
  Layer odd = layer;
  odd.hessian[1] = odd.hessian[20] = 1e9;  // no X has it
  CHECK_ERROR(gptq(odd.weights, 2, 20, odd.hessian), invalid_argument, "positive");
}
