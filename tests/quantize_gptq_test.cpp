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

TEST_CASE("gptq without correlation rounds to nearest, by better scales", "[quantize]") {
  Layer layer(4, 40);
  layer.hessian.assign(1600, 0);
  for (std::size_t i = 0; i < 40; ++i) layer.hessian[i * 41] = 2;
  const auto squares = [&](const BlockCodes& codes) {
    double sum = 0;
    const std::vector<float> decoded = decode_blocks(codes);
    for (std::size_t i = 0; i < decoded.size(); ++i) {
      sum += std::pow(static_cast<double>(decoded[i]) - layer.weights[i], 2);
    }
    return sum;
  };
  const BlockCodes codes = gptq(layer.weights, 4, 40, layer.hessian, options(4, 16, false));
  CHECK(squares(codes) <
        0.95 * squares(quantize_blocks(layer.weights, 4, 40, options(4, 16, false).format)));
  const std::vector<float> decoded = decode_blocks(codes);
  for (std::int64_t i = 0; i < 160; ++i) {
    const float scale = codes.scales[index(i / 40 * codes.blocks() + i % 40 / 16)];
    const bool is_cut = std::fabs(decoded[index(i)]) < std::fabs(layer.weights[index(i)]);
    CHECK((is_cut || std::fabs(decoded[index(i)] - layer.weights[index(i)]) <= scale * 0.51f));
  }
}

TEST_CASE("a block's scale is the one of least error", "[quantize]") {
  std::vector<double> weights(32), importance(32, 1);
  for (std::size_t i = 0; i < 32; ++i) weights[i] = 0.3 * std::sin(static_cast<double>(i));
  const BlockFormat format{.bits = 4, .block = 32, .symmetric = false};
  const auto error = [&](const BlockScale& scale) {
    double sum = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      const double lost = weights[i] - scale.weight_of(scale.code_of(weights[i]));
      sum += importance[i] * lost * lost;
    }
    return sum;
  };
  weights[5] = 1.9;  // costs the others less than it gains
  importance[5] = 0.01;
  const BlockScale whole = block_scale(-0.3, 1.9, format);
  CHECK(error(best_block_scale(weights, importance, format)) < 0.9 * error(whole));
  importance[5] = 1e6;
  const BlockScale kept = best_block_scale(weights, importance, format);
  CHECK(kept.weight_of(kept.code_of(1.9)) == Approx(1.9).epsilon(0.01));
  const std::vector<double> zeros(32);
  CHECK(best_block_scale(zeros, importance, format).scale == 0.0f);
}

TEST_CASE("gptq of one column, and of inputs that are always zero", "[quantize]") {
  const Layer one(3, 1);
  const std::vector<float> decoded_one = decode_blocks(gptq(one.weights, 3, 1, one.hessian));
  for (std::size_t i = 0; i < 3; ++i) CHECK(decoded_one[i] == Approx(one.weights[i]).epsilon(1e-6));
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
