// Executor: where parallel work runs. CancelSource and CancelToken: how it is stopped.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

template <class Signature>
class FunctionRef;

/// A reference to a callable that must outlive it; never allocates.
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> &&
           std::is_invocable_r_v<R, F&, Args...>) FunctionRef(F&& callable)
  noexcept  // NOLINT: a callable is a FunctionRef
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(args...);
        }) {}

  R operator()(Args... args) const { return call_(object_, args...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

/// Runs tasks. The library cuts work into tasks in a way that does not depend on the executor, so
/// results are bit-identical for any executor and any number of threads.
class INLAY_API Executor {
 public:
  virtual ~Executor() = default;

  /// The most tasks that run at the same time, >= 1; constant over the executor's life.
  virtual int concurrency() const noexcept = 0;

  /// Calls task(index, worker) for each index in [0, count) and returns when all are done. `worker`
  /// is in [0, concurrency()) and no two tasks run at once under the same worker. `task` never
  /// throws. The calling thread may take part. Must not allocate once it has warmed up.
  virtual void parallel_for(std::int64_t count, FunctionRef<void(std::int64_t, int)> task) = 0;
};

/// Runs everything on the calling thread. Safe to share between any threads.
INLAY_API std::shared_ptr<Executor> inline_executor();

/// `threads` threads (the caller and threads-1 workers that sleep when there is no work). Each
/// takes neighbouring tasks from its share of them, then from the others' shares. One parallel_for
/// at a time runs on the workers; a caller that finds them busy works alone. Errors:
/// invalid_argument unless 1 <= threads <= 1024.
INLAY_API std::shared_ptr<Executor> thread_pool(int threads);

/// OpenMP's threads. Errors: unsupported in a build without INLAY_OPENMP; invalid_argument.
INLAY_API std::shared_ptr<Executor> openmp_executor(int threads);

/// Says whether work should stop; cheap to copy and poll from any thread. A default-made token
/// never stops.
class CancelToken {
 public:
  CancelToken() = default;
  bool cancelled() const noexcept { return flag_ && flag_->load(std::memory_order_relaxed); }

 private:
  friend class CancelSource;
  explicit CancelToken(std::shared_ptr<const std::atomic<bool>> flag) : flag_(std::move(flag)) {}
  std::shared_ptr<const std::atomic<bool>> flag_;
};

/// Stops the runs that were given its token; they end with Error cancelled. Thread-safe.
class CancelSource {
 public:
  CancelSource() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() noexcept { flag_->store(true, std::memory_order_relaxed); }
  CancelToken token() const { return CancelToken(flag_); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

}  // namespace inlay::inline v0
