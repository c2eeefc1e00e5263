// Whether a value is what was expected, the way ONNX's own runner decides it.
#pragma once

#include <string>

#include "inlay/tensor.hpp"

namespace inlay::cases {

/// Numbers a and b (the expected one) agree when |a - b| <= atol + rtol * |b|.
struct Tolerance {
  double rtol = 1e-3;
  double atol = 1e-7;
};

struct Comparison {
  bool equal = true;
  std::string reason;      ///< what differs first; empty when equal
  double max_abs = 0;      ///< largest |a - b|; infinite where only one of them is finite
  double max_ratio = 0;    ///< largest |a - b| / (atol + rtol * |b|): above 1 is too far
  bool comparable = true;  ///< false when kind, dtype or shape differ already

  void fail(std::string why) {
    if (equal) reason = std::move(why);
    equal = false;
  }
};

/// Kind, dtype and shape must be the same. NaN equals NaN, infinities equal their like. Strings,
/// booleans, and types of 8 bits and fewer that are no integers are compared exactly.
Comparison compare(const Value& actual, const Value& expected, const Tolerance& tolerance = {});

}  // namespace inlay::cases
