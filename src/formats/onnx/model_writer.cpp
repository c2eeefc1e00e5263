#include "formats/onnx/model_writer.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "formats/onnx/entry_writer.hpp"
#include "formats/onnx/graph_writer.hpp"
#include "formats/onnx/opset_imports.hpp"
#include "formats/onnx/proto.hpp"

namespace inlay::inline v0::onnx {
namespace {

/// Fields of ModelProto that read_graph keeps as metadata.
constexpr std::pair<std::uint32_t, const char*> text_fields[] = {
    {model_field::producer_name, "onnx.producer_name"},
    {model_field::producer_version, "onnx.producer_version"},
    {model_field::domain, "onnx.domain"},
    {model_field::doc_string, "onnx.doc_string"},
};
constexpr const char* model_version_key = "onnx.model_version";
constexpr const char* ir_version_key = "onnx.ir_version";

bool is_field(std::string_view key) {
  for (const auto& [field, name] : text_fields) {
    if (key == name) return true;
  }
  return key == model_version_key || key == ir_version_key || key == "onnx.graph_name";
}

const std::string* find_metadata(const Graph& graph, const char* key) {
  const auto found = graph.metadata.find(key);
  return found != graph.metadata.end() ? &found->second : nullptr;
}

/// `fallback` when there is none, or something else than a number.
std::int64_t metadata_number(const Graph& graph, const char* key, std::int64_t fallback) {
  std::int64_t number = fallback;
  if (const std::string* text = find_metadata(graph, key)) {
    std::from_chars(text->data(), text->data() + text->size(), number);
  }
  return number;
}

std::int64_t choose_ir_version(const Graph& graph) {
  const auto opset = graph.opsets.find("");
  const std::int64_t least = ir_version_of(opset != graph.opsets.end() ? opset->second : 1);
  return std::min(std::max(metadata_number(graph, ir_version_key, least), least),
                  newest_ir_version);
}

MessageWriter write_opset(std::string_view domain, int version) {
  MessageWriter m;
  m.bytes(opset_field::domain, domain);
  m.integer(opset_field::version, version);
  return m;
}

}  // namespace

MessageWriter write_model(const Graph& graph, ExternalElements* external) {
  MessageWriter m;
  m.integer(model_field::ir_version, choose_ir_version(graph));
  for (const auto& [field, key] : text_fields) {
    if (const std::string* text = find_metadata(graph, key)) m.bytes(field, *text);
  }
  if (find_metadata(graph, model_version_key) != nullptr) {
    m.integer(model_field::model_version, metadata_number(graph, model_version_key, 0));
  }
  m.message(model_field::graph, write_graph(graph, external));
  for (const auto& [domain, version] : graph.opsets) {
    m.message(model_field::opset_import, write_opset(domain, version));
  }
  for (const auto& [key, value] : graph.metadata) {
    if (!is_field(key)) m.message(model_field::metadata_props, write_entry(key, value));
  }
  return m;
}

}  // namespace inlay::inline v0::onnx
