// Arithmetic on dims that may be symbols: a result is a number or a symbol only where it is sure.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "inlay/op.hpp"

namespace inlay::inline v0::infer {

/// a + offset; unknown when negative, or when a is a symbol and offset is not 0.
inline Dim plus(const Dim& a, std::int64_t offset) {
  if (offset == 0) return a;
  if (!a.known() || (offset > 0 && a.value > INT64_MAX - offset)) return {};
  return std::max<std::int64_t>(a.value + offset, -1);
}

inline Dim plus(const Dim& a, const Dim& b) {
  if (b.known()) return plus(a, b.value);
  return a.known() ? plus(b, a.value) : Dim();
}

inline Dim times(const Dim& a, const Dim& b) {
  if (a.value == 0 || b.value == 0) return 0;
  if (a.value == 1) return b;
  if (b.value == 1) return a;
  if (!a.known() || !b.known() || a.value > INT64_MAX / b.value) return {};
  return a.value * b.value;
}

inline Dim product(std::span<const Dim> dims) {
  Dim result = 1;
  for (const Dim& dim : dims) result = times(result, dim);
  return result;
}

/// The d for which product(divisor) * d == product(dividend). Symbols on both sides cancel.
inline Dim quotient(std::span<const Dim> dividend, std::span<const Dim> divisor) {
  std::vector<Dim> left;
  Dim above = 1;
  for (const Dim& dim : dividend) {
    if (dim.known()) {
      above = times(above, dim);
    } else {
      left.push_back(dim);
    }
  }
  Dim below = 1;
  for (const Dim& dim : divisor) {
    if (dim.known()) {
      below = times(below, dim);
      continue;
    }
    const auto same =
        std::find_if(left.begin(), left.end(), [&](const Dim& d) { return d.same_as(dim); });
    if (same == left.end()) return {};
    left.erase(same);
  }
  if (!above.known() || !below.known() || below.value == 0) return {};
  if (left.size() > 1 || above.value % below.value != 0) return {};
  above.value /= below.value;
  return left.empty() ? above : times(above, left.front());
}

/// What two names for one size tell together; fails inference when they surely differ.
inline Dim merged(const InferContext& context, const Dim& a, const Dim& b) {
  if (a.known() && b.known() && a.value != b.value) {
    context.fail("two inputs have axes of " + std::to_string(a.value) + " and " +
                 std::to_string(b.value) + " that must be equal");
  }
  if (a.known()) return a;
  return b.known() || a.symbol.empty() ? b : a;
}

}  // namespace inlay::inline v0::infer
