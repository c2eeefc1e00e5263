// From a pattern in RE2's syntax to a program.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/reference/text/regex.hpp"

namespace inlay::inline v0::kernels {

/// Writes the program while it reads the pattern: what has been read so far is a run of steps that
/// can be moved, copied and wrapped in jumps, since jumps are relative. Nothing is recursive.
class RegexParser {
 public:
  explicit RegexParser(std::string_view pattern) : pattern_(pattern) {}

  /// Errors: as Regex.
  void parse();
  std::vector<RegexStep> take_steps() { return std::move(steps_); }
  std::vector<CharacterSet> take_sets() { return std::move(sets_); }

 private:
  using Ranges = std::vector<CodeRange>;

  struct Flags {
    bool fold = false;     ///< (?i)
    bool lines = false;    ///< (?m): ^ and $ match at lines
    bool dot_all = false;  ///< (?s): . matches \n
  };
  /// A group that is open; the outermost one is the whole pattern.
  struct Group {
    std::size_t start;                           ///< where its steps begin
    std::vector<std::size_t> alternatives = {};  ///< where its alternatives after the first begin
    Flags outer = {};                            ///< the flags to go back to behind it
    int repeats = 1;                             ///< of the most repeated part, see atom_repeats_
  };

  [[noreturn]] void fail(const std::string& what) const;
  bool done() const { return at_ == pattern_.size(); }
  /// Moves behind `text` if it is what comes next.
  bool take(std::string_view text);
  char32_t take_character();

  void parse_piece();
  void parse_escape();
  void parse_quote();
  void parse_repetition(char32_t mark);
  bool read_counts(int& least, int& most);
  void open_group();
  bool read_flags();
  void add_alternative();
  void close_group();
  void join_alternatives();

  CharacterSet parse_set();
  void parse_set_item(Ranges& ranges);
  /// A class that stands inside of [] or, those with a backslash, outside too.
  bool parse_class(Ranges& ranges, bool in_set);
  bool parse_category(Ranges& ranges);
  char32_t set_character();
  char32_t escaped_character();
  char32_t octal(char32_t first);
  char32_t hexadecimal();
  Ranges folded(Ranges ranges);

  /// Makes what follows the thing that a repetition would repeat.
  void begin_atom();
  void end_atom();
  void add_character(char32_t code);
  void add_set(CharacterSet set);
  void add_assertion(RegexAssertion assertion);
  void add_step(RegexStep::Op op, std::int64_t value);
  void repeat(int least, int most);

  std::string_view pattern_;
  std::size_t at_ = 0;
  Flags flags_;
  std::vector<Group> groups_;
  std::vector<RegexStep> steps_;
  std::vector<CharacterSet> sets_;
  std::map<std::pair<char32_t, bool>, std::int64_t> single_sets_;  // by character and folding
  std::vector<std::pair<char32_t, char32_t>> cases_;               // (folded, character), sorted

  bool has_atom_ = false;
  bool repeated_ = false;  // the atom is a repetition already
  std::size_t atom_start_ = 0;
  int atom_repeats_ = 1;  // how many copies of a part of it repetitions have made
};

}  // namespace inlay::inline v0::kernels
