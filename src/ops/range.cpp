#include "ops/range.hpp"

#include <cmath>

namespace inlay::inline v0 {
namespace {

std::int64_t count_steps(std::int64_t start, std::int64_t limit, std::int64_t delta) {
  if (delta == 0) throw Error(ErrorCode::invalid_argument, "a range has steps of zero");
  if (delta > 0 ? limit <= start : limit >= start) return 0;
  // Differences of any two int64 fit the unsigned type.
  const auto a = static_cast<std::uint64_t>(start);
  const auto b = static_cast<std::uint64_t>(limit);
  const auto step = static_cast<std::uint64_t>(delta);
  const std::uint64_t count = delta > 0 ? (b - a - 1) / step + 1 : (a - b - 1) / (0 - step) + 1;
  if (count > static_cast<std::uint64_t>(INT64_MAX)) {
    throw Error(ErrorCode::limit, "a range has more than 2^63 elements");
  }
  return static_cast<std::int64_t>(count);
}

std::int64_t count_steps(double start, double limit, double delta) {
  const double steps = std::ceil((limit - start) / delta);
  if (delta == 0 || !std::isfinite(steps)) {
    throw Error(ErrorCode::invalid_argument, "a range needs finite ends and steps other than zero");
  }
  if (steps >= 0x1p63) throw Error(ErrorCode::limit, "a range has more than 2^63 elements");
  return steps > 0 ? static_cast<std::int64_t>(steps) : 0;
}

}  // namespace

std::int64_t range_count(const Tensor& start, const Tensor& limit, const Tensor* delta) {
  const auto count = [&]<class T, class Wide>(T, Wide) {
    return count_steps(static_cast<Wide>(start.item<T>()), static_cast<Wide>(limit.item<T>()),
                       delta != nullptr ? static_cast<Wide>(delta->item<T>()) : Wide{1});
  };
  switch (start.dtype()) {
    case DType::int16:
      return count(std::int16_t{}, std::int64_t{});
    case DType::int32:
      return count(std::int32_t{}, std::int64_t{});
    case DType::int64:
      return count(std::int64_t{}, std::int64_t{});
    case DType::float32:
      return count(float{}, double{});
    case DType::float64:
      return count(double{}, double{});
    case DType::float16:
      return count(float16{}, double{});
    case DType::bfloat16:
      return count(bfloat16{}, double{});
    default:
      throw Error(ErrorCode::type_mismatch,
                  "a range cannot be of type " + std::string(name(start.dtype())));
  }
}

}  // namespace inlay::inline v0
