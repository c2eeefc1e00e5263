// Reading attributes when a kernel is made.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "backends/reference/dispatch.hpp"
#include "inlay/graph.hpp"

namespace inlay::inline v0::kernels {

/// Throws Error invalid_graph.
[[noreturn]] inline void fail_attribute(const std::string& message) {
  throw Error(ErrorCode::invalid_graph, message);
}
/// The same unless `holds`; not for checks of many elements, as the message is always made.
inline void require_attribute(bool holds, const std::string& message) {
  if (!holds) fail_attribute(message);
}

/// Which of `words` the attribute `name` has. Errors: invalid_graph when it is none.
template <std::size_t size>
std::size_t word_index(std::string_view name, std::string_view word,
                       const std::string_view (&words)[size]) {
  for (std::size_t i = 0; i < size; ++i) {
    if (words[i] == word) return i;
  }
  std::string known;
  for (const std::string_view other : words) {
    known += (known.empty() ? "" : ", ") + std::string(other);
  }
  fail_attribute(std::string(name) + " is none of " + known + ": '" + std::string(word) + "'");
}

/// The same of an attribute that is a word or its number. Errors: invalid_graph.
template <std::size_t size>
std::size_t word_or_number(const Attributes& attributes, std::string_view name,
                           std::string_view fallback, const std::string_view (&words)[size]) {
  const Attribute* attribute = attributes.find(name);
  const auto* number = attribute != nullptr ? std::get_if<std::int64_t>(attribute) : nullptr;
  if (number == nullptr) return word_index(name, attributes.text(name, fallback), words);
  require_attribute(*number >= 0 && *number < static_cast<std::int64_t>(size),
                    std::string(name) + " is no number below " + std::to_string(size) + ": " +
                        std::to_string(*number));
  return static_cast<std::size_t>(*number);
}

/// The list of numbers `name` as double: an attribute of floats, or a tensor by the name of
/// `name`_as_tensor. Errors: invalid_graph.
inline std::vector<double> real_list(const Attributes& attributes, const std::string& name) {
  const auto floats = attributes.reals(name);
  std::vector<double> list(floats.begin(), floats.end());
  const auto* tensor = attributes.get<Tensor>(name + "_as_tensor");
  if (tensor == nullptr || tensor->size() == 0) return list;
  if (!list.empty()) fail_attribute(name + " is given as floats and as a tensor");
  list.resize(static_cast<std::size_t>(tensor->size()));
  visit_dtype<Floats>(tensor->dtype(), [&]<class T>() {
    const auto values = tensor->as<T>();
    std::copy(values.begin(), values.end(), list.begin());
  });
  return list;
}

}  // namespace inlay::inline v0::kernels
