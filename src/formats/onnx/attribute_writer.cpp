#include "formats/onnx/graph_writer.hpp"
#include "formats/onnx/proto.hpp"
#include "formats/onnx/tensor_writer.hpp"
#include "formats/onnx/type_writer.hpp"

namespace inlay::inline v0::onnx {
namespace {

/// Adds the attribute's type and value. Tensors stay in the model file: not every reader looks for
/// those of attributes elsewhere.
class AttributeValueWriter {
 public:
  AttributeValueWriter(MessageWriter& m, ExternalElements* external) : m_(m), external_(external) {}

  void operator()(std::int64_t value) {
    type(AttributeType::int_value);
    m_.integer(attribute_field::i, value);
  }
  void operator()(float value) {
    type(AttributeType::float_value);
    m_.real(attribute_field::f, value);
  }
  void operator()(const std::string& value) {
    type(AttributeType::string);
    m_.bytes(attribute_field::s, value);
  }
  void operator()(const Tensor& value) {
    type(AttributeType::tensor);
    m_.message(attribute_field::t, write_tensor({}, value, nullptr));
  }
  void operator()(const std::shared_ptr<Graph>& value) {
    type(AttributeType::graph);
    m_.message(attribute_field::g, write_graph(*value, external_));
  }
  void operator()(const Type& value) {
    type(AttributeType::type_proto);
    m_.message(attribute_field::tp, write_type(value));
  }
  void operator()(const std::vector<std::int64_t>& values) {
    type(AttributeType::ints);
    for (const std::int64_t value : values) m_.integer(attribute_field::ints, value);
  }
  void operator()(const std::vector<float>& values) {
    type(AttributeType::floats);
    for (const float value : values) m_.real(attribute_field::floats, value);
  }
  void operator()(const std::vector<std::string>& values) {
    type(AttributeType::strings);
    for (const std::string& value : values) m_.bytes(attribute_field::strings, value);
  }
  void operator()(const std::vector<Tensor>& values) {
    type(AttributeType::tensors);
    for (const Tensor& value : values) {
      m_.message(attribute_field::tensors, write_tensor({}, value, nullptr));
    }
  }
  void operator()(const std::vector<std::shared_ptr<Graph>>& values) {
    type(AttributeType::graphs);
    for (const auto& value : values) {
      m_.message(attribute_field::graphs, write_graph(*value, external_));
    }
  }
  void operator()(const std::vector<Type>& values) {
    type(AttributeType::type_protos);
    for (const Type& value : values) m_.message(attribute_field::type_protos, write_type(value));
  }

 private:
  void type(AttributeType type) {
    m_.integer(attribute_field::type, static_cast<std::int64_t>(type));
  }

  MessageWriter& m_;
  ExternalElements* external_;
};

}  // namespace

MessageWriter write_attribute(const std::string& name, const Attribute& attribute,
                              ExternalElements* external) {
  MessageWriter m;
  m.bytes(attribute_field::name, name);
  std::visit(AttributeValueWriter(m, external), attribute);
  return m;
}

}  // namespace inlay::inline v0::onnx
