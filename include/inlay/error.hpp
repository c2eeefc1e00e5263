// Error: what went wrong, where, and what to do. Result<T>: the same without exceptions.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

/// What kind of failure an Error reports; stable, so that a program can act on it.
enum class ErrorCode : std::uint8_t {
  invalid_argument,  ///< a call's argument is wrong (name, option, range)
  type_mismatch,     ///< a tensor has another dtype or kind than needed
  shape_mismatch,    ///< a tensor has another shape than needed
  not_found,         ///< a file, tensor, node or backend of that name does not exist
  io,                ///< reading or writing failed
  parse,             ///< the bytes are not a well-formed file of the format
  invalid_graph,     ///< a well-formed file describes an impossible graph
  unsupported,       ///< valid, but not something this build can do
  limit,             ///< a limit of Limits was passed
  out_of_memory,     ///< an allocation failed
  cancelled,         ///< the caller's CancelSource stopped the call
  execution,         ///< a node failed on the values it was given
  internal,          ///< a defect in the library
  stale,             ///< a prepared file was made for something else: prepare it anew
};

/// The code's name as written above, e.g. "parse".
INLAY_API std::string_view name(ErrorCode code) noexcept;

/// The place an error speaks of; empty fields are unknown.
struct Where {
  std::string file = {};
  std::string node = {};
  std::string op = {};
  std::string tensor = {};
};

/// The one exception type of the library, and the failure half of Result.
class INLAY_API Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message, Where where = {});

  ErrorCode code() const noexcept { return code_; }
  /// The message alone, without code and place.
  const std::string& message() const noexcept { return message_; }
  const Where& where() const noexcept { return where_; }
  /// "code: message (file F, node N, operator O, tensor T)".
  const char* what() const noexcept override { return text_.c_str(); }

  /// The same error with the fields of `place` filled in where this one has none.
  Error at(const Where& place) const;

 private:
  ErrorCode code_;
  std::string message_;
  Where where_;
  std::string text_;
};

/// Turns the exception in flight into an Error; call inside a catch block only.
INLAY_API Error current_error() noexcept;

/// A T or the Error that kept it from being made.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws the Error if there is none.
  T& value() & { return check(), *std::get_if<0>(&state_); }
  const T& value() const& { return check(), *std::get_if<0>(&state_); }
  T&& value() && { return check(), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// The error; call only when there is no value.
  const Error& error() const { return std::get<1>(state_); }

 private:
  void check() const {
    if (const auto* error = std::get_if<1>(&state_)) throw *error;
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const noexcept { return error_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (const auto* error = std::get_if<1>(&error_)) throw *error;
  }
  const Error& error() const { return std::get<1>(error_); }

 private:
  std::variant<std::monostate, Error> error_;
};

/// Calls `f` and gives what it returns, or the error it throws. Never throws itself.
template <class F>
auto try_call(F&& f) noexcept -> Result<std::decay_t<std::invoke_result_t<F>>> {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      std::forward<F>(f)();
      return {};
    } else {
      return std::forward<F>(f)();
    }
  } catch (...) {
    return current_error();
  }
}

}  // namespace inlay::inline v0
