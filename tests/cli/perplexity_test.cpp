// What fewer bits cost a small language model, by the perplexity of a text that it was neither
// trained on nor calibrated with.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "cases/perplexity.hpp"
#include "recorded_case.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using Tokens = std::vector<std::int64_t>;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Merges neighbours, the pair of the best score first, as SentencePiece's byte pair encoding does.
class Vocabulary {
 public:
  explicit Vocabulary(const std::filesystem::path& path) {
    for (const auto& piece : nlohmann::json::parse(text_of(path))) {
      pieces_.push_back(piece["bytes"]);
      scores_.push_back(piece["score"]);
      ids_.emplace(pieces_.back(), std::ssize(pieces_) - 1);
    }
  }

  Tokens encode(const std::string& text) const {
    constexpr std::int64_t begin_of_text = 1, first_byte = 3;
    Tokens tokens{ids_.at(" ")};
    for (const char letter : text) {
      const auto known = ids_.find(std::string(1, letter));
      tokens.push_back(known != ids_.end() ? known->second
                                           : first_byte + static_cast<unsigned char>(letter));
    }
    for (;;) {
      std::size_t best = tokens.size();
      std::int64_t merged = 0;
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        const auto pair = ids_.find(piece(tokens[i]) + piece(tokens[i + 1]));
        if (pair == ids_.end()) continue;
        if (best < tokens.size() && score(pair->second) <= score(merged)) continue;
        best = i, merged = pair->second;
      }
      if (best == tokens.size()) break;
      tokens[best] = merged;
      tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
    tokens.insert(tokens.begin(), begin_of_text);
    return tokens;
  }

 private:
  const std::string& piece(std::int64_t id) const { return pieces_[static_cast<std::size_t>(id)]; }
  double score(std::int64_t id) const { return scores_[static_cast<std::size_t>(id)]; }

  std::vector<std::string> pieces_;
  std::vector<double> scores_;
  std::map<std::string, std::int64_t> ids_;
};

constexpr const char* held_text =
    "One day, a boy named Tom went to the beach with his dad. The sun was hot and the sand was "
    "soft. Tom wanted to build a big castle. He took his blue bucket and ran to the water. \"Be "
    "careful!\" said his dad. Tom filled the bucket and came back. He made a wall, and then a "
    "tower. "
    "A little crab came out of the sand and looked at him. \"Hello, crab,\" said Tom. \"Do you "
    "want to "
    "live in my castle?\" The crab walked into the door and sat down. Tom was very happy. He "
    "showed "
    "the crab to his dad and they both laughed. When it was time to go home, Tom said goodbye to "
    "the "
    "crab. \"I will come back tomorrow,\" he said. The next morning, the castle was gone. The "
    "water "
    "had washed it away. Tom felt sad, but then he saw the crab near a rock. \"We can make a new "
    "house,\" said Tom. They worked all day, and the new house was even better than the old one.\n"
    "Anna had a small garden behind her house. Every morning she gave water to the flowers and "
    "talked to the birds. One day she found a tiny seed on the ground. She did not know what it "
    "was. "
    "She put it in the soil and waited. After a few days a green leaf came up. It grew and grew "
    "until "
    "it was taller than Anna. Her mom came to see it. \"What a big plant!\" she said. Soon there "
    "were "
    "yellow flowers, and many bees came to visit. Anna shared the seeds with her friends, and all "
    "of "
    "them had tall flowers in their gardens.";

/// Texts that the model writes by chance, in batches, as samples of such.
std::vector<CalibrationSample> written_by(const Model& model, std::size_t batches) {
  constexpr std::int64_t batch = 16, length = 128;
  const auto input = [&](std::string_view name) {
    for (const Model::Port& port : model.inputs()) {
      if (port.name == name) return port.type;
    }
    throw Error(ErrorCode::not_found, std::string(name));
  };
  Shape no_past;
  for (const Dim& dim : input("past_k").dims) no_past.push_back(dim.known() ? dim.value : batch);
  no_past[3] = 0;
  std::mt19937 engine(1);
  std::uniform_real_distribution<double> draw(0, 1);
  Session session(model);
  std::vector<CalibrationSample> samples;
  for (std::size_t i = 0; i < batches; ++i) {
    Tensor text(DType::int64, {batch, length}), places(DType::int64, {batch, length});
    Tensor last(DType::int64, {batch, 1}), place(DType::int64, {batch, 1});
    std::fill_n(last.as_mutable<std::int64_t>().begin(), batch, 1);
    Value keys = Tensor::zeros(DType::float32, no_past), values = keys;
    for (std::int64_t t = 0; t < length; ++t) {
      for (std::int64_t row = 0; row < batch; ++row) {
        const auto at = static_cast<std::size_t>(row * length + t);
        text.as_mutable<std::int64_t>()[at] =
            last.as<std::int64_t>()[static_cast<std::size_t>(row)];
        places.as_mutable<std::int64_t>()[at] = t;
      }
      std::fill_n(place.as_mutable<std::int64_t>().begin(), batch, t);
      const std::vector<NamedValue> inputs{
          {"input_ids", last}, {"position_ids", place}, {"past_k", keys}, {"past_v", values}};
      const Outputs outputs = session.run(std::span<const NamedValue>(inputs));
      const auto logits = outputs["logits"].as<float>();
      const std::size_t words = logits.size() / batch;
      Tensor next(DType::int64, {batch, 1});
      for (std::size_t row = 0; row < batch; ++row) {
        const auto scores = logits.subspan(row * words, words);
        const float most = *std::max_element(scores.begin(), scores.end());
        std::vector<double> sums(words);
        double sum = 0;
        for (std::size_t word = 0; word < words; ++word) {
          sums[word] = sum += std::exp(static_cast<double>(scores[word] - most));
        }
        const auto chosen = std::upper_bound(sums.begin(), sums.end(), draw(engine) * sum);
        next.as_mutable<std::int64_t>()[row] =
            std::min<std::int64_t>(chosen - sums.begin(), std::ssize(sums) - 1);
      }
      last = next;
      keys = outputs.value(1), values = outputs.value(2);
    }
    samples.push_back({{"input_ids", text},
                       {"position_ids", places},
                       {"past_k", Tensor::zeros(DType::float32, no_past)},
                       {"past_v", Tensor::zeros(DType::float32, no_past)}});
  }
  return samples;
}

/// exp of the mean divergence of the answers to texts from those of `model`, less 1: what the
/// perplexity of text that `model` writes rises by, without the chance that single words have in
/// it.
double expected_rise(const Model& model, const Model& other,
                     const std::vector<CalibrationSample>& texts) {
  Session a(model), b(other);
  double divergence = 0;
  std::size_t count = 0;
  for (const CalibrationSample& text : texts) {
    std::vector<NamedValue> inputs;
    for (const auto& [name, value] : text) inputs.emplace_back(name, value);
    const Outputs wanted = a.run(std::span<const NamedValue>(inputs));
    const Outputs got = b.run(std::span<const NamedValue>(inputs));
    const auto u = wanted["logits"].as<float>(), v = got["logits"].as<float>();
    const auto words = static_cast<std::size_t>(wanted["logits"].shape().back());
    for (std::size_t first = 0; first < u.size(); first += words, ++count) {
      double of_u = 0, of_v = 0;
      for (std::size_t i = first; i < first + words; ++i) {
        of_u += std::exp(static_cast<double>(u[i])), of_v += std::exp(static_cast<double>(v[i]));
      }
      const double shift = std::log(of_v / of_u);
      for (std::size_t i = first; i < first + words; ++i) {
        divergence += std::exp(static_cast<double>(u[i])) / of_u *
                      (static_cast<double>(u[i]) - static_cast<double>(v[i]) + shift);
      }
    }
  }
  return std::exp(divergence / static_cast<double>(count)) - 1;
}

}  // namespace

TEST_CASE("perplexity: few bits cost a language model little", "[compare][data][models]") {
  REQUIRE_TEST_DATA(data);
  const std::filesystem::path folder = data / "models/stories260k";
  const Vocabulary vocabulary(folder / "tok512.json");
  const Model model = Model::load(folder / "stories260K_kv.onnx");
  const Tokens told = vocabulary.encode(text_of(folder / "expected_200steps_upstream.txt"));
  // The encoding is that of the model.
  const Value recorded = read_inputs(model, folder / "test_data_set_prefill64")[0];
  const auto first = recorded.tensor().as<std::int64_t>();
  REQUIRE(std::equal(first.begin(), first.end(), told.begin()));

  const Tokens held = vocabulary.encode(held_text);
  REQUIRE(held.size() > 500);
  const auto perplexity = [&](const ModelOptions& options) {
    Session session(Model::load(folder / "stories260K_kv.onnx", options));
    return cases::token_loss(session, held, 256).perplexity();
  };
  const double in_float = perplexity({});
  const std::vector<CalibrationSample> written = written_by(model, 14);
  const std::vector<CalibrationSample> samples(written.begin(), written.begin() + 10);
  const std::vector<CalibrationSample> fresh(written.begin() + 10, written.end());
  struct Rise {
    double of_text, expected;
  };
  const auto rise = [&](Precision precision, bool weights_only, bool has_samples) {
    ModelOptions options;
    options.precision = precision;
    options.quantization.weights_only = weights_only;
    if (has_samples) options.calibration = samples;
    const Model small = Model::load(folder / "stories260K_kv.onnx", options);
    Session session(small);
    return Rise{cases::token_loss(session, held, 256).perplexity() / in_float - 1,
                expected_rise(model, small, fresh)};
  };
  const auto check = [&](const char* name, const Rise& one, double most, double most_expected) {
    CAPTURE(name, held.size(), in_float, one.of_text, one.expected);
    CHECK(one.of_text <= most);
    CHECK(one.expected <= most_expected);
    return one;
  };
  check("float16", rise(Precision::f16, false, false), 0.001, 0.0001);
  check("bfloat16", rise(Precision::bf16, false, false), 0.005, 0.001);
  check("int8", rise(Precision::int8, false, true), 0.03, 0.015);
  check("int8 of each run", rise(Precision::int8, false, false), 0.005, 0.002);
  check("int8 weights", rise(Precision::int8, true, false), 0.005, 0.001);
  const Rise nearest = check("int4", rise(Precision::int4, true, false), 0.2, 0.2);
  const Rise rounded = check("int4 with samples", rise(Precision::int4, true, true), 0.08, 0.08);
  CHECK(rounded.expected < 0.6 * nearest.expected);
}
