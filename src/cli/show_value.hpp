// Values as text and JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "inlay/tensor.hpp"

namespace inlay::cli {

/// The first elements of a tensor, or the parts of another value, on lines that begin with
/// `indent`; all elements when `limit` is 0.
std::string to_text(const Value& value, std::int64_t limit, const std::string& indent);

/// A tensor as {"dtype", "shape", "data"} with flat data; a sequence as a list; nothing as null.
nlohmann::ordered_json to_json(const Value& value);

/// Index and score of the `count` largest elements. Errors: type_mismatch unless it is floating.
std::vector<std::pair<std::int64_t, double>> top(const Tensor& tensor, std::size_t count);

}  // namespace inlay::cli
