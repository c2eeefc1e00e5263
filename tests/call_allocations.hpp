// How often a warm kernel asks for memory.
#pragma once

#include "allocation_counter.hpp"
#include "support.hpp"

namespace inlay::test {

/// Allocations of one bound run of a call, after three to warm up.
inline std::size_t allocations(const Call& call, const char* backend = "reference") {
  ModelOptions options;
  options.backends = {backend};
  options.optimize = false;
  Session session(Model::from_graph(graph_of(call), options));
  std::vector<NamedValue> inputs;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const bool constant =
        std::find(call.constants.begin(), call.constants.end(), i) != call.constants.end();
    if (call.inputs[i].has_value() && !constant) {
      inputs.emplace_back(session.model().inputs()[inputs.size()].name, call.inputs[i]);
    }
  }
  BoundRun bound = session.bind(inputs);
  for (int i = 0; i < 3; ++i) bound.run();
  const AllocationCounter counter;
  bound.run();
  return counter.count();
}

}  // namespace inlay::test
