// A graph written by save_onnx into a folder of its own.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "formats/onnx/graph_reader.hpp"
#include "formats/onnx/type_reader.hpp"
#include "formats/onnx/wire.hpp"
#include "inlay/inlay.hpp"

namespace inlay::test {

/// Exists as long as its object.
class SavedModel {
 public:
  explicit SavedModel(const Graph& graph, const OnnxWriteOptions& options = {}) {
    static int count = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("inlay_" + std::to_string(getpid()) + "_saved_" + std::to_string(++count));
    std::filesystem::create_directory(folder_);
    try {
      save_onnx(graph, path(), options);
    } catch (...) {
      const bool is_empty = std::filesystem::is_empty(folder_);
      remove();
      if (!is_empty) throw std::logic_error("a failed save left a file");
      throw;
    }
  }
  ~SavedModel() { remove(); }
  SavedModel(const SavedModel&) = delete;
  SavedModel& operator=(const SavedModel&) = delete;

  std::filesystem::path path() const { return folder_ / "model.onnx"; }
  std::string content() const { return content_of(path()); }
  /// The file of external data.
  std::string data() const { return content_of(path().string() + ".data"); }
  Graph read() const { return read_graph(*file_reader(path())); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

 private:
  static std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void remove() const {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::filesystem::path folder_;
};

/// What a file's main graph declares in the fields `field` (of graph_field): type by name.
inline std::map<std::string, std::string> declared_types(std::string_view file,
                                                         std::uint32_t field) {
  const Limits limits;
  const onnx::ReadContext context{.limits = limits, .budget = onnx::Budget(file.size())};
  std::map<std::string, std::string> types;
  const auto read_info = [&](std::string_view bytes) {
    std::string name;
    for (onnx::Message m(bytes); m.next();) {
      if (m.field() == onnx::value_info_field::name) {
        name = m.bytes();
      } else {
        types[name] = to_string(onnx::read_type(m.bytes(), context));
      }
    }
  };
  for (onnx::Message m(file); m.next();) {
    if (m.field() != onnx::model_field::graph) {
      m.skip();
      continue;
    }
    for (onnx::Message g(m.bytes()); g.next();) {
      if (g.field() == field) {
        read_info(g.bytes());
      } else {
        g.skip();
      }
    }
  }
  return types;
}

}  // namespace inlay::test
