#include "formats/onnx/graph_reader.hpp"
#include "formats/onnx/tensor_reader.hpp"
#include "formats/onnx/type_reader.hpp"
#include "formats/onnx/wire.hpp"

namespace inlay::inline v0::onnx {
namespace {

/// The type that goes with the field that holds a value; undefined for all other fields.
AttributeType type_of_field(std::uint32_t field) {
  switch (field) {
    case attribute_field::f:
      return AttributeType::float_value;
    case attribute_field::i:
      return AttributeType::int_value;
    case attribute_field::s:
      return AttributeType::string;
    case attribute_field::t:
      return AttributeType::tensor;
    case attribute_field::g:
      return AttributeType::graph;
    case attribute_field::floats:
      return AttributeType::floats;
    case attribute_field::ints:
      return AttributeType::ints;
    case attribute_field::strings:
      return AttributeType::strings;
    case attribute_field::tensors:
      return AttributeType::tensors;
    case attribute_field::graphs:
      return AttributeType::graphs;
    case attribute_field::tp:
      return AttributeType::type_proto;
    case attribute_field::type_protos:
      return AttributeType::type_protos;
    case attribute_field::sparse_tensor:
      return AttributeType::sparse_tensor;
    case attribute_field::sparse_tensors:
      return AttributeType::sparse_tensors;
    default:
      return AttributeType::undefined;
  }
}

/// What an attribute of this type holds when its field is left out, as writers do with zeros.
Attribute default_value(AttributeType type) {
  switch (type) {
    case AttributeType::float_value:
      return 0.0f;
    case AttributeType::int_value:
    case AttributeType::graph:
    case AttributeType::graphs:
      return std::int64_t{0};
    case AttributeType::string:
      return std::string();
    case AttributeType::tensor:
    case AttributeType::sparse_tensor:
      return Tensor();
    case AttributeType::type_proto:
      return Type();
    case AttributeType::floats:
      return std::vector<float>();
    case AttributeType::ints:
      return std::vector<std::int64_t>();
    case AttributeType::strings:
      return std::vector<std::string>();
    case AttributeType::tensors:
    case AttributeType::sparse_tensors:
      return std::vector<Tensor>();
    case AttributeType::type_protos:
      return std::vector<Type>();
    case AttributeType::undefined:
      break;
  }
  throw Error(ErrorCode::unsupported, "the attribute is of a type that this version does not know");
}

template <class T>
void append(Attribute& list, T value) {
  std::get<std::vector<T>>(list).push_back(std::move(value));
}

/// Puts the value of the current field, which is the one of the attribute's type, into it.
INLAY_COLD void read_value_field(Message& m, AttributeProto& attribute, ReadContext& context,
                                 int depth) {
  Attribute& value = attribute.value;
  switch (attribute.type) {
    case AttributeType::float_value:
      value = m.real();
      break;
    case AttributeType::int_value:
      value = m.integer();
      break;
    case AttributeType::string:
      value = std::string(m.bytes());
      break;
    case AttributeType::tensor:
      value = read_tensor(m.bytes(), context).tensor;
      break;
    case AttributeType::sparse_tensor:
      value = read_sparse_tensor(m.bytes(), context).tensor;
      break;
    case AttributeType::type_proto:
      value = read_type(m.bytes(), context);
      break;
    case AttributeType::graph:
      attribute.graphs.clear();
      [[fallthrough]];
    case AttributeType::graphs:
      attribute.graphs.push_back(read_graph(m.bytes(), context, depth + 1));
      break;
    case AttributeType::floats:
      m.each_fixed<float>([&](float item) { append(value, item); });
      break;
    case AttributeType::ints:
      m.each_integer([&](std::int64_t item) { append(value, item); });
      break;
    case AttributeType::strings:
      append(value, std::string(m.bytes()));
      break;
    case AttributeType::tensors:
      append(value, read_tensor(m.bytes(), context).tensor);
      break;
    case AttributeType::sparse_tensors:
      append(value, read_sparse_tensor(m.bytes(), context).tensor);
      break;
    case AttributeType::type_protos:
      append(value, read_type(m.bytes(), context));
      break;
    case AttributeType::undefined:
      m.skip();
  }
}

/// Name, reference and type; the type is that of the value's field where the file leaves it out.
AttributeProto read_head(std::string_view bytes) {
  AttributeProto attribute;
  AttributeType implied = AttributeType::undefined;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case attribute_field::name:
        attribute.name = m.bytes();
        break;
      case attribute_field::ref_attr_name:
        attribute.ref_attr_name = m.bytes();
        break;
      case attribute_field::type:
        attribute.type = static_cast<AttributeType>(m.integer());
        break;
      default:
        if (const auto type = type_of_field(m.field()); type != AttributeType::undefined) {
          implied = type;
        }
        m.skip();
    }
  }
  if (attribute.type == AttributeType::undefined) attribute.type = implied;
  return attribute;
}

void check(const AttributeProto& attribute) {
  const auto* tensor = std::get_if<Tensor>(&attribute.value);
  if ((tensor != nullptr && !tensor->defined()) ||
      (attribute.type == AttributeType::graph && attribute.graphs.empty())) {
    throw Error(ErrorCode::parse, "the attribute has no value");
  }
}

}  // namespace

AttributeProto read_attribute(std::string_view bytes, ReadContext& context, int depth) {
  AttributeProto attribute = read_head(bytes);
  if (attribute.name.empty()) throw Error(ErrorCode::parse, "an attribute has no name");
  if (!attribute.ref_attr_name.empty()) return attribute;
  try {
    attribute.value = default_value(attribute.type);
    for (Message m(bytes); m.next();) {
      if (type_of_field(m.field()) == attribute.type) {
        read_value_field(m, attribute, context, depth);
      } else {
        m.skip();
      }
    }
    check(attribute);
  } catch (const Error& error) {
    if (!error.where().tensor.empty() || !error.where().node.empty()) throw;
    throw Error(error.code(), "attribute '" + std::string(attribute.name) + "': " + error.message(),
                error.where());
  }
  return attribute;
}

}  // namespace inlay::inline v0::onnx
