// OpSchema: what an operator is (arity, inference, traits), apart from how any backend computes it.
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inlay/graph.hpp"

namespace inlay::inline v0 {

/// What a schema's inference function sees of its node, and where it puts what it finds out.
class INLAY_API InferContext {
 public:
  InferContext(const Graph& graph, const Node& node);

  const Node& node() const noexcept { return node_; }
  const Attributes& attributes() const noexcept { return node_.attributes; }
  int version() const noexcept { return node_.version; }

  std::size_t input_count() const noexcept { return node_.inputs.size(); }
  std::size_t output_count() const noexcept { return node_.outputs.size(); }
  bool has_input(std::size_t i) const noexcept { return node_.has_input(i); }
  /// Type::Kind::unknown for an absent input.
  const Type& input(std::size_t i) const noexcept;
  DType dtype(std::size_t i) const noexcept { return input(i).dtype; }
  /// The input's constant, null when not known at load time.
  const Tensor* constant(std::size_t i) const noexcept;
  /// A constant integer tensor (int32 or int64) as a list; empty optional when not known.
  std::optional<std::vector<std::int64_t>> constant_integers(std::size_t i) const;
  /// What is known of a rank-0/1 integer input that holds dims (from Shape, Gather, Concat …);
  /// empty optional when nothing is.
  std::optional<std::vector<Dim>> known_dims(std::size_t i) const;

  void set_output(std::size_t i, Type type);
  void set_output(std::size_t i, DType dtype, std::vector<Dim> dims) {
    set_output(i, Type::tensor(dtype, std::move(dims)));
  }
  /// Dtype known, rank not.
  void set_output(std::size_t i, DType dtype) { set_output(i, Type::tensor(dtype)); }

  /// Fails inference with the node's place in the Error (invalid_graph).
  [[noreturn]] void fail(const std::string& message) const;

  /// What inference found, by output.
  std::span<const Type> outputs() const noexcept { return outputs_; }

 private:
  const Graph& graph_;
  const Node& node_;
  std::vector<Type> outputs_;
};

using InferFn = std::function<void(InferContext&)>;

/// Facts about an operator that passes and the memory planner use; combine with |.
enum class Trait : std::uint32_t {
  none = 0,
  view = 1,              ///< output 0 holds input 0's elements, in order, under another shape
  in_place = 2,          ///< output 0 may overwrite an input of the same byte size
  nondeterministic = 4,  ///< two runs may differ: never folded, never merged
};
constexpr Trait operator|(Trait a, Trait b) {
  return static_cast<Trait>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
constexpr bool has(Trait set, Trait one) {
  return (static_cast<std::uint32_t>(set) & static_cast<std::uint32_t>(one)) != 0;
}

inline constexpr int any_number = std::numeric_limits<int>::max();

/// One operator from one opset version on (until the next schema of the same name).
struct OpSchema {
  std::string domain = {};  ///< "" is ai.onnx
  std::string name = {};
  int since = 1;
  int min_inputs = 1;
  int max_inputs = 1;
  int min_outputs = 1;
  int max_outputs = 1;
  InferFn infer = {};  ///< sets at least the dtype of every output
  Trait traits = Trait::none;
  /// What a tensor given as input i may hold; the last set is that of all further inputs. Empty:
  /// anything.
  std::vector<DTypeSet> types = {};
};

/// Checks arity and dtypes and runs the schema's inference. Errors: invalid_graph and
/// type_mismatch with the node's place.
INLAY_API std::vector<Type> infer_node(const OpSchema& schema, const Graph& graph,
                                       const Node& node);

}  // namespace inlay::inline v0
