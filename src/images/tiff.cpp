// TIFF, by libtiff: the first page, turned upright.
#include <tiffio.h>

#include <algorithm>
#include <cstring>

#include "images/picture.hpp"

namespace inlay::inline v0::images {
namespace {

/// The library's callbacks to read a file that is in memory.
struct TiffMemory {
  std::span<const std::uint8_t> bytes;
  toff_t at = 0;

  static tmsize_t read(thandle_t handle, void* to, tmsize_t count) {
    auto& file = *static_cast<TiffMemory*>(handle);
    if (count < 0 || file.at > file.bytes.size()) return 0;
    const std::size_t copied = std::min(static_cast<std::size_t>(count),
                                        file.bytes.size() - static_cast<std::size_t>(file.at));
    std::memcpy(to, file.bytes.data() + file.at, copied);
    file.at += copied;
    return static_cast<tmsize_t>(copied);
  }
  static tmsize_t write(thandle_t, void*, tmsize_t) { return 0; }
  static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    auto& file = *static_cast<TiffMemory*>(handle);
    if (whence == SEEK_CUR) offset += file.at;
    if (whence == SEEK_END) offset += file.bytes.size();
    return file.at = offset;
  }
  /// The library reads tiles of odd sizes from mapped files only, and never writes there.
  static int map(thandle_t handle, void** base, toff_t* size) {
    const auto bytes = static_cast<TiffMemory*>(handle)->bytes;
    *base = const_cast<std::uint8_t*>(bytes.data());
    *size = bytes.size();
    return 1;
  }
  static void unmap(thandle_t, void*, toff_t) {}
  static int close(thandle_t) { return 0; }
  static toff_t size(thandle_t handle) { return static_cast<TiffMemory*>(handle)->bytes.size(); }
};

/// Says that a message was taken, so that the library does not print it.
int tiff_message(TIFF*, void*, const char*, const char*, va_list) { return 1; }

using TiffHandle = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

TiffHandle open_tiff(TiffMemory& memory, std::int64_t max_pixels) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(
      TIFFOpenOptionsAlloc(), TIFFOpenOptionsFree);
  if (options == nullptr) return {nullptr, TIFFClose};
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), tiff_message, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), tiff_message, nullptr);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(),
                                      std::max<std::int64_t>(max_pixels * 16, 1 << 20));
  TIFF* const tiff = TIFFClientOpenExt("", "r", &memory, TiffMemory::read, TiffMemory::write,
                                       TiffMemory::seek, TiffMemory::close, TiffMemory::size,
                                       TiffMemory::map, TiffMemory::unmap, options.get());
  return {tiff, TIFFClose};
}

/// What a page holds, and in which pieces: strips or tiles of samples side by side, or of one
/// channel each.
struct TiffPage {
  std::uint32_t width = 0, height = 0;
  std::uint32_t piece_width = 0, piece_height = 0;
  std::uint16_t bits = 1, samples = 1, photometric = PHOTOMETRIC_MINISBLACK;
  std::uint16_t planes = PLANARCONFIG_CONTIG, format = SAMPLEFORMAT_UINT, inks = INKSET_CMYK;
  std::uint16_t orientation = ORIENTATION_TOPLEFT;
  bool tiled = false;

  explicit TiffPage(TIFF* tiff) : tiled(TIFFIsTiled(tiff) != 0) {
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_INKSET, &inks);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
    if (tiled) {
      TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &piece_width);
      TIFFGetField(tiff, TIFFTAG_TILELENGTH, &piece_height);
    } else {
      piece_width = width;
      TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &piece_height);
      piece_height = std::min(piece_height, height);
    }
  }
  bool separate() const { return planes == PLANARCONFIG_SEPARATE; }
  /// Samples of a pixel that make its color; 0: we leave the page to the library.
  int channels() const {
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) return 0;
    if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16) return 0;
    int needed = 0;
    if (photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE ||
        (photometric == PHOTOMETRIC_PALETTE && bits <= 8)) {
      needed = 1;
    } else if (photometric == PHOTOMETRIC_RGB) {
      needed = 3;
    } else if (photometric == PHOTOMETRIC_SEPARATED && inks == INKSET_CMYK) {
      needed = 4;
    }
    return samples >= needed ? needed : 0;
  }
};

/// Reads the color samples of a page, 8 bits each, side by side. False where the file is damaged.
class TiffSamples {
 public:
  TiffSamples(TIFF* tiff, const TiffPage& page, std::int64_t max_pixels)
      : tiff_(tiff),
        page_(page),
        // Small pictures may lie in large tiles.
        max_pixels_(std::max<std::int64_t>(max_pixels, 1 << 20)),
        channels_(static_cast<std::size_t>(page.channels())) {}

  std::size_t channels() const { return channels_; }
  const std::uint8_t* data() const { return samples_.get(); }

  bool read() {
    if (page_.piece_width == 0 || page_.piece_height == 0 ||
        page_.piece_height > max_pixels_ / page_.piece_width) {
      return false;
    }
    in_piece_ = page_.separate() ? 1 : page_.samples;
    const std::uint64_t row_bits = std::uint64_t{page_.piece_width} * in_piece_ * page_.bits;
    row_bytes_ = static_cast<std::size_t>((row_bits + 7) / 8);
    const tmsize_t size = page_.tiled ? TIFFTileSize(tiff_) : TIFFStripSize(tiff_);
    if (size <= 0 || size > max_pixels_ * 16) return false;
    piece_ = std::make_unique_for_overwrite<std::uint8_t[]>(static_cast<std::size_t>(size));
    samples_ = std::make_unique_for_overwrite<std::uint8_t[]>(std::size_t{page_.width} *
                                                              page_.height * channels_);
    const std::size_t planes = page_.separate() ? channels_ : 1;
    for (std::size_t plane = 0; plane < planes; ++plane) {
      for (std::int64_t y = 0; y < page_.height; y += page_.piece_height) {
        for (std::int64_t x = 0; x < page_.width; x += page_.piece_width) {
          if (!read_piece(static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y),
                          static_cast<std::uint16_t>(plane), size)) {
            return false;
          }
        }
      }
    }
    return true;
  }

 private:
  bool read_piece(std::uint32_t left, std::uint32_t top, std::uint16_t plane, tmsize_t size) {
    const tmsize_t got =
        page_.tiled
            ? TIFFReadEncodedTile(tiff_, TIFFComputeTile(tiff_, left, top, 0, plane), piece_.get(),
                                  size)
            : TIFFReadEncodedStrip(tiff_, TIFFComputeStrip(tiff_, top, plane), piece_.get(), size);
    const std::uint32_t rows = std::min(page_.piece_height, page_.height - top);
    const std::uint32_t columns = std::min(page_.piece_width, page_.width - left);
    if (got < 0 || static_cast<std::size_t>(got) < rows * row_bytes_) return false;
    const std::size_t taken = page_.separate() ? 1 : channels_;
    for (std::uint32_t y = 0; y < rows; ++y) {
      const std::uint8_t* const row = piece_.get() + y * row_bytes_;
      const std::size_t pixel = std::size_t{top + y} * page_.width + left;
      std::uint8_t* to = samples_.get() + pixel * channels_ + plane;
      for (std::uint32_t x = 0; x < columns; ++x, to += channels_) {
        for (std::size_t c = 0; c < taken; ++c) to[c] = sample(row, x * in_piece_ + c);
      }
    }
    return true;
  }
  std::uint8_t sample(const std::uint8_t* row, std::size_t i) const {
    if (page_.bits == 8) return row[i];
    if (page_.bits == 16) {
      std::uint16_t value = 0;
      std::memcpy(&value, row + 2 * i, sizeof(value));
      return static_cast<std::uint8_t>(value >> 8);
    }
    const std::size_t per_byte = 8u / page_.bits;
    const unsigned most = (1u << page_.bits) - 1;
    const unsigned value = row[i / per_byte] >> (8 - page_.bits * (i % per_byte + 1)) & most;
    const bool index = page_.photometric == PHOTOMETRIC_PALETTE;
    return static_cast<std::uint8_t>(index ? value : value * 255 / most);
  }

  TIFF* tiff_;
  const TiffPage& page_;
  std::int64_t max_pixels_;
  std::size_t channels_;
  std::size_t in_piece_ = 0;  // samples of a pixel in one piece
  std::size_t row_bytes_ = 0;
  std::unique_ptr<std::uint8_t[]> piece_;
  std::unique_ptr<std::uint8_t[]> samples_;
};

/// Which side of the stored page is up, and in which direction its rows go.
class TiffOrientation {
 public:
  explicit TiffOrientation(const TiffPage& page)
      : width_(page.width),
        height_(page.height),
        swapped_(page.orientation >= ORIENTATION_LEFTTOP),
        flipped_rows_(
            page.orientation == ORIENTATION_BOTRIGHT || page.orientation == ORIENTATION_BOTLEFT ||
            page.orientation == ORIENTATION_RIGHTTOP || page.orientation == ORIENTATION_RIGHTBOT),
        flipped_columns_(
            page.orientation == ORIENTATION_TOPRIGHT || page.orientation == ORIENTATION_BOTRIGHT ||
            page.orientation == ORIENTATION_RIGHTBOT || page.orientation == ORIENTATION_LEFTBOT) {}

  Picture make_picture(const Encoded& file) const {
    return swapped_ ? file.make_picture(height_, width_) : file.make_picture(width_, height_);
  }
  /// Calls put(pixel, i) for each pixel of the picture and its number in the stored page.
  template <class F>
  void for_each(Picture& picture, const F& put) const {
    std::int64_t i = 0;
    for (std::int64_t row = 0; row < height_; ++row) {
      const std::int64_t y = flipped_rows_ ? height_ - 1 - row : row;
      for (std::int64_t column = 0; column < width_; ++column) {
        const std::int64_t x = flipped_columns_ ? width_ - 1 - column : column;
        put(swapped_ ? picture.pixel(y, x) : picture.pixel(x, y), i++);
      }
    }
  }

 private:
  std::int64_t width_;
  std::int64_t height_;
  bool swapped_;
  bool flipped_rows_;
  bool flipped_columns_;
};

bool put_samples(const Encoded& file, TIFF* tiff, const TiffPage& page, Picture& picture) {
  TiffSamples samples(tiff, page, file.max_pixels);
  std::uint16_t* palette[3] = {};
  if (page.photometric == PHOTOMETRIC_PALETTE &&
      TIFFGetField(tiff, TIFFTAG_COLORMAP, &palette[0], &palette[1], &palette[2]) == 0) {
    return false;
  }
  if (!samples.read()) return false;
  TiffOrientation(page).for_each(picture, [&](std::uint8_t* to, std::int64_t i) {
    const std::uint8_t* const from =
        samples.data() + static_cast<std::size_t>(i) * samples.channels();
    if (page.photometric == PHOTOMETRIC_SEPARATED) {
      put_cmyk(to, from[0], from[1], from[2], from[3]);
    } else if (page.photometric == PHOTOMETRIC_RGB) {
      std::copy_n(from, 3, to);
    } else if (page.photometric == PHOTOMETRIC_PALETTE) {
      for (int c = 0; c < 3; ++c) to[c] = static_cast<std::uint8_t>(palette[c][*from] >> 8);
    } else {
      const int level = page.photometric == PHOTOMETRIC_MINISWHITE ? 255 - *from : *from;
      std::fill_n(to, 3, static_cast<std::uint8_t>(level));
    }
  });
  return true;
}

/// The library's own way to RGB, for color spaces that we do not read.
bool put_converted(TIFF* tiff, const TiffPage& page, Picture& picture) {
  const auto raster = std::make_unique<std::uint32_t[]>(static_cast<std::size_t>(picture.pixels()));
  TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);  // as it is stored
  if (TIFFReadRGBAImageOriented(tiff, page.width, page.height, raster.get(), ORIENTATION_TOPLEFT,
                                1) == 0) {
    return false;
  }
  TiffOrientation(page).for_each(picture, [&](std::uint8_t* to, std::int64_t i) {
    const std::uint32_t pixel = raster[static_cast<std::size_t>(i)];
    to[0] = static_cast<std::uint8_t>(TIFFGetR(pixel));
    to[1] = static_cast<std::uint8_t>(TIFFGetG(pixel));
    to[2] = static_cast<std::uint8_t>(TIFFGetB(pixel));
  });
  return true;
}

}  // namespace

Picture decode_tiff(const Encoded& file) {
  TiffMemory memory{file.bytes};
  const TiffHandle tiff = open_tiff(memory, file.max_pixels);
  if (tiff == nullptr) return {};
  const TiffPage page(tiff.get());
  if (page.width == 0 || page.height == 0) return {};
  Picture picture = TiffOrientation(page).make_picture(file);
  const bool done = page.channels() > 0 ? put_samples(file, tiff.get(), page, picture)
                                        : put_converted(tiff.get(), page, picture);
  return done ? std::move(picture) : Picture();
}

}  // namespace inlay::inline v0::images
