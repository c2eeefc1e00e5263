// Readers of files and memory. (External data's containment: onnx_external_data_test.cpp.)
#include <catch2/catch.hpp>

#include <filesystem>

#include "error_check.hpp"
#include "inlay/reader.hpp"
#include "temporary_file.hpp"

using namespace inlay;
using namespace inlay::test;
namespace fs = std::filesystem;

namespace {

std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.bytes.data()), bytes.bytes.size()};
}

}  // namespace

TEST_CASE("file_reader gives a file's bytes, which outlive the reader and the file") {
  Bytes bytes;
  {
    const TemporaryFile file("reader_t\u00E9st.bin", "some bytes");
    const auto reader = file_reader(file.path());
    CHECK(reader->name() == file.path().string());
    bytes = reader->read();
    CHECK(text_of(file_reader(file.path().string())->read()) == "some bytes");
  }
  CHECK(bytes.owner != nullptr);
  CHECK(text_of(bytes) == "some bytes");
}

TEST_CASE("an empty file has no bytes") {
  const TemporaryFile file("reader_empty.bin");
  CHECK(file_reader(file.path())->read().bytes.empty());
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
