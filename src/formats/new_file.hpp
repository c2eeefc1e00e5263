// NewFile: a file that appears under its name when it is whole, or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>

#include "inlay/reader.hpp"

namespace inlay::inline v0 {

/// Writes to a temporary file beside `path`, and removes it unless it was put in place.
class NewFile {
 public:
  /// Errors: io.
  explicit NewFile(const FilePath& path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::span<const std::byte> bytes);
  /// Ends writing; tells whether all could be written. Errors: io.
  void close();
  /// After close(): replaces what is there, as a whole, so that mapped files stay valid. Errors:
  /// io.
  void put_in_place();

 private:
  [[noreturn]] void fail(const std::string& what) const;

  std::filesystem::path target_;
  std::filesystem::path temporary_;  ///< empty once it is in place
  std::ofstream out_;
};

}  // namespace inlay::inline v0
