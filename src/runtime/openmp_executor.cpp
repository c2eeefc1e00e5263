#include "inlay/error.hpp"
#include "inlay/executor.hpp"

#ifdef INLAY_OPENMP
#include <omp.h>
#endif

namespace inlay::inline v0 {

#ifdef INLAY_OPENMP
namespace {

class OpenMpExecutor final : public Executor {
 public:
  explicit OpenMpExecutor(int threads) : threads_(threads) {}
  int concurrency() const noexcept override { return threads_; }
  void parallel_for(std::int64_t count, FunctionRef<void(std::int64_t, int)> task) override {
#pragma omp parallel for schedule(dynamic) num_threads(threads_)
    for (std::int64_t i = 0; i < count; ++i) task(i, omp_get_thread_num());
  }

 private:
  int threads_;
};

}  // namespace
#endif

std::shared_ptr<Executor> openmp_executor(int threads) {
#ifdef INLAY_OPENMP
  if (threads < 1 || threads > 1024) {
    throw Error(ErrorCode::invalid_argument,
                "OpenMP gets 1 to 1024 threads, not " + std::to_string(threads));
  }
  return std::make_shared<OpenMpExecutor>(threads);
#else
  throw Error(ErrorCode::unsupported, "this build has no OpenMP (INLAY_OPENMP=OFF), " +
                                          std::to_string(threads) + " threads were asked for");
#endif
}

}  // namespace inlay::inline v0
