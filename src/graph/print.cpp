// A graph as text.
#include <cstdio>

#include "inlay/graph.hpp"

namespace inlay::inline v0 {
namespace {

constexpr std::size_t shown_elements = 8;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

template <class Range, class F>
std::string list(const Range& range, F&& item) {
  std::string text = "[";
  std::size_t shown = 0;
  for (const auto& element : range) {
    if (shown != 0) text += ", ";
    if (++shown > shown_elements) {
      text += "…";
      break;
    }
    text += item(element);
  }
  return text + "]";
}

std::string elements(const Tensor& tensor) {
  const bool is_short = tensor.size() <= static_cast<std::int64_t>(shown_elements);
  if (!is_short || !tensor.has_elements()) return "{…}";
  const auto integer = [](auto v) { return std::to_string(v); };
  switch (tensor.dtype()) {
    case DType::float32:
      return list(tensor.as<float>(), [](float v) { return number(v); });
    case DType::int64:
      return list(tensor.as<std::int64_t>(), integer);
    case DType::int32:
      return list(tensor.as<std::int32_t>(), integer);
    case DType::boolean:
      return list(tensor.as<bool>(), [](bool v) { return v ? "true" : "false"; });
    default:
      return "{…}";
  }
}

std::string text_of(const Attribute& attribute) {
  return std::visit(
      [](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        const auto integer = [](std::int64_t v) { return std::to_string(v); };
        const auto quoted = [](const std::string& v) { return "\"" + v + "\""; };
        if constexpr (std::is_same_v<T, std::int64_t>) {
          return integer(value);
        } else if constexpr (std::is_same_v<T, float>) {
          return number(value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return quoted(value);
        } else if constexpr (std::is_same_v<T, Tensor>) {
          return std::string(name(value.dtype())) + to_string(value.shape()) + elements(value);
        } else if constexpr (std::is_same_v<T, Type>) {
          return to_string(value);
        } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
          return list(value, integer);
        } else if constexpr (std::is_same_v<T, std::vector<float>>) {
          return list(value, [](float v) { return number(v); });
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          return list(value, quoted);
        } else if constexpr (std::is_same_v<T, std::shared_ptr<Graph>>) {
          return "{graph}";
        } else {
          return "{…}";
        }
      },
      attribute);
}

class Printer {
 public:
  explicit Printer(std::string& text) : text_(text) {}

  void graph(const Graph& g, int depth) {
    const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
    text_ += indent + "graph " + (g.name.empty() ? "main" : g.name) + " (";
    text_ += joined(g, g.inputs, true) + ") -> (" + joined(g, g.outputs, true) + ")";
    for (const auto& [domain, version] : g.opsets) {
      text_ += " opset " + (domain.empty() ? "ai.onnx" : domain) + ":" + std::to_string(version);
    }
    text_ += " {\n";
    for (const Node& n : g.nodes) {
      if (!n.dead()) node(g, n, depth + 1);
    }
    text_ += indent + "}\n";
  }

 private:
  void node(const Graph& g, const Node& n, int depth) {
    const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
    text_ += indent + joined(g, n.outputs, true) + " = " + qualified_op(n.domain, n.op);
    if (n.attributes.size() != 0) {
      text_ += "<";
      const char* separator = "";
      for (const auto& [key, attribute] : n.attributes) {
        text_ += separator + key + "=" + text_of(attribute);
        separator = ", ";
      }
      text_ += ">";
    }
    text_ += "(" + joined(g, n.inputs, false) + ")\n";
    for_each_subgraph(n, [&](const Graph& subgraph) { graph(subgraph, depth + 1); });
  }

  static std::string joined(const Graph& g, const std::vector<ValueId>& ids, bool typed) {
    std::string text;
    for (const ValueId id : ids) {
      if (!text.empty()) text += ", ";
      if (id == no_id) {
        text += "_";
        continue;
      }
      const ValueInfo& info = g.value(id);
      text += "%" + (info.name.empty() ? std::to_string(id) : info.name);
      if (typed) text += ": " + to_string(info.type);
      if (info.is_constant() && !typed) text += elements(info.constant);
    }
    return text;
  }

  std::string& text_;
};

}  // namespace

std::string to_string(const Type& type) {
  switch (type.kind) {
    case Type::Kind::unknown:
      return "?";
    case Type::Kind::sequence:
      return "sequence(" + (type.element ? to_string(*type.element) : "?") + ")";
    case Type::Kind::optional:
      return "optional(" + (type.element ? to_string(*type.element) : "?") + ")";
    case Type::Kind::map:
      return "map(" + std::string(name(type.dtype)) + ", " +
             (type.element ? to_string(*type.element) : "?") + ")";
    case Type::Kind::tensor:
      break;
  }
  std::string text(name(type.dtype));
  if (!type.has_rank) return text + "[...]";
  text += "[";
  for (std::size_t i = 0; i < type.dims.size(); ++i) {
    const Dim& dim = type.dims[i];
    if (i != 0) text += ", ";
    text += dim.known() ? std::to_string(dim.value) : dim.symbol.empty() ? "?" : dim.symbol;
  }
  return text + "]";
}

std::string Graph::print() const {
  std::string text;
  Printer(text).graph(*this, 0);
  return text;
}

}  // namespace inlay::inline v0
