#include "formats/onnx/model_reader.hpp"

#include <limits>

#include "formats/onnx/entry_reader.hpp"
#include "formats/onnx/graph_reader.hpp"
#include "formats/onnx/wire.hpp"

namespace inlay::inline v0::onnx {
namespace {

void read_opset_import(std::string_view bytes, OpsetImports& opsets) {
  std::string_view domain;
  std::int64_t version = 0;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case opset_field::domain:
        domain = normalized_domain(m.bytes());
        break;
      case opset_field::version:
        version = m.integer();
        break;
      default:
        m.skip();
    }
  }
  if (version < 1 || version > std::numeric_limits<int>::max()) {
    throw Error(ErrorCode::parse, "the opset version of domain '" + std::string(domain) + "' is " +
                                      std::to_string(version) + ", which cannot be");
  }
  opsets[std::string(domain)] = static_cast<int>(version);
}

FunctionProto read_function(std::string_view bytes, ReadContext& context) {
  FunctionProto function;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case function_field::name:
        function.name = m.bytes();
        break;
      case function_field::domain:
        function.domain = normalized_domain(m.bytes());
        break;
      case function_field::overload:
        function.overload = m.bytes();
        break;
      case function_field::input:
        function.inputs.push_back(m.bytes());
        break;
      case function_field::output:
        function.outputs.push_back(m.bytes());
        break;
      case function_field::node:
        function.nodes.push_back(read_node(m.bytes(), context, 0));
        break;
      case function_field::attribute_proto:
        function.defaults.push_back(read_attribute(m.bytes(), context, 0));
        break;
      case function_field::opset_import:
        read_opset_import(m.bytes(), function.opsets);
        break;
      default:
        m.skip();
    }
  }
  sort_attributes(function.defaults);
  return function;
}

void check_ir_version(std::int64_t version) {
  if (version < oldest_ir_version || version > newest_ir_version) {
    throw Error(ErrorCode::unsupported,
                "the file is of IR version " + std::to_string(version) + "; this library reads " +
                    std::to_string(oldest_ir_version) + " to " + std::to_string(newest_ir_version));
  }
}

}  // namespace

ModelProto read_model(std::string_view bytes, ReadContext& context) {
  ModelProto model;
  std::int64_t ir_version = 0;
  std::map<std::string, std::string> about;  // wins over metadata_props of the same keys
  bool has_graph = false;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case model_field::ir_version:
        ir_version = m.integer();
        check_ir_version(ir_version);
        break;
      case model_field::producer_name:
        about["onnx.producer_name"] = m.bytes();
        break;
      case model_field::producer_version:
        about["onnx.producer_version"] = m.bytes();
        break;
      case model_field::domain:
        about["onnx.domain"] = m.bytes();
        break;
      case model_field::model_version:
        about["onnx.model_version"] = std::to_string(m.integer());
        break;
      case model_field::doc_string:
        about["onnx.doc_string"] = m.bytes();
        break;
      case model_field::graph:
        model.graph = read_graph(m.bytes(), context, 0);
        has_graph = true;
        break;
      case model_field::opset_import:
        read_opset_import(m.bytes(), model.opsets);
        break;
      case model_field::metadata_props: {
        const auto [key, value] = read_entry(m.bytes());
        model.metadata[std::string(key)] = value;
        break;
      }
      case model_field::functions:
        model.functions.push_back(read_function(m.bytes(), context));
        break;
      default:
        m.skip();
    }
  }
  if (ir_version == 0) {
    throw Error(ErrorCode::parse, "the file names no IR version: it is not an ONNX model");
  }
  if (!has_graph) throw Error(ErrorCode::parse, "the file has no graph");
  if (model.opsets.empty()) throw Error(ErrorCode::parse, "the file imports no operator set");
  about["onnx.ir_version"] = std::to_string(ir_version);
  about["onnx.graph_name"] = model.graph.name;
  for (auto& [key, text] : about) {
    if (!text.empty()) model.metadata[key] = text;
  }
  return model;
}

}  // namespace inlay::inline v0::onnx
