#include "command.hpp"

#include <cstdio>
#include <fstream>

#ifdef INLAY_IMAGES
#include "inlay/images.hpp"
#endif

namespace inlay::cli {

ModelOptions GlobalOptions::model_options() const {
  if (registry_ == nullptr) {
    auto registry = Registry::create(isa);
#ifdef INLAY_IMAGES
    add_image_decoder(*registry);
#endif
    registry_ = std::move(registry);
  }
  ModelOptions options{.registry = registry_, .threads = threads};
  if (!backend.empty()) options.backends = {backend};
  return options;
}

std::vector<std::string> image_formats() {
#ifdef INLAY_IMAGES
  const auto formats = inlay::image_formats();
  return {formats.begin(), formats.end()};
#else
  return {"none"};
#endif
}

std::string format_bytes(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

std::string format_seconds(double seconds) {
  char text[32];
  if (seconds >= 1) {
    std::snprintf(text, sizeof(text), "%.2f s", seconds);
  } else if (seconds >= 1e-3) {
    std::snprintf(text, sizeof(text), "%.3f ms", seconds * 1e3);
  } else {
    std::snprintf(text, sizeof(text), "%.2f us", seconds * 1e6);
  }
  return text;
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), std::ssize(content));
  file.close();
  if (!file) throw Error(ErrorCode::io, "cannot write; does the folder exist?", {.file = path});
}

void show_progress(const std::string& text) {
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
  std::fflush(stderr);
}

void clear_progress() { show_progress(""); }

}  // namespace inlay::cli
