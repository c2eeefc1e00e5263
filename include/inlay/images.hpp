// Decoding of pictures inside of models: ONNX's ImageDecoder. A library of its own, inlay::images,
// since it needs libjpeg, libpng and their like.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "inlay/backend.hpp"

namespace inlay::inline v0 {

struct ImageOptions {
  std::int64_t max_pixels = std::int64_t{1} << 28;  ///< of a picture; at most 2^40
};

/// Adds ImageDecoder with its kernel. Bytes that are no picture, or a damaged one, decode to an
/// empty tensor. A run fails for pictures of too many pixels (limit), and for formats whose library
/// was not there at build time (unsupported). Errors: invalid_argument, when the registry is not
/// one of Registry::create.
void add_image_decoder(Registry& registry, const ImageOptions& options = {});

/// The formats that this build decodes, of bmp, jpeg, jpeg2000, png, pnm, tiff and webp.
std::vector<std::string_view> image_formats();

}  // namespace inlay::inline v0
