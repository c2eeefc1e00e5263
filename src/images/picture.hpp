// What the decoders of this folder give: a picture of 8-bit RGB.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace inlay::inline v0::images {

/// Rows of pixels, three bytes each. A default-constructed one is empty: decoders give it where the
/// bytes are damaged.
class Picture {
 public:
  Picture() = default;
  /// The pixels are left uninitialised. Errors: out_of_memory.
  Picture(std::int64_t width, std::int64_t height)
      : width_(width),
        height_(height),
        rgb_(std::make_unique_for_overwrite<std::uint8_t[]>(static_cast<std::size_t>(pixels()) *
                                                            3)) {}

  std::int64_t width() const noexcept { return width_; }
  std::int64_t height() const noexcept { return height_; }
  std::int64_t pixels() const noexcept { return width_ * height_; }
  std::uint8_t* row(std::int64_t y) noexcept { return rgb_.get() + y * width_ * 3; }
  std::uint8_t* pixel(std::int64_t x, std::int64_t y) noexcept { return row(y) + x * 3; }
  const std::uint8_t* rgb() const noexcept { return rgb_.get(); }

 private:
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
  std::unique_ptr<std::uint8_t[]> rgb_;
};

/// A file, and how large a picture it may hold.
struct Encoded {
  std::span<const std::uint8_t> bytes;
  std::int64_t max_pixels;

  /// Errors: limit, when there are more pixels. `width` and `height` are 1 or more.
  void check_size(std::int64_t width, std::int64_t height) const;
  /// A picture of checked size.
  Picture make_picture(std::int64_t width, std::int64_t height) const {
    check_size(width, height);
    return {width, height};
  }
};

/// Writes as RGB what is left of white light behind inks; each of 0 to 255, 255 is full ink.
void put_cmyk(std::uint8_t* rgb, int cyan, int magenta, int yellow, int black) noexcept;

// One function per format, those behind a library only where it was there at build time. Each gives
// an empty picture for damaged bytes. Errors: limit, out_of_memory.
Picture decode_bmp(const Encoded& file);
Picture decode_jpeg(const Encoded& file);
Picture decode_jpeg2000(const Encoded& file);
Picture decode_png(const Encoded& file);
Picture decode_pnm(const Encoded& file);
Picture decode_tiff(const Encoded& file);
Picture decode_webp(const Encoded& file);

}  // namespace inlay::inline v0::images
