// Prepared files: models that come back the same, and files that are refused with the reason.
#include <catch2/catch.hpp>
#include <cstddef>

#include "error_check.hpp"
#include "formats/prepared/checksum.hpp"
#include "formats/prepared/prepared_file.hpp"
#include "onnx_samples.hpp"
#include "support.hpp"
#include "temporary_file.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

constexpr const char* isas[] = {"sse2", "avx2", "avx512", "neon64"};

bool machine_has(const char* isa) {
  return static_cast<bool>(try_call([&] { (void)Registry::create(isa); }));
}

/// Small whole numbers, which indices and shapes can be too.
Value made_up(const Type& type, std::mt19937& engine) {
  Shape shape;
  for (const Dim& dim : type.dims) shape.push_back(dim.known() ? dim.value : 3);
  switch (type.dtype) {
    case DType::float32:
      return random_tensor(engine, shape);
    case DType::int64:
      return random_tensor<std::int64_t>(engine, shape, 0, 1);
    case DType::int32:
      return random_tensor<std::int32_t>(engine, shape, 0, 1);
    default:
      return Tensor::zeros(type.dtype, shape);
  }
}

std::vector<Value> answers(const Model& model) {
  std::mt19937 engine(7);
  std::vector<Value> inputs;
  for (const Model::Port& port : model.inputs()) inputs.push_back(made_up(port.type, engine));
  Session session(model);
  const Outputs outputs = session.run(std::span<const Value>(inputs));
  return {outputs.begin(), outputs.end()};
}

void check_same(const std::vector<Value>& a, const std::vector<Value>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].is_tensor() == b[i].is_tensor());
    if (!a[i].is_tensor()) continue;
    const Tensor &x = a[i].tensor(), &y = b[i].tensor();
    REQUIRE(x.dtype() == y.dtype());
    REQUIRE(x.shape() == y.shape());
    if (x.dtype() != DType::string) {
      REQUIRE(std::memcmp(x.data(), y.data(), x.bytes()) == 0);
    }
  }
}

void check_same(const Model& a, const Model& b) {
  CHECK(a.graph().print() == b.graph().print());
  CHECK(a.memory().packed == b.memory().packed);
  CHECK(a.memory().constants == b.memory().constants);
  CHECK(a.metadata() == b.metadata());
  REQUIRE(a.inputs().size() == b.inputs().size());
  for (std::size_t i = 0; i < a.inputs().size(); ++i) {
    CHECK(a.inputs()[i].name == b.inputs()[i].name);
    CHECK(a.inputs()[i].type == b.inputs()[i].type);
  }
  REQUIRE(a.outputs().size() == b.outputs().size());
  for (std::size_t i = 0; i < a.outputs().size(); ++i) {
    CHECK(a.outputs()[i].name == b.outputs()[i].name);
    CHECK(a.outputs()[i].type == b.outputs()[i].type);
  }
  check_same(answers(a), answers(b));
}

/// Convolutions that know their input's size and ones that do not, products on either side, and
/// recurrent layers: every kernel that packs. One constant is not packed.
Graph packing_graph() {
  std::mt19937 engine(3);
  Graph graph;
  graph.opsets[""] = 21;
  const auto weights = [&](const char* name, const Shape& shape) {
    return graph.add_constant(name, random_tensor(engine, shape));
  };
  const auto list = [](std::initializer_list<std::int64_t> values) {
    return std::vector<std::int64_t>(values);
  };
  Attributes conv, groups, gru;
  conv.set("pads", list({1, 1, 1, 1}));
  groups.set("group", std::int64_t{8});
  gru.set("hidden_size", std::int64_t{5});
  gru.set("direction", std::string("bidirectional"));
  Attributes lstm = gru;
  const ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{1, 3, 9, 7}));
  const ValueId open =
      graph.add_input("open", Type::tensor(DType::float32, {1, 3, Dim::named("H"), 7}));
  const ValueId w = weights("w", {8, 3, 3, 3});
  const ValueId a = graph.add_node("Conv", {x, w}, "a", conv);
  const ValueId b = graph.add_node("Conv", {open, w}, "b", conv);
  const ValueId depthwise =
      graph.add_node("Conv", {a, weights("d", {8, 1, 3, 3})}, "depthwise", groups);
  const ValueId up = graph.add_node("ConvTranspose", {a, weights("t", {8, 4, 2, 2})}, "up");
  const ValueId right = graph.add_node("MatMul", {a, weights("r", {7, 6})}, "right");
  const ValueId left = graph.add_node("MatMul", {weights("l", {5, 9}), a}, "left");
  const ValueId steps = graph.add_input("steps", Type::tensor(DType::float32, Shape{4, 2, 6}));
  const ValueId g = graph.add_node(
      "GRU", {steps, weights("gw", {2, 15, 6}), weights("gr", {2, 15, 5})}, "g", gru);
  const ValueId l = graph.add_node(
      "LSTM", {steps, weights("lw", {2, 20, 6}), weights("lr", {2, 20, 5})}, "l2", lstm);
  const ValueId bounded = graph.add_node("Max", {right, weights("bounds", {6})}, "bounded");
  graph.outputs = {b, depthwise, up, bounded, left, g, l};
  return graph;
}

std::string contents_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), std::ssize(bytes));
}

Result<Model> load_bytes(const std::string& bytes, const ModelOptions& options = {}) {
  return Model::try_load(std::as_bytes(std::span(bytes)), options);
}

std::uint64_t number_at(const std::string& file, std::size_t offset) {
  std::uint64_t number = 0;
  std::memcpy(&number, file.data() + offset, sizeof number);
  return number;
}

/// The file with checksums that fit what it holds, as an attacker would write it.
std::string sealed(std::string file) {
  const auto put_number = [&](std::size_t offset, std::uint64_t number) {
    std::memcpy(file.data() + offset, &number, sizeof number);
  };
  const auto bytes = std::as_bytes(std::span(file));
  put_number(32, prepared::checksum(bytes.subspan(64, number_at(file, 8))));
  put_number(56, prepared::checksum(bytes.first(56)));
  return file;
}

}  // namespace

TEST_CASE("a checksum does not depend on how bytes come in pieces") {
  std::string text(1000, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
  const auto bytes = std::as_bytes(std::span(text));
  for (const std::size_t size : {0u, 1u, 31u, 32u, 33u, 64u, 999u, 1000u}) {
    const std::uint64_t whole = prepared::checksum(bytes.first(size));
    for (const std::size_t piece : {1u, 7u, 32u, 100u}) {
      prepared::Checksum sum;
      for (std::size_t at = 0; at < size; at += piece) {
        sum.add(bytes.subspan(at, std::min(piece, size - at)));
      }
      CHECK(sum.value() == whole);
    }
  }
  CHECK(prepared::checksum(bytes.first(32)) != prepared::checksum(bytes.first(33)));
}

TEST_CASE("a prepared model gives the same bits on every instruction set") {
  const TemporaryFile file("isa.inlay");
  for (const char* isa : isas) {
    if (!machine_has(isa)) continue;
    CAPTURE(isa);
    const ModelOptions options{.isa = isa};
    const Model model = Model::from_graph(packing_graph(), options);
    REQUIRE(model.memory().packed > 0);
    model.save_prepared(file.path());
    const Model prepared = Model::load(file.path(), options);
    CHECK(prepared.preparation().loaded);
    check_same(model, prepared);
    for (std::size_t i = 0; i < model.placements().size(); ++i) {
      CHECK(model.placements()[i].reason == prepared.placements()[i].reason);
    }
  }
}

TEST_CASE("weights are packed the same by any number of threads") {
  const TemporaryFile one("one.inlay"), three("three.inlay");
  Model::from_graph(packing_graph()).save_prepared(one.path());
  Model::from_graph(packing_graph(), {.threads = 3}).save_prepared(three.path());
  CHECK(one.content() == three.content());
}

TEST_CASE("models of every part of the format come back from a prepared file") {
  const TemporaryFile file("samples.inlay");
  for (const auto& [name, bytes] : onnx_file::samples()) {
    CAPTURE(name);
    const auto model = load_bytes(bytes);
    if (!model) continue;
    model->save_prepared(file.path());
    const Model prepared = Model::load(file.path());
    CHECK(model->graph().print() == prepared.graph().print());
    const auto wanted = try_call([&] { return answers(*model); });
    if (wanted) check_same(*wanted, answers(prepared));
  }
}

TEST_CASE("the real models come back from prepared files", "[models]") {
  REQUIRE_TEST_DATA(data);
  const TemporaryFile file("real.inlay");
  for (const char* name :
       {"mnist/mnist.onnx", "gtcrn/gtcrn_simple.onnx", "squeezenet_fp16/SqueezeNet_fp16.onnx",
        "shufflenet_v2_int8/shufflenet-v2-12-int8.onnx", "dtln/model_2.onnx",
        "rxnmapper/albert_rxnmapper.onnx", "yolox_nano/yolox_nano.onnx"}) {
    const auto path = data / "models" / name;
    if (!std::filesystem::exists(path)) continue;
    CAPTURE(name);
    const Model model = Model::load(path);
    model.save_prepared(file.path());
    check_same(model, Model::load(file.path(), {.check_prepared_weights = true}));
  }
}

TEST_CASE("layers that share weights share what is packed of them") {
  std::mt19937 engine(5);
  const auto layers = [&](std::int64_t count) {
    Graph graph;
    graph.opsets[""] = 21;
    ValueId x = graph.add_input("x", Type::tensor(DType::float32, Shape{4, 40}));
    const ValueId w = graph.add_constant("w", random_tensor(engine, {40, 40}));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::string name = std::to_string(i);
      const ValueId bias = graph.add_constant("b" + name, Tensor::zeros(DType::float32, {40}));
      x = graph.add_node("Softmax", {graph.add_node("Gemm", {x, w, bias}, "p" + name)}, "s" + name);
    }
    graph.outputs = {x};
    return graph;
  };
  const std::size_t one = Model::from_graph(layers(1)).memory().packed;
  const Graph graph = layers(5);
  const Model model = Model::from_graph(graph.clone());
  REQUIRE(one > 0);
  CHECK(model.memory().packed == one);
  CHECK_FALSE(model.graph().value(model.graph().find_value("w")).constant.has_elements());
  const TemporaryFile file("shared.inlay");
  model.save_prepared(file.path());
  CHECK(file.content().size() < 2 * one + 4096);
  check_same(model, Model::load(file.path()));
  check_same(answers(model), answers(Model::from_graph(graph.clone(), {.threads = 3})));
}

TEST_CASE("constants that kernels packed give up their elements") {
  const Model model = Model::from_graph(packing_graph());
  std::size_t without = 0;
  for (const ValueInfo& value : model.graph().values) {
    if (value.is_constant() && !value.constant.has_elements()) ++without;
  }
  CHECK(without == 9);
  CHECK(model.memory().constants == 6 * sizeof(float));
  CHECK_ERROR(Model::from_graph(model.graph()), invalid_argument, "given up");
}

TEST_CASE("a prepared file that is cut short or changed is refused") {
  const TemporaryFile file("damage.inlay");
  Model::from_graph(packing_graph()).save_prepared(file.path());
  const std::string bytes = file.content();
  REQUIRE(load_bytes(bytes));
  for (std::size_t size = 8; size < bytes.size(); size += size < 200 ? 1 : 97) {
    const auto result = load_bytes(bytes.substr(0, size));
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == ErrorCode::parse);
  }
  CHECK_ERROR(load_bytes(bytes + "more").value(), parse, "not as long as it says");
  const std::size_t contents_end = 64 + number_at(bytes, 8);
  for (std::size_t at = 8; at < contents_end; ++at) {
    std::string changed = bytes;
    changed[at] ^= 0x10;
    const auto result = load_bytes(changed);
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == ErrorCode::parse);
  }
  std::string changed = bytes;
  changed[bytes.size() - 100] ^= 1;
  CHECK(load_bytes(changed));
  CHECK_ERROR(load_bytes(changed, {.check_prepared_weights = true}).value(), parse,
              "weights of another checksum");
}

TEST_CASE("hostile prepared files give an error or a model") {
  const TemporaryFile file("hostile.inlay");
  std::vector<std::string> files;
  Model::from_graph(packing_graph()).save_prepared(file.path());
  files.push_back(file.content());
  for (const auto& [name, bytes] : onnx_file::samples()) {
    const auto model = load_bytes(bytes);
    if (!model) continue;
    model->save_prepared(file.path());
    files.push_back(file.content());
  }
  std::mt19937 engine(11);
  for (const std::string& bytes : files) {
    const std::size_t end = 64 + number_at(bytes, 8);
    for (std::size_t at = 64; at < end; ++at) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(engine());
      const auto result = load_bytes(sealed(std::move(changed)));
      if (!result) CHECK(result.error().code() != ErrorCode::internal);
    }
  }
}

TEST_CASE("a prepared file is refused with the reason when it does not fit") {
  const TemporaryFile file("stale.inlay");
  const auto save = [&](const ModelOptions& options) {
    Model::from_graph(packing_graph(), options).save_prepared(file.path());
  };
  save({});
  CHECK_ERROR(Model::load(file.path(), {.optimize = false}), stale, "setting of optimize");
  CHECK_ERROR(Model::load(file.path(), {.functions = Functions::operators}), stale,
              "setting of functions");
  CHECK_ERROR(Model::load(file.path(), {.backends = {"reference"}}), stale, "list of backends");
  std::vector<const char*> here;
  for (const char* isa : isas) {
    if (machine_has(isa)) here.push_back(isa);
  }
  if (here.size() > 1) {
    save({.isa = here[0]});
    CHECK_ERROR(Model::load(file.path(), {.isa = here[1]}), stale, here[0]);
  }

  const Bytes bytes = file_reader(file.path())->read();
  prepared::Contents contents = prepared::read_file(bytes, {}, {}, true);
  const auto has_weights = [](const auto& tensors) { return !tensors.empty(); };
  const auto packs = static_cast<std::size_t>(
      std::find_if(contents.packed.begin(), contents.packed.end(), has_weights) -
      contents.packed.begin());
  const auto write_changed = [&](auto change) {
    prepared::Contents changed = contents;
    changed.graph = contents.graph.clone();
    change(changed);
    prepared::write_file(file.path().string(), changed);
    return Model::load(file.path(), {.isa = here[0]});
  };
  CHECK_ERROR(write_changed([](auto& c) { c.key[0].second = "0.0.1 abc"; }), stale,
              "another build of Inlay: '0.0.1 abc'");
  CHECK_ERROR(write_changed([](auto& c) { c.packed.pop_back(); }), stale, "fewer nodes");
  CHECK_ERROR(write_changed([](auto& c) { c.packed.emplace_back(); }), stale, "more nodes");
  CHECK_ERROR(write_changed([&](auto& c) { c.packed[packs].clear(); }), stale, "not those");
  CHECK_ERROR(write_changed([&](auto& c) { c.packed[packs][0] = Tensor::scalar(1.0f); }), stale,
              "not those");
  CHECK_ERROR(write_changed([&](auto& c) { c.packed[packs].push_back(c.packed[packs][0]); }), stale,
              "does not take");
  CHECK_ERROR(write_changed([](auto& c) { c.output_names.pop_back(); }), parse, "output");
  CHECK_ERROR(write_changed([](auto& c) {
                Tensor& w = c.graph.value(c.graph.find_value("bounds")).constant;
                w = Tensor::without_elements(w.dtype(), w.shape());
              }),
              invalid_argument, "no elements");
  CHECK_ERROR(
      write_changed([](auto& c) {
        c.graph.value(c.graph.inputs[0]).type = Type::tensor(DType::float32, Shape{1, 5, 9, 7});
      }),
      invalid_graph, "");
  std::string other_format = file.content();
  other_format[7] = 2;
  CHECK_ERROR(load_bytes(other_format).value(), stale, "version of the format");
}

TEST_CASE("a model with a prepared file beside it is prepared when that is stale") {
  const TemporaryFile model_file("cached.onnx", onnx_file::samples().at("branches"));
  const TemporaryFile cache("cached.inlay");
  std::filesystem::remove(cache.path());
  const ModelOptions options{.prepared = cache.path()};
  const Model first = Model::load(model_file.path(), options);
  CHECK(first.preparation().written);
  CHECK_THAT(first.preparation().reason, Catch::Contains("not_found"));
  const Model second = Model::load(model_file.path(), options);
  CHECK(second.preparation().loaded);
  CHECK_FALSE(second.preparation().written);
  check_same(first, second);

  ModelOptions plain = options;
  plain.optimize = false;
  CHECK(Model::load(model_file.path(), plain).preparation().written);
  CHECK(Model::load(model_file.path(), options).preparation().written);

  put(model_file.path(), onnx_file::samples().at("loop"));
  const Model other = Model::load(model_file.path(), options);
  CHECK(other.preparation().written);
  CHECK_THAT(other.preparation().reason, Catch::Contains("another model"));
  CHECK(other.inputs()[0].name == "x");
  CHECK(Model::load(model_file.path(), options).preparation().loaded);

  put(cache.path(), contents_of(cache.path()).substr(0, 300));
  const Model repaired = Model::load(model_file.path(), options);
  CHECK(repaired.preparation().written);
  CHECK_THAT(repaired.preparation().reason, Catch::Contains("damaged"));

  Model::from_graph(packing_graph()).save_prepared(cache.path());
  CHECK_THAT(Model::load(model_file.path(), options).preparation().reason,
             Catch::Contains("does not say which model"));

  const Model unwritable =
      Model::load(model_file.path(), {.prepared = "/nowhere/at/all/model.inlay"});
  CHECK_FALSE(unwritable.preparation().written);
  CHECK_THAT(unwritable.preparation().reason, Catch::Contains("cannot be written"));
  CHECK_ERROR(first.save_prepared("/nowhere/at/all/model.inlay"), io, "cannot be written");
}

TEST_CASE("a prepared file is stale when external data has changed") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("inlay_external_" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  std::string weights(100'000 * sizeof(float), '\0');
  put(folder / "weights.bin", weights);
  put(folder / "model.onnx",
      onnx_file::model({.nodes = {onnx_file::node("Add", {"x", "w"}, {"y"})},
                        .inputs = {onnx_file::float_input("x", {100'000})},
                        .outputs = {onnx_file::value_info("y")},
                        .initializers = {onnx_file::external_tensor(
                            "w", DType::float32, {100'000}, {{"location", "weights.bin"}})}}));
  const ModelOptions options{.prepared = folder / "model.inlay"};
  CHECK(Model::load(folder / "model.onnx", options).preparation().written);
  CHECK(Model::load(folder / "model.onnx", options).preparation().loaded);
  weights[5000] = 1;
  put(folder / "weights.bin", weights);
  const Model model = Model::load(folder / "model.onnx", options);
  CHECK(model.preparation().written);
  CHECK_THAT(model.preparation().reason, Catch::Contains("another model"));
  std::filesystem::remove_all(folder);
}
