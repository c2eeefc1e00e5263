// StringStringEntryProto.
#pragma once

#include <string_view>

#include "formats/onnx/message_writer.hpp"
#include "formats/onnx/proto.hpp"

namespace inlay::inline v0::onnx {

inline MessageWriter write_entry(std::string_view key, std::string_view value) {
  MessageWriter m;
  m.bytes(entry_field::key, key);
  m.bytes(entry_field::value, value);
  return m;
}

}  // namespace inlay::inline v0::onnx
