// MessageWriter: a protobuf message put together field by field, elements of tensors by reference.
#pragma once

#include <protozero/buffer_string.hpp>
#include <protozero/varint.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inlay/error.hpp"

namespace inlay::inline v0::onnx {

/// Fields keep the order in which they are added. Proto3's zeros are written like other numbers.
class MessageWriter {
 public:
  void integer(std::uint32_t field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
  }
  void real(std::uint32_t field, float value) {
    static_assert(std::endian::native == std::endian::little, "files are little-endian");
    key(field, 5);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    text_.append(bytes, sizeof bytes);
  }
  /// A string or a bytes field.
  void bytes(std::uint32_t field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    text_ += value;
  }
  void message(std::uint32_t field, const MessageWriter& value) {
    key(field, 2);
    varint(value.size());
    for (const Reference& reference : value.references_) {
      add({text_.size() + reference.position, reference.bytes});
    }
    text_ += value.text_;
  }
  /// A bytes field whose bytes are not copied: they must outlive this.
  void reference(std::uint32_t field, std::span<const std::byte> value) {
    key(field, 2);
    varint(value.size());
    add({text_.size(), value});
  }

  std::uint64_t size() const noexcept { return text_.size() + referenced_; }

  /// Calls f(std::span<const std::byte>) for each piece of the message, in order.
  template <class F>
  void each_piece(F&& f) const {
    const auto text = std::as_bytes(std::span(text_));
    std::size_t done = 0;
    for (const Reference& reference : references_) {
      f(text.subspan(done, reference.position - done));
      f(reference.bytes);
      done = reference.position;
    }
    f(text.subspan(done));
  }

 private:
  struct Reference {
    std::size_t position;  ///< in text_
    std::span<const std::byte> bytes;
  };

  void key(std::uint32_t field, std::uint32_t wire_type) { varint(field << 3 | wire_type); }
  void varint(std::uint64_t value) { protozero::add_varint_to_buffer(&text_, value); }
  void add(Reference reference) {
    // The same elements may be referred to again and again.
    if (reference.bytes.size() > (std::uint64_t{1} << 62) - referenced_) {
      throw Error(ErrorCode::limit, "the tensors of the graph have more bytes than a file can");
    }
    referenced_ += reference.bytes.size();
    references_.push_back(reference);
  }

  std::string text_;
  std::vector<Reference> references_;
  std::uint64_t referenced_ = 0;  ///< bytes of all of them
};

}  // namespace inlay::inline v0::onnx
