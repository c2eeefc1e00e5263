#include "io/draw.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_easy_font.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace inlay::io {

void fill_rectangle(Image& image, int x, int y, int width, int height, Color color) {
  for (int row = std::max(y, 0); row < std::min(y + height, image.height); ++row) {
    for (int column = std::max(x, 0); column < std::min(x + width, image.width); ++column) {
      std::copy(color.begin(), color.end(), image.at(column, row));
    }
  }
}

void draw_box(Image& image, int x0, int y0, int x1, int y1, Color color, int thickness) {
  const int width = x1 - x0 + 1;
  const int height = y1 - y0 + 1;
  fill_rectangle(image, x0, y0, width, thickness, color);
  fill_rectangle(image, x0, y1 - thickness + 1, width, thickness, color);
  fill_rectangle(image, x0, y0, thickness, height, color);
  fill_rectangle(image, x1 - thickness + 1, y0, thickness, height, color);
}

void draw_line(Image& image, int x0, int y0, int x1, int y1, Color color) {
  x0 = std::clamp(x0, 0, image.width - 1);
  x1 = std::clamp(x1, 0, image.width - 1);
  y0 = std::clamp(y0, 0, image.height - 1);
  y1 = std::clamp(y1, 0, image.height - 1);
  const int dx = std::abs(x1 - x0);
  const int dy = -std::abs(y1 - y0);
  const int step_x = x0 < x1 ? 1 : -1;
  const int step_y = y0 < y1 ? 1 : -1;
  int error = dx + dy;
  while (true) {
    fill_rectangle(image, x0, y0, 2, 2, color);
    if (x0 == x1 && y0 == y1) return;
    const int doubled = 2 * error;
    if (doubled >= dy) {
      error += dy;
      x0 += step_x;
    }
    if (doubled <= dx) {
      error += dx;
      y0 += step_y;
    }
  }
}

void draw_text(Image& image, int x, int y, const std::string& text, Color color, Color background) {
  // The font is made of axis-parallel quads of four vertices (x, y, z, colour).
  struct Vertex {
    float x, y, z;
    unsigned char rgba[4];
  };
  constexpr int zoom = 2;
  std::string copy = text;
  fill_rectangle(image, x, y, (stb_easy_font_width(copy.data()) + 2) * zoom, 8 * zoom + 4,
                 background);
  std::vector<Vertex> vertices(4 * 70 * (text.size() + 1));
  const int quads = stb_easy_font_print(1, 1, copy.data(), nullptr, vertices.data(),
                                        static_cast<int>(vertices.size() * sizeof(Vertex)));
  for (int i = 0; i < quads; ++i) {
    const Vertex& from = vertices[static_cast<std::size_t>(i) * 4];
    const Vertex& to = vertices[static_cast<std::size_t>(i) * 4 + 2];
    fill_rectangle(image, x + static_cast<int>(from.x * zoom), y + static_cast<int>(from.y * zoom),
                   static_cast<int>((to.x - from.x) * zoom),
                   static_cast<int>((to.y - from.y) * zoom), color);
  }
}

}  // namespace inlay::io
