// Budget: how much memory a file may ask for beyond a constant factor of its own size.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "inlay/error.hpp"

namespace inlay::inline v0::onnx {

/// Some constructs let few bytes of a file stand for many bytes of memory: functions called many
/// times, sparse tensors, captures through several graphs, external regions named twice. All of
/// them spend from one allowance that grows with the file.
class Budget {
 public:
  static constexpr std::uint64_t base = std::uint64_t{16} << 20;
  static constexpr std::uint64_t per_file_byte = 64;

  explicit Budget(std::uint64_t file_bytes) : left_(base) { grant(file_bytes); }

  void grant(std::uint64_t file_bytes) noexcept {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t more =
        file_bytes > most / per_file_byte ? most : file_bytes * per_file_byte;
    left_ = more > most - left_ ? most : left_ + more;
  }
  /// Errors: limit, naming `what`.
  void spend(std::uint64_t bytes, const char* what) {
    if (bytes > left_) {
      throw Error(ErrorCode::limit, std::string(what) +
                                        " would take more memory than the size of the model file "
                                        "justifies");
    }
    left_ -= bytes;
  }

 private:
  std::uint64_t left_;
};

}  // namespace inlay::inline v0::onnx
