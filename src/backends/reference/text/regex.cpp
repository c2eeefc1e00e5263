// Runs a regular expression's program: the set of steps that it can be at, character by character.
#include "backends/reference/text/regex.hpp"

#include <algorithm>

#include "backends/reference/text/regex_parser.hpp"

namespace inlay::inline v0::kernels {
namespace {

/// Whether an assertion holds between two characters; before the first and behind the last one lies
/// invalid_code_point, and so do bytes that are no characters, which `at_start` and `at_end` tell.
bool holds(RegexAssertion assertion, char32_t before, char32_t after, bool at_start, bool at_end) {
  switch (assertion) {
    case RegexAssertion::text_start:
      return at_start;
    case RegexAssertion::text_end:
      return at_end;
    case RegexAssertion::line_start:
      return at_start || before == '\n';
    case RegexAssertion::line_end:
      return at_end || after == '\n';
    case RegexAssertion::word_boundary:
      return is_word(before) != is_word(after);
    case RegexAssertion::no_word_boundary:
      return is_word(before) == is_word(after);
  }
  return false;
}

/// Steps in the order in which they were added, each once. The memory need not be cleared.
class StepSet {
 public:
  StepSet(std::span<std::uint32_t> order, std::span<std::uint32_t> place)
      : order_(order), place_(place) {}

  bool add(std::uint32_t step) {
    if (contains(step)) return false;
    place_[step] = size_;
    order_[size_++] = step;
    return true;
  }
  bool contains(std::uint32_t step) const {
    return place_[step] < size_ && order_[place_[step]] == step;
  }
  std::span<const std::uint32_t> steps() const { return order_.first(size_); }
  void clear() { size_ = 0; }

 private:
  std::span<std::uint32_t> order_;
  std::span<std::uint32_t> place_;
  std::uint32_t size_ = 0;
};

}  // namespace

CharacterSet::CharacterSet(std::vector<CodeRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const CodeRange& a, const CodeRange& b) { return a.first < b.first; });
  for (const CodeRange& range : ranges) {
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
  for (const CodeRange& range : ranges_) {
    for (char32_t code = range.first; code <= range.last && code < 128; ++code) {
      ascii_[code / 64] |= std::uint64_t{1} << code % 64;
    }
  }
}

bool CharacterSet::contains(char32_t code) const {
  if (code < 128) return (ascii_[code / 64] >> code % 64 & 1) != 0;
  const auto it =
      std::lower_bound(ranges_.begin(), ranges_.end(), code,
                       [](const CodeRange& range, char32_t wanted) { return range.last < wanted; });
  return it != ranges_.end() && it->first <= code;
}

CharacterSet CharacterSet::complement() const {
  std::vector<CodeRange> gaps;
  char32_t next = 0;
  for (const CodeRange& range : ranges_) {
    if (range.first > next) gaps.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= last_code_point) gaps.push_back({next, last_code_point});
  return CharacterSet(std::move(gaps));
}

Regex::Regex(std::string_view pattern) {
  RegexParser parser(pattern);
  parser.parse();
  steps_ = parser.take_steps();
  sets_ = parser.take_sets();
}

bool Regex::full_match(std::string_view text, std::span<std::uint32_t> work,
                       FunctionRef<void()> poll) const {
  const std::size_t size = steps_.size() + 1;
  const auto end = static_cast<std::uint32_t>(steps_.size());
  StepSet now(work.subspan(0, size), work.subspan(size, size));
  StepSet next(work.subspan(2 * size, size), work.subspan(3 * size, size));
  const auto pending = work.subspan(4 * size, size);
  std::size_t visited = 0;

  char32_t before = invalid_code_point, code = invalid_code_point;
  // Adds a step and all that can be reached from it without a character.
  const auto reach = [&](StepSet& set, std::uint32_t from, bool at_start, bool at_end) {
    std::size_t waiting = 0;
    const auto add = [&](std::int64_t step) {
      if (set.add(static_cast<std::uint32_t>(step))) {
        pending[waiting++] = static_cast<std::uint32_t>(step);
      }
    };
    add(from);
    while (waiting > 0) {
      const std::int64_t at = pending[--waiting];
      ++visited;
      if (at == end) continue;
      const RegexStep& step = steps_[static_cast<std::size_t>(at)];
      switch (step.op) {
        case RegexStep::Op::set:
          break;
        case RegexStep::Op::fork:
          add(at + 1);
          add(at + step.value);
          break;
        case RegexStep::Op::jump:
          add(at + step.value);
          break;
        case RegexStep::Op::assert_:
          if (holds(static_cast<RegexAssertion>(step.value), before, code, at_start, at_end)) {
            add(at + 1);
          }
          break;
      }
    }
  };

  std::size_t at = 0;
  if (!text.empty()) code = decode_utf8(text, at);
  reach(now, 0, true, text.empty());
  for (std::size_t start = 0; start < text.size() && !now.steps().empty();) {
    const char32_t taken = code;
    const std::size_t behind = at;
    before = code;
    code = at < text.size() ? decode_utf8(text, at) : invalid_code_point;
    next.clear();
    for (const std::uint32_t index : now.steps()) {
      if (index == end) continue;
      const RegexStep& step = steps_[index];
      if (step.op == RegexStep::Op::set &&
          sets_[static_cast<std::size_t>(step.value)].contains(taken)) {
        reach(next, index + 1, false, behind == text.size());
      }
    }
    std::swap(now, next);
    start = behind;
    visited += now.steps().size() + 1;
    if (visited > std::size_t{1} << 20) {
      poll();
      visited = 0;
    }
  }
  return now.contains(end);
}

}  // namespace inlay::inline v0::kernels
