// Files on the command line to model inputs, and outputs to files.
#pragma once

#include <filesystem>

#include "inlay/model.hpp"
#include "io/image.hpp"

namespace inlay::cli {

struct PictureOptions {
  int width = 0;  ///< 0: the model's own
  int height = 0;
  io::Fit fit = io::Fit::stretch;
  io::PixelOptions pixels;
  bool channels_given = false;  ///< false: grey when the model takes one channel
};

/// Whether the file's extension is one that load_input knows.
bool is_input_file(const std::filesystem::path& path);

/// Reads .npy, .pb, .png, .jpg, .jpeg or .wav into what `port` takes: pictures get the model's size
/// and dtype, sound as many leading axes of 1 as the model's rank asks for.
/// Errors: invalid_argument (unknown extension, no size), and those of the file's reader.
Value load_input(const std::filesystem::path& path, const Model::Port& port,
                 const PictureOptions& options);

}  // namespace inlay::cli
