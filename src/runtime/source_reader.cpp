#include "runtime/source_reader.hpp"

#include <algorithm>

#include "formats/prepared/checksum.hpp"
#include "pages.hpp"

namespace inlay::inline v0 {
namespace {

/// Piece by piece, so that a mapped file does not fill memory.
std::uint64_t checksum_of(const Bytes& file) {
  constexpr std::size_t piece = std::size_t{4} << 20;
  prepared::Checksum sum;
  for (std::size_t at = 0; at < file.bytes.size(); at += piece) {
    const auto bytes = file.bytes.subspan(at, std::min(piece, file.bytes.size() - at));
    sum.add(bytes);
    drop_pages(bytes.data(), bytes.size(), file.owner);
  }
  return sum.value();
}

}  // namespace

Bytes SourceReader::read() {
  if (!is_read_) {
    bytes_ = reader_.read();
    is_read_ = true;
    if (read_ != nullptr) read_->push_back({location_, bytes_.bytes.size(), checksum_of(bytes_)});
  }
  return bytes_;
}

std::unique_ptr<Reader> SourceReader::sibling(const std::string& location) {
  std::unique_ptr<Reader> reader = reader_.sibling(location);
  if (reader == nullptr) return nullptr;
  return std::unique_ptr<Reader>(new SourceReader(std::move(reader), location, read_));
}

}  // namespace inlay::inline v0
