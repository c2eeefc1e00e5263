// A run's nodes as a Chrome trace (Trace Event Format), for chrome://tracing and Perfetto.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inlay/graph.hpp"

namespace inlay::cli {

class Trace {
 public:
  /// Times in nanoseconds.
  void add(const Node& node, std::string_view backend, std::int64_t start, std::int64_t duration);
  void clear() { events_.clear(); }
  /// One row (thread) for each node, in the order in which they first ran.
  std::string json() const;

 private:
  struct Event {
    const Node* node;
    std::string backend;
    std::int64_t start;
    std::int64_t duration;
  };
  std::vector<Event> events_;
};

}  // namespace inlay::cli
