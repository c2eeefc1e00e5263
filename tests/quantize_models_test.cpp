// Real models in int8: what their answers are used for stays as it is in float.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "recorded_case.hpp"

using namespace inlay;
using test::read_inputs;

namespace {

namespace fs = std::filesystem;

/// What is wrong with the answers in int8; nothing if they are good.
using Judge = std::string (*)(const Outputs& wanted, const Outputs& got);

struct Box {
  float left, top, right, bottom;
};

double intersection_over_union(const Box& a, const Box& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const auto area = [](const Box& box) {
    return static_cast<double>(box.right - box.left) * (box.bottom - box.top);
  };
  return width * height / (area(a) + area(b) - width * height);
}

std::ptrdiff_t argmax(std::span<const float> values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

/// Share of rows of `classes` numbers whose largest is at the same place.
double agreement(const Tensor& wanted, const Tensor& got) {
  const auto classes = static_cast<std::size_t>(wanted.dim(wanted.rank() - 1));
  const auto u = wanted.as<float>(), v = got.as<float>();
  std::size_t same = 0;
  for (std::size_t i = 0; i < u.size(); i += classes) {
    same += argmax(u.subspan(i, classes)) == argmax(v.subspan(i, classes));
  }
  return static_cast<double>(same * classes) / static_cast<double>(u.size());
}

std::string same_class(const Outputs& wanted, const Outputs& got) {
  return argmax(wanted[0].as<float>()) == argmax(got[0].as<float>()) ? "" : "another class";
}

template <int Percent, int Output>
std::string same_classes(const Outputs& wanted, const Outputs& got) {
  const double share = agreement(wanted[Output], got[Output]);
  return share * 100 >= Percent ? "" : std::to_string(share) + " of the classes are the same";
}

std::string same_bytes(const Outputs& wanted, const Outputs& got) {
  const auto u = wanted[0].as<std::uint8_t>(), v = got[0].as<std::uint8_t>();
  return std::equal(u.begin(), u.end(), v.begin(), v.end()) ? "" : "another text";
}

/// Boxes that are found in float, by what int8 makes of them.
std::string compare_box(std::size_t i, const Box& wanted, const Box& got, float score) {
  const double overlap = intersection_over_union(wanted, got);
  if (overlap >= 0.9 && score >= 0.5f) return "";
  return "box " + std::to_string(i) + ": overlap " + std::to_string(overlap) + ", score " +
         std::to_string(score) + "; ";
}

/// UltraFace: scores [1, n, 2], boxes [1, n, 4]; a face from 0.7 on.
std::string same_faces(const Outputs& wanted, const Outputs& got) {
  const auto scores = wanted["scores"].as<float>(), others = got["scores"].as<float>();
  const auto boxes = wanted["boxes"].as<float>(), moved = got["boxes"].as<float>();
  std::string wrong;
  for (std::size_t i = 0; i < scores.size() / 2; ++i) {
    const auto box = [&](std::span<const float> of) {
      return Box{of[4 * i], of[4 * i + 1], of[4 * i + 2], of[4 * i + 3]};
    };
    if (scores[2 * i + 1] >= 0.7f)
      wrong += compare_box(i, box(boxes), box(moved), others[2 * i + 1]);
    if (scores[2 * i + 1] < 0.3f && others[2 * i + 1] > 0.7f) wrong += "a face that is none; ";
  }
  return wrong;
}

/// YuNet: class and object scores and boxes by stride; the score is their geometric mean.
std::string same_yunet_faces(const Outputs& wanted, const Outputs& got) {
  std::string wrong;
  for (const int stride : {8, 16, 32}) {
    const std::string level = "_" + std::to_string(stride);
    const auto size = static_cast<std::size_t>(320 / stride);
    const auto score = [&](const Outputs& of, std::size_t i) {
      return std::sqrt(of["cls" + level].as<float>()[i] * of["obj" + level].as<float>()[i]);
    };
    const auto box = [&](const Outputs& of, std::size_t i) {
      const float* t = of["bbox" + level].as<float>().data() + 4 * i;
      const float x = static_cast<float>(i % size) + t[0], y = static_cast<float>(i / size) + t[1];
      const float w = std::exp(t[2]) / 2, h = std::exp(t[3]) / 2;
      return Box{x - w, y - h, x + w, y + h};
    };
    for (std::size_t i = 0; i < size * size; ++i) {
      if (score(wanted, i) >= 0.6f)
        wrong += compare_box(i, box(wanted, i), box(got, i), score(got, i));
      if (score(wanted, i) < 0.3f && score(got, i) > 0.6f) wrong += "a face that is none; ";
    }
  }
  return wrong;
}

/// YOLOX at 416: [1, anchors, 85] of box, object and 80 class scores, anchors by strides 8, 16, 32.
std::string same_objects(const Outputs& wanted, const Outputs& got) {
  const auto u = wanted[0].as<float>(), v = got[0].as<float>();
  std::string wrong;
  std::size_t i = 0;
  for (const int stride : {8, 16, 32}) {
    const auto size = static_cast<std::size_t>(416 / stride);
    for (std::size_t cell = 0; cell < size * size; ++cell, ++i) {
      const auto box = [&](std::span<const float> of) {
        const float x = static_cast<float>(cell % size) + of[0];
        const float y = static_cast<float>(cell / size) + of[1];
        const float w = std::exp(of[2]) / 2, h = std::exp(of[3]) / 2;
        return Box{x - w, y - h, x + w, y + h};
      };
      const auto a = u.subspan(85 * i, 85), b = v.subspan(85 * i, 85);
      const auto kind = static_cast<std::size_t>(argmax(a.subspan(5)));
      if (a[4] * a[5 + kind] < 0.6f) continue;
      wrong += compare_box(i, box(a), box(b), b[4] * b[5 + kind]);
      if (static_cast<std::size_t>(argmax(b.subspan(5))) != kind) wrong += "another class; ";
    }
  }
  return wrong;
}

/// PaddleOCR: a map of where text is, from 0.3 on.
std::string same_text(const Outputs& wanted, const Outputs& got) {
  const auto u = wanted[0].as<float>(), v = got[0].as<float>();
  double both = 0, either = 0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    both += u[i] > 0.3f && v[i] > 0.3f;
    either += u[i] > 0.3f || v[i] > 0.3f;
  }
  return both >= 0.9 * either ? "" : std::to_string(both / either) + " of the text is the same";
}

std::string same_speech(const Outputs& wanted, const Outputs& got) {
  const float difference = std::abs(wanted[0].as<float>()[0] - got[0].as<float>()[0]);
  return difference <= 0.03f ? "" : "a probability is off by " + std::to_string(difference);
}

/// Sound and masks: the error at least 20 dB below.
std::string same_sound(const Outputs& wanted, const Outputs& got) {
  const auto u = wanted[0].as<float>(), v = got[0].as<float>();
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    error += std::pow(static_cast<double>(u[i]) - v[i], 2);
    norm += std::pow(u[i], 2);
  }
  return error <= norm / 100 ? "" : std::to_string(10 * std::log10(norm / error)) + " dB";
}

struct AccuracyCase {
  const char* model;
  const char* cases;  ///< what their folders' names begin with
  Judge judge;
  bool is_picture = false;  ///< calibrated on the pictures mirrored, so as to judge unseen ones
  double max_error = 0;
  double least_coded = 0.5;  ///< share of the nodes, at least
};

constexpr AccuracyCase accuracy_cases[] = {
    {"squeezenet_fp32/squeezenet_fp32.onnx", "", same_class, true, 0.05},
    {"mnist/mnist.onnx", "", same_class},
    {"magika/model.onnx", "", same_classes<100, 0>},
    {"ultraface/version-RFB-320.onnx", "", same_faces, true},
    {"yunet/yunet_n_320_320.onnx", "", same_yunet_faces, true},
    {"yolox_nano/yolox_nano.onnx", "", same_objects, true, 0.1},
    {"deeplab_v3/deeplab_v3_1_default_1.onnx", "", same_classes<95, 0>},
    {"ppocr_det/text_detection_en_ppocrv3_fixed.onnx", "", same_text, true},
    {"silero_vad/silero_vad_16k_op15.onnx", "silero_vad_16k_op15", same_speech},
    {"dtln/model_1.onnx", "model_1", same_sound},
    {"dtln/model_2.onnx", "model_2", same_sound, false, 0.1},
    {"gtcrn/gtcrn_simple.onnx", "gtcrn_simple", same_sound, false, 0.1},
    {"libtashkeel/model_fp32.onnx", "fp32", same_bytes},
    {"rxnmapper/albert_rxnmapper.onnx", "", same_classes<95, 0>, false, 0.05, 0.02},
};

/// Left and right of an input [..., width] swapped.
Value mirrored(const Value& value) {
  Tensor tensor = value.tensor().clone();
  const auto width = static_cast<std::ptrdiff_t>(tensor.dim(tensor.rank() - 1));
  const auto pixels = tensor.as_mutable<float>();
  for (auto row = pixels.begin(); row != pixels.end(); row += width) std::reverse(row, row + width);
  return tensor;
}

std::vector<std::vector<Value>> inputs_of(const Model& model, const fs::path& folder,
                                          const std::string& start) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("test_data_set_" + start)) {
      folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  std::vector<std::vector<Value>> inputs;
  for (const fs::path& one : folders) inputs.push_back(read_inputs(model, one));
  return inputs;
}

}  // namespace

TEST_CASE("real models in int8 are as useful as in float", "[models][quantize]") {
  REQUIRE_TEST_DATA(data);
  for (const AccuracyCase& one : accuracy_cases) {
    const fs::path file = data / "models" / one.model;
    const Model model = Model::load(file);
    const auto cases = inputs_of(model, file.parent_path(), one.cases);
    REQUIRE(!cases.empty());
    std::vector<CalibrationSample> samples;
    for (const std::vector<Value>& inputs : cases) {
      CalibrationSample& sample = samples.emplace_back();
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        sample.emplace_back(model.inputs()[i].name,
                            one.is_picture ? mirrored(inputs[i]) : inputs[i]);
      }
    }
    ModelOptions options;
    options.precision = Precision::int8;
    options.calibration = samples;
    options.quantization.max_error = one.max_error;
    const Model coded = Model::load(file, options);
    const auto& nodes = coded.quantization_report().nodes;
    const auto count = std::count_if(nodes.begin(), nodes.end(), [](const QuantizedNode& node) {
      return node.precision == Precision::int8;
    });
    CAPTURE(count, nodes.size());
    CHECK(static_cast<double>(count) >= one.least_coded * static_cast<double>(nodes.size()));
    Session in_float(model), in_codes(coded);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const std::span<const Value> inputs(cases[i]);
      INFO(one.model << ", case " << i);
      CHECK(one.judge(in_float.run(inputs), in_codes.run(inputs)) == "");
    }
  }
}
