// The rules of the IR, checked.
#include <unordered_set>

#include "inlay/graph.hpp"

namespace inlay::inline v0 {
namespace {

class Verifier {
 public:
  Verifier(const Graph& graph, std::size_t outer_values)
      : graph_(graph), outer_values_(outer_values) {}

  void run() {
    defined_.assign(graph_.values.size(), false);
    check_names();
    for (const ValueId id : graph_.inputs) define(id, "graph input");
    for (const Capture& capture : graph_.captures) {
      if (capture.outer < 0 || static_cast<std::size_t>(capture.outer) >= outer_values_) {
        fail("a capture refers to a value that the enclosing graph does not have", nullptr, no_id);
      }
      define(capture.inner, "capture");
    }
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      if (graph_.values[i].is_constant() && !defined_[i])
        define(static_cast<ValueId>(i), "constant");
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) check_node(static_cast<NodeId>(i));
    for (const ValueId id : graph_.outputs) check_defined(id, nullptr);
  }

 private:
  void check_names() {
    std::unordered_set<std::string_view> names;
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      const std::string& name = graph_.values[i].name;
      if (!name.empty() && !names.insert(name).second) {
        fail("two values have the same name", nullptr, static_cast<ValueId>(i));
      }
    }
  }

  void check_node(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.dead()) return;
    for (const ValueId input : node.inputs) {
      if (input != no_id) check_defined(input, &node);
    }
    for_each_subgraph(node, [&](const Graph& subgraph) {
      Verifier(subgraph, graph_.values.size()).run();
      for (const Capture& capture : subgraph.captures) check_defined(capture.outer, &node);
    });
    for (const ValueId output : node.outputs) {
      if (output == no_id) continue;
      define(output, "output", &node);
      if (graph_.value(output).producer != id) {
        fail("the value does not know its producer", &node, output);
      }
    }
  }

  void define(ValueId id, const char* as, const Node* node = nullptr) {
    check_range(id, node);
    if (defined_[static_cast<std::size_t>(id)]) {
      fail(std::string("the value is defined a second time, as ") + as, node, id);
    }
    defined_[static_cast<std::size_t>(id)] = true;
  }

  void check_defined(ValueId id, const Node* node) const {
    check_range(id, node);
    if (!defined_[static_cast<std::size_t>(id)]) {
      fail("the value is used before it is defined, or never defined", node, id);
    }
  }

  void check_range(ValueId id, const Node* node) const {
    if (id < 0 || static_cast<std::size_t>(id) >= graph_.values.size()) {
      fail("a value id is out of range", node, no_id);
    }
  }

  [[noreturn]] void fail(const std::string& message, const Node* node, ValueId id) const {
    Where where;
    if (node != nullptr) {
      where.node = node->name;
      where.op = qualified_op(node->domain, node->op);
    }
    if (id != no_id) where.tensor = graph_.value(id).name;
    throw Error(ErrorCode::invalid_graph, message, std::move(where));
  }

  const Graph& graph_;
  const std::size_t outer_values_;
  std::vector<bool> defined_;
};

}  // namespace

void Graph::verify() const { Verifier(*this, 0).run(); }

}  // namespace inlay::inline v0
