#include <inlay/inlay.hpp>
#include <iostream>

int main(int, char** argv) {
  auto model = inlay::Model::load(argv[1]);
  inlay::Session session(model);
  std::vector<float> image(64, 8.0f);
  auto outputs = session.run({{"image", inlay::view(image, {1, 1, 8, 8})}});
  for (float p : outputs["probabilities"].as<float>()) std::cout << p << ' ';
}
