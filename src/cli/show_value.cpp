#include "show_value.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "visit_dtype.hpp"

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json element_json(const T& value) {
  if constexpr (std::is_same_v<T, std::string> || std::is_integral_v<T> ||
                std::is_floating_point_v<T>) {
    return value;
  } else if constexpr (std::is_convertible_v<T, float>) {
    return static_cast<float>(value);
  } else {
    return Json::array({value.real(), value.imag()});
  }
}

// Types without a C++ type show as the number that their bits spell.
Json element_json(const Tensor& tensor, std::int64_t index) {
  Json json;
  const bool known = visit_dtype(tensor.dtype(), [&]<class T>(const T&) {
    json = element_json(tensor.as<T>()[static_cast<std::size_t>(index)]);
  });
  if (!known) json = element_bits(tensor.dtype(), tensor.data(), index);
  return json;
}

std::string element_text(const Tensor& tensor, std::int64_t index) {
  const Json json = element_json(tensor, index);
  if (!json.is_number_float()) return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", json.get<double>());
  return text;
}

std::string tensor_text(const Tensor& tensor, std::int64_t limit, const std::string& indent) {
  const std::int64_t shown = limit == 0 ? tensor.size() : std::min(limit, tensor.size());
  std::string text =
      indent + std::string(name(tensor.dtype())) + to_string(tensor.shape()) + "\n" + indent;
  for (std::int64_t i = 0; i < shown; ++i) text += " " + element_text(tensor, i);
  if (shown < tensor.size()) text += " ... (" + std::to_string(tensor.size() - shown) + " more)";
  return text + '\n';
}

}  // namespace

std::string to_text(const Value& value, std::int64_t limit, const std::string& indent) {
  if (value.is_tensor()) return tensor_text(value.tensor(), limit, indent);
  if (!value.has_value()) return indent + "nothing\n";
  std::string text;
  if (value.is_sequence()) {
    text = indent + "sequence of " + std::to_string(value.sequence().size()) + "\n";
    for (const Value& item : value.sequence()) text += to_text(item, limit, indent + "  ");
  } else {
    text = indent + "map of " + std::to_string(value.map().size()) + "\n";
    for (const auto& [key, item] : value.map()) {
      text += to_text(key, limit, indent + "  ") + to_text(item, limit, indent + "    ");
    }
  }
  return text;
}

Json to_json(const Value& value) {
  if (value.is_tensor()) {
    const Tensor& tensor = value.tensor();
    Json data = Json::array();
    for (std::int64_t i = 0; i < tensor.size(); ++i) data.push_back(element_json(tensor, i));
    return {{"dtype", name(tensor.dtype())},
            {"shape", std::vector(tensor.shape().begin(), tensor.shape().end())},
            {"data", data}};
  }
  Json list = Json::array();
  if (value.is_sequence()) {
    for (const Value& item : value.sequence()) list.push_back(to_json(item));
  } else if (value.is_map()) {
    for (const auto& [key, item] : value.map()) {
      list.push_back({{"key", to_json(key)}, {"value", to_json(item)}});
    }
  } else {
    return nullptr;
  }
  return list;
}

std::vector<std::pair<std::int64_t, double>> top(const Tensor& tensor, std::size_t count) {
  if (!is_floating(tensor.dtype())) {
    throw Error(ErrorCode::type_mismatch, "--labels needs an output of floats");
  }
  std::vector<std::pair<std::int64_t, double>> ranked;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    ranked.emplace_back(i, element_json(tensor, i).get<double>());
  }
  count = std::min(count, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count),
                    ranked.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  ranked.resize(count);
  return ranked;
}

}  // namespace inlay::cli
