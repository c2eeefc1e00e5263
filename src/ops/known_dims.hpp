// What is known at load time of the integers in a small tensor that holds dims: follows the shape
// arithmetic of exporters (Shape, Gather, Concat, Mul ...) back to constants and symbols.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "inlay/graph.hpp"

namespace inlay::inline v0 {

/// One integer of such a tensor. Unlike a Dim it may be negative.
struct KnownItem {
  std::optional<std::int64_t> number;
  std::string symbol;

  bool operator==(const KnownItem&) const = default;
  bool unknown() const { return !number && symbol.empty(); }
  bool negative() const { return number && *number < 0; }
};
using KnownItems = std::vector<KnownItem>;

/// What earlier searches found, so that a walk over a graph stays linear in its size. Good as long
/// as no type and no node before the values in it changes.
using KnownItemsMemo = std::unordered_map<ValueId, std::optional<KnownItems>>;

/// The integers of a rank-0 or rank-1 value; empty optional when not even their count is known.
std::optional<KnownItems> known_items(const Graph& graph, ValueId value, KnownItemsMemo& memo);

}  // namespace inlay::inline v0
