// Between images and columns: one column per window position, one row per channel and tap.
#pragma once

#include "ops/window.hpp"

namespace inlay::inline v0::kernels {

/// Where a tap sits in a run of consecutive window positions along the last axis.
struct TapRun {
  std::int64_t column;  ///< of the first position, counted from the first one asked for
  std::int64_t count;
  std::int64_t row;       ///< offset of the tap's image row within a channel
  std::int64_t position;  ///< of the first tap within that row; may lie outside
};

/// Visits the window positions [first, first + count) as runs, leaving out those whose tap lies
/// outside the image on any axis but the last.
template <class F>
void walk_tap(const Window& window, std::int64_t tap, std::int64_t first, std::int64_t count,
              F&& f) {
  std::array<std::int64_t, Shape::max_rank> shift{};  // of the tap from the window's start
  for (int axis = window.rank - 1; axis >= 0; --axis) {
    shift[static_cast<std::size_t>(axis)] = tap % window[axis].kernel * window[axis].dilation;
    tap /= window[axis].kernel;
  }
  const WindowAxis& last = window[window.rank - 1];
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t column = (first + done) % last.output;
    std::int64_t rest = (first + done) / last.output;
    const std::int64_t run = std::min(last.output - column, count - done);
    std::int64_t row = 0, row_step = last.input;
    bool inside = true;
    for (int axis = window.rank - 2; axis >= 0; --axis) {
      const WindowAxis& outer = window[axis];
      const std::int64_t at =
          outer.start(rest % outer.output) + shift[static_cast<std::size_t>(axis)];
      rest /= outer.output;
      inside = inside && at >= 0 && at < outer.input;
      row += at * row_step;
      row_step *= outer.input;
    }
    if (inside) {
      f(TapRun{done, run, row,
               last.start(column) + shift[static_cast<std::size_t>(window.rank - 1)]});
    }
    done += run;
  }
}

/// columns[channel * taps + tap][p] = what the tap sees at window position first + p; zero outside
/// the image. `image`: dense channels.
template <class T>
void image_to_columns(const Window& window, const T* image, std::int64_t channels,
                      std::int64_t first, std::int64_t count, T* columns) {
  const WindowAxis& last = window[window.rank - 1];
  const std::int64_t plane = window.input_size(), taps = window.kernel_size();
  for (std::int64_t c = 0; c < channels; ++c, image += plane) {
    for (std::int64_t tap = 0; tap < taps; ++tap, columns += count) {
      std::fill_n(columns, count, T{});
      walk_tap(window, tap, first, count, [&](const TapRun& run) {
        std::int64_t at = run.position;
        for (std::int64_t i = 0; i < run.count; ++i, at += last.stride) {
          if (at >= 0 && at < last.input) columns[run.column + i] = image[run.row + at];
        }
      });
    }
  }
}

/// The transpose: adds columns[tap][p] to the element that the tap sees, for one channel.
template <class T>
void add_columns_to_image(const Window& window, const T* columns, std::int64_t first,
                          std::int64_t count, T* image) {
  const WindowAxis& last = window[window.rank - 1];
  const std::int64_t taps = window.kernel_size();
  for (std::int64_t tap = 0; tap < taps; ++tap, columns += count) {
    walk_tap(window, tap, first, count, [&](const TapRun& run) {
      std::int64_t at = run.position;
      for (std::int64_t i = 0; i < run.count; ++i, at += last.stride) {
        if (at >= 0 && at < last.input) image[run.row + at] += columns[run.column + i];
      }
    });
  }
}

}  // namespace inlay::inline v0::kernels
