// Says what is on a picture, with a network trained on ImageNet (SqueezeNet's preprocessing).
// Usage: classify squeezenet.onnx LABELS.txt PICTURE
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "inlay/inlay.hpp"
#include "io/image.hpp"

namespace {

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

void classify(const std::string& model_path, const std::string& labels_path,
              const std::string& picture_path) {
  const auto labels = read_lines(labels_path);
  const inlay::io::Image picture =
      inlay::io::resize(inlay::io::load_image(picture_path), 224, 224, inlay::io::Fit::crop);
  const inlay::Tensor input = inlay::io::to_tensor(
      picture,
      {.scale = 1.0f, .mean = {104.0f, 117.0f, 123.0f}, .channels = inlay::io::Channels::bgr});

  inlay::Session session(inlay::Model::load(model_path));
  const inlay::Value inputs[] = {input};
  const auto outputs = session.run(inputs);
  const auto scores = outputs[0].as<float>();

  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::partial_sort(order.begin(), order.begin() + 5, order.end(),
                    [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  for (int i = 0; i < 5; ++i) {
    const std::size_t best = order[static_cast<std::size_t>(i)];
    std::printf("%5.1f %%  %s\n", 100.0 * scores[best],
                best < labels.size() ? labels[best].c_str() : "(no label)");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: classify squeezenet.onnx LABELS.txt PICTURE\n");
    return 2;
  }
  try {
    classify(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "classify: %s\n", error.what());
    return 1;
  }
}
