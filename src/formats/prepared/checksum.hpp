// A fast 64-bit checksum against damage by accident; it is no protection against intent.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace inlay::inline v0::prepared {

/// Takes bytes piece by piece; the pieces' borders do not matter. Four independent lanes of
/// multiply and rotate, as fast as memory can be read.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes) {
    size_ += bytes.size();
    if (held_ > 0) {
      const std::size_t missing = bytes.size() < block - held_ ? bytes.size() : block - held_;
      std::memcpy(rest_ + held_, bytes.data(), missing);
      held_ += missing;
      bytes = bytes.subspan(missing);
      if (held_ < block) return;
      mix(rest_);
      held_ = 0;
    }
    for (; bytes.size() >= block; bytes = bytes.subspan(block)) mix(bytes.data());
    if (!bytes.empty()) std::memcpy(rest_, bytes.data(), bytes.size());
    held_ = bytes.size();
  }

  std::uint64_t value() const {
    Checksum last = *this;
    std::memset(last.rest_ + held_, 0, block - held_);
    last.mix(last.rest_);
    std::uint64_t all = size_ * odd;
    for (const std::uint64_t lane : last.lanes_) {
      all = (std::rotl(all, 27) ^ lane) * odd;
      all ^= all >> 29;
    }
    return all;
  }

 private:
  static constexpr std::size_t lanes = 4;
  static constexpr std::size_t block = lanes * sizeof(std::uint64_t);
  static constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;  // 2^64 by the golden ratio

  void mix(const std::byte* from) {
    std::uint64_t words[lanes];
    std::memcpy(words, from, block);
    for (std::size_t i = 0; i < lanes; ++i) {
      lanes_[i] = std::rotl((lanes_[i] ^ words[i]) * odd, 31);
    }
  }

  std::uint64_t lanes_[lanes] = {1, 2, 3, 4};
  std::uint64_t size_ = 0;
  std::byte rest_[block] = {};
  std::size_t held_ = 0;
};

inline std::uint64_t checksum(std::span<const std::byte> bytes) {
  Checksum sum;
  sum.add(bytes);
  return sum.value();
}

}  // namespace inlay::inline v0::prepared
