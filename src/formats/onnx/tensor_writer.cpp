#include "formats/onnx/tensor_writer.hpp"

#include "formats/onnx/entry_writer.hpp"

namespace inlay::inline v0::onnx {
namespace {

void write_external(MessageWriter& m, const Tensor& tensor, ExternalElements& external) {
  const std::uint64_t offset = external.place(tensor);
  const auto entry = [&](std::string_view key, std::string_view value) {
    m.message(tensor_field::external_data, write_entry(key, value));
  };
  entry("location", external.location());
  entry("offset", std::to_string(offset));
  entry("length", std::to_string(tensor.bytes()));
  m.integer(tensor_field::data_location, external_location);
}

}  // namespace

MessageWriter write_tensor(std::string_view name, const Tensor& tensor,
                           ExternalElements* external) {
  const Where where{.tensor = std::string(name)};
  if (!tensor.defined()) throw Error(ErrorCode::invalid_graph, "a tensor is undefined", where);
  if (!tensor.has_elements()) {
    throw Error(ErrorCode::invalid_argument,
                "the model gave up the tensor's elements when a kernel had packed them; write the "
                "graph that the model was made from",
                where);
  }
  MessageWriter m;
  for (const std::int64_t dim : tensor.shape()) m.integer(tensor_field::dims, dim);
  m.integer(tensor_field::data_type, static_cast<std::int64_t>(tensor.dtype()));
  if (!name.empty()) m.bytes(tensor_field::name, name);
  if (tensor.dtype() == DType::string) {
    for (const std::string& text : tensor.as<std::string>()) {
      m.bytes(tensor_field::string_data, text);
    }
  } else if (external != nullptr && external->takes(tensor)) {
    write_external(m, tensor, *external);
  } else {
    m.reference(tensor_field::raw_data,
                {static_cast<const std::byte*>(tensor.data()), tensor.bytes()});
  }
  return m;
}

}  // namespace inlay::inline v0::onnx
