// Small well-formed models that between them use every part of the format: what the tests damage,
// and what fuzzing starts from.
#pragma once

#include "onnx_writer.hpp"

namespace inlay::test::onnx_file {

/// Weights raw, typed, packed, sparse and as a node's attribute.
inline std::string tensors_sample() {
  return model(
      {.nodes = {node("Constant", {}, {"c"}, {tensor_attribute("value", ints("", {1}))}),
                 node("Cast", {"x"}, {"h"}, {int_attribute("to", 10)}),
                 node("Add", {"h", "half"}, {"s"}), node("Gather", {"w", "c"}, {"g"})},
       .inputs = {float_input("x", {2, Dim::named("N")})},
       .outputs = {value_info("s"), value_info("g"), value_info("sp"), value_info("nibbles")},
       .initializers = {floats("w", {1, 2, 3}),
                        raw_tensor("half", DType::float16, {1}, {"\0\x3C", 2}),
                        raw_tensor("nibbles", DType::int4, {3}, "\x21\x03"),
                        tensor("text", DType::string, {1},
                               [](pbf_writer& w) {
                                 w.add_bytes(proto::tensor_field::string_data, "word");
                               })},
       .sparse_initializers = {sparse_tensor(floats("sp", {5}), ints("", {1}), {3})}});
}

/// If in If, with captures over two levels.
inline std::string branches_sample() {
  const GraphFile inner = {.nodes = {node("Add", {"x", "w"}, {"s"})}, .outputs = {value_info("s")}};
  const GraphFile outer = {
      .nodes = {node("Not", {"c"}, {"n"}), node("If", {"n"}, {"r"},
                                                {graph_attribute("then_branch", inner.bytes()),
                                                 graph_attribute("else_branch", inner.bytes())})},
      .outputs = {value_info("r")}};
  return model({.nodes = {node("If", {"c"}, {"y"},
                               {graph_attribute("then_branch", outer.bytes()),
                                graph_attribute("else_branch", inner.bytes())})},
                .inputs = {float_input("x"), value_info("c", tensor_type(DType::boolean, {}))},
                .outputs = {value_info("y")},
                .initializers = {floats("w", {1, 2})}});
}

/// A loop that runs as often as an input says.
inline std::string loop_sample() {
  const GraphFile body = {
      .nodes = {node("Identity", {"keep_in"}, {"keep"}), node("Mul", {"state", "x"}, {"next"})},
      .inputs = {value_info("i", tensor_type(DType::int64, {})),
                 value_info("keep_in", tensor_type(DType::boolean, {})), float_input("state")},
      .outputs = {value_info("keep"), value_info("next"), value_info("next")}};
  return model({.nodes = {node("Loop", {"n", "", "x"}, {"y", "all"},
                               {graph_attribute("body", body.bytes())})},
                .inputs = {float_input("x"), value_info("n", tensor_type(DType::int64, {}))},
                .outputs = {value_info("y"), value_info("all")}});
}

/// Functions that call functions, with attribute references, defaults and overloads.
inline std::string functions_sample() {
  const auto alpha = ref_attribute("alpha", "slope", proto::AttributeType::float_value);
  const FunctionFile leaky = {
      .name = "Leaky",
      .inputs = {"a"},
      .outputs = {"b"},
      .nodes = {node("LeakyRelu", {"a"}, {"b"}, {alpha})},
      .defaults = {attribute("slope", proto::AttributeType::float_value,
                             [](pbf_writer& w) { w.add_float(proto::attribute_field::f, 0.1f); })},
      .overload = "v1"};
  const FunctionFile twice = {
      .name = "Twice",
      .inputs = {"a"},
      .outputs = {"b", "a"},
      .nodes = {node("Leaky", {"a"}, {"t"}, {}, {"local", "first", "v1"}),
                node("Leaky", {"t"}, {"b"}, {}, {"local", "second", "v1"})}};
  return ModelFile{.graph = {.nodes = {node("Twice", {"x"}, {"y", "z"}, {}, {"local", "call"}),
                                       node("Twice", {"y"}, {"u"}, {}, {"local"})},
                             .inputs = {float_input("x")},
                             .outputs = {value_info("u"), value_info("z")}},
                   .functions = {leaky, twice},
                   .ir_version = 10,
                   .metadata = {{"author", "somebody"}}}
      .bytes();
}

/// Sequences and optionals as inputs and outputs.
inline std::string containers_sample() {
  const std::string list =
      container_type(proto::type_field::sequence_type, tensor_type(DType::float32, {}));
  const std::string maybe = container_type(proto::type_field::optional_type, list);
  return model({.nodes = {node("SequenceInsert", {"q", "x"}, {"r"}),
                          node("OptionalGetElement", {"o"}, {"s"})},
                .inputs = {float_input("x"), value_info("q", list), value_info("o", maybe)},
                .outputs = {value_info("r", list), value_info("s", list)}});
}

/// A convolution, its normalisation and activation, and shape arithmetic around a Reshape.
inline std::string network_sample() {
  const std::string weight = tensor("k", DType::float32, {2, 1, 1, 1}, [](pbf_writer& w) {
    const float values[] = {1, 2};
    w.add_packed_float(proto::tensor_field::float_data, std::begin(values), std::end(values));
  });
  return model(
      {.nodes = {node("Conv", {"x", "k"}, {"a"}),
                 node("BatchNormalization", {"a", "v", "v", "v", "v"}, {"b"}),
                 node("Relu", {"b"}, {"c"}), node("Shape", {"c"}, {"d"}),
                 node("Gather", {"d", "zero"}, {"e"}),
                 node("Concat", {"e", "minus"}, {"f"}, {int_attribute("axis", 0)}),
                 node("Reshape", {"c", "f"}, {"g"}), node("MatMul", {"g", "m"}, {"h"}),
                 node("Softmax", {"h"}, {"y"}, {int_attribute("axis", -1)})},
       .inputs = {float_input("x", {Dim::named("N"), 1, 2, 2})},
       .outputs = {value_info("y")},
       .initializers = {weight, floats("v", {1, 1}), ints("zero", {0}), ints("minus", {-1}),
                        tensor("m", DType::float32, {8, 1}, [](pbf_writer& w) {
                          const float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
                          w.add_packed_float(proto::tensor_field::float_data, std::begin(values),
                                             std::end(values));
                        })}});
}

/// A map that becomes features, a tree and a support vector machine for them, and maps of scores.
inline std::string classifier_sample() {
  const NodeOptions ml{.domain = "ai.onnx.ml"};
  const std::string score = tensor_type(DType::float32, {});
  const std::string tree = node(
      "TreeEnsembleClassifier", {"f"}, {"l", "s"},
      {ints_attribute("nodes_treeids", {0, 0, 0}), ints_attribute("nodes_nodeids", {0, 1, 2}),
       ints_attribute("nodes_featureids", {1, 0, 0}),
       floats_attribute("nodes_values", {0.5f, 0, 0}),
       strings_attribute("nodes_modes", {"BRANCH_LEQ", "LEAF", "LEAF"}),
       ints_attribute("nodes_truenodeids", {1, 0, 0}),
       ints_attribute("nodes_falsenodeids", {2, 0, 0}), ints_attribute("class_treeids", {0, 0}),
       ints_attribute("class_nodeids", {1, 2}), ints_attribute("class_ids", {0, 1}),
       floats_attribute("class_weights", {1, 2}), ints_attribute("classlabels_int64s", {7, 8})},
      ml);
  const std::string svm = node(
      "SVMClassifier", {"f"}, {"m", "t"},
      {floats_attribute("support_vectors", {0, 1, 1, 0}), floats_attribute("coefficients", {1, -1}),
       ints_attribute("vectors_per_class", {1, 1}), floats_attribute("rho", {0.5f}),
       floats_attribute("prob_a", {-1}), floats_attribute("prob_b", {0}),
       string_attribute("kernel_type", "RBF"), floats_attribute("kernel_params", {1, 0, 3}),
       strings_attribute("classlabels_strings", {"no", "yes"})},
      ml);
  return ModelFile{
      .graph = {.nodes = {node(
                              "CastMap", {"x"}, {"f"},
                              {string_attribute("map_form", "SPARSE"), int_attribute("max_map", 2)},
                              ml),
                          tree, svm,
                          node("ZipMap", {"s"}, {"z"},
                               {ints_attribute("classlabels_int64s", {7, 8})}, ml)},
                .inputs = {value_info("x", map_type(DType::int64, score))},
                .outputs = {value_info("l"), value_info("z"), value_info("m"), value_info("t")}},
      .opsets = {{"", 17}, {"ai.onnx.ml", 3}}}
      .bytes();
}

/// Words split, normalised, encoded, matched and counted.
inline std::string text_sample() {
  return ModelFile{
      .graph =
          {.nodes = {node("StringSplit", {"x"}, {"w", "n"}, {string_attribute("delimiter", ",")}),
                     node("StringNormalizer", {"w"}, {"c"},
                          {string_attribute("case_change_action", "UPPER"),
                           strings_attribute("stopwords", {"The"})}),
                     node("LabelEncoder", {"c"}, {"l"},
                          {strings_attribute("keys_strings", {"A", "B"}),
                           ints_attribute("values_int64s", {1, 2})},
                          {.domain = "ai.onnx.ml"}),
                     node("RegexFullMatch", {"c"}, {"r"},
                          {string_attribute("pattern", "(?i)[a-c]{1,2}|\\d+")}),
                     node("TfIdfVectorizer", {"l"}, {"t"},
                          {string_attribute("mode", "TF"), int_attribute("min_gram_length", 1),
                           int_attribute("max_gram_length", 2), int_attribute("max_skip_count", 1),
                           ints_attribute("ngram_counts", {0, 1}),
                           ints_attribute("ngram_indexes", {0, 1}),
                           ints_attribute("pool_int64s", {1, 1, 2})})},
           .inputs = {value_info("x", tensor_type(DType::string, {}))},
           .outputs = {value_info("n"), value_info("r"), value_info("t")}},
      .opsets = {{"", 20}, {"ai.onnx.ml", 4}}}
      .bytes();
}

/// Every sample, by name.
inline std::map<std::string, std::string> samples() {
  return {{"tensors", tensors_sample()},
          {"branches", branches_sample()},
          {"loop", loop_sample()},
          {"functions", functions_sample()},
          {"containers", containers_sample()},
          {"network", network_sample()},
          {"classifier", classifier_sample()},
          {"text", text_sample()}};
}

}  // namespace inlay::test::onnx_file
