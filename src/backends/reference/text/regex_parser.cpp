#include "backends/reference/text/regex_parser.hpp"

#include <algorithm>

#include "inlay/error.hpp"

namespace inlay::inline v0::kernels {
namespace {

constexpr std::size_t most_steps = 1 << 16;
constexpr std::size_t most_groups = 1000;  // inside each other
constexpr int most_repeats = 1000;         // the same two as RE2's

constexpr int unbounded = -1;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void RegexParser::fail(const std::string& what) const {
  throw Error(ErrorCode::invalid_graph,
              "the pattern is no regular expression: " + what + " at byte " + std::to_string(at_));
}

bool RegexParser::take(std::string_view text) {
  if (!pattern_.substr(at_).starts_with(text)) return false;
  at_ += text.size();
  return true;
}

char32_t RegexParser::take_character() {
  if (done()) fail("it ends too early");
  const char32_t code = decode_utf8(pattern_, at_);
  if (code == invalid_code_point) fail("it is not UTF-8");
  return code;
}

void RegexParser::parse() {
  groups_.push_back({0});
  while (!done()) parse_piece();
  if (groups_.size() > 1) fail("a ) is missing");
  end_atom();
  join_alternatives();
}

void RegexParser::parse_piece() {
  const char32_t code = take_character();
  switch (code) {
    case '(':
      return open_group();
    case ')':
      return close_group();
    case '|':
      return add_alternative();
    case '*':
    case '+':
    case '?':
    case '{':
      return parse_repetition(code);
    case '[':
      return add_set(parse_set());
    case '.':
      return add_set(CharacterSet(flags_.dot_all ? Ranges() : Ranges{{'\n', '\n'}}).complement());
    case '^':
      return add_assertion(flags_.lines ? RegexAssertion::line_start : RegexAssertion::text_start);
    case '$':
      return add_assertion(flags_.lines ? RegexAssertion::line_end : RegexAssertion::text_end);
    case '\\':
      return parse_escape();
    default:
      return add_character(code);
  }
}

void RegexParser::parse_escape() {
  if (take("Q")) return parse_quote();
  if (take("A")) return add_assertion(RegexAssertion::text_start);
  if (take("z")) return add_assertion(RegexAssertion::text_end);
  if (take("b")) return add_assertion(RegexAssertion::word_boundary);
  if (take("B")) return add_assertion(RegexAssertion::no_word_boundary);
  if (take("C")) {
    throw Error(ErrorCode::unsupported, "the pattern has \\C, which matches single bytes");
  }
  --at_;
  Ranges ranges;
  if (parse_class(ranges, false)) return add_set(CharacterSet(std::move(ranges)));
  ++at_;
  add_character(escaped_character());
}

void RegexParser::parse_quote() {
  while (!done() && !take("\\E")) add_character(take_character());
}

void RegexParser::parse_repetition(char32_t mark) {
  int least = mark == '+' ? 1 : 0, most = mark == '?' ? 1 : unbounded;
  if (mark == '{' && !read_counts(least, most)) return add_character('{');
  if (!has_atom_) fail("there is nothing to repeat");
  if (repeated_) fail("a repetition is repeated");
  take("?");  // as few as possible or as many: all of the text has to match
  repeat(least, most);
  repeated_ = true;
}

bool RegexParser::read_counts(int& least, int& most) {
  const std::size_t start = at_;
  const auto read = [&](int& count) {
    const std::size_t first = at_;
    count = 0;
    for (; !done() && is_digit(pattern_[at_]) && at_ - first < 8; ++at_) {
      count = count * 10 + (pattern_[at_] - '0');
    }
    return at_ > first;
  };
  bool good = read(least);
  most = least;
  if (good && take(",") && !read(most)) most = unbounded;
  if (!good || !take("}")) {
    at_ = start;
    return false;
  }
  if (least > most_repeats || most > most_repeats || (most != unbounded && most < least)) {
    fail("a repetition has wrong limits");
  }
  return true;
}

void RegexParser::open_group() {
  const Flags outer = flags_;
  if (take("?P<") || take("?<")) {
    const std::size_t start = at_;
    while (!take(">")) {
      const char32_t c = take_character();
      if (c < 0x80 && !is_word(c))
        fail("the name of a group has other characters than letters and digits");
    }
    if (at_ == start + 1) fail("the name of a group is empty");
  } else if (take("?") && !read_flags()) {
    // Flags for the rest of the group that is open already.
    repeated_ = false;
    return;
  }
  if (groups_.size() > most_groups) {
    throw Error(ErrorCode::limit, "the pattern has too many groups inside each other");
  }
  end_atom();
  groups_.push_back({.start = steps_.size(), .outer = outer});
}

bool RegexParser::read_flags() {
  bool on = true, any = false;
  while (true) {
    const char32_t c = take_character();
    if (c == ':' || c == ')') {
      if (!on && !any) fail("flags are missing");
      return c == ':';
    }
    if (c == '-') {
      if (!on) fail("flags are turned off twice");
      on = any = false;
      continue;
    }
    any = true;
    if (c == 'i') {
      flags_.fold = on;
    } else if (c == 'm') {
      flags_.lines = on;
    } else if (c == 's') {
      flags_.dot_all = on;
    } else if (c != 'U') {  // which swaps greedy and lazy, the same to a full match
      fail("a group has an unknown flag");
    }
  }
}

void RegexParser::add_alternative() {
  end_atom();
  groups_.back().alternatives.push_back(steps_.size());
}

void RegexParser::close_group() {
  if (groups_.size() == 1) fail("a ) is not expected");
  end_atom();
  join_alternatives();
  const Group& group = groups_.back();
  flags_ = group.outer;
  has_atom_ = true;
  repeated_ = false;
  atom_start_ = group.start;
  atom_repeats_ = group.repeats;
  groups_.pop_back();
}

void RegexParser::join_alternatives() {
  const Group& group = groups_.back();
  if (group.alternatives.empty()) return;
  const std::vector<RegexStep> old(steps_.begin() + static_cast<std::ptrdiff_t>(group.start),
                                   steps_.end());
  // Each but the last begins with a fork to the next, and ends with a jump behind the last.
  const std::size_t end = steps_.size() + 2 * group.alternatives.size();
  steps_.resize(group.start);
  std::size_t from = group.start;
  for (const std::size_t next : group.alternatives) {
    add_step(RegexStep::Op::fork, static_cast<std::int64_t>(next - from) + 2);
    std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(from - group.start), next - from,
                std::back_inserter(steps_));
    add_step(RegexStep::Op::jump, static_cast<std::int64_t>(end - steps_.size()));
    from = next;
  }
  std::copy(old.begin() + static_cast<std::ptrdiff_t>(from - group.start), old.end(),
            std::back_inserter(steps_));
}

void RegexParser::begin_atom() {
  end_atom();
  has_atom_ = true;
  atom_start_ = steps_.size();
}

void RegexParser::end_atom() {
  groups_.back().repeats = std::max(groups_.back().repeats, atom_repeats_);
  has_atom_ = repeated_ = false;
  atom_repeats_ = 1;
}

void RegexParser::add_character(char32_t code) {
  begin_atom();
  const auto [it, is_new] =
      single_sets_.try_emplace({code, flags_.fold}, static_cast<std::int64_t>(sets_.size()));
  if (is_new) {
    Ranges ranges{{code, code}};
    sets_.emplace_back(flags_.fold ? folded(std::move(ranges)) : std::move(ranges));
  }
  add_step(RegexStep::Op::set, it->second);
}

void RegexParser::add_set(CharacterSet set) {
  begin_atom();
  add_step(RegexStep::Op::set, static_cast<std::int64_t>(sets_.size()));
  sets_.push_back(std::move(set));
}

void RegexParser::add_assertion(RegexAssertion assertion) {
  begin_atom();
  add_step(RegexStep::Op::assert_, static_cast<std::int64_t>(assertion));
}

void RegexParser::add_step(RegexStep::Op op, std::int64_t value) {
  if (steps_.size() >= most_steps) {
    throw Error(ErrorCode::limit, "the pattern needs more than 2^16 steps");
  }
  steps_.push_back({op, static_cast<std::int32_t>(value)});
}

/// Repeats the steps from atom_start_ on.
void RegexParser::repeat(int least, int most) {
  const std::vector<RegexStep> atom(steps_.begin() + static_cast<std::ptrdiff_t>(atom_start_),
                                    steps_.end());
  const auto size = static_cast<std::int64_t>(atom.size());
  const int copies = std::max(most == unbounded ? least : most, 1);
  atom_repeats_ *= copies;
  if (atom_repeats_ > most_repeats) fail("repetitions in each other multiply to more than 1000");
  if (atom.size() * static_cast<std::size_t>(copies) > most_steps) {
    throw Error(ErrorCode::limit, "the pattern needs more than 2^16 steps");
  }
  const auto add_atom = [&] {
    for (const RegexStep& step : atom) add_step(step.op, step.value);
  };
  steps_.resize(atom_start_);
  if (most == unbounded) {
    if (least == 0) add_step(RegexStep::Op::fork, size + 2);
    for (int i = 0; i < std::max(least, 1); ++i) add_atom();
    if (least == 0) {
      add_step(RegexStep::Op::jump, -(size + 1));
    } else {
      add_step(RegexStep::Op::fork, -size);
    }
    return;
  }
  for (int i = 0; i < least; ++i) add_atom();
  for (int left = most - least; left > 0; --left) {
    add_step(RegexStep::Op::fork, left * (size + 1));
    add_atom();
  }
}

}  // namespace inlay::inline v0::kernels
