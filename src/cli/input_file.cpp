#include "input_file.hpp"

#include <algorithm>
#include <cmath>

#include "inlay/reader.hpp"
#include "io/npy.hpp"
#include "io/wav.hpp"

namespace inlay::cli {
namespace {

// The number of axis `axis` of a port of rank 4, 0 when it is not known.
int known_dim(const Type& type, std::size_t axis) {
  if (type.rank() != 4 || !type.dims[axis].known()) return 0;
  return static_cast<int>(std::min<std::int64_t>(type.dims[axis].value, 1 << 20));
}

template <class T>
Tensor converted(const Tensor& from) {
  Tensor to(dtype_of<T>, from.shape());
  const auto values = from.as<float>();
  std::transform(values.begin(), values.end(), to.as_mutable<T>().begin(), [](float value) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(std::clamp(std::nearbyint(value), float{std::numeric_limits<T>::min()},
                                       float{std::numeric_limits<T>::max()}));
    } else {
      return static_cast<T>(value);
    }
  });
  return to;
}

Tensor as_dtype(const Tensor& tensor, DType dtype) {
  switch (dtype) {
    case DType::float32:
    case DType::undefined:
      return tensor;
    case DType::float16:
      return converted<float16>(tensor);
    case DType::bfloat16:
      return converted<bfloat16>(tensor);
    case DType::float64:
      return converted<double>(tensor);
    case DType::uint8:
      return converted<std::uint8_t>(tensor);
    case DType::int8:
      return converted<std::int8_t>(tensor);
    default:
      throw Error(ErrorCode::unsupported, "pictures and sound do not become " +
                                              std::string(name(dtype)) + "; give a .npy file");
  }
}

Tensor load_picture(const std::filesystem::path& path, const Type& type, PictureOptions options) {
  const bool nchw = options.pixels.layout == io::Layout::nchw;
  if (!options.channels_given && known_dim(type, nchw ? 1 : 3) == 1) {
    options.pixels.channels = io::Channels::gray;
  }
  const int height = options.height != 0 ? options.height : known_dim(type, nchw ? 2 : 1);
  const int width = options.width != 0 ? options.width : known_dim(type, nchw ? 3 : 2);
  io::Image image = io::load_image(path);
  if (width != 0 && height != 0) image = io::resize(image, width, height, options.fit);
  return as_dtype(io::to_tensor(image, options.pixels), type.dtype);
}

Tensor load_sound(const std::filesystem::path& path, const Type& type) {
  const io::Sound sound = io::load_wav(path);
  Shape shape{static_cast<std::int64_t>(sound.samples.size())};
  while (shape.rank() < type.rank()) shape.insert(0, 1);
  return as_dtype(Tensor::copy_of(std::span<const float>(sound.samples), shape), type.dtype);
}

std::string extension_of(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

}  // namespace

bool is_input_file(const std::filesystem::path& path) {
  constexpr const char* known[] = {".npy", ".pb", ".png", ".jpg", ".jpeg", ".wav"};
  return std::find(std::begin(known), std::end(known), extension_of(path)) != std::end(known);
}

Value load_input(const std::filesystem::path& path, const Model::Port& port,
                 const PictureOptions& options) {
  const std::string extension = extension_of(path);
  if (extension == ".npy") return io::load_npy(path);
  if (extension == ".pb") return read_value(file_reader(path)->read().bytes, port.type);
  if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") {
    return load_picture(path, port.type, options);
  }
  if (extension == ".wav") return load_sound(path, port.type);
  throw Error(ErrorCode::invalid_argument,
              "an input file must be .npy, .pb, .png, .jpg or .wav, not '" + extension + "'",
              {.file = path.string()});
}

}  // namespace inlay::cli
