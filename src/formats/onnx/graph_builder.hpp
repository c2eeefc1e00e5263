// GraphBuilder: from a decoded model to a Graph.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "formats/onnx/definition.hpp"
#include "formats/onnx/scope.hpp"

namespace inlay::inline v0::onnx {

/// Resolves names to values, makes the captures of subgraphs explicit, and puts the bodies of
/// functions in the place of their calls. The model must outlive the builder.
class GraphBuilder {
 public:
  /// `operators` as in read_graph. Errors: invalid_graph, for two functions of one name.
  GraphBuilder(const ModelProto& model, ReadContext& context, const Registry* operators = nullptr);

  /// The main graph, verified. Errors: invalid_graph, limit, unsupported.
  Graph build();

 private:
  /// One more graph or call around the current node, while it lives. Errors: limit.
  struct Nesting {
    explicit Nesting(GraphBuilder& owner) : builder(owner) {
      builder.context_.check_depth(++builder.depth_);
    }
    ~Nesting() { --builder.depth_; }
    GraphBuilder& builder;
  };

  /// Fills the scope's graph from `proto`.
  void fill(Scope& scope, const GraphProto& proto);
  void declare_inputs(Scope& scope, const GraphProto& proto);
  void declare_outputs(Scope& scope, const std::vector<NodeProto>& nodes);
  void add_outputs(Scope& scope, const GraphProto& proto);

  void add_nodes(Scope& scope, const std::vector<NodeProto>& nodes);
  void add_node(Scope& scope, const NodeProto& proto);
  Attributes build_attributes(Scope& scope, const NodeProto& proto);
  Attribute build_graphs(Scope& scope, const AttributeProto& proto);

  void index_functions();
  /// The function that the node calls; null when it is to stay a node.
  const FunctionProto* find_function(const Scope& scope, const NodeProto& call) const;
  void inline_call(const FunctionProto& function, Node call, Scope& caller);
  void bind_parameters(const FunctionProto& function, const Node& call, Scope& body);
  void set_defaults(const FunctionProto& function, Node& call, Scope& body);
  void connect_results(const FunctionProto& function, const Node& call, Scope& body);

  const ModelProto& model_;
  ReadContext& context_;
  const Registry* operators_;
  std::unordered_map<std::string, const FunctionProto*> functions_;
  std::vector<const FunctionProto*> calls_;  ///< being put in place, outermost first
  int depth_ = -1;  ///< graphs and calls around the innermost one; -1 outside of all
};

}  // namespace inlay::inline v0::onnx
