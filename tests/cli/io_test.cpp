#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "inlay/inlay.hpp"
#include "io/draw.hpp"
#include "io/image.hpp"
#include "io/npy.hpp"
#include "io/wav.hpp"
#include "temporary_file.hpp"

using namespace std::string_literals;
using namespace inlay;

namespace {

std::string npy(const std::string& header, const std::string& data) {
  return "\x93NUMPY\x01\x00"s + static_cast<char>(header.size()) + '\0' + header + data;
}

ErrorCode npy_error(const std::string& content) {
  const TemporaryFile file("bad.npy", content);
  try {
    io::load_npy(file.path());
  } catch (const Error& error) {
    CHECK(error.where().file == file.path().string());
    return error.code();
  }
  FAIL("the file was accepted");
  return ErrorCode::internal;
}

std::string number(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

std::string chunk(const std::string& tag, const std::string& content) {
  return tag + number(static_cast<std::uint32_t>(content.size()), 4) + content +
         std::string(content.size() % 2, '\0');
}

std::string wav(std::uint32_t coding, std::uint32_t channels, std::uint32_t bits,
                const std::string& data) {
  const std::string format = number(coding, 2) + number(channels, 2) + number(16000, 4) +
                             number(0, 4) + number(0, 2) + number(bits, 2);
  return "RIFF" + number(0, 4) + "WAVE" + chunk("LIST", "odd") + chunk("fmt ", format) +
         chunk("data", data);
}

std::vector<float> wav_samples(const std::string& content) {
  const TemporaryFile file("sound.wav", content);
  const io::Sound sound = io::load_wav(file.path());
  CHECK(sound.rate == 16000);
  return sound.samples;
}

ErrorCode wav_error(const std::string& content) {
  try {
    wav_samples(content);
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("the file was accepted");
  return ErrorCode::internal;
}

}  // namespace

TEST_CASE("npy: what is written is read back", "[io]") {
  const TemporaryFile file("round.npy");
  const auto numbers = Tensor::copy_of({1.5f, -2.0f, 3.25f, 4.0f, 5.0f, 6.0f}).reshaped({2, 3});
  io::save_npy(numbers, file.path());
  CHECK((file.content().size() - numbers.bytes()) % 64 == 0);
  const Tensor back = io::load_npy(file.path());
  CHECK(back.shape() == Shape{2, 3});
  CHECK(std::vector(back.as<float>().begin(), back.as<float>().end()) ==
        std::vector{1.5f, -2.0f, 3.25f, 4.0f, 5.0f, 6.0f});

  const auto words = Tensor::copy_of<std::string>({"", "grün", "x"});
  io::save_npy(words, file.path());
  const Tensor words_back = io::load_npy(file.path());
  CHECK(words_back.as<std::string>()[1] == "grün");
  CHECK(words_back.as<std::string>()[0].empty());

  io::save_npy(Tensor::scalar(std::int64_t{-7}), file.path());
  CHECK(io::load_npy(file.path()).rank() == 0);
  CHECK(io::load_npy(file.path()).item<std::int64_t>() == -7);

  io::save_npy(Tensor::copy_of({bfloat16(2.5f)}), file.path());
  CHECK(io::load_npy(file.path()).item<float>() == 2.5f);
  CHECK_THROWS_AS(io::save_npy(Tensor(DType::int4, {2}), file.path()), Error);
}

TEST_CASE("npy: other byte orders and strings", "[io]") {
  const TemporaryFile big(
      "big.npy",
      npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", "\x01\x02\xff\xfe"s));
  CHECK(io::load_npy(big.path()).as<std::int16_t>()[0] == 0x0102);
  CHECK(io::load_npy(big.path()).as<std::int16_t>()[1] == -2);

  const std::string text = number(0xE9, 4) + number(0x1F600, 4) + number('a', 4) + number(0, 4);
  const TemporaryFile wide("wide.npy",
                           npy("{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }", text));
  CHECK(io::load_npy(wide.path()).as<std::string>()[0] == "\xC3\xA9\xF0\x9F\x98\x80");
  CHECK(io::load_npy(wide.path()).as<std::string>()[1] == "a");
}

TEST_CASE("npy: malformed files", "[io]") {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  CHECK(npy_error("") == ErrorCode::parse);
  CHECK(npy_error("\x93NUMPY") == ErrorCode::parse);
  CHECK(npy_error(npy(good, "1234567")) == ErrorCode::parse);
  CHECK(npy_error(npy(good, "123456789")) == ErrorCode::parse);
  CHECK(npy_error(npy(good, "12345678").substr(0, 20)) == ErrorCode::parse);
  CHECK(npy_error(npy("{'descr': '<f4', 'shape': (2,), }", "12345678")) == ErrorCode::parse);
  CHECK(npy_error(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", "")) ==
        ErrorCode::parse);
  CHECK(npy_error(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}", "12345678")) ==
        ErrorCode::unsupported);
  CHECK(npy_error(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "12345678")) ==
        ErrorCode::unsupported);
  CHECK(npy_error(npy("{'descr': '<f4', 'fortran_order': False, "
                      "'shape': (4611686018427387904, 4611686018427387904)}",
                      "")) == ErrorCode::limit);
  CHECK(npy_error(npy("{'descr': '<U4611686018427387904', 'fortran_order': False, 'shape': (4,)}",
                      "1234567812345678")) == ErrorCode::parse);
}

TEST_CASE("wav: codings, channels and padding", "[io]") {
  CHECK(wav_samples(wav(1, 1, 16, number(0x4000, 2) + number(0x8000, 2))) ==
        std::vector{0.5f, -1.0f});
  CHECK(wav_samples(wav(1, 1, 8, "\x80\xC0\x00"s)) == std::vector{0.0f, 0.5f, -1.0f});
  CHECK(wav_samples(wav(1, 1, 24, number(0xC00000, 3))) == std::vector{-0.5f});
  CHECK(wav_samples(wav(1, 2, 16, number(0x4000, 2) + number(0, 2))) == std::vector{0.25f});
  CHECK(wav_samples(wav(3, 1, 32, number(0x3F400000, 4))) == std::vector{0.75f});
}

TEST_CASE("wav: malformed files", "[io]") {
  const std::string good = wav(1, 1, 16, number(0x4000, 2));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(wav_error(good.substr(0, size)) == ErrorCode::parse);
  }
  CHECK(wav_error(wav(1, 0, 16, "")) == ErrorCode::parse);
  CHECK(wav_error(wav(2, 1, 4, "")) == ErrorCode::unsupported);
  CHECK(wav_error(wav(1, 1, 12, "")) == ErrorCode::unsupported);
  CHECK(wav_error("RIFF" + number(0, 4) + "WAVE" + chunk("data", "12")) == ErrorCode::parse);
}

TEST_CASE("picture: PNG round trip and drawing", "[io]") {
  io::Image image(40, 30, 255);
  io::draw_box(image, 5, 5, 20, 20, {255, 0, 0});
  io::draw_box(image, -10, -10, 100, 100, {0, 0, 255});
  io::draw_line(image, -5, 25, 100, 25, {0, 255, 0});
  io::draw_text(image, 1, 1, "I", {0, 0, 0}, {255, 255, 0});
  CHECK(image.at(20, 12)[0] == 255);
  CHECK(image.at(20, 12)[1] == 0);
  CHECK(image.at(30, 25)[1] == 255);
  CHECK(image.at(30, 25)[0] == 0);
  CHECK(image.at(1, 1)[2] == 0);

  const TemporaryFile file("picture.png");
  io::save_png(image, file.path());
  const io::Image back = io::load_image(file.path());
  CHECK(back.width == 40);
  CHECK(back.height == 30);
  CHECK(back.pixels == image.pixels);

  const std::string content = file.content();
  const TemporaryFile cut("cut.png", content.substr(0, content.size() / 2));
  CHECK_THROWS_AS(io::load_image(cut.path()), Error);
  const TemporaryFile text("text.png", "no picture");
  CHECK_THROWS_AS(io::load_image(text.path()), Error);
  CHECK_THROWS_AS(io::load_image("no_such_file.png"), Error);
}

TEST_CASE("picture: resize", "[io]") {
  io::Image image(2, 1, 0);
  std::fill_n(image.at(1, 0), 3, std::uint8_t{200});
  // Pixel centres at 1/4 and 3/4: the outer quarters are flat, the middle blends 3:1.
  const io::Image wide = io::resize(image, 4, 1);
  CHECK(int{wide.at(0, 0)[0]} == 0);
  CHECK(int{wide.at(1, 0)[0]} == 50);
  CHECK(int{wide.at(2, 0)[0]} == 150);
  CHECK(int{wide.at(3, 0)[0]} == 200);
  CHECK(int{io::resize(image, 1, 1).at(0, 0)[0]} == 100);

  const io::Image padded = io::resize(image, 4, 4, io::Fit::pad);
  CHECK(int{padded.at(3, 1)[0]} == 200);
  CHECK(int{padded.at(3, 2)[0]} == 114);
  const io::Image cropped = io::resize(io::Image(9, 3, 7), 3, 3, io::Fit::crop);
  CHECK(cropped.pixels == std::vector<std::uint8_t>(27, 7));
  CHECK_THROWS_AS(io::resize(image, 0, 1), Error);
}

TEST_CASE("picture: to tensor", "[io]") {
  io::Image image(2, 1, 0);
  image.pixels = {10, 20, 30, 40, 50, 60};
  const Tensor planes = io::to_tensor(image, {.scale = 1, .mean = {0, 10, 20}, .std = {1, 2, 5}});
  CHECK(planes.shape() == Shape{1, 3, 1, 2});
  const auto values = planes.as<float>();
  CHECK(std::vector(values.begin(), values.end()) ==
        std::vector{10.0f, 40.0f, 5.0f, 20.0f, 2.0f, 8.0f});

  const Tensor bgr =
      io::to_tensor(image, {.scale = 1, .layout = io::Layout::nhwc, .channels = io::Channels::bgr});
  CHECK(bgr.shape() == Shape{1, 1, 2, 3});
  CHECK(bgr.as<float>()[0] == 30.0f);

  const Tensor gray = io::to_tensor(image, {.scale = 1, .channels = io::Channels::gray});
  CHECK(gray.shape() == Shape{1, 1, 1, 2});
  CHECK(gray.as<float>()[0] == Approx(0.299f * 10 + 0.587f * 20 + 0.114f * 30));
  CHECK_THROWS_AS(io::to_tensor(image, {.mean = {1, 2}}), Error);
  CHECK_THROWS_AS(io::to_tensor(image, {.std = {0}}), Error);
}
