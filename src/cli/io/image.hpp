// Pictures: PNG and JPEG files to pixels, pixels to tensors, pixels to PNG files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "inlay/tensor.hpp"

namespace inlay::io {

/// 8-bit RGB, row by row, no padding.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  Image(int w, int h, std::uint8_t value)
      : width(w), height(h), pixels(std::size_t(w) * std::size_t(h) * 3, value) {}

  std::uint8_t* at(int x, int y) {
    return &pixels[(std::size_t(y) * std::size_t(width) + std::size_t(x)) * 3];
  }
  const std::uint8_t* at(int x, int y) const { return const_cast<Image*>(this)->at(x, y); }
};

/// Reads a PNG or JPEG file, told apart by content. Transparency is laid on white.
/// Errors: not_found, io, parse, limit (more than 2^26 pixels).
Image load_image(const std::filesystem::path& path);

/// Errors: io.
void save_png(const Image& image, const std::filesystem::path& path);

/// How a picture of one aspect ratio gets into another.
enum class Fit {
  stretch,  ///< ignore the ratio
  crop,     ///< fill all of it, the middle of the picture stays
  pad,      ///< keep all of the picture, at the top left; the rest is grey (114)
};

/// Bilinear, with the filter widened when shrinking (Pillow's BILINEAR).
/// Errors: invalid_argument unless 1 <= width, height <= 32768.
Image resize(const Image& image, int width, int height, Fit fit = Fit::stretch);

enum class Layout { nchw, nhwc };
enum class Channels { rgb, bgr, gray };

/// Pixels 0..255 become (pixel * scale - mean) / std. `mean` and `std` have one number for all
/// channels or one for each.
struct PixelOptions {
  float scale = 1.0f / 255.0f;
  std::vector<float> mean = {0.0f};
  std::vector<float> std = {1.0f};
  Layout layout = Layout::nchw;
  Channels channels = Channels::rgb;
};

/// float32 [1,C,H,W] or [1,H,W,C]. Errors: invalid_argument (mean and std).
Tensor to_tensor(const Image& image, const PixelOptions& options = {});

}  // namespace inlay::io
