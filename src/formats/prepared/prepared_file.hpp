// Prepared files: a graph after all passes and its kernels' packed weights, to be mapped and used
// in place. Layout, in the machine's byte order:
//   Head       sizes, and checksums of all there is
//   contents   what Fields says of Contents; checked against the head's checksum always
//   elements   of tensors, each at a multiple of 64 bytes; checked when that is asked for
#pragma once

#include <cstdint>
#include <inlay/kernels/inline.hpp>
#include <string>
#include <utility>
#include <vector>

#include "inlay/model.hpp"

namespace inlay::inline v0::prepared {

/// What a prepared file must agree with: names and values, for a person too.
using Key = std::vector<std::pair<std::string, std::string>>;

/// A file that the model was read from.
struct Source {
  std::string location;  ///< of external data; empty for the model file itself
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;

  friend bool operator==(const Source&, const Source&) = default;
};

struct Contents {
  Key key;
  std::vector<Source> sources;            ///< empty: not known
  std::vector<std::string> output_names;  ///< as the model's own file names them
  Graph graph;
  std::vector<std::vector<Tensor>> packed;  ///< in the order of Plan::each_step
};

/// Whether the bytes begin like a prepared file.
INLAY_API bool is_prepared(std::span<const std::byte> bytes) noexcept;

/// Writes beside `path` and renames, so that a file there stays whole, and mapped ones valid.
/// Errors: io.
INLAY_API INLAY_COLD void write_file(const std::string& path, Contents& contents);

/// The graph's constants and the packed weights stay where they are in `file`. What comes back is a
/// verified graph; types of its nodes' outputs are for inference to find. Errors: parse, limit,
/// invalid_graph for a damaged file; stale when its key has other values than `key`.
INLAY_API INLAY_COLD Contents read_file(const Bytes& file, const Key& key, const Limits& limits,
                                        bool check_elements);

}  // namespace inlay::inline v0::prepared
