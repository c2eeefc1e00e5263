#include "io/wav.hpp"

#include <cstring>
#include <span>
#include <string>

#include "inlay/reader.hpp"
#include "io/little_endian.hpp"

namespace inlay::io {
namespace {

using Span = std::span<const std::byte>;

constexpr std::uint16_t pcm_format = 1;
constexpr std::uint16_t float_format = 3;
constexpr std::uint16_t extensible_format = 0xFFFE;

struct Format {
  std::uint16_t coding = 0;
  std::uint16_t channels = 0;
  std::uint32_t rate = 0;
  std::uint16_t bits = 0;
};

bool has_tag(Span bytes, const char* tag) {
  return bytes.size() >= 4 && std::memcmp(bytes.data(), tag, 4) == 0;
}

Format read_format(Span chunk) {
  if (chunk.size() < 16) throw Error(ErrorCode::parse, "the WAV format chunk is too short");
  Format format;
  format.coding = load_little_endian<std::uint16_t>(&chunk[0]);
  format.channels = load_little_endian<std::uint16_t>(&chunk[2]);
  format.rate = load_little_endian<std::uint32_t>(&chunk[4]);
  format.bits = load_little_endian<std::uint16_t>(&chunk[14]);
  // The sub-format's GUID begins with the coding.
  if (format.coding == extensible_format && chunk.size() >= 26) {
    format.coding = load_little_endian<std::uint16_t>(&chunk[24]);
  }
  if (format.channels == 0 || format.rate == 0 || format.rate > 10'000'000) {
    throw Error(ErrorCode::parse, "the WAV format chunk has no channels or an impossible rate");
  }
  return format;
}

float load_pcm(const std::byte* from, int bytes) {
  if (bytes == 1) return (static_cast<float>(std::to_integer<int>(*from) - 128)) / 128.0f;
  // Into the top bytes of 32 bits: the sign comes along, and one divisor serves every width.
  std::uint32_t bits = 0;
  for (int i = 0; i < bytes; ++i) {
    bits |= std::to_integer<std::uint32_t>(from[i]) << (8 * (4 - bytes + i));
  }
  return static_cast<float>(static_cast<std::int32_t>(bits)) / 2147483648.0f;
}

float load_sample(const std::byte* from, const Format& format) {
  if (format.coding == pcm_format) return load_pcm(from, format.bits / 8);
  return format.bits == 32 ? load_little_endian<float>(from)
                           : static_cast<float>(load_little_endian<double>(from));
}

std::vector<float> read_samples(Span data, const Format& format) {
  const bool known =
      format.coding == pcm_format
          ? format.bits % 8 == 0 && format.bits >= 8 && format.bits <= 32
          : format.coding == float_format && (format.bits == 32 || format.bits == 64);
  if (!known) {
    throw Error(ErrorCode::unsupported, "WAV coding " + std::to_string(format.coding) + " with " +
                                            std::to_string(format.bits) +
                                            " bits; convert the file to 16-bit PCM");
  }
  const std::size_t width = format.bits / 8u;
  const std::size_t frame = width * format.channels;
  std::vector<float> samples(data.size() / frame);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    float sum = 0;
    for (std::size_t c = 0; c < format.channels; ++c) {
      sum += load_sample(data.data() + i * frame + c * width, format);
    }
    samples[i] = sum / static_cast<float>(format.channels);
  }
  return samples;
}

Sound parse_wav(Span bytes) {
  if (bytes.size() < 12 || !has_tag(bytes, "RIFF") || !has_tag(bytes.subspan(8), "WAVE")) {
    throw Error(ErrorCode::parse, "not a RIFF/WAVE file");
  }
  Format format;
  bytes = bytes.subspan(12);
  while (bytes.size() >= 8) {
    const std::size_t size = load_little_endian<std::uint32_t>(&bytes[4]);
    const bool is_data = has_tag(bytes, "data");
    const Span rest = bytes.subspan(8);
    if (size > rest.size()) throw Error(ErrorCode::parse, "the WAV file is cut off");
    const Span chunk = rest.first(size);
    if (has_tag(bytes, "fmt ")) format = read_format(chunk);
    if (is_data && format.channels == 0) {
      throw Error(ErrorCode::parse, "the WAV file has its data before its format");
    }
    if (is_data) return {static_cast<int>(format.rate), read_samples(chunk, format)};
    // Chunks begin at even offsets.
    bytes = rest.subspan(std::min(size + size % 2, rest.size()));
  }
  throw Error(ErrorCode::parse, "the WAV file has no data chunk");
}

}  // namespace

Sound load_wav(const std::filesystem::path& path) {
  try {
    return parse_wav(file_reader(path)->read().bytes);
  } catch (const Error& error) {
    throw error.at({.file = path.string()});
  }
}

}  // namespace inlay::io
