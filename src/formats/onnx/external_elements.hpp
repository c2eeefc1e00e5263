// ExternalElements: elements of tensors that go into a file beside the model's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "inlay/tensor.hpp"

namespace inlay::inline v0::onnx {

/// Each tensor begins at a multiple of a page's size, so that it can be mapped; tensors that share
/// their elements share their place. The tensors must outlive this.
class ExternalElements {
 public:
  static constexpr std::uint64_t alignment = 4096;

  /// `location`: the file's name, as the model gives it. Tensors of fewer bytes than `least` are
  /// none of this file's business.
  ExternalElements(std::string location, std::uint64_t least)
      : location_(std::move(location)), least_(least) {}

  const std::string& location() const noexcept { return location_; }
  bool takes(const Tensor& tensor) const noexcept {
    return tensor.dtype() != DType::string && tensor.bytes() > 0 && tensor.bytes() >= least_;
  }
  /// Where in the file the elements will lie. Errors: limit.
  std::uint64_t place(const Tensor& tensor) {
    const std::span bytes(static_cast<const std::byte*>(tensor.data()), tensor.bytes());
    const auto [at, is_new] = offsets_.try_emplace({bytes.data(), bytes.size()}, end_);
    if (is_new) {
      if (bytes.size() > (std::uint64_t{1} << 62) - end_) {
        throw Error(ErrorCode::limit, "the tensors of the graph have more bytes than a file can");
      }
      end_ = (end_ + bytes.size() + alignment - 1) / alignment * alignment;
      placed_.push_back(bytes);
    }
    return at->second;
  }

  /// Calls f(std::span<const std::byte>) for each piece of the file, in order.
  template <class F>
  void each_piece(F&& f) const {
    static constexpr std::byte zeros[alignment] = {};
    for (std::size_t i = 0; i < placed_.size(); ++i) {
      f(placed_[i]);
      const std::size_t over = placed_[i].size() % alignment;
      if (over != 0 && i + 1 < placed_.size()) f(std::span(zeros).first(alignment - over));
    }
  }

 private:
  std::string location_;
  std::uint64_t least_;
  std::vector<std::span<const std::byte>> placed_;
  std::map<std::pair<const std::byte*, std::size_t>, std::uint64_t> offsets_;
  std::uint64_t end_ = 0;
};

}  // namespace inlay::inline v0::onnx
