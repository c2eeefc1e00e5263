// A file that exists as long as its object.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name, std::string_view content = "")
      : path_(std::filesystem::temp_directory_path() /
              ("inlay_" + std::to_string(getpid()) + "_" + name)) {
    std::ofstream(path_, std::ios::binary).write(content.data(), std::ssize(content));
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::filesystem::path path_;
};
