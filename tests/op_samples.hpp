// One typical call per operator, for the tests that hold of all of them.
#pragma once

#include <utility>
#include <vector>

#include "ops_support.hpp"

namespace inlay::test {

struct Sample {
  Call call;
  /// (input, axis) pairs that may be 0 long together; none when nothing of the call may be.
  std::vector<std::pair<std::size_t, int>> empty = {{0, 0}};
  bool scalar = false;      ///< every input may have rank 0
  bool broadcasts = false;  ///< inputs broadcast against each other
  int axes_input = -1;      ///< the input that holds axes of input 0 (or of the output)
  bool dtypes = true;       ///< any dtype of the schema goes with these attributes
};

std::vector<Sample> elementwise_samples();
std::vector<Sample> tensor_samples();  // reductions, normalization, movement, selection, generators
std::vector<Sample> product_samples();  // products, convolutions, pools, recurrent, attention
std::vector<Sample> quantized_samples();
std::vector<Sample> signal_samples();
std::vector<Sample> text_samples();
std::vector<Sample> ml_samples();
std::vector<Sample>
contrib_samples();  // of com.microsoft, but for those that are quantized_samples

/// All of the above.
std::vector<Sample> op_samples();

/// 1, 2, 3, 1, 2 … so that sums and products are small and whole.
Tensor counting(const Shape& shape, float scale = 1, float offset = 0);
template <class T>
Tensor counting_as(const Shape& shape) {
  Tensor tensor(dtype_of<T>, shape);
  int i = 0;
  for (T& value : tensor.as_mutable<T>()) value = static_cast<T>(1 + i++ % 3);
  return tensor;
}
inline Tensor longs(std::initializer_list<std::int64_t> values) {
  return Tensor::copy_of<std::int64_t>(values);
}

inline constexpr int newest = 28;

inline Call op(std::string name, std::vector<Value> inputs,
               std::initializer_list<Attributes::Item> items = {}, std::size_t outputs = 1,
               int version = newest) {
  return call(std::move(name), std::move(inputs), items, version, outputs);
}
inline Attributes::Item whole(std::string name, std::int64_t value) {
  return {std::move(name), value};
}
inline Attributes::Item list(std::string name, Int64s values) { return {std::move(name), values}; }
inline Attributes::Item word(std::string name, std::string value) {
  return {std::move(name), value};
}

}  // namespace inlay::test
