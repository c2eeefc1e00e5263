// libFuzzer target: any bytes give an Error or a picture, decoded as a model would.
#include <cstdlib>

#include "inlay/images.hpp"
#include "inlay/inlay.hpp"

namespace {

inlay::Session make_session() {
  using namespace inlay;
  const auto registry = Registry::create();
  add_image_decoder(*registry, {.max_pixels = 1 << 20});
  Graph graph;
  graph.opsets[""] = 20;
  const ValueId bytes = graph.add_input("bytes", Type::tensor(DType::uint8, {Dim::named("N")}));
  graph.outputs = {graph.add_node("ImageDecoder", {bytes}, "image")};
  return Session(Model::from_graph(std::move(graph), {.registry = registry}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static inlay::Session session = make_session();
  try {
    const std::span<const std::uint8_t> bytes(data, size);
    (void)session.run({{"bytes", inlay::view(bytes, {static_cast<std::int64_t>(size)})}});
  } catch (const inlay::Error& error) {
    if (error.code() == inlay::ErrorCode::internal) std::abort();
  }
  return 0;
}
