// The options of a command that say how pictures become tensors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "input_file.hpp"

namespace inlay::cli {

struct PictureArguments {
  std::string size;
  float scale = 1.0f / 255.0f;
  std::vector<float> mean = {0.0f};
  std::vector<float> std = {1.0f};
  io::Layout layout = io::Layout::nchw;
  io::Fit fit = io::Fit::stretch;
  std::optional<io::Channels> channels;

  /// Errors: invalid_argument.
  PictureOptions options() const;
};

/// Adds --scale, --mean and so on; `arguments` must stay where it is.
void add_picture_options(CLI::App& command, PictureArguments& arguments);

}  // namespace inlay::cli
