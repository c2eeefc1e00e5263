#include "inlay/shape.hpp"

namespace inlay::inline v0 {

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis != 0) text += ", ";
    text += std::to_string(shape[axis]);
  }
  return text + "]";
}

int normalize_axis(std::int64_t axis, int rank) {
  const std::int64_t positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) {
    throw Error(
        ErrorCode::invalid_argument,
        "axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  }
  return static_cast<int>(positive);
}

Shape broadcast(const Shape& a, const Shape& b) {
  if (a == b) return a;
  Shape shape = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const int shift = shape.rank() - shorter.rank();
  for (int axis = 0; axis < shorter.rank(); ++axis) {
    std::int64_t& dim = shape[axis + shift];
    if (dim == 1) {
      dim = shorter[axis];
    } else if (shorter[axis] != 1 && shorter[axis] != dim) {
      throw Error(ErrorCode::shape_mismatch,
                  "shapes " + to_string(a) + " and " + to_string(b) + " do not broadcast");
    }
  }
  return shape;
}

}  // namespace inlay::inline v0
