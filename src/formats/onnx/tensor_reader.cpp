#include "formats/onnx/tensor_reader.hpp"

#include <algorithm>
#include <cstring>

#include "formats/onnx/entry_reader.hpp"
#include "formats/onnx/external_data.hpp"
#include "formats/onnx/proto.hpp"
#include "formats/onnx/tensor_dims.hpp"
#include "formats/onnx/type_reader.hpp"
#include "formats/onnx/wire.hpp"

namespace inlay::inline v0::onnx {
namespace {

/// A TensorProto with everything but its typed elements decoded.
struct Header {
  std::string_view name;
  DType dtype = DType::undefined;
  std::vector<std::int64_t> dims;
  std::optional<std::string_view> raw;
  std::optional<ExternalEntry> external;
  std::uint64_t entries[tensor_field::uint64_data + 1] = {};  ///< counted, by typed field
};

/// Fills `header`, so that its name is known even when reading fails.
void read_header(std::string_view bytes, Header& header) {
  ExternalEntry entry;
  bool is_external = false;
  for (Message m(bytes); m.next();) {
    const std::uint32_t field = m.field();
    const auto count = [&](auto) { ++header.entries[field]; };
    switch (field) {
      case tensor_field::dims:
        m.each_integer([&](std::int64_t dim) { push_dim(header.dims, dim); });
        break;
      case tensor_field::data_type:
        header.dtype = read_dtype(m.integer());
        break;
      case tensor_field::segment:
        throw Error(ErrorCode::unsupported,
                    "tensors stored in segments are not supported; write the tensor whole");
      case tensor_field::name:
        header.name = m.bytes();
        break;
      case tensor_field::raw_data:
        header.raw = m.bytes();
        break;
      case tensor_field::external_data: {
        const auto [key, value] = read_entry(m.bytes());
        entry.set(key, value);
        break;
      }
      case tensor_field::data_location:
        is_external = m.integer() == external_location;
        break;
      case tensor_field::float_data:
        m.each_fixed<float>(count);
        break;
      case tensor_field::double_data:
        m.each_fixed<double>(count);
        break;
      case tensor_field::int32_data:
      case tensor_field::int64_data:
      case tensor_field::uint64_data:
        m.each_integer(count);
        break;
      case tensor_field::string_data:
        m.skip();
        count(0);
        break;
      default:
        m.skip();
    }
  }
  if (is_external) header.external = std::move(entry);
}

std::uint32_t typed_field(DType dtype) {
  switch (dtype) {
    case DType::float32:
    case DType::complex64:
      return tensor_field::float_data;
    case DType::float64:
    case DType::complex128:
      return tensor_field::double_data;
    case DType::int64:
      return tensor_field::int64_data;
    case DType::uint32:
    case DType::uint64:
      return tensor_field::uint64_data;
    case DType::string:
      return tensor_field::string_data;
    default:
      return tensor_field::int32_data;
  }
}

/// Entries of the typed field that the elements take: complex numbers take two, and packed types
/// share one per byte.
std::uint64_t typed_entries(DType dtype, std::int64_t elements) {
  if (dtype == DType::complex64 || dtype == DType::complex128) {
    return 2 * static_cast<std::uint64_t>(elements);
  }
  if (bit_width(dtype) < 8) return byte_size(dtype, elements);
  return static_cast<std::uint64_t>(elements);
}

Tensor read_strings(std::string_view bytes, const Shape& shape) {
  Tensor tensor(DType::string, shape);
  auto next = tensor.as_mutable<std::string>().begin();
  for (Message m(bytes); m.next();) {
    if (m.field() == tensor_field::string_data) {
      *next++ = m.bytes();
    } else {
      m.skip();
    }
  }
  return tensor;
}

/// The tensor from its typed field, whose number of entries has been checked.
Tensor read_typed(std::string_view bytes, DType dtype, const Shape& shape) {
  if (dtype == DType::string) return read_strings(bytes, shape);
  Tensor tensor(dtype, shape);
  if (tensor.bytes() == 0) return tensor;
  const std::uint32_t wanted = typed_field(dtype);
  const std::size_t entry_bytes =
      tensor.bytes() / static_cast<std::size_t>(typed_entries(dtype, tensor.size()));
  auto* next = static_cast<std::byte*>(tensor.mutable_data());
  // Integers keep their low bytes: float16 and the like are stored as bit patterns in int32_data.
  const auto store = [&](auto value) {
    std::memcpy(next, &value, std::min(entry_bytes, sizeof value));
    next += entry_bytes;
  };
  for (Message m(bytes); m.next();) {
    if (m.field() != wanted) {
      m.skip();
    } else if (wanted == tensor_field::float_data) {
      m.each_fixed<float>(store);
    } else if (wanted == tensor_field::double_data) {
      m.each_fixed<double>(store);
    } else if (dtype == DType::boolean) {
      m.each_integer([&](std::int64_t value) { store(value != 0); });
    } else {
      m.each_integer(store);
    }
  }
  return tensor;
}

/// Smaller tensors are copied: a few of them must not keep a whole file mapped.
constexpr std::size_t least_borrowed = std::size_t{64} << 10;

/// Whether the bytes can be used where they are; unaligned ones are copied by those who mind.
bool usable_in_place(DType dtype, std::string_view bytes) {
  if (bytes.size() < least_borrowed) return false;
  // A bool that is neither 0 nor 1 is undefined behaviour.
  return dtype != DType::boolean ||
         std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0 || c == 1; });
}

bool is_aligned(DType dtype, std::string_view bytes) {
  const auto alignment = static_cast<std::uintptr_t>(std::max(bit_width(dtype) / 8, 1));
  return reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment == 0;
}

Tensor copy_raw(DType dtype, const Shape& shape, std::string_view bytes) {
  Tensor tensor(dtype, shape);
  if (bytes.empty()) return tensor;
  auto* out = static_cast<std::byte*>(tensor.mutable_data());
  if (dtype == DType::boolean) {
    std::transform(bytes.begin(), bytes.end(), out,
                   [](char c) { return static_cast<std::byte>(c != 0); });
  } else {
    std::memcpy(out, bytes.data(), bytes.size());
  }
  return tensor;
}

Tensor from_raw(DType dtype, const Shape& shape, std::string_view bytes, const Bytes& file,
                bool borrow) {
  if (borrow && usable_in_place(dtype, bytes)) {
    return Tensor::wrap_constant(dtype, shape, bytes.data(), bytes.size(), file.owner);
  }
  return copy_raw(dtype, shape, bytes);
}

Tensor read_external(const Header& header, const Shape& shape, std::uint64_t needed,
                     ReadContext& context) {
  if (context.external == nullptr) {
    throw Error(ErrorCode::unsupported, "external data is allowed in model files only");
  }
  const Bytes file = context.external->find(*header.external, needed, context.budget);
  const std::string_view bytes(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
  if (!context.borrow || !usable_in_place(header.dtype, bytes) ||
      !is_aligned(header.dtype, bytes)) {
    context.budget.spend(needed, "copies of external data");  // regions may overlap
  }
  return from_raw(header.dtype, shape, bytes, file, context.borrow);
}

Tensor read_elements(const Header& header, std::string_view bytes, ReadContext& context) {
  if (header.dtype == DType::undefined) {
    throw Error(ErrorCode::parse, "a tensor has no element type");
  }
  const Shape shape = checked_shape(header.dims, header.dtype, context.limits);
  const std::int64_t elements = shape.elements();
  const std::uint64_t needed = byte_size(header.dtype, elements);
  const auto expect = [&](std::uint64_t found, std::uint64_t wanted, const char* unit) {
    if (found == wanted) return;
    throw Error(ErrorCode::parse, std::string(name(header.dtype)) + to_string(shape) + " needs " +
                                      std::to_string(wanted) + unit + ", the file has " +
                                      std::to_string(found));
  };
  if ((header.raw || header.external) && header.dtype == DType::string) {
    throw Error(ErrorCode::parse, "strings cannot be stored as raw or external data");
  }
  if (header.external) return read_external(header, shape, needed, context);
  if (header.raw) {
    expect(header.raw->size(), needed, " bytes");
    return from_raw(header.dtype, shape, *header.raw, {{}, context.owner}, context.borrow);
  }
  expect(header.entries[typed_field(header.dtype)], typed_entries(header.dtype, elements),
         " entries");
  return read_typed(bytes, header.dtype, shape);
}

}  // namespace

NamedTensor read_tensor(std::string_view bytes, ReadContext& context) {
  Header header;
  try {
    read_header(bytes, header);
    return {header.name, read_elements(header, bytes, context)};
  } catch (const Error& error) {
    throw error.at({.tensor = std::string(header.name)});
  }
}

}  // namespace inlay::inline v0::onnx
