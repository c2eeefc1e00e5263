// Patterns: small expressions to look for in a graph, written as they read.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "passes/editor.hpp"

namespace inlay::inline v0::passes {

/// An expression over values. Slots are small numbers (an enum of the pass) that name what was
/// found; a slot that appears twice must be the same value both times. -1: no name.
struct Pattern {
  enum class Kind { value, constant, number, op, either };
  Kind kind = Kind::value;
  int slot = -1;
  std::string_view op_type = {};
  double wanted = 0;
  std::vector<Pattern> parts = {};
};

/// Any value.
inline Pattern value(int slot) { return {.kind = Pattern::Kind::value, .slot = slot}; }
/// Any constant.
inline Pattern constant(int slot) { return {.kind = Pattern::Kind::constant, .slot = slot}; }
/// A constant of one element, equal to `wanted` up to a literal's rounding.
inline Pattern number(double wanted) { return {.kind = Pattern::Kind::number, .wanted = wanted}; }
/// The first output of an ai.onnx node whose first inputs match. Add and Mul match either way
/// round; further inputs and attributes are for the pass to check.
inline Pattern op(std::string_view op_type, std::vector<Pattern> inputs, int slot = -1) {
  return {.kind = Pattern::Kind::op, .slot = slot, .op_type = op_type, .parts = std::move(inputs)};
}
/// The first alternative that fits.
inline Pattern either(std::vector<Pattern> alternatives) {
  return {.kind = Pattern::Kind::either, .parts = std::move(alternatives)};
}

/// What a pattern was found to be in a graph.
class Match {
 public:
  static constexpr std::size_t max_slots = 16;

  explicit Match(const Editor& editor) : editor_(editor) { slots_.fill(no_id); }

  /// Whether `pattern` matches with `root` as its last node, and whether the nodes within could be
  /// replaced by one: nobody else reads their values, and none is a graph output.
  bool find(const Pattern& pattern, NodeId root);

  /// What the slot stands for; no_id when its alternative was not taken.
  ValueId operator[](int slot) const { return slots_[static_cast<std::size_t>(slot)]; }
  /// The node whose output the slot stands for.
  const Node& node(int slot) const { return *editor_.graph().producer((*this)[slot]); }
  const Tensor& constant(int slot) const { return *editor_.graph().constant((*this)[slot]); }

 private:
  struct Goal {
    const Pattern* pattern;
    ValueId value;
  };
  bool solve(std::vector<Goal> goals);
  bool solve_op(const Goal& goal, const std::vector<Goal>& rest);
  bool bind(int slot, ValueId value);
  bool replaceable(NodeId root) const;

  const Editor& editor_;
  std::array<ValueId, max_slots> slots_;
  std::vector<NodeId> nodes_;
};

}  // namespace inlay::inline v0::passes
