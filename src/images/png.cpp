// PNG, by libpng.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "images/picture.hpp"

namespace inlay::inline v0::images {
namespace {

void read_png_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto& left = *static_cast<std::span<const std::uint8_t>*>(png_get_io_ptr(png));
  if (count > left.size()) png_error(png, "");
  std::memcpy(to, left.data(), count);
  left = left.subspan(count);
}

[[noreturn]] void png_failed(png_structp png, png_const_charp) { png_longjmp(png, 1); }
void png_warned(png_structp, png_const_charp) {}

/// One decompression. Errors of the library jump back into the member function that called it, over
/// frames of C only.
class PngFile {
 public:
  explicit PngFile(std::span<const std::uint8_t> bytes)
      : left_(bytes),
        png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, png_failed, png_warned)),
        info_(png_ == nullptr ? nullptr : png_create_info_struct(png_)) {}
  PngFile(const PngFile&) = delete;
  PngFile& operator=(const PngFile&) = delete;
  ~PngFile() { png_destroy_read_struct(&png_, &info_, nullptr); }

  /// Reads up to the pixels and asks for them as 8-bit RGB, whatever they are in the file.
  bool read_header() {
    if (info_ == nullptr || setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, &left_, read_png_bytes);
    png_read_info(png_, info_);
    png_set_strip_16(png_);
    png_set_palette_to_rgb(png_);
    png_set_expand_gray_1_2_4_to_8(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return png_get_rowbytes(png_, info_) == std::size_t{png_get_image_width(png_, info_)} * 3;
  }
  std::int64_t width() const { return png_get_image_width(png_, info_); }
  std::int64_t height() const { return png_get_image_height(png_, info_); }

  bool read_rows(Picture& picture) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    for (int pass = 0; pass < passes_; ++pass) {
      for (std::int64_t y = 0; y < picture.height(); ++y) {
        png_read_row(png_, picture.row(y), nullptr);
      }
    }
    return true;
  }

 private:
  std::span<const std::uint8_t> left_;
  png_structp png_;
  png_infop info_;
  int passes_ = 1;
};

}  // namespace

Picture decode_png(const Encoded& file) {
  PngFile png(file.bytes);
  if (!png.read_header()) return {};
  Picture picture = file.make_picture(png.width(), png.height());
  return png.read_rows(picture) ? std::move(picture) : Picture();
}

}  // namespace inlay::inline v0::images
