// Readers of files and memory. (External data's containment: onnx_external_data_test.cpp.)
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "error_check.hpp"
#include "inlay/reader.hpp"

using namespace inlay;
using namespace inlay::test;
namespace fs = std::filesystem;

namespace {

std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.bytes.data()), bytes.bytes.size()};
}

}  // namespace

TEST_CASE("file_reader gives a file's bytes, which outlive the reader and the file") {
  const fs::path path = fs::temp_directory_path() / "inlay-reader-test.bin";
  std::ofstream(path, std::ios::binary) << "some bytes";
  Bytes bytes;
  {
    const auto reader = file_reader(path);
    CHECK(reader->name() == path.string());
    bytes = reader->read();
  }
  fs::remove(path);
  CHECK(bytes.owner != nullptr);
  CHECK(text_of(bytes) == "some bytes");
}

TEST_CASE("an empty file has no bytes") {
  const fs::path path = fs::temp_directory_path() / "inlay-reader-empty.bin";
  std::ofstream(path, std::ios::binary).flush();
  CHECK(file_reader(path)->read().bytes.empty());
  fs::remove(path);
}

TEST_CASE("files that are not there, and folders, are errors with the path") {
  const fs::path folder = fs::temp_directory_path();
  CHECK_ERROR(file_reader(folder / "inlay-no-such-file")->read(), not_found, "inlay-no-such-file");
  CHECK_ERROR(file_reader(folder)->read(), io, folder.string());
}

TEST_CASE("memory_reader gives the caller's bytes and has no siblings") {
  const std::string text = "abc";
  const auto reader = memory_reader(std::as_bytes(std::span(text)), "my model");
  CHECK(reader->name() == "my model");
  CHECK(static_cast<const void*>(reader->read().bytes.data()) == text.data());
  CHECK(reader->sibling("x") == nullptr);
}
