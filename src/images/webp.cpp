// WebP, by libwebp: a still picture, or the first one of an animation.
#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>

#include "images/picture.hpp"

namespace inlay::inline v0::images {
namespace {

bool read_first_frame(std::span<const std::uint8_t> bytes, Picture& picture) {
  const WebPData data{bytes.data(), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(
      WebPAnimDecoderNew(&data, nullptr), WebPAnimDecoderDelete);
  std::uint8_t* rgba = nullptr;
  int time = 0;
  if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &rgba, &time) == 0) return false;
  std::uint8_t* to = picture.row(0);
  for (std::int64_t i = 0; i < picture.pixels(); ++i, rgba += 4, to += 3) {
    std::copy_n(rgba, 3, to);
  }
  return true;
}

bool read_still(std::span<const std::uint8_t> bytes, Picture& picture) {
  const auto size = static_cast<std::size_t>(picture.pixels()) * 3;
  const int stride = static_cast<int>(picture.width()) * 3;
  return WebPDecodeRGBInto(bytes.data(), bytes.size(), picture.row(0), size, stride) != nullptr;
}

}  // namespace

Picture decode_webp(const Encoded& file) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(file.bytes.data(), file.bytes.size(), &features) != VP8_STATUS_OK) return {};
  Picture picture = file.make_picture(features.width, features.height);
  const bool read = features.has_animation != 0 ? read_first_frame(file.bytes, picture)
                                                : read_still(file.bytes, picture);
  return read ? std::move(picture) : Picture();
}

}  // namespace inlay::inline v0::images
