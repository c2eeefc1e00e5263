#include "inlay/backend.hpp"

namespace inlay::inline v0 {

Tensor PackedWeights::next(DType dtype, const Shape& shape, FunctionRef<void(Tensor&)> fill) {
  if (!is_stored_) {
    Tensor tensor = Tensor::zeros(dtype, shape);
    fill(tensor);
    tensors_.push_back(tensor);
    return tensor;
  }
  const bool fits = taken_ < tensors_.size() && tensors_[taken_].dtype() == dtype &&
                    tensors_[taken_].shape() == shape && tensors_[taken_].has_elements();
  if (!fits) {
    throw Error(ErrorCode::stale,
                "the prepared file's weights are not those that the kernel takes");
  }
  return tensors_[taken_++];
}

void PackedWeights::finish() const {
  if (is_stored_ && taken_ != tensors_.size()) {
    throw Error(ErrorCode::stale, "the prepared file holds weights that the kernel does not take");
  }
}

std::size_t PackedWeights::bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Tensor& tensor : tensors_) bytes += tensor.bytes();
  return bytes;
}

}  // namespace inlay::inline v0
