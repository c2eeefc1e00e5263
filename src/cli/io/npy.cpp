#include "io/npy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "inlay/reader.hpp"
#include "io/little_endian.hpp"

namespace inlay::io {
namespace {

using Span = std::span<const std::byte>;

constexpr std::string_view magic = "\x93NUMPY";
constexpr const char* size_mismatch = "the .npy file's size does not fit its shape";

struct TypeCode {
  std::string_view code;
  DType dtype;
};
constexpr std::array type_codes = {
    TypeCode{"b1", DType::boolean},   TypeCode{"i1", DType::int8},
    TypeCode{"i2", DType::int16},     TypeCode{"i4", DType::int32},
    TypeCode{"i8", DType::int64},     TypeCode{"u1", DType::uint8},
    TypeCode{"u2", DType::uint16},    TypeCode{"u4", DType::uint32},
    TypeCode{"u8", DType::uint64},    TypeCode{"f2", DType::float16},
    TypeCode{"f4", DType::float32},   TypeCode{"f8", DType::float64},
    TypeCode{"c8", DType::complex64}, TypeCode{"c16", DType::complex128},
};

struct Header {
  std::string descr;
  bool fortran_order = false;
  Shape shape;
};

[[noreturn]] void fail_header() {
  throw Error(ErrorCode::parse, "the .npy header is not one that NumPy writes");
}

// Reads the Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Header parse() {
    Header header;
    int seen = 0;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        header.descr = quoted();
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
      } else if (key == "shape") {
        header.shape = tuple();
      } else {
        fail_header();
      }
      ++seen;
      accept(',');
    }
    if (seen != 3) fail_header();
    return header;
  }

 private:
  void skip_spaces() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \n"), text_.size()));
  }
  bool accept(char c) {
    skip_spaces();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail_header();
  }
  std::string quoted() {
    expect('\'');
    const std::size_t end = text_.find('\'');
    if (end == text_.npos) fail_header();
    const std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }
  bool boolean() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.starts_with(word)) {
        text_.remove_prefix(word.size());
        return word == "True";
      }
    }
    fail_header();
  }
  Shape tuple() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      std::int64_t dim = 0;
      skip_spaces();
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), dim);
      if (error != std::errc() || dim < 0) fail_header();
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      shape.push_back(dim);
      accept(',');
    }
    return shape;
  }

  std::string_view text_;
};

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
  } else if (code < 0x10000) {
    out += {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
            static_cast<char>(0x80 | (code & 0x3F))};
  } else {
    out += {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)),
            static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))};
  }
}

std::uint32_t load_code_point(const std::byte* from, bool big_endian) {
  std::byte bytes[4];
  std::copy_n(from, 4, bytes);
  if (big_endian) std::reverse(bytes, bytes + 4);
  const auto code = load_little_endian<std::uint32_t>(bytes);
  if (code > 0x10FFFF) throw Error(ErrorCode::parse, "a string holds an impossible code point");
  return code;
}

// 'U' (UTF-32) and 'S' (bytes): fixed width, padded with zeros.
Tensor read_strings(Span data, const Header& header, std::size_t width, bool wide,
                    bool big_endian) {
  const std::size_t unit = wide ? 4 : 1;
  const auto count = static_cast<std::size_t>(header.shape.elements());
  if (width == 0 || width > 1u << 30 || data.size() % (width * unit) != 0 ||
      data.size() / (width * unit) != count) {
    throw Error(ErrorCode::parse, size_mismatch);
  }
  Tensor tensor(DType::string, header.shape);
  const std::byte* from = data.data();
  for (std::string& text : tensor.as_mutable<std::string>()) {
    for (std::size_t i = 0; i < width; ++i, from += unit) {
      if (wide) {
        append_utf8(text, load_code_point(from, big_endian));
      } else {
        text += std::to_integer<char>(*from);
      }
    }
    text.erase(text.find_last_not_of('\0') + 1);
  }
  return tensor;
}

void reverse_each(std::span<std::byte> bytes, std::size_t width) {
  for (std::size_t i = 0; i + width <= bytes.size(); i += width) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + width));
  }
}

Tensor read_numbers(Span data, const Header& header, DType dtype, bool big_endian) {
  if (byte_size(dtype, header.shape.elements()) != data.size()) {
    throw Error(ErrorCode::parse, size_mismatch);
  }
  Tensor tensor(dtype, header.shape);
  if (data.empty()) return tensor;
  std::byte* to = static_cast<std::byte*>(tensor.mutable_data());
  std::copy(data.begin(), data.end(), to);
  const bool is_complex = dtype == DType::complex64 || dtype == DType::complex128;
  const std::size_t width = static_cast<std::size_t>(bit_width(dtype)) / 8 / (is_complex ? 2 : 1);
  if (big_endian == (std::endian::native == std::endian::little)) {
    reverse_each({to, data.size()}, width);
  }
  return tensor;
}

Tensor parse_npy(Span file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(magic) || file.size() < 12) {
    throw Error(ErrorCode::parse, "not a .npy file");
  }
  const int version = std::to_integer<int>(file[6]);
  if (version < 1 || version > 3) throw Error(ErrorCode::unsupported, "a newer .npy version");
  const std::size_t start = version == 1 ? 10 : 12;
  const std::size_t length = version == 1 ? load_little_endian<std::uint16_t>(&file[8])
                                          : load_little_endian<std::uint32_t>(&file[8]);
  if (length > file.size() - start) fail_header();
  const Header header = HeaderParser(text.substr(start, length)).parse();
  if (header.fortran_order && header.shape.rank() > 1) {
    throw Error(ErrorCode::unsupported,
                "the array is in Fortran order; save numpy.ascontiguousarray(array)");
  }
  if (header.descr.size() < 2) fail_header();

  const Span data = file.subspan(start + length);
  const bool big_endian = header.descr[0] == '>';
  const std::string_view code = std::string_view(header.descr).substr(1);
  if (code[0] == 'U' || code[0] == 'S') {
    std::size_t width = 0;
    std::from_chars(code.data() + 1, code.data() + code.size(), width);
    return read_strings(data, header, width, code[0] == 'U', big_endian);
  }
  for (const TypeCode& type : type_codes) {
    if (type.code == code) return read_numbers(data, header, type.dtype, big_endian);
  }
  throw Error(ErrorCode::unsupported, "element type '" + header.descr + "' of the .npy file");
}

// 'S' keeps UTF-8 as it is.
std::string string_bytes(const Tensor& tensor, std::size_t width) {
  std::string out;
  for (const std::string& text : tensor.as<std::string>()) {
    out += text;
    out.append(width - text.size(), '\0');
  }
  return out;
}

Tensor widened(const Tensor& tensor) {
  Tensor out(DType::float32, tensor.shape());
  const auto from = tensor.as<bfloat16>();
  std::copy(from.begin(), from.end(), out.as_mutable<float>().begin());
  return out;
}

std::string header_text(const std::string& descr, const Shape& shape) {
  std::string text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t dim : shape) text += std::to_string(dim) + ", ";
  text += "), }";
  // Padded so that the data begin at a multiple of 64.
  text.append(63 - (10 + text.size()) % 64, ' ');
  return text + '\n';
}

std::string descriptor(DType dtype) {
  for (const TypeCode& type : type_codes) {
    if (type.dtype != dtype) continue;
    const char order = bit_width(dtype) == 8                        ? '|'
                       : std::endian::native == std::endian::little ? '<'
                                                                    : '>';
    return order + std::string(type.code);
  }
  throw Error(ErrorCode::unsupported, "NumPy has no type " + std::string(name(dtype)));
}

}  // namespace

Tensor load_npy(const std::filesystem::path& path) {
  try {
    const Bytes file = file_reader(path)->read();
    return parse_npy(file.bytes);
  } catch (const Error& error) {
    throw error.at({.file = path.string()});
  }
}

void save_npy(const Tensor& tensor, const std::filesystem::path& path) {
  if (tensor.dtype() == DType::bfloat16) return save_npy(widened(tensor), path);
  std::string descr;
  std::string strings;
  std::string_view data(static_cast<const char*>(tensor.data()), tensor.bytes());
  if (tensor.dtype() == DType::string) {
    std::size_t width = 1;
    for (const std::string& text : tensor.as<std::string>()) width = std::max(width, text.size());
    descr = "|S" + std::to_string(width);
    strings = string_bytes(tensor, width);
    data = strings;
  } else {
    descr = descriptor(tensor.dtype());
  }
  const std::string header = header_text(descr, tensor.shape());
  const char prefix[] = {1, 0, static_cast<char>(header.size() & 0xFF),
                         static_cast<char>(header.size() >> 8)};
  std::ofstream file(path, std::ios::binary);
  file.write(magic.data(), std::ssize(magic)).write(prefix, sizeof(prefix));
  file.write(header.data(), std::ssize(header)).write(data.data(), std::ssize(data));
  file.close();
  if (!file) {
    throw Error(ErrorCode::io, "cannot write the array; does its folder exist?",
                {.file = path.string()});
  }
}

}  // namespace inlay::io
