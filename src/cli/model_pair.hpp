// ModelPair: two models run on the same inputs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cases/output_difference.hpp"
#include "inlay/session.hpp"

namespace inlay::cli {

/// Adds to the outputs of both graphs the values of one name that nodes of both make.
void expose_common_values(Graph& a, Graph& b);

class ModelPair {
 public:
  struct Output {
    std::string name;
    std::size_t in_a, in_b;  ///< its number among the models' outputs
    cases::OutputDifference difference = {};
  };

  /// Outputs go together by name; where no name is in both, by number. Errors: invalid_argument,
  /// when nothing goes together; those of Session.
  ModelPair(Model a, SessionOptions options_a, Model b, SessionOptions options_b);

  /// Runs both. `inputs` are in A's order; B takes them by name, or by number where no name is in
  /// both, and floats in its own precision. Errors: those of Session::run.
  void run(std::span<const Value> inputs);

  const Model& a() const noexcept { return a_.model(); }
  std::vector<Output>& outputs() noexcept { return outputs_; }
  /// Names of outputs that the other model has not: A's, B's.
  const std::vector<std::string>& only_in_a() const noexcept { return only_in_a_; }
  const std::vector<std::string>& only_in_b() const noexcept { return only_in_b_; }

 private:
  Session a_, b_;
  std::vector<std::pair<std::size_t, std::size_t>> inputs_;  ///< numbers in A and B
  std::vector<Output> outputs_;
  std::vector<std::string> only_in_a_, only_in_b_;
};

}  // namespace inlay::cli
