#include "formats/onnx/type_writer.hpp"

#include "formats/onnx/proto.hpp"

namespace inlay::inline v0::onnx {
namespace {

MessageWriter write_shape(const std::vector<Dim>& dims) {
  MessageWriter shape;
  for (const Dim& dim : dims) {
    MessageWriter m;
    if (dim.known()) {
      m.integer(dim_field::value, dim.value);
    } else if (!dim.symbol.empty() && !dim.symbol.starts_with('?')) {
      m.bytes(dim_field::param, dim.symbol);
    }
    shape.message(shape_field::dim, m);
  }
  return shape;
}

MessageWriter write_tensor_type(const Type& type) {
  MessageWriter m;
  if (type.dtype != DType::undefined) {
    m.integer(tensor_type_field::elem_type, static_cast<std::int64_t>(type.dtype));
  }
  if (type.has_rank) m.message(tensor_type_field::shape, write_shape(type.dims));
  return m;
}

MessageWriter write_element(const Type& type, std::uint32_t field) {
  MessageWriter m;
  if (type.element) m.message(field, write_type(*type.element));
  return m;
}

MessageWriter write_map_type(const Type& type) {
  MessageWriter m;
  m.integer(map_type_field::key_type, static_cast<std::int64_t>(type.dtype));
  if (type.element) m.message(map_type_field::value_type, write_type(*type.element));
  return m;
}

}  // namespace

MessageWriter write_type(const Type& type) {
  MessageWriter m;
  switch (type.kind) {
    case Type::Kind::tensor:
      m.message(type_field::tensor_type, write_tensor_type(type));
      break;
    case Type::Kind::sequence:
      m.message(type_field::sequence_type, write_element(type, container_type_field::elem_type));
      break;
    case Type::Kind::optional:
      m.message(type_field::optional_type, write_element(type, container_type_field::elem_type));
      break;
    case Type::Kind::map:
      m.message(type_field::map_type, write_map_type(type));
      break;
    case Type::Kind::unknown:
      break;
  }
  return m;
}

}  // namespace inlay::inline v0::onnx
