// Reader: where a model's bytes come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "inlay/error.hpp"

namespace inlay::inline v0 {

/// A file's name: text (UTF-8 where the system does not take bytes as they are) or a
/// std::filesystem::path, whose header is costly to include.
class FilePath {
 public:
  FilePath(const char* text) : text_(text) {}             // NOLINT: text is a path
  FilePath(std::string text) : text_(std::move(text)) {}  // NOLINT
  FilePath(std::string_view text) : text_(text) {}        // NOLINT
  template <class Path>
  requires requires(const Path& path) { path.u8string(); }
  FilePath(const Path& path) {  // NOLINT: a path is a path
    for (const auto c : path.u8string()) text_ += static_cast<char>(c);
  }

  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// Bytes that stay alive as long as `owner` does.
struct Bytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  ///< null: the caller keeps them alive
};

/// A source of bytes: a file, memory, an archive of the application. Implement it to load models
/// from anywhere. Thread-safety: used by one thread at a time.
class INLAY_API Reader {
 public:
  virtual ~Reader() = default;
  /// A name for error messages.
  virtual std::string name() const = 0;
  /// All bytes; mapped where that is possible. Errors: io, not_found, out_of_memory.
  virtual Bytes read() = 0;
  /// A reader for external data at `location`, as written in the model: relative, with '/'.
  /// Null when this source has no siblings. Must refuse what lies outside the model's own folder.
  /// Errors: not_found, io, invalid_argument.
  virtual std::unique_ptr<Reader> sibling(const std::string& location);
};

/// Maps a file. Siblings are files below its folder; links that lead out of it are refused.
INLAY_API std::unique_ptr<Reader> file_reader(const FilePath& path);
/// Reads memory of the caller, which must outlive every model made from it.
INLAY_API std::unique_ptr<Reader> memory_reader(std::span<const std::byte> bytes,
                                                std::string name = "memory");

}  // namespace inlay::inline v0
