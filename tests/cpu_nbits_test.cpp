// MatMulNBits of the cpu backend against the reference backend.
#include "cpu_support.hpp"

using namespace inlay;
using test::Call;
using test::check;
using test::random_tensor;

namespace {

struct Form {
  std::int64_t n, k, block, bits = 4;
  enum { none, bytes, floats } zeros = none;
  bool bias = false;
};

Call nbits_call(const Shape& a, const Form& form, std::uint32_t seed = 1) {
  std::mt19937 engine(seed);
  const std::int64_t blocks = (form.k + form.block - 1) / form.block;
  std::vector<Value> inputs{
      random_tensor(engine, a),
      random_tensor<std::uint8_t>(engine, {form.n, blocks, form.block * form.bits / 8}, 0, 255),
      random_tensor(engine, {form.n, blocks}, 0.01, 0.02)};
  std::vector<std::size_t> constants{1, 2};
  if (form.zeros != Form::none) {
    constants.push_back(3);
    inputs.push_back(
        form.zeros == Form::bytes
            ? random_tensor<std::uint8_t>(engine, {form.n, (blocks * form.bits + 7) / 8}, 0, 255)
            : random_tensor(engine, {form.n, blocks}, 0, 15));
  }
  if (form.bias) {
    inputs.resize(5);
    inputs.push_back(random_tensor(engine, {form.n}));
  }
  Call call{.op = "MatMulNBits", .inputs = inputs, .domain = "com.microsoft", .version = 1};
  call.constants = constants;
  call.attributes.set("N", form.n);
  call.attributes.set("K", form.k);
  call.attributes.set("block_size", form.block);
  call.attributes.set("bits", form.bits);
  return call;
}

std::string backend_of(const Call& call) {
  ModelOptions options;
  options.optimize = false;
  return std::string(Model::from_graph(test::graph_of(call), options).placements()[0].backend);
}

}  // namespace

TEST_CASE("cpu: MatMulNBits", "[cpu]") {
  for (const Form& form : {Form{.n = 1, .k = 20, .block = 16},
                           Form{.n = 50, .k = 70, .block = 32, .zeros = Form::bytes, .bias = true},
                           Form{.n = 33, .k = 129, .block = 64, .bits = 8},
                           Form{.n = 64, .k = 300, .block = 128, .zeros = Form::floats},
                           Form{.n = 17, .k = 300, .block = 256, .bits = 8, .zeros = Form::bytes},
                           Form{.n = 300, .k = 600, .block = 1024, .bias = true}}) {
    for (Shape a : {Shape{0, 0}, {1, 0}, {0}, {2, 3, 0}, {70, 0}, {9, 1, 2, 0}}) {
      a[a.rank() - 1] = form.k;
      CAPTURE(form.n, form.k, to_string(a));
      check(nbits_call(a, form), 2e-5);
    }
  }
}

TEST_CASE("cpu: threads change no bit of MatMulNBits", "[cpu]") {
  const Form form{.n = 1000, .k = 2000, .block = 32, .zeros = Form::bytes, .bias = true};
  for (const std::int64_t rows : {1, 3, 40}) {
    const Call call = nbits_call({rows, form.k}, form);
    const Tensor one = test::run(call, "cpu", 1)[0].tensor();
    for (const int threads : {2, 3, 16}) {
      const Tensor many = test::run(call, "cpu", threads)[0].tensor();
      REQUIRE(std::memcmp(one.data(), many.data(), one.bytes()) == 0);
    }
  }
}

TEST_CASE("cpu: MatMulNBits of rows that are not finite", "[cpu]") {
  Call call = nbits_call({3, 40}, {.n = 20, .k = 40, .block = 16});
  Tensor a = call.inputs[0].tensor().clone();
  a.as_mutable<float>()[50] = std::numeric_limits<float>::infinity();
  a.as_mutable<float>()[90] = std::numeric_limits<float>::quiet_NaN();
  call.inputs[0] = a;
  check(call, 2e-5);
}

TEST_CASE("cpu: MatMulNBits leaves other forms to the reference", "[cpu]") {
  const Form form{.n = 20, .k = 40, .block = 16};
  const Call call = nbits_call({2, 40}, form);
  REQUIRE(backend_of(call) == "cpu");
  Call open = call;
  open.constants = {1};
  CHECK(backend_of(open) == "reference");
  Call two_bits = call;
  two_bits.attributes.set("bits", std::int64_t{2});
  CHECK(backend_of(two_bits) == "reference");
  Call grouped = call;
  grouped.inputs.resize(5);
  grouped.inputs[4] = Tensor::zeros(DType::int32, {40});
  CHECK(backend_of(grouped) == "reference");
  Call deep = nbits_call({1, 70000}, {.n = 3, .k = 70000, .block = 128});
  CHECK(backend_of(deep) == "reference");
}

TEST_CASE("cpu: MatMulNBits with sizes that do not fit is an Error", "[cpu]") {
  const Form form{.n = 20, .k = 40, .block = 16, .zeros = Form::bytes, .bias = true};
  const Call call = nbits_call({2, 40}, form);
  const auto fails = [&](auto change) {
    Call wrong = call;
    change(wrong);
    CHECK_THROWS_AS(test::run(wrong, "cpu"), Error);
  };
  for (const std::size_t i : {1, 2, 3, 5}) {
    CAPTURE(i);
    fails([&](Call& c) {
      const DType dtype = c.inputs[i].tensor().dtype();
      c.inputs[i] = Tensor::zeros(dtype, {7});
    });
  }
  fails([](Call& c) { c.inputs[0] = Tensor::zeros(DType::float32, {2, 41}); });
  fails([](Call& c) { c.inputs[0] = Tensor::zeros(DType::float32, {}); });
  for (const char* name : {"N", "K", "block_size"}) {
    for (const std::int64_t value :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{24}, std::int64_t{1} << 30, INT64_MAX}) {
      CAPTURE(name, value);
      fails([&](Call& c) { c.attributes.set(name, value); });
    }
  }
}
