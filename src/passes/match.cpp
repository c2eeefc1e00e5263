#include "passes/match.hpp"

#include <algorithm>

#include "passes/constants.hpp"

namespace inlay::inline v0::passes {

bool Match::find(const Pattern& pattern, NodeId root) {
  const ValueId value = editor_.graph().node(root).output(0);
  return value != no_id && solve({{&pattern, value}}) && replaceable(root);
}

// Depth-first search with backtracking: what a failed alternative has bound is forgotten.
bool Match::solve(std::vector<Goal> goals) {
  if (goals.empty()) return true;
  const Goal goal = goals.back();
  goals.pop_back();
  if (goal.value == no_id) return false;
  const auto saved_slots = slots_;
  const std::size_t saved_nodes = nodes_.size();
  bool found = false;
  switch (goal.pattern->kind) {
    case Pattern::Kind::value:
      found = bind(goal.pattern->slot, goal.value) && solve(std::move(goals));
      break;
    case Pattern::Kind::constant:
      found = editor_.graph().constant(goal.value) != nullptr &&
              bind(goal.pattern->slot, goal.value) && solve(std::move(goals));
      break;
    case Pattern::Kind::number: {
      const Tensor* tensor = editor_.graph().constant(goal.value);
      if (tensor == nullptr || tensor->size() != 1) break;
      const std::optional<double> number = uniform_value(*tensor);
      found = number && is_number(*number, goal.pattern->wanted, tensor->dtype()) &&
              solve(std::move(goals));
      break;
    }
    case Pattern::Kind::op:
      found = solve_op(goal, goals);
      break;
    case Pattern::Kind::either:
      for (const Pattern& part : goal.pattern->parts) {
        std::vector<Goal> next = goals;
        next.push_back({&part, goal.value});
        if ((found = solve(std::move(next)))) break;
      }
      break;
  }
  if (!found) {
    slots_ = saved_slots;
    nodes_.resize(saved_nodes);
  }
  return found;
}

bool Match::solve_op(const Goal& goal, const std::vector<Goal>& rest) {
  const Pattern& pattern = *goal.pattern;
  const Node* node = editor_.graph().producer(goal.value);
  if (node == nullptr || !node->is(pattern.op_type) || node->output(0) != goal.value ||
      !bind(pattern.slot, goal.value)) {
    return false;
  }
  nodes_.push_back(editor_.graph().value(goal.value).producer);
  const auto with_inputs = [&](bool swapped) {
    std::vector<Goal> next = rest;
    for (std::size_t i = pattern.parts.size(); i-- > 0;) {
      next.push_back({&pattern.parts[i], node->input(swapped ? 1 - i : i)});
    }
    return solve(std::move(next));
  };
  const bool commutes =
      pattern.parts.size() == 2 && (pattern.op_type == "Add" || pattern.op_type == "Mul");
  return with_inputs(false) || (commutes && with_inputs(true));
}

bool Match::bind(int slot, ValueId value) {
  if (slot < 0) return true;
  ValueId& bound = slots_[static_cast<std::size_t>(slot)];
  if (bound == no_id) bound = value;
  return bound == value;
}

bool Match::replaceable(NodeId root) const {
  std::vector<NodeId> inside = nodes_;
  std::sort(inside.begin(), inside.end());
  inside.erase(std::unique(inside.begin(), inside.end()), inside.end());
  std::vector<ValueId> reads;
  for (const NodeId id : inside) {
    const std::vector<ValueId> more = editor_.graph().reads(editor_.graph().node(id));
    reads.insert(reads.end(), more.begin(), more.end());
  }
  for (const NodeId id : inside) {
    if (id == root) continue;
    for (const ValueId output : editor_.graph().node(id).outputs) {
      if (output == no_id) continue;
      if (editor_.is_output(output) ||
          std::count(reads.begin(), reads.end(), output) != editor_.uses(output)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace inlay::inline v0::passes
