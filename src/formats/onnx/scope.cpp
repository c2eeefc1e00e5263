#include "formats/onnx/scope.hpp"

namespace inlay::inline v0::onnx {

std::string Target::unique(std::string name) {
  const std::size_t length = name.size();
  while (!names.insert(name).second) {
    name.resize(length);
    name += "#" + std::to_string(++serial);
  }
  return name;
}

std::string Scope::full_name(std::string_view name) const {
  return call_ != nullptr ? call_->prefix + std::string(name) : std::string(name);
}

void Scope::bind(std::string_view name, ValueId id) {
  if (!names_.emplace(name, id).second) {
    throw Error(ErrorCode::invalid_graph, "the name is given to two values",
                {.tensor = std::string(name)});
  }
}

ValueId Scope::declare(std::string_view name, Type type) {
  charge(value_bytes + (call_ != nullptr ? call_->prefix.size() : 0) + name.size());
  const auto id = static_cast<ValueId>(graph().values.size());
  bind(name, id);
  return graph().add_value(target_.unique(full_name(name)), std::move(type));
}

void Scope::declare_result(std::string_view name) {
  const auto expected = results_.find(name);
  if (expected != results_.end() && expected->second != no_id) {
    bind(name, expected->second);
  } else {
    declare(name);
  }
}

std::optional<ValueId> Scope::find_own(std::string_view name) const {
  const auto known = names_.find(name);
  return known != names_.end() ? std::optional(known->second) : std::nullopt;
}

std::optional<ValueId> Scope::find(std::string_view name) {
  if (const std::optional<ValueId> own = find_own(name)) return own;
  if (outer_ == nullptr) return std::nullopt;
  const std::optional<ValueId> outer = outer_->find(name);
  if (!outer || *outer == no_id) return outer;
  context_.budget.spend(value_bytes + name.size(), "captures of outer values");
  const ValueInfo& source = outer_->graph().value(*outer);
  const ValueId inner = graph().add_value(target_.unique(source.name), source.type);
  graph().captures.push_back({*outer, inner});
  names_.emplace(name, inner);
  return inner;
}

ValueId Scope::resolve(std::string_view name) {
  if (name.empty()) return no_id;
  if (const std::optional<ValueId> id = find(name)) return *id;
  throw Error(ErrorCode::invalid_graph, "no node, input or initializer gives a value of this name",
              {.tensor = std::string(name)});
}

int Scope::version(std::string_view domain) const {
  const std::string key(domain);
  if (call_ != nullptr) {
    const OpsetImports& own = call_->function.opsets;
    if (const auto found = own.find(key); found != own.end()) return found->second;
  }
  if (const auto found = opsets_.find(key); found != opsets_.end()) return found->second;
  if (key.empty()) {
    throw Error(ErrorCode::invalid_graph, "the model imports no opset of the domain ai.onnx");
  }
  return 1;
}

void Scope::charge(std::uint64_t bytes) {
  if (call_ != nullptr) context_.budget.spend(bytes, "function bodies put in place of calls");
}

}  // namespace inlay::inline v0::onnx
