// Finds faces with UltraFace (version RFB-320) and draws a box round each into a PNG.
// Usage: detect_faces version-RFB-320.onnx PICTURE OUT.png
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "inlay/inlay.hpp"
#include "io/draw.hpp"
#include "io/image.hpp"

namespace {

// Corners as fractions of the picture's width and height.
struct Face {
  float score, x0, y0, x1, y1;
};

float area(const Face& face) {
  return std::max(0.0f, face.x1 - face.x0) * std::max(0.0f, face.y1 - face.y0);
}

float intersection_over_union(const Face& a, const Face& b) {
  const Face both{0, std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1),
                  std::min(a.y1, b.y1)};
  const float common = area(both);
  return common / (area(a) + area(b) - common);
}

// Non-maximum suppression: of boxes that overlap by a third and more, the surest stays.
std::vector<Face> suppress(std::vector<Face> candidates) {
  std::sort(candidates.begin(), candidates.end(),
            [](const Face& a, const Face& b) { return a.score > b.score; });
  std::vector<Face> kept;
  for (const Face& face : candidates) {
    const bool is_new = std::none_of(kept.begin(), kept.end(), [&](const Face& other) {
      return intersection_over_union(face, other) > 0.3f;
    });
    if (is_new) kept.push_back(face);
  }
  return kept;
}

std::vector<Face> find_faces(inlay::Session& session, const inlay::io::Image& picture) {
  const inlay::Tensor input = inlay::io::to_tensor(
      inlay::io::resize(picture, 320, 240), {.scale = 1.0f, .mean = {127.0f}, .std = {128.0f}});
  const auto outputs = session.run({{"input", input}});
  const auto scores = outputs["scores"].as<float>();  // [1, boxes, 2]: background, face
  const auto boxes = outputs["boxes"].as<float>();    // [1, boxes, 4]
  std::vector<Face> candidates;
  for (std::size_t i = 0; i * 2 < scores.size(); ++i) {
    const float score = scores[i * 2 + 1];
    const float* box = &boxes[i * 4];
    if (score > 0.7f) candidates.push_back({score, box[0], box[1], box[2], box[3]});
  }
  return suppress(std::move(candidates));
}

void detect(const std::string& model_path, const std::string& picture_path,
            const std::string& out_path) {
  inlay::io::Image picture = inlay::io::load_image(picture_path);
  inlay::Session session(inlay::Model::load(model_path));
  const std::vector<Face> faces = find_faces(session, picture);
  for (const Face& face : faces) {
    const auto x = [&](float fraction) {
      return static_cast<int>(fraction * float(picture.width));
    };
    const auto y = [&](float fraction) {
      return static_cast<int>(fraction * float(picture.height));
    };
    std::printf("face %.1f %%  x %d..%d  y %d..%d\n", 100.0 * face.score, x(face.x0), x(face.x1),
                y(face.y0), y(face.y1));
    inlay::io::draw_box(picture, x(face.x0), y(face.y0), x(face.x1), y(face.y1), {255, 40, 40}, 3);
    char label[16];
    std::snprintf(label, sizeof(label), "%.0f %%", 100.0 * face.score);
    inlay::io::draw_text(picture, x(face.x0), y(face.y0) - 20, label, {255, 255, 255},
                         {255, 40, 40});
  }
  inlay::io::save_png(picture, out_path);
  std::printf("faces: %zu, drawn into %s\n", faces.size(), out_path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: detect_faces version-RFB-320.onnx PICTURE OUT.png\n");
    return 2;
  }
  try {
    detect(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "detect_faces: %s\n", error.what());
    return 1;
  }
}
