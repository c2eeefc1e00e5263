#include "formats/onnx/external_data.hpp"

#include <charconv>

namespace inlay::inline v0::onnx {
namespace {

std::uint64_t read_number(std::string_view key, std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) {
    throw Error(ErrorCode::parse, "the " + std::string(key) +
                                      " of external data is not a number that can be an offset");
  }
  return number;
}

}  // namespace

void ExternalEntry::set(std::string_view key, std::string_view value) {
  if (key == "location") {
    location = value;
  } else if (key == "offset") {
    offset = read_number(key, value);
  } else if (key == "length") {
    length = read_number(key, value);
  }
}

Bytes ExternalData::find(const ExternalEntry& entry, std::uint64_t needed, Budget& budget) {
  if (entry.length && *entry.length != needed) {
    throw Error(ErrorCode::parse, "external data is " + std::to_string(*entry.length) +
                                      " bytes long, but the tensor's type and shape need " +
                                      std::to_string(needed));
  }
  const Bytes& file = open(entry.location, budget);
  if (entry.offset > file.bytes.size() || needed > file.bytes.size() - entry.offset) {
    throw Error(ErrorCode::parse, "external data ends beyond the end of '" + entry.location +
                                      "' (" + std::to_string(file.bytes.size()) +
                                      " bytes): offset " + std::to_string(entry.offset) +
                                      ", length " + std::to_string(needed));
  }
  return {
      file.bytes.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(needed)),
      file.owner};
}

const Bytes& ExternalData::open(const std::string& location, Budget& budget) {
  const auto known = files_.find(location);
  if (known != files_.end()) return known->second;
  if (location.empty()) {
    throw Error(ErrorCode::parse, "external data names no file (its location is missing)");
  }
  const auto reader = model_.sibling(location);
  if (reader == nullptr) {
    throw Error(ErrorCode::not_found,
                "external data lies in '" + location + "', but '" + model_.name() +
                    "' has no folder to find it in; load the model from its path, or with a "
                    "Reader whose sibling() opens that file");
  }
  Bytes bytes = reader->read();
  budget.grant(bytes.bytes.size());
  return files_.emplace(location, std::move(bytes)).first->second;
}

}  // namespace inlay::inline v0::onnx
