// Which operators work element by element (with broadcasting).
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "inlay/graph.hpp"

namespace inlay::inline v0::passes {

/// Whether output 0 at an index depends only on the inputs at that index: then the node works the
/// same with all its operands' axes permuted.
inline bool is_elementwise(const Node& node) {
  static constexpr std::array<std::string_view, 58> ops = {"Abs",
                                                           "Add",
                                                           "And",
                                                           "Cast",
                                                           "Ceil",
                                                           "Celu",
                                                           "Clip",
                                                           "Cos",
                                                           "Div",
                                                           "Elu",
                                                           "Equal",
                                                           "Erf",
                                                           "Exp",
                                                           "Floor",
                                                           "Gelu",
                                                           "Greater",
                                                           "HardSwish",
                                                           "Identity",
                                                           "IsInf",
                                                           "IsNaN",
                                                           "LeakyRelu",
                                                           "Less",
                                                           "Log",
                                                           "Max",
                                                           "Mean",
                                                           "Min",
                                                           "Mish",
                                                           "Mod",
                                                           "Mul",
                                                           "Neg",
                                                           "Not",
                                                           "Or",
                                                           "Pow",
                                                           "PRelu",
                                                           "Reciprocal",
                                                           "Relu",
                                                           "Round",
                                                           "Selu",
                                                           "Shrink",
                                                           "Sigmoid",
                                                           "Sign",
                                                           "Sin",
                                                           "Softplus",
                                                           "Softsign",
                                                           "Sqrt",
                                                           "Sub",
                                                           "Sum",
                                                           "Swish",
                                                           "Tan",
                                                           "Tanh",
                                                           "Where",
                                                           "Xor",
                                                           "Sinh",
                                                           "Cosh",
                                                           "HardSigmoid",
                                                           "LessOrEqual",
                                                           "GreaterOrEqual",
                                                           "ThresholdedRelu"};
  return node.domain.empty() && std::find(ops.begin(), ops.end(), node.op) != ops.end();
}

}  // namespace inlay::inline v0::passes
