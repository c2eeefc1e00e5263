// The real models: no allocation in steady state, the same bits on any number of threads.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "allocation_counter.hpp"
#include "recorded_case.hpp"

using namespace inlay;
using test::read_inputs;

namespace {

struct ModelCase {
  const char* model;
  const char* inputs;
};

constexpr ModelCase static_float_models[] = {
    {"deeplab_v3/deeplab_v3_1_default_1.onnx", "deeplab_v3/test_data_set_chelsea"},
    {"dtln/model_1.onnx", "dtln/test_data_set_model_1_block0"},
    {"dtln/model_2.onnx", "dtln/test_data_set_model_2_block0"},
    {"fastestdet/FastestDet.onnx", "fastestdet/test_data_set_chelsea"},
    {"gtcrn/gtcrn.onnx", "gtcrn/test_data_set_gtcrn_frame0"},
    {"gtcrn/gtcrn_simple.onnx", "gtcrn/test_data_set_gtcrn_simple_frame0"},
    {"mnist/mnist.onnx", "mnist/test_data_set_0"},
    {"squeezenet_fp16/SqueezeNet_fp16.onnx", "squeezenet_fp16/test_data_set_goldfish"},
    {"squeezenet_fp32/squeezenet_fp32.onnx", "squeezenet_fp32/test_data_set_goldfish"},
    {"ultraface/version-RFB-320.onnx", "ultraface/test_data_set_RFB320_astronaut"},
    {"yolox_nano/yolox_nano.onnx", "yolox_nano/test_data_set_chelsea"},
    {"yunet/yunet_n_320_320.onnx", "yunet/test_data_set_astronaut"},
};

constexpr ModelCase dynamic_models[] = {
    {"libtashkeel/model_fp32.onnx", "libtashkeel/test_data_set_fp32_22"},
    {"rxnmapper/albert_rxnmapper.onnx", "rxnmapper/test_data_set_0"},
    {"silero_vad/silero_vad.onnx", "silero_vad/test_data_set_silero_vad_jfk_chunk20"},
    {"stories260k/stories260K_kv.onnx", "stories260k/test_data_set_prefill64"},
};

/// The model with every float32 made float64.
Graph in_float64(Graph graph) {
  for (ValueInfo& value : graph.values) {
    if (value.type.dtype == DType::float32) value.type.dtype = DType::float64;
    if (!value.is_constant() || value.constant.dtype() != DType::float32) continue;
    Tensor wide(DType::float64, value.constant.shape());
    const auto from = value.constant.as<float>();
    std::copy(from.begin(), from.end(), wide.as_mutable<double>().begin());
    value.constant = wide;
  }
  for (Node& node : graph.nodes) {
    if (node.is("Cast") && node.attributes.integer("to", 0) == 1) {
      node.attributes.set("to", std::int64_t{11});
    }
  }
  return graph;
}

/// The largest difference in units of what is allowed (atol 1e-4 + rtol 1e-3 of `recorded`).
template <class T>
double error(std::span<const T> values, std::span<const double> exact,
             std::span<const float> recorded) {
  double worst = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double allowed = 1e-4 + 1e-3 * std::abs(static_cast<double>(recorded[i]));
    worst = std::max(worst, std::abs(static_cast<double>(values[i]) - exact[i]) / allowed);
  }
  return worst;
}

bool same_bits(const Outputs& a, const Outputs& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].shape() != b[i].shape()) return false;
    if (std::memcmp(a[i].data(), b[i].data(), a[i].bytes()) != 0) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("bound runs of the static float models allocate nothing", "[models][bound]") {
  REQUIRE_TEST_DATA(data);
  for (const auto& [file, inputs_folder] : static_float_models) {
    const Model model = Model::load(data / "models" / file);
    const std::vector<Value> inputs = test::read_inputs(model, data / "models" / inputs_folder);
    Session session(model);
    std::vector<NamedValue> named;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      named.emplace_back(model.inputs()[i].name, inputs[i]);
    }
    BoundRun bound = session.bind(named);
    bound.run();
    std::size_t allocated = 0;
    {
      const test::AllocationCounter counter;
      for (int repeat = 0; repeat < 3; ++repeat) bound.run();
      allocated = counter.count();
    }
    INFO(file);
    CHECK(allocated == 0);
  }
}

TEST_CASE("the models give the same bits on 1, 2 and 4 threads", "[models]") {
  REQUIRE_TEST_DATA(data);
  const auto check = [&](const ModelCase& one) {
    const Model model = Model::load(data / "models" / one.model);
    const std::vector<Value> inputs = test::read_inputs(model, data / "models" / one.inputs);
    Session single(model);
    const Outputs expected = single.run(std::span<const Value>(inputs));
    for (const int threads : {2, 4}) {
      Session session(model, {.threads = threads});
      INFO(one.model << " on " << threads << " threads");
      CHECK(same_bits(session.run(std::span<const Value>(inputs)), expected));
    }
  };
  for (const ModelCase& one : static_float_models) check(one);
  for (const ModelCase& one : dynamic_models) check(one);
}

TEST_CASE("an ill-conditioned case stays nearer to float64 than its recorded answer", "[models]") {
  REQUIRE_TEST_DATA(data);
  const auto file = data / "models/rxnmapper/albert_rxnmapper.onnx";
  const auto folder = data / "models/rxnmapper/test_data_set_batch2_padded";
  const Model model = Model::load(file);
  const std::vector<Value> inputs = test::read_inputs(model, folder);
  const auto logits = [&](const Model& of) {
    Session session(of);
    return session.run(std::span<const Value>(inputs));
  };
  ModelOptions options;
  options.backends = {"reference"};
  const Outputs exact =
      logits(Model::from_graph(in_float64(read_graph(*file_reader(file))), options));
  const Outputs ours = logits(model);
  const Value recorded = test::read_recorded(folder / "output_0.pb", model.outputs()[0].type);
  const auto expected = recorded.tensor().as<float>();
  const double recorded_error = error(expected, exact[0].as<double>(), expected);
  CHECK(recorded_error > 1);
  CHECK(error(ours[0].as<float>(), exact[0].as<double>(), expected) < recorded_error);
}
