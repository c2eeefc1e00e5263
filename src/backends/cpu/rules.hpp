// Which kernel function an operator of one formula is, and with which attributes.
#pragma once

#include <inlay/kernels/binary.hpp>
#include <inlay/kernels/reduce.hpp>
#include <inlay/kernels/unary.hpp>
#include <string_view>

#include "built_operators.hpp"

namespace inlay::inline v0::cpu {

/// An operator's function and the attributes that are its parameters.
struct UnaryRule {
  std::string_view op;
  kernels::UnaryOp function;
  std::string_view alpha_name = {};
  float alpha = 0;
  std::string_view beta_name = {};
  float beta = 0;
};

inline constexpr UnaryRule unary_rules[] = {
    {"Abs", kernels::UnaryOp::abs},
    {"Neg", kernels::UnaryOp::neg},
    {"Relu", kernels::UnaryOp::relu},
    {"LeakyRelu", kernels::UnaryOp::leaky_relu, "alpha", 0.01f},
    {"ThresholdedRelu", kernels::UnaryOp::thresholded_relu, "alpha", 1.0f},
    {"Elu", kernels::UnaryOp::elu, "alpha", 1.0f},
    {"Celu", kernels::UnaryOp::celu, "alpha", 1.0f},
    {"Selu", kernels::UnaryOp::selu, "alpha", 1.67326319217681884765625f, "gamma",
     1.05070102214813232421875f},
    {"HardSigmoid", kernels::UnaryOp::hard_sigmoid, "alpha", 0.2f, "beta", 0.5f},
    {"HardSwish", kernels::UnaryOp::hard_swish},
    {"Sigmoid", kernels::UnaryOp::sigmoid},
    {"Swish", kernels::UnaryOp::swish, "alpha", 1.0f},
    {"Tanh", kernels::UnaryOp::tanh},
    {"Exp", kernels::UnaryOp::exp},
    {"Log", kernels::UnaryOp::log},
    {"Sqrt", kernels::UnaryOp::sqrt},
    {"Reciprocal", kernels::UnaryOp::reciprocal},
    {"Erf", kernels::UnaryOp::erf},
    {"Gelu", kernels::UnaryOp::gelu},
    {"Softplus", kernels::UnaryOp::softplus},
    {"Softsign", kernels::UnaryOp::softsign},
    {"Mish", kernels::UnaryOp::mish},
    {"Floor", kernels::UnaryOp::floor},
    {"Ceil", kernels::UnaryOp::ceil},
    {"Round", kernels::UnaryOp::round},
    {"Sign", kernels::UnaryOp::sign},
    {"Sin", kernels::UnaryOp::sin},
    {"Cos", kernels::UnaryOp::cos},
};

struct BinaryRule {
  std::string_view op;
  kernels::BinaryOp function;
  bool many = false;  ///< takes any number of operands, one after the other
};

inline constexpr BinaryRule binary_rules[] = {
    {"Add", kernels::BinaryOp::add},       {"Sub", kernels::BinaryOp::sub},
    {"Mul", kernels::BinaryOp::mul},       {"Div", kernels::BinaryOp::div},
    {"Pow", kernels::BinaryOp::pow},       {"PRelu", kernels::BinaryOp::prelu},
    {"Max", kernels::BinaryOp::max, true}, {"Min", kernels::BinaryOp::min, true},
    {"Sum", kernels::BinaryOp::add, true},
};

struct ReduceRule {
  std::string_view op;
  kernels::ReduceOp function;
};

inline constexpr ReduceRule reduce_rules[] = {
    {"ReduceSum", kernels::ReduceOp::sum},
    {"ReduceMean", kernels::ReduceOp::mean},
    {"ReduceMax", kernels::ReduceOp::max},
    {"ReduceMin", kernels::ReduceOp::min},
    {"ReduceProd", kernels::ReduceOp::prod},
    {"ReduceSumSquare", kernels::ReduceOp::sum_square},
    {"ReduceL1", kernels::ReduceOp::l1},
    {"ReduceL2", kernels::ReduceOp::l2},
    {"ReduceLogSum", kernels::ReduceOp::log_sum},
    {"ReduceLogSumExp", kernels::ReduceOp::log_sum_exp},
};

/// Whether an operator of this build is computed by `function`, so that tables need it.
template <class Rule, std::size_t count, class Function>
constexpr bool is_needed(const Rule (&rules)[count], Function function) {
  bool unnamed = true;  // what no operator is, researchers may use
  for (const Rule& rule : rules) {
    if (rule.function != function) continue;
    unnamed = false;
    if (is_built("", rule.op)) return true;
  }
  return unnamed && all_built;
}

}  // namespace inlay::inline v0::cpu
