// com.microsoft's operators on weights quantized in blocks: MatMulNBits, MatMulBnb4,
// GatherBlockQuantized.
#include "backends/reference/arguments.hpp"
#include "backends/reference/contrib/contrib.hpp"
#include "backends/reference/low_bits.hpp"
#include "backends/reference/precision.hpp"
#include "backends/reference/product.hpp"
#include "backends/reference/quantization.hpp"
#include "backends/reference/storage.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// The sizes of weights [columns, depth] in blocks along the depth.
struct BlockedWeights {
  std::int64_t columns, depth, block;

  std::int64_t blocks() const { return depth / block + (depth % block != 0 ? 1 : 0); }
};

BlockedWeights blocked_weights(const KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const BlockedWeights w{attributes.integer("N", 0), attributes.integer("K", 0),
                         attributes.integer("block_size", 0)};
  constexpr std::int64_t most = 1 << 30;
  const bool power = w.block >= 16 && w.block <= most && (w.block & (w.block - 1)) == 0;
  if (w.columns < 1 || w.columns > most || w.depth < 1 || w.depth > most || !power) {
    context.fail(ErrorCode::invalid_graph,
                 "N and K must be positive, block_size a power of two from 16 on");
  }
  return w;
}

/// Errors: shape_mismatch unless input i has `size` elements.
void require_size(const KernelContext& context, std::size_t i, std::int64_t size) {
  if (context.input(i).size() != size) {
    context.fail(ErrorCode::shape_mismatch, "input " + std::to_string(i) + " is " +
                                                to_string(context.input(i).shape()) + ", not of " +
                                                std::to_string(size) + " elements");
  }
}

/// Output 0 = input 0 * the transposed weights + bias, where decode(column, row) writes the weights
/// of one column. Null: the weights are zero.
template <class T, class Decode>
void multiply_decoded(KernelContext& context, const BlockedWeights& w, std::size_t bias_input,
                      Decode* decode) {
  using Wide = compute_t<T>;
  const Tensor& a = context.input(0);
  Shape shape = a.shape();
  shape[a.rank() - 1] = w.columns;
  Tensor& y = context.output(0, shape);
  const std::int64_t rows = a.shape().product(0, a.rank() - 1);
  const Wide* bias = widened_input<Wide, T>(context, bias_input);
  if (bias != nullptr) require_size(context, bias_input, w.columns);
  const WideOutput<T> out(context, y);
  for (std::int64_t row = 0; row < rows; ++row) {
    Wide* to = out.data() + row * w.columns;
    for (std::int64_t n = 0; n < w.columns; ++n) to[n] = bias != nullptr ? bias[n] : Wide{};
  }
  if (decode != nullptr && rows > 0) {
    const Wide* left = widened<Wide, T>(context, a);
    constexpr std::int64_t tile = 16;  // columns that are decoded together
    const auto scratch = context.scratch<Wide>(context.concurrency() * tile * w.depth);
    context.parallel_for((w.columns + tile - 1) / tile, [&](std::int64_t task, int worker) {
      Wide* decoded_columns = scratch.data() + worker * tile * w.depth;
      const std::int64_t first = task * tile, count = std::min(tile, w.columns - first);
      for (std::int64_t n = 0; n < count; ++n) {
        (*decode)(first + n, decoded_columns + n * w.depth);
      }
      const Matrix<const Wide> columns{decoded_columns, count, w.depth, w.depth};
      multiply_add<Wide>({left, rows, w.depth, w.depth}, columns.transposed(),
                         {out.data() + first, rows, count, w.columns});
    });
  }
  out.store();
}

void check_depth(const KernelContext& context, const BlockedWeights& w) {
  const Shape& a = context.input(0).shape();
  if (a.rank() < 1 || a.back() != w.depth) {
    context.fail(ErrorCode::shape_mismatch,
                 "the last axis of " + to_string(a) + " is not K = " + std::to_string(w.depth));
  }
}

void run_matmul_nbits(KernelContext& context) {
  const BlockedWeights w = blocked_weights(context);
  check_depth(context, w);
  const std::int64_t wide_bits = context.attributes().integer("bits", 4);
  if (wide_bits != 2 && wide_bits != 4 && wide_bits != 8) {
    context.fail(ErrorCode::unsupported, "weights must have 2, 4 or 8 bits");
  }
  if (context.attributes().integer("weight_prepacked", 0) != 0) {
    context.fail(ErrorCode::unsupported, "weights packed for one kind of device");
  }
  const int bits = static_cast<int>(wide_bits);
  const std::int64_t blocks = w.blocks(), blob = w.block * bits / 8;
  const Tensor& codes = context.input(1);
  const bool omitted = codes.size() == 0;
  if (!omitted) require_size(context, 1, Shape{w.columns, blocks, blob}.elements());
  visit_dtype<Types<float, float16, bfloat16>>(context.input(0).dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const auto bytes = codes.as<std::uint8_t>();
    const Wide* scales = omitted ? nullptr : widened_input<Wide, T>(context, 2);
    const std::uint8_t* packed_zeros = nullptr;
    const Wide* zeros = nullptr;
    const std::int64_t zero_bytes = (blocks * bits + 7) / 8;
    if (!omitted) require_size(context, 2, w.columns * blocks);
    if (!omitted && context.has_input(3)) {
      const Tensor& tensor = context.input(3);
      const bool packed = tensor.dtype() == DType::uint8;
      require_size(context, 3, w.columns * (packed ? zero_bytes : blocks));
      if (packed) {
        packed_zeros = tensor.as<std::uint8_t>().data();
      } else {
        zeros = widened<Wide, T>(context, tensor);
      }
    }
    std::span<const std::int32_t> groups;
    if (!omitted && context.has_input(4)) {
      groups = context.input(4).as<std::int32_t>();
      const bool fits = static_cast<std::int64_t>(groups.size()) >= w.depth &&
                        std::all_of(groups.begin(), groups.begin() + w.depth,
                                    [&](std::int64_t g) { return g >= 0 && g < blocks; });
      if (!fits) context.fail(ErrorCode::execution, "g_idx must name a block for each row");
    }
    const auto decode = [&](std::int64_t column, Wide* to) {
      const std::uint8_t* row = bytes.data() + column * blocks * blob;
      for (std::int64_t k = 0; k < w.depth; ++k) {
        const std::int64_t group =
            groups.empty() ? k / w.block : groups[static_cast<std::size_t>(k)];
        Wide zero = static_cast<Wide>(1 << (bits - 1));
        if (packed_zeros != nullptr) {
          zero = get_code(packed_zeros + column * zero_bytes, bits, group);
        } else if (zeros != nullptr) {
          zero = zeros[column * blocks + group];
        }
        to[k] =
            (static_cast<Wide>(get_code(row, bits, k)) - zero) * scales[column * blocks + group];
      }
    };
    multiply_decoded<T>(context, w, 5, omitted ? nullptr : &decode);
  });
}

/// The numbers of the 4-bit codes of bitsandbytes (Dettmers et al. 2023): a sign, two bits of
/// exponent and one of mantissa; or quantiles of the normal distribution.
constexpr std::array<float, 16> fp4_values{
    0.f,  0.00520833f,  0.66666667f,  1.f,  0.33333333f,  0.5f,  0.16666667f,  0.25f,
    -0.f, -0.00520833f, -0.66666667f, -1.f, -0.33333333f, -0.5f, -0.16666667f, -0.25f};
constexpr std::array<float, 16> nf4_values{-1.f,
                                           -0.6961928009986877f,
                                           -0.5250730514526367f,
                                           -0.39491748809814453f,
                                           -0.28444138169288635f,
                                           -0.18477343022823334f,
                                           -0.09105003625154495f,
                                           0.f,
                                           0.07958029955625534f,
                                           0.16093020141124725f,
                                           0.24611230194568634f,
                                           0.33791524171829224f,
                                           0.44070982933044434f,
                                           0.5626170039176941f,
                                           0.7229568362236023f,
                                           1.f};

void run_matmul_bnb4(KernelContext& context) {
  const BlockedWeights w = blocked_weights(context);
  check_depth(context, w);
  const std::int64_t kind = context.attributes().integer("quant_type", 1);
  if (kind != 0 && kind != 1) context.fail(ErrorCode::invalid_graph, "quant_type must be 0 or 1");
  if (context.attributes().integer("transB", 1) == 0) {
    context.fail(ErrorCode::unsupported, "weights that are not transposed are not supported");
  }
  const std::int64_t count = Shape{w.columns, w.depth}.elements();  // blocks run on across columns
  require_size(context, 1, (count + 1) / 2);
  require_size(context, 2, count / w.block + (count % w.block != 0 ? 1 : 0));
  const auto codes = context.input(1).as<std::uint8_t>();
  const auto& values = kind == 0 ? fp4_values : nf4_values;
  visit_dtype<Types<float, float16, bfloat16>>(context.input(0).dtype(), [&]<class T>() {
    using Wide = compute_t<T>;
    const auto largest = context.input(2).as<T>();
    const auto decode = [&](std::int64_t column, Wide* to) {
      for (std::int64_t k = 0; k < w.depth; ++k) {
        const auto i = static_cast<std::size_t>(column * w.depth + k);
        const std::uint8_t byte = codes[i / 2];
        const float value = values[i % 2 == 0 ? byte >> 4 : byte & 15];
        to[k] = value * static_cast<Wide>(largest[i / static_cast<std::size_t>(w.block)]);
      }
    };
    multiply_decoded<T>(context, w, SIZE_MAX, &decode);
  });
}

/// How GatherBlockQuantized's data, scales and zero points lie.
struct BlockedTable {
  Shape shape;  ///< of the data, in codes
  int bits = 0;
  std::int64_t block = 0;
  int gather_axis = 0, quantize_axis = 0;
  Strides scale_steps{}, zero_steps{};  ///< along the data's axes, blocks along quantize_axis

  std::int64_t blocks() const {
    const std::int64_t dim = shape[quantize_axis];
    return dim / block + (dim % block != 0 ? 1 : 0);
  }
  /// Where the scale or zero point of the code number `i` lies.
  std::int64_t place(std::int64_t i, const Strides& steps) const {
    std::int64_t offset = 0;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const std::int64_t at = i % shape[axis];
      i /= shape[axis];
      offset += (axis == quantize_axis ? at / block : at) * steps[static_cast<std::size_t>(axis)];
    }
    return offset;
  }
};

BlockedTable blocked_table(const KernelContext& context) {
  const Attributes& attributes = context.attributes();
  const Tensor& data = context.input(0);
  BlockedTable table;
  table.shape = data.shape();
  const int rank = data.rank();
  const bool bytes = data.dtype() == DType::uint8;
  const std::int64_t bits = bytes ? attributes.integer("bits", 4) : bit_width(data.dtype());
  if (bits != 2 && bits != 4 && bits != 8) {
    context.fail(ErrorCode::unsupported, "bits must be 2, 4 or 8");
  }
  table.bits = static_cast<int>(bits);
  table.gather_axis = axis_attribute(context, 0, rank, "gather_axis");
  table.quantize_axis = axis_attribute(context, 1, rank, "quantize_axis");
  const bool packed = bytes && bits < 8;
  if (table.gather_axis == table.quantize_axis || (bytes && table.gather_axis != 0)) {
    context.fail(ErrorCode::invalid_graph, "gather_axis and quantize_axis do not fit the data");
  }
  const auto unpacked = [&](Shape shape) {
    if (packed) shape[rank - 1] = Shape{shape[rank - 1], 8 / bits}.elements();
    return shape;
  };
  table.shape = unpacked(data.shape());
  table.block = attributes.integer("block_size", 128);
  if (table.block == 0 && is_small_float(data.dtype())) {
    table.block = std::max<std::int64_t>(table.shape[table.quantize_axis], 1);
  } else if (table.block < 16 || (table.block & (table.block - 1)) != 0) {
    context.fail(ErrorCode::invalid_graph, "block_size must be a power of two from 16 on");
  }
  Shape blocked = table.shape;
  blocked[table.quantize_axis] = table.blocks();
  const Shape& scales = context.input(2).shape();
  bool fits = scales.rank() == rank;
  for (int axis = 0; fits && axis < rank; ++axis) {
    fits = scales[axis] == blocked[axis] || scales[axis] == 1;
  }
  Shape zeros = blocked;
  if (fits && context.has_input(3)) {
    const Shape& shape = context.input(3).shape();
    fits = shape.rank() == rank;
    if (fits) zeros = unpacked(shape);
    for (int axis = 0; fits && axis < rank; ++axis) {
      // A row of packed zero points may end within a byte.
      fits = zeros[axis] == blocked[axis] ||
             (packed && axis == rank - 1 && zeros[axis] > blocked[axis]);
    }
  }
  if (!fits) {
    context.fail(ErrorCode::shape_mismatch, "scales or zero points do not fit data of " +
                                                to_string(table.shape) + " in blocks of " +
                                                std::to_string(table.block));
  }
  table.scale_steps = broadcast_strides(scales, blocked);
  table.zero_steps = dense_strides(zeros);
  return table;
}

void run_gather_block_quantized(KernelContext& context) {
  const Tensor& data = context.input(0);
  const BlockedTable table = blocked_table(context);
  const AxisSplit parts = split_axis(table.shape, table.gather_axis);
  const auto indices = integers(context, context.input(1));
  Shape shape(table.shape.dims().first(static_cast<std::size_t>(table.gather_axis)));
  for (const std::int64_t dim : context.input(1).shape()) shape.push_back(dim);
  for (int axis = table.gather_axis + 1; axis < table.shape.rank(); ++axis) {
    shape.push_back(table.shape[axis]);
  }
  Tensor& y = context.output(0, shape);
  if (y.size() == 0) return;
  const bool bytes = data.dtype() == DType::uint8;
  const double default_zero = bytes ? 1 << (table.bits - 1) : 0;
  const Tensor* zeros = context.has_input(3) ? &context.input(3) : nullptr;
  const auto byte_code = [&](const Tensor& tensor, std::int64_t i) {
    return static_cast<double>(get_code(tensor.data(), table.bits, i));
  };
  visit_dtype<Types<float, float16, bfloat16>>(y.dtype(), [&]<class T>() {
    const T* scales = context.input(2).as<T>().data();
    T* to = y.as_mutable<T>().data();
    const auto gather_rows = [&](auto code, auto zero_point) {
      for (std::int64_t outer = 0; outer < parts.outer; ++outer) {
        for (std::int64_t index : indices) {
          if (index < 0) index += parts.axis;
          const bool inside = index >= 0 && index < parts.axis;
          const std::int64_t row = outer * parts.axis + (inside ? index : 0);
          const std::int64_t start = row * parts.inner;
          for (std::int64_t i = start; i < start + parts.inner; ++i, ++to) {
            if (!inside) {
              *to = T{};
              continue;
            }
            const double centre = zero_point(table.place(i, table.zero_steps));
            const auto scale = static_cast<float>(scales[table.place(i, table.scale_steps)]);
            *to = static_cast<T>(static_cast<float>(code(i) - centre) * scale);
          }
        }
      }
    };
    const auto constant = [&](std::int64_t) { return default_zero; };
    if (bytes) {
      const auto code = [&](std::int64_t i) { return byte_code(data, i); };
      if (zeros == nullptr) return gather_rows(code, constant);
      gather_rows(code, [&](std::int64_t i) { return byte_code(*zeros, i); });
    } else {
      visit_codes(data, [&](auto code) {
        if (zeros == nullptr) return gather_rows(code, constant);
        visit_codes(*zeros, [&](auto zero) { gather_rows(code, zero); });
      });
    }
  });
}

}  // namespace

void add_block_quantized_kernels(std::vector<ReferenceKernel>& table) {
  constexpr std::string_view microsoft = "com.microsoft";
  table.push_back({microsoft, "MatMulNBits", run_matmul_nbits});
  table.push_back({microsoft, "MatMulBnb4", run_matmul_bnb4});
  table.push_back({microsoft, "GatherBlockQuantized", run_gather_block_quantized});
}

}  // namespace inlay::inline v0::kernels
