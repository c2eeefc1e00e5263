// Transforms of signals: DFT, STFT, MelWeightMatrix.
#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

/// The only element of an integer input, as far as it is known.
Dim known_number(const InferContext& context, std::size_t i) {
  const auto known = context.known_dims(i);
  if (!known) return {};
  if (known->size() != 1) context.fail("input " + std::to_string(i) + " must be a scalar");
  return known->front();
}

/// The frequencies of a real signal of `length` that are not mirror images of others.
Dim onesided_bins(const Dim& length) { return length.known() ? Dim(length.value / 2 + 1) : Dim(); }

bool flag(const InferContext& context, std::string_view name, std::int64_t fallback) {
  return context.attributes().integer(name, fallback) != 0;
}

/// An attribute before opset 20, an input since; empty when it is not known.
std::optional<std::int64_t> dft_axis(const InferContext& context) {
  if (context.version() < 20) return context.attributes().integer("axis", 1);
  if (!context.has_input(2)) return -2;
  const auto given = context.constant_integers(2);
  if (!given) return std::nullopt;
  if (given->size() != 1) context.fail("the axis must be a scalar");
  return given->front();
}

void infer_dft(InferContext& context) {
  const Type& x = context.input(0);
  const bool inverse = flag(context, "inverse", 0);
  const bool onesided = flag(context, "onesided", 0);
  if (!x.has_rank) return context.set_output(0, x.dtype);
  infer::require_rank(context, 0, 2, Shape::max_rank);
  const Dim& parts = x.dims.back();
  if (onesided && parts.known() && parts.value != (inverse ? 2 : 1)) {
    context.fail(inverse ? "onesided = 1 with inverse = 1 takes complex input only"
                         : "onesided = 1 takes real input only");
  }
  Dim length = known_number(context, 1);
  std::vector<Dim> dims = infer::unknown_dims(x.rank());
  if (const auto given = dft_axis(context)) {
    const int axis = infer::axis(context, *given, x.rank());
    if (axis == x.rank() - 1) context.fail("the last axis holds real and imaginary parts");
    dims = x.dims;
    Dim& dim = dims[static_cast<std::size_t>(axis)];
    if (!context.has_input(1)) {
      length = inverse && onesided ? infer::times(2, infer::plus(dim, -1)) : dim;
    }
    dim = onesided && !inverse ? onesided_bins(length) : length;
  }
  dims.back() = onesided && inverse ? 1 : 2;
  context.set_output(0, x.dtype, std::move(dims));
}

void infer_stft(InferContext& context) {
  const Type& signal = context.input(0);
  const Type& window = context.input(2);
  infer::require_rank(context, 0, 2, 3);  // exporters leave out the axis of one part
  infer::require_rank(context, 2, 1, 1);
  Dim length = known_number(context, 3);
  if (!context.has_input(3)) {
    if (context.has_input(2)) {
      length = window.has_rank ? window.dims[0] : Dim();
    } else if (signal.has_rank) {
      length = signal.dims[1];
    }
  }
  std::vector<Dim> dims = infer::unknown_dims(4);
  if (signal.has_rank) {
    dims[0] = signal.dims[0];
    const Dim step = known_number(context, 1);
    const Dim& total = signal.dims[1];
    if (total.known() && length.known() && step.known() && step.value > 0) {
      dims[1] = total.value < length.value ? 0 : (total.value - length.value) / step.value + 1;
    }
  }
  dims[2] = flag(context, "onesided", 1) ? onesided_bins(length) : length;
  dims[3] = 2;
  context.set_output(0, signal.dtype, std::move(dims));
}

void infer_mel_weight_matrix(InferContext& context) {
  context.set_output(0, infer::dtype_attribute(context, "output_datatype", DType::float32),
                     {onesided_bins(known_number(context, 1)), known_number(context, 0)});
}

}  // namespace

std::vector<OpSchema> signal_schemas() {
  using namespace dtypes;
  return {
      {.name = "DFT", .since = 17, .max_inputs = 2, .infer = infer_dft, .types = {floats, indices}},
      {.name = "DFT",
       .since = 20,
       .max_inputs = 3,
       .infer = infer_dft,
       .types = {floats, indices, DType::int64}},
      {.name = "STFT",
       .since = 17,
       .min_inputs = 2,
       .max_inputs = 4,
       .infer = infer_stft,
       .types = {floats, indices, floats, indices}},
      {.name = "MelWeightMatrix",
       .since = 17,
       .min_inputs = 5,
       .max_inputs = 5,
       .infer = infer_mel_weight_matrix,
       .types = {indices, indices, indices, floats}},
  };
}

}  // namespace inlay::inline v0
