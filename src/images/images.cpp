#include "inlay/images.hpp"

#include <algorithm>
#include <string>

#include "images/picture.hpp"

namespace inlay::inline v0 {
namespace images {
namespace {

/// A format, how its files begin, and what decodes it.
struct Format {
  std::string_view name;
  std::string_view library;           ///< what it needs
  Picture (*decode)(const Encoded&);  ///< null where the library was not there
  bool (*begins)(std::string_view start);
};

using namespace std::string_view_literals;

// INLAY_DECODE_*: the function, or nullptr, as CMake found the library or not.
constexpr Format formats[] = {
    {"bmp", "", decode_bmp, [](std::string_view s) { return s.starts_with("BM"); }},
    {"jpeg", "libjpeg-turbo", INLAY_DECODE_JPEG,
     [](std::string_view s) { return s.starts_with("\xFF\xD8\xFF"); }},
    {"jpeg2000", "OpenJPEG", INLAY_DECODE_JPEG2000,
     [](std::string_view s) {
       return s.starts_with("\xFF\x4F\xFF\x51") || s.starts_with("\0\0\0\x0CjP  \r\n\x87\n"sv);
     }},
    {"png", "libpng", INLAY_DECODE_PNG,
     [](std::string_view s) { return s.starts_with("\x89PNG\r\n\x1A\n"); }},
    {"pnm", "", decode_pnm,
     [](std::string_view s) { return s.size() > 2 && s[0] == 'P' && s[1] >= '1' && s[1] <= '6'; }},
    {"tiff", "libtiff 4.5", INLAY_DECODE_TIFF,
     [](std::string_view s) {
       return s.starts_with("II*\0"sv) || s.starts_with("MM\0*"sv) || s.starts_with("II+\0"sv) ||
              s.starts_with("MM\0+"sv);
     }},
    {"webp", "libwebp", INLAY_DECODE_WEBP,
     [](std::string_view s) {
       return s.starts_with("RIFF") && s.size() >= 12 && s.substr(8).starts_with("WEBP");
     }},
};

Picture decode(const Encoded& file) {
  const std::string_view start(reinterpret_cast<const char*>(file.bytes.data()),
                               std::min<std::size_t>(file.bytes.size(), 16));
  for (const Format& format : formats) {
    if (!format.begins(start)) continue;
    if (format.decode != nullptr) return format.decode(file);
    throw Error(ErrorCode::unsupported, "this build of inlay::images has no " +
                                            std::string(format.library) + ", which decodes " +
                                            std::string(format.name));
  }
  return {};
}

enum class PixelFormat { rgb, bgr, gray };

void put_pixels(const Picture& picture, PixelFormat format, std::uint8_t* to) {
  const std::uint8_t* from = picture.rgb();
  const std::uint8_t* const end = from + picture.pixels() * 3;
  if (format == PixelFormat::rgb) {
    std::copy(from, end, to);
  } else if (format == PixelFormat::bgr) {
    for (; from != end; from += 3) to = std::reverse_copy(from, from + 3, to);
  } else {
    // ITU-R BT.601 in 16 bits of fraction; the weights' sum is 1, so that gray stays what it is.
    for (; from != end; from += 3) {
      *to++ = static_cast<std::uint8_t>(
          (19595 * from[0] + 38470 * from[1] + 7471 * from[2] + 32768) >> 16);
    }
  }
}

class ImageDecoder final : public Kernel {
 public:
  ImageDecoder(const CompileContext& context, const ImageOptions& options) : options_(options) {
    const std::string_view name = context.node.attributes.text("pixel_format", "RGB");
    format_ = name == "Grayscale" ? PixelFormat::gray
              : name == "BGR"     ? PixelFormat::bgr
                                  : PixelFormat::rgb;
  }
  void run(KernelContext& context) const override {
    const Picture picture = decode({context.input(0).as<std::uint8_t>(), options_.max_pixels});
    Tensor& image = context.output(
        0, {picture.height(), picture.width(), format_ == PixelFormat::gray ? 1 : 3});
    put_pixels(picture, format_, image.as_mutable<std::uint8_t>().data());
  }

 private:
  ImageOptions options_;
  PixelFormat format_;
};

}  // namespace
}  // namespace images

void add_image_decoder(Registry& registry, const ImageOptions& options) {
  if (options.max_pixels < 1 || options.max_pixels > std::int64_t{1} << 40) {
    throw Error(ErrorCode::invalid_argument, "max_pixels must lie between 1 and 2^40");
  }
  const OpSchema* schema = registry.find_op("", "ImageDecoder", 20);
  if (schema == nullptr) {
    throw Error(ErrorCode::invalid_argument,
                "the registry does not have ONNX's operators; make it with Registry::create");
  }
  registry.add(*schema, [options](const CompileContext& context) {
    return std::make_unique<images::ImageDecoder>(context, options);
  });
}

std::vector<std::string_view> image_formats() {
  std::vector<std::string_view> names;
  for (const images::Format& format : images::formats) {
    if (format.decode != nullptr) names.push_back(format.name);
  }
  return names;
}

}  // namespace inlay::inline v0
