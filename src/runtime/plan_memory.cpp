// Where the values of a plan lie: which share a block, and which blocks lie within another.
#include <algorithm>

#include "runtime/memory_planner.hpp"
#include "runtime/plan.hpp"

namespace inlay::inline v0 {
namespace {

/// Memory of a value and of those computed in place from it.
struct Block {
  Lifetime life;
  int parent = -1;         ///< the block that it is a part of
  std::size_t offset = 0;  ///< in there
};

}  // namespace

void Plan::plan_chains(std::span<const Extent> extents, MemoryPlan& memory) const {
  constexpr std::size_t large = std::size_t{1} << 20;  // leaves the L2 cache before it is read
  constexpr std::size_t cache = std::size_t{1} << 20, band = 12;  // rows that should fit, at least
  memory.within_chain.assign(graph_.values.size(), false);
  memory.chain_ends.resize(steps_.size());
  for (std::size_t s = 0, end = 0; s < steps_.size(); s = end + 1) {
    std::size_t row_bytes = 0;
    for (end = s; end + 1 < s + most_chain_steps && steps_[end].leads_rows; ++end) {
      const auto between = static_cast<std::size_t>(steps_[end].node->output(0));
      const Extent& extent = extents[between];
      if (extent.elements < 0 || extent.bytes < large || extent.rows == 0) break;
      row_bytes += extent.bytes / static_cast<std::size_t>(extent.rows);
      if (row_bytes * band > cache) break;
      memory.within_chain[between] = true;
    }
    for (std::size_t i = s; i <= end; ++i) memory.chain_ends[i] = end;
  }
}

MemoryPlan Plan::plan_memory(std::span<const Extent> extents) const {
  MemoryPlan memory;
  plan_chains(extents, memory);
  const auto extent_of = [&](ValueId id) -> const Extent& {
    return extents[static_cast<std::size_t>(id)];
  };
  // Blocks in the order in which steps make them; an in-place output lives on in its input's block.
  std::vector<Block> blocks;
  std::vector<int> block(graph_.values.size(), -1);
  const auto block_of = [&](ValueId id) -> int& { return block[static_cast<std::size_t>(id)]; };
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    for (std::size_t o = 0; o < steps_[s].node->outputs.size(); ++o) {
      const ValueId id = steps_[s].node->outputs[o];
      if (id == no_id || !planned_[static_cast<std::size_t>(id)]) continue;
      const Extent& extent = extent_of(id);
      if (extent.elements < 0 || memory.is_within_chain(id)) continue;
      int& mine = block_of(id);
      if (o == 0 && has(steps_[s].traits, Trait::in_place)) {
        for (const ValueId input : steps_[s].node->inputs) {
          if (input == no_id || !can_reuse(s, input)) continue;
          const ValueId root = storage(input);
          const Extent& other = extent_of(root);
          if (other.elements == extent.elements && other.bits == extent.bits &&
              block_of(root) >= 0) {
            mine = block_of(root);
            break;
          }
        }
      }
      // What a chain's steps read is needed until the last one is done.
      const auto last = static_cast<std::int32_t>(
          memory.chain_ends[static_cast<std::size_t>(last_use_[static_cast<std::size_t>(id)])]);
      if (mine >= 0) {
        blocks[static_cast<std::size_t>(mine)].life.last = last;
      } else {
        mine = static_cast<int>(blocks.size());
        blocks.push_back({.life = {static_cast<std::int32_t>(s), last, extent.bytes}});
      }
    }
  }

  // What a Concat joins is computed where it is to be, if nobody needs it afterwards.
  constexpr std::size_t alignment = 64;
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const Node& node = *steps_[s].node;
    if (!steps_[s].joins || block_of(node.output(0)) < 0) continue;
    std::size_t offset = 0;
    const std::size_t whole = extent_of(node.output(0)).bytes;
    for (const ValueId input : node.inputs) {
      const Extent& extent = extent_of(input);
      // Parts that were once larger may not fit.
      if (extent.elements < 0 || extent.bits % 8 != 0 || offset + extent.bytes > whole) break;
      const int part = block_of(storage(input));
      if (part >= 0 && offset % alignment == 0) {
        Block& inner = blocks[static_cast<std::size_t>(part)];
        if (inner.parent < 0 && inner.life.last == static_cast<std::int32_t>(s) &&
            inner.life.bytes == extent.bytes) {
          inner.parent = block_of(node.output(0));
          inner.offset = offset;
        }
      }
      offset += extent.bytes;
    }
  }

  // A parent comes after its parts, and begins to live with the first of them.
  std::vector<std::size_t> outermost;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].parent < 0) {
      outermost.push_back(i);
    } else {
      Lifetime& whole = blocks[static_cast<std::size_t>(blocks[i].parent)].life;
      whole.first = std::min(whole.first, blocks[i].life.first);
    }
  }
  std::stable_sort(outermost.begin(), outermost.end(), [&](std::size_t a, std::size_t b) {
    return blocks[a].life.first < blocks[b].life.first;
  });
  std::vector<Lifetime> lifetimes;
  for (const std::size_t i : outermost) lifetimes.push_back(blocks[i].life);
  const Arena arena = plan_arena(lifetimes);
  for (std::size_t i = 0; i < outermost.size(); ++i) {
    blocks[outermost[i]].offset = arena.offsets[i];
  }
  for (std::size_t i = blocks.size(); i-- > 0;) {
    if (blocks[i].parent >= 0) {
      blocks[i].offset += blocks[static_cast<std::size_t>(blocks[i].parent)].offset;
    }
  }

  memory.arena_bytes = arena.bytes;
  memory.offsets.assign(graph_.values.size(), MemoryPlan::unplanned);
  memory.capacities.assign(graph_.values.size(), 0);
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (block[i] < 0) continue;
    memory.offsets[i] = blocks[static_cast<std::size_t>(block[i])].offset;
    memory.capacities[i] = extents[i].bytes;
  }
  return memory;
}

}  // namespace inlay::inline v0
