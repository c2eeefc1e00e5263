// Unicode without a locale: UTF-8, case, general categories.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inlay/config.hpp"

namespace inlay::inline v0::kernels {

inline constexpr char32_t last_code_point = 0x10FFFF;
/// What a byte that belongs to no character decodes to.
inline constexpr char32_t invalid_code_point = 0xFFFFFFFF;

/// The character at text[at]; `at` moves behind it.
INLAY_API char32_t decode_utf8(std::string_view text, std::size_t& at);
INLAY_API void append_utf8(std::string& text, char32_t code);

/// The simple case mappings of Unicode 14: one character for one, whatever the language.
INLAY_API char32_t to_upper(char32_t code);
INLAY_API char32_t to_lower(char32_t code);
/// The same for all characters that differ in case alone.
INLAY_API char32_t fold_case(char32_t code);
/// Every character that has another case, in order.
INLAY_API std::vector<char32_t> cased_characters();

/// The code points from `first` to `last`.
struct CodeRange {
  char32_t first;
  char32_t last;
  friend bool operator==(const CodeRange&, const CodeRange&) = default;
};
/// The characters of a general category of Unicode 14, in order: C, L, Lu, Ll, M, N, Nd, P, S or Z;
/// empty for any other name.
INLAY_API std::vector<CodeRange> category_ranges(std::string_view category);

}  // namespace inlay::inline v0::kernels
