// Windows and OS/2 bitmaps: 1 to 32 bits a pixel, plain, run-length encoded, or with bit masks.
#include <algorithm>
#include <array>
#include <bit>

#include "images/picture.hpp"

namespace inlay::inline v0::images {
namespace {

enum Compression : std::uint32_t { plain = 0, rle8 = 1, rle4 = 2, masks = 3, masks_alpha = 6 };

constexpr std::size_t file_header_size = 14;
constexpr std::uint32_t core_header_size = 12;

/// Some bits of a pixel, as a number from 0 to 255.
class BmpChannel {
 public:
  BmpChannel() = default;
  explicit BmpChannel(std::uint32_t mask)
      : mask_(mask), shift_(mask == 0 ? 0 : std::countr_zero(mask)) {}
  std::uint8_t of(std::uint32_t pixel) const {
    const std::uint64_t most = mask_ >> shift_;
    return most == 0 ? 0 : static_cast<std::uint8_t>(((pixel & mask_) >> shift_) * 255 / most);
  }

 private:
  std::uint32_t mask_ = 0;
  int shift_ = 0;
};

class BmpFile {
 public:
  explicit BmpFile(const Encoded& file) : file_(file), bytes_(file.bytes) {}
  Picture decode();

 private:
  /// A little-endian number of `size` bytes; those behind the file's end are 0.
  std::uint32_t number(std::size_t at, int size = 4) const {
    std::uint32_t value = 0;
    for (int i = 0; i < size; ++i, ++at) {
      if (at < bytes_.size()) value |= std::uint32_t{bytes_[at]} << (8 * i);
    }
    return value;
  }
  bool read_header();
  bool read_colors(std::size_t header_end, std::uint32_t header_size);
  bool read_plain(Picture& picture) const;
  bool read_runs(Picture& picture) const;
  void put_color(Picture& picture, std::int64_t x, std::int64_t y, std::uint32_t color) const {
    if (x >= width_ || y >= height_) return;
    const auto& rgb = palette_[color];
    std::copy(rgb.begin(), rgb.end(), picture.pixel(x, bottom_up_ ? height_ - 1 - y : y));
  }

  const Encoded& file_;
  std::span<const std::uint8_t> bytes_;
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
  bool bottom_up_ = true;
  int bits_ = 0;  // of a pixel
  std::uint32_t compression_ = plain;
  std::size_t start_ = 0;  // of the pixels
  std::array<BmpChannel, 3> channels_;
  std::array<std::array<std::uint8_t, 3>, 256> palette_{};
};

bool BmpFile::read_header() {
  const std::uint32_t header_size = number(file_header_size);
  if (bytes_.size() < file_header_size + core_header_size) return false;
  if (header_size == core_header_size) {
    width_ = number(18, 2);
    height_ = number(20, 2);
    bits_ = static_cast<int>(number(24, 2));
  } else if (header_size >= 40 && header_size <= 124) {
    width_ = static_cast<std::int32_t>(number(18));
    height_ = static_cast<std::int32_t>(number(22));
    bits_ = static_cast<int>(number(28, 2));
    compression_ = number(30);
  } else {
    return false;
  }
  bottom_up_ = height_ > 0;
  if (!bottom_up_) height_ = -height_;
  start_ = number(10);
  return width_ > 0 && height_ > 0 && read_colors(file_header_size + header_size, header_size);
}

/// The palette, or where in a pixel its channels are.
bool BmpFile::read_colors(std::size_t header_end, std::uint32_t header_size) {
  const bool masked = compression_ == masks || compression_ == masks_alpha;
  if (bits_ == 1 || bits_ == 2 || bits_ == 4 || bits_ == 8) {
    if (compression_ != plain && !(compression_ == rle8 && bits_ == 8) &&
        !(compression_ == rle4 && bits_ == 4)) {
      return false;
    }
    const std::size_t entry = header_size == core_header_size ? 3 : 4;
    const std::uint32_t given = header_size == core_header_size ? 0 : number(46);
    const std::uint32_t all = 1u << bits_;
    const std::uint32_t colors = given == 0 ? all : std::min(given, all);
    for (std::size_t i = 0; i < colors; ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        palette_[i][c] = static_cast<std::uint8_t>(number(header_end + i * entry + 2 - c, 1));
      }
    }
    return true;
  }
  if (bits_ != 16 && bits_ != 24 && bits_ != 32) return false;
  if (compression_ != plain && !masked) return false;
  std::array<std::uint32_t, 3> mask{0xFF0000, 0xFF00, 0xFF};
  if (bits_ == 16) mask = {0x7C00, 0x3E0, 0x1F};
  // Behind the smallest header, or the same place in the later ones.
  constexpr std::size_t masks_at = 54;
  if (masked && (number(masks_at) | number(masks_at + 4) | number(masks_at + 8)) != 0) {
    for (std::size_t c = 0; c < 3; ++c) mask[c] = number(masks_at + 4 * c);
  }
  for (std::size_t c = 0; c < 3; ++c) channels_[c] = BmpChannel(mask[c]);
  return true;
}

bool BmpFile::read_plain(Picture& picture) const {
  const std::int64_t row_bits = width_ * bits_;
  const auto stride = static_cast<std::size_t>((row_bits + 31) / 32 * 4);
  const std::size_t last_row = start_ + stride * static_cast<std::size_t>(height_ - 1);
  if (last_row + static_cast<std::size_t>((row_bits + 7) / 8) > bytes_.size()) return false;
  for (std::int64_t y = 0; y < height_; ++y) {
    const std::uint8_t* const row = bytes_.data() + start_ + stride * static_cast<std::size_t>(y);
    if (bits_ <= 8) {
      const std::int64_t per_byte = 8 / bits_;
      for (std::int64_t x = 0; x < width_; ++x) {
        const auto shift = (per_byte - 1 - x % per_byte) * bits_;
        put_color(picture, x, y, (row[x / per_byte] >> shift) & ((1u << bits_) - 1));
      }
      continue;
    }
    std::uint8_t* to = picture.row(bottom_up_ ? height_ - 1 - y : y);
    const int size = bits_ / 8;
    std::size_t at = static_cast<std::size_t>(row - bytes_.data());
    for (std::int64_t x = 0; x < width_; ++x, at += static_cast<std::size_t>(size)) {
      const std::uint32_t pixel = number(at, size);
      for (const BmpChannel& channel : channels_) *to++ = channel.of(pixel);
    }
  }
  return true;
}

/// Pairs of a count and what to repeat; a count of 0 makes the second byte a command. Pixels that
/// are skipped keep the first color.
bool BmpFile::read_runs(Picture& picture) const {
  for (std::int64_t y = 0; y < height_; ++y) {
    for (std::int64_t x = 0; x < width_; ++x) put_color(picture, x, y, 0);
  }
  const auto color = [&](std::uint8_t byte, std::uint32_t i) -> std::uint32_t {
    if (bits_ == 8) return byte;
    return i % 2 == 0 ? byte >> 4 : byte & 15;
  };
  std::int64_t x = 0;
  std::int64_t y = 0;
  for (std::size_t at = start_; at + 2 <= bytes_.size() && y < height_;) {
    const std::uint32_t count = bytes_[at++];
    const std::uint8_t second = bytes_[at++];
    if (count > 0) {
      for (std::uint32_t i = 0; i < count; ++i) put_color(picture, x++, y, color(second, i));
    } else if (second == 0) {
      x = 0;
      ++y;
    } else if (second == 1) {
      return true;
    } else if (second == 2) {
      if (at + 2 > bytes_.size()) return false;
      x += bytes_[at++];
      y += bytes_[at++];
    } else {
      const std::size_t size = bits_ == 8 ? second : (second + 1u) / 2;
      if (at + size > bytes_.size()) return false;
      for (std::uint32_t i = 0; i < second; ++i) {
        put_color(picture, x++, y, color(bytes_[at + (bits_ == 8 ? i : i / 2)], i));
      }
      at += (size + 1) / 2 * 2;
    }
  }
  return y >= height_;
}

Picture BmpFile::decode() {
  if (!read_header()) return {};
  const bool runs = compression_ == rle8 || compression_ == rle4;
  Picture picture = file_.make_picture(width_, height_);
  return (runs ? read_runs(picture) : read_plain(picture)) ? std::move(picture) : Picture();
}

}  // namespace

Picture decode_bmp(const Encoded& file) { return BmpFile(file).decode(); }

}  // namespace inlay::inline v0::images
