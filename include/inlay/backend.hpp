// Backend and Kernel: how nodes become code. Registry: which operators and backends exist.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inlay/executor.hpp"
#include "inlay/graph.hpp"
#include "inlay/op.hpp"

namespace inlay::inline v0 {

class Plan;           // a compiled graph (src/runtime/plan.hpp)
class CustomBackend;  // src/backends/custom.hpp
class Frame;          // a plan's values during a run (src/runtime/frame.hpp)

/// What a kernel sees while it runs. Valid only during Kernel::run.
class INLAY_API KernelContext {
 public:
  KernelContext(Frame& frame, std::size_t step) noexcept : frame_(frame), step_(step) {}

  const Node& node() const noexcept;
  const Attributes& attributes() const noexcept { return node().attributes; }
  int version() const noexcept { return node().version; }

  std::size_t input_count() const noexcept;
  std::size_t output_count() const noexcept;
  bool has_input(std::size_t i) const noexcept;
  /// Whether somebody wants output i.
  bool has_output(std::size_t i) const noexcept;
  /// Errors: type_mismatch when it is not a tensor; invalid_argument when absent.
  const Tensor& input(std::size_t i) const;
  /// Any kind of value; an absent input or an empty optional has has_value() == false.
  const Value& input_value(std::size_t i) const;

  /// Gives output i its shape and memory (dtype as inferred) and returns it to be written. The
  /// memory may be that of an input when the schema has Trait::in_place. Once per output and run.
  Tensor& output(std::size_t i, const Shape& shape);
  /// The same with a dtype, for operators whose dtype depends on values.
  Tensor& output(std::size_t i, DType dtype, const Shape& shape);
  /// Output i becomes input `from`'s elements under `shape`, without a copy where that is possible.
  void output_view(std::size_t i, std::size_t from, const Shape& shape);
  /// For sequences, optionals and maps.
  void set_output(std::size_t i, Value value);

  /// Working memory, 64-byte aligned, kept from run to run; valid until the kernel returns.
  /// A second call in one run gives further memory.
  void* scratch(std::size_t bytes);
  /// Errors: limit.
  template <class T>
  std::span<T> scratch(std::int64_t count) {
    if (count < 0 || count > Shape::max_elements) {
      fail(ErrorCode::limit, "the kernel needs more working memory than there can be");
    }
    return {static_cast<T*>(scratch(static_cast<std::size_t>(count) * sizeof(T))),
            static_cast<std::size_t>(count)};
  }

  /// Tasks that can run at the same time; workers are numbered below this.
  int concurrency() const noexcept;
  /// Runs task(index, worker) for each index in [0, count), polling for cancellation before each.
  /// An exception of a task is rethrown here. Results must not depend on how work
  /// is cut: then it may be cut by concurrency(), else by size alone.
  void parallel_for(std::int64_t count, FunctionRef<void(std::int64_t, int)> task);
  /// Throws Error cancelled if the run was stopped.
  void check_cancelled() const;

  /// Runs the node's subgraph number `index` (in attribute order) on `inputs`; outer values that it
  /// captures are passed along. Its outputs replace the contents of `outputs`.
  void run_subgraph(std::size_t index, std::span<const Value> inputs, std::vector<Value>& outputs);
  /// Room for run_subgraph's outputs that the node keeps from run to run: tensors in it that nobody
  /// else holds are written anew.
  std::vector<Value>& subgraph_outputs(std::size_t index) noexcept;

  /// Fails with the node's place in the Error.
  [[noreturn]] void fail(ErrorCode code, const std::string& message) const;

 private:
  Frame& frame_;
  std::size_t step_;
};

/// Weights of one node as its kernel wants them, in the order in which it asked for them: made when
/// the model is loaded, or taken from a prepared file.
class INLAY_API PackedWeights {
 public:
  PackedWeights() = default;
  /// Those of a prepared file.
  explicit PackedWeights(std::vector<Tensor> stored)
      : tensors_(std::move(stored)), is_stored_(true) {}

  /// The next tensor: zeros that `fill` writes, or the stored one. Errors: stale, when that is not
  /// of this dtype and shape; any error of `fill`.
  Tensor next(DType dtype, const Shape& shape, FunctionRef<void(Tensor&)> fill);
  /// Errors: stale, when stored tensors are left over.
  void finish() const;

  std::span<const Tensor> tensors() const noexcept { return tensors_; }
  std::size_t bytes() const noexcept;

 private:
  std::vector<Tensor> tensors_;
  std::size_t taken_ = 0;
  bool is_stored_ = false;
};

/// Some rows (places along axis 2) of one image: of each of axis 1, memory holds rows [begin, end).
struct RowBand {
  void* data;
  std::int64_t begin, end;
};

/// How rows of a kernel's output follow from those of its first input: row y sees the rows
/// y * stride - pad + t * dilation, 0 <= t < kernel, as far as there are such.
struct RowWindow {
  Shape output;
  std::int64_t kernel = 1, stride = 1, dilation = 1, pad = 0;
  std::size_t scratch = 0;  ///< bytes that run_rows needs
};

/// One node made ready to run: attributes read, weights packed. Immutable, used by many threads.
class INLAY_API Kernel {
 public:
  virtual ~Kernel() = default;
  /// Errors: any Error; what it throws is given the node's place.
  virtual void run(KernelContext& context) const = 0;
  /// Whether the kernel can compute some rows of its output from some of its first input, both
  /// [batch, ...]. Kernels that follow each other run by rows where what lies between them is
  /// large, so that it stays in the cache.
  virtual bool runs_rows() const noexcept { return false; }
  virtual RowWindow row_window(const KernelContext& context, const Shape& input) const;
  /// Rows [begin, end) of the output, of one image; `in` holds the rows that they see. The context
  /// is for attributes and inputs but the first. Called by many threads at once.
  virtual void run_rows(KernelContext& context, const Shape& input, const RowBand& in,
                        const RowBand& out, std::int64_t begin, std::int64_t end,
                        void* scratch) const;
  /// Bytes held beyond the graph's constants and what CompileContext::pack() gave.
  virtual std::size_t packed_bytes() const noexcept { return 0; }
  /// True when the kernel does not read input i at run time, since it was packed: a constant that
  /// nobody else reads then gives up its elements.
  virtual bool consumed(std::size_t /*i*/) const noexcept { return false; }
};

/// What a backend sees of the node it compiles.
struct CompileContext {
  const Graph& graph;
  const Node& node;
  PackedWeights* packed = nullptr;  ///< null: what is packed is kept by the kernel alone

  const Type& input_type(std::size_t i) const {
    static const Type none;
    return node.has_input(i) ? graph.value(node.inputs[i]).type : none;
  }
  DType dtype(std::size_t i) const { return input_type(i).dtype; }
  /// Null when it is not a constant.
  const Tensor* constant(std::size_t i) const { return graph.constant(node.input(i)); }

  /// `count` numbers T as the kernel wants its weights. fill(T* to) writes them over zeros, and is
  /// not called where a prepared file has what it wrote; the model counts and saves them. Read
  /// elements of constants that are consumed within `fill` only: a prepared file is without them.
  /// It may hold any values, so packed numbers must not be trusted as offsets. Errors: stale.
  template <class T, class Fill>
  Tensor pack(std::int64_t count, Fill&& fill) const {
    PackedWeights own;
    return (packed != nullptr ? *packed : own).next(dtype_of<T>, {count}, [&](Tensor& tensor) {
      fill(tensor.template as_mutable<T>().data());
    });
  }
};

/// A backend's answer to "would you run this node".
struct Support {
  bool supported = false;
  std::string reason;  ///< why (not), in a few words for a person
};

/// A way to run nodes. Thread-safety: all functions may be called from any thread.
class INLAY_API Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const noexcept = 0;
  /// What packed weights depend on besides the node: the instruction set; a version of the layout.
  virtual std::string_view variant() const noexcept { return {}; }
  virtual Support supports(const CompileContext& context) const = 0;
  /// Channels of a block where the backend computes on blocked channels (inlay:BlockedConv); 0: it
  /// does not.
  virtual std::int64_t channel_block() const noexcept { return 0; }
  /// Only for nodes that it supports. Errors: any Error.
  virtual std::unique_ptr<Kernel> compile(const CompileContext& context) const = 0;
};

/// Computes one node. Called by many threads at once.
using KernelFunction = std::function<void(KernelContext&)>;
/// Makes the kernel of one node when a model is loaded.
using KernelFactory = std::function<std::unique_ptr<Kernel>(const CompileContext&)>;

/// The operators and backends that a model may use. Build one, add to it, give it to
/// ModelOptions; once a model uses it, it must not change.
class INLAY_API Registry {
 public:
  /// Every operator and backend of this build: cpu, then reference.
  static std::shared_ptr<const Registry> standard();
  /// A copy of standard() to add to. `isa` picks the instruction set of the cpu backend by name
  /// (sse2, avx2, avxvnni, avx512, avx512vnni, neon64); empty: the INLAY_ISA variable, else the
  /// best one here.
  /// Errors: not_found for an isa that this build or machine does not have.
  static std::shared_ptr<Registry> create(std::string_view isa = {});

  /// Adds an operator; one of the same domain, name and version replaces what was there.
  void add(OpSchema schema);
  /// Adds an operator and how it is computed: a function, or a kernel made for each node. It is
  /// asked before any backend, whatever ModelOptions::backends names.
  void add(OpSchema schema, KernelFunction run);
  void add(OpSchema schema, KernelFactory make);
  /// The same with a class derived from Kernel that is constructed from a CompileContext.
  template <class K>
  void add(OpSchema schema) {
    add(std::move(schema),
        KernelFactory([](const CompileContext& context) { return std::make_unique<K>(context); }));
  }
  /// Adds a backend that is asked before those already there.
  void add(std::shared_ptr<const Backend> backend);

  /// The newest schema not newer than `version`; null if there is none.
  const OpSchema* find_op(std::string_view domain, std::string_view name, int version) const;
  /// Null if there is none of that name.
  const Backend* find_backend(std::string_view name) const noexcept;
  /// In the order in which they are asked.
  std::span<const std::shared_ptr<const Backend>> backends() const noexcept { return backends_; }
  /// Every schema, sorted by domain, name and version.
  std::vector<const OpSchema*> ops() const;

 private:
  std::map<std::string, std::vector<OpSchema>, std::less<>> ops_;  // by qualified_op, oldest first
  std::vector<std::shared_ptr<const Backend>> backends_;
  std::shared_ptr<CustomBackend> custom_;  // null until an operator comes with its kernel
};

}  // namespace inlay::inline v0
