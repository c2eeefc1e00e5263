// libFuzzer target: any bytes give an Error or a value, read as a tensor, sequence, optional or
// map.
#include <cstdlib>

#include "inlay/inlay.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = inlay::Type::Kind;
  for (const Kind kind : {Kind::tensor, Kind::sequence, Kind::optional, Kind::map}) {
    inlay::Type type;
    type.kind = kind;
    try {
      (void)inlay::read_value(std::as_bytes(std::span(data, size)), type);
    } catch (const inlay::Error& error) {
      if (error.code() == inlay::ErrorCode::internal) std::abort();
    }
  }
  return 0;
}
