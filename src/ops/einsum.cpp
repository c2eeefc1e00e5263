#include "ops/einsum.hpp"

#include <algorithm>
#include <string>

namespace inlay::inline v0 {

namespace {

constexpr std::string_view ellipsis_text = "...";
constexpr std::size_t first_ellipsis_label = 52;

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::invalid_graph, "Einsum's equation " + message);
}

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
std::size_t label_of(char c) { return static_cast<std::size_t>(c >= 'a' ? c - 'a' + 26 : c - 'A'); }

/// Calls letter(label) and ellipsis() in the order of the term.
template <class Letter, class Ellipsis>
void scan(std::string_view term, Letter&& letter, Ellipsis&& ellipsis) {
  bool seen = false;
  for (std::size_t i = 0; i < term.size(); ++i) {
    if (term[i] == ' ') continue;
    if (is_letter(term[i])) {
      letter(label_of(term[i]));
    } else if (term.substr(i, 3) == ellipsis_text && !seen) {
      seen = true;
      i += 2;
      ellipsis();
    } else {
      fail("has '" + std::string(1, term[i]) + "' where a letter or one '...' may stand");
    }
  }
}

}  // namespace

EinsumEquation::EinsumEquation(std::string_view text) {
  const std::size_t arrow = text.find("->");
  explicit_ = arrow != std::string_view::npos;
  inputs_ = text.substr(0, arrow);
  if (explicit_) output_ = text.substr(arrow + 2);
  operands_ = static_cast<int>(std::count(inputs_.begin(), inputs_.end(), ',')) + 1;
}

std::string_view EinsumEquation::term(int index) const {
  std::string_view rest = inputs_;
  for (; index > 0; --index) rest.remove_prefix(rest.find(',') + 1);
  return rest.substr(0, rest.find(','));
}

EinsumLabels EinsumEquation::operand(int index, int rank) const {
  if (rank > Shape::max_rank) fail("has an operand of more than 16 axes");
  int letters = 0;
  bool has_ellipsis = false;
  scan(
      term(index), [&](std::size_t) { ++letters; }, [&] { has_ellipsis = true; });
  if (has_ellipsis ? letters > rank : letters != rank) {
    fail("has " + std::to_string(letters) + " letters in term " + std::to_string(index + 1) +
         ", whose operand has " + std::to_string(rank) + " axes");
  }
  EinsumLabels labels;
  scan(
      term(index), [&](std::size_t label) { labels.add(label); },
      [&] {
        for (int left = rank - letters; left > 0; --left) {
          labels.add(first_ellipsis_label + static_cast<std::size_t>(left - 1));
        }
      });
  return labels;
}

EinsumLabels EinsumEquation::output(int ellipsis) const {
  std::array<int, first_ellipsis_label> uses{};
  for (int i = 0; i < operands_; ++i) {
    scan(
        term(i), [&](std::size_t label) { ++uses[label]; }, [] {});
  }
  EinsumLabels labels;
  const auto add_ellipsis = [&] {
    for (int left = ellipsis; left > 0; --left) {
      labels.add(first_ellipsis_label + static_cast<std::size_t>(left - 1));
    }
  };
  if (!explicit_) {
    add_ellipsis();
    for (std::size_t label = 0; label < uses.size(); ++label) {
      if (uses[label] == 1) labels.add(label);
    }
  } else {
    scan(
        output_,
        [&](std::size_t label) {
          if (uses[label] == 0) fail("has an output letter that no operand has, or has it twice");
          uses[label] = 0;
          labels.add(label);
        },
        add_ellipsis);
  }
  if (labels.count > Shape::max_rank) fail("has an output of more than 16 axes");
  return labels;
}

}  // namespace inlay::inline v0
