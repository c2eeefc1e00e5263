#include "runtime/memory_planner.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <set>

namespace inlay::inline v0 {
namespace {

constexpr std::size_t block_alignment = 64;

/// Free ranges of the arena, found by size and merged with their neighbours.
class FreeList {
 public:
  std::size_t take(std::size_t bytes) {
    const auto fit = by_size_.lower_bound({bytes, 0});
    if (fit != by_size_.end()) {
      const auto [size, offset] = *fit;
      remove(offset, size);
      if (size > bytes) insert(offset + bytes, size - bytes);
      return offset;
    }
    // Nothing fits: grow, starting inside a free range at the end if there is one.
    std::size_t offset = end_;
    if (!by_offset_.empty()) {
      const auto [last_offset, last_size] = *by_offset_.rbegin();
      if (last_offset + last_size == end_) {
        offset = last_offset;
        remove(last_offset, last_size);
      }
    }
    end_ = offset + bytes;
    return offset;
  }

  void give(std::size_t offset, std::size_t bytes) {
    auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.begin()) {
      const auto [before_offset, before_size] = *std::prev(next);
      if (before_offset + before_size == offset) {
        remove(before_offset, before_size);
        offset = before_offset;
        bytes += before_size;
      }
    }
    next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && next->first == offset + bytes) {
      const auto [next_offset, next_size] = *next;
      remove(next_offset, next_size);
      bytes += next_size;
    }
    insert(offset, bytes);
  }

  std::size_t end() const { return end_; }

 private:
  void insert(std::size_t offset, std::size_t bytes) {
    by_offset_.emplace(offset, bytes);
    by_size_.emplace(bytes, offset);
  }
  void remove(std::size_t offset, std::size_t bytes) {
    by_offset_.erase(offset);
    by_size_.erase({bytes, offset});
  }

  std::map<std::size_t, std::size_t> by_offset_;
  std::set<std::pair<std::size_t, std::size_t>> by_size_;
  std::size_t end_ = 0;
};

}  // namespace

Arena plan_arena(std::span<const Lifetime> lifetimes) {
  Arena arena;
  arena.offsets.resize(lifetimes.size());
  FreeList free;
  using Ending = std::pair<std::int32_t, std::size_t>;  // last step, index
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> alive;
  const auto rounded = [](std::size_t bytes) {
    return std::max<std::size_t>((bytes + block_alignment - 1) / block_alignment * block_alignment,
                                 block_alignment);
  };
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    while (!alive.empty() && alive.top().first < lifetimes[i].first) {
      const std::size_t ended = alive.top().second;
      alive.pop();
      free.give(arena.offsets[ended], rounded(lifetimes[ended].bytes));
    }
    arena.offsets[i] = free.take(rounded(lifetimes[i].bytes));
    alive.emplace(lifetimes[i].last, i);
  }
  arena.bytes = free.end();
  return arena;
}

}  // namespace inlay::inline v0
