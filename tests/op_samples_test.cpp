// What holds of every operator: its dtypes, empty tensors, scalars, negative axes, broadcasting,
// and that every backend agrees with the reference.
#include <complex>
#include <set>

#include "backends/reference/cast.hpp"
#include "inlay/backend.hpp"
#include "op_samples.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

std::string label(const Call& call) { return qualified_op(call.domain, call.op); }

const OpSchema& schema_of(const Call& call) {
  const OpSchema* schema = Registry::standard()->find_op(call.domain, call.op, call.version);
  REQUIRE(schema != nullptr);
  return *schema;
}

Tensor converted(const Tensor& from, DType dtype) {
  Tensor to(dtype, from.shape());
  if (dtype == DType::complex64) {
    const Tensor parts = converted(from, DType::float32);
    std::copy_n(parts.as<float>().data(), parts.size(),
                to.as_mutable<std::complex<float>>().data());
  } else if (dtype == DType::complex128) {
    const Tensor parts = converted(from, DType::float64);
    std::copy_n(parts.as<double>().data(), parts.size(),
                to.as_mutable<std::complex<double>>().data());
  } else if (from.dtype() == DType::complex64) {
    Tensor real(DType::float32, from.shape());
    std::transform(from.as<std::complex<float>>().begin(), from.as<std::complex<float>>().end(),
                   real.as_mutable<float>().begin(), [](auto z) { return z.real(); });
    return converted(real, dtype);
  } else if (from.dtype() == DType::complex128) {
    Tensor real(DType::float64, from.shape());
    std::transform(from.as<std::complex<double>>().begin(), from.as<std::complex<double>>().end(),
                   real.as_mutable<double>().begin(), [](auto z) { return z.real(); });
    return converted(real, dtype);
  } else {
    kernels::convert_elements(from, to);
  }
  return to;
}

/// The inputs that have input 0's type parameter.
std::vector<std::size_t> typed_alike(const Call& call, const std::vector<DTypeSet>& types) {
  std::vector<std::size_t> alike;
  const DType dtype = call.inputs[0].tensor().dtype();
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (call.inputs[i].has_value() && call.inputs[i].tensor().dtype() == dtype &&
        types[std::min(i, types.size() - 1)] == types[0]) {
      alike.push_back(i);
    }
  }
  return alike;
}

/// How far results in `dtype` may be from those in the sample's own type.
double tolerance(DType dtype) {
  if (dtype == DType::bfloat16) return 3e-2;
  if (dtype == DType::float16) return 4e-3;
  return 1e-5;
}

/// Compares as far as `actual`'s type can hold the expected value: whole numbers in its range.
void check_alike(const Value& actual, const Value& expected, DType dtype) {
  if (!actual.is_tensor()) return;
  const Tensor& result = actual.tensor();
  REQUIRE(to_string(result.shape()) == to_string(expected.tensor().shape()));
  if (result.dtype() == DType::string) {
    // Numbers that were only moved come back as texts, some of them empty.
    if (expected.tensor().dtype() != DType::string) return;
    const auto have = result.as<std::string>(), want = expected.tensor().as<std::string>();
    CHECK(std::equal(have.begin(), have.end(), want.begin()));
    return;
  }
  if (bit_width(result.dtype()) < 8 || dtypes::float8.contains(result.dtype())) return;
  const Tensor a = converted(result, DType::float64);
  const Tensor b = converted(expected.tensor(), DType::float64);
  for (std::int64_t i = 0; i < a.size(); ++i) {
    INFO("element " << i);
    const double want = b.as<double>()[static_cast<std::size_t>(i)];
    const double have = a.as<double>()[static_cast<std::size_t>(i)];
    if (std::isnan(want)) continue;
    if (is_integer(result.dtype()) && result.dtype() == dtype) {
      if (want != std::floor(want) || want < 0 || want > 127) continue;
    } else if (result.dtype() == DType::boolean && dtype == DType::boolean) {
      continue;
    }
    CHECK(have == Approx(want).epsilon(tolerance(dtype)).margin(tolerance(dtype)));
  }
}

/// The same tensor with axis `axis` 0 long.
Tensor emptied(const Tensor& tensor, int axis) {
  Shape shape = tensor.shape();
  shape[axis] = 0;
  return Tensor(tensor.dtype(), shape);
}

bool random(const Call& call) { return has(schema_of(call).traits, Trait::nondeterministic); }

}  // namespace

TEST_CASE("Every operator has a sample", "[ops][samples]") {
  // Of sequences, optionals, maps and subgraphs: ops_container_test, ops_control_test and those of
  // ai.onnx.ml. ImageDecoder's kernel comes with inlay::images.
  const std::set<std::string> elsewhere = {"ConcatFromSequence",
                                           "If",
                                           "Loop",
                                           "Optional",
                                           "OptionalGetElement",
                                           "OptionalHasElement",
                                           "Scan",
                                           "SequenceAt",
                                           "SequenceConstruct",
                                           "SequenceEmpty",
                                           "SequenceErase",
                                           "SequenceInsert",
                                           "SequenceLength",
                                           "SequenceMap",
                                           "SplitToSequence",
                                           "ai.onnx.ml:CastMap",
                                           "ai.onnx.ml:DictVectorizer",
                                           "ai.onnx.ml:ZipMap",
                                           "ImageDecoder"};
  std::set<std::string> sampled;
  for (const Sample& sample : op_samples()) sampled.insert(label(sample.call));
  for (const OpSchema* schema : Registry::standard()->ops()) {
    const std::string name = qualified_op(schema->domain, schema->name);
    INFO(name);
    CHECK(sampled.count(name) + elsewhere.count(name) == 1);
  }
}

TEST_CASE("Every operator takes each dtype that its schema names", "[ops][samples]") {
  for (const Sample& sample : op_samples()) {
    INFO(label(sample.call));
    const auto& types = schema_of(sample.call).types;
    if (types.empty() || sample.call.inputs.empty() || !sample.dtypes) continue;
    const auto alike = typed_alike(sample.call, types);
    const DType own = sample.call.inputs[0].tensor().dtype();
    for (unsigned code = 1; code < 32; ++code) {
      const auto dtype = static_cast<DType>(code);
      if (!types[0].contains(dtype)) continue;
      INFO("with " << name(dtype));
      Call typed = sample.call, same = sample.call;
      for (const std::size_t i : alike) {
        typed.inputs[i] = converted(typed.inputs[i].tensor(), dtype);
        same.inputs[i] = converted(typed.inputs[i].tensor(), own);
      }
      if (typed.op == "BitCast") typed.attributes.set("to", static_cast<std::int64_t>(code));
      const auto outcome = try_call([&] { return run(typed); });
      if (!outcome) FAIL_CHECK(outcome.error().what());
      if (!outcome || random(typed) || typed.op == "BitCast") continue;
      const auto expected = run(same);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO("output " << i);
        check_alike((*outcome)[i], expected[i], dtype);
      }
      const auto faster = try_call([&] { return run(typed, "cpu"); });
      if (!faster) FAIL_CHECK(faster.error().what());
      if (faster) check_alike((*faster)[0], expected[0], dtype);
    }
  }
}

TEST_CASE("Every operator takes empty tensors", "[ops][samples]") {
  for (const Sample& sample : op_samples()) {
    if (sample.empty.empty()) continue;
    INFO(label(sample.call));
    Call call = sample.call;
    for (const auto& [input, axis] : sample.empty) {
      call.inputs[input] = emptied(call.inputs[input].tensor(), axis);
    }
    for (const char* backend : {"reference", "cpu"}) {
      const auto outcome = try_call([&] { return run(call, backend); });
      if (!outcome) FAIL_CHECK(outcome.error().what());
      if (outcome) CHECK((*outcome)[0].has_value());
    }
  }
}

TEST_CASE("No operator reads or writes what an empty axis has not", "[ops][samples]") {
  // Whether an Error or an answer: the sanitizers watch.
  for (const Sample& sample : op_samples()) {
    INFO(label(sample.call));
    for (std::size_t input = 0; input < sample.call.inputs.size(); ++input) {
      if (!sample.call.inputs[input].has_value()) continue;
      const Tensor& whole = sample.call.inputs[input].tensor();
      for (int axis = 0; axis < whole.rank(); ++axis) {
        Call call = sample.call;
        call.inputs[input] = emptied(whole, axis);
        for (const char* backend : {"reference", "cpu"}) {
          const auto outcome = try_call([&] { return run(call, backend); });
          if (!outcome) CHECK(outcome.error().code() != ErrorCode::internal);
        }
      }
      Call scalar = sample.call;
      scalar.inputs[input] = Tensor::zeros(whole.dtype(), {});
      const auto outcome = try_call([&] { return run(scalar, "cpu"); });
      if (!outcome) CHECK(outcome.error().code() != ErrorCode::internal);
    }
  }
}

TEST_CASE("Elementwise operators take scalars", "[ops][samples]") {
  for (const Sample& sample : op_samples()) {
    if (!sample.scalar) continue;
    INFO(label(sample.call));
    Call scalar = sample.call, vector = sample.call;
    for (std::size_t i = 0; i < scalar.inputs.size(); ++i) {
      Tensor first(sample.call.inputs[i].tensor().dtype(), {1});
      const Tensor& whole = sample.call.inputs[i].tensor();
      if (whole.dtype() == DType::string) {
        first.as_mutable<std::string>()[0] = whole.as<std::string>()[0];
      } else {
        std::memcpy(first.mutable_data(), whole.data(), first.bytes());
      }
      // A bound stays the scalar that it must be.
      if (scalar.inputs[i].tensor().rank() > 0) vector.inputs[i] = first;
      scalar.inputs[i] = first.reshaped({});
    }
    for (const char* backend : {"reference", "cpu"}) {
      const auto y = run(scalar, backend)[0].tensor();
      CHECK(y.rank() == run(vector)[0].tensor().rank() - 1);
      if (!random(scalar)) check_alike(y.reshaped({1}), run(vector)[0], y.dtype());
    }
  }
}

TEST_CASE("Inputs broadcast as if they had been expanded", "[ops][samples]") {
  for (const Sample& sample : op_samples()) {
    if (!sample.broadcasts) continue;
    INFO(label(sample.call));
    Call expanded = sample.call;
    Shape shape;
    for (const Value& input : sample.call.inputs) {
      shape = broadcast(shape, input.tensor().shape());
    }
    for (Value& input : expanded.inputs) {
      const Int64s dims(shape.begin(), shape.end());
      const Tensor to = Tensor::copy_of(std::span<const std::int64_t>(dims), {shape.rank()});
      input = run(call("Expand", {input, to}))[0];
    }
    for (const char* backend : {"reference", "cpu"}) {
      const auto y = run(sample.call, backend)[0];
      check_alike(y, run(expanded)[0], y.tensor().dtype());
    }
  }
}

TEST_CASE("A negative axis counts from the end", "[ops][samples]") {
  int axes = 0;
  for (const Sample& sample : op_samples()) {
    INFO(label(sample.call));
    const Attribute* attribute = sample.call.attributes.find("axis");
    if (attribute == nullptr && sample.axes_input < 0) continue;
    const auto expected = run(sample.call);
    Call negative = sample.call;
    const std::string& op = negative.op;
    const std::int64_t rank = op == "Unsqueeze"       ? expected[0].tensor().rank()
                              : op == "QLinearConcat" ? negative.inputs[2].tensor().rank()
                                                      : negative.inputs[0].tensor().rank();
    if (attribute != nullptr) {
      negative.attributes.set("axis", std::get<std::int64_t>(*attribute) - rank);
    } else {
      const auto input = static_cast<std::size_t>(sample.axes_input);
      Tensor moved = negative.inputs[input].tensor().clone();
      for (std::int64_t& axis : moved.as_mutable<std::int64_t>()) axis -= rank;
      negative.inputs[input] = moved;
    }
    for (const char* backend : {"reference", "cpu"}) {
      check_alike(run(negative, backend)[0], expected[0], DType::float32);
    }
    ++axes;
  }
  CHECK(axes > 25);
}
