// Numbers as text and back, whatever the host's locale.
#pragma once

#include <string>
#include <string_view>

namespace inlay::inline v0::kernels {

/// The number that a string spells: plain or scientific notation, INF or NaN in any case, with
/// blanks around. T: double, std::int64_t or std::uint64_t; integers also take a fraction, which is
/// dropped. Errors: execution.
template <class T>
T parse_number(std::string_view text);

/// The shortest text that reads back as the same number; "INF", "-INF" and "NaN".
/// T: float, double, std::int64_t or std::uint64_t.
template <class T>
std::string format_number(T value);

}  // namespace inlay::inline v0::kernels
