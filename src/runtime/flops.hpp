// Counts the arithmetic of a graph, for benchmarks.
#pragma once

#include "inlay/graph.hpp"

namespace inlay::inline v0 {

struct Flops {
  double count = 0;       ///< floating-point (or integer) operations, a multiply-add being two
  int unknown_nodes = 0;  ///< nodes that count, but whose shapes are not known
};

/// Sums over the matrix products: convolutions, Gemm, MatMul, recurrent layers and attention, and
/// what they are fused to. Of an If the larger branch counts, a loop's body counts once.
INLAY_API Flops count_flops(const Graph& graph);

}  // namespace inlay::inline v0
