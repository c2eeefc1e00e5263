// Message: a protobuf message read field by field, wire types checked, failures as Error.
#pragma once

#include <protozero/pbf_reader.hpp>

#include <bit>
#include <cstring>
#include <string_view>

#include "inlay/error.hpp"

namespace inlay::inline v0::onnx {

/// A cursor over the fields of one protobuf message. After next(), call exactly one of the readers
/// or skip(). Every member throws Error (parse) where the bytes are malformed.
class Message {
 public:
  explicit Message(std::string_view bytes) noexcept : reader_(bytes.data(), bytes.size()) {}

  /// Moves to the next field; false at the end.
  bool next() {
    return guarded([&] { return reader_.next(); });
  }
  std::uint32_t field() const noexcept { return reader_.tag(); }

  void skip() {
    guarded([&] { reader_.skip(); });
  }
  std::int64_t integer() {
    expect(protozero::pbf_wire_type::varint);
    return guarded([&] { return reader_.get_int64(); });
  }
  float real() {
    expect(protozero::pbf_wire_type::fixed32);
    return guarded([&] { return reader_.get_float(); });
  }
  /// The bytes of a string, a bytes field or an embedded message; they lie in the message's memory.
  std::string_view bytes() {
    expect(protozero::pbf_wire_type::length_delimited);
    const auto view = guarded([&] { return reader_.get_view(); });
    return {view.data(), view.size()};
  }

  /// Calls f(std::int64_t) for each integer of a repeated field, packed or not.
  template <class F>
  void each_integer(F&& f) {
    if (!reader_.has_wire_type(protozero::pbf_wire_type::length_delimited)) return f(integer());
    const std::string_view packed = bytes();
    const char* position = packed.data();
    const char* const end = position + packed.size();
    while (position != end) {
      const auto value = guarded([&] { return protozero::decode_varint(&position, end); });
      f(static_cast<std::int64_t>(value));
    }
  }
  /// Calls f(T) for each 32- or 64-bit number of a repeated field, packed or not.
  template <class T, class F>
  void each_fixed(F&& f) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8);
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    if (!reader_.has_wire_type(protozero::pbf_wire_type::length_delimited)) {
      if constexpr (sizeof(T) == 4) {
        expect(protozero::pbf_wire_type::fixed32);
        f(std::bit_cast<T>(static_cast<Bits>(guarded([&] { return reader_.get_fixed32(); }))));
      } else {
        expect(protozero::pbf_wire_type::fixed64);
        f(std::bit_cast<T>(static_cast<Bits>(guarded([&] { return reader_.get_fixed64(); }))));
      }
      return;
    }
    const std::string_view packed = bytes();
    if (packed.size() % sizeof(T) != 0) fail("a packed field has a broken length");
    for (std::size_t i = 0; i < packed.size(); i += sizeof(T)) {
      T value;
      std::memcpy(&value, packed.data() + i, sizeof(T));
      f(value);
    }
  }

 private:
  static_assert(std::endian::native == std::endian::little, "files are little-endian");

  [[noreturn]] static void fail(const char* what) {
    throw Error(ErrorCode::parse, std::string("the bytes are not a well-formed ONNX file (") +
                                      what +
                                      "); the file is damaged, cut short, or of another format");
  }
  void expect(protozero::pbf_wire_type type) const {
    if (!reader_.has_wire_type(type)) fail("a field has an unexpected wire type");
  }
  template <class F>
  static auto guarded(F&& f) -> decltype(f()) {
    try {
      return f();
    } catch (const protozero::exception& error) {
      fail(error.what());
    }
  }

  protozero::pbf_reader reader_;
};

}  // namespace inlay::inline v0::onnx
