// What the tests of blocked channels share: networks of convolutions, and their answers.
#pragma once

#include "passes_support.hpp"

namespace inlay::test {

using Int64s = std::vector<std::int64_t>;

/// A graph of float32 pictures with random weights.
struct Net {
  Graph graph = graph_with_opset(18);
  std::mt19937 engine{3};
  int names = 0;

  std::string name() { return "v" + std::to_string(names++); }
  ValueId input(std::vector<Dim> dims) {
    return graph.add_input(name(), Type::tensor(DType::float32, std::move(dims)));
  }
  ValueId weights(const Shape& shape) {
    Tensor tensor = random_tensor<float>(engine, shape);
    for (float& x : tensor.as_mutable<float>()) x *= 0.25f;
    return graph.add_constant(name(), std::move(tensor));
  }
  ValueId list(Int64s numbers) {
    const auto size = static_cast<std::int64_t>(numbers.size());
    return graph.add_constant(name(),
                              Tensor::copy_of(std::span<const std::int64_t>(numbers), {size}));
  }
  ValueId add(std::string_view op, std::vector<ValueId> inputs,
              std::initializer_list<Attributes::Item> items = {}) {
    Attributes attributes;
    for (const auto& [key, value] : items) attributes.set(key, value);
    return graph.add_node(op, std::move(inputs), name(), std::move(attributes));
  }
  ValueId conv(ValueId x, std::int64_t channels, std::int64_t filters, std::int64_t kernel,
               std::int64_t stride = 1, std::int64_t group = 1) {
    const ValueId w = weights({filters, channels / group, kernel, kernel});
    const std::int64_t pad = kernel / 2;
    return add("Conv", {x, w, weights({filters})},
               {{"pads", Int64s{pad, pad, pad, pad}},
                {"strides", Int64s{stride, stride}},
                {"group", group}});
  }
};

/// Runs the graph on every instruction set with 1 and 3 threads and compares with the reference
/// backend; `blocks` and `unblocks` count the reorders that are left.
inline void check_blocked(const Graph& graph, std::size_t blocks, std::size_t unblocks,
                          std::int64_t open_dim = 6) {
  std::mt19937 engine(7);
  std::vector<Value> inputs;
  for (const ValueId id : graph.inputs) {
    Shape shape;
    for (const Dim& dim : graph.value(id).type.dims) {
      shape.push_back(dim.known() ? dim.value : open_dim);
    }
    inputs.emplace_back(random_tensor<float>(engine, shape));
  }
  ModelOptions plain;
  plain.backends = {"reference"};
  plain.optimize = false;
  const Outputs want =
      Session(Model::from_graph(graph.clone(), plain)).run(std::span<const Value>(inputs));
  for (const char* isa : {"sse2", "avx2", "avx512", "neon64"}) {
    ModelOptions options;
    options.isa = isa;
    auto model = Model::try_from_graph(graph.clone(), options);
    if (!model) continue;  // not of this machine
    CAPTURE(isa, model->graph().print());
    CHECK(count_nodes(model->graph(), "BlockChannels") == blocks);
    CHECK(count_nodes(model->graph(), "UnblockChannels") == unblocks);
    for (const int threads : {1, 3}) {
      Session session(*model, {.threads = threads});
      const Outputs got = session.run(std::span<const Value>(inputs));
      REQUIRE(got.size() == want.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        REQUIRE(got[i].shape() == want[i].shape());
        const auto a = got[i].as<float>(), b = want[i].as<float>();
        for (std::size_t k = 0; k < a.size(); ++k) {
          CAPTURE(i, k);
          REQUIRE(static_cast<double>(a[k]) ==
                  Approx(static_cast<double>(b[k])).epsilon(1e-5).margin(1e-5));
        }
      }
    }
  }
}

}  // namespace inlay::test
