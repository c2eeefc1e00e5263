// Which operators this build has: all, or those that the CMake option INLAY_OPERATORS names.
#pragma once

#include <initializer_list>
#include <string_view>

#ifdef INLAY_OPERATORS_CHOSEN
#include "inlay_operators.hpp"  // defines INLAY_OPERATORS, made by CMake
#endif

// Clang crashes on consteval calls with lambdas before version 17.
#if defined(__clang__) && __clang_major__ < 17
#define INLAY_CONSTEVAL constexpr
#else
#define INLAY_CONSTEVAL consteval
#endif

namespace inlay::inline v0 {

#ifdef INLAY_OPERATORS
inline constexpr bool all_built = false;
#else
inline constexpr bool all_built = true;
#endif

namespace detail {
/// Whether `name` is in a list of names with one space behind each.
constexpr bool holds(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t end = list.find(' ');
    if (list.substr(0, end) == name) return true;
    list.remove_prefix(end + 1);
  }
  return false;
}
}  // namespace detail

/// Whether the operator is in this build. Known at compile time, so that the code of the others is
/// not even linked.
constexpr bool is_built([[maybe_unused]] std::string_view domain,
                        [[maybe_unused]] std::string_view op) {
#ifdef INLAY_OPERATORS
  if (domain.empty()) return detail::holds(INLAY_OPERATORS, op);
  for (std::string_view list = INLAY_OPERATORS; !list.empty();) {
    const std::size_t end = list.find(' ');
    const std::string_view name = list.substr(0, end);
    if (name.size() == domain.size() + 1 + op.size() && name.starts_with(domain) &&
        name[domain.size()] == ':' && name.ends_with(op)) {
      return true;
    }
    list.remove_prefix(end + 1);
  }
  return false;
#else
  return true;
#endif
}

/// Whether an operator of src/ops/<family>.cpp is.
constexpr bool is_family_built([[maybe_unused]] std::string_view family) {
#ifdef INLAY_OPERATORS
  return detail::holds(INLAY_OPERATOR_FAMILIES, family);
#else
  return true;
#endif
}

/// Whether one of these operators of ai.onnx is.
constexpr bool is_any_built(std::initializer_list<std::string_view> ops) {
  for (const std::string_view op : ops) {
    if (is_built("", op)) return true;
  }
  return false;
}

/// The same of com.microsoft.
constexpr bool is_any_built_of_microsoft(std::initializer_list<std::string_view> ops) {
  for (const std::string_view op : ops) {
    if (is_built("com.microsoft", op)) return true;
  }
  return false;
}

}  // namespace inlay::inline v0
