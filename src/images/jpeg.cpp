// JPEG, by libjpeg-turbo with its own defaults: exact integer DCT, smooth upsampling.
#include <csetjmp>
#include <cstdio>
// jpeglib.h does not include what it needs.
#include <jerror.h>
#include <jpeglib.h>

#include "images/picture.hpp"

namespace inlay::inline v0::images {
namespace {

/// A progressive file of few bytes may pass over a large picture very often.
constexpr int max_scans = 500;

/// libjpeg's state and ours. The library reports through pointers to its parts, which come first in
/// the standard-layout structs below.
struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  bool cut_short;
};

[[noreturn]] void jpeg_failed(j_common_ptr jpeg) {
  std::longjmp(reinterpret_cast<JpegErrors*>(jpeg->err)->jump, 1);
}

/// Warnings are for small damage; the ones about missing data are not that small.
void jpeg_warned(j_common_ptr jpeg, int level) {
  const int code = jpeg->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) {
    reinterpret_cast<JpegErrors*>(jpeg->err)->cut_short = true;
  }
}

void jpeg_progressed(j_common_ptr jpeg) {
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number > max_scans) jpeg_failed(jpeg);
}

/// One decompression. Errors of the library jump back into the member function that called it, over
/// frames of C only.
class JpegFile {
 public:
  JpegFile() {
    jpeg_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = jpeg_failed;
    errors_.manager.emit_message = jpeg_warned;
    errors_.manager.output_message = [](j_common_ptr) {};
    progress_.progress_monitor = jpeg_progressed;
  }
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;
  ~JpegFile() { jpeg_destroy_decompress(&jpeg_); }

  bool read_header(std::span<const std::uint8_t> bytes) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&jpeg_);
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, bytes.data(), static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&jpeg_, TRUE);
    // To RGB where the library can, which is from all but the inks of print.
    inks_ = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
    jpeg_.out_color_space = inks_ ? JCS_CMYK : JCS_RGB;
    return true;
  }
  std::int64_t width() const { return jpeg_.image_width; }
  std::int64_t height() const { return jpeg_.image_height; }
  /// Bytes of a row as read_rows wants them.
  std::size_t row_bytes() const { return jpeg_.image_width * (inks_ ? std::size_t{4} : 3); }

  /// `row`: row_bytes() for a row of inks, unused otherwise.
  bool read_rows(Picture& picture, std::uint8_t* row) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_start_decompress(&jpeg_);
    while (jpeg_.output_scanline < jpeg_.output_height && !errors_.cut_short) {
      std::uint8_t* const to = picture.row(jpeg_.output_scanline);
      std::uint8_t* target = inks_ ? row : to;
      jpeg_read_scanlines(&jpeg_, &target, 1);
      if (inks_) put_inks(row, to);
    }
    return !errors_.cut_short;
  }
  bool inks() const { return inks_; }

 private:
  /// Inks lie inverted in the file, as Adobe has always written them.
  void put_inks(const std::uint8_t* from, std::uint8_t* to) const {
    for (JDIMENSION x = 0; x < jpeg_.image_width; ++x, from += 4, to += 3) {
      put_cmyk(to, 255 - from[0], 255 - from[1], 255 - from[2], 255 - from[3]);
    }
  }

  jpeg_decompress_struct jpeg_{};
  JpegErrors errors_{};
  jpeg_progress_mgr progress_{};
  bool inks_ = false;
};

}  // namespace

Picture decode_jpeg(const Encoded& file) {
  JpegFile jpeg;
  if (!jpeg.read_header(file.bytes) || jpeg.width() < 1 || jpeg.height() < 1) return {};
  Picture picture = file.make_picture(jpeg.width(), jpeg.height());
  const auto row = std::make_unique<std::uint8_t[]>(jpeg.inks() ? jpeg.row_bytes() : 0);
  return jpeg.read_rows(picture, row.get()) ? std::move(picture) : Picture();
}

}  // namespace inlay::inline v0::images
