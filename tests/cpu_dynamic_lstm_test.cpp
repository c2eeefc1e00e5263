// LSTMs on codes of what comes in, as the reference backend computes them.
#include "call_allocations.hpp"
#include "cpu_support.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::random_tensor;
using test::with;

namespace {

struct LstmShape {
  std::int64_t steps, batch, inputs, hidden;
};

template <class T>
Call lstm(std::mt19937& engine, const LstmShape& shape, const char* direction, bool by_column,
          bool with_state) {
  const std::int64_t directions = std::string(direction) == "bidirectional" ? 2 : 1;
  const std::int64_t steps = shape.steps, batch = shape.batch, inputs = shape.inputs;
  const std::int64_t hidden = shape.hidden;
  const auto codes = [&](std::int64_t rows) {
    return random_tensor<T>(engine, {directions, rows, 4 * hidden}, std::numeric_limits<T>::min(),
                            std::numeric_limits<T>::max());
  };
  const Shape scales = by_column ? Shape{directions, 4 * hidden} : Shape{directions};
  const auto zeros = [&] { return random_tensor<T>(engine, scales, 0, 3); };
  const auto scale = [&] { return random_tensor(engine, scales, 0.002, 0.004); };
  Call call{.op = "DynamicQuantizeLSTM",
            .inputs = {random_tensor(engine, {steps, batch, inputs}), codes(inputs), codes(hidden)},
            .attributes = with({{"direction", std::string(direction)}, {"hidden_size", hidden}}),
            .domain = "com.microsoft",
            .version = 1,
            .outputs = 3,
            .constants = {1, 2}};
  const Shape state{directions, batch, hidden};
  std::vector<Value> others(5);
  if (with_state) {
    others = {random_tensor(engine, {directions, 8 * hidden}), Value(),
              random_tensor(engine, state), random_tensor(engine, state),
              random_tensor(engine, {directions, 3 * hidden})};
  }
  call.inputs.insert(call.inputs.end(), others.begin(), others.end());
  call.inputs.insert(call.inputs.end(), {scale(), zeros(), scale(), zeros()});
  return call;
}

}  // namespace

TEST_CASE("cpu: DynamicQuantizeLSTM", "[cpu]") {
  std::mt19937 engine(1);
  // A state that is rounded the other way moves by one code.
  constexpr double one_code = 0.01;
  for (const LstmShape& shape :
       {LstmShape{1, 1, 1, 1}, {3, 2, 5, 7}, {4, 1, 40, 33}, {2, 5, 129, 64}, {0, 1, 4, 4}}) {
    for (const char* direction : {"forward", "reverse", "bidirectional"}) {
      for (const bool flag : {false, true}) {
        CAPTURE(shape.steps, shape.batch, shape.inputs, shape.hidden, direction, flag);
        check(lstm<std::int8_t>(engine, shape, direction, flag, flag), one_code);
        check(lstm<std::uint8_t>(engine, shape, direction, flag, !flag), one_code);
      }
    }
  }
}

TEST_CASE("cpu: DynamicQuantizeLSTM clips", "[cpu]") {
  std::mt19937 engine(2);
  Call call = lstm<std::int8_t>(engine, {3, 2, 30, 20}, "forward", true, true);
  call.attributes.set("clip", 0.5f);
  check(call, 0.01);
}

TEST_CASE("LSTMs on codes allocate nothing", "[cpu][bind]") {
  std::mt19937 engine(3);
  CHECK(test::allocations(lstm<std::int8_t>(engine, {5, 2, 30, 20}, "bidirectional", true, true),
                          "cpu") == 0);
}
