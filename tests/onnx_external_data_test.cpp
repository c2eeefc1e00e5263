// External data: found below the model's folder, and nowhere else.
#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "error_check.hpp"
#include "onnx_writer.hpp"

using namespace inlay;
using namespace inlay::test;
using namespace inlay::test::onnx_file;
namespace fs = std::filesystem;
using Keys = std::vector<std::pair<std::string, std::string>>;

namespace {

/// A folder that is gone when the test ends, with a model's folder in it.
class Folder {
 public:
  Folder() {
    static int count = 0;
    root_ = fs::temp_directory_path() /
            ("inlay_" + std::to_string(getpid()) + "_external_" + std::to_string(++count));
    fs::remove_all(root_);
    fs::create_directories(root_ / "model" / "sub");
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  fs::path operator/(const std::string& name) const { return root_ / name; }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(root_ / name, std::ios::binary) << content;
  }
  /// Reads model/m.onnx, whose only initializer is uint8[4] with these external_data entries.
  Graph read(const Keys& keys, DType dtype = DType::uint8, std::int64_t count = 4) const {
    write("model/m.onnx",
          onnx_file::model({.initializers = {external_tensor("w", dtype, {count}, keys)}}));
    return read_graph(*file_reader(root_ / "model/m.onnx"));
  }

 private:
  fs::path root_;
};

std::string elements(const Graph& graph) {
  const Tensor& w = graph.values.at(0).constant;
  return {static_cast<const char*>(w.data()), w.bytes()};
}

}  // namespace

TEST_CASE("external data is read at its offset, and mapped") {
  const Folder folder;
  folder.write("model/w.bin", "0123456789");
  folder.write("model/sub/w.bin", "abcdefgh");
  CHECK(elements(folder.read({{"location", "w.bin"}})) == "0123");
  CHECK(elements(folder.read({{"location", "w.bin"}, {"offset", "6"}, {"length", "4"}})) == "6789");
  CHECK(elements(folder.read({{"location", "sub/w.bin"}, {"offset", "1"}})) == "bcde");
  CHECK(elements(folder.read({{"location", "./w.bin"}, {"checksum", "ignored"}})) == "0123");
  const Graph small = folder.read({{"location", "w.bin"}});
  CHECK(small.values[0].constant.writable());  // copied
  folder.write("model/w.bin", std::string(1 << 16, 'x'));
  const Graph graph = folder.read({{"location", "w.bin"}}, DType::uint8, 1 << 16);
  CHECK_FALSE(graph.values[0].constant.writable());
  CHECK(graph.values[0].constant.owner() != nullptr);
}

TEST_CASE("external elements that lie unaligned are copied") {
  const Folder folder;
  folder.write("model/w.bin", std::string(1, 'x') + std::string(16, '\0'));
  const Graph graph = folder.read({{"location", "w.bin"}, {"offset", "1"}}, DType::float32);
  CHECK(graph.values[0].constant.as<float>()[3] == 0.0f);
}

TEST_CASE("missing external data names tensor and file") {
  const Folder folder;
  const Error error = error_of([&] { (void)folder.read({{"location", "gone.bin"}}); });
  CHECK(error.code() == ErrorCode::not_found);
  CHECK(error.where().tensor == "w");
  CHECK_THAT(error.message(), Catch::Contains("gone.bin"));
}

TEST_CASE("locations outside of the model's folder are refused") {
  const Folder folder;
  folder.write("secret.bin", "secret!!");
  folder.write("model/w.bin", "0123456789");
  CHECK_ERROR(folder.read({{"location", "../secret.bin"}}), invalid_argument, "'..'");
  CHECK_ERROR(folder.read({{"location", "sub/../w.bin"}}), invalid_argument, "'..'");
  CHECK_ERROR(folder.read({{"location", (folder / "secret.bin").string()}}), invalid_argument,
              "relative");
  CHECK_ERROR(folder.read({{"location", std::string("w.bin\0x", 7)}}), invalid_argument,
              "relative");
  CHECK_ERROR(folder.read({{"location", ""}}), parse, "names no file");
  CHECK_ERROR(folder.read({}), parse, "names no file");
  CHECK_ERROR(folder.read({{"location", "sub"}}), invalid_argument, "plain file");
  CHECK_ERROR(folder.read({{"location", "."}}), invalid_argument, "plain file");
}

TEST_CASE("links may lead elsewhere in the model's folder, not out of it") {
  const Folder folder;
  folder.write("secret.bin", "secret!!");
  folder.write("model/w.bin", "0123456789");
  std::error_code error;
  fs::create_symlink(folder / "secret.bin", folder / "model/out.bin", error);
  if (error) {
    WARN("skipped: no symbolic links here");
    return;
  }
  fs::create_symlink("../w.bin", folder / "model/sub/in.bin");
  fs::create_directory_symlink("..", folder / "model/up");
  CHECK(elements(folder.read({{"location", "sub/in.bin"}})) == "0123");
  CHECK_ERROR(folder.read({{"location", "out.bin"}}), invalid_argument,
              "out of the model's folder");
  CHECK_ERROR(folder.read({{"location", "up/secret.bin"}}), invalid_argument, "out of the model's");
}

TEST_CASE("offsets and lengths that do not fit are refused") {
  const Folder folder;
  folder.write("model/w.bin", "0123456789");
  const auto at = [&](const std::string& offset) {
    return folder.read({{"location", "w.bin"}, {"offset", offset}});
  };
  CHECK_ERROR(at("7"), parse, "beyond the end");
  CHECK_ERROR(at("11"), parse, "beyond the end");
  CHECK_ERROR(at("18446744073709551615"), parse, "beyond the end");
  CHECK_ERROR(at("18446744073709551616"), parse, "offset");
  CHECK_ERROR(at("-1"), parse, "offset");
  CHECK_ERROR(at("1x"), parse, "offset");
  CHECK_ERROR(at(""), parse, "offset");
  CHECK_ERROR(folder.read({{"location", "w.bin"}, {"length", "5"}}), parse, "5 bytes long");
  CHECK_ERROR(folder.read({{"location", "w.bin"}}, DType::string), parse, "strings");
}

TEST_CASE("a model in memory has no external data, unless its reader knows where") {
  const std::string bytes =
      model({.initializers = {external_tensor("w", DType::uint8, {4}, {{"location", "w.bin"}})}});
  CHECK_ERROR(read(bytes), not_found, "w.bin");

  struct Archive final : Reader {
    explicit Archive(const std::string& text) : model(text) {}
    std::string name() const override { return "archive"; }
    Bytes read() override { return {as_bytes(model), nullptr}; }
    std::unique_ptr<Reader> sibling(const std::string& location) override {
      opened.push_back(location);
      return memory_reader(as_bytes(weights), location);
    }
    const std::string& model;
    std::string weights = "wxyz";
    Strings opened;
  } archive(bytes);
  CHECK(elements(read_graph(archive)) == "wxyz");
  CHECK(archive.opened == Strings{"w.bin"});
}

TEST_CASE("one region named many times cannot be copied many times") {
  const Folder folder;
  const std::int64_t size = 1 << 20;
  folder.write("model/w.bin", std::string(static_cast<std::size_t>(size) + 1, '\0'));
  Strings initializers;
  for (int i = 0; i < 200; ++i) {
    initializers.push_back(external_tensor("w" + std::to_string(i), DType::int32, {size / 4},
                                           {{"location", "w.bin"}, {"offset", "1"}}));
  }
  folder.write("model/m.onnx", model({.initializers = initializers}));
  CHECK_ERROR(read_graph(*file_reader(folder / "model/m.onnx")), limit, "size of the model file");
}
