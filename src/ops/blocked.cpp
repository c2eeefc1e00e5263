#include "ops/blocked.hpp"

#include <algorithm>

#include "ops/conv.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

std::int64_t channel_block_of(const Attributes& attributes) {
  const std::int64_t block = attributes.integer("block", 0);
  if (block < 1 || block > max_channel_block) {
    throw Error(ErrorCode::invalid_graph,
                "attribute 'block' must be 1 to " + std::to_string(max_channel_block));
  }
  return block;
}

Type blocked_type(const Type& plain, std::int64_t block) {
  Type type = Type::tensor(plain.dtype);
  if (!plain.has_rank || plain.rank() < 2) return type;
  type.has_rank = true;
  type.dims = plain.dims;
  Dim& channels = type.dims[1];
  channels = channels.known() ? Dim((channels.value - 1) / block + 1) : Dim();
  if (plain.dims[1].known() && plain.dims[1].value == 0) channels = 0;
  type.dims.push_back(block);
  return type;
}

Type unblocked_type(const Type& blocked, const Dim& channels) {
  Type type = Type::tensor(blocked.dtype);
  if (!blocked.has_rank || blocked.rank() < 3) return type;
  type.has_rank = true;
  type.dims.assign(blocked.dims.begin(), blocked.dims.end() - 1);
  type.dims[1] = channels;
  return type;
}

Shape blocked_shape(const Shape& plain, std::int64_t block) {
  if (plain.rank() < 2 || plain.rank() >= Shape::max_rank) {
    throw Error(ErrorCode::shape_mismatch, to_string(plain) + " has no channels to put in blocks");
  }
  Shape shape = plain;
  shape[1] = plain[1] / block + (plain[1] % block != 0 ? 1 : 0);
  shape.push_back(block);
  return shape;
}

Shape unblocked_shape(const Shape& blocked, std::int64_t channels, std::int64_t block) {
  if (blocked.rank() < 3 || blocked.back() != block || channels < 0 ||
      blocked[1] != channels / block + (channels % block != 0 ? 1 : 0)) {
    throw Error(ErrorCode::shape_mismatch, to_string(blocked) + " is not " +
                                               std::to_string(channels) +
                                               " channels in blocks of " + std::to_string(block));
  }
  Shape shape;
  for (int axis = 0; axis + 1 < blocked.rank(); ++axis) {
    shape.push_back(axis == 1 ? channels : blocked[axis]);
  }
  return shape;
}

ChannelGather::ChannelGather(const Attributes& attributes, std::size_t inputs)
    : channels_(attributes.integers("channels")), indices_(attributes.integers("indices")) {
  constexpr std::int64_t most = std::int64_t{1} << 20;  // kernels keep a list of them
  const auto usual = [](std::int64_t count) { return count >= 0 && count <= most; };
  if (channels_.size() != inputs || !std::ranges::all_of(channels_, usual)) {
    throw Error(ErrorCode::invalid_graph, "attribute 'channels' must have one count per input");
  }
  for (const std::int64_t count : channels_) count_ += count;
  if (count_ > most) throw Error(ErrorCode::invalid_graph, "more channels than are supported");
  if (!attributes.has("indices")) return;
  for (const std::int64_t index : indices_) {
    if (index < 0 || index >= count_) {
      throw Error(ErrorCode::invalid_graph,
                  "attribute 'indices' names a channel that is not there");
    }
  }
  count_ = std::ssize(indices_);
}

ChannelGather::Source ChannelGather::operator[](std::int64_t c) const {
  if (!indices_.empty()) c = indices_[static_cast<std::size_t>(c)];
  std::size_t input = 0;
  while (c >= channels_[input]) c -= channels_[input++];
  return {input, c};
}

namespace {

void infer_blocked_gather(InferContext& context) {
  infer::require_same_dtype(context, 0, context.input_count());
  const std::int64_t block = channel_block_of(context.attributes());
  const ChannelGather gather(context.attributes(), context.input_count());
  context.set_output(0, blocked_type(unblocked_type(context.input(0), gather.count()), block));
}

void infer_block_channels(InferContext& context) {
  context.set_output(0, blocked_type(context.input(0), channel_block_of(context.attributes())));
}

void infer_unblock_channels(InferContext& context) {
  channel_block_of(context.attributes());
  const Attributes& attributes = context.attributes();
  Type type = unblocked_type(context.input(0), attributes.integer("channels", 0));
  if (type.has_rank && puts_channels_last(attributes))
    std::rotate(type.dims.begin() + 1, type.dims.begin() + 2, type.dims.end());
  context.set_output(0, std::move(type));
}

/// A transposed one is always of blocks.
template <bool transposed>
void infer_blocked_conv(InferContext& context) {
  infer::require_same_dtype(context, 0, 4);
  const Attributes& attributes = context.attributes();
  const std::int64_t block = channel_block_of(attributes);
  const bool planar = !transposed && !attributes.has("channels");
  const Type image = planar ? context.input(0)
                            : unblocked_type(context.input(0), attributes.integer("channels", 0));
  const auto output_dims = transposed ? infer::conv_transpose_output_dims : infer::conv_output_dims;
  const std::vector<Dim> dims = output_dims(context, image, context.input(1));
  if (dims.empty()) return context.set_output(0, context.dtype(0));
  context.set_output(0, blocked_type(Type::tensor(context.dtype(0), dims), block));
}

}  // namespace

std::vector<OpSchema> blocked_schemas() {
  return {
      {.domain = "inlay",
       .name = "BlockChannels",
       .infer = infer_block_channels,
       .types = {DType::float32}},
      {.domain = "inlay",
       .name = "UnblockChannels",
       .infer = infer_unblock_channels,
       .types = {DType::float32}},
      {.domain = "inlay",
       .name = "BlockedGather",
       .max_inputs = any_number,
       .infer = infer_blocked_gather,
       .types = {DType::float32}},
      {.domain = "inlay",
       .name = "BlockedConv",
       .min_inputs = 2,
       .max_inputs = 4,
       .infer = infer_blocked_conv<false>,
       .types = {DType::float32}},
      {.domain = "inlay",
       .name = "BlockedConvTranspose",
       .min_inputs = 2,
       .max_inputs = 3,
       .infer = infer_blocked_conv<true>,
       .types = {DType::float32}},
  };
}

}  // namespace inlay::inline v0
