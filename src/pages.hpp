// The system's pages: files mapped into memory, and memory asked for or given back ahead of time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "inlay/reader.hpp"

namespace inlay::inline v0 {

/// The file's bytes, mapped; read where it cannot be mapped (pipes, empty files, other systems).
/// Errors: not_found, io, out_of_memory.
Bytes map_file(const std::filesystem::path& path);

/// Takes pages of a mapped file out of memory; they come back from the file when they are read.
/// Does nothing to memory whose owner is no mapping of map_file().
void drop_pages(const void* data, std::size_t bytes,
                const std::shared_ptr<const void>& owner) noexcept;

/// Has the system provide a large block's pages now, in one call: a fault for each as it is first
/// written costs several times as much.
void commit_pages(void* data, std::size_t bytes) noexcept;

}  // namespace inlay::inline v0
