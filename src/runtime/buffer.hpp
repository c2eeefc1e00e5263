// Memory that a session keeps from run to run.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

/// A block that only grows, 64-byte aligned.
class Buffer {
 public:
  std::byte* reserve(std::size_t bytes);
  std::byte* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

/// Working memory of one step: handed out piece by piece, all taken back by reset().
class Scratch {
 public:
  std::byte* take(std::size_t bytes);
  /// Afterwards one block serves what the last step needed.
  void reset();
  std::size_t size() const noexcept { return block_.size(); }

 private:
  Buffer block_;
  std::vector<Buffer> overflow_;
  std::size_t used_ = 0;
};

}  // namespace inlay::inline v0
