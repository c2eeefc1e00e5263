#include "backends/reference/text/text.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "backends/reference/convert.hpp"
#include "inlay/error.hpp"

namespace inlay::inline v0::kernels {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  text = text.substr(first, text.find_last_not_of(blanks) - first + 1);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

[[noreturn]] void fail(std::string_view text) {
  throw Error(ErrorCode::execution, "\"" + std::string(text) + "\" is not a number");
}

}  // namespace

template <>
double parse_number<double>(std::string_view text) {
  const std::string_view number = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (end != number.data() + number.size() || number.empty()) fail(text);
  if (error == std::errc::result_out_of_range) {
    // Too small or too large: only the exponent's sign can tell.
    const bool tiny = number.find("e-") != number.npos || number.find("E-") != number.npos;
    const double magnitude = tiny ? 0 : std::numeric_limits<double>::infinity();
    return number[0] == '-' ? -magnitude : magnitude;
  }
  if (error != std::errc()) fail(text);
  return value;
}

template <class T>
T parse_number(std::string_view text) {
  const std::string_view number = trim(text);
  T value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc() && end == number.data() + number.size()) return value;
  return from_real<T>(parse_number<double>(text));
}
template float parse_number<float>(std::string_view);
template std::int64_t parse_number<std::int64_t>(std::string_view);
template std::uint64_t parse_number<std::uint64_t>(std::string_view);

template <class T>
std::string format_number(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-INF" : "INF";
  }
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end};
}
template std::string format_number<float>(float);
template std::string format_number<double>(double);
template std::string format_number<std::int64_t>(std::int64_t);
template std::string format_number<std::uint64_t>(std::uint64_t);

}  // namespace inlay::inline v0::kernels
