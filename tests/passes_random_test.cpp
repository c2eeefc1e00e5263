// Random graphs of the operators that passes rewrite give the same answers with and without passes.
#include "passes_support.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : engine_(seed) {
    graph_ = graph_with_opset(17);
    const std::vector<Dim> batch = {Dim(3), Dim::named("N"), Dim()};
    const int inputs = 1 + draw(2);
    for (int i = 0; i < inputs; ++i) {
      add(graph_.add_input("input" + std::to_string(i),
                           Type::tensor(DType::float32, {pick(batch), Dim(4), Dim(5), Dim(6)})),
          {3, 4, 5, 6});
    }
    const int nodes = 4 + draw(16);
    for (int i = 0; i < nodes; ++i) add_node();
    graph_.outputs = {values_.back().id};
    if (draw(2) == 0 && graph_.producer(values_[values_.size() / 2].id) != nullptr) {
      graph_.outputs.push_back(values_[values_.size() / 2].id);
    }
  }

  const Graph& graph() const { return graph_; }

 private:
  struct Sized {
    ValueId id;
    Shape shape;
  };

  int draw(int below) { return static_cast<int>(engine_() % static_cast<unsigned>(below)); }
  template <class T>
  const T& pick(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(draw(static_cast<int>(list.size())))];
  }
  /// A value, most often the last one, so that chains come about.
  Sized any() { return draw(3) == 0 ? pick(values_) : values_.back(); }
  std::string name() { return "v" + std::to_string(graph_.values.size()); }

  void add(ValueId id, const Shape& shape) { values_.push_back({id, shape}); }
  ValueId node(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph_.add_node(op, std::move(inputs), name(), std::move(attributes));
  }
  ValueId constant(const Shape& shape, double low = -1, double high = 1) {
    return graph_.add_constant(name(), random_tensor<float>(engine_, shape, low, high));
  }
  ValueId scalar(float value) { return graph_.add_constant(name(), Tensor::scalar(value)); }
  ValueId integers(const std::vector<std::int64_t>& list) {
    return graph_.add_constant(name(), Tensor::copy_of(std::span<const std::int64_t>(list),
                                                       {static_cast<std::int64_t>(list.size())}));
  }
  static Attributes with(std::string_view key, Attribute value) {
    Attributes attributes;
    attributes.set(key, std::move(value));
    return attributes;
  }

  void add_node() {
    const Sized x = any();
    switch (draw(12)) {
      case 0:
        return add_unary(x);
      case 1:
      case 2:
        return add_constant_operand(x);
      case 3:
        return add_pair(x);
      case 4:
        return add_transpose(x);
      case 5:
        return add_reshape(x);
      case 6:
      case 7:
        return x.shape.rank() == 4 ? add_conv(x) : add_product(x);
      case 8:
        return add_product(x);
      case 9:
        return add_batch_norm(x);
      case 10:
        return add_layer_norm(x);
      default:
        return add(node("Mul", {x.id, node("Sigmoid", {x.id})}), x.shape);
    }
  }

  void add_unary(const Sized& x) {
    static const std::vector<std::string_view> ops = {"Relu",      "Sigmoid", "Tanh", "Identity",
                                                      "LeakyRelu", "Neg",     "Erf"};
    if (draw(4) == 0) return add(node("Clip", {x.id, scalar(-0.5f), scalar(0.75f)}), x.shape);
    add(node(pick(ops), {x.id}), x.shape);
  }

  void add_constant_operand(const Sized& x) {
    static const std::vector<std::string_view> ops = {"Add", "Mul", "Sub", "Div"};
    const std::string_view op = pick(ops);
    Shape shape;
    const int kind = draw(5);
    for (int axis = 0; axis < x.shape.rank() && kind != 0; ++axis) {
      const bool kept = (kind == 1 && axis == x.shape.rank() - 1) || (kind == 2 && axis == 1) ||
                        (kind == 3 && axis != 0);
      shape.push_back(kept ? x.shape[axis] : 1);
    }
    ValueId operand = constant(shape, 0.5, 2);
    if (draw(4) == 0) operand = scalar(op == "Add" || op == "Sub" ? 0.0f : 1.0f);
    const bool swapped = draw(3) == 0 && op != "Div";
    add(swapped ? node(op, {operand, x.id}) : node(op, {x.id, operand}), x.shape);
  }

  void add_pair(const Sized& x) {
    std::vector<Sized> same;
    for (const Sized& value : values_) {
      if (value.shape == x.shape) same.push_back(value);
    }
    const Sized y = pick(same);
    add(node(draw(2) == 0 ? "Add" : "Mul", {x.id, y.id}), x.shape);
  }

  void add_transpose(const Sized& x) {
    std::vector<std::int64_t> perm;
    for (int axis = 0; axis < x.shape.rank(); ++axis) perm.push_back(axis);
    std::rotate(perm.begin() + draw(2), perm.begin() + 1 + draw(std::max(1, x.shape.rank() - 1)),
                perm.end());
    Shape shape;
    for (const std::int64_t axis : perm) shape.push_back(x.shape[static_cast<int>(axis)]);
    add(node("Transpose", {x.id}, with("perm", perm)), shape);
  }

  void add_reshape(const Sized& x) {
    const std::int64_t last = x.shape.back();
    switch (draw(3)) {
      case 0: {
        const std::int64_t rest = x.shape.elements() / last;
        return add(node("Reshape", {x.id, integers({-1, last})}), {rest, last});
      }
      case 1: {
        Shape shape = x.shape;
        if (shape.rank() >= 5) return add_unary(x);
        const int axis = draw(shape.rank() + 1);
        shape.insert(axis, 1);
        return add(node("Unsqueeze", {x.id, integers({axis})}), shape);
      }
      default: {
        const std::int64_t rest = x.shape.product(1, x.shape.rank());
        return add(node("Flatten", {x.id}), {x.shape[0], rest});
      }
    }
  }

  void add_conv(const Sized& x) {
    const std::int64_t size = x.shape[2] >= 3 && x.shape[3] >= 3 ? 1 + 2 * draw(2) : 1;
    const std::int64_t channels = draw(2) == 0 ? x.shape[1] : 3;
    std::vector<ValueId> inputs = {x.id, constant({channels, x.shape[1], size, size}, -0.5, 0.5)};
    if (draw(2) == 0) inputs.push_back(constant({channels}));
    Attributes attributes;
    if (size == 3 && draw(2) == 0) {
      inputs[0] = node("Pad", {x.id, integers({0, 0, 1, 1, 0, 0, 1, 1})});
    } else if (size == 3) {
      attributes.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
    }
    add(node("Conv", std::move(inputs), std::move(attributes)),
        {x.shape[0], channels, x.shape[2], x.shape[3]});
  }

  void add_product(const Sized& x) {
    if (x.shape.rank() < 2) return add_unary(x);
    const std::int64_t columns = draw(2) == 0 ? x.shape.back() : 4;
    Shape shape = x.shape;
    shape[shape.rank() - 1] = columns;
    if (x.shape.rank() != 2 || draw(2) == 0) {
      return add(node("MatMul", {x.id, constant({x.shape.back(), columns}, -0.5, 0.5)}), shape);
    }
    const bool transposes = draw(2) == 0;
    Attributes attributes = with("transB", std::int64_t{transposes});
    if (draw(2) == 0) attributes.set("alpha", 0.5f);
    if (draw(2) == 0) attributes.set("beta", 2.0f);
    const Shape weights =
        transposes ? Shape{columns, x.shape.back()} : Shape{x.shape.back(), columns};
    add(node("Gemm", {x.id, constant(weights, -0.5, 0.5), constant({columns})},
             std::move(attributes)),
        shape);
  }

  void add_batch_norm(const Sized& x) {
    if (x.shape.rank() < 2) return add_unary(x);
    const Shape channels{x.shape[1]};
    add(node("BatchNormalization", {x.id, constant(channels), constant(channels),
                                    constant(channels), constant(channels, 0.5, 2)}),
        x.shape);
  }

  void add_layer_norm(const Sized& x) {
    const Attributes last = with("axes", std::vector<std::int64_t>{-1});
    const ValueId centered = node("Sub", {x.id, node("ReduceMean", {x.id}, last)});
    const ValueId square = node("Pow", {centered, scalar(2)});
    const ValueId variance = node("ReduceMean", {square}, last);
    const ValueId root = node("Sqrt", {node("Add", {variance, scalar(0.1f)})});
    add(node("Div", {centered, root}), x.shape);
  }

  std::mt19937 engine_;
  Graph graph_;
  std::vector<Sized> values_;
};

}  // namespace

TEST_CASE("random graphs give the same answers with and without passes") {
  for (unsigned seed = 0; seed < 150; ++seed) {
    const RandomGraph random(seed);
    INFO("seed " << seed << "\n" << random.graph().print());
    check_same_answers(random.graph(), 2e-3);
  }
}
