// ReadContext: what every part of the reader needs to know about the file being read.
#pragma once

#include <memory>

#include "formats/onnx/budget.hpp"
#include "inlay/model.hpp"

namespace inlay::inline v0::onnx {

class ExternalData;

struct ReadContext {
  const Limits& limits;
  Budget budget;
  std::shared_ptr<const void> owner = {};  ///< keeps the file's bytes alive
  bool borrow = false;                     ///< whether tensors may refer to the file's bytes
  ExternalData* external = nullptr;        ///< null: external data is refused
  std::uint64_t nodes = 0;                 ///< seen so far

  /// Errors: limit.
  void count_node() {
    if (++nodes > limits.max_nodes) {
      throw Error(ErrorCode::limit, "the model has more than " + std::to_string(limits.max_nodes) +
                                        " nodes; raise Limits::max_nodes if that is meant");
    }
  }
  /// Errors: limit, when `depth` levels are too many.
  void check_depth(int depth) const {
    if (depth > limits.max_depth) {
      throw Error(ErrorCode::limit, "subgraphs, functions or types are nested more than " +
                                        std::to_string(limits.max_depth) +
                                        " levels deep; raise Limits::max_depth if that is meant");
    }
  }
};

}  // namespace inlay::inline v0::onnx
