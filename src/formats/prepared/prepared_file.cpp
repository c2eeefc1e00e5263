#include "formats/prepared/prepared_file.hpp"

#include <cstddef>

#include "formats/new_file.hpp"
#include "formats/prepared/checksum.hpp"
#include "formats/prepared/fields.hpp"

namespace inlay::inline v0::prepared {
namespace {

/// The last byte is the format's version. A machine of the other byte order sees another size.
constexpr char magic[8] = {'\x89', 'I', 'N', 'L', 'A', 'Y', '\n', 1};

struct Head {
  char magic[8] = {};
  std::uint64_t contents_bytes = 0;
  std::uint64_t elements_offset = 0;  ///< a multiple of 64
  std::uint64_t elements_bytes = 0;
  std::uint64_t contents_checksum = 0;
  std::uint64_t elements_checksum = 0;
  std::uint64_t unused = 0;
  std::uint64_t checksum = 0;  ///< of all before it

  std::uint64_t own_checksum() const {
    return prepared::checksum(std::as_bytes(std::span(this, 1)).first(offsetof(Head, checksum)));
  }
};
static_assert(sizeof(Head) == 64);

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.data()), tensor.bytes()};
}

/// Calls f(bytes) for each piece of the section of elements.
template <class F>
void each_piece(const std::vector<Tensor>& elements, F&& f) {
  constexpr std::byte zeros[alignment] = {};
  for (const Tensor& tensor : elements) {
    f(bytes_of(tensor));
    f(std::span(zeros).first(aligned(tensor.bytes()) - tensor.bytes()));
  }
}

void write_sections(NewFile& file, const Writer& writer) {
  const auto contents = std::as_bytes(std::span(writer.bytes()));
  Head head;
  std::memcpy(head.magic, magic, sizeof magic);
  head.contents_bytes = contents.size();
  head.elements_offset = aligned(sizeof head + contents.size());
  Checksum elements;
  each_piece(writer.elements(), [&](std::span<const std::byte> piece) {
    head.elements_bytes += piece.size();
    elements.add(piece);
  });
  head.contents_checksum = checksum(contents);
  head.elements_checksum = elements.value();
  head.checksum = head.own_checksum();
  const auto put = [&](std::span<const std::byte> piece) { file.write(piece); };
  put(std::as_bytes(std::span(&head, 1)));
  put(contents);
  const std::string gap(head.elements_offset - sizeof head - contents.size(), '\0');
  put(std::as_bytes(std::span(gap)));
  each_piece(writer.elements(), put);
}

Head read_head(std::span<const std::byte> file) {
  Head head;
  if (file.size() < sizeof head) Reader::fail("ends within its head");
  std::memcpy(&head, file.data(), sizeof head);
  if (std::memcmp(head.magic, magic, sizeof magic) != 0) {
    throw Error(ErrorCode::stale, "the prepared file has another version of the format");
  }
  if (head.checksum != head.own_checksum()) Reader::fail("has a head of another checksum");
  const std::uint64_t size = file.size();
  if (head.contents_bytes > size - sizeof head ||
      head.elements_offset != aligned(sizeof head + head.contents_bytes) ||
      head.elements_offset > size || head.elements_bytes != size - head.elements_offset) {
    Reader::fail("is not as long as it says, so it was cut short or extended");
  }
  return head;
}

void check_key(const Key& found, const Key& wanted) {
  for (const auto& [name, value] : wanted) {
    std::string other = "nothing";
    for (const auto& [found_name, found_value] : found) {
      if (found_name == name) other = "'" + found_value + "'";
    }
    if (other != "'" + value + "'") {
      throw Error(ErrorCode::stale, "the file was prepared with another " + name + ": " + other +
                                        ", here it is '" + value + "'");
    }
  }
}

}  // namespace

bool is_prepared(std::span<const std::byte> bytes) noexcept {
  const std::size_t without_version = sizeof magic - 1;
  return bytes.size() >= sizeof magic && std::memcmp(bytes.data(), magic, without_version) == 0;
}

void write_file(const std::string& path, Contents& contents) {
  Writer writer;
  Fields<Writer> fields{writer};
  fields(contents.key);
  fields(contents.sources);
  fields(contents.output_names);
  fields(contents.graph);
  fields(contents.packed);

  NewFile file(path);
  write_sections(file, writer);
  file.close();
  file.put_in_place();
}

Contents read_file(const Bytes& file, const Key& key, const Limits& limits, bool check_elements) {
  const Head head = read_head(file.bytes);
  const auto contents = file.bytes.subspan(sizeof head, head.contents_bytes);
  if (checksum(contents) != head.contents_checksum) Reader::fail("has a graph of another checksum");
  auto elements = file.bytes.subspan(head.elements_offset);
  if (check_elements && checksum(elements) != head.elements_checksum) {
    Reader::fail("has weights of another checksum");
  }
  std::shared_ptr<const void> owner = file.owner;
  if (reinterpret_cast<std::uintptr_t>(elements.data()) % alignment != 0) {
    Tensor copy(DType::uint8, {std::ssize(elements)});
    if (!elements.empty()) std::memcpy(copy.mutable_data(), elements.data(), elements.size());
    elements = bytes_of(copy);
    owner = copy.owner();
  }
  Reader reader(contents, elements, owner, limits);
  Fields<Reader> fields{reader};
  Contents result;
  fields(result.key);
  check_key(result.key, key);
  fields(result.sources);
  fields(result.output_names);
  fields(result.graph);
  fields(result.packed);
  reader.finish();
  result.graph.verify();
  return result;
}

}  // namespace inlay::inline v0::prepared
