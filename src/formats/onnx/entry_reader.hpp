// StringStringEntryProto.
#pragma once

#include <string_view>
#include <utility>

#include "formats/onnx/proto.hpp"
#include "formats/onnx/wire.hpp"

namespace inlay::inline v0::onnx {

/// Key and value. Errors: parse.
inline std::pair<std::string_view, std::string_view> read_entry(std::string_view bytes) {
  std::pair<std::string_view, std::string_view> entry;
  for (Message m(bytes); m.next();) {
    switch (m.field()) {
      case entry_field::key:
        entry.first = m.bytes();
        break;
      case entry_field::value:
        entry.second = m.bytes();
        break;
      default:
        m.skip();
    }
  }
  return entry;
}

}  // namespace inlay::inline v0::onnx
