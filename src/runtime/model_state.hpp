// What a Model handle points to.
#pragma once

#include "inlay/model.hpp"
#include "runtime/plan.hpp"

namespace inlay::inline v0 {

struct Model::State {
  Graph graph;
  std::shared_ptr<const Registry> registry;
  std::unique_ptr<const Plan> plan;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::vector<Placement> placements;
};

}  // namespace inlay::inline v0
