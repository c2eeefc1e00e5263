#include "formats/onnx/tensor_dims.hpp"

namespace inlay::inline v0::onnx {

void push_dim(std::vector<std::int64_t>& dims, std::int64_t dim) {
  if (dims.size() == Shape::max_rank) {
    throw Error(ErrorCode::limit, "a tensor has more than 16 axes");
  }
  if (dim < 0) throw Error(ErrorCode::parse, "a tensor has a negative dim");
  dims.push_back(dim);
}

Shape checked_shape(const std::vector<std::int64_t>& dims, DType dtype, const Limits& limits) {
  const Shape shape(dims);
  if (byte_size(dtype, shape.elements()) > limits.max_tensor_bytes) {
    throw Error(ErrorCode::limit, "the tensor is larger than " +
                                      std::to_string(limits.max_tensor_bytes) +
                                      " bytes; raise Limits::max_tensor_bytes if that is meant");
  }
  return shape;
}

}  // namespace inlay::inline v0::onnx
