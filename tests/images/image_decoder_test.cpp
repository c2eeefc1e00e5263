#include <algorithm>
#include <random>

#include "error_check.hpp"
#include "image_samples.hpp"
#include "inlay/images.hpp"
#include "ops_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using FileBytes = std::vector<std::uint8_t>;
using Pixels = std::vector<std::uint8_t>;

FileBytes text(std::string_view file) { return {file.begin(), file.end()}; }

Model make_decoder(const std::string& pixel_format) {
  static const std::shared_ptr<const Registry> registry = [] {
    auto made = Registry::create();
    add_image_decoder(*made);
    return made;
  }();
  Call call{.op = "ImageDecoder",
            .inputs = {Tensor(DType::uint8, {1})},
            .attributes = attributes({{"pixel_format", pixel_format}})};
  Graph graph = graph_of(call);
  graph.value(graph.inputs[0]).type.dims = {Dim::named("bytes")};
  return Model::from_graph(std::move(graph), {.registry = registry});
}

Tensor decode(const FileBytes& file, const std::string& pixel_format = "RGB") {
  Session session(make_decoder(pixel_format));
  const Tensor stream = view(file, {static_cast<std::int64_t>(file.size())});
  return session.run({{"in0", stream}})["out0"];
}

bool is_built(std::string_view format) {
  const auto formats = image_formats();
  return std::find(formats.begin(), formats.end(), format) != formats.end();
}

template <class F>
void for_each_sample(const F& f) {
  for (const ImageSample& sample : all_samples()) {
    INFO(sample.kind);
    if (is_built(sample.format)) f(sample, sample.bytes());
  }
}

void append(FileBytes& file, std::uint32_t number, int size) {
  for (int i = 0; i < size; ++i) file.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
}

/// A bitmap with a header of 40 bytes; `colors` is what lies between it and the pixels.
FileBytes bitmap(std::int32_t width, std::int32_t height, std::uint32_t bits,
                 std::uint32_t compression, const FileBytes& colors, const FileBytes& pixels,
                 std::uint32_t palette_size = 0) {
  FileBytes file = text("BM");
  const auto start = static_cast<std::uint32_t>(54 + colors.size());
  for (const std::uint32_t number :
       {start + static_cast<std::uint32_t>(pixels.size()), 0u, start, 40u,
        static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)}) {
    append(file, number, 4);
  }
  append(file, 1, 2);
  append(file, bits, 2);
  for (const std::uint32_t number : {compression, 0u, 0u, 0u, palette_size, 0u}) {
    append(file, number, 4);
  }
  file.insert(file.end(), colors.begin(), colors.end());
  file.insert(file.end(), pixels.begin(), pixels.end());
  return file;
}

const FileBytes red_green_blue{0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0};

}  // namespace

TEST_CASE("pictures of every format decode to their pixels", "[images]") {
  for (const ImageSample& sample : lossless_samples) {
    INFO(sample.kind);
    if (is_built(sample.format)) {
      check(decode(sample.bytes()), {3, 4, 3}, sample_pixels);
    } else {
      CHECK_ERROR(decode(sample.bytes()), unsupported, std::string(sample.format));
    }
  }
  if (!is_built("jpeg")) return;
  for (const ImageSample& sample : jpeg_samples) {
    INFO(sample.kind);
    check(decode(sample.bytes()), {5, 7, 3}, jpeg_pixels);
  }
  check(decode(inks_samples[0].bytes()), {5, 7, 3}, inks_pixels);
}

TEST_CASE("pixel_format orders the channels, or weighs them", "[images]") {
  const FileBytes file = text("P3 2 2 255  255 0 0  0 255 0  0 0 255  7 7 7");
  check(decode(file), {2, 2, 3}, Pixels{255, 0, 0, 0, 255, 0, 0, 0, 255, 7, 7, 7});
  check(decode(file, "BGR"), {2, 2, 3}, Pixels{0, 0, 255, 0, 255, 0, 255, 0, 0, 7, 7, 7});
  check(decode(file, "Grayscale"), {2, 2, 1}, Pixels{76, 150, 29, 7});
  CHECK_THROWS_AS(make_decoder("RGBA"), Error);
}

TEST_CASE("bytes that are no picture give an empty tensor", "[images]") {
  check(decode({}), {0, 0, 3}, Pixels{});
  check(decode(text("no picture")), {0, 0, 3}, Pixels{});
  check(decode(text("no picture"), "Grayscale"), {0, 0, 1}, Pixels{});
  check(decode(text("RIFF")), {0, 0, 3}, Pixels{});
}

TEST_CASE("portable bitmaps, graymaps and pixmaps", "[images]") {
  const Pixels dots{0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0};
  check(decode(text("P1\n# a comment\n2 2\n1001")), {2, 2, 3}, dots);
  check(decode(text("P1 2 2 1 0\n0 1")), {2, 2, 3}, dots);
  check(decode(text("P4 2 2\n\x80\x40")), {2, 2, 3}, dots);
  check(decode(text("P2 2 1 15\n0 5")), {1, 2, 3}, Pixels{0, 0, 0, 85, 85, 85});
  check(decode(text("P5 2 1 255\n@\x7F")), {1, 2, 3}, Pixels{64, 64, 64, 127, 127, 127});
  check(decode(text("P5 1 1 65535\n\x80\xFF")), {1, 1, 3}, Pixels{128, 128, 128});
  check(decode(text("P6 1 1 255\nABC")), {1, 1, 3}, Pixels{65, 66, 67});
  for (const std::string_view damaged :
       {"P5 2 1 255\n@", "P2 2 1 15\n0 16", "P2 2 1 15\n0", "P2 2 1 15\n0 x", "P3 0 1 255\n",
        "P3 1 1 0\n0 0 0", "P3 1 1 65536\n0 0 0", "P6 1", "P1 1 1 2", "P3 1 1 255\n1 -1 1"}) {
    INFO(damaged);
    check(decode(text(damaged)), {0, 0, 3}, Pixels{});
  }
}

TEST_CASE("bitmaps of few colors and of many", "[images]") {
  const Pixels stripe{255, 0, 0, 0, 255, 0, 0, 0, 255};
  check(decode(bitmap(3, 1, 8, 0, red_green_blue, {0, 1, 2, 0}, 3)), {1, 3, 3}, stripe);
  check(decode(bitmap(3, 1, 4, 0, red_green_blue, {0x01, 0x20, 0, 0}, 3)), {1, 3, 3}, stripe);
  check(decode(bitmap(3, 1, 1, 0, {0, 0, 0, 0, 9, 9, 9, 0}, {0x40, 0, 0, 0})), {1, 3, 3},
        Pixels{0, 0, 0, 9, 9, 9, 0, 0, 0});
  // From the bottom up, or with a negative height from the top down.
  const FileBytes two_rows{1, 0, 0, 0, 2, 0, 0, 0};
  check(decode(bitmap(1, 2, 8, 0, red_green_blue, two_rows, 3)), {2, 1, 3},
        Pixels{0, 0, 255, 0, 255, 0});
  check(decode(bitmap(1, -2, 8, 0, red_green_blue, two_rows, 3)), {2, 1, 3},
        Pixels{0, 255, 0, 0, 0, 255});
  // 5 bits a channel; 5, 6 and 5 by masks; 10 bits by masks.
  check(decode(bitmap(1, 1, 16, 0, {}, {0x1F, 0x40, 0, 0})), {1, 1, 3}, Pixels{131, 0, 255});
  const FileBytes masks565{0, 0xF8, 0, 0, 0xE0, 7, 0, 0, 0x1F, 0, 0, 0};
  check(decode(bitmap(1, 1, 16, 3, masks565, {0xE0, 0xFF, 0, 0})), {1, 1, 3}, Pixels{255, 255, 0});
  const FileBytes masks10{0, 0, 0xF0, 0x3F, 0, 0xFC, 0x0F, 0, 0xFF, 3, 0, 0};
  check(decode(bitmap(1, 1, 32, 3, masks10, {0xFF, 3, 0, 0x20})), {1, 1, 3}, Pixels{127, 0, 255});
  check(decode(bitmap(1, 1, 32, 0, {}, {1, 2, 3, 77})), {1, 1, 3}, Pixels{3, 2, 1});

  check(decode(bitmap(1, 1, 24, 0, {}, {1, 2})), {0, 0, 3}, Pixels{});
  check(decode(bitmap(0, 1, 24, 0, {}, {1, 2, 3, 0})), {0, 0, 3}, Pixels{});
  check(decode(bitmap(1, 1, 24, 4, {}, {1, 2, 3, 0})), {0, 0, 3}, Pixels{});
  check(decode(bitmap(1, 1, 23, 0, {}, {1, 2, 3, 0})), {0, 0, 3}, Pixels{});
  CHECK_ERROR(decode(bitmap(1, INT32_MIN, 24, 0, {}, {1, 2, 3, 0})), limit,
              "more than the 268435456");
}

TEST_CASE("run-length encoded bitmaps", "[images]") {
  const auto runs = [](std::int32_t width, std::int32_t height, std::uint32_t bits,
                       const FileBytes& pixels) {
    return decode(bitmap(width, height, bits, bits == 8 ? 1 : 2, red_green_blue, pixels, 3),
                  "Grayscale");
  };
  // Red, green and blue are 76, 150 and 29. A run, pixels as they are, the end of the row.
  check(runs(5, 1, 8, {3, 1, 0, 2, 0}), {0, 0, 1}, Pixels{});  // a jump without its distance
  check(runs(6, 1, 8, {3, 1, 0, 3, 0, 2, 1, 0, 0, 1}), {1, 6, 1},
        Pixels{150, 150, 150, 76, 29, 150});
  check(runs(5, 1, 4, {3, 0x12, 0, 5, 0x01, 0x20}), {0, 0, 1}, Pixels{});  // one byte missing
  check(runs(6, 1, 4, {3, 0x12, 0, 3, 0x01, 0x20, 0, 1}), {1, 6, 1},
        Pixels{150, 29, 150, 76, 150, 29});
  // The lower row first; then two to the right; what is passed over keeps the first color.
  check(runs(3, 2, 8, {1, 2, 0, 0, 0, 2, 2, 0, 1, 1, 0, 1}), {2, 3, 1},
        Pixels{76, 76, 150, 29, 76, 76});
  // Neither runs nor jumps leave the picture.
  check(runs(2, 1, 8, {255, 1, 0, 2, 255, 255, 255, 1, 0, 1}), {1, 2, 1}, Pixels{150, 150});
  check(runs(2, 1, 8, {2, 1}), {0, 0, 1}, Pixels{});
}

TEST_CASE("pictures cut short are empty or whole, and never more", "[images]") {
  for_each_sample([](const ImageSample& sample, const FileBytes& file) {
    const Tensor whole = decode(file);
    for (std::size_t size = 0; size < file.size(); ++size) {
      INFO(sample.kind << " cut at " << size);
      const Tensor cut = decode({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)});
      if (cut.size() > 0) {
        REQUIRE(to_string(cut.shape()) == to_string(whole.shape()));
        // All that comes before the last tenth belongs to the pixels or to what is needed for them.
        REQUIRE(size > file.size() / 10 * 9);
      }
    }
  });
}

TEST_CASE("damaged pictures do no harm", "[images]") {
  std::mt19937 engine(5);
  for_each_sample([&](const ImageSample& sample, const FileBytes& file) {
    for (int round = 0; round < 200; ++round) {
      FileBytes damaged = file;
      for (int flips = 0; flips < 1 + round % 4; ++flips) {
        damaged[engine() % damaged.size()] ^= static_cast<std::uint8_t>(1 << engine() % 8);
      }
      try {
        const Tensor image = decode(damaged);
        CHECK(image.rank() == 3);
      } catch (const Error& error) {
        INFO(sample.kind << ": " << error.what());
        CHECK((error.code() == ErrorCode::limit || error.code() == ErrorCode::out_of_memory));
      }
    }
  });
}

TEST_CASE("pictures of too many pixels are refused before they are decoded", "[images]") {
  CHECK_ERROR(decode(text("P6 100000 100000 255\n")), limit, "more than the 268435456");
  CHECK_ERROR(decode(text("P4 9999999999 9999999999\n")), limit, "more than the 268435456");
  CHECK_ERROR(decode(bitmap(1 << 20, 1 << 20, 8, 1, {}, {})), limit, "more than the 268435456");
  if (!is_built("jpeg")) return;
  FileBytes file = jpeg_samples[0].bytes();
  const FileBytes frame_marker{0xFF, 0xC0};
  const auto frame =
      std::search(file.begin(), file.end(), frame_marker.begin(), frame_marker.end());
  REQUIRE(frame != file.end());
  std::fill_n(frame + 5, 4, std::uint8_t{0xFA});  // height and width
  CHECK_ERROR(decode(file), limit, "more than the 268435456");
}

TEST_CASE("ImageDecoder has no kernel but the one of inlay::images", "[images]") {
  Call call{.op = "ImageDecoder", .inputs = {Tensor(DType::uint8, {1})}};
  CHECK_ERROR(Model::from_graph(graph_of(call)), unsupported, "ImageDecoder");
  Registry empty;
  CHECK_ERROR(add_image_decoder(*Registry::create(), {.max_pixels = 0}), invalid_argument,
              "max_pixels");
  CHECK_ERROR(add_image_decoder(empty), invalid_argument, "Registry::create");
  CHECK(is_built("bmp"));
  CHECK(is_built("pnm"));
}
