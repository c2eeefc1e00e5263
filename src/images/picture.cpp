#include "images/picture.hpp"

#include <string>

#include "inlay/error.hpp"

namespace inlay::inline v0::images {

void Encoded::check_size(std::int64_t width, std::int64_t height) const {
  if (width <= max_pixels / height) return;
  throw Error(ErrorCode::limit, "the picture has " + std::to_string(width) + " x " +
                                    std::to_string(height) + " pixels, more than the " +
                                    std::to_string(max_pixels) + " of ImageOptions::max_pixels");
}

void put_cmyk(std::uint8_t* rgb, int cyan, int magenta, int yellow, int black) noexcept {
  const int light = 255 - black;
  for (const int ink : {cyan, magenta, yellow}) {
    *rgb++ = static_cast<std::uint8_t>(light - (ink * light + 127) / 255);
  }
}

}  // namespace inlay::inline v0::images
