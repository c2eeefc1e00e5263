// A checksum of the sources that this library was built from (cmake/build_key.cmake).
#pragma once

#include <string_view>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

std::string_view build_key() noexcept;

}  // namespace inlay::inline v0
