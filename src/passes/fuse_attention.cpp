// Scaled dot-product attention written as MatMul, scale, mask, Softmax and MatMul (Vaswani et al.,
// 2017), or with Einsum, becomes inlay:FusedAttention. It reads Q, K and V as they were before the
// Transposes that put heads first, and before each head of K and V was repeated for several of Q.
//
// A row whose scores are all -infinity gives zeros then, where Softmax gives NaN.
#include <algorithm>
#include <map>

#include "passes/attention_pattern.hpp"
#include "passes/constants.hpp"
#include "passes/pipeline.hpp"
#include "passes/types.hpp"

namespace inlay::inline v0::passes {
namespace {

/// Zeros up to the diagonal of a square, and what hides behind it.
bool is_causal(const Shape& shape, const std::vector<double>& addends) {
  const std::int64_t n = shape.rank() > 0 ? shape.back() : 0;
  if (shape.rank() < 2 || shape[shape.rank() - 2] != n || shape.elements() != n * n) return false;
  for (std::int64_t i = 0; i < n * n; ++i) {
    const double addend = addends[static_cast<std::size_t>(i)];
    if (i % n <= i / n ? addend != 0 : !(addend <= hides)) return false;
  }
  return true;
}

/// Writes attentions; equal masks are made once.
class Writer {
 public:
  explicit Writer(Editor& editor) : editor_(editor), graph_(editor.graph()) {}

  /// The node at `id` gives the result, with rows first if `by_row`.
  void write(NodeId id, const Attention& attention, bool by_row) {
    Node node{.domain = "inlay", .op = "FusedAttention", .version = 1};
    node.inputs = {attention.q.value, attention.k.value, attention.v.value};
    node.attributes.set("scale", static_cast<float>(attention.scale));
    const auto set_layout = [&](std::string_view name, bool rows_first) {
      if (rows_first) node.attributes.set(name, std::string("BSNH"));
    };
    set_layout("q_layout", attention.q.by_row);
    set_layout("k_layout", attention.k.by_row);
    set_layout("v_layout", attention.v.by_row);
    set_layout("y_layout", by_row);
    const std::string name = graph_.value(graph_.node(id).output(0)).name;
    const ValueId mask =
        attention.hiding.condition != no_id ? made_of(attention, name) : attention.mask;
    const Tensor* constant = attention.mask_widens ? nullptr : graph_.constant(mask);
    const auto addends = constant != nullptr ? to_doubles(*constant) : std::nullopt;
    const auto is_zero = [](double addend) { return addend == 0; };
    if (addends && is_causal(constant->shape(), *addends)) {
      node.attributes.set("is_causal", std::int64_t{1});
    } else if (mask != no_id &&
               !(addends && std::all_of(addends->begin(), addends->end(), is_zero))) {
      node.inputs.push_back(mask);
    }
    editor_.rewrite(id, std::move(node));
  }

 private:
  /// What hides, and is else added.
  ValueId made_of(const Attention& attention, const std::string& name) {
    const Hiding& hiding = attention.hiding;
    const auto [place, is_new] = masks_.try_emplace({hiding, attention.mask}, no_id);
    ValueId& mask = place->second;
    if (!is_new) return mask;
    const Tensor value = *graph_.constant(hiding.value);
    const Tensor* condition = graph_.constant(hiding.condition);
    if (condition != nullptr && attention.mask == no_id) {
      const double addend = *uniform_value(value);
      std::vector<double> addends;
      for (const bool holds : condition->as<bool>()) {
        addends.push_back(holds == hiding.wanted ? addend : 0.0);
      }
      mask = editor_.add_constant(name + ".mask",
                                  from_doubles(addends, value.dtype(), condition->shape()));
      return mask;
    }
    const double zeros[] = {0.0};
    const ValueId rest =
        attention.mask != no_id
            ? attention.mask
            : editor_.add_constant(name + ".zero", from_doubles(zeros, value.dtype(), {}));
    Node where{.op = "Where", .version = 16};
    where.inputs = {hiding.condition, hiding.wanted ? hiding.value : rest,
                    hiding.wanted ? rest : hiding.value};
    const Type type = Type::tensor(value.dtype());
    mask = editor_.add_node(std::move(where), name + ".mask", type);
    return mask;
  }

  Editor& editor_;
  const Graph& graph_;
  std::map<std::pair<Hiding, ValueId>, ValueId> masks_;
};

}  // namespace

void fuse_attention(Graph& graph, const PassContext& /*context*/) {
  const std::vector<std::vector<NodeId>> readers = graph.consumers();
  Editor editor(graph);
  Writer writer(editor);
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const auto attention = find_attention(editor, id);
    if (!attention) continue;
    const ValueId result = graph.node(id).output(0);
    const auto& reads = readers[static_cast<std::size_t>(result)];
    const bool turned =
        editor.single_use(result) && has_perm(&graph.node(reads.front()), {0, 2, 1, 3});
    writer.write(turned ? reads.front() : id, *attention, turned);
  }
  editor.finish();
}

}  // namespace inlay::inline v0::passes
