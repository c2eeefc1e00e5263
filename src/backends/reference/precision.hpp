// Computing in a wider type than the tensors hold.
#pragma once

#include <algorithm>

#include "backends/reference/dispatch.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0::kernels {

/// The elements as To: those of the tensor itself where it holds To, else a copy in scratch.
template <class To, class From>
const To* widened(KernelContext& context, const Tensor& tensor) {
  const auto values = tensor.as<From>();
  if constexpr (std::is_same_v<To, From>) {
    return values.data();
  } else {
    const auto copy = context.scratch<To>(tensor.size());
    std::transform(values.begin(), values.end(), copy.begin(),
                   [](From value) { return static_cast<To>(value); });
    return copy.data();
  }
}
/// The same for an optional input; null when it is absent.
template <class To, class From>
const To* widened_input(KernelContext& context, std::size_t i) {
  return context.has_input(i) ? widened<To, From>(context, context.input(i)) : nullptr;
}

/// The output as it is computed: the tensor's own elements, or scratch of compute_t<T> which
/// store() rounds to T in the end.
template <class T>
class WideOutput {
 public:
  using Wide = compute_t<T>;

  WideOutput(KernelContext& context, Tensor& tensor) : out_(tensor.as_mutable<T>()) {
    if constexpr (std::is_same_v<Wide, T>) {
      values_ = out_;
    } else {
      values_ = context.scratch<Wide>(tensor.size());
    }
  }

  std::span<Wide> values() const { return values_; }
  Wide* data() const { return values_.data(); }

  void store() const {
    if constexpr (!std::is_same_v<Wide, T>) {
      std::transform(values_.begin(), values_.end(), out_.begin(),
                     [](Wide value) { return static_cast<T>(value); });
    }
  }

 private:
  std::span<T> out_;
  std::span<Wide> values_;
};

}  // namespace inlay::inline v0::kernels
