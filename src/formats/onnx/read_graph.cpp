// read_graph: a model file as a Graph.
#include "formats/onnx/external_data.hpp"
#include "formats/onnx/graph_builder.hpp"
#include "formats/onnx/model_reader.hpp"

namespace inlay::inline v0 {

Graph read_graph(Reader& reader, const Limits& limits, const Registry* operators) {
  try {
    const Bytes file = reader.read();
    onnx::ExternalData external(reader);
    onnx::ReadContext context{.limits = limits,
                              .budget = onnx::Budget(file.bytes.size()),
                              .owner = file.owner,
                              .borrow = true,
                              .external = &external};
    const std::string_view bytes(reinterpret_cast<const char*>(file.bytes.data()),
                                 file.bytes.size());
    const onnx::ModelProto model = onnx::read_model(bytes, context);
    return onnx::GraphBuilder(model, context, operators).build();
  } catch (...) {
    throw current_error().at({.file = reader.name()});
  }
}

}  // namespace inlay::inline v0
