// Writes what fuzzing starts from: write_seeds FOLDER; models, prepared ones and pictures, in a
// folder each.
#include <filesystem>
#include <fstream>

#include "images/image_samples.hpp"
#include "onnx_samples.hpp"

namespace {

namespace fs = std::filesystem;

bool write(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream stream(path, std::ios::binary);
  stream << bytes;
  return static_cast<bool>(stream.flush());
}

}  // namespace

int main(int argc, char** argv) {
  using namespace inlay::test;
  if (argc != 2) return 2;
  const fs::path folder = argv[1];
  bool done = true;
  for (const auto& [name, bytes] : onnx_file::samples()) {
    done = write(folder / "models" / (name + ".onnx"), bytes) && done;
    fs::create_directories(folder / "prepared");
    const auto model = inlay::Model::try_load(onnx_file::as_bytes(bytes));
    if (model) model->save_prepared(folder / "prepared" / (name + ".inlay"));
  }
  for (const ImageSample& sample : all_samples()) {
    const auto bytes = sample.bytes();
    done = write(folder / "images" / sample.kind, {bytes.begin(), bytes.end()}) && done;
  }
  return done ? 0 : 1;
}
