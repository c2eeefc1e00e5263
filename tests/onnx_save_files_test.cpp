// save_onnx and the file system: external data, failures, and all models of the reference data.
#include <catch2/catch.hpp>

#include <sys/resource.h>

#include <csignal>
#include <set>

#include "error_check.hpp"
#include "formats/onnx/external_elements.hpp"
#include "same_graph.hpp"
#include "saved_model.hpp"
#include "support.hpp"
#include "temporary_file.hpp"

using namespace inlay;
using namespace inlay::test;
namespace fs = std::filesystem;

namespace {

/// x + big + small, where two initializers share their elements.
Graph weights_graph() {
  std::mt19937 engine(5);
  Graph graph;
  graph.name = "weights";
  graph.opsets[""] = 17;
  const Tensor big = random_tensor(engine, {1000});
  ValueId sum = graph.add_input("x", Type::tensor(DType::float32, Shape{1000}));
  sum = graph.add_node("Add", {sum, graph.add_constant("big", big)}, "a");
  sum = graph.add_node("Add", {sum, graph.add_constant("tied", big)}, "b");
  sum =
      graph.add_node("Add", {sum, graph.add_constant("other", random_tensor(engine, {1000}))}, "c");
  sum = graph.add_node("Add", {sum, graph.add_constant("small", Tensor::copy_of({1.0f}))}, "d");
  graph.outputs = {sum};
  return graph;
}

/// No file of this process may grow beyond `bytes`, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_;
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("save_onnx: weights in a file of their own") {
  const Graph graph = weights_graph();
  const SavedModel file(graph, {.max_file_bytes = 0});
  CHECK(file.files() == 2);
  CHECK(file.content().size() < 1000);
  // Shared elements once; each on a page of its own; small ones elsewhere.
  CHECK(file.data().size() == onnx::ExternalElements::alignment + 4000);
  const Graph back = file.read();
  check_same_graph(graph, back);

  // The files that the graph is mapped from can be written over.
  save_onnx(back, file.path(), {.max_file_bytes = 0});
  check_same_graph(graph, back);
  check_same_graph(graph, file.read());
  save_onnx(file.read(), file.path());
  check_same_graph(graph, file.read());

  CHECK(SavedModel(graph).files() == 1);
  CHECK(SavedModel(graph, {.max_file_bytes = 0, .min_external_bytes = 5000}).data().empty());
}

TEST_CASE("save_onnx: more than 2 GiB") {
  const Tensor zeros = Tensor::zeros(DType::uint8, {64 << 20});
  Graph graph;
  graph.opsets[""] = 17;
  for (int i = 0; i < 33; ++i) {
    graph.outputs.push_back(graph.add_constant("w" + std::to_string(i), zeros));
  }
  const SavedModel file(graph);
  CHECK(file.files() == 2);
  CHECK(file.read().values.size() == 33);

  Attributes value;
  value.set("value", zeros);
  Graph constants;
  constants.opsets[""] = 17;
  for (int i = 0; i < 33; ++i) {
    constants.outputs.push_back(constants.add_node("Constant", {}, "w" + std::to_string(i), value));
  }
  CHECK_ERROR(SavedModel(constants), limit, "2 GiB");
}

TEST_CASE("save_onnx: failures leave what was there") {
  const Graph graph = weights_graph();
  const SavedModel file(graph);
  const std::string before = file.content();
  {
    const FullDisk full(2000);
    CHECK_ERROR(save_onnx(graph, file.path()), io, file.path().string());
    CHECK_ERROR(save_onnx(graph, file.path(), {.max_file_bytes = 0}), io, file.path().string());
  }
  CHECK(file.content() == before);
  CHECK(file.files() == 1);

  const fs::path folder = file.path().parent_path();
  CHECK_ERROR(save_onnx(graph, folder), io, "folder");
  CHECK_ERROR(save_onnx(graph, folder / "no" / "such" / "folder.onnx"), io, "does the folder");
  fs::create_directory(file.path().string() + ".data");
  CHECK_ERROR(save_onnx(graph, file.path(), {.max_file_bytes = 0}), io, "folder");
  CHECK(file.content() == before);
  CHECK_FALSE(try_save_onnx(graph, folder));
  CHECK(try_save_onnx(graph, file.path()));
}

TEST_CASE("save_onnx: every model of the reference data comes back", "[data]") {
  REQUIRE_TEST_DATA(data);
  std::size_t written = 0;
  std::size_t unreadable = 0;
  for (const auto& item : fs::recursive_directory_iterator(data)) {
    if (item.path().extension() != ".onnx") continue;
    INFO(item.path());
    auto graph = try_call([&] { return read_graph(*file_reader(item.path())); });
    if (!graph) {
      ++unreadable;
      continue;
    }
    const SavedModel file(*graph);
    const Graph back = file.read();
    Graph expected = graph->clone();
    if (expected.name.empty()) expected.name = "main";
    check_same_graph(expected, back);
    CHECK(SavedModel(back).content() == file.content());
    ++written;
  }
  INFO(unreadable << " could not be read");
  CHECK(written > 1000);
  CHECK(unreadable < 20);
}
