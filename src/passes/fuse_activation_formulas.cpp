// Activations spelled out in arithmetic become the standard operator: Gelu (Hendrycks and Gimpel,
// 2016, by erf or its tanh approximation), Swish (Ramachandran et al., 2017), HardSigmoid and
// HardSwish (Howard et al., 2019), Mish (Misra, 2019).
#include <numbers>

#include "passes/activation.hpp"
#include "passes/constants.hpp"
#include "passes/match.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

enum Slot { argument, alpha, clip };

struct Formula {
  Pattern pattern;
  std::string_view op;
  int version;
  void (*set_attributes)(const Match& match, Attributes& attributes) = nullptr;
  bool (*accepts)(const Match& match, const Graph& graph) = nullptr;
};

Pattern half(Pattern of) {
  return either({op("Mul", {of, number(0.5)}), op("Div", {of, number(2)})});
}

/// x / 2 * (1 + inner), in any order of the factors.
Pattern half_x_times_one_plus(const Pattern& inner) {
  const Pattern one_plus = op("Add", {inner, number(1)});
  return either({half(op("Mul", {value(argument), one_plus})),
                 op("Mul", {half(value(argument)), one_plus}),
                 op("Mul", {value(argument), half(one_plus)})});
}

Pattern erf_of_scaled_x() {
  return op("Erf", {either({op("Div", {value(argument), number(std::numbers::sqrt2)}),
                            op("Mul", {value(argument), number(1 / std::numbers::sqrt2)})})});
}

Pattern tanh_of_cubic() {
  constexpr double cubic = 0.044715;
  constexpr double scale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  const Pattern square = either(
      {op("Mul", {value(argument), value(argument)}), op("Pow", {value(argument), number(2)})});
  const Pattern cube =
      either({op("Pow", {value(argument), number(3)}), op("Mul", {value(argument), square})});
  const Pattern scaled_square =
      op("Mul", {value(argument), op("Mul", {value(argument), number(cubic)})});
  const Pattern sum = either(
      {op("Add", {value(argument), op("Mul", {cube, number(cubic)})}),
       op("Add", {value(argument), op("Mul", {value(argument), scaled_square})}),
       op("Mul", {value(argument), op("Add", {op("Mul", {square, number(cubic)}), number(1)})})});
  const Pattern factored = op(
      "Mul", {op("Mul", {value(argument), number(scale)}),
              op("Add", {either({op("Mul", {square, number(cubic)}), scaled_square}), number(1)})});
  return op("Tanh", {either({op("Mul", {sum, number(scale)}), factored})});
}

/// Clip's bounds as the last inputs or as attributes; accepts() checks the latter.
Pattern relu6_of_x_plus_3() { return op("Clip", {op("Add", {value(argument), number(3)})}, clip); }

bool clips_to_6(const Match& match, const Graph& graph) {
  const auto bounds = clip_bounds(graph, match.node(clip));
  return bounds && bounds->first == 0 && bounds->second == 6;
}

Pattern sixth(Pattern of) {
  return either({op("Div", {of, number(6)}), op("Mul", {of, number(1.0 / 6)})});
}

void set_hard_sigmoid(const Match&, Attributes& attributes) {
  attributes.set("alpha", 1.0f / 6);
  attributes.set("beta", 0.5f);
}

bool is_hard_swish_gate(const Match& match, const Graph&) {
  const Attributes& attributes = match.node(clip).attributes;
  return is_number(attributes.real("alpha", 0.2f), 1.0 / 6, DType::float32) &&
         attributes.real("beta", 0.5f) == 0.5f;
}

std::vector<Formula> formulas() {
  std::vector<Formula> list;
  list.push_back(
      {.pattern = half_x_times_one_plus(erf_of_scaled_x()), .op = "Gelu", .version = 20});
  list.push_back({.pattern = half_x_times_one_plus(tanh_of_cubic()),
                  .op = "Gelu",
                  .version = 20,
                  .set_attributes = [](const Match&, Attributes& attributes) {
                    attributes.set("approximate", std::string("tanh"));
                  }});
  list.push_back({.pattern = op("Mul", {value(argument), op("Sigmoid", {value(argument)})}),
                  .op = "Swish",
                  .version = 24});
  list.push_back(
      {.pattern = op("Mul", {value(argument),
                             op("Sigmoid", {op("Mul", {value(argument), constant(alpha)})})}),
       .op = "Swish",
       .version = 24,
       .set_attributes =
           [](const Match& match, Attributes& attributes) {
             attributes.set("alpha", static_cast<float>(*uniform_value(match.constant(alpha))));
           },
       .accepts =
           [](const Match& match, const Graph&) {
             return match.constant(alpha).size() == 1 && uniform_value(match.constant(alpha));
           }});
  list.push_back({.pattern = either({op("Mul", {value(argument), sixth(relu6_of_x_plus_3())}),
                                     sixth(op("Mul", {value(argument), relu6_of_x_plus_3()})),
                                     op("Mul", {sixth(value(argument)), relu6_of_x_plus_3()})}),
                  .op = "HardSwish",
                  .version = 14,
                  .accepts = clips_to_6});
  list.push_back(
      {.pattern = op("Mul", {value(argument), op("HardSigmoid", {value(argument)}, clip)}),
       .op = "HardSwish",
       .version = 14,
       .accepts = is_hard_swish_gate});
  list.push_back({.pattern = sixth(relu6_of_x_plus_3()),
                  .op = "HardSigmoid",
                  .version = 6,
                  .set_attributes = set_hard_sigmoid,
                  .accepts = clips_to_6});
  list.push_back(
      {.pattern = op("Mul", {value(argument), op("Tanh", {op("Softplus", {value(argument)})})}),
       .op = "Mish",
       .version = 18});
  return list;
}

bool rewrite(Editor& editor, NodeId id, const Formula& formula) {
  const Graph& graph = editor.graph();
  Match match(editor);
  if (!match.find(formula.pattern, id)) return false;
  const Type& in = graph.value(match[argument]).type;
  const Type& out = graph.value(graph.node(id).output(0)).type;
  // A constant of one element and more axes than x would widen the shape.
  if (!is_floating(in.dtype) || !in.has_rank || in.rank() != out.rank()) return false;
  if (formula.accepts != nullptr && !formula.accepts(match, graph)) return false;
  Node node{.op = std::string(formula.op), .version = formula.version};
  node.inputs = {match[argument]};
  if (formula.set_attributes != nullptr) formula.set_attributes(match, node.attributes);
  editor.rewrite(id, std::move(node));
  return true;
}

}  // namespace

void fuse_activation_formulas(Graph& graph, const PassContext& /*context*/) {
  Editor editor(graph);
  static const std::vector<Formula> list = formulas();
  // From the end, so that a formula is found before a shorter one within it.
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    if (!graph.nodes[i].is("Mul") && !graph.nodes[i].is("Div")) continue;
    for (const Formula& formula : list) {
      if (rewrite(editor, static_cast<NodeId>(i), formula)) break;
    }
  }
}

}  // namespace inlay::inline v0::passes
