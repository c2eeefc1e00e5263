// WAV files to samples.
#pragma once

#include <filesystem>
#include <vector>

namespace inlay::io {

/// One channel (the mean of the file's channels), -1 to 1.
struct Sound {
  int rate = 0;  ///< samples per second
  std::vector<float> samples;
};

/// Reads RIFF/WAVE with PCM of 8, 16, 24 or 32 bits or floats of 32 or 64 (Microsoft and IBM,
/// "Multimedia Programming Interface and Data Specifications 1.0", and WAVE_FORMAT_EXTENSIBLE).
/// Errors: not_found, io, parse, unsupported (another coding).
Sound load_wav(const std::filesystem::path& path);

}  // namespace inlay::io
