// The blocked channel layout: [batch, channels, spatial...] as [batch, blocks, spatial..., block],
// where channel c is element c % block of block c / block. What lies past the last channel may be
// anything.
#pragma once

#include <span>

#include "inlay/backend.hpp"

namespace inlay::inline v0 {

inline constexpr std::int64_t max_channel_block = 256;

/// The attribute block of a node. Errors: invalid_graph unless 1 to max_channel_block.
std::int64_t channel_block_of(const Attributes& attributes);

/// The type of `plain` in blocks; of unknown rank when it has none.
Type blocked_type(const Type& plain, std::int64_t block);
/// The type of `blocked` with that many channels in one axis.
Type unblocked_type(const Type& blocked, const Dim& channels);

/// Whether an UnblockChannels writes [batch, spatial..., channels].
inline bool puts_channels_last(const Attributes& attributes) {
  return attributes.integer("channels_last", 0) != 0;
}

/// What a BlockedGather takes: channels of its inputs, joined, by the attribute indices, or all of
/// them in order where there is none. The attribute channels counts those of each input.
class ChannelGather {
 public:
  struct Source {
    std::size_t input;
    std::int64_t channel;
  };

  /// Refers to the attributes. Errors: invalid_graph.
  ChannelGather(const Attributes& attributes, std::size_t inputs);

  /// Channels of the output.
  std::int64_t count() const noexcept { return count_; }
  /// Channels of input i.
  std::int64_t channels(std::size_t i) const { return channels_[i]; }
  /// Where channel c of the output comes from.
  Source operator[](std::int64_t c) const;

 private:
  std::span<const std::int64_t> channels_, indices_;
  std::int64_t count_ = 0;
};

/// Errors: shape_mismatch when the shape has no channel axis.
Shape blocked_shape(const Shape& plain, std::int64_t block);
/// Errors: shape_mismatch when the shape is not one of `channels` channels in blocks of `block`.
Shape unblocked_shape(const Shape& blocked, std::int64_t channels, std::int64_t block);

}  // namespace inlay::inline v0
