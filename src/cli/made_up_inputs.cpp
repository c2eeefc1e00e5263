#include "made_up_inputs.hpp"

#include <charconv>
#include <map>
#include <random>

#include "inlay/pass.hpp"
#include "visit_dtype.hpp"

namespace inlay::cli {
namespace {

Shape parse_shape(std::string_view text) {
  Shape shape;
  while (!text.empty()) {
    std::int64_t dim = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), dim);
    if (error != std::errc() || dim < 0) {
      throw Error(ErrorCode::invalid_argument, "--shape is NAME=AxBxC, such as image=1x3x224x224");
    }
    shape.push_back(dim);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && text.front() == 'x') text.remove_prefix(1);
  }
  return shape;
}

// Of the inputs, by name.
std::map<std::string, Shape> parse_shapes(std::span<const Model::Port> inputs,
                                          std::span<const std::string> shapes) {
  std::map<std::string, Shape> parsed;
  for (const std::string& text : shapes) {
    bool found = false;
    for (const Model::Port& port : inputs) {
      if (!text.starts_with(port.name + "=")) continue;
      parsed[port.name] = parse_shape(std::string_view(text).substr(port.name.size() + 1));
      found = true;
    }
    if (!found) {
      throw Error(ErrorCode::invalid_argument, "--shape '" + text + "' names no input");
    }
  }
  return parsed;
}

Shape default_shape(const Type& type, std::int64_t batch) {
  Shape shape;
  for (const Dim& dim : type.dims) {
    const std::int64_t open = shape.rank() == 0 ? batch : 1;
    shape.push_back(dim.known() ? dim.value : open);
  }
  return shape;
}

void fill(Tensor& tensor) {
  std::mt19937 engine(1);
  const bool known = visit_dtype(tensor.dtype(), [&]<class T>(const T&) {
    for (T& element : tensor.as_mutable<T>()) {
      if constexpr (std::is_same_v<T, std::string>) {
        element = "a";
      } else if constexpr (std::is_integral_v<T>) {
        element = T{1};
      } else {
        element = static_cast<T>(static_cast<float>(engine()) * 0x1p-32f);
      }
    }
  });
  if (!known) tensor = Tensor::zeros(tensor.dtype(), tensor.shape());
}

}  // namespace

std::vector<Value> made_up_inputs(std::span<const Model::Port> inputs, std::int64_t batch,
                                  std::span<const std::string> shapes) {
  const auto given = parse_shapes(inputs, shapes);
  std::vector<Value> values;
  for (const Model::Port& port : inputs) {
    if (!port.type.is_tensor()) {
      throw Error(ErrorCode::unsupported,
                  "only tensors can be made up, not " + to_string(port.type),
                  {.tensor = port.name});
    }
    const auto shape = given.find(port.name);
    Tensor tensor(port.type.dtype,
                  shape != given.end() ? shape->second : default_shape(port.type, batch));
    fill(tensor);
    values.push_back(std::move(tensor));
  }
  return values;
}

Graph with_input_shapes(const Graph& graph, std::span<const Value> values) {
  Graph fixed = graph.clone();
  for (std::size_t i = 0; i < values.size() && i < fixed.inputs.size(); ++i) {
    const Tensor& tensor = values[i].tensor();
    fixed.value(fixed.inputs[i]).type = Type::tensor(tensor.dtype(), tensor.shape());
  }
  std::vector<Pass> passes;
  for (const Pass& pass : standard_passes()) {
    if (pass.essential) passes.push_back(pass);
  }
  const auto registry = Registry::standard();
  run_passes(fixed, {*registry}, passes);
  return fixed;
}

}  // namespace inlay::cli
