// save_onnx: what a file needs is added to a copy of the graph, which is then written.
#include <algorithm>
#include <filesystem>

#include "formats/new_file.hpp"
#include "formats/onnx/conform.hpp"
#include "formats/onnx/model_writer.hpp"
#include "inlay/writer.hpp"
#include "passes/inference.hpp"

namespace inlay::inline v0 {
namespace {

/// What protobuf allows.
constexpr std::uint64_t most_bytes = 0x7FFFFFFF;

/// What inference found, completed by what the graph says of it.
Type merged(Type inferred, const Type& declared) {
  const bool both =
      inferred.is_tensor() && declared.is_tensor() && inferred.dtype == declared.dtype;
  if (inferred.kind == Type::Kind::unknown || (both && !inferred.has_rank)) return declared;
  if (!both || inferred.rank() != declared.rank()) return inferred;
  for (std::size_t axis = 0; axis < inferred.dims.size(); ++axis) {
    Dim& dim = inferred.dims[axis];
    const bool made_up = dim.symbol.empty() || dim.symbol.starts_with('?');
    if (!dim.known() && made_up) dim = declared.dims[axis];
  }
  return inferred;
}

/// Files must have the types of outputs, and passes may have left them behind.
void infer_output_types(Graph& graph, const Registry& registry) {
  Graph typed = graph.clone();
  try {
    passes::infer_main_graph(typed, registry);
  } catch (const Error& error) {
    // What lies behind an operator that nobody knows keeps the type that it has.
    if (error.code() != ErrorCode::unsupported) throw;
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    Type& type = graph.value(graph.outputs[i]).type;
    type = merged(typed.value(typed.outputs[i]).type, type);
  }
}

template <class Pieces>
void write_all(NewFile& file, const Pieces& pieces) {
  pieces.each_piece([&](std::span<const std::byte> piece) { file.write(piece); });
  file.close();
}

void write_files(const Graph& graph, const FilePath& path, const OnnxWriteOptions& options) {
  const onnx::MessageWriter whole = onnx::write_model(graph, nullptr);
  if (whole.size() <= std::min(options.max_file_bytes, most_bytes)) {
    NewFile file(path);
    write_all(file, whole);
    return file.put_in_place();
  }
  const std::filesystem::path target(std::u8string(path.text().begin(), path.text().end()));
  const std::u8string name = target.filename().u8string() + u8".data";
  onnx::ExternalElements external(std::string(name.begin(), name.end()),
                                  options.min_external_bytes);
  const onnx::MessageWriter model = onnx::write_model(graph, &external);
  if (model.size() > most_bytes) {
    throw Error(ErrorCode::limit,
                "without the weights that go to a file of their own the model still has " +
                    std::to_string(model.size()) + " bytes; an ONNX file can have 2 GiB");
  }
  NewFile file(path);
  NewFile data(path.text() + ".data");
  write_all(data, external);
  write_all(file, model);
  data.put_in_place();
  file.put_in_place();
}

}  // namespace

void save_onnx(const Graph& graph, const FilePath& path, const OnnxWriteOptions& options) {
  try {
    graph.verify();
    const auto registry = options.registry ? options.registry : Registry::standard();
    Graph copy = graph.clone();
    onnx::conform(copy, *registry);
    infer_output_types(copy, *registry);
    write_files(copy, path, options);
  } catch (...) {
    throw current_error().at({.file = path.text()});
  }
}

Result<void> try_save_onnx(const Graph& graph, const FilePath& path,
                           const OnnxWriteOptions& options) noexcept {
  return try_call([&] { save_onnx(graph, path, options); });
}

}  // namespace inlay::inline v0
