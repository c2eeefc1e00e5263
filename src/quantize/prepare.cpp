#include "quantize/prepare.hpp"

#include <array>

#include "inlay/pass.hpp"
#include "quantize/raise_opset.hpp"

namespace inlay::inline v0::quantization {

void prepare(Graph& graph, const Registry& registry) {
  static constexpr std::array<std::string_view, 11> names = {
      "infer_types",    "fold_constants",   "inline_branches", "fold_constants",
      "eliminate_dead", "eliminate_common", "widen_float16",   "replace_upsample",
      "remove_noops",   "fuse_affine",      "eliminate_dead"};
  std::vector<Pass> passes;
  for (const std::string_view name : names) {
    for (const Pass& pass : standard_passes()) {
      if (pass.name == name) {
        passes.push_back(pass);
        break;
      }
    }
  }
  run_passes(graph, {registry}, passes);
  raise_opset(graph);
  graph.compact();
}

}  // namespace inlay::inline v0::quantization
