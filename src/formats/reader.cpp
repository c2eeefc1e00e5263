// Readers of files and of memory.
#include "inlay/reader.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "pages.hpp"

namespace inlay::inline v0 {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& location, const std::string& why) {
  throw Error(ErrorCode::invalid_argument,
              "external data is refused because " + why + ": '" + location + "'");
}

/// The file at `location` below `folder`, all links resolved. Errors: invalid_argument, not_found.
fs::path contained(const fs::path& folder, const std::string& location) {
  const fs::path relative(location);
  if (relative.empty() || relative.has_root_path() || location.find('\0') != std::string::npos) {
    refuse(location, "its location is not a path relative to the model's folder");
  }
  if (std::find(relative.begin(), relative.end(), fs::path("..")) != relative.end()) {
    refuse(location, "its location contains '..'");
  }
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  const fs::path target = error ? fs::path() : fs::canonical(root / relative, error);
  if (error) {
    throw Error(ErrorCode::not_found, "external data file '" + (folder / relative).string() +
                                          "' cannot be opened (" + error.message() +
                                          "); put it beside the model");
  }
  if (std::mismatch(root.begin(), root.end(), target.begin(), target.end()).first != root.end()) {
    refuse(location, "it leads out of the model's folder");
  }
  if (!fs::is_regular_file(target, error)) refuse(location, "it is not a plain file");
  return target;
}

class FileReader final : public Reader {
 public:
  explicit FileReader(fs::path path) : path_(std::move(path)) {}

  std::string name() const override { return path_.string(); }

  Bytes read() override {
    try {
      return map_file(path_);
    } catch (const Error& error) {
      throw error.at({.file = name()});
    }
  }

  std::unique_ptr<Reader> sibling(const std::string& location) override {
    const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
    return file_reader(contained(folder, location));
  }

 private:
  fs::path path_;
};

class MemoryReader final : public Reader {
 public:
  MemoryReader(std::span<const std::byte> bytes, std::string name)
      : bytes_(bytes), name_(std::move(name)) {}

  std::string name() const override { return name_; }
  Bytes read() override { return {bytes_, nullptr}; }

 private:
  std::span<const std::byte> bytes_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Reader> Reader::sibling(const std::string&) { return nullptr; }

std::unique_ptr<Reader> file_reader(const FilePath& path) {
  return std::make_unique<FileReader>(
      fs::path(std::u8string(path.text().begin(), path.text().end())));
}

std::unique_ptr<Reader> memory_reader(std::span<const std::byte> bytes, std::string name) {
  return std::make_unique<MemoryReader>(bytes, std::move(name));
}

}  // namespace inlay::inline v0
