// Writes the models that fuzzing starts from: write_seeds FOLDER.
#include <filesystem>
#include <fstream>

#include "onnx_samples.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  for (const auto& [name, bytes] : inlay::test::onnx_file::samples()) {
    std::ofstream stream(folder / (name + ".onnx"), std::ios::binary);
    stream << bytes;
    if (!stream.flush()) return 1;
  }
  return 0;
}
