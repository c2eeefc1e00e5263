// A model as its file describes it: messages decoded, names not resolved. Called after the messages
// of onnx.proto; names are views of the file's bytes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/onnx/proto.hpp"
#include "inlay/graph.hpp"

namespace inlay::inline v0::onnx {

using OpsetImports = std::map<std::string, int>;  ///< domain ("" is ai.onnx) to version

struct GraphProto;

struct AttributeProto {
  std::string_view name;
  std::string_view ref_attr_name;  ///< not empty: the value is that of the function's attribute
  AttributeType type = AttributeType::undefined;
  Attribute value;                 ///< unless type is graph or graphs
  std::vector<GraphProto> graphs;  ///< one for type graph
};

struct NodeProto {
  std::string_view domain;
  std::string_view op_type;
  std::string_view overload;
  std::string_view name;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<AttributeProto> attributes;  ///< sorted by name, each name once
};

struct NamedTensor {
  std::string_view name;
  Tensor tensor;
};

struct ValueInfoProto {
  std::string_view name;
  Type type;
};

struct GraphProto {
  std::string_view name;
  std::vector<NodeProto> nodes;
  std::vector<NamedTensor> initializers;
  std::vector<ValueInfoProto> inputs;
  std::vector<ValueInfoProto> outputs;
};

struct FunctionProto {
  std::string_view domain;
  std::string_view name;
  std::string_view overload;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<AttributeProto> defaults;
  std::vector<NodeProto> nodes;
  OpsetImports opsets;
};

struct ModelProto {
  GraphProto graph;
  std::vector<FunctionProto> functions;
  OpsetImports opsets;
  std::map<std::string, std::string> metadata;
};

/// ONNX gives the default domain two names; "" is the one used here.
inline std::string_view normalized_domain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

}  // namespace inlay::inline v0::onnx
