// Typical calls of the operators on signals, strings, features and classical models.
#include "op_samples.hpp"

namespace inlay::test {

std::vector<Sample> signal_samples() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  add({.call = op("DFT", {counting({2, 5, 1}), Value(), longs({1}).reshaped({})}),
       .axes_input = 2});
  add({.call = op("STFT", {counting({2, 12, 1}), longs({3}).reshaped({}), counting({4})})});
  const auto number = [](std::int64_t value) { return Tensor::scalar(value); };
  add({.call = op("MelWeightMatrix", {number(4), number(16), number(8000), Tensor::scalar(0.F),
                                      Tensor::scalar(4000.F)}),
       .empty = {},
       .dtypes = false});
  return samples;
}

std::vector<Sample> text_samples() {
  std::vector<Sample> samples;
  const auto add = [&](Sample sample) { samples.push_back(std::move(sample)); };
  const Tensor words = Tensor::copy_of<std::string>({"a b", "cd", "a"}, {3});
  add({.call = op("StringConcat", {words, Tensor::copy_of<std::string>({"x"})}),
       .scalar = true,
       .broadcasts = true});
  add({.call = op("StringSplit", {words}, {}, 2)});
  add({.call = op("StringNormalizer", {words}, {word("case_change_action", "UPPER")})});
  add({.call = op("RegexFullMatch", {words}, {word("pattern", "a.*")}), .scalar = true});
  add({.call = op("TfIdfVectorizer", {counting_as<std::int64_t>({2, 4})},
                  {word("mode", "TF"), whole("min_gram_length", 1), whole("max_gram_length", 1),
                   whole("max_skip_count", 0), list("ngram_counts", {0}),
                   list("ngram_indexes", {0, 1}), list("pool_int64s", {1, 3})}),
       .dtypes = false});
  return samples;
}

std::vector<Sample> ml_samples() {
  std::vector<Sample> samples;
  const auto add = [&](const char* name, std::vector<Value> inputs,
                       std::initializer_list<Attributes::Item> items, std::size_t outputs = 1,
                       bool dtypes = true) {
    Call made = op(name, std::move(inputs), items, outputs, 5);
    made.domain = "ai.onnx.ml";
    samples.push_back({.call = std::move(made), .dtypes = dtypes});
  };
  const auto reals = [](std::string name, std::vector<float> values) {
    return Attributes::Item{std::move(name), std::move(values)};
  };
  const auto texts = [](std::string name, std::vector<std::string> values) {
    return Attributes::Item{std::move(name), std::move(values)};
  };
  const Tensor x = counting({2, 3});
  add("ArrayFeatureExtractor", {x, longs({2, 0})}, {});
  add("Binarizer", {x}, {{"threshold", 1.5F}});
  add("CategoryMapper", {Tensor::copy_of<std::string>({"b", "a"})},
      {texts("cats_strings", {"a", "b"}), list("cats_int64s", {7, 8})}, 1, false);
  add("FeatureVectorizer", {x, counting({2, 2})}, {list("inputdimensions", {3, 2})});
  samples.back().empty = {{0, 0}, {1, 0}};
  add("Imputer", {x}, {reals("imputed_value_floats", {9}), {"replaced_value_float", 2.F}}, 1,
      false);
  add("LabelEncoder", {longs({2, 1, 5})},
      {list("keys_int64s", {1, 2}), texts("values_strings", {"one", "two"})}, 1, false);
  const Attributes::Item weights = reals("coefficients", {1, 0.5F, -1});
  add("LinearClassifier", {x},
      {weights, reals("intercepts", {0.25F}), list("classlabels_ints", {0, 1})}, 2);
  add("LinearRegressor", {x}, {weights, reals("intercepts", {0.25F})});
  add("Normalizer", {x}, {word("norm", "L2")});
  add("OneHotEncoder", {counting_as<std::int64_t>({3})}, {list("cats_int64s", {1, 2, 3})}, 1,
      false);
  const std::vector<float> support = {1, 2, 3, 3, 2, 1};
  add("SVMClassifier", {x},
      {reals("coefficients", {1, -1}), reals("support_vectors", support), reals("rho", {0.5F}),
       list("vectors_per_class", {1, 1}), list("classlabels_ints", {0, 1}),
       word("kernel_type", "LINEAR")},
      2);
  add("SVMRegressor", {x},
      {reals("coefficients", {1, -1}), reals("support_vectors", support), reals("rho", {0.5F}),
       whole("n_supports", 2), word("kernel_type", "LINEAR")});
  add("Scaler", {x}, {reals("offset", {1}), reals("scale", {2})});
  // One split: x[1] <= 1.5 ? 10 : 20.
  const Attributes::Item tree[] = {list("nodes_treeids", {0, 0, 0}),
                                   list("nodes_nodeids", {0, 1, 2}),
                                   list("nodes_featureids", {1, 0, 0}),
                                   reals("nodes_values", {1.5F, 0, 0}),
                                   texts("nodes_modes", {"BRANCH_LEQ", "LEAF", "LEAF"}),
                                   list("nodes_truenodeids", {1, 0, 0}),
                                   list("nodes_falsenodeids", {2, 0, 0})};
  add("TreeEnsembleRegressor", {x},
      {tree[0], tree[1], tree[2], tree[3], tree[4], tree[5], tree[6], whole("n_targets", 1),
       list("target_treeids", {0, 0}), list("target_nodeids", {1, 2}), list("target_ids", {0, 0}),
       reals("target_weights", {10, 20})});
  add("TreeEnsembleClassifier", {x},
      {tree[0], tree[1], tree[2], tree[3], tree[4], tree[5], tree[6], list("class_treeids", {0, 0}),
       list("class_nodeids", {1, 2}), list("class_ids", {0, 1}), reals("class_weights", {1, 1}),
       list("classlabels_int64s", {4, 5})},
      2);
  const auto floats = [](std::initializer_list<float> values) { return Tensor::copy_of(values); };
  add("TreeEnsemble", {x},
      {list("tree_roots", {0}),
       list("nodes_featureids", {1}),
       {"nodes_splits", floats({1.5F})},
       {"nodes_modes", Tensor::copy_of<std::uint8_t>({0})},
       list("nodes_truenodeids", {0}),
       list("nodes_trueleafs", {1}),
       list("nodes_falsenodeids", {1}),
       list("nodes_falseleafs", {1}),
       list("leaf_targetids", {0, 0}),
       {"leaf_weights", floats({10, 20})},
       whole("n_targets", 1)},
      1, false);
  return samples;
}

}  // namespace inlay::test
