#include "backends/reference/text/unicode.hpp"

namespace inlay::inline v0::kernels {

char32_t decode_utf8(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at++);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < static_cast<std::size_t>(more)) {
    return invalid_code_point;
  }
  char32_t code = lead & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) {
    const unsigned char next = byte(at + static_cast<std::size_t>(i));
    if ((next & 0xC0) != 0x80) return invalid_code_point;
    code = code << 6 | (next & 0x3Fu);
  }
  // Longer than need be, half of a UTF-16 pair, or too large.
  constexpr char32_t least[] = {0x80, 0x800, 0x10000};
  if (code < least[more - 1] || (code >= 0xD800 && code <= 0xDFFF) || code > last_code_point) {
    return invalid_code_point;
  }
  at += static_cast<std::size_t>(more);
  return code;
}

void append_utf8(std::string& text, char32_t code) {
  const auto add = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
  }
  add(0x80 | (code & 0x3F));
}

}  // namespace inlay::inline v0::kernels
