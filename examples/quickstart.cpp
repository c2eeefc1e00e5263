// Classifies handwritten digits: shows pictures as text, the answers, and how long one takes.
// Usage: quickstart DIGITS_FOLDER [PICTURES_TO_SHOW]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "inlay/inlay.hpp"

namespace {

constexpr int side = 8;
constexpr int pixel_count = side * side;

struct Pictures {
  std::vector<int> labels;
  std::vector<float> pixels;  // 64 for each picture, 0 to 1
};

// A header line, then label,p00,p01,...,p77 with pixels from 0 to 16.
Pictures read_pictures(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  Pictures pictures;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string field;
    std::getline(fields, field, ',');
    pictures.labels.push_back(std::atoi(field.c_str()));
    for (int i = 0; i < pixel_count && std::getline(fields, field, ','); ++i) {
      pictures.pixels.push_back(static_cast<float>(std::atof(field.c_str())) / 16.0f);
    }
  }
  return pictures;
}

int best_digit(const float* scores) {
  return static_cast<int>(std::max_element(scores, scores + 10) - scores);
}

// Pictures `first` to `last` side by side, the answers below.
void show(const Pictures& pictures, const float* probabilities, std::size_t first,
          std::size_t last) {
  const std::string ink = " .:-=+*#%@";
  for (int y = 0; y < side; ++y) {
    for (std::size_t i = first; i < last; ++i) {
      const float* row = &pictures.pixels[i * pixel_count + static_cast<std::size_t>(y) * side];
      for (int x = 0; x < side; ++x) {
        const char c = ink[static_cast<std::size_t>(row[x] * 9.0f + 0.5f)];
        std::printf("%c%c", c, c);
      }
      std::printf("  ");
    }
    std::printf("\n");
  }
  for (std::size_t i = first; i < last; ++i) {
    const float* scores = probabilities + i * 10;
    const int digit = best_digit(scores);
    // As wide as a picture and the gap after it.
    std::printf("%-5s %d (%5.1f %%) ", digit == pictures.labels[i] ? "it is" : "WRONG", digit,
                100.0 * scores[digit]);
  }
  std::printf("\n\n");
}

double median_microseconds(inlay::BoundRun& bound, int runs) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const auto start = Clock::now();
    bound.run();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[static_cast<std::size_t>(runs) / 2];
}

int quickstart(const std::filesystem::path& folder, std::size_t shown) {
  const Pictures pictures = read_pictures(folder / "heldout.csv");
  const auto count = static_cast<std::int64_t>(pictures.labels.size());

  const auto model = inlay::Model::load(folder / "digits.onnx");
  inlay::Session session(model);
  const auto outputs =
      session.run({{"image", inlay::view(pictures.pixels, {count, 1, side, side})}});
  const float* probabilities = outputs["probabilities"].as<float>().data();

  const std::size_t per_row = 4;
  shown = std::min(shown, pictures.labels.size());
  for (std::size_t first = 0; first < shown; first += per_row) {
    show(pictures, probabilities, first, std::min(first + per_row, shown));
  }

  int right = 0;
  for (std::size_t i = 0; i < pictures.labels.size(); ++i) {
    right += best_digit(probabilities + i * 10) == pictures.labels[i] ? 1 : 0;
  }
  const double accuracy = 100.0 * right / static_cast<double>(count);
  std::printf("%d of %d pictures that the training never saw are right: %.2f %%\n", right,
              static_cast<int>(count), accuracy);

  const std::span<const float> one(pictures.pixels.data(), pixel_count);
  auto bound = session.bind({{"image", inlay::view(one, {1, 1, side, side})}});
  std::printf("One picture takes %.1f microseconds on one thread (median of 1000).\n",
              median_microseconds(bound, 1000));
  return accuracy >= 97.0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: quickstart DIGITS_FOLDER [PICTURES_TO_SHOW]\n");
    return 2;
  }
  try {
    return quickstart(argv[1], argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 8);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quickstart: %s\n", error.what());
    return 1;
  }
}
