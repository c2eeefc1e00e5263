// ExternalData: tensor bytes that lie in files beside the model.
#pragma once

#include <map>
#include <string>

#include "formats/onnx/read_context.hpp"
#include "inlay/reader.hpp"

namespace inlay::inline v0::onnx {

/// The external_data entries of a TensorProto.
struct ExternalEntry {
  std::string location;  ///< relative to the model's folder
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;

  /// Takes one key and value; keys without meaning here are ignored. Errors: parse.
  void set(std::string_view key, std::string_view value);
};

/// Opens each file once.
class ExternalData {
 public:
  explicit ExternalData(Reader& model) : model_(model) {}

  /// The `needed` bytes that `entry` points at. A file's size, when it is first opened, is granted
  /// to `budget`. Errors: not_found, io, invalid_argument (a location outside the folder), parse.
  Bytes find(const ExternalEntry& entry, std::uint64_t needed, Budget& budget);

 private:
  const Bytes& open(const std::string& location, Budget& budget);

  Reader& model_;
  std::map<std::string, Bytes> files_;
};

}  // namespace inlay::inline v0::onnx
