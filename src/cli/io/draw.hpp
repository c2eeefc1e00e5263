// Lines, boxes and words on pictures.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "io/image.hpp"

namespace inlay::io {

using Color = std::array<std::uint8_t, 3>;

/// Everything outside the picture is left out.
void fill_rectangle(Image& image, int x, int y, int width, int height, Color color);
/// The outline of the box between two corners (both on the outline), `thickness` pixels inwards.
void draw_box(Image& image, int x0, int y0, int x1, int y1, Color color, int thickness = 2);
/// Bresenham's line, two pixels thick. Ends are clamped to the picture.
void draw_line(Image& image, int x0, int y0, int x1, int y1, Color color);
/// ASCII text, 16 pixels high, on a filled background; (x, y) is the top left corner.
void draw_text(Image& image, int x, int y, const std::string& text, Color color, Color background);

}  // namespace inlay::io
