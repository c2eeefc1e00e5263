// libFuzzer target: any bytes give an Error or a model. Checksums are put right first, since they
// keep out accidents and no one who means harm.
#include <cstdlib>
#include <cstring>

#include "formats/prepared/checksum.hpp"
#include "inlay/inlay.hpp"

namespace {

/// The head's two checksums of what is always checked, made to fit; see prepared_file.cpp.
void seal(std::span<std::byte> file) {
  constexpr std::size_t head = 64, contents_bytes = 8, contents_checksum = 32, head_checksum = 56;
  if (file.size() < head) return;
  std::uint64_t size = 0;
  std::memcpy(&size, file.data() + contents_bytes, sizeof size);
  if (size > file.size() - head) return;
  const auto put = [&](std::size_t at, std::span<const std::byte> of) {
    const std::uint64_t sum = inlay::prepared::checksum(of);
    std::memcpy(file.data() + at, &sum, sizeof sum);
  };
  put(contents_checksum, file.subspan(head, static_cast<std::size_t>(size)));
  put(head_checksum, file.first(head_checksum));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> bytes(size);
  if (size != 0) std::memcpy(bytes.data(), data, size);
  seal(bytes);
  const auto result = inlay::Model::try_load(std::span<const std::byte>(bytes));
  if (!result && result.error().code() == inlay::ErrorCode::internal) std::abort();
  return 0;
}
