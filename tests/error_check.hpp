// Checks on the Error that an expression throws.
#pragma once

#include <catch2/catch.hpp>

#include <string>

#include "inlay/error.hpp"

namespace inlay::test {

/// The Error that `f` throws; fails the test when it throws none.
template <class F>
Error error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error was thrown");
  return Error(ErrorCode::internal, "");
}

#define CHECK_ERROR(expression, expected_code, text)                                         \
  do {                                                                                       \
    const ::inlay::Error thrown = ::inlay::test::error_of([&] { (void)(expression); });      \
    CHECK(::inlay::name(thrown.code()) == ::inlay::name(::inlay::ErrorCode::expected_code)); \
    CHECK_THAT(std::string(thrown.what()), Catch::Contains(text));                           \
  } while (false)

}  // namespace inlay::test
