// Elements of any dtype as double.
#pragma once

#include <vector>

#include "inlay/tensor.hpp"

namespace inlay::cases {

/// Makes `to` the `count` elements from `first` on; complex ones are two numbers each. False for
/// strings and for types of 8 bits and fewer that have no C++ type. Errors: invalid_argument, when
/// there are not so many.
bool read_numbers(const Tensor& tensor, std::int64_t first, std::int64_t count,
                  std::vector<double>& to);

}  // namespace inlay::cases
