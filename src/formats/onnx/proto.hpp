// Field numbers and enumerators of the ONNX protobuf schema (onnx.proto, IR versions 3 to 14).
#pragma once

#include <cstdint>

#include "inlay/config.hpp"

namespace inlay::inline v0::onnx {

inline constexpr std::int64_t oldest_ir_version = 3;
inline constexpr std::int64_t newest_ir_version = 14;

namespace model_field {
enum : std::uint32_t {
  ir_version = 1,
  producer_name = 2,
  producer_version = 3,
  domain = 4,
  model_version = 5,
  doc_string = 6,
  graph = 7,
  opset_import = 8,
  metadata_props = 14,
  functions = 25,
};
}

namespace opset_field {
enum : std::uint32_t { domain = 1, version = 2 };
}

namespace entry_field {  // StringStringEntryProto
enum : std::uint32_t { key = 1, value = 2 };
}

namespace graph_field {
enum : std::uint32_t {
  node = 1,
  name = 2,
  initializer = 5,
  input = 11,
  output = 12,
  value_info = 13,
  sparse_initializer = 15,
};
}

namespace function_field {
enum : std::uint32_t {
  name = 1,
  input = 4,
  output = 5,
  node = 7,
  opset_import = 9,
  domain = 10,
  attribute_proto = 11,
  overload = 13,
};
}

namespace node_field {
enum : std::uint32_t {
  input = 1,
  output = 2,
  name = 3,
  op_type = 4,
  attribute = 5,
  domain = 7,
  overload = 8,
};
}

namespace attribute_field {
enum : std::uint32_t {
  name = 1,
  f = 2,
  i = 3,
  s = 4,
  t = 5,
  g = 6,
  floats = 7,
  ints = 8,
  strings = 9,
  tensors = 10,
  graphs = 11,
  tp = 14,
  type_protos = 15,
  type = 20,
  ref_attr_name = 21,
  sparse_tensor = 22,
  sparse_tensors = 23,
};
}

enum class AttributeType : std::int32_t {
  undefined = 0,
  float_value = 1,
  int_value = 2,
  string = 3,
  tensor = 4,
  graph = 5,
  floats = 6,
  ints = 7,
  strings = 8,
  tensors = 9,
  graphs = 10,
  sparse_tensor = 11,
  sparse_tensors = 12,
  type_proto = 13,
  type_protos = 14,
};

namespace tensor_field {
enum : std::uint32_t {
  dims = 1,
  data_type = 2,
  segment = 3,
  float_data = 4,
  int32_data = 5,
  string_data = 6,
  int64_data = 7,
  name = 8,
  raw_data = 9,
  double_data = 10,
  uint64_data = 11,
  external_data = 13,
  data_location = 14,
};
}

inline constexpr std::int64_t external_location = 1;  // TensorProto.DataLocation.EXTERNAL

namespace sparse_field {
enum : std::uint32_t { values = 1, indices = 2, dims = 3 };
}

namespace value_info_field {
enum : std::uint32_t { name = 1, type = 2 };
}

namespace type_field {
enum : std::uint32_t {
  tensor_type = 1,
  sequence_type = 4,
  map_type = 5,
  opaque_type = 7,
  sparse_tensor_type = 8,
  optional_type = 9,
};
}

namespace tensor_type_field {
enum : std::uint32_t { elem_type = 1, shape = 2 };
}

namespace container_type_field {  // TypeProto.Sequence and TypeProto.Optional
enum : std::uint32_t { elem_type = 1 };
}

namespace map_type_field {
enum : std::uint32_t { key_type = 1, value_type = 2 };
}

namespace shape_field {
enum : std::uint32_t { dim = 1 };
}

namespace dim_field {
enum : std::uint32_t { value = 1, param = 2 };
}

// SequenceProto and OptionalProto of onnx-data.proto, whose fields have the same numbers.
namespace container_field {
enum : std::uint32_t { tensor = 3, sparse_tensor = 4, sequence = 5, map = 6, optional = 7 };
}

// MapProto of onnx-data.proto.
namespace map_field {
enum : std::uint32_t { key_type = 2, keys = 3, string_keys = 4, values = 5 };
}

}  // namespace inlay::inline v0::onnx
