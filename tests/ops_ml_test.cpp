// ai.onnx.ml: features, labels and maps.
#include <catch2/catch.hpp>
#include <limits>

#include "error_check.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Floats = std::vector<float>;
using Strings = std::vector<std::string>;

const float nan_float = std::numeric_limits<float>::quiet_NaN();

std::vector<Value> ml(const std::string& op, std::vector<Value> inputs,
                      std::initializer_list<Attributes::Item> items = {}, int version = 4) {
  Call c = call(op, std::move(inputs), items, version);
  c.domain = "ai.onnx.ml";
  return run(c);
}

Tensor strings(std::initializer_list<std::string> values) { return Tensor::copy_of(values); }
Tensor ints(std::initializer_list<std::int64_t> values) { return Tensor::copy_of(values); }

/// Runs an operator on a map.
Value on_map(const std::string& op, DType keys, DType values, const Map& map,
             std::initializer_list<Attributes::Item> items) {
  Graph graph;
  graph.opsets["ai.onnx.ml"] = 1;
  const ValueId x = graph.add_input("x", Type::map(keys, Type::tensor(values)));
  graph.outputs = {graph.add_node(op, {x}, "y", attributes(items), "ai.onnx.ml")};
  Session session(Model::from_graph(std::move(graph)));
  const std::vector<Value> inputs{Value(map)};
  const Outputs outputs = session.run(std::span<const Value>(inputs));
  return outputs.value(0);
}

template <class K, class V>
Map map_of(std::initializer_list<std::pair<K, V>> entries) {
  Map map;
  for (const auto& [key, value] : entries) {
    map.emplace_back(Tensor::scalar(key), Tensor::scalar(value));
  }
  return map;
}

using Numbered = std::initializer_list<std::pair<std::int64_t, float>>;

}  // namespace

TEST_CASE("ArrayFeatureExtractor takes columns", "[ops][ml]") {
  const Tensor x = Tensor::copy_of({1.f, 2.f, 3.f, 4.f, 5.f, 6.f}, {2, 3});
  check(ml("ArrayFeatureExtractor", {x, ints({2, 0, 2, 1})}),
        Tensor::copy_of({3.f, 1.f, 3.f, 2.f, 6.f, 4.f, 6.f, 5.f}, {2, 4}));
  check(ml("ArrayFeatureExtractor", {x, Tensor::copy_of<std::int64_t>({1, 0}, {1, 2})}),
        Tensor::copy_of({2.f, 1.f, 5.f, 4.f}, {2, 2}));
  check(ml("ArrayFeatureExtractor", {strings({"a", "b"}), ints({1})}),
        Tensor::copy_of<std::string>({"b"}, {1, 1}));
  check(ml("ArrayFeatureExtractor", {x, Tensor(DType::int64, {0})}),
        Tensor(DType::float32, {2, 0}));
  check(ml("ArrayFeatureExtractor", {Tensor(DType::float64, {0, 3}), ints({1})}),
        Tensor(DType::float64, {0, 1}));
  CHECK_ERROR(ml("ArrayFeatureExtractor", {x, ints({3})}), execution, "outside 3 features");
  CHECK_ERROR(ml("ArrayFeatureExtractor", {x, ints({-1})}), execution, "outside 3 features");
  CHECK_ERROR(ml("ArrayFeatureExtractor", {Tensor::scalar(1.f), ints({0})}), invalid_graph,
              "scalar");
}

TEST_CASE("Binarizer compares with a threshold", "[ops][ml]") {
  check(ml("Binarizer", {Tensor::copy_of({-1.f, 0.5f, 0.75f, nan_float})}, {{"threshold", 0.5f}}),
        Tensor::copy_of({0.f, 0.f, 1.f, 0.f}));
  check(ml("Binarizer", {ints({-1, 0, 1})}), ints({0, 0, 1}));
  check(ml("Binarizer", {Tensor::copy_of<std::int32_t>({2, 3})}, {{"threshold", 2.5f}}),
        Tensor::copy_of<std::int32_t>({0, 1}));
  check(ml("Binarizer", {Tensor::scalar(1.0)}), Tensor::scalar(1.0));
  check(ml("Binarizer", {Tensor(DType::float32, {2, 0})}), Tensor(DType::float32, {2, 0}));
}

TEST_CASE("FeatureVectorizer puts inputs side by side", "[ops][ml]") {
  const Tensor a = Tensor::copy_of<std::int64_t>({1, 2, 3, 4}, {2, 2});
  const Tensor b = Tensor::copy_of<std::int64_t>({5, 6}, {2, 1});
  check(ml("FeatureVectorizer", {a, b}), Tensor::copy_of({1.f, 2.f, 5.f, 3.f, 4.f, 6.f}, {2, 3}));
  check(ml("FeatureVectorizer", {a, b}, {{"inputdimensions", Int64s{1, 2}}}),
        Tensor::copy_of({1.f, 5.f, 0.f, 3.f, 6.f, 0.f}, {2, 3}));
  check(ml("FeatureVectorizer", {Tensor::copy_of({1.0, 2.0}), Tensor::copy_of({3.0})}),
        Tensor::copy_of({1.f, 2.f, 3.f}, {1, 3}));
  check(ml("FeatureVectorizer", {Tensor(DType::int32, {0, 2}), Tensor(DType::int32, {0, 1})}),
        Tensor(DType::float32, {0, 3}));
  CHECK_ERROR(ml("FeatureVectorizer", {a, Tensor(DType::int64, {3, 1})}), shape_mismatch, "rows");
  CHECK_ERROR(ml("FeatureVectorizer", {a, b}, {{"inputdimensions", Int64s{1}}}), invalid_graph,
              "1 elements for 2 inputs");
  CHECK_ERROR(ml("FeatureVectorizer", {a}, {{"inputdimensions", Int64s{-1}}}), invalid_graph,
              "negative");
}

TEST_CASE("Imputer replaces a value", "[ops][ml]") {
  const Tensor x = Tensor::copy_of({0.f, 1.f, nan_float, 0.f}, {2, 2});
  check(ml("Imputer", {x}, {{"imputed_value_floats", Floats{5.f, 6.f}}}),
        Tensor::copy_of({5.f, 1.f, nan_float, 6.f}, {2, 2}));
  check(ml("Imputer", {x},
           {{"imputed_value_floats", Floats{7.f}}, {"replaced_value_float", nan_float}}),
        Tensor::copy_of({0.f, 1.f, 7.f, 0.f}, {2, 2}));
  check(ml("Imputer", {Tensor::copy_of<std::int32_t>({3, -1, 3})},
           {{"imputed_value_int64s", Int64s{1, 2, 4}}, {"replaced_value_int64", std::int64_t{3}}}),
        Tensor::copy_of<std::int32_t>({1, -1, 4}));
  check(ml("Imputer", {Tensor(DType::float64, {0, 2})}, {{"imputed_value_floats", Floats{1.f}}}),
        Tensor(DType::float64, {0, 2}));
  CHECK_ERROR(ml("Imputer", {x}), shape_mismatch, "0 elements");
  CHECK_ERROR(ml("Imputer", {x}, {{"imputed_value_floats", Floats{1.f, 2.f, 3.f}}}), shape_mismatch,
              "3 elements");
  CHECK_ERROR(ml("Imputer", {Tensor::copy_of<std::int32_t>({0})},
                 {{"imputed_value_int64s", Int64s{std::int64_t{1} << 40}}}),
              invalid_graph, "does not fit");
}

TEST_CASE("Normalizer divides rows by a norm", "[ops][ml]") {
  const Tensor x = Tensor::copy_of({3.f, -4.f, 0.f, 0.f, -2.f, -1.f}, {3, 2});
  check(ml("Normalizer", {x}), Tensor::copy_of({1.f, -4.f / 3, 0.f, 0.f, 2.f, 1.f}, {3, 2}));
  check(ml("Normalizer", {x}, {{"norm", "L1"}}),
        Tensor::copy_of({3.f / 7, -4.f / 7, 0.f, 0.f, -2.f / 3, -1.f / 3}, {3, 2}));
  check(ml("Normalizer", {x}, {{"norm", "L2"}}),
        Tensor::copy_of({0.6f, -0.8f, 0.f, 0.f, -0.8944272f, -0.4472136f}, {3, 2}));
  check(ml("Normalizer", {ints({1, 2, 4})}), Tensor::copy_of({0.25f, 0.5f, 1.f}));
  check(ml("Normalizer", {Tensor(DType::float64, {2, 0})}), Tensor(DType::float32, {2, 0}));
  CHECK_ERROR(ml("Normalizer", {x}, {{"norm", "L3"}}), invalid_graph, "L3");
  CHECK_ERROR(ml("Normalizer", {Tensor(DType::float32, {1, 1, 1})}), invalid_graph, "rank 3");
}

TEST_CASE("Scaler moves and scales each feature", "[ops][ml]") {
  const Tensor x = Tensor::copy_of({1.0, 2.0, 3.0, 4.0}, {2, 2});
  check(ml("Scaler", {x}, {{"offset", Floats{1.f, 2.f}}, {"scale", Floats{2.f, 0.5f}}}),
        Tensor::copy_of({0.f, 0.f, 4.f, 1.f}, {2, 2}));
  check(ml("Scaler", {x}, {{"offset", Floats{1.f}}, {"scale", Floats{-2.f}}}),
        Tensor::copy_of({0.f, -2.f, -4.f, -6.f}, {2, 2}));
  check(ml("Scaler", {ints({5})}), Tensor::copy_of({5.f}));
  CHECK_ERROR(ml("Scaler", {x}, {{"offset", Floats{1.f, 2.f, 3.f}}}), shape_mismatch, "offset");
}

TEST_CASE("OneHotEncoder marks the place of a category", "[ops][ml]") {
  const Attributes::Item categories{"cats_int64s", Int64s{1, -2, 7}};
  const Tensor expected = Tensor::copy_of({0.f, 0.f, 1.f, 0.f, 0.f, 0.f}, {2, 3});
  check(ml("OneHotEncoder", {ints({7, 5})}, {categories}), expected);
  check(ml("OneHotEncoder", {Tensor::copy_of({7.9f, nan_float})}, {categories}), expected);
  check(ml("OneHotEncoder", {Tensor::copy_of({7.0, 1e300})}, {categories}), expected);
  check(ml("OneHotEncoder", {Tensor::copy_of<std::int32_t>({-2}, {1, 1})}, {categories}),
        Tensor::copy_of({0.f, 1.f, 0.f}, {1, 1, 3}));
  check(ml("OneHotEncoder", {Tensor::scalar(std::string("b"))},
           {{"cats_strings", Strings{"a", "b"}}}),
        Tensor::copy_of({0.f, 1.f}));
  check(ml("OneHotEncoder", {Tensor(DType::int64, {0})}, {categories}),
        Tensor(DType::float32, {0, 3}));
  CHECK_ERROR(ml("OneHotEncoder", {ints({5})}, {categories, {"zeros", std::int64_t{0}}}), execution,
              "none of the categories");
  CHECK_ERROR(ml("OneHotEncoder", {strings({"a"})}, {categories}), invalid_graph, "no categories");
}

TEST_CASE("LabelEncoder 1 and CategoryMapper go both ways", "[ops][ml]") {
  const Attributes::Item classes{"classes_strings", Strings{"a", "b", "a"}};
  check(ml("LabelEncoder", {strings({"b", "a", "c"})}, {classes}, 1), ints({1, 2, -1}));
  check(ml("LabelEncoder", {ints({1, 3, -1})}, {classes, {"default_string", "?"}}, 1),
        strings({"b", "?", "?"}));
  const Attributes::Item words{"cats_strings", Strings{"x", "y"}};
  const Attributes::Item numbers{"cats_int64s", Int64s{10, 20}};
  check(ml("CategoryMapper", {strings({"y", "", "x"})}, {words, numbers}), ints({20, -1, 10}));
  check(ml("CategoryMapper", {ints({20, 0})}, {words, numbers}), strings({"y", "_Unused"}));
  CHECK_ERROR(ml("CategoryMapper", {ints({20})}, {words}), invalid_graph, "0 keys and 2 values");
}

TEST_CASE("LabelEncoder maps every type of key to every type of value", "[ops][ml]") {
  check(ml("LabelEncoder", {strings({"b", "z"})},
           {{"keys_strings", Strings{"a", "b"}}, {"values_int64s", Int64s{5, 6}}}, 2),
        ints({6, -1}));
  check(ml("LabelEncoder", {ints({3, 4})},
           {{"keys_int64s", Int64s{4, 3}},
            {"values_strings", Strings{"four", "three"}},
            {"default_string", "?"}},
           2),
        strings({"three", "four"}));
  check(ml("LabelEncoder", {Tensor::copy_of({nan_float, -0.f, 2.f}, {3, 1})},
           {{"keys_floats", Floats{-nan_float, 0.f}},
            {"values_floats", Floats{1.f, 3.f}},
            {"default_float", 9.f}}),
        Tensor::copy_of({1.f, 3.f, 9.f}, {3, 1}));
  // The last of equal keys counts.
  check(ml("LabelEncoder", {ints({1})},
           {{"keys_int64s", Int64s{1, 2, 1}}, {"values_int64s", Int64s{7, 8, 9}}}),
        ints({9}));
  check(ml("LabelEncoder", {Tensor::copy_of<std::int16_t>({5, 6})},
           {{"keys_tensor", Tensor::copy_of<std::int16_t>({5})},
            {"values_tensor", Tensor::copy_of({2.5})},
            {"default_tensor", Tensor::copy_of({-1.5})}}),
        Tensor::copy_of({2.5, -1.5}));
  check(ml("LabelEncoder", {Tensor::copy_of({0.5, 1.0})},
           {{"keys_tensor", Tensor::copy_of({1.0})},
            {"values_tensor", Tensor::copy_of<std::int32_t>({4})}}),
        Tensor::copy_of<std::int32_t>({-1, 4}));
  check(ml("LabelEncoder", {Tensor(DType::int64, {0, 2})},
           {{"keys_int64s", Int64s{1}}, {"values_strings", Strings{"a"}}}),
        Tensor(DType::string, {0, 2}));
}

TEST_CASE("LabelEncoder refuses tables that do not fit", "[ops][ml]") {
  const Attributes::Item keys{"keys_int64s", Int64s{1, 2}};
  CHECK_ERROR(ml("LabelEncoder", {ints({1})}, {keys}), invalid_graph, "values_*");
  CHECK_ERROR(ml("LabelEncoder", {ints({1})}, {keys, {"values_int64s", Int64s{1}}}), invalid_graph,
              "2 keys and 1 values");
  CHECK_ERROR(ml("LabelEncoder", {strings({"a"})}, {keys, {"values_int64s", Int64s{1, 2}}}),
              invalid_graph, "the keys are int64");
  CHECK_ERROR(ml("LabelEncoder", {ints({1})},
                 {keys, {"keys_floats", Floats{1.f}}, {"values_int64s", Int64s{1, 2}}}),
              invalid_graph, "more than one");
  CHECK_ERROR(
      ml("LabelEncoder", {ints({1})},
         {keys, {"values_int64s", Int64s{1, 2}}, {"default_tensor", Tensor::copy_of({1.f})}}),
      invalid_graph, "default_tensor");
}

TEST_CASE("CastMap lays a map out by its keys", "[ops][ml]") {
  const Map map = map_of(Numbered{{3, 1.75f}, {0, -2.5f}, {1, 4.f}});  // in no order
  const auto cast = [&](const Map& from, std::initializer_list<Attributes::Item> items,
                        DType values = DType::float32) {
    return on_map("CastMap", DType::int64, values, from, items);
  };
  check(cast(map, {}), {1, 3}, Floats{-2.5f, 4.f, 1.75f});
  const Attributes::Item sparse{"map_form", "SPARSE"};
  check(cast(map, {sparse, {"max_map", std::int64_t{5}}}), {1, 5},
        Floats{-2.5f, 4.f, 0.f, 1.75f, 0.f});
  check(cast(map, {{"cast_to", "TO_INT64"}}), {1, 3}, Int64s{-2, 4, 1});
  check(cast(map, {{"cast_to", "TO_STRING"}}), {1, 3}, Strings{"-2.5", "4", "1.75"});
  const Map words = map_of<std::int64_t, std::string>({{2, "1.5"}, {1, "7"}});
  check(cast(words, {}, DType::string), {1, 2}, Floats{7.f, 1.5f});
  check(cast(words, {{"cast_to", "TO_INT64"}}, DType::string), {1, 2}, Int64s{7, 1});
  check(cast({}, {}), {1, 0}, Floats{});
  CHECK_ERROR(cast(map, {sparse, {"max_map", std::int64_t{3}}}), execution, "key 3");
  CHECK_ERROR(cast(map_of(Numbered{{-1, 1.f}}), {sparse}), execution, "key -1");
  CHECK_ERROR(cast(map, {{"cast_to", "TO_BOOL"}}), invalid_graph, "TO_BOOL");
  CHECK_ERROR(cast(map_of<std::int64_t, std::string>({{0, "x"}}), {}, DType::string), execution,
              "not a number");
  CHECK_ERROR(on_map("CastMap", DType::string, DType::float32,
                     map_of<std::string, float>({{"a", 1.f}}), {}),
              invalid_graph, "a map from int64");
}

TEST_CASE("DictVectorizer puts values at the places of their keys", "[ops][ml]") {
  const Attributes::Item words{"string_vocabulary", Strings{"a", "c", "b", "z"}};
  check(on_map("DictVectorizer", DType::string, DType::int64,
               map_of<std::string, std::int64_t>({{"a", 4}, {"c", 8}}), {words}),
        {4}, Int64s{4, 8, 0, 0});
  const Attributes::Item numbers{"int64_vocabulary", Int64s{5, -1}};
  check(on_map("DictVectorizer", DType::int64, DType::string,
               map_of<std::int64_t, std::string>({{-1, "x"}}), {numbers}),
        {2}, Strings{"", "x"});
  check(on_map("DictVectorizer", DType::int64, DType::float64,
               map_of<std::int64_t, double>({{5, 0.5}}), {numbers}),
        {2}, std::vector<double>{0.5, 0});
  check(on_map("DictVectorizer", DType::int64, DType::float32, {}, {numbers}), {2}, Floats{0, 0});
  CHECK_ERROR(
      on_map("DictVectorizer", DType::int64, DType::float32, map_of(Numbered{{7, 1.f}}), {numbers}),
      execution, "the key 7");
  CHECK_ERROR(
      on_map("DictVectorizer", DType::int64, DType::float32, map_of(Numbered{{7, 1.f}}), {words}),
      invalid_graph, "a map from string");
  CHECK_ERROR(on_map("DictVectorizer", DType::int64, DType::float32, {}, {words, numbers}),
              invalid_graph, "string_vocabulary");
  // What the caller gives need not be what the model says.
  CHECK_ERROR(on_map("DictVectorizer", DType::int64, DType::float32,
                     map_of<std::string, float>({{"a", 1.f}}), {numbers}),
              type_mismatch, "string");
}

TEST_CASE("ZipMap makes a map of each row, in the order of its keys", "[ops][ml]") {
  const Tensor x = Tensor::copy_of({0.25f, 0.75f, 0.5f, -1.f}, {2, 2});
  const Attributes::Item numbers{"classlabels_int64s", Int64s{7, 5}};
  const Sequence maps = ml("ZipMap", {x}, {numbers})[0].sequence();
  REQUIRE(maps.size() == 2);
  REQUIRE(maps[1].map().size() == 2);
  CHECK(maps[1].map()[0].first.tensor().item<std::int64_t>() == 5);
  check(maps[1].map()[0].second, {}, Floats{-1.f});
  check(maps[1].map()[1].first, {}, Int64s{7});
  check(maps[1].map()[1].second, {}, Floats{0.5f});
  const Attributes::Item words{"classlabels_strings", Strings{"n", "m"}};
  const Sequence one = ml("ZipMap", {Tensor::copy_of({1.f, 2.f})}, {words})[0].sequence();
  REQUIRE(one.size() == 1);
  check(one[0].map()[0].first, {}, Strings{"m"});
  check(one[0].map()[0].second, {}, Floats{2.f});
  CHECK(ml("ZipMap", {Tensor(DType::float32, {0, 2})}, {words})[0].sequence().empty());
  CHECK_ERROR(ml("ZipMap", {Tensor::copy_of({1.f})}, {words}), shape_mismatch, "1 columns");
  CHECK_ERROR(ml("ZipMap", {x}), invalid_graph, "classlabels_int64s");
  CHECK_ERROR(ml("ZipMap", {x}, {{"classlabels_int64s", Int64s{5, 5}}}), invalid_graph, "twice");
}

TEST_CASE("A session takes maps where the model says so", "[ops][ml]") {
  Graph graph;
  graph.opsets["ai.onnx.ml"] = 1;
  const ValueId x = graph.add_input("x", Type::map(DType::int64, Type::tensor(DType::float32)));
  graph.outputs = {graph.add_node("CastMap", {x}, "y", {}, "ai.onnx.ml")};
  Session session(Model::from_graph(std::move(graph)));
  const std::vector<Value> tensor{Tensor::scalar(1.f)};
  CHECK_ERROR(session.run(std::span<const Value>(tensor)), type_mismatch, "takes a map");
}
