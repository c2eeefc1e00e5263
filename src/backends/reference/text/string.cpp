// StringConcat, StringNormalizer and StringSplit.
#include <limits>
#include <unordered_set>

#include "backends/reference/attributes.hpp"
#include "backends/reference/map.hpp"
#include "backends/reference/reference.hpp"
#include "backends/reference/text/unicode.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

void run_string_concat(KernelContext& context) {
  map_binary<Types<std::string>>(context,
                                 [](const std::string& a, const std::string& b) { return a + b; });
}

/// `text` with f(character) for each character; bytes that are none stay as they are.
template <class F>
std::string map_characters(std::string_view text, F&& f) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t code = decode_utf8(text, at);
    if (code == invalid_code_point) {
      result += text[start];
    } else {
      append_utf8(result, f(code));
    }
  }
  return result;
}

class StringNormalizer final : public Kernel {
 public:
  explicit StringNormalizer(const CompileContext& context) {
    const Attributes& attributes = context.node.attributes;
    constexpr std::string_view words[] = {"NONE", "LOWER", "UPPER"};
    change_ = static_cast<Case>(
        word_index("case_change_action", attributes.text("case_change_action", "NONE"), words));
    case_sensitive_ = attributes.integer("is_case_sensitive", 0) != 0;
    // Case is the same in all languages, except for the i of the Turkic ones.
    const std::string_view language = attributes.text("locale", "").substr(0, 2);
    turkic_ = language == "tr" || language == "az";
    if (const auto* stop = attributes.get<std::vector<std::string>>("stopwords")) {
      for (const std::string& word : *stop) stopwords_.insert(compared(word));
    }
  }

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    if (x.rank() < 1 || x.rank() > 2 || (x.rank() == 2 && x.dim(0) != 1)) {
      context.fail(ErrorCode::shape_mismatch,
                   "the input has shape " + to_string(x.shape()) + ", not [C] or [1, C]");
    }
    const auto stays = [&](const std::string& word) {
      return stopwords_.empty() || stopwords_.count(compared(word)) == 0;
    };
    const auto from = x.as<std::string>();
    const std::int64_t kept = std::count_if(from.begin(), from.end(), stays);
    Shape shape = x.shape();
    shape[shape.rank() - 1] = std::max<std::int64_t>(kept, 1);
    Tensor& y = context.output(0, shape);
    std::string* to = y.as_mutable<std::string>().data();
    if (kept == 0) to->clear();
    for (const std::string& word : from) {
      if (stays(word)) *to++ = changed(word);
    }
  }

 private:
  enum class Case { same, lower, upper };

  std::string compared(const std::string& word) const {
    return case_sensitive_ ? word : map_characters(word, fold_case);
  }
  std::string changed(const std::string& word) const {
    if (change_ == Case::same) return word;
    return map_characters(word, [&](char32_t code) -> char32_t {
      if (change_ == Case::lower) return turkic_ && code == 'I' ? 0x131 : to_lower(code);
      return turkic_ && code == 'i' ? 0x130 : to_upper(code);
    });
  }

  Case change_ = Case::same;
  bool case_sensitive_ = false;
  bool turkic_ = false;
  std::unordered_set<std::string> stopwords_;  // as they are compared
};

bool is_white_space(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

/// The first place in `text` from `at` on whose character is white space, or is none.
std::size_t find_space(std::string_view text, std::size_t at, bool space) {
  while (at < text.size()) {
    std::size_t next = at;
    if (is_white_space(decode_utf8(text, next)) == space) return at;
    at = next;
  }
  return text.size();
}

/// Calls f(part) for each part of `text` between runs of white space, at most `splits` + 1.
template <class F>
void split_at_spaces(std::string_view text, std::int64_t splits, F&& f) {
  for (std::size_t at = find_space(text, 0, false); at < text.size(); --splits) {
    std::size_t end = find_space(text, at, true);
    const std::size_t next = find_space(text, end, false);
    if (splits == 0 && next < text.size()) {
      // The rest, without the white space that it ends with.
      for (end = text.size(); end > at; --end) {
        std::size_t start = end - 1;
        while (start > at && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
        std::size_t behind = start;
        if (!is_white_space(decode_utf8(text, behind)) || behind != end) break;
        end = start + 1;
      }
      return f(text.substr(at, end - at));
    }
    f(text.substr(at, end - at));
    at = next;
  }
}

template <class F>
void split_at_delimiter(std::string_view text, std::string_view delimiter, std::int64_t splits,
                        F&& f) {
  std::size_t at = 0;
  for (; splits > 0; --splits) {
    const std::size_t end = text.find(delimiter, at);
    if (end == text.npos) break;
    f(text.substr(at, end - at));
    at = end + delimiter.size();
  }
  f(text.substr(at));
}

void run_string_split(KernelContext& context) {
  const Tensor& x = context.input(0);
  const std::string_view delimiter = context.attributes().text("delimiter", "");
  constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();
  std::int64_t splits = context.attributes().integer("maxsplit", unlimited);
  if (splits < 0) splits = unlimited;
  const auto split = [&](std::string_view text, auto&& f) {
    if (delimiter.empty()) return split_at_spaces(text, splits, f);
    split_at_delimiter(text, delimiter, splits, f);
  };
  const auto from = x.as<std::string>();
  const auto counts = context.output(1, x.shape()).as_mutable<std::int64_t>();
  std::int64_t most = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    counts[i] = 0;
    split(from[i], [&](std::string_view) { ++counts[i]; });
    most = std::max(most, counts[i]);
  }
  Shape shape = x.shape();
  shape.push_back(most);
  std::string* to = context.output(0, shape).as_mutable<std::string>().data();
  for (std::size_t i = 0; i < from.size(); ++i) {
    split(from[i], [&](std::string_view part) { *to++ = part; });
    for (std::int64_t part = counts[i]; part < most; ++part) (to++)->clear();
  }
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> string_kernels() {
  return {
      {"", "StringConcat", kernels::run_string_concat},
      {"", "StringNormalizer", make_kernel<kernels::StringNormalizer>},
      {"", "StringSplit", kernels::run_string_split},
  };
}

}  // namespace inlay::inline v0
