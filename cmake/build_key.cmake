# cmake -DROOT=... -DOUT=FILE -P: writes a source file with a checksum of the library's sources.
# Prepared files are used by the build that wrote them only: packed weights have no version.
file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/include/*.hpp ${ROOT}/src/*.hpp ${ROOT}/src/*.cpp)
list(FILTER sources EXCLUDE REGEX "^src/(cli|images)/")
list(SORT sources)
set(all "")
foreach(source IN LISTS sources)
  file(SHA256 ${ROOT}/${source} sum)
  string(APPEND all "${source} ${sum}\n")
endforeach()
string(SHA256 key "${all}")
string(SUBSTRING ${key} 0 16 key)
file(CONFIGURE OUTPUT ${OUT} CONTENT [[#include "runtime/build_key.hpp"

namespace inlay::inline v0 {

std::string_view build_key() noexcept { return "@key@"; }

}  // namespace inlay::inline v0
]] @ONLY)
