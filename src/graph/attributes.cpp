#include <algorithm>

#include "inlay/graph.hpp"

namespace inlay::inline v0 {
namespace {

constexpr auto by_name = [](const Attributes::Item& item, std::string_view name) {
  return item.first < name;
};

}  // namespace

const Attribute* Attributes::find(std::string_view name) const noexcept {
  const auto it = std::lower_bound(items_.begin(), items_.end(), name, by_name);
  return it != items_.end() && it->first == name ? &it->second : nullptr;
}

void Attributes::set(std::string_view name, Attribute value) {
  const auto it = std::lower_bound(items_.begin(), items_.end(), name, by_name);
  if (it != items_.end() && it->first == name) {
    it->second = std::move(value);
  } else {
    items_.emplace(it, std::string(name), std::move(value));
  }
}

void Attributes::erase(std::string_view name) {
  const auto it = std::lower_bound(items_.begin(), items_.end(), name, by_name);
  if (it != items_.end() && it->first == name) items_.erase(it);
}

void Attributes::throw_wrong_type(std::string_view name) {
  throw Error(ErrorCode::invalid_graph, "attribute '" + std::string(name) + "' has the wrong type");
}

}  // namespace inlay::inline v0
