// save_onnx: a graph as an ONNX file.
#pragma once

#include <cstdint>
#include <memory>

#include "inlay/graph.hpp"
#include "inlay/reader.hpp"

namespace inlay::inline v0 {

class Registry;  // inlay/backend.hpp

struct OnnxWriteOptions {
  /// A model file that would be larger keeps its weights in a second file beside it, named as the
  /// model with ".data" behind it. 0: every model does. No model file can be larger than 2 GiB.
  std::uint64_t max_file_bytes = 2'000'000'000;
  /// Initializers of fewer bytes stay in the model file all the same: ONNX Runtime wants shapes and
  /// the like there.
  std::uint64_t min_external_bytes = 1024;
  /// Operators, for the types of outputs; null: Registry::standard().
  std::shared_ptr<const Registry> registry = {};
};

/// Writes a graph as an ONNX model file, which read_graph reads back: values keep their names,
/// where no value around a subgraph has the same. Constants that nobody reads are left out. The
/// types of outputs are inferred, inner values have those that the graph knows. The same graph
/// gives the same bytes. Model fields that read_graph keeps as metadata under "onnx.*" keys become
/// fields again.
///
/// The file imports one opset of each domain, the newest that a node was written for. Files there
/// are replaced as a whole: where writing fails, the old ones stay, unless the last step fails,
/// which puts a written model file in its place after its ".data" file.
///
/// Thread-safety: from any thread, but not at one time to one path.
///
/// Errors: io; invalid_graph and type_mismatch; unsupported: an operator of the domain `inlay`,
/// which no file can hold, or one that the imported opset defines otherwise than the one it was
/// written for; invalid_argument: a constant whose elements a model gave up; limit: 2 GiB without
/// the weights.
INLAY_API void save_onnx(const Graph& graph, const FilePath& path,
                         const OnnxWriteOptions& options = {});
INLAY_API Result<void> try_save_onnx(const Graph& graph, const FilePath& path,
                                     const OnnxWriteOptions& options = {}) noexcept;

}  // namespace inlay::inline v0
