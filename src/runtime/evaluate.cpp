#include "runtime/evaluate.hpp"

#include "runtime/frame.hpp"

namespace inlay::inline v0 {

std::vector<Value> evaluate_node(const Graph& graph, const Node& node, const Registry& registry) {
  Graph single;
  Node copy = node;
  for (ValueId& id : copy.inputs) {
    const Tensor* constant = graph.constant(id);
    if (id == no_id) continue;
    if (constant == nullptr) {
      throw Error(ErrorCode::internal, "only constants can be evaluated",
                  {.node = node.name, .tensor = graph.value(id).name});
    }
    id = single.add_constant("", *constant);
  }
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < copy.outputs.size(); ++i) {
    ValueId& id = copy.outputs[i];
    if (id == no_id) continue;
    id = single.add_value("", graph.value(id).type);
    single.outputs.push_back(id);
    wanted.push_back(i);
  }
  single.add_node(std::move(copy));
  for (const auto& backend : registry.backends()) {
    if (backend->name() != "reference") continue;
    const auto executor = inline_executor();
    Compilation compilation{registry, std::span(&backend, 1), *executor};
    const auto plan = Plan::compile(single, compilation);
    const ProfileFn no_profile;
    Frame frame(*plan, *executor, no_profile);
    std::vector<Value> found(single.outputs.size());
    frame.run({}, found, {});
    std::vector<Value> outputs(node.outputs.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) outputs[wanted[i]] = std::move(found[i]);
    return outputs;
  }
  throw Error(ErrorCode::unsupported, "the registry has no reference backend");
}

}  // namespace inlay::inline v0
