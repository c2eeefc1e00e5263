// NumPy's .npy files to tensors and back (numpy.lib.format, versions 1 to 3).
#pragma once

#include <filesystem>

#include "inlay/tensor.hpp"

namespace inlay::io {

/// Reads booleans, integers, floats of 16 to 64 bits, complex numbers, and strings ('U' and 'S')
/// of either byte order. Errors: not_found, io, parse, unsupported (other types, Fortran order).
Tensor load_npy(const std::filesystem::path& path);

/// Writes what load_npy reads; bfloat16 is written as float32. Errors: io, unsupported (types that
/// NumPy has not).
void save_npy(const Tensor& tensor, const std::filesystem::path& path);

}  // namespace inlay::io
