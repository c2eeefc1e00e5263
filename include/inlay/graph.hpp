// The graph IR: values in SSA form, nodes in topological order, attributes, subgraphs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "inlay/tensor.hpp"

namespace inlay::inline v0 {

class Graph;

/// The static type of a value: kind, element type, and as much of the shape as is known.
struct Type {
  enum class Kind : std::uint8_t { unknown, tensor, sequence, optional, map };

  Kind kind = Kind::unknown;
  DType dtype = DType::undefined;       ///< of a tensor; of the keys of a map
  bool has_rank = false;                ///< whether `dims` says anything
  std::vector<Dim> dims;                ///< of a tensor
  std::shared_ptr<const Type> element;  ///< of a sequence, optional; the values of a map

  static Type tensor(DType dtype) {
    Type type;
    type.kind = Kind::tensor;
    type.dtype = dtype;
    return type;
  }
  static Type tensor(DType dtype, std::vector<Dim> dims) {
    Type type = tensor(dtype);
    type.has_rank = true;
    type.dims = std::move(dims);
    return type;
  }
  static Type tensor(DType dtype, const Shape& shape) {
    return tensor(dtype, std::vector<Dim>(shape.begin(), shape.end()));
  }
  static Type sequence(Type element) { return wrap(Kind::sequence, std::move(element)); }
  static Type map(DType key, Type value) {
    Type type = wrap(Kind::map, std::move(value));
    type.dtype = key;
    return type;
  }
  static Type optional(Type element) { return wrap(Kind::optional, std::move(element)); }

  bool is_tensor() const noexcept { return kind == Kind::tensor; }
  int rank() const noexcept { return has_rank ? static_cast<int>(dims.size()) : -1; }
  /// The shape when every dim is a number.
  INLAY_API std::optional<Shape> static_shape() const;

  friend bool operator==(const Type& a, const Type& b) {
    return a.kind == b.kind && a.dtype == b.dtype && a.has_rank == b.has_rank && a.dims == b.dims &&
           (a.element == b.element || (a.element && b.element && *a.element == *b.element));
  }

 private:
  static Type wrap(Kind kind, Type element) {
    Type type;
    type.kind = kind;
    type.element = std::make_shared<const Type>(std::move(element));
    return type;
  }
};

/// "float32[N, 3, 224, 224]"; unknown dims print as ?, an unknown rank as [...].
INLAY_API std::string to_string(const Type& type);

using Attribute =
    std::variant<std::int64_t, float, std::string, Tensor, std::shared_ptr<Graph>, Type,
                 std::vector<std::int64_t>, std::vector<float>, std::vector<std::string>,
                 std::vector<Tensor>, std::vector<std::shared_ptr<Graph>>, std::vector<Type>>;

/// A node's attributes, sorted by name.
class INLAY_API Attributes {
 public:
  using Item = std::pair<std::string, Attribute>;

  /// Null when there is none of that name.
  const Attribute* find(std::string_view name) const noexcept;
  bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
  void set(std::string_view name, Attribute value);
  void erase(std::string_view name);

  /// The attribute as a T, null when absent. Errors: invalid_graph when it is of another type.
  template <class T>
  const T* get(std::string_view name) const {
    const Attribute* attribute = find(name);
    if (attribute == nullptr) return nullptr;
    const T* value = std::get_if<T>(attribute);
    if (value == nullptr) throw_wrong_type(name);
    return value;
  }
  /// The attribute, or `fallback` when absent. Errors: invalid_graph.
  template <class T>
  T get(std::string_view name, T fallback) const {
    const T* value = get<T>(name);
    return value != nullptr ? *value : std::move(fallback);
  }
  std::int64_t integer(std::string_view name, std::int64_t fallback) const {
    return get<std::int64_t>(name, fallback);
  }
  float real(std::string_view name, float fallback) const { return get<float>(name, fallback); }
  std::string_view text(std::string_view name, std::string_view fallback) const {
    const auto* value = get<std::string>(name);
    return value != nullptr ? std::string_view(*value) : fallback;
  }
  /// Empty when absent.
  std::span<const std::int64_t> integers(std::string_view name) const {
    const auto* value = get<std::vector<std::int64_t>>(name);
    return value != nullptr ? std::span<const std::int64_t>(*value)
                            : std::span<const std::int64_t>();
  }
  std::span<const float> reals(std::string_view name) const {
    const auto* value = get<std::vector<float>>(name);
    return value != nullptr ? std::span<const float>(*value) : std::span<const float>();
  }

  std::size_t size() const noexcept { return items_.size(); }
  auto begin() const noexcept { return items_.begin(); }
  auto end() const noexcept { return items_.end(); }
  auto begin() noexcept { return items_.begin(); }
  auto end() noexcept { return items_.end(); }

 private:
  [[noreturn]] static void throw_wrong_type(std::string_view name);
  std::vector<Item> items_;
};

using ValueId = std::int32_t;  ///< index into Graph::values
using NodeId = std::int32_t;   ///< index into Graph::nodes
inline constexpr std::int32_t no_id = -1;

/// A value: graph input, constant, capture, or a node's output.
struct ValueInfo {
  std::string name;  ///< unique within its graph; empty for none
  Type type;
  NodeId producer = no_id;
  Tensor constant;  ///< defined for initializers and folded constants

  bool is_constant() const noexcept { return constant.defined(); }
};

/// One operation.
struct Node {
  std::string domain = {};            ///< "" is ai.onnx
  std::string op = {};                ///< op_type
  std::string name = {};              ///< may be empty
  int version = 0;                    ///< opset version of `domain` that the node was written for
  std::vector<ValueId> inputs = {};   ///< no_id for an absent optional input
  std::vector<ValueId> outputs = {};  ///< no_id for an output nobody asked for
  Attributes attributes = {};

  bool is(std::string_view op_type, std::string_view of_domain = "") const noexcept {
    return op == op_type && domain == of_domain;
  }
  bool dead() const noexcept { return op.empty(); }
  ValueId input(std::size_t i) const noexcept { return i < inputs.size() ? inputs[i] : no_id; }
  ValueId output(std::size_t i) const noexcept { return i < outputs.size() ? outputs[i] : no_id; }
  bool has_input(std::size_t i) const noexcept { return input(i) != no_id; }
};

/// A value of the enclosing graph that a subgraph reads, and its stand-in inside.
struct Capture {
  ValueId outer;
  ValueId inner;
};

/// A directed acyclic graph of nodes. Plain data that passes rewrite; verify() tells whether it
/// still holds together. Ids stay valid until compact(). Thread-safety: none for writers; any
/// number of readers.
class INLAY_API Graph {
 public:
  std::string name;
  std::vector<ValueInfo> values;
  std::vector<Node> nodes;  ///< in topological order, except between edits and sort()
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<Capture> captures;                ///< of a subgraph; empty for a model's main graph
  std::map<std::string, int> opsets;            ///< domain -> version, of a model's main graph
  std::map<std::string, std::string> metadata;  ///< of a model's main graph

  ValueId add_value(std::string value_name, Type type = {});
  ValueId add_input(std::string value_name, Type type);
  ValueId add_constant(std::string value_name, Tensor tensor);
  /// Appends a node and makes it the producer of its outputs.
  NodeId add_node(Node node);
  /// Appends a node with one new output of type unknown. The version is that of opsets[domain].
  ValueId add_node(std::string_view op, std::vector<ValueId> node_inputs, std::string output_name,
                   Attributes attributes = {}, std::string_view domain = "");

  ValueInfo& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  const ValueInfo& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  Node& node(NodeId id) { return nodes[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }

  /// The constant tensor of a value, null when it is not constant or `id` is no_id.
  const Tensor* constant(ValueId id) const noexcept;
  /// The node that produces the value, null for inputs, constants and captures.
  const Node* producer(ValueId id) const noexcept;
  bool is_output(ValueId id) const noexcept;
  ValueId find_value(std::string_view value_name) const noexcept;

  /// Removes a node (it stays as a dead entry until compact()).
  void kill(NodeId id);
  /// Every use of `from` (inputs, captures of subgraphs, graph outputs) becomes `to`.
  void replace_uses(ValueId from, ValueId to);
  /// Nodes that read each value, by ValueId, subgraph captures included; a reader appears once per
  /// use.
  std::vector<std::vector<NodeId>> consumers() const;
  /// The values a node reads: its inputs, then the captures of its subgraphs in attribute order.
  std::vector<ValueId> reads(const Node& node) const;
  /// Puts nodes in topological order, keeping the present order where it can.
  /// Errors: invalid_graph for a cycle.
  void sort();
  /// Drops dead nodes and values nobody can see; ids change.
  void compact();
  /// A deep copy, subgraphs included (constants share their elements).
  Graph clone() const;

  /// Checks every rule of the IR: ids in range, one producer per value, topological order, unique
  /// names, captures that exist, subgraphs likewise. Errors: invalid_graph, naming node and value.
  void verify() const;
  /// A listing a person can read, one line per node.
  std::string print() const;
};

/// Calls f(Graph&) for each graph held by the node's attributes, in attribute order.
template <class NodeType, class F>
void for_each_subgraph(NodeType& node, F&& f) {
  for (auto& [key, attribute] : node.attributes) {
    if (auto* one = std::get_if<std::shared_ptr<Graph>>(&attribute)) f(**one);
    if (auto* many = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute)) {
      for (auto& graph : *many) f(*graph);
    }
  }
}

/// "Conv", or "com.microsoft:QLinearAdd" outside ai.onnx.
INLAY_API std::string qualified_op(std::string_view domain, std::string_view op);

}  // namespace inlay::inline v0
