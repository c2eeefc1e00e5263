// JPEG 2000, codestreams and JP2 files, by OpenJPEG.
#include <openjpeg.h>

#include <algorithm>
#include <cstring>

#include "images/picture.hpp"

namespace inlay::inline v0::images {
namespace {

/// The library's callbacks to read a file that is in memory.
struct Jpeg2000Memory {
  std::span<const std::uint8_t> bytes;
  std::size_t at = 0;

  static OPJ_SIZE_T read(void* to, OPJ_SIZE_T count, void* user) {
    auto& file = *static_cast<Jpeg2000Memory*>(user);
    const std::size_t copied = std::min<std::size_t>(count, file.bytes.size() - file.at);
    if (copied == 0) return static_cast<OPJ_SIZE_T>(-1);
    std::memcpy(to, file.bytes.data() + file.at, copied);
    file.at += copied;
    return copied;
  }
  static OPJ_OFF_T skip(OPJ_OFF_T count, void* user) {
    auto& file = *static_cast<Jpeg2000Memory*>(user);
    const auto left = static_cast<OPJ_OFF_T>(file.bytes.size() - file.at);
    if (count < 0 || left == 0) return -1;
    const OPJ_OFF_T skipped = std::min(count, left);
    file.at += static_cast<std::size_t>(skipped);
    return skipped;
  }
  static OPJ_BOOL seek(OPJ_OFF_T offset, void* user) {
    auto& file = *static_cast<Jpeg2000Memory*>(user);
    if (offset < 0 || static_cast<std::uint64_t>(offset) > file.bytes.size()) return OPJ_FALSE;
    file.at = static_cast<std::size_t>(offset);
    return OPJ_TRUE;
  }
};

using Stream = std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)>;
using Codec = std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)>;
using Image = std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)>;

Stream make_stream(Jpeg2000Memory& memory) {
  Stream stream(opj_stream_default_create(OPJ_TRUE), opj_stream_destroy);
  if (stream == nullptr) return stream;
  opj_stream_set_user_data(stream.get(), &memory, nullptr);
  opj_stream_set_user_data_length(stream.get(), memory.bytes.size());
  opj_stream_set_read_function(stream.get(), Jpeg2000Memory::read);
  opj_stream_set_skip_function(stream.get(), Jpeg2000Memory::skip);
  opj_stream_set_seek_function(stream.get(), Jpeg2000Memory::seek);
  return stream;
}

/// A component's samples at the pixels of the picture, as 0 to 255.
class Component {
 public:
  Component(const opj_image_t& image, int i) : image_(&image), component_(&image.comps[i]) {}

  bool usable() const {
    return component_->data != nullptr && component_->w > 0 && component_->h > 0 &&
           component_->dx > 0 && component_->dy > 0 && component_->prec >= 1 &&
           component_->prec <= 31;
  }
  bool subsampled() const { return component_->dx > 1 || component_->dy > 1; }

  int at(std::int64_t x, std::int64_t y) const {
    const std::int64_t column =
        place(image_->x0 + x, component_->dx, component_->x0, component_->w);
    const std::int64_t row = place(image_->y0 + y, component_->dy, component_->y0, component_->h);
    const std::int64_t most = (std::int64_t{1} << component_->prec) - 1;
    std::int64_t value = component_->data[row * component_->w + column];
    if (component_->sgnd != 0) value += std::int64_t{1} << (component_->prec - 1);
    return static_cast<int>((std::clamp<std::int64_t>(value, 0, most) * 255 + most / 2) / most);
  }

 private:
  static std::int64_t place(std::int64_t at, OPJ_UINT32 step, OPJ_UINT32 first, OPJ_UINT32 size) {
    return std::clamp<std::int64_t>(at / step - first, 0, std::int64_t{size} - 1);
  }

  const opj_image_t* image_;
  const opj_image_comp_t* component_;
};

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0) + 0.5);
}

/// ITU-R BT.601, full range.
void put_ycc(std::uint8_t* rgb, int y, int cb, int cr) {
  rgb[0] = to_byte(y + 1.402 * (cr - 128));
  rgb[1] = to_byte(y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128));
  rgb[2] = to_byte(y + 1.772 * (cb - 128));
}

Picture to_picture(const Encoded& file, const opj_image_t& image) {
  // Gray, gray with alpha, colors, colors with alpha, or inks.
  const bool color = image.numcomps >= 3;
  const bool inks = image.color_space == OPJ_CLRSPC_CMYK && image.numcomps == 4;
  const Component components[4] = {
      {image, 0}, {image, color ? 1 : 0}, {image, color ? 2 : 0}, {image, inks ? 3 : 0}};
  if (image.color_space == OPJ_CLRSPC_EYCC ||
      !std::all_of(std::begin(components), std::end(components),
                   [](const Component& component) { return component.usable(); })) {
    return {};
  }
  const auto& [c0, c1, c2, c3] = components;
  const bool unspecified = image.color_space == OPJ_CLRSPC_UNSPECIFIED;
  const bool ycc = color && (image.color_space == OPJ_CLRSPC_SYCC ||
                             (unspecified && !c0.subsampled() && c1.subsampled()));
  Picture picture =
      file.make_picture(std::int64_t{image.x1} - image.x0, std::int64_t{image.y1} - image.y0);
  for (std::int64_t y = 0; y < picture.height(); ++y) {
    std::uint8_t* to = picture.row(y);
    for (std::int64_t x = 0; x < picture.width(); ++x, to += 3) {
      const int first = c0.at(x, y), second = c1.at(x, y), third = c2.at(x, y);
      if (inks) {
        put_cmyk(to, first, second, third, c3.at(x, y));
      } else if (ycc) {
        put_ycc(to, first, second, third);
      } else {
        to[0] = static_cast<std::uint8_t>(first);
        to[1] = static_cast<std::uint8_t>(second);
        to[2] = static_cast<std::uint8_t>(third);
      }
    }
  }
  return picture;
}

}  // namespace

Picture decode_jpeg2000(const Encoded& file) {
  Jpeg2000Memory memory{file.bytes};
  const Stream stream = make_stream(memory);
  const bool bare = file.bytes[0] == 0xFF;  // a codestream, not a file with boxes around one
  const Codec codec(opj_create_decompress(bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2), opj_destroy_codec);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (stream == nullptr || codec == nullptr ||
      opj_setup_decoder(codec.get(), &parameters) == OPJ_FALSE) {
    return {};
  }
  opj_image_t* read = nullptr;
  const bool has_header = opj_read_header(stream.get(), codec.get(), &read) != OPJ_FALSE;
  const Image image(read, opj_image_destroy);
  if (!has_header || image == nullptr || image->x1 <= image->x0 || image->y1 <= image->y0 ||
      image->numcomps < 1 || image->numcomps > 4) {
    return {};
  }
  file.check_size(std::int64_t{image->x1} - image->x0, std::int64_t{image->y1} - image->y0);
  if (opj_decode(codec.get(), stream.get(), image.get()) == OPJ_FALSE ||
      opj_end_decompress(codec.get(), stream.get()) == OPJ_FALSE) {
    return {};
  }
  return to_picture(file, *image);
}

}  // namespace inlay::inline v0::images
