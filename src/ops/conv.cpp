#include "ops/conv.hpp"

#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"
#include "ops/window.hpp"

namespace inlay::inline v0 {

namespace {

/// The rank of x or else w, or of a window attribute; -1 when none is known.
int conv_rank(const InferContext& context, const Type& x, const Type& w) {
  if (x.has_rank && w.has_rank && x.rank() != w.rank()) {
    context.fail("the input has " + std::to_string(x.rank()) + " axes, the weights " +
                 std::to_string(w.rank()));
  }
  const int rank = x.has_rank ? x.rank() : w.rank();
  if (rank >= 0 && rank < 3) context.fail("the input needs a batch, a channel and spatial axes");
  return rank;
}

Dim dim_of(const Type& type, int axis) {
  return type.has_rank ? type.dims[static_cast<std::size_t>(axis)] : Dim();
}

/// The kernel's size along a spatial axis: from the weights, else from kernel_shape.
Dim kernel_dim(const WindowAttributes& window, const Type& w, int axis) {
  const Dim dim = dim_of(w, axis + 2);
  if (dim.known() || window.kernel_shape().empty()) return dim;
  return window.kernel_shape()[static_cast<std::size_t>(axis)];
}

/// Fails unless `channels` are `groups` times `per_group`, as far as they are known.
void check_groups(const InferContext& context, const Dim& channels, const Dim& per_group,
                  std::int64_t groups) {
  if (groups < 1) context.fail("attribute 'group' must be at least 1");
  if (!channels.known()) return;
  const bool fits = channels.value % groups == 0 &&
                    (!per_group.known() || channels.value / groups == per_group.value);
  if (!fits) {
    context.fail(std::to_string(channels.value) + " channels do not fit the weights in " +
                 std::to_string(groups) + " groups");
  }
}

void infer_conv(InferContext& context) {
  infer::require_same_dtype(context, 0, 3);
  infer::set_conv_output(context, context.dtype(0), 0, 1);
}

void infer_conv_integer(InferContext& context) {
  infer::set_conv_output(context, DType::int32, 0, 1);
}

void infer_deform_conv(InferContext& context) {
  infer::require_same_dtype(context, 0, 5);
  infer::set_conv_output(context, context.dtype(0), 0, 1);
}

/// Those of ConvTranspose by the given attributes; empty when no rank is known. `pads_are_known`:
/// else its spatial dims are not.
std::vector<Dim> transposed_dims(const InferContext& context, const Type& x, const Type& w,
                                 const Attributes& attributes, bool pads_are_known) {
  const int rank = conv_rank(context, x, w);
  if (rank < 0) return {};
  const std::int64_t groups = attributes.integer("group", 1);
  check_groups(context, dim_of(x, 1), Dim(), groups);
  if (dim_of(x, 1).known() && dim_of(w, 0).known() && !dim_of(x, 1).same_as(dim_of(w, 0))) {
    context.fail("the weights' first dim is not the number of input channels");
  }
  const WindowAttributes window(attributes, rank - 2);
  std::vector<Dim> dims{dim_of(x, 0), Dim()};
  const Dim filters = dim_of(w, 1);
  if (filters.known() && filters.value <= INT64_MAX / groups) dims[1] = filters.value * groups;
  for (int axis = 0; axis < window.rank(); ++axis) {
    const Dim input = dim_of(x, axis + 2), kernel = kernel_dim(window, w, axis);
    const bool known = input.known() && kernel.known() && pads_are_known;
    dims.push_back(known ? Dim(window.resolve_transposed(axis, input.value, kernel.value).input)
                         : Dim());
  }
  return dims;
}

void set_conv_transpose_output(InferContext& context, const Attributes& attributes,
                               bool pads_are_known) {
  std::vector<Dim> dims =
      transposed_dims(context, context.input(0), context.input(1), attributes, pads_are_known);
  if (dims.empty()) return context.set_output(0, context.dtype(0));
  context.set_output(0, context.dtype(0), std::move(dims));
}

void infer_conv_transpose(InferContext& context) {
  infer::require_same_dtype(context, 0, 3);
  set_conv_transpose_output(context, context.attributes(), true);
}

/// com.microsoft: the pads are input 2.
void infer_conv_transpose_with_pads(InferContext& context) {
  infer::require_same_dtype(context, 0, 2);
  Attributes attributes = context.attributes();
  const auto pads = context.constant_integers(2);
  if (pads) attributes.set("pads", *pads);
  set_conv_transpose_output(context, attributes, pads || !context.has_input(2));
}

void infer_causal_conv(InferContext& context) {
  infer::require_same_dtype(context, 0, 4);
  for (const std::size_t i : {0, 1, 3}) infer::require_rank(context, i, 3, 3);
  const Type& x = context.input(0);
  const Type& w = context.input(1);
  context.set_output(0, x);
  std::vector<Dim> state{dim_of(x, 0), dim_of(x, 1), Dim()};
  const Dim kernel = dim_of(w, 2);
  if (kernel.known()) state[2] = std::max<std::int64_t>(kernel.value - 1, 0);
  context.set_output(1, x.dtype, std::move(state));
}

}  // namespace

std::vector<Dim> infer::conv_output_dims(const InferContext& context, const Type& image,
                                         const Type& weights) {
  const int rank = conv_rank(context, image, weights);
  if (rank < 0) return {};
  check_groups(context, dim_of(image, 1), dim_of(weights, 1),
               context.attributes().integer("group", 1));
  const WindowAttributes window(context.attributes(), rank - 2);
  std::vector<Dim> dims{dim_of(image, 0), dim_of(weights, 0)};
  for (int axis = 0; axis < window.rank(); ++axis) {
    dims.push_back(window.output(axis, dim_of(image, axis + 2), kernel_dim(window, weights, axis)));
  }
  return dims;
}

std::vector<Dim> infer::conv_transpose_output_dims(const InferContext& context, const Type& image,
                                                   const Type& weights) {
  return transposed_dims(context, image, weights, context.attributes(), true);
}

void infer::set_conv_output(InferContext& context, DType dtype, std::size_t x, std::size_t w,
                            bool channels_last) {
  Type image = context.input(x);
  if (channels_last && image.rank() >= 2) {
    std::rotate(image.dims.begin() + 1, image.dims.end() - 1, image.dims.end());
  }
  std::vector<Dim> dims = conv_output_dims(context, image, context.input(w));
  if (dims.empty()) return context.set_output(0, dtype);
  if (channels_last) std::rotate(dims.begin() + 1, dims.begin() + 2, dims.end());
  context.set_output(0, dtype, std::move(dims));
}

std::vector<OpSchema> conv_schemas() {
  return {
      {"", "Conv", 1, 2, 3, 1, 1, infer_conv, Trait::none, {dtypes::floats}},
      {"", "ConvTranspose", 1, 2, 3, 1, 1, infer_conv_transpose, Trait::none, {dtypes::floats}},
      {.domain = "com.microsoft",
       .name = "ConvTransposeWithDynamicPads",
       .min_inputs = 2,
       .max_inputs = 4,
       .infer = infer_conv_transpose_with_pads,
       .types = {dtypes::floats, dtypes::floats, DType::int64, dtypes::floats}},
      {"",
       "ConvInteger",
       10,
       2,
       4,
       1,
       1,
       infer_conv_integer,
       Trait::none,
       {dtypes::eight_bit_integers}},
      {"", "DeformConv", 19, 3, 5, 1, 1, infer_deform_conv, Trait::none, {dtypes::floats}},
      {"", "CausalConvWithState", 27, 2, 4, 1, 2, infer_causal_conv, Trait::none, {dtypes::floats}},
  };
}

}  // namespace inlay::inline v0
