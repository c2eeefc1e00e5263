// Regular expressions in RE2's syntax, matched in time linear in the text.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "backends/reference/text/unicode.hpp"
#include "inlay/executor.hpp"

namespace inlay::inline v0::kernels {

/// Whether it is a word character: a letter or digit of ASCII, or _.
inline bool is_word(char32_t code) {
  return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
         (code >= 'a' && code <= 'z') || code == '_';
}

/// A set of characters.
class CharacterSet {
 public:
  CharacterSet() = default;
  /// Ranges in any order, which may overlap.
  explicit CharacterSet(std::vector<CodeRange> ranges);

  bool contains(char32_t code) const;
  CharacterSet complement() const;
  const std::vector<CodeRange>& ranges() const { return ranges_; }

 private:
  std::vector<CodeRange> ranges_;            // sorted, apart from each other
  std::array<std::uint64_t, 2> ascii_ = {};  // a bit for each of the first 128 characters
};

/// One step of a program. Targets of jumps count from the step itself.
struct RegexStep {
  enum class Op : std::uint8_t {
    set,     ///< take one character of set number `value`
    fork,    ///< go on at the next step, and also `value` steps from here
    jump,    ///< go on `value` steps from here
    assert_  ///< go on if the RegexAssertion `value` holds here
  };
  Op op;
  std::int32_t value;
};

enum class RegexAssertion : std::int32_t {
  text_start,
  text_end,
  line_start,
  line_end,
  word_boundary,
  no_word_boundary
};

class INLAY_API Regex {
 public:
  /// Errors: invalid_graph for a pattern that RE2 refuses too, unsupported for \C and for Unicode
  /// classes without a table here, limit for a pattern that repeats too much.
  explicit Regex(std::string_view pattern);

  /// The size of `work` in full_match.
  std::size_t work_size() const { return 5 * (steps_.size() + 1); }
  /// Whether all of `text` matches. Calls `poll` now and then.
  bool full_match(std::string_view text, std::span<std::uint32_t> work,
                  FunctionRef<void()> poll) const;

 private:
  std::vector<RegexStep> steps_;  // a match has gone through all of them
  std::vector<CharacterSet> sets_;
};

}  // namespace inlay::inline v0::kernels
