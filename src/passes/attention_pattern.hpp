// Attention in a graph, as exporters write it.
#pragma once

#include <inlay/kernels/inline.hpp>
#include <optional>
#include <vector>

#include "passes/editor.hpp"

namespace inlay::inline v0::passes {

/// Added to a score, this or less leaves nothing of its weight.
inline constexpr double hides = -1e30;

/// Q, K or V and whether its axes are [batch, rows, heads, size].
struct Operand {
  ValueId value = no_id;
  bool by_row = false;
};

/// An addend of scores: `value` where the condition is `wanted`, else nothing.
struct Hiding {
  ValueId condition = no_id;
  ValueId value = no_id;
  bool wanted = false;

  friend auto operator<=>(const Hiding&, const Hiding&) = default;
};

struct Attention {
  Operand q, k, v;
  double scale = 1;
  ValueId mask = no_id;
  Hiding hiding;
  bool mask_widens = false;  ///< perhaps: scores may have fewer elements than with the mask
};

/// The attention whose last node is that at `id`. `editor` says who reads what.
INLAY_COLD std::optional<Attention> find_attention(const Editor& editor, NodeId id);

/// Whether the node is a Transpose by `perm`.
bool has_perm(const Node* node, const std::vector<std::int64_t>& perm);

}  // namespace inlay::inline v0::passes
