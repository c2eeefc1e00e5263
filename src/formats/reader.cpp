// Readers of files and of memory.
#include "inlay/reader.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#if defined(__unix__) || defined(__APPLE__)
#define INLAY_HAS_MMAP
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace inlay::inline v0 {
namespace {

namespace fs = std::filesystem;

/// Files that are empty, or no plain files (pipes), cannot be mapped.
Bytes read_stream(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  auto content = std::make_shared<std::string>();
  char block[1 << 16];
  while (stream.read(block, sizeof block) || stream.gcount() > 0) {
    content->append(block, static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream.eof()) throw Error(ErrorCode::io, "the file cannot be read");
  return {std::as_bytes(std::span(*content)), content};
}

#if defined(INLAY_HAS_MMAP)
[[noreturn]] void throw_errno(int error) {
  const auto code = error == ENOENT || error == ENOTDIR ? ErrorCode::not_found
                    : error == ENOMEM                   ? ErrorCode::out_of_memory
                                                        : ErrorCode::io;
  throw Error(code, "the file cannot be read: " + std::generic_category().message(error));
}

class Descriptor {
 public:
  explicit Descriptor(const fs::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw_errno(errno);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(fd_); }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

Bytes read_file(const fs::path& path) {
  const Descriptor file(path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_errno(errno);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size == 0) return read_stream(path);
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (start == MAP_FAILED) return read_stream(path);
  std::shared_ptr<const void> owner(
      start, [size](const void* p) { ::munmap(const_cast<void*>(p), size); });
  return {{static_cast<const std::byte*>(start), size}, std::move(owner)};
}
#else
Bytes read_file(const fs::path& path) {
  if (!fs::exists(path)) throw Error(ErrorCode::not_found, "there is no such file");
  return read_stream(path);
}
#endif

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
      return read_file(path_);
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
