// Portable bitmaps, graymaps and pixmaps, as text (P1 to P3) and as bytes (P4 to P6).
#include "images/picture.hpp"

namespace inlay::inline v0::images {
namespace {

class PnmFile {
 public:
  explicit PnmFile(const Encoded& file) : file_(file), bytes_(file.bytes) {}
  Picture decode();

 private:
  static bool is_space(std::uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  void skip_space() {
    while (at_ < bytes_.size() && (is_space(bytes_[at_]) || bytes_[at_] == '#')) {
      if (bytes_[at_] == '#') {
        while (at_ < bytes_.size() && bytes_[at_] != '\n' && bytes_[at_] != '\r') ++at_;
      } else {
        ++at_;
      }
    }
  }
  /// A decimal number of at most `digits` digits; sets damaged_ where there is none.
  std::int64_t number(int digits) {
    skip_space();
    std::int64_t value = 0;
    int found = 0;
    for (; found < digits && at_ < bytes_.size(); ++at_, ++found) {
      const int digit = bytes_[at_] - '0';
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    damaged_ = damaged_ || found == 0;
    return value;
  }
  std::int64_t byte() {
    if (at_ < bytes_.size()) return bytes_[at_++];
    damaged_ = true;
    return 0;
  }
  std::uint8_t sample(std::int64_t x);

  const Encoded& file_;
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 2;
  bool damaged_ = false;
  bool text_ = false;
  std::int64_t most_ = 1;  // of a sample
  bool bitmap_ = false;
  std::int64_t packed_ = 0;  // eight pixels of a bitmap
};

/// The next sample, whose pixel is number x in its row.
std::uint8_t PnmFile::sample(std::int64_t x) {
  std::int64_t value = 0;
  if (text_) {
    value = number(bitmap_ ? 1 : 10);
  } else if (bitmap_) {
    if (x % 8 == 0) packed_ = byte();
    value = packed_ >> (7 - x % 8) & 1;
  } else {
    value = byte();
    if (most_ > 255) value = value * 256 + byte();
  }
  damaged_ = damaged_ || value > most_;
  if (damaged_) return 0;
  if (bitmap_) value = 1 - value;  // 1 is ink
  return static_cast<std::uint8_t>((value * 255 + most_ / 2) / most_);
}

Picture PnmFile::decode() {
  const int kind = bytes_[1] - '0';
  text_ = kind <= 3;
  bitmap_ = kind == 1 || kind == 4;
  const std::int64_t width = number(10);
  const std::int64_t height = number(10);
  if (!bitmap_) most_ = number(10);
  if (damaged_ || width < 1 || height < 1 || most_ < 1 || most_ > 65535) return {};
  if (!text_) byte();  // one white space
  const bool color = kind == 3 || kind == 6;
  Picture picture = file_.make_picture(width, height);
  for (std::int64_t y = 0; y < height; ++y) {
    std::uint8_t* to = picture.row(y);
    for (std::int64_t x = 0; x < width; ++x, to += 3) {
      to[0] = sample(x);
      to[1] = color ? sample(x) : to[0];
      to[2] = color ? sample(x) : to[0];
    }
    if (damaged_) return {};
  }
  return picture;
}

}  // namespace

Picture decode_pnm(const Encoded& file) { return PnmFile(file).decode(); }

}  // namespace inlay::inline v0::images
