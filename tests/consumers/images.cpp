// A program that runs a model with ImageDecoder: one made here, on a picture of two pixels.
#include <inlay/images.hpp>
#include <inlay/inlay.hpp>
#include <iostream>
#include <string_view>

int main() {
  const auto registry = inlay::Registry::create();
  inlay::add_image_decoder(*registry);
  inlay::Graph graph;
  graph.opsets[""] = 20;
  const auto file = graph.add_input(
      "file", inlay::Type::tensor(inlay::DType::uint8, {inlay::Dim::named("bytes")}));
  graph.outputs = {graph.add_node("ImageDecoder", {file}, "image")};
  inlay::Session session(inlay::Model::from_graph(std::move(graph), {.registry = registry}));

  constexpr std::string_view picture = "P3 2 1 255  1 2 3  4 5 6";
  const std::vector<std::uint8_t> bytes(picture.begin(), picture.end());
  const auto outputs =
      session.run({{"file", inlay::view(bytes, {static_cast<std::int64_t>(bytes.size())})}});
  for (const auto format : inlay::image_formats()) std::cout << format << ' ';
  std::cout << '\n';
  const auto pixels = outputs["image"].as<std::uint8_t>();
  return pixels.size() == 6 && pixels[5] == 6 ? 0 : 1;
}
