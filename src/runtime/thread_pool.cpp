// The inline executor and the pool whose workers sleep when there is no work.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#include <emmintrin.h>
#endif

#include "inlay/error.hpp"
#include "inlay/executor.hpp"

namespace inlay::inline v0 {
namespace {

/// Tells the processor that this loop waits for another core.
inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits for a condition without sleeping, for the time between two parallel nodes of a model: to
/// wake a sleeper takes longer than most nodes do. Whether it came true.
template <class Condition>
bool spin_until(const Condition& condition) {
  constexpr std::chrono::microseconds longest(200);
  constexpr int checks_per_look = 64;  // at the clock
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < checks_per_look; ++i) {
      if (condition()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() - start < longest);
  return condition();
}

class InlineExecutor final : public Executor {
 public:
  int concurrency() const noexcept override { return 1; }
  void parallel_for(std::int64_t count, FunctionRef<void(std::int64_t, int)> task) override {
    for (std::int64_t i = 0; i < count; ++i) task(i, 0);
  }
};

/// One job at a time. Each worker has a share of its tasks, neighbours, and takes from the others'
/// when it is done: what one node left in a core's cache, the next node finds there. A share is the
/// job's number (high bits) and how many tasks are unclaimed (low bits), so that one
/// compare-and-swap claims a task of the present job and of no other.
class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(int threads) : shares_(static_cast<std::size_t>(threads)) {
    workers_.reserve(static_cast<std::size_t>(threads - 1));
    try {
      for (int worker = 1; worker < threads; ++worker) {
        workers_.emplace_back([this, worker] { serve(worker); });
      }
    } catch (...) {
      stop();
      throw;
    }
  }
  ~ThreadPool() override { stop(); }

  int concurrency() const noexcept override { return static_cast<int>(shares_.size()); }

  void parallel_for(std::int64_t count, FunctionRef<void(std::int64_t, int)> task) override {
    if (workers_.empty() || count < 2 || count > most_tasks || busy_.exchange(true)) {
      for (std::int64_t i = 0; i < count; ++i) task(i, 0);
      return;
    }
    task_.store(&task, std::memory_order_relaxed);
    count_.store(count, std::memory_order_relaxed);
    unfinished_.store(count, std::memory_order_relaxed);
    ++job_;
    for (int worker = 0; worker < concurrency(); ++worker) {
      const std::int64_t size = share_end(worker, count) - share_end(worker - 1, count);
      share(worker).store((job_ << task_bits) | static_cast<std::uint64_t>(size),
                          std::memory_order_release);
    }
    wake_.fetch_add(1, std::memory_order_release);
    wake_.notify_all();
    work(0);
    const auto is_done = [&] { return unfinished_.load(std::memory_order_acquire) == 0; };
    while (!spin_until(is_done)) std::this_thread::yield();
    busy_.store(false, std::memory_order_release);
  }

 private:
  static constexpr int task_bits = 40;
  static constexpr std::int64_t most_tasks = (std::int64_t{1} << task_bits) - 1;

  struct alignas(64) Share {  // a cache line each
    std::atomic<std::uint64_t> unclaimed = 0;
  };
  std::atomic<std::uint64_t>& share(int worker) {
    return shares_[static_cast<std::size_t>(worker)].unclaimed;
  }

  /// The task after those of a worker's share.
  std::int64_t share_end(int worker, std::int64_t count) const {
    const std::int64_t shares = concurrency(), rest = count % shares;
    return count / shares * (worker + 1) + std::min<std::int64_t>(rest, worker + 1);
  }

  void work(int worker) {
    for (int i = 0; i < concurrency(); ++i) take_from((worker + i) % concurrency(), worker);
  }

  void take_from(int owner, int worker) {
    std::atomic<std::uint64_t>& share = this->share(owner);
    std::uint64_t seen = share.load(std::memory_order_acquire);
    while ((seen & static_cast<std::uint64_t>(most_tasks)) != 0) {
      if (!share.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel)) continue;
      // Claimed: the job cannot end before this task has, so its fields hold still.
      const auto unclaimed =
          static_cast<std::int64_t>(seen & static_cast<std::uint64_t>(most_tasks));
      const std::int64_t end = share_end(owner, count_.load(std::memory_order_relaxed));
      (*task_.load(std::memory_order_relaxed))(end - unclaimed, worker);
      unfinished_.fetch_sub(1, std::memory_order_acq_rel);
      seen = share.load(std::memory_order_acquire);
    }
  }

  void serve(int worker) {
    std::uint32_t seen = 0;
    while (!stopping_.load(std::memory_order_acquire)) {
      work(worker);
      const auto has_work = [&] { return wake_.load(std::memory_order_acquire) != seen; };
      if (!spin_until(has_work)) wake_.wait(seen, std::memory_order_acquire);
      seen = wake_.load(std::memory_order_acquire);
    }
  }

  void stop() {
    stopping_.store(true, std::memory_order_release);
    wake_.fetch_add(1, std::memory_order_release);
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  std::atomic<bool> busy_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint32_t> wake_ = 0;
  std::uint64_t job_ = 0;
  std::vector<Share> shares_;  // all there before the first worker is
  std::atomic<std::int64_t> count_ = 0;
  std::atomic<std::int64_t> unfinished_ = 0;
  std::atomic<const FunctionRef<void(std::int64_t, int)>*> task_ = nullptr;
  std::vector<std::thread> workers_;
};

}  // namespace

std::shared_ptr<Executor> inline_executor() { return std::make_shared<InlineExecutor>(); }

std::shared_ptr<Executor> thread_pool(int threads) {
  if (threads < 1 || threads > 1024) {
    throw Error(ErrorCode::invalid_argument,
                "a pool has 1 to 1024 threads, not " + std::to_string(threads));
  }
  if (threads == 1) return inline_executor();
  return std::make_shared<ThreadPool>(threads);
}

}  // namespace inlay::inline v0
