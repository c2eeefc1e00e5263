#include "backends/reference/cast.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "backends/reference/convert.hpp"
#include "backends/reference/elementwise.hpp"
#include "backends/reference/text/text.hpp"

namespace inlay::inline v0::kernels {
namespace {

using Castable = Union<Numbers, Types<bool>>;

/// Elements go through the widest type of their kind, so that each type needs one way in and one
/// out rather than one per pair.
using WideTypes = Types<double, std::int64_t, std::uint64_t>;
DType wide_dtype(DType dtype) {
  if (is_floating(dtype) || is_small_float(dtype)) return DType::float64;
  return dtype == DType::uint64 ? DType::uint64 : DType::int64;
}

template <class W>
void load(const Tensor& from, std::int64_t first, std::span<W> block) {
  const DType dtype = from.dtype();
  const auto each = [&](auto&& element) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      block[i] = static_cast<W>(element(first + static_cast<std::int64_t>(i)));
    }
  };
  if (dtype == DType::string) {
    each([text = from.as<std::string>()](std::int64_t i) {
      return parse_number<W>(text[static_cast<std::size_t>(i)]);
    });
  } else if (is_small_float(dtype)) {
    each([&](std::int64_t i) { return get_small_float(dtype, from.data(), i); });
  } else if (is_small_integer(dtype)) {
    each([&](std::int64_t i) { return get_small_integer(dtype, from.data(), i); });
  } else {
    visit_dtype<Castable>(dtype, [&]<class T>() {
      each([data = from.as<T>().data()](std::int64_t i) { return data[i]; });
    });
  }
}

template <class T, class W>
T narrow(W value) {
  if constexpr (std::is_same_v<W, double>) {
    return from_real<T>(value);
  } else if constexpr (is_half<T>) {
    return from_real<T>(static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else {
    return static_cast<T>(value);
  }
}

template <class W>
void store(std::span<const W> block, Tensor& to, std::int64_t first, const CastOptions& options) {
  const DType dtype = to.dtype();
  const auto each = [&](auto&& put) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      put(first + static_cast<std::int64_t>(i), block[i]);
    }
  };
  if (is_small_float(dtype)) {
    each([&, data = to.mutable_data()](std::int64_t i, W value) {
      set_small_float(dtype, data, i, static_cast<double>(value), options.saturate, options.round);
    });
  } else if (is_small_integer(dtype)) {
    each([&, data = to.mutable_data()](std::int64_t i, W value) {
      set_small_integer(dtype, data, i, narrow<std::int64_t>(value));
    });
  } else {
    visit_dtype<Castable>(dtype, [&]<class T>() {
      each([data = to.as_mutable<T>().data()](std::int64_t i, W value) {
        data[i] = narrow<T>(value);
      });
    });
  }
}

/// The types that models cast between all the time.
using FrequentTypes = Types<bool, std::int32_t, std::int64_t, float>;
bool is_frequent(DType dtype) {
  return dtype == DType::boolean || dtype == DType::int32 || dtype == DType::int64 ||
         dtype == DType::float32;
}

/// With the result of convert_numbers, for the elements [first, last); in blocks of a size that
/// compilers know and turn into vector code.
void convert_frequent(const Tensor& from, Tensor& to, std::int64_t first, std::int64_t last) {
  visit_dtype<FrequentTypes>(from.dtype(), [&]<class From>() {
    using Integer = std::conditional_t<std::is_same_v<From, std::int64_t>, From, std::int32_t>;
    using W = std::conditional_t<std::is_same_v<From, float>, double, Integer>;
    visit_dtype<FrequentTypes>(to.dtype(), [&]<class To>() {
      constexpr std::size_t block = 64;
      const From* x = from.as<From>().data();
      To* y = to.as_mutable<To>().data();
      const auto size = static_cast<std::size_t>(last);
      auto i = static_cast<std::size_t>(first);
      for (; i + block <= size; i += block) {
        for (std::size_t k = i; k < i + block; ++k) y[k] = narrow<To>(static_cast<W>(x[k]));
      }
      for (; i < size; ++i) y[i] = narrow<To>(static_cast<W>(x[i]));
    });
  });
}

/// Through a block of wide values at a time.
void convert_numbers(const Tensor& from, Tensor& to, const CastOptions& options) {
  if (is_frequent(from.dtype()) && is_frequent(to.dtype())) {
    return convert_frequent(from, to, 0, from.size());
  }
  const DType wide = wide_dtype(from.dtype() == DType::string ? to.dtype() : from.dtype());
  visit_dtype<WideTypes>(wide, [&]<class W>() {
    std::array<W, 256> buffer;
    for (std::int64_t first = 0; first < from.size();
         first += static_cast<std::int64_t>(buffer.size())) {
      const std::size_t count =
          std::min(buffer.size(), static_cast<std::size_t>(from.size() - first));
      const std::span<W> block(buffer.data(), count);
      load<W>(from, first, block);
      store<W>(block, to, first, options);
    }
  });
  if (is_packed(to.dtype())) clear_tail(to.dtype(), to.mutable_data(), to.size());
}

void format_numbers(const Tensor& from, Tensor& to) {
  const auto text = to.as_mutable<std::string>();
  const bool narrow_float = from.dtype() != DType::float64;
  visit_dtype<WideTypes>(wide_dtype(from.dtype()), [&]<class W>() {
    std::array<W, 1> value;
    for (std::int64_t i = 0; i < from.size(); ++i) {
      load<W>(from, i, value);
      // A float printed as a double would show digits that it does not have.
      text[static_cast<std::size_t>(i)] = std::is_same_v<W, double> && narrow_float
                                              ? format_number(static_cast<float>(value[0]))
                                              : format_number(value[0]);
    }
  });
}

void copy_bytes(const Tensor& from, Tensor& to) {
  if (from.bytes() > 0 && from.data() != to.data()) {
    std::memcpy(to.mutable_data(), from.data(), from.bytes());
  }
}

CastOptions cast_options(const KernelContext& context) {
  CastOptions options;
  options.saturate = context.attributes().integer("saturate", 1) != 0;
  const std::string_view round = context.attributes().text("round_mode", "up");
  if (round == "down") {
    options.round = RoundMode::down;
  } else if (round == "nearest") {
    options.round = RoundMode::nearest;
  } else if (round != "up") {
    context.fail(ErrorCode::invalid_graph, "round_mode must be up, down or nearest");
  }
  return options;
}

void run_cast(KernelContext& context) {
  constexpr std::int64_t grain = 1 << 16;
  const Tensor& x = context.input(0);
  Tensor& y = context.output(0, x.shape());
  if (x.dtype() == y.dtype() || !is_frequent(x.dtype()) || !is_frequent(y.dtype())) {
    return convert_elements(x, y, cast_options(context));
  }
  context.parallel_for((x.size() + grain - 1) / grain, [&](std::int64_t task, int) {
    convert_frequent(x, y, task * grain, std::min(x.size(), (task + 1) * grain));
  });
}

void run_cast_like(KernelContext& context) {
  const Tensor& x = context.input(0);
  Tensor& y = context.output(0, context.input(1).dtype(), x.shape());
  convert_elements(x, y, cast_options(context));
}

void run_bit_cast(KernelContext& context) {
  const Tensor& x = context.input(0);
  Tensor& y = context.output(0, x.shape());
  if (x.dtype() == DType::string || bit_width(x.dtype()) != bit_width(y.dtype())) {
    context.fail(ErrorCode::type_mismatch, "only types of one size can take each other's bits");
  }
  copy_bytes(x, y);
}

void run_identity(KernelContext& context) {
  const Value& value = context.input_value(0);
  if (value.is_tensor()) {
    context.output_view(0, 0, value.tensor().shape());
  } else {
    context.set_output(0, value);
  }
}

}  // namespace

void convert_elements(const Tensor& from, Tensor& to, const CastOptions& options) {
  if (from.dtype() == to.dtype() && from.dtype() == DType::string) {
    const auto text = from.as<std::string>();
    std::copy(text.begin(), text.end(), to.as_mutable<std::string>().begin());
  } else if (from.dtype() == to.dtype()) {
    copy_bytes(from, to);
  } else if (to.dtype() == DType::string) {
    format_numbers(from, to);
  } else {
    convert_numbers(from, to, options);
  }
}

void add_cast_kernels(std::vector<ReferenceKernel>& table) {
  table.push_back({"", "Cast", run_cast});
  table.push_back({"", "CastLike", run_cast_like});
  table.push_back({"", "BitCast", run_bit_cast});
  table.push_back({"", "Identity", run_identity});
}

}  // namespace inlay::inline v0::kernels
