#include "io/image.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <memory>

#include "inlay/reader.hpp"
#include "io/stb_config.hpp"

namespace inlay::io {
namespace {

constexpr std::int64_t max_pixels = std::int64_t{1} << 26;
constexpr std::uint8_t padding_gray = 114;

// One output pixel of a resize along one axis: weights for the inputs from `first` on.
struct Tap {
  int first = 0;
  std::vector<float> weights;
};

std::vector<Tap> triangle_taps(int from, int to) {
  const double scale = double(from) / to;
  const double radius = std::max(scale, 1.0);
  std::vector<Tap> taps(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - radius + 0.5));
    const int last = std::min(from, static_cast<int>(center + radius + 0.5));
    Tap& tap = taps[static_cast<std::size_t>(i)];
    tap.first = first;
    double total = 0;
    for (int k = first; k < last; ++k) {
      const double weight = std::max(0.0, 1.0 - std::abs(k + 0.5 - center) / radius);
      tap.weights.push_back(static_cast<float>(weight));
      total += weight;
    }
    for (float& weight : tap.weights) weight = static_cast<float>(weight / total);
  }
  return taps;
}

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f) + 0.5f);
}

Image stretch(const Image& image, int width, int height) {
  if (width == image.width && height == image.height) return image;
  const auto columns = triangle_taps(image.width, width);
  const auto rows = triangle_taps(image.height, height);

  std::vector<float> narrow(std::size_t(width) * std::size_t(image.height) * 3);
  float* to = narrow.data();
  for (int y = 0; y < image.height; ++y) {
    for (const Tap& tap : columns) {
      const std::uint8_t* from = image.at(tap.first, y);
      float sum[3] = {};
      for (const float weight : tap.weights) {
        for (float& channel : sum) channel += weight * *from++;
      }
      to = std::copy(sum, sum + 3, to);
    }
  }

  Image out(width, height, 0);
  const std::size_t stride = std::size_t(width) * 3;
  std::vector<float> row(stride);
  for (int y = 0; y < height; ++y) {
    const Tap& tap = rows[static_cast<std::size_t>(y)];
    std::fill(row.begin(), row.end(), 0.0f);
    const float* from = narrow.data() + std::size_t(tap.first) * stride;
    for (const float weight : tap.weights) {
      for (float& value : row) value += weight * *from++;
    }
    std::transform(row.begin(), row.end(), out.at(0, y), to_byte);
  }
  return out;
}

// The part of `from` that lies under a width x height window at (x, y), both inside `from`.
Image cut(const Image& from, int x, int y, int width, int height) {
  Image out(width, height, 0);
  for (int row = 0; row < height; ++row) {
    std::copy_n(from.at(x, y + row), std::size_t(width) * 3, out.at(0, row));
  }
  return out;
}

// A picture's width (or height) times `ratio`, at least one pixel and at most `most`.
int scaled(int size, double ratio, int most) {
  return std::clamp(static_cast<int>(std::lround(size * ratio)), 1, most);
}

float channel_value(const std::vector<float>& values, std::size_t channel) {
  return values.size() == 1 ? values[0] : values[channel];
}

}  // namespace

Image load_image(const std::filesystem::path& path) {
  const Bytes file = file_reader(path)->read();
  const Where where{.file = path.string()};
  if (file.bytes.size() > std::size_t{1} << 30) {
    throw Error(ErrorCode::limit, "the picture is larger than 1 GiB", where);
  }
  const auto* data = reinterpret_cast<const stbi_uc*>(file.bytes.data());
  const int size = static_cast<int>(file.bytes.size());
  int width = 0;
  int height = 0;
  int channels = 0;
  if (stbi_info_from_memory(data, size, &width, &height, &channels) == 0) {
    throw Error(ErrorCode::parse, "not a PNG or JPEG picture", where);
  }
  if (std::int64_t{width} * height > max_pixels) {
    throw Error(ErrorCode::limit, "the picture has more than 2^26 pixels", where);
  }
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> rgba(
      stbi_load_from_memory(data, size, &width, &height, &channels, 4), &stbi_image_free);
  if (!rgba) throw Error(ErrorCode::parse, "the picture is damaged", where);

  Image image(width, height, 0);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const stbi_uc* pixel = rgba.get() + i / 3 * 4;
    const int alpha = pixel[3];
    image.pixels[i] =
        static_cast<std::uint8_t>((pixel[i % 3] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  return image;
}

void save_png(const Image& image, const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::binary);
  const auto write = [](void* to, void* data, int size) {
    static_cast<std::ofstream*>(to)->write(static_cast<const char*>(data), size);
  };
  const bool done = stbi_write_png_to_func(write, &file, image.width, image.height, 3,
                                           image.pixels.data(), image.width * 3) != 0;
  file.close();
  if (!done || !file) {
    throw Error(ErrorCode::io, "cannot write the picture; does its folder exist?",
                {.file = path.string()});
  }
}

Image resize(const Image& image, int width, int height, Fit fit) {
  if (width < 1 || height < 1 || width > STBI_MAX_DIMENSIONS || height > STBI_MAX_DIMENSIONS ||
      std::int64_t{width} * height > max_pixels) {
    throw Error(ErrorCode::invalid_argument,
                "a picture's width and height must be 1 to 32768, its pixels at most 2^26");
  }
  const double across = double(width) / image.width;
  const double down = double(height) / image.height;
  if (fit == Fit::crop) {
    const double ratio = std::max(across, down);
    const int cut_width = scaled(width, 1 / ratio, image.width);
    const int cut_height = scaled(height, 1 / ratio, image.height);
    return stretch(cut(image, (image.width - cut_width) / 2, (image.height - cut_height) / 2,
                       cut_width, cut_height),
                   width, height);
  }
  if (fit == Fit::pad) {
    const double ratio = std::min(across, down);
    const Image part =
        stretch(image, scaled(image.width, ratio, width), scaled(image.height, ratio, height));
    Image out(width, height, padding_gray);
    for (int y = 0; y < part.height; ++y) {
      std::copy_n(part.at(0, y), std::size_t(part.width) * 3, out.at(0, y));
    }
    return out;
  }
  return stretch(image, width, height);
}

Tensor to_tensor(const Image& image, const PixelOptions& options) {
  const std::size_t channels = options.channels == Channels::gray ? 1 : 3;
  for (const auto* values : {&options.mean, &options.std}) {
    if (values->size() != 1 && values->size() != channels) {
      throw Error(ErrorCode::invalid_argument,
                  "mean and std take one number, or one for each channel");
    }
  }
  if (std::count(options.std.begin(), options.std.end(), 0.0f) != 0) {
    throw Error(ErrorCode::invalid_argument, "std must not be 0");
  }
  const std::int64_t depth = static_cast<std::int64_t>(channels);
  const bool nchw = options.layout == Layout::nchw;
  Tensor tensor(DType::float32, nchw ? Shape{1, depth, image.height, image.width}
                                     : Shape{1, image.height, image.width, depth});
  float* out = tensor.as_mutable<float>().data();
  const std::size_t count = image.pixels.size() / 3;
  // ITU-R BT.601 luma.
  constexpr std::array luma = {0.299f, 0.587f, 0.114f};
  for (std::size_t c = 0; c < channels; ++c) {
    const float mean = channel_value(options.mean, c);
    const float inverse = 1.0f / channel_value(options.std, c);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint8_t* rgb = &image.pixels[i * 3];
      float value = 0;
      if (options.channels == Channels::gray) {
        value = luma[0] * rgb[0] + luma[1] * rgb[1] + luma[2] * rgb[2];
      } else {
        value = rgb[options.channels == Channels::rgb ? c : 2 - c];
      }
      out[nchw ? c * count + i : i * channels + c] = (value * options.scale - mean) * inverse;
    }
  }
  return tensor;
}

}  // namespace inlay::io
