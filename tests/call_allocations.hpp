// How often a warm kernel asks for memory.
#pragma once

#include "allocation_counter.hpp"
#include "support.hpp"

namespace inlay::test {

/// Allocations of one bound run of a call on the reference backend, after three to warm up.
inline std::size_t allocations(const Call& call) {
  ModelOptions options;
  options.backends = {"reference"};
  options.optimize = false;
  Session session(Model::from_graph(graph_of(call), options));
  std::vector<NamedValue> inputs;
  for (const Value& value : call.inputs) {
    if (value.has_value()) {
      inputs.emplace_back(session.model().inputs()[inputs.size()].name, value);
    }
  }
  BoundRun bound = session.bind(inputs);
  for (int i = 0; i < 3; ++i) bound.run();
  const AllocationCounter counter;
  bound.run();
  return counter.count();
}

}  // namespace inlay::test
