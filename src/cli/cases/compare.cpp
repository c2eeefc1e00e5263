#include "cases/compare.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <type_traits>

#include "visit_dtype.hpp"

namespace inlay::cases {
namespace {

template <class T>
inline constexpr bool is_complex = false;
template <class T>
inline constexpr bool is_complex<std::complex<T>> = true;

std::string text_of(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.9g", value);
  return buffer;
}

std::string text_of(const std::string& value) { return '"' + value + '"'; }

template <class T>
std::string text_of(const std::complex<T>& value) {
  return text_of(double{value.real()}) + "+" + text_of(double{value.imag()}) + "i";
}

// Collects differing elements into a Comparison.
class Elements {
 public:
  explicit Elements(Comparison& result) : result_(result) {}

  template <class T>
  void differ(std::int64_t index, const T& actual, const T& expected) {
    if (++count_ == 1) {
      first_ = "element " + std::to_string(index) + " is " + text_of(actual) + ", expected " +
               text_of(expected);
    }
  }
  void finish(std::int64_t total) {
    if (count_ == 0) return;
    result_.fail(first_ + " (" + std::to_string(count_) + " of " + std::to_string(total) +
                 " differ)");
  }

 private:
  Comparison& result_;
  std::int64_t count_ = 0;
  std::string first_;
};

// The distance of two numbers, 0 for the same infinity or two NaN.
template <class T>
double distance(T actual, T expected) {
  if constexpr (is_complex<T>) {
    return std::max(distance(actual.real(), expected.real()),
                    distance(actual.imag(), expected.imag()));
  } else {
    const double a = static_cast<double>(actual);
    const double b = static_cast<double>(expected);
    if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
    const double d = std::abs(a - b);
    return std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
  }
}

template <class T>
double magnitude(T value) {
  if constexpr (is_complex<T>) {
    return static_cast<double>(std::abs(value));
  } else {
    return std::abs(static_cast<double>(value));
  }
}

template <class T>
void compare_numbers(const Tensor& actual, const Tensor& expected, const Tolerance& tolerance,
                     Comparison& result) {
  Elements elements(result);
  const auto a = actual.as<T>();
  const auto b = expected.as<T>();
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double error = distance(a[i], b[i]);
    if (error == 0) continue;
    const double scale = magnitude(b[i]);
    const double allowed = tolerance.atol + tolerance.rtol * (std::isfinite(scale) ? scale : 0);
    result.max_abs = std::max(result.max_abs, error);
    result.max_ratio = std::max(result.max_ratio, error / allowed);
    if (error <= allowed) continue;
    if constexpr (is_complex<T>) {
      elements.differ(static_cast<std::int64_t>(i), a[i], b[i]);
    } else {
      elements.differ(static_cast<std::int64_t>(i), static_cast<double>(a[i]),
                      static_cast<double>(b[i]));
    }
  }
  elements.finish(actual.size());
}

void compare_strings(const Tensor& actual, const Tensor& expected, Comparison& result) {
  Elements elements(result);
  const auto a = actual.as<std::string>();
  const auto b = expected.as<std::string>();
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (a[i] != b[i]) elements.differ(static_cast<std::int64_t>(i), a[i], b[i]);
  }
  elements.finish(actual.size());
}

// Types of 8 bits and fewer that have no arithmetic here: their neighbours are farther apart than
// any sensible tolerance.
void compare_bits(const Tensor& actual, const Tensor& expected, Comparison& result) {
  Elements elements(result);
  for (std::int64_t i = 0; i < actual.size(); ++i) {
    const double a = cli::element_bits(actual.dtype(), actual.data(), i);
    const double b = cli::element_bits(expected.dtype(), expected.data(), i);
    if (a != b) elements.differ(i, a, b);
  }
  elements.finish(actual.size());
}

void compare_elements(const Tensor& actual, const Tensor& expected, const Tolerance& tolerance,
                      Comparison& result) {
  const bool known = cli::visit_dtype(actual.dtype(), [&]<class T>(const T&) {
    if constexpr (std::is_same_v<T, std::string>) {
      compare_strings(actual, expected, result);
    } else {
      compare_numbers<T>(actual, expected, tolerance, result);
    }
  });
  if (!known) compare_bits(actual, expected, result);
}

void compare_tensors(const Tensor& actual, const Tensor& expected, const Tolerance& tolerance,
                     Comparison& result) {
  if (actual.dtype() != expected.dtype()) {
    result.comparable = false;
    return result.fail("the dtype is " + std::string(name(actual.dtype())) + ", expected " +
                       std::string(name(expected.dtype())));
  }
  if (actual.shape() != expected.shape()) {
    result.comparable = false;
    return result.fail("the shape is " + to_string(actual.shape()) + ", expected " +
                       to_string(expected.shape()));
  }
  compare_elements(actual, expected, tolerance, result);
}

const char* kind_of(const Value& value) {
  if (value.is_tensor()) return "a tensor";
  if (value.is_sequence()) return "a sequence";
  return value.is_map() ? "a map" : "nothing";
}

void compare_values(const Value& actual, const Value& expected, const Tolerance& tolerance,
                    Comparison& result);

// Compares part `i` and says in which part a difference lies.
void compare_part(const Value& actual, const Value& expected, std::size_t i,
                  const Tolerance& tolerance, Comparison& result) {
  const bool was_equal = result.equal;
  compare_values(actual, expected, tolerance, result);
  if (was_equal && !result.equal) {
    result.reason = "item " + std::to_string(i) + ": " + result.reason;
  }
}

bool same_count(std::size_t actual, std::size_t expected, Comparison& result) {
  if (actual == expected) return true;
  result.comparable = false;
  result.fail("it has " + std::to_string(actual) + " items, expected " + std::to_string(expected));
  return false;
}

void compare_values(const Value& actual, const Value& expected, const Tolerance& tolerance,
                    Comparison& result) {
  const std::string actual_kind = kind_of(actual);
  if (actual_kind != kind_of(expected)) {
    result.comparable = false;
    return result.fail("it is " + actual_kind + ", expected " + kind_of(expected));
  }
  if (expected.is_tensor()) {
    compare_tensors(actual.tensor(), expected.tensor(), tolerance, result);
  } else if (expected.is_sequence()) {
    const Sequence& a = actual.sequence();
    const Sequence& b = expected.sequence();
    if (!same_count(a.size(), b.size(), result)) return;
    for (std::size_t i = 0; i < b.size(); ++i) compare_part(a[i], b[i], i, tolerance, result);
  } else if (expected.is_map()) {
    const Map& a = actual.map();
    const Map& b = expected.map();
    if (!same_count(a.size(), b.size(), result)) return;
    for (std::size_t i = 0; i < b.size(); ++i) {
      compare_part(a[i].first, b[i].first, i, tolerance, result);
      compare_part(a[i].second, b[i].second, i, tolerance, result);
    }
  }
}

}  // namespace

Comparison compare(const Value& actual, const Value& expected, const Tolerance& tolerance) {
  Comparison result;
  compare_values(actual, expected, tolerance, result);
  return result;
}

}  // namespace inlay::cases
