#include "formats/onnx/type_reader.hpp"

#include "formats/onnx/proto.hpp"
#include "formats/onnx/wire.hpp"

namespace inlay::inline v0::onnx {
namespace {

Dim read_dim(std::string_view bytes) {
  Dim dim;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case dim_field::value: {
        const std::int64_t value = m.integer();
        dim = value >= 0 ? Dim(value) : Dim();
        break;
      }
      case dim_field::param:
        dim = Dim::named(std::string(m.bytes()));
        break;
      default:
        m.skip();
    }
  }
  return dim;
}

std::vector<Dim> read_shape(std::string_view bytes) {
  std::vector<Dim> dims;
  for (Message m(bytes); m.next();) {
    if (m.field() != shape_field::dim) {
      m.skip();
      continue;
    }
    if (dims.size() == Shape::max_rank) {
      throw Error(ErrorCode::limit, "a tensor type has more than 16 axes");
    }
    dims.push_back(read_dim(m.bytes()));
  }
  return dims;
}

Type read_tensor_type(std::string_view bytes) {
  Type type = Type::tensor(DType::undefined);
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case tensor_type_field::elem_type:
        type.dtype = read_dtype(m.integer());
        break;
      case tensor_type_field::shape:
        type.dims = read_shape(m.bytes());
        type.has_rank = true;
        break;
      default:
        m.skip();
    }
  }
  return type;
}

Type read_element_type(std::string_view bytes, const ReadContext& context, int depth) {
  Type element;
  for (Message m(bytes); m.next();) {
    if (m.field() == container_type_field::elem_type) {
      element = read_type(m.bytes(), context, depth);
    } else {
      m.skip();
    }
  }
  return element;
}

Type read_map_type(std::string_view bytes, const ReadContext& context, int depth) {
  Type type;
  Type element;
  type.kind = Type::Kind::map;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case map_type_field::key_type:
        type.dtype = read_dtype(m.integer());
        break;
      case map_type_field::value_type:
        element = read_type(m.bytes(), context, depth);
        break;
      default:
        m.skip();
    }
  }
  type.element = std::make_shared<const Type>(std::move(element));
  return type;
}

}  // namespace

DType read_dtype(std::int64_t data_type) {
  const auto dtype = static_cast<DType>(data_type);
  if (data_type < 0 || data_type > 255 || (bit_width(dtype) == 0 && data_type != 0)) {
    throw Error(ErrorCode::unsupported, "element type number " + std::to_string(data_type) +
                                            " is not one that this version knows");
  }
  return dtype;
}

Type read_type(std::string_view bytes, const ReadContext& context, int depth) {
  context.check_depth(depth);
  Type type;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case type_field::tensor_type:
        type = read_tensor_type(m.bytes());
        break;
      case type_field::sequence_type:
        type = Type::sequence(read_element_type(m.bytes(), context, depth + 1));
        break;
      case type_field::optional_type:
        type = Type::optional(read_element_type(m.bytes(), context, depth + 1));
        break;
      case type_field::map_type:
        type = read_map_type(m.bytes(), context, depth + 1);
        break;
      case type_field::sparse_tensor_type:
      case type_field::opaque_type:
        throw Error(ErrorCode::unsupported, "values of sparse or opaque type are not supported");
      default:
        m.skip();
    }
  }
  return type;
}

}  // namespace inlay::inline v0::onnx
