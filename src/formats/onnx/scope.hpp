// Scope: what the names in one graph or function body mean.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "formats/onnx/definition.hpp"
#include "formats/onnx/read_context.hpp"

namespace inlay::inline v0::onnx {

/// Bytes that a value, or a node without its attributes, takes in a Graph, roughly.
inline constexpr std::uint64_t value_bytes = 320;
inline constexpr std::uint64_t node_bytes = 320;

/// A graph being built, and the names taken in it. Function bodies share that of their caller.
struct Target {
  Graph& graph;
  std::unordered_set<std::string> names = {};
  std::uint64_t serial = 0;  ///< of suffixes that made a name unique

  /// `name`, or a variation of it that no value of the graph has yet; then it is taken.
  std::string unique(std::string name);
};

/// The body of a function call, as its nodes see it.
struct FunctionCall {
  const FunctionProto& function;
  const Attributes& attributes;  ///< of the call, defaults included
  std::string prefix;            ///< of the names of its values and nodes
  /// Names, which no file has, for what the graphs among the attributes capture.
  std::map<ValueId, std::string> captured = {};
};

/// One lexical scope: a graph, or the body of a function (whose nodes go into the caller's graph).
class Scope {
 public:
  /// `outer` is the scope around a subgraph, null for a main graph and for function bodies; `call`
  /// is the function call that the nodes belong to, null outside of functions.
  Scope(Target& target, ReadContext& context, const OpsetImports& opsets, Scope* outer,
        const FunctionCall* call)
      : target_(target), context_(context), opsets_(opsets), outer_(outer), call_(call) {}

  Graph& graph() noexcept { return target_.graph; }
  Target& target() noexcept { return target_; }
  const FunctionCall* call() const noexcept { return call_; }

  /// `name` under the prefix of the function call, if there is one.
  std::string full_name(std::string_view name) const;

  /// Lets `name` stand for `id`, which may be no_id. Errors: invalid_graph, when it already stands
  /// for something.
  void bind(std::string_view name, ValueId id);
  /// Adds a value of that name to the graph and binds it. Errors: invalid_graph, limit.
  ValueId declare(std::string_view name, Type type = {});
  /// Lets a node's output of that name be `id`, a value that is there already; no_id: any value.
  void expect_result(std::string_view name, ValueId id) { results_.emplace(name, id); }
  /// Binds a node's output: to the expected result, or else to a new value. Errors: as declare.
  void declare_result(std::string_view name);

  /// What `name` stands for in this scope alone.
  std::optional<ValueId> find_own(std::string_view name) const;
  /// The value that `name` stands for, captured from the scopes around if need be. No value when
  /// there is none of that name. Errors: limit.
  std::optional<ValueId> find(std::string_view name);
  /// The same; "" is no_id. Errors: invalid_graph when there is none of that name; limit.
  ValueId resolve(std::string_view name);
  /// The opset version that nodes of the domain are written for. Errors: invalid_graph, when the
  /// default domain has none.
  int version(std::string_view domain) const;

  /// Spends from the budget, inside function bodies only: what stands outside is written out in the
  /// file. Errors: limit.
  void charge(std::uint64_t bytes);

 private:
  Target& target_;
  ReadContext& context_;
  const OpsetImports& opsets_;
  Scope* outer_;
  const FunctionCall* call_;
  std::unordered_map<std::string_view, ValueId> names_;
  std::unordered_map<std::string_view, ValueId> results_;
};

}  // namespace inlay::inline v0::onnx
