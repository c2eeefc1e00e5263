#include "inlay/error.hpp"

namespace inlay::inline v0 {
namespace {

std::string describe(ErrorCode code, const std::string& message, const Where& where) {
  std::string text(name(code));
  text += ": " + message;
  const char* separator = " (";
  const auto add = [&](const char* label, const std::string& field) {
    if (field.empty()) return;
    text += separator;
    text += label;
    text += " " + field;
    separator = ", ";
  };
  add("file", where.file);
  add("node", where.node);
  add("operator", where.op);
  add("tensor", where.tensor);
  if (separator[0] == ',') text += ")";
  return text;
}

}  // namespace

std::string_view name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::type_mismatch:
      return "type_mismatch";
    case ErrorCode::shape_mismatch:
      return "shape_mismatch";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::io:
      return "io";
    case ErrorCode::parse:
      return "parse";
    case ErrorCode::invalid_graph:
      return "invalid_graph";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::limit:
      return "limit";
    case ErrorCode::out_of_memory:
      return "out_of_memory";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::execution:
      return "execution";
    case ErrorCode::internal:
      return "internal";
    case ErrorCode::stale:
      return "stale";
  }
  return "unknown";
}

Error::Error(ErrorCode code, std::string message, Where where)
    : code_(code),
      message_(std::move(message)),
      where_(std::move(where)),
      text_(describe(code_, message_, where_)) {}

Error Error::at(const Where& place) const {
  Where where = where_;
  if (where.file.empty()) where.file = place.file;
  if (where.node.empty()) where.node = place.node;
  if (where.op.empty()) where.op = place.op;
  if (where.tensor.empty()) where.tensor = place.tensor;
  return Error(code_, message_, std::move(where));
}

Error current_error() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::out_of_memory, "memory ran out");
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, error.what());
  } catch (...) {
    return Error(ErrorCode::internal, "an exception of unknown type");
  }
}

}  // namespace inlay::inline v0
