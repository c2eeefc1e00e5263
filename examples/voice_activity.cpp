// Finds speech in a recording of 16 kHz with Silero VAD, and draws sound and probability into a
// PNG. Usage: voice_activity silero_vad.onnx SOUND.wav OUT.png
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "inlay/inlay.hpp"
#include "io/draw.hpp"
#include "io/image.hpp"
#include "io/wav.hpp"

namespace {

constexpr int rate = 16000;
constexpr std::size_t context = 64;
constexpr std::size_t chunk = 512;

// The probability of speech of each chunk of 512 samples.
std::vector<float> speech_probabilities(const std::string& model_path,
                                        const std::vector<float>& samples) {
  inlay::Session session(inlay::Model::load(model_path));
  // Each call sees the end of the chunk before, and the state that the last call left.
  std::vector<float> window(context + chunk, 0.0f);
  std::vector<float> state(2 * 1 * 128, 0.0f);
  const std::int64_t sample_rate = rate;
  auto bound = session.bind({{"input", inlay::view(window, {1, context + chunk})},
                             {"state", inlay::view(state, {2, 1, 128})},
                             {"sr", inlay::Tensor::scalar(sample_rate)}});
  std::vector<float> probabilities;
  for (std::size_t start = 0; start + chunk <= samples.size(); start += chunk) {
    std::copy(window.end() - context, window.end(), window.begin());
    std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(start), chunk,
                window.begin() + context);
    bound.run();
    probabilities.push_back(bound.output("output").tensor().as<float>()[0]);
    const auto next = bound.output("stateN").tensor().as<float>();
    std::copy(next.begin(), next.end(), state.begin());
  }
  return probabilities;
}

void print_stretches(const std::vector<float>& probabilities) {
  const double seconds = double{chunk} / rate;
  for (std::size_t i = 0; i < probabilities.size();) {
    const auto is_speech = [&](std::size_t at) {
      return at < probabilities.size() && probabilities[at] >= 0.5f;
    };
    if (!is_speech(i)) {
      ++i;
      continue;
    }
    const std::size_t start = i;
    while (is_speech(i)) ++i;
    std::printf("speech from %6.2f s to %6.2f s\n", static_cast<double>(start) * seconds,
                static_cast<double>(i) * seconds);
  }
}

// The sound in grey, the probability as a red curve over it.
inlay::io::Image draw(const std::vector<float>& samples, const std::vector<float>& probabilities) {
  constexpr int width = 1200;
  constexpr int height = 300;
  inlay::io::Image image(width, height, 255);
  const std::size_t per_column = samples.size() / width + 1;
  for (int x = 0; x < width; ++x) {
    const std::size_t first = static_cast<std::size_t>(x) * per_column;
    if (first >= samples.size()) break;
    const std::size_t last = std::min(first + per_column, samples.size());
    const auto [low, high] =
        std::minmax_element(samples.begin() + static_cast<std::ptrdiff_t>(first),
                            samples.begin() + static_cast<std::ptrdiff_t>(last));
    const int top = static_cast<int>((1 - *high) * height / 2);
    const int bottom = static_cast<int>((1 - *low) * height / 2);
    inlay::io::fill_rectangle(image, x, top, 1, bottom - top + 1, {170, 170, 190});
  }
  const auto x_of = [&](std::size_t i) {
    return static_cast<int>((i * chunk + chunk / 2) / per_column);
  };
  const auto y_of = [&](std::size_t i) {
    return static_cast<int>((1 - probabilities[i]) * float{height - 3});
  };
  for (std::size_t i = 1; i < probabilities.size(); ++i) {
    inlay::io::draw_line(image, x_of(i - 1), y_of(i - 1), x_of(i), y_of(i), {200, 30, 30});
  }
  return image;
}

void detect(const std::string& model_path, const std::string& sound_path,
            const std::string& out_path) {
  const inlay::io::Sound sound = inlay::io::load_wav(sound_path);
  if (sound.rate != rate) {
    throw inlay::Error(inlay::ErrorCode::invalid_argument,
                       "the sound must have 16000 samples per second", {.file = sound_path});
  }
  const auto probabilities = speech_probabilities(model_path, sound.samples);
  print_stretches(probabilities);
  inlay::io::save_png(draw(sound.samples, probabilities), out_path);
  const auto spoken =
      std::count_if(probabilities.begin(), probabilities.end(), [](float p) { return p >= 0.5f; });
  std::printf("%d of %d chunks are speech; drawn into %s\n", static_cast<int>(spoken),
              static_cast<int>(probabilities.size()), out_path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: voice_activity silero_vad.onnx SOUND.wav OUT.png\n");
    return 2;
  }
  try {
    detect(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "voice_activity: %s\n", error.what());
    return 1;
  }
}
