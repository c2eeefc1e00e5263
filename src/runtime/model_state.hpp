// What a Model handle points to.
#pragma once

#include "formats/prepared/prepared_file.hpp"
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
  prepared::Key key;                      ///< what a prepared file of it must agree with
  std::vector<prepared::Source> sources;  ///< empty unless ModelOptions::prepared asked for them
  Preparation preparation;
  QuantizationReport quantization;
};

}  // namespace inlay::inline v0
