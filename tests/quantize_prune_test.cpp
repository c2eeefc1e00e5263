// Which weights of one product become zero, and what the others make up for.
#include "quantize/prune.hpp"

#include <algorithm>
#include <limits>

#include "error_check.hpp"
#include "product_layer.hpp"

using namespace inlay;
using test::index;
using Layer = test::ProductLayer;

namespace {

constexpr SparsityPattern patterns[] = {SparsityPattern::unstructured, SparsityPattern::block4,
                                        SparsityPattern::two_of_four};

std::int64_t zeros(const std::vector<float>& weights) {
  return std::count(weights.begin(), weights.end(), 0.0f);
}

/// Blocks of four outputs of one input that are zero; others have no zero at all.
std::int64_t zero_blocks(const std::vector<float>& weights, std::int64_t n, std::int64_t k) {
  std::int64_t count = 0;
  for (std::int64_t j = 0; j < k; ++j) {
    for (std::int64_t first = 0; first < n; first += 4) {
      const std::int64_t rows = std::min<std::int64_t>(4, n - first);
      std::int64_t here = 0;
      for (std::int64_t row = first; row < first + rows; ++row) {
        here += weights[index(row * k + j)] == 0.0f;
      }
      CHECK((here == 0 || here == rows));
      count += here == rows;
    }
  }
  return count;
}

void check_two_of_four(const std::vector<float>& weights, std::int64_t n, std::int64_t k) {
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t j = 0; j < k; j += 4) {
      const auto from = weights.begin() + row * k + j;
      const std::int64_t columns = std::min<std::int64_t>(4, k - j);
      REQUIRE(std::count(from, from + columns, 0.0f) == columns / 2);
    }
  }
}

void check_pattern(const std::vector<float>& weights, const Layer& layer,
                   const Sparsity& sparsity) {
  const std::int64_t n = layer.n, k = layer.k;
  if (sparsity.pattern == SparsityPattern::two_of_four) return check_two_of_four(weights, n, k);
  if (sparsity.pattern == SparsityPattern::unstructured) {
    CHECK(zeros(weights) == std::lrint(sparsity.share * static_cast<double>(n * k)));
    return;
  }
  const auto blocks = static_cast<double>((n + 3) / 4 * k);
  CHECK(zero_blocks(weights, n, k) == std::lrint(sparsity.share * blocks));
}

}  // namespace

TEST_CASE("as many weights become zero as are asked for, and in the pattern", "[quantize]") {
  for (const SparsityPattern pattern : patterns) {
    for (const double share : {0.0, 0.1, 0.5, 0.93}) {
      for (const auto& [n, k] :
           {std::pair<std::int64_t, std::int64_t>{1, 1}, {5, 7}, {8, 130}, {6, 301}}) {
        CAPTURE(static_cast<int>(pattern), share, n, k);
        const Sparsity sparsity{pattern, share};
        const Layer layer(n, k);
        check_pattern(prune(layer.weights, n, k, sparsity), layer, sparsity);
        const std::vector<float> made_up = sparse_gpt(layer.weights, n, k, layer.hessian, sparsity);
        check_pattern(made_up, layer, sparsity);
        CHECK(made_up == sparse_gpt(layer.weights, n, k, layer.hessian, sparsity));
      }
    }
  }
  const Layer layer(4, 4);
  CHECK(prune(layer.weights, 4, 4, {}) == layer.weights);
  CHECK(sparse_gpt(layer.weights, 4, 4, layer.hessian, {}) == layer.weights);
}

TEST_CASE("weights of least magnitude become zero", "[quantize]") {
  const std::vector<float> weights{1, -2, 3, -4, 5, -6, 7, 8};
  CHECK(prune(weights, 2, 4, {SparsityPattern::unstructured, 0.4}) ==
        std::vector<float>{0, 0, 0, -4, 5, -6, 7, 8});
  CHECK(prune(weights, 2, 4, {SparsityPattern::two_of_four}) ==
        std::vector<float>{0, 0, 3, -4, 0, 0, 7, 8});
  CHECK(prune(weights, 8, 1, {SparsityPattern::block4, 0.5}) ==
        std::vector<float>{0, 0, 0, 0, 5, -6, 7, 8});
  const std::vector<float> equal(6, 1.0f);
  CHECK(prune(equal, 1, 6, {SparsityPattern::unstructured, 0.5}) ==
        std::vector<float>{0, 0, 0, 1, 1, 1});
}

TEST_CASE("weights that make up for zeros lose less", "[quantize]") {
  for (const SparsityPattern pattern : patterns) {
    for (const auto& [n, k] :
         {std::pair<std::int64_t, std::int64_t>{5, 33}, {8, 128}, {12, 300}, {7, 261}}) {
      CAPTURE(static_cast<int>(pattern), n, k);
      const Sparsity sparsity{pattern, 0.5};
      const Layer layer(n, k);
      const double made_up = layer.loss(sparse_gpt(layer.weights, n, k, layer.hessian, sparsity));
      CHECK(made_up < 0.6 * layer.loss(prune(layer.weights, n, k, sparsity)));
    }
  }
}

TEST_CASE("inputs that do not depend on each other leave what is not zero as it is", "[quantize]") {
  Layer layer(4, 40);
  layer.hessian.assign(1600, 0);
  for (std::size_t i = 0; i < 40; ++i) layer.hessian[i * 41] = 2;
  for (const SparsityPattern pattern : patterns) {
    const Sparsity sparsity{pattern, 0.3};
    CHECK(sparse_gpt(layer.weights, 4, 40, layer.hessian, sparsity) ==
          prune(layer.weights, 4, 40, sparsity));
  }
}

TEST_CASE("weights of inputs that are always zero go first", "[quantize]") {
  Layer layer(4, 40);
  for (std::int64_t s = 0; s < layer.samples; ++s) {
    for (const std::int64_t dead : {0, 7, 39}) layer.x[index(s * 40 + dead)] = 0;
  }
  layer.multiply();
  const std::vector<float> pruned =
      sparse_gpt(layer.weights, 4, 40, layer.hessian, {SparsityPattern::unstructured, 0.075});
  CHECK(layer.loss(pruned) < 1e-6);
  CHECK(zeros(pruned) == 12);
}

TEST_CASE("pruning refuses what cannot be", "[quantize]") {
  const Layer layer(2, 20);
  const Sparsity half{SparsityPattern::block4, 0.5};
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double share : {-0.1, 1.0, 2.0, nan}) {
    const Sparsity bad{SparsityPattern::unstructured, share};
    CHECK_ERROR(prune(layer.weights, 2, 20, bad), invalid_argument, "share");
    CHECK_ERROR(sparse_gpt(layer.weights, 2, 20, layer.hessian, bad), invalid_argument, "share");
  }
  CHECK_ERROR(prune(layer.weights, 3, 20, half), invalid_argument, "[n, k]");
  CHECK_ERROR(prune(layer.weights, -2, -20, half), invalid_argument, "[n, k]");
  CHECK_ERROR(prune({}, 0, 0, half), invalid_argument, "[n, k]");
  std::vector<float> odd = layer.weights;
  odd[3] = static_cast<float>(nan);
  CHECK_ERROR(prune(odd, 2, 20, half), invalid_argument, "finite");
  CHECK_ERROR(sparse_gpt(odd, 2, 20, layer.hessian, half), invalid_argument, "finite");
  std::vector<double> hessian = layer.hessian;
  hessian.pop_back();
  CHECK_ERROR(sparse_gpt(layer.weights, 2, 20, hessian, half), invalid_argument, "Hessian");
}
