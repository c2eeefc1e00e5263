#include "model_pair.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "cases/numbers.hpp"
#include "visit_dtype.hpp"

namespace inlay::cli {
namespace {

using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

/// The numbers of ports of one name; of all ports in order, where both have as many and no name is
/// in both.
Pairs pair_up(std::span<const Model::Port> a, std::span<const Model::Port> b) {
  std::unordered_map<std::string_view, std::size_t> in_b;
  for (std::size_t i = 0; i < b.size(); ++i) in_b.emplace(b[i].name, i);
  Pairs pairs;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (const auto found = in_b.find(a[i].name); found != in_b.end()) {
      pairs.emplace_back(i, found->second);
    }
  }
  if (pairs.empty() && a.size() == b.size()) {
    for (std::size_t i = 0; i < a.size(); ++i) pairs.emplace_back(i, i);
  }
  return pairs;
}

Tensor converted(const Tensor& from, DType dtype) {
  std::vector<double> numbers;
  (void)cases::read_numbers(from, 0, from.size(), numbers);
  Tensor to(dtype, from.shape());
  visit_dtype(dtype, [&]<class T>(const T&) {
    if constexpr (std::is_same_v<T, double>) {
      std::copy(numbers.begin(), numbers.end(), to.as_mutable<T>().begin());
    } else if constexpr (is_floating(dtype_of<T>)) {
      std::transform(numbers.begin(), numbers.end(), to.as_mutable<T>().begin(),
                     [](double value) { return static_cast<T>(static_cast<float>(value)); });
    }
  });
  return to;
}

Value as_taken(const Value& value, const Type& type) {
  const bool differs = value.is_tensor() && is_floating(value.tensor().dtype()) &&
                       is_floating(type.dtype) && value.tensor().dtype() != type.dtype;
  return differs ? Value(converted(value.tensor(), type.dtype)) : value;
}

}  // namespace

void expose_common_values(Graph& a, Graph& b) {
  std::unordered_map<std::string_view, ValueId> made_by_b;
  for (const Node& node : b.nodes) {
    for (const ValueId id : node.outputs) {
      if (id != no_id && !b.value(id).name.empty()) made_by_b.emplace(b.value(id).name, id);
    }
  }
  std::unordered_set<ValueId> outputs_a(a.outputs.begin(), a.outputs.end());
  std::unordered_set<ValueId> outputs_b(b.outputs.begin(), b.outputs.end());
  for (const Node& node : a.nodes) {
    for (const ValueId id : node.outputs) {
      const auto found = id != no_id ? made_by_b.find(a.value(id).name) : made_by_b.end();
      if (found == made_by_b.end()) continue;
      if (outputs_a.insert(id).second) a.outputs.push_back(id);
      if (outputs_b.insert(found->second).second) b.outputs.push_back(found->second);
    }
  }
}

ModelPair::ModelPair(Model a, SessionOptions options_a, Model b, SessionOptions options_b)
    : a_(std::move(a), std::move(options_a)), b_(std::move(b), std::move(options_b)) {
  const auto inputs_a = a_.model().inputs(), inputs_b = b_.model().inputs();
  const auto outputs_a = a_.model().outputs(), outputs_b = b_.model().outputs();
  inputs_ = pair_up(inputs_a, inputs_b);
  const Pairs outputs = pair_up(outputs_a, outputs_b);
  if (outputs.empty()) {
    throw Error(ErrorCode::invalid_argument, "the models have no output in common");
  }
  std::vector<bool> paired_a(outputs_a.size()), paired_b(outputs_b.size());
  for (const auto& [in_a, in_b] : outputs) {
    outputs_.push_back({outputs_a[in_a].name, in_a, in_b});
    paired_a[in_a] = paired_b[in_b] = true;
  }
  const auto names = [](std::span<const Model::Port> ports, const std::vector<bool>& paired) {
    std::vector<std::string> left;
    for (std::size_t i = 0; i < ports.size(); ++i) {
      if (!paired[i]) left.push_back(ports[i].name);
    }
    return left;
  };
  only_in_a_ = names(outputs_a, paired_a);
  only_in_b_ = names(outputs_b, paired_b);
}

void ModelPair::run(std::span<const Value> inputs) {
  std::vector<NamedValue> inputs_b;
  for (const auto& [in_a, in_b] : inputs_) {
    if (in_a >= inputs.size()) continue;  // the run of A says what is missing
    const Model::Port& port = b_.model().inputs()[in_b];
    inputs_b.emplace_back(port.name, as_taken(inputs[in_a], port.type));
  }
  const Outputs wanted = a_.run(inputs);
  const Outputs actual = b_.run(std::span<const NamedValue>(inputs_b));
  for (Output& output : outputs_) {
    output.difference.add(wanted.value(output.in_a), actual.value(output.in_b));
  }
}

}  // namespace inlay::cli
