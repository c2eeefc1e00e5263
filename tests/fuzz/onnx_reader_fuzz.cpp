// libFuzzer target: any bytes give an Error or a verified graph, and the passes keep to that.
#include <cstdlib>

#include "inlay/inlay.hpp"
#include "inlay/pass.hpp"

namespace {

void fuzz(std::span<const std::byte> bytes) {
  inlay::Graph graph = inlay::read_graph(*inlay::memory_reader(bytes));
  graph.verify();
  (void)graph.print();
  const auto registry = inlay::Registry::standard();
  inlay::run_passes(graph, {*registry}, inlay::standard_passes(),
                    [](const inlay::Pass&, const inlay::Graph& after) { after.verify(); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    fuzz(std::as_bytes(std::span(data, size)));
  } catch (const inlay::Error& error) {
    if (error.code() == inlay::ErrorCode::internal) std::abort();
  }
  return 0;
}
