// ai.onnx.ml: linear models, support vector machines, tree ensembles.
#include <catch2/catch.hpp>
#include <limits>

#include "error_check.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Strings = std::vector<std::string>;
using Items = std::vector<Attributes::Item>;

constexpr float infinity = std::numeric_limits<float>::infinity();
const float nan_float = std::numeric_limits<float>::quiet_NaN();

/// A model's outputs; the later of equal attributes counts.
std::vector<Value> ml(const std::string& op, const Tensor& x, const Items& items,
                      std::initializer_list<Attributes::Item> more = {}, int threads = 1) {
  Call c;
  c.op = op;
  c.domain = "ai.onnx.ml";
  c.version = op == "TreeEnsemble" ? 5 : 3;
  c.inputs = {x};
  c.outputs = op.ends_with("Classifier") ? 2 : 1;
  for (const auto& [key, value] : items) c.attributes.set(key, value);
  for (const auto& [key, value] : more) c.attributes.set(key, value);
  return run(c, "reference", threads);
}

Tensor matrix(const Floats& values, std::int64_t columns) {
  return Tensor::copy_of(std::span<const float>(values),
                         {static_cast<std::int64_t>(values.size()) / columns, columns});
}

Items with(Items items, std::initializer_list<Attributes::Item> more) {
  items.insert(items.end(), more.begin(), more.end());
  return items;
}

void check_both(const std::vector<Value>& outputs, const Int64s& labels, const Floats& scores) {
  REQUIRE(outputs.size() == 2);
  const auto rows = static_cast<std::int64_t>(labels.size());
  check(outputs[0], {rows}, labels);
  check(outputs[1], {rows, static_cast<std::int64_t>(scores.size()) / rows}, scores);
}

const char* const transforms[] = {"LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"};

}  // namespace

TEST_CASE("LinearRegressor sums weighted features", "[ops][ml]") {
  const Items items{{"coefficients", Floats{0.25f, 0, 0.5f, 0.25f, 0.125f, 0.125f}},
                    {"intercepts", Floats{0, 0.25f, 0.5f}},
                    {"targets", std::int64_t{3}}};
  const Tensor x = matrix({0, 1, 1, 1}, 2);
  check(ml("LinearRegressor", x, items)[0], {2, 3}, Floats{0, 0.5f, 0.625f, 0.25f, 1, 0.75f});
  const Floats expected[] = {
      {0.5f, 0.6224593f, 0.6513548f, 0.5621765f, 0.7310586f, 0.6791787f},
      {0.2213875f, 0.3650062f, 0.4136063f, 0.2098318f, 0.444214f, 0.3459542f},
      {0, 0.4687907f, 0.5312094f, 0.2098318f, 0.444214f, 0.3459542f},
      {-infinity, 0, 0.3186507f, -0.6745743f, infinity, 0.6745743f}};
  for (std::size_t i = 0; i < 4; ++i) {
    check(ml("LinearRegressor", x, items, {{"post_transform", transforms[i]}})[0], {2, 3},
          expected[i]);
  }
  check(ml("LinearRegressor", Tensor::copy_of<std::int64_t>({2, 4}),
           {{"coefficients", Floats{0.5f, -1}}})[0],
        {1, 1}, Floats{-3});
  check(ml("LinearRegressor", Tensor(DType::float64, {0, 2}), items)[0], {0, 3}, Floats{});
  CHECK_ERROR(ml("LinearRegressor", matrix({1, 2, 3}, 3), items), shape_mismatch, "3 columns");
  CHECK_ERROR(ml("LinearRegressor", x, items, {{"targets", std::int64_t{2}}}), shape_mismatch,
              "targets");
  CHECK_ERROR(ml("LinearRegressor", x, items, {{"targets", std::int64_t{0}}}), invalid_graph,
              "targets");
  CHECK_ERROR(ml("LinearRegressor", x, items, {{"post_transform", "EXP"}}), invalid_graph, "EXP");
  CHECK_ERROR(ml("LinearRegressor", Tensor(DType::float32, {1, 1, 2}), items), invalid_graph,
              "rank 3");
}

TEST_CASE("LinearClassifier chooses the largest score", "[ops][ml]") {
  const Items items{{"coefficients", Floats{1, 0, 0, 1, -1, -1}},
                    {"intercepts", Floats{0, 0.5f, 0}},
                    {"classlabels_ints", Int64s{10, 20, 30}}};
  const Tensor x = matrix({2, 1, -1, -1}, 2);
  check_both(ml("LinearClassifier", x, items), {10, 30}, {2, 1.5f, -3, -1, -0.5f, 2});
  check_both(
      ml("LinearClassifier", matrix({0, -0.5f}, 2), items, {{"post_transform", "SOFTMAX_ZERO"}}),
      {30}, {0, 0, 1});
  const Items words{{"coefficients", Floats{1, 0, 0, 1}},
                    {"classlabels_strings", Strings{"a", "b"}}};
  const auto outputs = ml("LinearClassifier", Tensor::copy_of({1.0, 3.0}), words);
  check(outputs[0], {1}, Strings{"b"});
  check(outputs[1], {1, 2}, Floats{1, 3});
  const auto none = ml("LinearClassifier", Tensor(DType::int32, {0, 2}), words);
  check(none[0], {0}, Strings{});
  check(none[1], {0, 2}, Floats{});
  CHECK_ERROR(ml("LinearClassifier", x, items, {{"classlabels_ints", Int64s{1, 2}}}),
              shape_mismatch, "3 scores for 2 labels");
  CHECK_ERROR(ml("LinearClassifier", x, items, {{"classlabels_strings", Strings{"a"}}}),
              invalid_graph, "classlabels");
  CHECK_ERROR(ml("LinearClassifier", x, items, {{"intercepts", Floats{1}}}), shape_mismatch,
              "1 intercepts");
}

TEST_CASE("LinearClassifier with one score for two labels", "[ops][ml]") {
  const Items items{{"coefficients", Floats{1, 1}},
                    {"intercepts", Floats{-0.5f}},
                    {"classlabels_ints", Int64s{4, 6}}};
  const Tensor x = matrix({1, 0.3f, 0.5f, 0}, 2);
  check_both(ml("LinearClassifier", x, items), {6, 4}, {-0.8f, 0.8f, 0, 0});
  check_both(ml("LinearClassifier", x, items, {{"post_transform", "LOGISTIC"}}), {6, 4},
             {0.3100255f, 0.6899745f, 0.5f, 0.5f});
  check_both(ml("LinearClassifier", x, items, {{"post_transform", "SOFTMAX"}}), {6, 4},
             {0.1679816f, 0.8320184f, 0.5f, 0.5f});
  check_both(ml("LinearClassifier", x, items, {{"post_transform", "PROBIT"}}), {6, 4},
             {-0.8417559f, 0.8417559f, infinity, -infinity});
  check_both(ml("LinearClassifier", x, items, {{"classlabels_ints", Int64s{4}}}), {4, 0},
             {0.8f, 0});
}

TEST_CASE("SVMRegressor compares with support vectors", "[ops][ml]") {
  const Items items{{"support_vectors", Floats{0, 1, 1, 0, 1, 1}},
                    {"coefficients", Floats{0.5f, -1, 0.7f}},
                    {"rho", Floats{0.1f}},
                    {"kernel_params", Floats{0.5f, 0.25f, 3}},
                    {"n_supports", std::int64_t{3}}};
  const Tensor x = matrix({0.2f, 0.4f, -1, 2}, 2);
  const std::pair<const char*, Floats> expected[] = {{"LINEAR", {0.52f, 2.8f}},
                                                     {"POLY", {0.21915f, 1.3875f}},
                                                     {"RBF", {0.2636168f, 0.3230836f}},
                                                     {"SIGMOID", {0.3249381f, 1.213665f}}};
  for (const auto& [kernel, values] : expected) {
    check(ml("SVMRegressor", x, items, {{"kernel_type", kernel}})[0], {2, 1}, values);
  }
  check(ml("SVMRegressor", x, items, {{"one_class", std::int64_t{1}}, {"rho", Floats{-1}}})[0],
        {2, 1}, Floats{-1, 1});
  check(ml("SVMRegressor", x, items, {{"post_transform", "LOGISTIC"}})[0], {2, 1},
        Floats{0.6271478f, 0.9426758f});
  check(ml("SVMRegressor", Tensor::copy_of<std::int32_t>({2, 3}, {1, 2}),
           {{"coefficients", Floats{1, -2}}, {"rho", Floats{0.5f}}})[0],
        {1, 1}, Floats{-3.5f});
  check(ml("SVMRegressor", Tensor(DType::float64, {0, 2}), items)[0], {0, 1}, Floats{});
  CHECK_ERROR(ml("SVMRegressor", matrix({1, 2, 3}, 3), items), shape_mismatch, "3 columns");
  CHECK_ERROR(ml("SVMRegressor", x, items, {{"n_supports", std::int64_t{4}}}), invalid_graph,
              "4 vectors");
  CHECK_ERROR(ml("SVMRegressor", x, items, {{"coefficients", Floats{1, 2}}}), invalid_graph,
              "2 coefficients");
  CHECK_ERROR(ml("SVMRegressor", x, items, {{"rho", Floats{}}}), invalid_graph, "rho");
  CHECK_ERROR(ml("SVMRegressor", x, items, {{"kernel_type", "COSINE"}}), invalid_graph, "COSINE");
  CHECK_ERROR(ml("SVMRegressor", x, items, {{"kernel_params", Floats{1}}}), invalid_graph,
              "kernel_params");
  const auto huge = std::numeric_limits<std::int64_t>::max();
  CHECK_ERROR(ml("SVMRegressor", x, items, {{"n_supports", huge}}), invalid_graph, "vectors");
}

TEST_CASE("SVMClassifier of two classes", "[ops][ml]") {
  const Items items{{"support_vectors", Floats{0, 1, 1, 0, 1, 1}},
                    {"coefficients", Floats{0.5f, -1, 0.7f}},
                    {"rho", Floats{-0.3f}},
                    {"kernel_type", "RBF"},
                    {"kernel_params", Floats{0.5f, 0, 3}},
                    {"vectors_per_class", Int64s{2, 1}},
                    {"classlabels_ints", Int64s{5, 7}}};
  const Tensor x = matrix({0.2f, 0.4f, -1, 2}, 2);
  check_both(ml("SVMClassifier", x, items), {7, 7},
             {0.1363832f, -0.1363832f, 0.07691643f, -0.07691643f});
  check_both(ml("SVMClassifier", x, items, {{"post_transform", "LOGISTIC"}}), {7, 7},
             {0.534043f, 0.465957f, 0.5192196f, 0.4807804f});
  check_both(ml("SVMClassifier", x, items, {{"prob_a", Floats{-1.2f}}, {"prob_b", Floats{0.1f}}}),
             {7, 7}, {0.4343027f, 0.5656974f, 0.4520272f, 0.5479727f});
  check_both(ml("SVMClassifier", x, items, {{"rho", Floats{0.3f}}}), {5, 5},
             {-0.4636168f, 0.4636168f, -0.5230836f, 0.5230836f});
  CHECK_ERROR(ml("SVMClassifier", x, items, {{"prob_a", Floats{1}}}), invalid_graph, "prob_b");
  CHECK_ERROR(ml("SVMClassifier", x, items, {{"vectors_per_class", Int64s{3}}}), invalid_graph,
              "vectors_per_class");
  CHECK_ERROR(ml("SVMClassifier", x, items, {{"vectors_per_class", Int64s{4, -1}}}), invalid_graph,
              "vectors_per_class");
  CHECK_ERROR(ml("SVMClassifier", x, items, {{"coefficients", Floats{1, 2, 3, 4}}}), invalid_graph,
              "coefficients has 4");
}

TEST_CASE("SVMClassifier of several classes votes by pairs", "[ops][ml]") {
  const Items items{{"support_vectors", Floats{0, 1, 1, 0, 1, 1}},
                    {"coefficients", Floats{0.5f, -1, 0.7f, 0.2f, -0.3f, 0.9f}},
                    {"rho", Floats{0.1f, -0.2f, 0.3f}},
                    {"kernel_type", "RBF"},
                    {"kernel_params", Floats{0.5f, 0, 3}},
                    {"vectors_per_class", Int64s{1, 1, 1}},
                    {"classlabels_strings", Strings{"p", "q", "r"}}};
  const Tensor x = matrix({0.2f, 0.4f, -1, 2}, 2);
  const auto scores = ml("SVMClassifier", x, items);
  check(scores[0], {2}, Strings{"q", "p"});
  check(scores[1], {2, 3},
        Floats{-0.1609547f, 0.3883176f, 0.6447816f, 0.2656241f, -0.06896462f, 0.3683818f});
  const auto probabilities =
      ml("SVMClassifier", x, items,
         {{"prob_a", Floats{-1.2f, -1, -0.5f}}, {"prob_b", Floats{0.1f, 0.2f, 0}}});
  check(probabilities[0], {2}, Strings{"q", "p"});
  check(probabilities[1], {2, 3},
        Floats{0.3156233f, 0.4054881f, 0.2788886f, 0.3283434f, 0.3291381f, 0.3425185f});
  const auto none = ml("SVMClassifier", Tensor(DType::float32, {0, 2}), items);
  check(none[1], {0, 3}, Floats{});
  CHECK_ERROR(ml("SVMClassifier", x, items, {{"rho", Floats{0.1f}}}), invalid_graph, "rho has 1");
  CHECK_ERROR(ml("SVMClassifier", matrix({1, 2, 3}, 3), items), shape_mismatch, "3 columns");
}

TEST_CASE("SVMClassifier without support vectors is linear", "[ops][ml]") {
  const Items items{{"coefficients", Floats{1, 0.5f, 0.2f, -0.3f, 0.6f, 0.1f}},
                    {"rho", Floats{0.1f}},
                    {"classlabels_ints", Int64s{5, 6, 7}}};
  check_both(ml("SVMClassifier", matrix({0.2f, 0.4f, -1, 2}, 2), items), {5, 5},
             {0.5f, 0.02f, 0.26f, 0.1f, -0.7f, -0.3f});
}

namespace {

/// Two trees over two features; the first asks for feature 0 <= 0.5 and then for feature 1 > 2, the
/// second is a single leaf. Leaves 1, 3 and 4 of the first tree, leaf 0 of the second.
const Items trees{
    {"nodes_treeids", Int64s{0, 0, 0, 0, 0, 1}},
    {"nodes_nodeids", Int64s{0, 1, 2, 3, 4, 0}},
    {"nodes_featureids", Int64s{0, 0, 1, 0, 0, 0}},
    {"nodes_values", Floats{0.5f, 0, 2, 0, 0, 0}},
    {"nodes_modes", Strings{"BRANCH_LEQ", "LEAF", "BRANCH_GT", "LEAF", "LEAF", "LEAF"}},
    {"nodes_truenodeids", Int64s{1, 0, 3, 0, 0, 0}},
    {"nodes_falsenodeids", Int64s{2, 0, 4, 0, 0, 0}}};

/// Leaf 1: 1 for target 0. Leaf 3: 2 and 4 for targets 0 and 1. Leaf 4: -1 for target 1. The second
/// tree: 10 for target 0.
const Items regressor = with(trees, {{"target_treeids", Int64s{0, 0, 0, 0, 1}},
                                     {"target_nodeids", Int64s{1, 3, 3, 4, 0}},
                                     {"target_ids", Int64s{0, 0, 1, 1, 0}},
                                     {"target_weights", Floats{1, 2, 4, -1, 10}},
                                     {"n_targets", std::int64_t{2}}});

/// A row for each leaf of the first tree, and one for NaN.
const Tensor tree_rows = matrix({0.5f, 0, 1, 3, 1, 2, nan_float, nan_float}, 2);

}  // namespace

TEST_CASE("TreeEnsembleRegressor adds the votes of leaves", "[ops][ml]") {
  check(ml("TreeEnsembleRegressor", tree_rows, regressor)[0], {4, 2},
        Floats{11, 0, 12, 4, 10, -1, 10, -1});
  check(ml("TreeEnsembleRegressor", tree_rows, regressor, {{"aggregate_function", "AVERAGE"}})[0],
        {4, 2}, Floats{5.5f, 0, 6, 2, 5, -0.5f, 5, -0.5f});
  check(ml("TreeEnsembleRegressor", tree_rows, regressor, {{"aggregate_function", "MIN"}})[0],
        {4, 2}, Floats{1, 0, 2, 4, 10, -1, 10, -1});
  check(ml("TreeEnsembleRegressor", tree_rows, regressor,
           {{"aggregate_function", "MAX"}, {"base_values", Floats{0.5f, -1}}})[0],
        {4, 2}, Floats{10.5f, -1, 10.5f, 3, 10.5f, -2, 10.5f, -2});
  check(ml("TreeEnsembleRegressor", matrix({1, 2}, 2), regressor,
           {{"post_transform", "LOGISTIC"}, {"base_values", Floats{-10, 1}}})[0],
        {1, 2}, Floats{0.5f, 0.5f});
  check(ml("TreeEnsembleRegressor", tree_rows, regressor,
           {{"nodes_missing_value_tracks_true", Int64s{1, 0, 0, 0, 0, 0}}})[0],
        {4, 2}, Floats{11, 0, 12, 4, 10, -1, 11, 0});
  check(ml("TreeEnsembleRegressor", Tensor::copy_of<std::int64_t>({1, 3}), regressor)[0], {1, 2},
        Floats{12, 4});
  check(ml("TreeEnsembleRegressor", Tensor(DType::int32, {0, 2}), regressor)[0], {0, 2}, Floats{});
}

TEST_CASE("TreeEnsembleRegressor takes thresholds and weights of double", "[ops][ml]") {
  Items items;
  for (const auto& item : regressor) {
    if (item.first != "nodes_values" && item.first != "target_weights") items.push_back(item);
  }
  // 0.1 as a double lies below 0.1 as a float.
  items = with(items, {{"nodes_values_as_tensor", Tensor::copy_of({0.1, 0.0, 2.0, 0.0, 0.0, 0.0})},
                       {"target_weights_as_tensor", Tensor::copy_of({1.0, 2.0, 4.0, -1.0, 10.0})}});
  check(ml("TreeEnsembleRegressor", Tensor::copy_of({0.1, 0.0}), items)[0], {1, 2}, Floats{11, 0});
  check(ml("TreeEnsembleRegressor", matrix({0.1f, 0}, 2), items)[0], {1, 2}, Floats{10, -1});
  CHECK_ERROR(ml("TreeEnsembleRegressor", tree_rows, items, {{"nodes_values", Floats{1}}}),
              invalid_graph, "nodes_values");
}

TEST_CASE("Trees compare in every way", "[ops][ml]") {
  const Tensor x = matrix({1, 2, 3, nan_float}, 1);
  const std::pair<const char*, Floats> expected[] = {
      {"BRANCH_LEQ", {1, 1, 0, 0}}, {"BRANCH_LT", {1, 0, 0, 0}}, {"BRANCH_GTE", {0, 1, 1, 0}},
      {"BRANCH_GT", {0, 0, 1, 0}},  {"BRANCH_EQ", {0, 1, 0, 0}}, {"BRANCH_NEQ", {1, 0, 1, 0}}};
  std::uint8_t number = 0;
  for (const auto& [mode, values] : expected) {
    INFO(mode);
    check(ml("TreeEnsembleRegressor", x,
             {{"nodes_treeids", Int64s{3, 3, 3}},
              {"nodes_nodeids", Int64s{7, 9, 8}},
              {"nodes_featureids", Int64s{0, 0, 0}},
              {"nodes_values", Floats{2, 0, 0}},
              {"nodes_modes", Strings{mode, "LEAF", "LEAF"}},
              {"nodes_truenodeids", Int64s{9, 0, 0}},
              {"nodes_falsenodeids", Int64s{8, 0, 0}},
              {"target_treeids", Int64s{3}},
              {"target_nodeids", Int64s{9}},
              {"target_ids", Int64s{0}},
              {"target_weights", Floats{1}},
              {"n_targets", std::int64_t{1}}})[0],
          {4, 1}, values);
    check(ml("TreeEnsemble", x,
             {{"nodes_featureids", Int64s{0}},
              {"nodes_splits", Tensor::copy_of({2.f})},
              {"nodes_modes", Tensor::copy_of<std::uint8_t>({number++})},
              {"nodes_truenodeids", Int64s{0}},
              {"nodes_falsenodeids", Int64s{1}},
              {"nodes_trueleafs", Int64s{1}},
              {"nodes_falseleafs", Int64s{1}},
              {"leaf_targetids", Int64s{0, 0}},
              {"leaf_weights", Tensor::copy_of({1.f, 0.f})},
              {"tree_roots", Int64s{0}},
              {"n_targets", std::int64_t{1}}})[0],
          {4, 1}, values);
  }
}

TEST_CASE("Trees that are none are refused", "[ops][ml]") {
  const auto fails = [](std::initializer_list<Attributes::Item> items, const std::string& text) {
    CHECK_ERROR(ml("TreeEnsembleRegressor", tree_rows, regressor, items), invalid_graph, text);
  };
  fails({{"nodes_truenodeids", Int64s{0, 0, 3, 0, 0, 0}}}, "circle");
  fails({{"nodes_falsenodeids", Int64s{2, 0, 0, 0, 0, 0}}}, "circle");
  fails({{"nodes_truenodeids", Int64s{5, 0, 3, 0, 0, 0}}}, "no node 5 in tree 0");
  fails({{"nodes_nodeids", Int64s{0, 1, 2, 3, 3, 0}}}, "node 3 of tree 0 is there twice");
  fails({{"nodes_featureids", Int64s{0, 0, -1, 0, 0, 0}}}, "feature -1");
  fails({{"nodes_featureids", Int64s{0}}}, "nodes_featureids has 1");
  fails({{"nodes_values", Floats{1}}}, "nodes_values has 1");
  fails({{"nodes_missing_value_tracks_true", Int64s{1}}}, "tracks_true has 1");
  fails({{"nodes_modes", Strings{"BRANCH", "LEAF", "BRANCH_GT", "LEAF", "LEAF", "LEAF"}}},
        "BRANCH_NEQ: 'BRANCH'");
  fails({{"target_nodeids", Int64s{1, 3, 3, 4, 7}}}, "no node 7 in tree 1");
  fails({{"target_ids", Int64s{0, 0, 1, 2, 0}}}, "target 2");
  fails({{"target_ids", Int64s{0, 0, 1, -1, 0}}}, "target -1");
  fails({{"target_weights", Floats{1, 2}}}, "target_treeids has 5");
  fails({{"n_targets", std::int64_t{0}}}, "n_targets");
  fails({{"n_targets", std::int64_t{1} << 40}}, "n_targets");
  fails({{"base_values", Floats{1}}}, "base_values has 1");
  fails({{"aggregate_function", "MEDIAN"}}, "MEDIAN");
  fails({{"post_transform", "TANH"}}, "TANH");
  CHECK_ERROR(ml("TreeEnsembleRegressor", matrix({1, 2}, 1), regressor), shape_mismatch,
              "ask for 2");
}

TEST_CASE("TreeEnsembleClassifier of several classes", "[ops][ml]") {
  const Items items = with(trees, {{"class_treeids", Int64s{0, 0, 0, 0, 1}},
                                   {"class_nodeids", Int64s{1, 3, 3, 4, 0}},
                                   {"class_ids", Int64s{0, 1, 2, 2, 1}},
                                   {"class_weights", Floats{0.75f, 0.25f, 0.5f, -1, 0.5f}},
                                   {"classlabels_int64s", Int64s{7, 8, 9}}});
  check_both(ml("TreeEnsembleClassifier", tree_rows, items), {7, 8, 8, 8},
             {0.75f, 0.5f, 0, 0, 0.75f, 0.5f, 0, 0.5f, -1, 0, 0.5f, -1});
  check_both(ml("TreeEnsembleClassifier", matrix({1, 3}, 2), items,
                {{"base_values", Floats{1, 0, 0}}, {"post_transform", "SOFTMAX"}}),
             {7}, {0.4192290f, 0.3264958f, 0.2542752f});
  // Both of two classes get votes: the larger sum is the label.
  check_both(ml("TreeEnsembleClassifier", tree_rows, items,
                {{"class_ids", Int64s{0, 0, 1, 0, 1}}, {"classlabels_int64s", Int64s{7, 8}}}),
             {7, 8, 8, 8}, {0.75f, 0.5f, 0.25f, 1, -1, 0.5f, -1, 0.5f});
  const auto none = ml("TreeEnsembleClassifier", Tensor(DType::float32, {0, 2}), items);
  check(none[0], {0}, Int64s{});
  check(none[1], {0, 3}, Floats{});
  CHECK_ERROR(ml("TreeEnsembleClassifier", tree_rows, items,
                 {{"classlabels_strings", Strings{"a", "b", "c"}}}),
              invalid_graph, "classlabels");
  CHECK_ERROR(
      ml("TreeEnsembleClassifier", tree_rows, items, {{"classlabels_int64s", Int64s{1, 2}}}),
      invalid_graph, "target 2");
}

TEST_CASE("TreeEnsembleClassifier of two classes with one score", "[ops][ml]") {
  const auto items = [&](const Floats& weights) {
    return with(trees, {{"class_treeids", Int64s{0, 0, 0, 1}},
                        {"class_nodeids", Int64s{1, 3, 4, 0}},
                        {"class_ids", Int64s{0, 0, 0, 0}},
                        {"class_weights", weights},
                        {"classlabels_strings", Strings{"no", "yes"}}});
  };
  const Tensor x = matrix({0, 0, 1, 3, 1, 0}, 2);
  const auto check_words = [&](const std::vector<Value>& outputs, const Strings& labels,
                               const Floats& scores) {
    check(outputs[0], {3}, labels);
    check(outputs[1], {3, 2}, scores);
  };
  // Weights that are not negative add up to a probability.
  const Floats positive{0.25f, 0.5f, 0.75f, 0};
  check_words(ml("TreeEnsembleClassifier", x, items(positive)), {"no", "no", "yes"},
              {0.75f, 0.25f, 0.5f, 0.5f, 0.25f, 0.75f});
  check_words(ml("TreeEnsembleClassifier", x, items(positive), {{"base_values", Floats{0.125f}}}),
              {"no", "yes", "yes"}, {0.625f, 0.375f, 0.375f, 0.625f, 0.125f, 0.875f});
  check_words(ml("TreeEnsembleClassifier", x, items(positive), {{"post_transform", "PROBIT"}}),
              {"no", "no", "yes"}, {0.6745743f, -0.6745743f, 0, 0, -0.6745743f, 0.6745743f});
  // Others add up to a margin around zero, and so do those that are to be transformed.
  check_words(ml("TreeEnsembleClassifier", x, items({-0.8f, 0, 0.8f, 0})), {"no", "no", "yes"},
              {0.8f, -0.8f, 0, 0, -0.8f, 0.8f});
  check_words(
      ml("TreeEnsembleClassifier", x, items({-0.8f, 0, 0.8f, 0}), {{"post_transform", "LOGISTIC"}}),
      {"no", "no", "yes"}, {0.6899745f, 0.3100255f, 0.5f, 0.5f, 0.3100255f, 0.6899745f});
  check_words(
      ml("TreeEnsembleClassifier", x, items({0.8f, 0, 0.8f, 0}), {{"post_transform", "SOFTMAX"}}),
      {"yes", "no", "yes"}, {0.1679816f, 0.8320184f, 0.5f, 0.5f, 0.1679816f, 0.8320184f});
  CHECK_ERROR(ml("TreeEnsembleClassifier", x, items(positive), {{"base_values", Floats{1, 2, 3}}}),
              invalid_graph, "base_values has 3");
}

namespace {

/// Node 0: feature 0 in {1, 3}, else node 1: feature 0 in {2}; node 2 is a tree that is a leaf.
template <class T>
Items ensemble() {
  return {{"nodes_featureids", Int64s{0, 0, 99}},
          {"nodes_splits", tensor<T>({3}, {0, 0, 0})},
          {"nodes_modes", Tensor::copy_of<std::uint8_t>({6, 6, 0})},
          {"membership_values", tensor<T>({5}, {3, 1, std::nan(""), 2, std::nan("")})},
          {"nodes_truenodeids", Int64s{0, 1, 3}},
          {"nodes_falsenodeids", Int64s{1, 2, 3}},
          {"nodes_trueleafs", Int64s{1, 1, 1}},
          {"nodes_falseleafs", Int64s{0, 1, 1}},
          {"leaf_targetids", Int64s{0, 1, 1, 0}},
          {"leaf_weights", tensor<T>({4}, {10, 20, 30, 0.5})},
          {"tree_roots", Int64s{0, 2}},
          {"n_targets", std::int64_t{2}}};
}

}  // namespace

TEMPLATE_TEST_CASE("TreeEnsemble looks for members", "[ops][ml]", float, double, float16) {
  using T = TestType;
  const Tensor x = tensor<T>({5, 1}, {1, 3, 2, 1.5, std::nan("")});
  check(ml("TreeEnsemble", x, ensemble<T>()),
        tensor<T>({5, 2}, {10.5, 0, 10.5, 0, 0.5, 20, 0.5, 30, 0.5, 30}));
  check(ml("TreeEnsemble", x, ensemble<T>(),
           {{"nodes_missing_value_tracks_true", Int64s{0, 1, 0}},
            {"aggregate_function", std::int64_t{0}}}),
        tensor<T>({5, 2}, {5.25, 0, 5.25, 0, 0.25, 10, 0.25, 15, 0.25, 10}));
  check(ml("TreeEnsemble", tensor<T>({1, 1}, {3}), ensemble<T>(),
           {{"aggregate_function", std::int64_t{2}}, {"post_transform", std::int64_t{2}}}),
        tensor<T>({1, 2}, {0.6224593, 0.5}));
  check(ml("TreeEnsemble", tensor<T>({1, 1}, {3}), ensemble<T>(),
           {{"aggregate_function", std::int64_t{3}}}),
        tensor<T>({1, 2}, {10, 0}));
  // The last set need not end with a NaN, and a set may be empty.
  check(ml("TreeEnsemble", tensor<T>({2, 1}, {3, 2}), ensemble<T>(),
           {{"membership_values", tensor<T>({2}, {std::nan(""), 2})}}),
        tensor<T>({2, 2}, {0.5, 30, 0.5, 20}));
}

TEST_CASE("TreeEnsemble without trees gives zeros", "[ops][ml]") {
  check(ml("TreeEnsemble", matrix({1, 2}, 1), ensemble<float>(),
           {{"tree_roots", Int64s{}}, {"aggregate_function", std::int64_t{0}}})[0],
        {2, 2}, Floats{0, 0, 0, 0});
}

TEST_CASE("TreeEnsemble refuses ids that do not exist", "[ops][ml]") {
  const Tensor x = matrix({1}, 1);
  const auto fails = [&](std::initializer_list<Attributes::Item> items, const std::string& text) {
    CHECK_ERROR(ml("TreeEnsemble", x, ensemble<float>(), items), invalid_graph, text);
  };
  fails({{"nodes_falsenodeids", Int64s{0, 2, 3}}}, "circle");
  fails({{"nodes_falsenodeids", Int64s{3, 2, 3}}}, "node 3");
  fails({{"nodes_truenodeids", Int64s{4, 1, 3}}}, "leaf 4");
  fails({{"nodes_truenodeids", Int64s{0, 1}}}, "nodes_truenodeids has 2");
  fails({{"tree_roots", Int64s{3}}}, "root 3");
  fails({{"tree_roots", Int64s{-1}}}, "root -1");
  fails({{"leaf_targetids", Int64s{0, 1, 2, 0}}}, "target 2");
  fails({{"leaf_targetids", Int64s{0}}}, "leaf_weights has 4");
  fails({{"nodes_featureids", Int64s{0, -1, 0}}}, "feature -1");
  fails({{"nodes_modes", Tensor::copy_of<std::uint8_t>({6, 7, 0})}}, "mode 7");
  fails({{"membership_values", Tensor::copy_of({1.f})}}, "too few");
  fails({{"membership_values", Tensor::copy_of({1.f, nan_float, 1.f, nan_float, 1.f})}},
        "too many");
  fails({{"aggregate_function", std::int64_t{4}}}, "aggregate_function");
  fails({{"post_transform", std::int64_t{5}}}, "post_transform");
  CHECK_ERROR(ml("TreeEnsemble", Tensor(DType::float32, {1, 0}), ensemble<float>()), shape_mismatch,
              "0 columns");
}

TEST_CASE("A large ensemble gives the same on any number of threads", "[ops][ml]") {
  // Tree t of 200 adds t * 127 + the last 7 bits of the row's feature, found by bisection.
  constexpr std::int64_t count = 200, depth = 7, leaves = 1 << depth, nodes = 2 * leaves - 1;
  Int64s tree, node, feature, on_true, on_false, vote_tree, vote_node, targets;
  Floats splits, weights;
  Strings modes;
  for (std::int64_t t = 0; t < count; ++t) {
    for (std::int64_t i = 0; i < nodes; ++i) {
      std::int64_t level = 0;
      while ((i + 1) >> (level + 1) != 0) ++level;
      const std::int64_t width = leaves >> level, first = (i + 1 - (1 << level)) * width;
      const bool is_leaf = level == depth;
      tree.push_back(t);
      node.push_back(i);
      feature.push_back(0);
      splits.push_back(static_cast<float>(first + width / 2) - 0.5f);
      modes.emplace_back(is_leaf ? "LEAF" : "BRANCH_LT");
      on_true.push_back(is_leaf ? 0 : 2 * i + 1);
      on_false.push_back(is_leaf ? 0 : 2 * i + 2);
      if (!is_leaf) continue;
      vote_tree.push_back(t);
      vote_node.push_back(i);
      targets.push_back(t % 2);
      weights.push_back(static_cast<float>(first + t));
    }
  }
  const Items items{{"nodes_treeids", tree},          {"nodes_nodeids", node},
                    {"nodes_featureids", feature},    {"nodes_values", splits},
                    {"nodes_modes", modes},           {"nodes_truenodeids", on_true},
                    {"nodes_falsenodeids", on_false}, {"target_treeids", vote_tree},
                    {"target_nodeids", vote_node},    {"target_ids", targets},
                    {"target_weights", weights},      {"n_targets", std::int64_t{2}}};
  Tensor x(DType::int32, {500, 1});
  Floats expected;
  for (std::int32_t row = 0; row < 500; ++row) {
    x.as_mutable<std::int32_t>()[static_cast<std::size_t>(row)] = row % leaves;
    // Even trees sum to 0 + 2 + ... + 198, odd ones to 100 more.
    expected.push_back(static_cast<float>(100 * (row % leaves) + 9900));
    expected.push_back(static_cast<float>(100 * (row % leaves) + 10000));
  }
  for (const int threads : {1, 3}) {
    check(ml("TreeEnsembleRegressor", x, items, {}, threads)[0], {500, 2}, expected);
  }
}
