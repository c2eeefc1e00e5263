#include <complex>
#include <numbers>
#include <numeric>

#include "call_allocations.hpp"
#include "ops_support.hpp"
#include "typed_graph.hpp"

using namespace inlay;
using namespace inlay::test;

namespace {

using L = std::int64_t;
using Complex = std::complex<double>;

Tensor number(L value) { return Tensor::scalar(value); }
const Attributes::Item inverse{"inverse", L{1}};
const Attributes::Item onesided{"onesided", L{1}};

/// The definition, term by term.
std::vector<Complex> slow_dft(const std::vector<Complex>& x) {
  const auto n = static_cast<L>(x.size());
  std::vector<Complex> y(x.size());
  for (L k = 0; k < n; ++k) {
    for (L i = 0; i < n; ++i) {
      const double angle = -2 * std::numbers::pi * static_cast<double>(k * i % n) / double(n);
      y[static_cast<std::size_t>(k)] += x[static_cast<std::size_t>(i)] * std::polar(1.0, angle);
    }
  }
  return y;
}

std::vector<Complex> complexes(const Tensor& tensor) {
  const auto parts = tensor.as<double>();
  std::vector<Complex> result;
  for (std::size_t i = 0; i < parts.size(); i += 2) result.emplace_back(parts[i], parts[i + 1]);
  return result;
}

double largest_difference(const std::vector<Complex>& a, const std::vector<Complex>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

TEST_CASE("DFT of real and complex signals, there and back", "[ops][signal]") {
  const Tensor real = Tensor::copy_of<float>({1, 2, 3, 4}, {1, 4, 1});
  const std::vector<float> spectrum{10, 0, -2, 2, -2, 0, -2, -2};
  check<float>(run(call("DFT", {real}))[0], {1, 4, 2}, spectrum);
  check<float>(run(call("DFT", {real}, {onesided}))[0], {1, 3, 2}, {10, 0, -2, 2, -2, 0});
  const Tensor frequencies = view(spectrum, {1, 4, 2});
  check<float>(run(call("DFT", {frequencies}, {inverse}))[0], {1, 4, 2}, {1, 0, 2, 0, 3, 0, 4, 0});
  const Tensor half = Tensor::copy_of<float>({10, 0, -2, 2, -2, 0}, {1, 3, 2});
  check<float>(run(call("DFT", {half}, {inverse, onesided}))[0], {1, 4, 1}, {1, 2, 3, 4});
  // Multiplied by i, the signal's spectrum is, too.
  const Tensor turned = Tensor::copy_of<float>({0, 1, 0, 2, 0, 3, 0, 4}, {1, 4, 2});
  check<float>(run(call("DFT", {turned}))[0], {1, 4, 2}, {0, 10, -2, -2, 0, -2, 2, -2});
}

TEST_CASE("DFT takes its axis from an attribute before opset 20", "[ops][signal]") {
  const Tensor x = Tensor::copy_of<float>({1, 2, 3, 4, 5, 6}, {2, 3, 1});
  const std::vector<float> over_rows{5, 0, 7, 0, 9, 0, -3, 0, -3, 0, -3, 0};
  check<float>(run(call("DFT", {x}, {{"axis", L{0}}}, 17))[0], {2, 3, 2}, over_rows);
  check<float>(run(call("DFT", {x}, {{"axis", L{-3}}}, 19))[0], {2, 3, 2}, over_rows);
  check<float>(run(call("DFT", {x, Value(), number(0)}))[0], {2, 3, 2}, over_rows);
  check<float>(run(call("DFT", {x, Value(), number(-3)}))[0], {2, 3, 2}, over_rows);
  // Opset 17 defaults to axis 1, 20 to the last but one: in a tensor of rank 3 both are axis 1.
  const auto old = run(call("DFT", {x}, {}, 17))[0];
  check(run(call("DFT", {x})), old.tensor());
  const Tensor deep = Tensor::copy_of<float>({1, 2, 3, 4, 5, 6}, {1, 2, 3, 1});
  check<float>(run(call("DFT", {deep}, {}, 17))[0], {1, 2, 3, 2}, over_rows);
  check<float>(
      run(call("DFT", {deep}))[0].tensor().reshaped({2, 3, 2}), {2, 3, 2},
      {6, 0, -1.5f, 0.8660254f, -1.5f, -0.8660254f, 15, 0, -1.5f, 0.8660254f, -1.5f, -0.8660254f});
}

TEST_CASE("DFT cuts and pads the signal to dft_length", "[ops][signal]") {
  const Tensor x = Tensor::copy_of<double>({1, 2, 3, 4}, {4, 1});
  check<double>(run(call("DFT", {x, number(2)}))[0], {2, 2}, {3, 0, -1, 0});
  check<double>(
      run(call("DFT", {x, Tensor::scalar<std::int32_t>(8)}, {onesided}))[0], {5, 2},
      {10, 0, -0.41421356237, -7.24264068712, -2, 2, 2.41421356237, -1.24264068712, -2, 0});
  check<double>(run(call("DFT", {x, number(1)}))[0], {1, 2}, {1, 0});
  // Odd lengths of the real inverse have to be asked for.
  const Tensor half = Tensor::copy_of<double>({6, 0, -1.5, 0.86602540378}, {2, 2});
  check<double>(run(call("DFT", {half, number(3)}, {inverse, onesided}))[0], {3, 1}, {1, 2, 3});
  check<double>(run(call("DFT", {half}, {inverse, onesided}))[0], {2, 1}, {2.25, 3.75});
  check<double>(run(call("DFT", {half, number(4)}, {inverse, onesided}))[0], {4, 1},
                {0.75, 1.06698729811, 2.25, 1.93301270189});
}

TEST_CASE("DFT equals its definition at lengths of all kinds", "[ops][signal]") {
  std::mt19937 engine(7);
  std::vector<L> lengths(80);
  std::iota(lengths.begin(), lengths.end(), 1);
  for (const L more : {97, 128, 210, 243, 400, 509, 1024, 1369}) lengths.push_back(more);
  for (const L n : lengths) {
    INFO("length " << n);
    const Tensor x = random_tensor<double>(engine, {n, 2});
    const Tensor y = run(call("DFT", {x}))[0].tensor();
    CHECK(largest_difference(complexes(y), slow_dft(complexes(x))) < 1e-12);
    const Tensor back = run(call("DFT", {y}, {inverse}))[0].tensor();
    CHECK(largest_difference(complexes(back), complexes(x)) < 1e-14);
  }
}

TEST_CASE("DFT of a long prime length", "[ops][signal]") {
  constexpr L n = 100003;
  Tensor x = Tensor::zeros(DType::float64, {1, n, 1});
  x.as_mutable<double>()[2] = 1;
  const auto spectrum = complexes(run(call("DFT", {x}))[0].tensor());
  double worst = 0;
  for (L k = 0; k < n; ++k) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(2 * k % n) / double(n);
    worst =
        std::max(worst, std::abs(spectrum[static_cast<std::size_t>(k)] - std::polar(1.0, angle)));
  }
  CHECK(worst < 1e-12);
}

TEST_CASE("DFT of every floating-point type and of nothing", "[ops][signal]") {
  check<float16>(run(call("DFT", {tensor<float16>({2, 1}, {1, 2})}))[0], {2, 2},
                 {float16(3), float16(0), float16(-1), float16(0)});
  check<bfloat16>(run(call("DFT", {tensor<bfloat16>({2, 1}, {1, 2})}))[0], {2, 2},
                  {bfloat16(3), bfloat16(0), bfloat16(-1), bfloat16(0)});
  check<float>(run(call("DFT", {Tensor(DType::float32, {0, 4, 1})}))[0], {0, 4, 2}, {});
  check<float>(run(call("DFT", {Tensor(DType::float32, {2, 0, 1})}))[0], {2, 0, 2}, {});
  check<float>(run(call("DFT", {Tensor(DType::float32, {0, 1})}, {onesided}))[0], {1, 2}, {0, 0});
  check<float>(run(call("DFT", {Tensor(DType::float32, {0, 1}), number(2)}))[0], {2, 2},
               {0, 0, 0, 0});
}

TEST_CASE("DFT refuses what cannot be", "[ops][signal]") {
  const Tensor x = Tensor::zeros(DType::float32, {2, 3, 1});
  CHECK_THROWS_AS(run(call("DFT", {x, Value(), number(2)})), Error);
  CHECK_THROWS_AS(run(call("DFT", {x, Value(), number(-1)})), Error);
  CHECK_THROWS_AS(run(call("DFT", {x, Value(), number(3)})), Error);
  CHECK_THROWS_AS(run(call("DFT", {x}, {{"axis", L{2}}}, 17)), Error);
  CHECK_THROWS_AS(run(call("DFT", {x, number(-1)})), Error);
  CHECK_THROWS_AS(run(call("DFT", {x, number(INT64_MAX)})), Error);
  CHECK_THROWS_AS(run(call("DFT", {x, Tensor::copy_of<L>({1, 2})})), Error);
  CHECK_THROWS_AS(run(call("DFT", {x}, {inverse, onesided})), Error);
  CHECK_THROWS_AS(run(call("DFT", {Tensor::zeros(DType::float32, {3, 2})}, {onesided})), Error);
  CHECK_THROWS_AS(run(call("DFT", {Tensor::zeros(DType::float32, {3, 3})})), Error);
  CHECK_THROWS_AS(run(call("DFT", {Tensor::zeros(DType::float32, {3})})), Error);
  CHECK_THROWS_AS(run(call("DFT", {Tensor::zeros(DType::int32, {3, 1})})), Error);
}

TEST_CASE("STFT slides a window over the signal", "[ops][signal]") {
  const Tensor signal = Tensor::copy_of<float>({1, 2, 3, 4, 5, 6, 7}, {1, 7, 1});
  const Tensor two = number(2);
  const Tensor four = Tensor::scalar<std::int32_t>(4);
  // Frames 1 2 3 4 and 3 4 5 6; what is left does not fill a third.
  check<float>(run(call("STFT", {signal, two, Value(), four}))[0], {1, 2, 3, 2},
               {10, 0, -2, 2, -2, 0, 18, 0, -2, 2, -2, 0});
  check<float>(run(call("STFT", {signal, two, Value(), four}, {{"onesided", L{0}}}))[0],
               {1, 2, 4, 2}, {10, 0, -2, 2, -2, 0, -2, -2, 18, 0, -2, 2, -2, 0, -2, -2});
  const Tensor flat = Tensor::copy_of<float>({1, 2, 3, 4, 5, 6, 7}, {1, 7});
  check<float>(run(call("STFT", {flat, two, Value(), four}))[0], {1, 2, 3, 2},
               {10, 0, -2, 2, -2, 0, 18, 0, -2, 2, -2, 0});
  const Tensor window = Tensor::copy_of<float>({0, 1, 1, 0});
  const std::vector<float> windowed{5, 0, -3, -2, 1, 0, 9, 0, -5, -4, 1, 0};
  check<float>(run(call("STFT", {signal, two, window}))[0], {1, 2, 3, 2}, windowed);
  check<float>(run(call("STFT", {signal, two, window, four}))[0], {1, 2, 3, 2}, windowed);
  // Without either, the frame is the whole signal.
  check<float>(run(call("STFT", {signal, two}))[0], {1, 1, 4, 2},
               {28, 0, -3.5f, 7.2678249f, -3.5f, 2.7911569f, -3.5f, 0.79885216f});
}

TEST_CASE("STFT of complex signals, many types and too short ones", "[ops][signal]") {
  const Tensor complex = Tensor::copy_of<double>({1, 1, 2, 2, 3, 3}, {1, 3, 2});
  check<double>(
      run(call("STFT", {complex, number(1), Value(), number(2)}, {{"onesided", L{0}}}))[0],
      {1, 2, 2, 2}, {3, 3, -1, -1, 5, 5, -1, -1});
  CHECK_THROWS_AS(run(call("STFT", {complex, number(1)})), Error);

  const Tensor half = tensor<float16>({1, 2, 1}, {1, 2});
  check<float16>(run(call("STFT", {half, number(1)}))[0], {1, 1, 2, 2},
                 {float16(3), float16(0), float16(-1), float16(0)});
  const Tensor brain = tensor<bfloat16>({1, 2, 1}, {1, 2});
  check<bfloat16>(run(call("STFT", {brain, number(1), tensor<bfloat16>({2}, {2, 1})}))[0],
                  {1, 1, 2, 2}, {bfloat16(4), bfloat16(0), bfloat16(0), bfloat16(0)});

  const Tensor signal = Tensor::zeros(DType::float32, {2, 3, 1});
  check<float>(run(call("STFT", {signal, number(1), Value(), number(4)}))[0], {2, 0, 3, 2}, {});
  check<float>(run(call("STFT", {Tensor(DType::float32, {0, 3, 1}), number(1)}))[0], {0, 1, 2, 2},
               {});
  CHECK_THROWS_AS(run(call("STFT", {signal, number(0)})), Error);
  CHECK_THROWS_AS(run(call("STFT", {signal, number(1), Value(), number(0)})), Error);
  CHECK_THROWS_AS(run(call("STFT", {signal, number(1), Value(), number(-1)})), Error);
  CHECK_THROWS_AS(
      run(call("STFT", {signal, number(1), Tensor::zeros(DType::float32, {2}), number(3)})), Error);
  CHECK_THROWS_AS(run(call("STFT", {signal, number(1), Tensor::zeros(DType::float32, {1, 3})})),
                  Error);
  CHECK_THROWS_AS(run(call("STFT", {Tensor::zeros(DType::float32, {3}), number(1)})), Error);
}

TEST_CASE("STFT gives the same bits on any number of threads", "[ops][signal]") {
  std::mt19937 engine(3);
  const Call stft =
      call("STFT", {random_tensor(engine, {2, 3000, 1}), number(37), Value(), number(400)});
  const Tensor one = run(stft)[0].tensor();
  const Tensor three = run(stft, "reference", 3)[0].tensor();
  CHECK(std::memcmp(one.data(), three.data(), one.bytes()) == 0);
}

TEST_CASE("MelWeightMatrix", "[ops][signal]") {
  const auto mel = [](L bands, L length, L rate, float low, float high,
                      std::initializer_list<Attributes::Item> items = {}) {
    return run(call("MelWeightMatrix",
                    {number(bands), Tensor::scalar(static_cast<std::int32_t>(length)), number(rate),
                     Tensor::scalar(low), Tensor::scalar(high)},
                    items));
  };
  // Six edges at 0, 261, 619, 1111, 1784 and 2706 Hz lie in bins 0, 0, 1, 2, 3 and 5.
  std::vector<float> four(36);
  four[0] = four[5] = four[10] = four[15] = 1;
  four[19] = 0.5f;
  check<float>(mel(4, 16, 8000, 0, 4000)[0], {9, 4}, four);
  check<float>(mel(3, 8, 8192, 0, 100)[0], {5, 3}, {1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  // Edges at 3, 4 and 5, and a wider triangle at 5, 10 and 16.
  const auto dtype = [](DType type) {
    return Attributes::Item{"output_datatype", static_cast<L>(type)};
  };
  std::vector<double> narrow(17);
  narrow[3] = narrow[5] = 0.5;
  narrow[4] = 1;
  check(mel(1, 32, 8000, 700, 2000, {dtype(DType::float64)})[0], {17, 1}, narrow);
  std::vector<bfloat16> wide(33);
  for (std::size_t i = 5; i <= 10; ++i) wide[i] = bfloat16(static_cast<float>(i - 5) / 5);
  for (std::size_t i = 11; i <= 16; ++i) wide[i] = bfloat16(static_cast<float>(16 - i) / 6);
  check(mel(1, 64, 8000, 700, 3000, {dtype(DType::bfloat16)})[0], {33, 1}, wide);
  std::vector<std::int8_t> peaks(17);
  peaks[4] = 1;
  check(mel(1, 32, 8000, 700, 2000, {dtype(DType::int8)})[0], {17, 1}, peaks);
  check<float>(mel(0, 16, 8000, 0, 4000)[0], {9, 0}, {});
  check<float>(mel(1, 0, 8000, 0, 4000)[0], {1, 1}, {1});
  // What lies above half the sample rate has no bin.
  check<float>(mel(1, 2, 10, 20, 2000)[0], {2, 1}, {0, 0});
  CHECK_THROWS_AS(mel(-1, 16, 8000, 0, 4000), Error);
  CHECK_THROWS_AS(mel(4, -1, 8000, 0, 4000), Error);
  CHECK_THROWS_AS(mel(4, 16, 0, 0, 4000), Error);
  CHECK_THROWS_AS(mel(4, 16, 8000, 4000, 0), Error);
  CHECK_THROWS_AS(mel(4, 16, 8000, -1, 4000), Error);
  CHECK_THROWS_AS(mel(4, 16, 8000, 0, NAN), Error);
  CHECK_THROWS_AS(mel(4, 16, 8000, 0, INFINITY), Error);
}

TEST_CASE("transforms of signals allocate nothing once they are warm", "[ops][signal][bind]") {
  const Tensor x = Tensor::zeros(DType::float32, {2, 100, 1});
  CHECK(allocations(call("DFT", {x})) == 0);
  CHECK(allocations(call("DFT", {x, number(101)})) == 0);
  CHECK(allocations(call("STFT", {x, number(7), Tensor::zeros(DType::float32, {20})})) == 0);
  CHECK(allocations(call("MelWeightMatrix", {number(4), number(16), number(8000),
                                             Tensor::scalar(0.0f), Tensor::scalar(4000.0f)})) == 0);
}

TEST_CASE("transforms of signals keep the symbols of axes they do not change", "[ops][infer]") {
  TypedGraph t(20);
  const Dim n = Dim::named("N");
  const auto scalar = [&](L value) {
    return t.graph.add_constant("s" + std::to_string(t.graph.values.size()), Tensor::scalar(value));
  };
  const ValueId x = t.input(DType::float32, {n, 16, Dim::named("M"), 1});
  CHECK(t.type(t.add("DFT", {x})) == "float32[N, 16, M, 2]");
  CHECK(t.type(t.add("DFT", {x}, {onesided})) == "float32[N, 16, ?, 2]");
  CHECK(t.type(t.add("DFT", {x, no_id, scalar(1)}, {onesided})) == "float32[N, 9, M, 2]");
  CHECK(t.type(t.add("DFT", {x, scalar(5), scalar(-4)})) == "float32[5, 16, M, 2]");
  CHECK(t.type(t.add("DFT", {x, t.input(DType::int64, {}), scalar(1)})) == "float32[N, ?, M, 2]");
  CHECK(t.type(t.add("DFT", {x, no_id, t.input(DType::int64, {})})) == "float32[?, ?, ?, 2]");
  const ValueId complex = t.input(DType::float16, {n, 9, 2});
  CHECK(t.type(t.add("DFT", {complex}, {onesided, inverse})) == "float16[N, 16, 1]");

  CHECK_THROWS_AS(t.add("DFT", {complex}, {onesided}), Error);
  CHECK_THROWS_AS(t.add("DFT", {x}, {onesided, inverse}), Error);

  const ValueId signal = t.input(DType::float32, {n, 128, 1});
  const ValueId window = t.input(DType::float32, {16});
  CHECK(t.type(t.add("STFT", {signal, scalar(8), window})) == "float32[N, 15, 9, 2]");
  CHECK(t.type(t.add("STFT", {signal, scalar(8), no_id, scalar(16)}, {{"onesided", L{0}}})) ==
        "float32[N, 15, 16, 2]");
  CHECK(t.type(t.add("STFT", {signal, scalar(8)})) == "float32[N, 1, 65, 2]");
  CHECK(t.type(t.add("STFT", {signal, t.input(DType::int64, {}), window})) ==
        "float32[N, ?, 9, 2]");

  const ValueId hertz = t.input(DType::float32, {});
  CHECK(t.type(t.add("MelWeightMatrix", {scalar(80), scalar(400), scalar(16000), hertz, hertz})) ==
        "float32[201, 80]");
}
