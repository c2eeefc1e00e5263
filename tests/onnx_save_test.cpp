// save_onnx: what is written reads back as the same graph.
#include <catch2/catch.hpp>

#include "error_check.hpp"
#include "onnx_samples.hpp"
#include "same_graph.hpp"
#include "saved_model.hpp"

using namespace inlay;
using namespace inlay::test;
using namespace inlay::test::onnx_file;

namespace {

constexpr DType all_dtypes[] = {
    DType::float32,        DType::uint8,      DType::int8,           DType::uint16,
    DType::int16,          DType::int32,      DType::int64,          DType::boolean,
    DType::float16,        DType::float64,    DType::uint32,         DType::uint64,
    DType::complex64,      DType::complex128, DType::bfloat16,       DType::float8e4m3fn,
    DType::float8e4m3fnuz, DType::float8e5m2, DType::float8e5m2fnuz, DType::uint4,
    DType::int4,           DType::float4e2m1, DType::float8e8m0,     DType::uint2,
    DType::int2,
};

/// Five elements, so that packed ones end within a byte.
Tensor some(DType dtype) {
  Tensor tensor = Tensor::zeros(dtype, {5});
  auto* bytes = static_cast<std::uint8_t*>(tensor.mutable_data());
  for (std::size_t i = 0; i < tensor.bytes(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(dtype == DType::boolean ? i % 2 : 17 * i + 3);
  }
  return tensor;
}

/// A graph whose outputs are its constants: one of each dtype, an empty one and a scalar.
Graph constants_graph() {
  Graph graph;
  graph.opsets[""] = 21;
  for (const DType dtype : all_dtypes) {
    graph.outputs.push_back(graph.add_constant(std::string(name(dtype)), some(dtype)));
  }
  graph.outputs.push_back(
      graph.add_constant("words", Tensor::copy_of<std::string>({"", "gr\u00FCn", "a\nb"})));
  graph.outputs.push_back(graph.add_constant("empty", Tensor(DType::float32, {2, 0, 3})));
  graph.outputs.push_back(graph.add_constant("scalar", Tensor::scalar(1.5f)));
  return graph;
}

void check_round_trip(const Graph& graph) {
  const SavedModel file(graph);
  const Graph back = file.read();
  check_same_graph(graph, back);
  CHECK(back.metadata == graph.metadata);
}

}  // namespace

TEST_CASE("save_onnx: the samples of every part of the format come back") {
  for (const auto& bytes : {branches_sample(), loop_sample(), containers_sample()}) {
    check_round_trip(read(bytes));
  }
  // Functions come back as the nodes of their bodies, sparse tensors as dense ones.
  check_round_trip(read(functions_sample()));
  check_round_trip(read(tensors_sample()));
}

TEST_CASE("save_onnx: constants of every dtype") {
  Graph graph = constants_graph();
  graph.name = "constants";
  const SavedModel file(graph);
  const Graph back = file.read();
  check_same_graph(graph, back);
  CHECK(seen_constants(back).size() == std::size(all_dtypes) + 3);
}

TEST_CASE("save_onnx: attributes of every type") {
  Graph graph;
  graph.name = "main";
  graph.opsets = {{"", 17}, {"custom", 2}};
  Graph inner;
  inner.name = "inner";
  inner.outputs = {inner.add_constant("k", Tensor::copy_of({1.0f, 2.0f}))};
  const auto shared = std::make_shared<Graph>(inner);
  Attributes all;
  all.set("i", std::int64_t{-3});
  all.set("f", -0.0f);
  all.set("s", std::string("a\0b\xFF", 4));
  all.set("t", some(DType::int4));
  all.set("g", shared);
  all.set("type", Type::optional(Type::sequence(Type::tensor(DType::int64))));
  all.set("is", std::vector<std::int64_t>{1, INT64_MIN, INT64_MAX});
  all.set("fs", std::vector<float>{0.5f, -1e30f});
  all.set("ss", std::vector<std::string>{"", "b"});
  all.set("ts", std::vector<Tensor>{some(DType::float32), Tensor::copy_of<std::string>({"w"})});
  all.set("gs", std::vector<std::shared_ptr<Graph>>{shared, shared});
  all.set("types",
          std::vector<Type>{Type::map(DType::string, Type::tensor(DType::float32, Shape{2}))});
  all.set("no_is", std::vector<std::int64_t>());
  all.set("no_gs", std::vector<std::shared_ptr<Graph>>());
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, {Dim::named("N"), 2}));
  graph.outputs = {graph.add_node("Op", {x, no_id, x}, "y", all, "custom")};
  check_round_trip(read_graph(*file_reader(SavedModel(graph).path())));
  const Graph back = SavedModel(graph).read();
  check_same_graph(graph, back);
  CHECK(back.nodes[0].version == 2);
  CHECK(back.nodes[0].inputs[1] == no_id);
}

TEST_CASE("save_onnx: types of inputs, outputs and inner values") {
  Graph graph;
  graph.opsets[""] = 17;
  const Type types[] = {Type::tensor(DType::float32, {Dim::named("N"), 3, Dim()}),
                        Type::tensor(DType::int8),
                        Type::tensor(DType::string, Shape{}),
                        Type::sequence(Type::tensor(DType::float16, {Dim(), 2})),
                        Type::optional(Type::sequence(Type::tensor(DType::boolean))),
                        Type::map(DType::int64, Type::tensor(DType::float64, Shape{}))};
  for (const Type& type : types) {
    graph.outputs.push_back(graph.add_input("v" + std::to_string(graph.values.size()), type));
  }
  Graph back = SavedModel(graph).read();
  REQUIRE(back.inputs.size() == std::size(types));
  for (std::size_t i = 0; i < std::size(types); ++i) {
    CHECK(back.value(back.inputs[i]).type == types[i]);
  }

  // An output gets the inferred type; what inference calls a dim means nothing in a file.
  const ValueId t = graph.add_node("Transpose", {graph.inputs[0]}, "t");
  graph.value(t).type = Type::tensor(DType::float32, {Dim::named("?7.0"), 3, Dim::named("N")});
  graph.outputs = {graph.add_node("Relu", {t}, "r")};
  const std::string bytes = SavedModel(graph).content();
  CHECK(bytes.find("?7") == std::string::npos);
  CHECK(declared_types(bytes, proto::graph_field::output).at("r") == "float32[?, 3, N]");
  CHECK(declared_types(bytes, proto::graph_field::value_info).at("t") == "float32[?, 3, N]");

  // Where inference knows less than the graph, the graph's word counts.
  const ValueId shape = graph.add_input("shape", Type::tensor(DType::int64));
  graph.outputs = {graph.add_node("Reshape", {graph.inputs[0], shape}, "reshaped")};
  graph.value(graph.outputs[0]).type = Type::tensor(DType::float32, {Dim::named("M"), 4});
  back = SavedModel(graph).read();
  CHECK(to_string(back.value(back.outputs[0]).type) == "float32[M, 4]");
}

TEST_CASE("save_onnx: captures have the outer name, and no name hides another") {
  // What the branches call "x" is a value of their own; a third one has no name.
  Graph branch;
  const ValueId captured = branch.add_value("inside");
  const ValueId own = branch.add_node("Neg", {captured}, "x");
  branch.node(0).version = 17;
  const ValueId nameless = branch.add_node("Abs", {own}, "");
  branch.node(1).version = 17;
  branch.outputs = {nameless, captured, nameless};

  Graph graph;
  graph.opsets[""] = 17;
  const ValueId condition = graph.add_input("c", Type::tensor(DType::boolean, Shape{}));
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2}));
  const ValueId weight = graph.add_constant("", Tensor::copy_of({10.0f, 20.0f}));
  branch.captures = {{x, captured}};
  Graph other = branch.clone();
  other.captures = {{weight, captured}};
  Node node;
  node.op = "If";
  node.version = 17;
  node.inputs = {condition};
  node.attributes.set("then_branch", std::make_shared<Graph>(branch));
  node.attributes.set("else_branch", std::make_shared<Graph>(other));
  for (const char* output : {"a", "b", "d"}) node.outputs.push_back(graph.add_value(output));
  graph.outputs = node.outputs;
  graph.outputs.push_back(node.outputs[0]);
  graph.add_node(node);

  const Graph back = SavedModel(graph).read();
  REQUIRE(back.outputs.size() == 4);
  CHECK(back.value(back.outputs[0]).name == "a");
  CHECK(back.outputs[3] == back.outputs[0]);
  const auto& then_branch = **back.nodes[0].attributes.get<std::shared_ptr<Graph>>("then_branch");
  REQUIRE(then_branch.captures.size() == 1);
  CHECK(then_branch.value(then_branch.captures[0].inner).name == "x");
  CHECK(then_branch.find_value("x_1") != no_id);

  for (const bool value : {true, false}) {
    const auto answers = [&](const Graph& g) {
      Session session(Model::from_graph(g.clone()));
      return session.run({{"c", Tensor::scalar(value)}, {"x", Tensor::copy_of({-3.0f, 4.0f})}});
    };
    const Outputs expected = answers(graph), actual = answers(back);
    for (std::size_t i = 0; i < 4; ++i) CHECK(same(expected[i], actual[i]));
  }
}

TEST_CASE("save_onnx: metadata, opsets and the version of the format") {
  Graph graph = read(functions_sample());
  graph.metadata["onnx.producer_name"] = "maker";
  graph.metadata["onnx.producer_version"] = "1.2";
  graph.metadata["onnx.domain"] = "org.example";
  graph.metadata["onnx.doc_string"] = "says what it is";
  graph.metadata["onnx.model_version"] = "12";
  graph.metadata["onnx.note"] = "no field of the format";
  check_round_trip(graph);

  graph.metadata.clear();
  CHECK(SavedModel(graph).read().metadata.at("onnx.ir_version") == "8");
  graph.metadata["onnx.ir_version"] = "3";  // where initializers had to be inputs
  CHECK(SavedModel(graph).read().metadata.at("onnx.ir_version") == "8");

  // A domain that is used is imported, whether the graph says so or not.
  graph.nodes[0].domain = "elsewhere";
  graph.nodes[0].version = 3;
  CHECK(SavedModel(graph).read().opsets ==
        std::map<std::string, int>{{"", 17}, {"local", 1}, {"elsewhere", 3}});
}

TEST_CASE("save_onnx: what nobody sees is left out") {
  Graph graph = read(tensors_sample());
  const std::string before = SavedModel(graph).content();
  graph.add_constant("unused", Tensor(DType::float32, {100'000}));
  graph.add_node("Neg", {graph.inputs[0]}, "killed");
  graph.kill(static_cast<NodeId>(graph.nodes.size() - 1));
  CHECK(SavedModel(graph).content() == before);
}

TEST_CASE("save_onnx: the same graph gives the same bytes") {
  const Graph graph = read(branches_sample());
  CHECK(SavedModel(graph).content() == SavedModel(graph).content());
  const Graph constants = constants_graph();
  const OnnxWriteOptions external{.max_file_bytes = 0, .min_external_bytes = 1};
  const SavedModel a(constants, external), b(constants, external);
  CHECK(a.data() == b.data());
}

TEST_CASE("save_onnx: nodes written for several opsets") {
  Graph graph;
  graph.opsets[""] = 11;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2, 3}));
  const ValueId softmax = graph.add_node("Softmax", {x}, "softmax");
  graph.outputs = {graph.add_node("Neg", {softmax}, "y")};
  graph.node(1).version = 17;
  CHECK_ERROR(SavedModel(graph), unsupported, "Softmax");

  graph.node(0).op = "Relu";
  CHECK(SavedModel(graph).read().opsets.at("") == 17);
  graph.node(1).op = "Gelu";  // not before 20
  graph.opsets[""] = 20;
  CHECK_ERROR(SavedModel(graph), unsupported, "Gelu");
  graph.node(1).version = 20;
  CHECK(SavedModel(graph).read().opsets.at("") == 20);

  // Attributes that became inputs matter where they are used.
  graph.node(0).op = "Squeeze";
  CHECK_NOTHROW(SavedModel(graph));
  graph.node(0).attributes.set("axes", std::vector<std::int64_t>{0});
  CHECK_ERROR(SavedModel(graph), unsupported, "Squeeze");
}

TEST_CASE("save_onnx: graphs that no file can hold") {
  Graph graph;
  graph.opsets[""] = 17;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{2}));
  const ValueId w = graph.add_constant("w", Tensor::without_elements(DType::float32, {2}));
  graph.outputs = {graph.add_node("Add", {x, w}, "y")};
  CHECK_ERROR(SavedModel(graph), invalid_argument, "tensor w");

  graph.value(w).constant = Tensor::copy_of({1.0f, 2.0f});
  graph.node(0).domain = "inlay";
  CHECK_ERROR(SavedModel(graph), unsupported, "inlay:Add");

  graph.node(0).domain = "";
  graph.outputs.push_back(graph.add_value("nobody makes this"));
  CHECK_ERROR(SavedModel(graph), invalid_graph, "nobody makes this");
  graph.outputs.pop_back();
  graph.outputs = {graph.add_node("UnknownToAll", {x}, "z", {}, "custom")};
  CHECK_NOTHROW(SavedModel(graph));
}
