// Inputs of the right type and shape for measuring.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "inlay/model.hpp"

namespace inlay::cli {

/// One value for each input: floats from 0 to 1 (the same in every run of the program), ones of
/// other numbers, "a" for strings. `shapes` holds NAME=AxBxC; otherwise an unknown first axis is
/// `batch` and any other 1. Errors: invalid_argument (a shape that cannot be read or fits no
/// input), unsupported (sequences and the like).
std::vector<Value> made_up_inputs(std::span<const Model::Port> inputs, std::int64_t batch,
                                  std::span<const std::string> shapes);

/// The graph with its inputs' shapes fixed to those of `values` and inferred again.
/// Errors: type_mismatch (not a tensor), invalid_graph (shapes that do not fit).
Graph with_input_shapes(const Graph& graph, std::span<const Value> values);

}  // namespace inlay::cli
