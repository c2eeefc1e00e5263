#include "formats/new_file.hpp"

#include <chrono>
#include <system_error>

namespace inlay::inline v0 {
namespace {

/// A name beside `path` that no other thread or process is likely to take.
std::filesystem::path temporary_name(const std::filesystem::path& path) {
  std::filesystem::path name = path;
  const auto time = std::chrono::steady_clock::now().time_since_epoch().count();
  const auto stack = reinterpret_cast<std::uintptr_t>(&name);
  name += "." + std::to_string(time) + "." + std::to_string(stack) + ".tmp";
  return name;
}

}  // namespace

NewFile::NewFile(const FilePath& path)
    : target_(std::u8string(path.text().begin(), path.text().end())) {
  std::error_code error;
  if (std::filesystem::is_directory(target_, error)) fail("there is a folder of that name");
  temporary_ = temporary_name(target_);
  out_.open(temporary_, std::ios::binary);
  if (!out_) fail("does the folder exist, and may it be written to?");
}

NewFile::~NewFile() {
  if (temporary_.empty()) return;
  out_.close();
  std::error_code error;
  std::filesystem::remove(temporary_, error);
}

void NewFile::write(std::span<const std::byte> bytes) {
  out_.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

void NewFile::close() {
  out_.close();
  if (!out_) fail("is the disk full?");
}

void NewFile::put_in_place() {
  std::error_code error;
  std::filesystem::rename(temporary_, target_, error);
  if (error) fail("it cannot be put in its place: " + error.message());
  temporary_.clear();
}

void NewFile::fail(const std::string& what) const {
  throw Error(ErrorCode::io, "the file cannot be written: " + what, {.file = target_.string()});
}

}  // namespace inlay::inline v0
