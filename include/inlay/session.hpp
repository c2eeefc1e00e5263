// Session: runs a model. BoundRun: the same call again and again, without allocation.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inlay/executor.hpp"
#include "inlay/model.hpp"

namespace inlay::inline v0 {

struct SessionOptions {
  /// Threads of a pool of the session's own; 1: the calling thread alone, nothing is spawned.
  int threads = 1;
  /// Where to run instead; wins over `threads`.
  std::shared_ptr<Executor> executor = {};
  /// Whether numbers below 1.2e-38 (f32; 2.2e-308 in f64) count as zero during a run. Processors
  /// take up to a hundred times longer with them, and silence fed to a recurrent net or weights
  /// that were trained towards zero are full of them. The caller's mode is restored after a run.
  bool flush_subnormals = true;
  /// Called after each node, on the thread of the run, with start and duration in nanoseconds.
  std::function<void(const Node&, std::string_view backend, std::int64_t start,
                     std::int64_t duration)>
      profile = {};
};

using NamedValue = std::pair<std::string_view, Value>;

/// What a run gave, by name or position, in the model's order. Owned by the caller.
class INLAY_API Outputs {
 public:
  Outputs() = default;
  Outputs(Model model, std::vector<Value> values)
      : model_(std::make_shared<const Model>(std::move(model))), values_(std::move(values)) {}

  std::size_t size() const noexcept { return values_.size(); }
  /// Errors: not_found, type_mismatch (not a tensor).
  const Tensor& operator[](std::string_view output) const { return value(output).tensor(); }
  const Tensor& operator[](std::size_t i) const { return value(i).tensor(); }
  const Value& value(std::string_view output) const;
  const Value& value(std::size_t i) const;
  auto begin() const noexcept { return values_.begin(); }
  auto end() const noexcept { return values_.end(); }

 private:
  std::shared_ptr<const Model> model_;
  std::vector<Value> values_;
};

/// The outputs of a run_async, when they are there. Thread-safety: one thread at a time.
class INLAY_API FutureOutputs {
 public:
  FutureOutputs(FutureOutputs&&) noexcept;
  FutureOutputs& operator=(FutureOutputs&&) noexcept;
  ~FutureOutputs();

  /// Whether the run has ended.
  bool ready() const;
  void wait() const;
  /// Waits, and hands over what the run gave. Errors: those of the run; invalid_argument when it
  /// was handed over before.
  Outputs get();
  Result<Outputs> try_get() noexcept;

 private:
  friend class Session;
  struct Impl;
  explicit FutureOutputs(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Bytes that a session holds.
struct SessionMemory {
  std::size_t arena = 0;    ///< planned memory of intermediate values
  std::size_t scratch = 0;  ///< working memory of kernels
  std::size_t dynamic = 0;  ///< values that could not be planned
};

class Session;

/// Inputs and outputs resolved once. run() allocates nothing and takes no lock after the first
/// call, as long as shapes do not depend on the values. Thread-safety: as its session, which must
/// outlive it.
class INLAY_API BoundRun {
 public:
  BoundRun(BoundRun&&) noexcept;
  BoundRun& operator=(BoundRun&&) noexcept;
  ~BoundRun();

  /// Reads the bound inputs and writes the outputs. Errors: cancelled, execution, shape_mismatch.
  void run(CancelToken cancel = {});
  Result<void> try_run(CancelToken cancel = {}) noexcept;

  /// The output as it stands after run(): the caller's tensor if one was bound, else the session's.
  const Value& output(std::string_view output_name) const;
  const Value& output(std::size_t i) const;

 private:
  friend class Session;
  struct Impl;
  explicit BoundRun(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// A model's working memory and executor. Thread-safety: one call at a time; make a session per
/// thread, or one per stream of work: the model is shared.
class INLAY_API Session {
 public:
  /// Errors: invalid_argument, out_of_memory.
  explicit Session(Model model, SessionOptions options = {});
  static Result<Session> try_create(Model model, SessionOptions options = {}) noexcept;
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const Model& model() const noexcept;

  /// Runs by name, in any order. Errors: not_found (unknown or missing name), type_mismatch,
  /// shape_mismatch, cancelled, execution, out_of_memory. Whatever fails, the session stays usable.
  Outputs run(std::initializer_list<NamedValue> inputs, CancelToken cancel = {});
  Outputs run(std::span<const NamedValue> inputs, CancelToken cancel = {});
  /// Runs by position.
  Outputs run(std::span<const Value> inputs, CancelToken cancel = {});

  Result<Outputs> try_run(std::span<const NamedValue> inputs, CancelToken cancel = {}) noexcept;
  Result<Outputs> try_run(std::span<const Value> inputs, CancelToken cancel = {}) noexcept;

  /// Runs on a thread of its own; no other call on the session until it is done.
  FutureOutputs run_async(std::vector<std::pair<std::string, Value>> inputs,
                          CancelToken cancel = {});
  /// The same; `done` is called on that thread, exactly once.
  void run_async(std::vector<std::pair<std::string, Value>> inputs,
                 std::function<void(Result<Outputs>)> done, CancelToken cancel = {});

  /// Fixes inputs (all of them) and, where the caller wants them in memory of their own, outputs.
  /// The elements may change between runs, the tensors may not.
  BoundRun bind(std::span<const NamedValue> inputs, std::span<const NamedValue> outputs = {});
  BoundRun bind(std::initializer_list<NamedValue> inputs,
                std::initializer_list<NamedValue> outputs = {});

  SessionMemory memory() const noexcept;

 private:
  friend class BoundRun;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace inlay::inline v0
