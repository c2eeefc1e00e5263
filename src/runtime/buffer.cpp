#include "runtime/buffer.hpp"

#include <new>

#include "pages.hpp"

namespace inlay::inline v0 {
namespace {

constexpr std::size_t alignment = 64;

}  // namespace

void Buffer::Free::operator()(std::byte* memory) const noexcept {
  ::operator delete(memory, std::align_val_t(alignment));
}

std::byte* Buffer::reserve(std::size_t bytes) {
  if (bytes > size_) {
    data_.reset();
    size_ = 0;
    data_.reset(static_cast<std::byte*>(::operator new(bytes, std::align_val_t(alignment))));
    size_ = bytes;
    commit_pages(data_.get(), bytes);
  }
  return data_.get();
}

std::byte* Scratch::take(std::size_t bytes) {
  bytes = (bytes + alignment - 1) / alignment * alignment;
  const std::size_t start = used_;
  used_ += bytes;
  if (used_ <= block_.size()) return block_.data() + start;
  overflow_.emplace_back();
  return overflow_.back().reserve(bytes);
}

void Scratch::reset() {
  if (!overflow_.empty()) {
    overflow_.clear();
    block_.reserve(used_);
  }
  used_ = 0;
}

}  // namespace inlay::inline v0
