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

#include "inlay/executor.hpp"
#include "inlay/graph.hpp"
#include "inlay/quantize.hpp"
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
  /// Other than f32, or with a sparsity: the graph is quantized before the passes run; see
  /// quantize().
  Precision precision = Precision::f32;
  /// Samples that int8 measures values on; without, codes of values are chosen at each run.
  Calibration calibration = {};
  QuantizationRules quantization = {};
  /// False: only the passes without which nothing runs.
  bool optimize = true;
  Functions functions = Functions::bodies;
  Limits limits = {};
  /// Threads that pack weights, or what they come from. The model is the same for any number.
  int threads = 1;
  std::shared_ptr<Executor> executor = {};
  /// A file that holds the model prepared: it is loaded instead when it was made of the same model,
  /// with the same options, for this machine's instruction set, by this build of Inlay; else it is
  /// written anew. That it cannot be written is no failure: see Model::preparation(). Whether the
  /// model is the same is told from a checksum of all its bytes, a second or less per 4 GB; an
  /// application that ships the prepared file loads that one itself, which reads nothing twice.
  FilePath prepared = "";
  /// Checks all bytes of a prepared file's weights against their checksum before using them, not
  /// only its graph and every size.
  bool check_prepared_weights = false;
  /// Sees the graph after each pass. A prepared file is loaded without passes.
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
  std::size_t constants = 0;  ///< weights as loaded (mapped or owned) that are still needed
  std::size_t packed = 0;     ///< weights repacked for kernels
};

/// What became of ModelOptions::prepared.
struct Preparation {
  bool loaded = false;   ///< the model is what the prepared file holds
  bool written = false;  ///< the prepared file was made anew
  std::string reason;    ///< why it was not loaded, or not written
};

/// A handle to an immutable model; copies are cheap. Thread-safety: all members, from any thread.
class INLAY_API Model {
 public:
  /// Loads an ONNX file, or one of save_prepared(). Errors: io, not_found, parse, invalid_graph,
  /// unsupported, limit, out_of_memory, invalid_argument; stale, for a prepared file that was made
  /// with other options, for another instruction set, or by another build of Inlay.
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

  /// Writes the graph as it runs and the packed weights to a file that load() takes, so that it has
  /// neither to run passes nor to pack. A file that is there is replaced as a whole. Errors: io,
  /// unsupported (an attribute that cannot be stored).
  void save_prepared(const FilePath& path) const;
  Result<void> try_save_prepared(const FilePath& path) const noexcept;
  const Preparation& preparation() const noexcept;

  /// What ModelOptions::precision led to; without nodes where that was f32.
  const QuantizationReport& quantization_report() const noexcept;

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

  /// The graph as it runs, after all passes. Constants that kernels have packed are without
  /// elements.
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
