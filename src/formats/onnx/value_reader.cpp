// read_value: the TensorProto, SequenceProto, OptionalProto or MapProto of a test case.
#include <algorithm>
#include <numeric>

#include "formats/onnx/tensor_reader.hpp"
#include "formats/onnx/type_reader.hpp"
#include "formats/onnx/wire.hpp"

namespace inlay::inline v0::onnx {
namespace {

Value read_any(Type::Kind kind, std::string_view bytes, ReadContext& context, int depth);

/// Reads the field of a SequenceProto or OptionalProto that holds a value; nothing for other
/// fields.
std::optional<Value> read_item(Message& m, ReadContext& context, int depth) {
  switch (m.field()) {
    case container_field::tensor:
      return read_any(Type::Kind::tensor, m.bytes(), context, depth);
    case container_field::sparse_tensor:
      return read_sparse_tensor(m.bytes(), context).tensor;
    case container_field::sequence:
      return read_any(Type::Kind::sequence, m.bytes(), context, depth);
    case container_field::map:
      return read_any(Type::Kind::map, m.bytes(), context, depth);
    case container_field::optional:
      return read_any(Type::Kind::optional, m.bytes(), context, depth);
    default:
      m.skip();
      return std::nullopt;
  }
}

Value read_sequence(std::string_view bytes, ReadContext& context, int depth) {
  Sequence sequence;
  for (Message m(bytes); m.next();) {
    if (auto item = read_item(m, context, depth)) sequence.push_back(std::move(*item));
  }
  return sequence;
}

Value read_optional(std::string_view bytes, ReadContext& context, int depth) {
  Value value;
  for (Message m(bytes); m.next();) {
    if (auto item = read_item(m, context, depth)) value = std::move(*item);
  }
  return value;
}

/// A scalar of one of the integer types that a map's keys may have.
Tensor key_scalar(DType dtype, std::int64_t key) {
  if (!is_integer(dtype) || bit_width(dtype) < 8) {
    throw Error(ErrorCode::parse, "the keys of a map are neither integers nor strings");
  }
  Tensor tensor(dtype, {});
  std::memcpy(tensor.mutable_data(), &key, tensor.bytes());
  return tensor;
}

Value read_map(std::string_view bytes, ReadContext& context, int depth) {
  DType key_type = DType::undefined;
  for (Message m(bytes); m.next();) {
    if (m.field() == map_field::key_type) {
      key_type = read_dtype(m.integer());
    } else {
      m.skip();
    }
  }
  // Keys as they are sorted, an integer or a string, and as they are in the map.
  std::vector<std::pair<std::pair<std::int64_t, std::string>, Tensor>> keys;
  Value values = Sequence();
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case map_field::keys:
        m.each_integer([&](std::int64_t key) {
          keys.push_back({{key, {}}, key_scalar(key_type, key)});
        });
        break;
      case map_field::string_keys: {
        std::string key(m.bytes());
        keys.push_back({{0, key}, Tensor::scalar(key)});
        break;
      }
      case map_field::values:
        values = read_any(Type::Kind::sequence, m.bytes(), context, depth);
        break;
      default:
        m.skip();
    }
  }
  if (keys.size() != values.sequence().size()) {
    throw Error(ErrorCode::parse, "a map has " + std::to_string(keys.size()) + " keys and " +
                                      std::to_string(values.sequence().size()) + " values");
  }
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return keys[a].first < keys[b].first; });
  Map map;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && keys[order[i]].first == keys[order[i - 1]].first) {
      throw Error(ErrorCode::parse, "a map has a key twice");
    }
    map.emplace_back(std::move(keys[order[i]].second), values.sequence()[order[i]]);
  }
  return Value(std::move(map));
}

Value read_any(Type::Kind kind, std::string_view bytes, ReadContext& context, int depth) {
  context.check_depth(depth);
  switch (kind) {
    case Type::Kind::sequence:
      return read_sequence(bytes, context, depth + 1);
    case Type::Kind::optional:
      return read_optional(bytes, context, depth + 1);
    case Type::Kind::map:
      return read_map(bytes, context, depth + 1);
    case Type::Kind::tensor:
    case Type::Kind::unknown:
      break;
  }
  return read_tensor(bytes, context).tensor;
}

}  // namespace
}  // namespace inlay::inline v0::onnx

namespace inlay::inline v0 {

Value read_value(std::span<const std::byte> bytes, const Type& type, const Limits& limits) {
  try {
    onnx::ReadContext context{.limits = limits, .budget = onnx::Budget(bytes.size())};
    return onnx::read_any(type.kind, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                          context, 0);
  } catch (...) {
    throw current_error();
  }
}

}  // namespace inlay::inline v0
