// oneDNN's matrix product, to compare with in one run, on one thread (OMP_NUM_THREADS=1).
#include <dnnl.hpp>

#include "support.hpp"

namespace inlay_bench {
namespace {

void onednn_gemm(benchmark::State& state, const KernelTable& peak, std::int64_t n) {
  const Floats a(n * n), b(n * n), c(n * n);
  for (auto _ : state) {
    dnnl_sgemm('N', 'N', n, n, n, 1.0f, a.data(), n, b.data(), n, 0.0f, c.data(), n);
    benchmark::ClobberMemory();
  }
  report_flops(state, peak, 2.0 * static_cast<double>(n * n * n));
}

const bool registered = [] {
  for (const std::int64_t n : {1024, 4096}) {
    const std::string size = std::to_string(n);
    const std::string name = "gemm/onednn/" + size + "x" + size + "x" + size;
    benchmark::RegisterBenchmark(name.c_str(), onednn_gemm, best_table(), n);
  }
  return true;
}();

}  // namespace
}  // namespace inlay_bench
