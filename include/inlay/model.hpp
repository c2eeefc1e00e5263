// Model: a loaded, optimised, compiled model, immutable and shared.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inlay/graph.hpp"
#include "inlay/reader.hpp"

namespace inlay::inline v0 {

class Registry;  // inlay/backend.hpp
struct Pass;     // inlay/pass.hpp

/// Bounds on what a model file may ask for.
struct Limits {
  std::uint64_t max_nodes = 4'000'000;          ///< nodes, subgraphs and functions included
  int max_depth = 64;                           ///< nesting of subgraphs, functions and types
  std::uint64_t max_tensor_bytes = 1ull << 36;  ///< one tensor
};

/// What runs for a call of a function that the model file defines.
enum class Functions {
  bodies,     ///< the body that the file gives
  operators,  ///< the registry's operator of that domain and name, where there is one
};

struct ModelOptions {
  /// Backends in the order to ask, by name; empty: all of the registry. Operators that were
  /// registered with their kernels come first by themselves, `reference` last. Errors: not_found.
  std::vector<std::string> backends = {};
  /// Instruction set of the cpu backend; see Registry::create. Only without a registry of one's
  /// own.
  std::string isa = {};
  /// Operators and backends; null: Registry::standard().
  std::shared_ptr<const Registry> registry = {};
  /// False: only the passes without which nothing runs.
  bool optimize = true;
  Functions functions = Functions::bodies;
  Limits limits = {};
  /// Sees the graph after each pass.
  std::function<void(const Pass&, const Graph&)> after_pass = {};
};

/// Where a node runs, and why.
struct Placement {
  std::string node;
  std::string op;
  std::string backend;
  std::string reason;
};

/// Bytes that a model holds, whatever the number of sessions.
struct ModelMemory {
  std::size_t constants = 0;  ///< weights as loaded (mapped or owned)
  std::size_t packed = 0;     ///< weights repacked for kernels
};

/// A handle to an immutable model; copies are cheap. Thread-safety: all members, from any thread.
class INLAY_API Model {
 public:
  /// Loads an ONNX file. Errors: io, not_found, parse, invalid_graph, unsupported, limit,
  /// out_of_memory, invalid_argument.
  static Model load(const FilePath& path, const ModelOptions& options = {});
  static Model load(std::span<const std::byte> bytes, const ModelOptions& options = {});
  static Model load(Reader& reader, const ModelOptions& options = {});
  /// From a graph built or rewritten by hand.
  static Model from_graph(Graph graph, const ModelOptions& options = {});

  static Result<Model> try_load(const FilePath& path, const ModelOptions& options = {}) noexcept;
  static Result<Model> try_load(std::span<const std::byte> bytes,
                                const ModelOptions& options = {}) noexcept;
  static Result<Model> try_load(Reader& reader, const ModelOptions& options = {}) noexcept;
  static Result<Model> try_from_graph(Graph graph, const ModelOptions& options = {}) noexcept;

  struct Port {
    std::string name;
    Type type;
  };
  /// Inputs to be given, in order (initializers that double as inputs are not among them).
  std::span<const Port> inputs() const noexcept;
  std::span<const Port> outputs() const noexcept;
  /// The file's metadata properties; producer, domain, version and doc string under "onnx.*" keys.
  const std::map<std::string, std::string>& metadata() const noexcept;
  /// Domain to version.
  const std::map<std::string, int>& opsets() const noexcept;

  /// The graph as it runs, after all passes.
  const Graph& graph() const noexcept;
  /// In the order of the graph's nodes.
  std::span<const Placement> placements() const noexcept;
  ModelMemory memory() const noexcept;

  struct State;
  const State& state() const noexcept { return *state_; }

 private:
  explicit Model(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
  friend class Session;
};

/// Reads a model file into a graph, without passes. A call of a function that the file defines is
/// replaced by the function's body; with `operators`, only where that has no operator of the
/// function's domain and name. Errors as Model::load.
INLAY_API Graph read_graph(Reader& reader, const Limits& limits = {},
                           const Registry* operators = nullptr);
/// Reads one ONNX TensorProto, SequenceProto or OptionalProto (a test case's .pb file); `type` says
/// which.
INLAY_API Value read_value(std::span<const std::byte> bytes, const Type& type = {},
                           const Limits& limits = {});

}  // namespace inlay::inline v0
