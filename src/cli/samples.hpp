// Samples: what a folder of data holds to run a model on, one after the other.
#pragma once

#include <filesystem>
#include <vector>

#include "inlay/model.hpp"
#include "input_file.hpp"

namespace inlay::cli {

/// The folder itself if it is a test case (input_0.pb …); else its folders test_data_set_*; else
/// its files that load_input reads, by name. A file is a sample alone. Errors: not_found.
std::vector<std::filesystem::path> find_samples(const std::filesystem::path& path);

/// One value for each input of the model, from a file for a model of one input.
/// Errors: invalid_argument (a file for a model of several inputs), and those of load_input.
std::vector<Value> load_sample(const std::filesystem::path& path, const Model& model,
                               const PictureOptions& options);

}  // namespace inlay::cli
