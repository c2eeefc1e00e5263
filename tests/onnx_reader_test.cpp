// ModelProto and GraphProto: names, captures, inputs, metadata, and what is refused.
#include <catch2/catch.hpp>

#include "error_check.hpp"
#include "onnx_writer.hpp"

using namespace inlay;
using namespace inlay::test;
using namespace inlay::test::onnx_file;

namespace {

/// y = Relu(x), one input, one output.
GraphFile relu_graph() {
  return {.nodes = {node("Relu", {"x"}, {"y"}, {}, {.name = "relu"})},
          .inputs = {float_input("x")},
          .outputs = {value_info("y")}};
}

const Graph& subgraph(const Node& node, std::string_view name) {
  return **node.attributes.get<std::shared_ptr<Graph>>(name);
}

std::vector<std::string> names(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> out;
  for (const ValueId id : ids) out.push_back(id == no_id ? "-" : graph.value(id).name);
  return out;
}

}  // namespace

TEST_CASE("a small model becomes a graph") {
  GraphFile file = relu_graph();
  file.nodes.push_back(node("Clip", {"y", "", "max"}, {"z"},
                            {int_attribute("i", 3), string_attribute("s", "text")}));
  file.initializers = {floats("max", {6})};
  file.outputs = {value_info("z"), value_info("y")};
  const Graph graph = read(model(file));
  CHECK(names(graph, graph.inputs) == std::vector<std::string>{"x"});
  CHECK(names(graph, graph.outputs) == std::vector<std::string>{"z", "y"});
  REQUIRE(graph.nodes.size() == 2);
  CHECK(graph.nodes[0].name == "relu");
  const Node& clip = graph.nodes[1];
  CHECK(names(graph, clip.inputs) == std::vector<std::string>{"y", "-", "max"});
  CHECK(clip.version == 17);
  CHECK(clip.attributes.integer("i", 0) == 3);
  CHECK(clip.attributes.text("s", "") == "text");
  CHECK(graph.constant(clip.inputs[2])->item<float>() == 6);
}

TEST_CASE("types of inputs and outputs are kept, those of tensor outputs until they are inferred") {
  GraphFile file = relu_graph();
  const std::string sequence =
      container_type(onnx::type_field::sequence_type, tensor_type(DType::int64, {}));
  file.inputs = {float_input("x", {Dim(2), Dim::named("N"), Dim(), Dim(0)})};
  file.nodes.push_back(node("SequenceConstruct", {"y"}, {"q"}));
  file.outputs = {float_input("y", {7, 7}), value_info("q", sequence)};
  const Graph graph = read(model(file));
  CHECK(to_string(graph.value(graph.inputs[0]).type) == "float32[2, N, ?, 0]");
  CHECK(to_string(graph.value(graph.outputs[0]).type) == "float32[7, 7]");
  CHECK(graph.value(graph.outputs[1]).type ==
        Type::sequence(Type::tensor(DType::int64, std::vector<Dim>{})));
  const Model inferred = Model::from_graph(graph.clone());
  CHECK(to_string(inferred.outputs()[0].type) == "float32[2, N, ?, 0]");
}

TEST_CASE("negative dims and dims with nothing in them are unknown") {
  GraphFile file = relu_graph();
  const std::string minus_one = message([](pbf_writer& w) {
    w.add_message(onnx::shape_field::dim,
                  message([](pbf_writer& d) { d.add_int64(onnx::dim_field::value, -1); }));
  });
  const std::string type = message([&](pbf_writer& w) {
    w.add_message(onnx::type_field::tensor_type, message([&](pbf_writer& t) {
                    t.add_int32(onnx::tensor_type_field::elem_type, 1);
                    t.add_message(onnx::tensor_type_field::shape, minus_one);
                  }));
  });
  file.inputs = {value_info("x", type)};
  CHECK(to_string(read(model(file)).values[0].type) == "float32[?]");
}

TEST_CASE("inputs that have initializers are constants") {
  GraphFile file = {.nodes = {node("Add", {"x", "w"}, {"y"})},
                    .inputs = {float_input("x"), float_input("w")},
                    .outputs = {value_info("y")},
                    .initializers = {floats("w", {1, 2})}};
  for (const std::int64_t ir_version : {3, 8}) {
    const Graph graph = read(ModelFile{.graph = file, .ir_version = ir_version}.bytes());
    CHECK(names(graph, graph.inputs) == std::vector<std::string>{"x"});
    CHECK(graph.constant(graph.find_value("w")) != nullptr);
  }
}

TEST_CASE("outputs may be inputs, initializers, or one value twice") {
  GraphFile file = relu_graph();
  file.initializers = {floats("w", {1})};
  file.outputs = {value_info("x"), value_info("w"), value_info("y"), value_info("y")};
  const Graph graph = read(model(file));
  CHECK(names(graph, graph.outputs) == std::vector<std::string>{"x", "w", "y", "y"});
}

TEST_CASE("metadata, opsets and their two names for the default domain") {
  std::string bytes = ModelFile{.graph = relu_graph(),
                                .opsets = {{"ai.onnx", 13}, {"com.microsoft", 1}},
                                .metadata = {{"author", "me"}, {"onnx.domain", "spoofed"}}}
                          .bytes();
  pbf_writer more(bytes);
  more.add_string(onnx::model_field::producer_name, "maker");
  more.add_string(onnx::model_field::producer_version, "2.0");
  more.add_string(onnx::model_field::domain, "org.example");
  more.add_int64(onnx::model_field::model_version, 9);
  more.add_string(onnx::model_field::doc_string, "about");
  const Graph graph = read(bytes);
  CHECK(graph.opsets == std::map<std::string, int>{{"", 13}, {"com.microsoft", 1}});
  CHECK(graph.nodes[0].version == 13);
  CHECK(graph.metadata == std::map<std::string, std::string>{{"author", "me"},
                                                             {"onnx.doc_string", "about"},
                                                             {"onnx.domain", "org.example"},
                                                             {"onnx.graph_name", "g"},
                                                             {"onnx.ir_version", "8"},
                                                             {"onnx.model_version", "9"},
                                                             {"onnx.producer_name", "maker"},
                                                             {"onnx.producer_version", "2.0"}});
}

TEST_CASE("unknown fields are skipped") {
  std::string bytes = model(relu_graph());
  pbf_writer more(bytes);
  more.add_string(500, "from the future");
  more.add_fixed64(501, 1);
  more.add_fixed32(502, 1);
  more.add_int64(503, 1);
  CHECK(read(bytes).nodes.size() == 1);
}

TEST_CASE("every kind of attribute is read, with and without its type, zeros left out") {
  namespace f = onnx::attribute_field;
  using onnx::AttributeType;
  const auto only = [](const std::string& attribute) {
    GraphFile file = relu_graph();
    file.nodes = {node("Relu", {"x"}, {"y"}, {attribute})};
    Graph graph = read(model(file));
    return *graph.nodes[0].attributes.find("a");
  };
  const auto with = [&](AttributeType type, auto write) {
    return only(attribute("a", type, write));
  };
  const auto nothing = [](pbf_writer&) {};
  const auto tensors = [](pbf_writer& w) {
    for (int i = 0; i < 2; ++i) w.add_message(f::tensors, floats("", {1}));
  };
  CHECK(std::get<float>(
            with(AttributeType::float_value, [](pbf_writer& w) { w.add_float(f::f, 2); })) == 2);
  CHECK(std::get<std::vector<float>>(with(AttributeType::floats, [](pbf_writer& w) {
          w.add_float(f::floats, 1);
          w.add_float(f::floats, 2);
        })) == std::vector<float>{1, 2});
  const std::int64_t packed[] = {3, -4};
  CHECK(std::get<std::vector<std::int64_t>>(with(AttributeType::ints, [&](pbf_writer& w) {
          w.add_packed_int64(f::ints, std::begin(packed), std::end(packed));
        })) == std::vector<std::int64_t>{3, -4});
  CHECK(std::get<std::vector<std::string>>(with(AttributeType::strings, [](pbf_writer& w) {
          w.add_bytes(f::strings, "p");
          w.add_bytes(f::strings, "q");
        })) == Strings{"p", "q"});
  CHECK(std::get<std::vector<Tensor>>(with(AttributeType::tensors, tensors)).size() == 2);
  CHECK(std::get<Type>(with(AttributeType::type_proto, [](pbf_writer& w) {
          w.add_message(f::tp, tensor_type(DType::int8, {3}));
        })) == Type::tensor(DType::int8, Shape{3}));
  CHECK(std::get<std::vector<Type>>(with(AttributeType::type_protos, [](pbf_writer& w) {
          w.add_message(f::type_protos, tensor_type(DType::int8, {}));
        })).size() == 1);
  const std::string sparse = sparse_tensor(floats("", {5}), ints("", {1}), {2});
  CHECK(std::get<Tensor>(with(AttributeType::sparse_tensor, [&](pbf_writer& w) {
          w.add_message(f::sparse_tensor, sparse);
        })).as<float>()[1] == 5);
  CHECK(std::get<std::vector<Tensor>>(with(AttributeType::sparse_tensors, [&](pbf_writer& w) {
          w.add_message(f::sparse_tensors, sparse);
        })).size() == 1);
  CHECK(
      std::get<std::vector<std::shared_ptr<Graph>>>(with(AttributeType::graphs, [](pbf_writer& w) {
        for (int i = 0; i < 2; ++i) w.add_message(f::graphs, relu_graph().bytes());
      })).size() == 2);

  CHECK(std::get<std::int64_t>(with(AttributeType::int_value, nothing)) == 0);
  CHECK(std::get<std::string>(with(AttributeType::string, nothing)).empty());
  CHECK(std::get<std::vector<Tensor>>(with(AttributeType::undefined, tensors)).size() == 2);
  CHECK_ERROR(with(AttributeType::tensor, nothing), parse, "attribute 'a'");
  CHECK_ERROR(with(AttributeType::graph, nothing), parse, "no value");
  CHECK_ERROR(with(static_cast<AttributeType>(99), nothing), unsupported, "attribute 'a'");
}

TEST_CASE("subgraphs capture values of the graphs around them, level by level") {
  const GraphFile inner = {
      .nodes = {node("Add", {"x", "w"}, {"s"}), node("Mul", {"s", "m"}, {"p"})},
      .outputs = {value_info("p")},
      .name = "inner"};
  const GraphFile middle = {
      .nodes = {node("Relu", {"x"}, {"m"}), node("If", {"c"}, {"r"},
                                                 {graph_attribute("then_branch", inner.bytes()),
                                                  graph_attribute("else_branch", inner.bytes())})},
      .outputs = {value_info("r")},
      .name = "middle"};
  // The else branch gives an outer value back as it is.
  const GraphFile other = {.outputs = {value_info("x")}, .name = "other"};
  const GraphFile file = {.nodes = {node("If", {"c"}, {"y"},
                                         {graph_attribute("then_branch", middle.bytes()),
                                          graph_attribute("else_branch", other.bytes())})},
                          .inputs = {float_input("x"), value_info("c")},
                          .outputs = {value_info("y")},
                          .initializers = {floats("w", {1, 2})}};
  const Graph graph = read(model(file));
  const auto captured = [](const Graph& outer, const Graph& g) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const Capture& c : g.captures) {
      pairs.emplace_back(outer.value(c.outer).name, g.value(c.inner).name);
    }
    return pairs;
  };
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  const Graph& then_graph = subgraph(graph.nodes[0], "then_branch");
  const Graph& deepest = subgraph(then_graph.nodes[1], "then_branch");
  CHECK(captured(graph, then_graph) == Pairs{{"x", "x"}, {"c", "c"}, {"w", "w"}});
  CHECK(captured(then_graph, deepest) == Pairs{{"x", "x"}, {"w", "w"}, {"m", "m"}});
  CHECK(captured(graph, subgraph(graph.nodes[0], "else_branch")) == Pairs{{"x", "x"}});
  CHECK(deepest.name == "inner");
  CHECK(to_string(deepest.value(deepest.captures[0].inner).type) == "float32[2]");
}

TEST_CASE("nodes may come in any order that has no cycle") {
  GraphFile file = relu_graph();
  file.nodes = {node("Exp", {"y"}, {"z"}), node("Relu", {"x"}, {"y"})};
  const Graph graph = read(model(file));
  CHECK(graph.nodes[0].op == "Relu");
  file.nodes = {node("Add", {"x", "y"}, {"z"}, {}, {.name = "first"}),
                node("Relu", {"z"}, {"y"}, {}, {.name = "second"})};
  CHECK_ERROR(read(model(file)), invalid_graph, "cycle");
  file.nodes = {node("Relu", {"y"}, {"y"}, {}, {.name = "self"})};
  CHECK_ERROR(read(model(file)), invalid_graph, "self");
}

TEST_CASE("impossible graphs are refused, with the place") {
  const auto error = [](auto change) {
    GraphFile file = relu_graph();
    change(file);
    return error_of([&] { (void)read(model(file)); });
  };
  const Error undefined = error(
      [](GraphFile& g) { g.nodes = {node("Relu", {"nowhere"}, {"y"}, {}, {.name = "relu"})}; });
  CHECK(undefined.code() == ErrorCode::invalid_graph);
  CHECK(undefined.where().tensor == "nowhere");
  CHECK(undefined.where().node == "relu");
  CHECK(undefined.where().op == "Relu");
  CHECK(undefined.where().file == "memory");

  const auto refused = [&](ErrorCode code, const std::string& tensor, auto change) {
    const Error e = error(change);
    INFO(e.what());
    CHECK(e.code() == code);
    CHECK(e.where().tensor == tensor);
  };
  const ErrorCode invalid = ErrorCode::invalid_graph;
  refused(invalid, "none", [](GraphFile& g) { g.outputs = {value_info("none")}; });
  refused(invalid, "", [](GraphFile& g) { g.outputs = {value_info("")}; });
  refused(invalid, "", [](GraphFile& g) { g.inputs.push_back(value_info("")); });
  refused(invalid, "y", [](GraphFile& g) { g.nodes.push_back(node("Exp", {"x"}, {"y"})); });
  refused(invalid, "y", [](GraphFile& g) { g.nodes = {node("Split", {"x"}, {"y", "y"})}; });
  refused(invalid, "x", [](GraphFile& g) { g.inputs.push_back(float_input("x")); });
  refused(invalid, "y", [](GraphFile& g) { g.inputs.push_back(float_input("y")); });
  refused(invalid, "w", [](GraphFile& g) {
    g.initializers = {floats("w", {1}), floats("w", {1})};
  });
  refused(ErrorCode::parse, "", [](GraphFile& g) { g.nodes = {node("", {"x"}, {"y"})}; });
  refused(invalid, "", [](GraphFile& g) {
    g.nodes = {node("Relu", {"x"}, {"y"}, {int_attribute("a", 1), int_attribute("a", 2)})};
  });
  refused(invalid, "", [](GraphFile& g) {
    g.nodes = {
        node("Relu", {"x"}, {"y"}, {ref_attribute("a", "b", onnx::AttributeType::int_value)})};
  });
}

TEST_CASE("files that are no models of a known version are refused") {
  const auto bytes = [](auto change) {
    ModelFile file{.graph = relu_graph()};
    change(file);
    return file.bytes();
  };
  CHECK_ERROR(read(bytes([](ModelFile& m) { m.ir_version = 0; })), parse, "not an ONNX model");
  CHECK_ERROR(read(bytes([](ModelFile& m) { m.ir_version = 2; })), unsupported, "IR version 2");
  CHECK_ERROR(read(bytes([](ModelFile& m) { m.ir_version = 99; })), unsupported, "IR version 99");
  CHECK_ERROR(read(bytes([](ModelFile& m) { m.opsets = {}; })), parse, "no operator set");
  CHECK_ERROR(read(bytes([](ModelFile& m) { m.opsets = {{"x", 1}}; })), invalid_graph, "ai.onnx");
  CHECK_ERROR(read(bytes([](ModelFile& m) { m.opsets = {{"", 0}}; })), parse, "opset version");
  CHECK_ERROR(read(bytes([](ModelFile& m) { m.opsets = {{"", INT64_MAX}}; })), parse, "opset");
  for (const std::int64_t ir_version : {3, 13, 14}) {
    CHECK(read(bytes([&](ModelFile& m) { m.ir_version = ir_version; })).nodes.size() == 1);
  }
  CHECK_ERROR(read(""), parse, "not an ONNX model");
  CHECK_ERROR(read("{\"json\": 1}"), parse, "");
  CHECK_ERROR(read(message([](pbf_writer& w) { w.add_int64(onnx::model_field::ir_version, 8); })),
              parse, "no graph");
}

TEST_CASE("sparse and opaque types are refused") {
  for (const std::uint32_t kind :
       {onnx::type_field::sparse_tensor_type, onnx::type_field::opaque_type}) {
    GraphFile file = relu_graph();
    file.inputs = {value_info("x", container_type(kind, ""))};
    CHECK_ERROR(read(model(file)), unsupported, "tensor x");
  }
}
