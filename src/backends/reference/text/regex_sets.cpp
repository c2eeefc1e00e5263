// What a pattern says of single characters: escapes, classes, sets in brackets, case folding.
#include <algorithm>

#include "backends/reference/text/regex_parser.hpp"
#include "inlay/error.hpp"

namespace inlay::inline v0::kernels {
namespace {

/// The classes of ASCII characters, by their names in [[:name:]] and by \d, \s, \w.
struct NamedClass {
  std::string_view name;
  std::string_view ranges;  // pairs of first and last
};
constexpr NamedClass named_classes[] = {
    {"alnum", "09AZaz"},
    {"alpha", "AZaz"},
    {"ascii", {"\0\x7F", 2}},
    {"blank", "\t\t  "},
    {"cntrl", {"\0\x1F\x7F\x7F", 4}},
    {"digit", "09"},
    {"graph", "!~"},
    {"lower", "az"},
    {"print", " ~"},
    {"punct", "!/:@[`{~"},
    {"space", "\t\r  "},
    {"upper", "AZ"},
    {"word", "09AZaz__"},
    {"xdigit", "09AFaf"},
    {"d", "09"},
    {"s", "\t\n\f\r  "},
    {"w", "09AZaz__"},
};

/// Appends the class of that name; false if there is none.
bool append_class(std::string_view name, std::vector<CodeRange>& ranges) {
  for (const NamedClass& known : named_classes) {
    if (known.name != name) continue;
    for (std::size_t i = 0; i < known.ranges.size(); i += 2) {
      ranges.push_back({static_cast<unsigned char>(known.ranges[i]),
                        static_cast<unsigned char>(known.ranges[i + 1])});
    }
    return true;
  }
  return false;
}

int hexadecimal_digit(char32_t c) {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A') + 10;
  return -1;
}

}  // namespace

CharacterSet RegexParser::parse_set() {
  const bool negated = take("^");
  Ranges ranges;
  do {  // a ] that comes first is a member
    parse_set_item(ranges);
  } while (!take("]"));
  CharacterSet set(flags_.fold ? folded(std::move(ranges)) : std::move(ranges));
  return negated ? set.complement() : set;
}

void RegexParser::parse_set_item(Ranges& ranges) {
  if (parse_class(ranges, true)) return;
  const char32_t first = set_character();
  char32_t last = first;
  const bool is_range = pattern_.substr(at_).starts_with("-") &&
                        !pattern_.substr(at_).starts_with("-]") && at_ + 1 < pattern_.size();
  if (is_range) {
    take("-");
    last = set_character();
    if (last < first) fail("a range ends before it begins");
  }
  ranges.push_back({first, last});
}

bool RegexParser::parse_class(Ranges& ranges, bool in_set) {
  Ranges found;
  bool negated = false;
  if (in_set && pattern_.substr(at_).starts_with("[:")) {
    const std::size_t end = pattern_.find(":]", at_ + 2);
    if (end == pattern_.npos) return false;
    at_ += 2;
    negated = take("^");
    if (!append_class(pattern_.substr(at_, end - at_), found)) fail("a class has an unknown name");
    at_ = end + 2;
  } else if (pattern_.substr(at_).starts_with("\\") && at_ + 1 < pattern_.size()) {
    const char letter = pattern_[at_ + 1];
    const char small = static_cast<char>(letter | 0x20);
    if (small != 'd' && small != 's' && small != 'w' && small != 'p') return false;
    at_ += 2;
    negated = letter != small;
    if (small != 'p') {
      append_class({&small, 1}, found);
    } else if (parse_category(found)) {
      negated = !negated;
    }
  } else {
    return false;
  }
  CharacterSet set(flags_.fold ? folded(std::move(found)) : std::move(found));
  if (negated) set = set.complement();
  ranges.insert(ranges.end(), set.ranges().begin(), set.ranges().end());
  return true;
}

/// The name behind \p; true for \p{^…}, which is negated.
bool RegexParser::parse_category(Ranges& ranges) {
  std::size_t start = at_, end = at_;
  bool negated = false;
  if (take("{")) {
    negated = take("^");
    start = at_;
    end = pattern_.find('}', at_);
    if (end == pattern_.npos) fail("a } is missing");
    at_ = end + 1;
  } else {
    take_character();
    end = at_;
  }
  const std::string_view name = pattern_.substr(start, end - start);
  ranges = name == "Any" ? Ranges{{0, last_code_point}} : category_ranges(name);
  if (!ranges.empty()) return negated;
  throw Error(ErrorCode::unsupported, "the pattern has the Unicode class '" + std::string(name) +
                                          "'; there are C, L, Lu, Ll, M, N, Nd, P, S, Z and Any");
}

char32_t RegexParser::set_character() {
  if (done()) fail("a ] is missing");
  const char32_t code = take_character();
  return code == '\\' ? escaped_character() : code;
}

/// The character that the escape behind a backslash stands for.
char32_t RegexParser::escaped_character() {
  const char32_t code = take_character();
  switch (code) {
    case 'a':
      return 0x07;
    case 'f':
      return 0x0C;
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return 0x0B;
    case 'x':
      return hexadecimal();
    default:
      break;
  }
  if (code >= '0' && code <= '7') return octal(code);
  if (code >= 0x80 || (is_word(code) && code != '_')) fail("an escape is unknown");
  return code;
}

char32_t RegexParser::octal(char32_t first) {
  const auto is_octal = [&] { return !done() && pattern_[at_] >= '0' && pattern_[at_] <= '7'; };
  if (first != '0' && !is_octal()) fail("groups cannot be referred to");
  char32_t code = first - '0';
  for (int digits = 1; digits < 3 && is_octal(); ++digits) {
    code = code * 8 + static_cast<char32_t>(pattern_[at_++] - '0');
  }
  return code;
}

char32_t RegexParser::hexadecimal() {
  const bool braces = take("{");
  char32_t code = 0;
  int digits = 0;
  while (braces || digits < 2) {
    const char32_t c = take_character();
    if (braces && c == '}') break;
    const int digit = hexadecimal_digit(c);
    if (digit < 0) fail("a hexadecimal number is not one");
    code = code * 16 + static_cast<char32_t>(digit);
    if (code > last_code_point) fail("a hexadecimal number is too large");
    ++digits;
  }
  if (digits == 0) fail("a hexadecimal number is empty");
  return code;
}

/// With all characters that differ from one of them in case alone.
RegexParser::Ranges RegexParser::folded(Ranges ranges) {
  if (cases_.empty()) {
    for (const char32_t code : cased_characters()) cases_.emplace_back(fold_case(code), code);
    std::sort(cases_.begin(), cases_.end());
  }
  const CharacterSet set(ranges);
  for (auto first = cases_.begin(); first != cases_.end();) {
    const auto last = std::find_if(first, cases_.end(),
                                   [&](const auto& entry) { return entry.first != first->first; });
    if (std::any_of(first, last, [&](const auto& entry) { return set.contains(entry.second); })) {
      for (auto it = first; it != last; ++it) ranges.push_back({it->second, it->second});
    }
    first = last;
  }
  return ranges;
}

}  // namespace inlay::inline v0::kernels
