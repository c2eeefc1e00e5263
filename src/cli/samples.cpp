#include "samples.hpp"

#include <algorithm>

#include "cases/case.hpp"

namespace inlay::cli {

namespace fs = std::filesystem;

std::vector<fs::path> find_samples(const fs::path& path) {
  if (fs::is_regular_file(path)) return {path};
  if (!fs::is_directory(path)) {
    throw Error(ErrorCode::not_found, "no such file or folder", {.file = path.string()});
  }
  if (fs::exists(path / "input_0.pb")) return {path};
  std::vector<fs::path> found = cases::find_data_sets(path);
  if (!found.empty()) return found;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file() && is_input_file(entry.path())) found.push_back(entry.path());
  }
  if (found.empty()) {
    throw Error(ErrorCode::not_found,
                "the folder has neither folders test_data_set_* nor files of inputs",
                {.file = path.string()});
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Value> load_sample(const fs::path& path, const Model& model,
                               const PictureOptions& options) {
  if (fs::is_directory(path)) return cases::load_inputs(path, model);
  if (model.inputs().size() != 1) {
    throw Error(ErrorCode::invalid_argument,
                "the model has " + std::to_string(model.inputs().size()) +
                    " inputs; give folders test_data_set_* that have a file for each",
                {.file = path.string()});
  }
  return {load_input(path, model.inputs()[0], options)};
}

}  // namespace inlay::cli
