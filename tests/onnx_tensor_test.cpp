// TensorProto and SparseTensorProto: every element type, every way to store it.
#include <catch2/catch.hpp>

#include "error_check.hpp"
#include "onnx_writer.hpp"
#include "temporary_file.hpp"

using namespace inlay;
using namespace inlay::test;
using namespace inlay::test::onnx_file;
using namespace std::string_literals;
namespace field = inlay::onnx::tensor_field;

namespace {

template <class T>
std::string raw_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string bytes_of(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.data()), tensor.bytes()};
}

struct TypedCase {
  DType dtype;
  std::int64_t elements;
  std::vector<std::int32_t> int32_data;
  std::string raw;
};

void write_packed(pbf_writer& w, const TypedCase& c) {
  w.add_packed_int32(field::int32_data, c.int32_data.begin(), c.int32_data.end());
}

void write_unpacked(pbf_writer& w, const TypedCase& c) {
  for (const std::int32_t v : c.int32_data) w.add_int32(field::int32_data, v);
}

}  // namespace

TEST_CASE("element types that int32_data holds read the same raw, packed and unpacked") {
  const std::vector<TypedCase> cases = {
      {DType::int32, 2, {-2, 7}, raw_bytes<std::int32_t>({-2, 7})},
      {DType::int16, 2, {-2, 300}, raw_bytes<std::int16_t>({-2, 300})},
      {DType::int8, 2, {-2, 100}, raw_bytes<std::int8_t>({-2, 100})},
      {DType::uint16, 2, {2, 65535}, raw_bytes<std::uint16_t>({2, 65535})},
      {DType::uint8, 2, {2, 255}, raw_bytes<std::uint8_t>({2, 255})},
      {DType::boolean, 3, {1, 0, 1}, std::string("\1\0\1", 3)},
      {DType::float16, 2, {0x3C00, 0xC000}, raw_bytes<std::uint16_t>({0x3C00, 0xC000})},
      {DType::bfloat16, 2, {0x3F80, 0xC000}, raw_bytes<std::uint16_t>({0x3F80, 0xC000})},
      {DType::float8e4m3fn, 2, {0x38, 0xFF}, "\x38\xFF"},
      {DType::float8e4m3fnuz, 2, {0x38, 0x80}, "\x38\x80"},
      {DType::float8e5m2, 2, {0x3C, 0xFC}, "\x3C\xFC"},
      {DType::float8e5m2fnuz, 2, {0x3C, 0x80}, "\x3C\x80"},
      {DType::float8e8m0, 2, {0x7F, 0xFF}, "\x7F\xFF"},
      {DType::uint4, 3, {0x21, 0x0F}, "\x21\x0F"},
      {DType::int4, 3, {0x9F, 0x07}, "\x9F\x07"},
      {DType::float4e2m1, 4, {0x21, 0xF3}, "\x21\xF3"},
      {DType::uint2, 5, {0xE4, 0x02}, "\xE4\x02"},
      {DType::int2, 4, {0xE4}, "\xE4"},
  };
  for (const TypedCase& c : cases) {
    INFO(name(c.dtype));
    const std::vector<std::int64_t> dims = {c.elements};
    const std::string files[] = {
        raw_tensor("t", c.dtype, dims, c.raw),
        tensor("t", c.dtype, dims, [&](pbf_writer& w) { write_packed(w, c); }),
        tensor("t", c.dtype, dims, [&](pbf_writer& w) { write_unpacked(w, c); })};
    for (const std::string& file : files) {
      const Tensor read = read_initializer(file);
      CHECK(read.dtype() == c.dtype);
      CHECK(read.shape() == Shape{c.elements});
      CHECK(bytes_of(read) == c.raw);
    }
  }
}

TEST_CASE("element types with fields of their own read the same raw and typed") {
  const auto check = [](DType dtype, std::int64_t elements, const std::string& raw, auto write) {
    INFO(name(dtype));
    CHECK(bytes_of(read_initializer(raw_tensor("t", dtype, {elements}, raw))) == raw);
    CHECK(bytes_of(read_initializer(tensor("t", dtype, {elements}, write))) == raw);
  };
  const std::vector<float> f = {1.5f, -2, 3, 4};
  const std::vector<double> d = {1.5, -2, 3, 4};
  const std::vector<std::int64_t> i = {-1, INT64_MAX};
  const std::vector<std::uint64_t> u = {1, UINT64_MAX};
  const auto packed_float = [&](pbf_writer& w) {
    w.add_packed_float(field::float_data, f.begin(), f.end());
  };
  const auto packed_double = [&](pbf_writer& w) {
    w.add_packed_double(field::double_data, d.begin(), d.end());
  };
  check(DType::float32, 4, raw_bytes(f), packed_float);
  check(DType::complex64, 2, raw_bytes(f), packed_float);
  check(DType::float32, 4, raw_bytes(f), [&](pbf_writer& w) {
    for (const float v : f) w.add_float(field::float_data, v);
  });
  check(DType::float64, 4, raw_bytes(d), packed_double);
  check(DType::complex128, 2, raw_bytes(d), packed_double);
  check(DType::float64, 4, raw_bytes(d), [&](pbf_writer& w) {
    for (const double v : d) w.add_double(field::double_data, v);
  });
  check(DType::int64, 2, raw_bytes(i),
        [&](pbf_writer& w) { w.add_packed_int64(field::int64_data, i.begin(), i.end()); });
  check(DType::uint64, 2, raw_bytes(u),
        [&](pbf_writer& w) { w.add_packed_uint64(field::uint64_data, u.begin(), u.end()); });
  check(DType::uint32, 2, raw_bytes<std::uint32_t>({7, UINT32_MAX}), [&](pbf_writer& w) {
    for (const std::uint64_t v : {std::uint64_t{7}, std::uint64_t{UINT32_MAX}}) {
      w.add_uint64(field::uint64_data, v);
    }
  });
}

TEST_CASE("strings read from string_data, and from nowhere else") {
  const Tensor read = read_initializer(tensor("t", DType::string, {2}, [](pbf_writer& w) {
    w.add_bytes(field::string_data, std::string("a\0b", 3));
    w.add_bytes(field::string_data, "");
  }));
  CHECK(read.as<std::string>()[0] == std::string("a\0b", 3));
  CHECK(read.as<std::string>()[1].empty());
  CHECK_ERROR(read_initializer(raw_tensor("names", DType::string, {1}, "x")), parse, "names");
}

TEST_CASE("bools of any other value become true") {
  const Tensor read = read_initializer(raw_tensor("t", DType::boolean, {3}, {"\0\2\xFF", 3}));
  CHECK(bytes_of(read) == std::string("\0\1\1", 3));
}

TEST_CASE("scalars and empty tensors") {
  const Tensor scalar = read_initializer(raw_tensor("t", DType::int8, {}, "\x05"));
  CHECK(scalar.rank() == 0);
  CHECK(scalar.item<std::int8_t>() == 5);
  CHECK(read_initializer(raw_tensor("t", DType::float32, {0, 3}, "")).shape() == Shape{0, 3});
  CHECK(read_initializer(tensor("t", DType::string, {0}, [](pbf_writer&) {})).size() == 0);
}

TEST_CASE("elements that do not match type and shape are refused, with the tensor's name") {
  const auto none = [](pbf_writer&) {};
  CHECK_ERROR(read_initializer(raw_tensor("weights", DType::float32, {2}, "1234567")), parse,
              "weights");
  CHECK_ERROR(read_initializer(raw_tensor("w", DType::float32, {2}, std::string(9, 'x'))), parse,
              "needs 8 bytes");
  CHECK_ERROR(read_initializer(tensor("w", DType::float32, {2}, none)), parse, "needs 2 entries");
  CHECK_ERROR(read_initializer(raw_tensor("w", DType::undefined, {1}, "x")), parse,
              "no element type");
  CHECK_ERROR(read_initializer(raw_tensor("w", static_cast<DType>(27), {1}, "x")), unsupported,
              "27");
  CHECK_ERROR(read_initializer(raw_tensor("w", DType::int8, {-1}, "x")), parse, "negative");
  // Fields of another type do not count.
  CHECK_ERROR(read_initializer(tensor("w", DType::int64, {2},
                                      [](pbf_writer& w) {
                                        for (int v : {1, 2}) w.add_int32(field::int32_data, v);
                                      })),
              parse, "the file has 0");
}

TEST_CASE("huge dims end in an error before any allocation") {
  const std::int64_t huge = std::int64_t{1} << 40;
  CHECK_ERROR(read_initializer(raw_tensor("w", DType::float32, {huge, huge}, "")), limit, "w");
  CHECK_ERROR(read_initializer(raw_tensor("w", DType::float32, {INT64_MAX}, "")), limit, "large");
  CHECK_ERROR(read_initializer(raw_tensor("w", DType::float32, {0, huge, huge}, "")), limit, "w");
  CHECK_ERROR(read_initializer(raw_tensor("w", DType::int8, {huge}, "x")), limit,
              "max_tensor_bytes");
  CHECK_ERROR(read_initializer(raw_tensor("w", DType::int8, {1 << 30}, "x")), parse, "w");
  CHECK_ERROR(read_initializer(raw_tensor("w", DType::int8, std::vector<std::int64_t>(17, 1), "x")),
              limit, "16 axes");
  Limits small;
  small.max_tensor_bytes = 8;
  const std::string bytes = model({.initializers = {floats("w", {1, 2, 3})}});
  CHECK_ERROR(read(bytes, small), limit, "larger than 8 bytes");
}

TEST_CASE("segments are refused") {
  CHECK_ERROR(read_initializer(tensor("w", DType::int8, {1},
                                      [](pbf_writer& w) { w.add_message(field::segment, ""s); })),
              unsupported, "segments");
}

TEST_CASE("weights of some size are used where they lie in memory when they are aligned") {
  const std::string elements(1 << 16, '\x3f');
  const std::string bytes =
      model({.initializers = {raw_tensor("w", DType::float32, {1 << 14}, elements)}});
  std::vector<std::uint64_t> storage(bytes.size() / 8 + 2);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    char* const file = reinterpret_cast<char*>(storage.data()) + shift;
    std::memcpy(file, bytes.data(), bytes.size());
    const Graph graph = read_graph(*memory_reader(std::as_bytes(std::span(file, bytes.size()))));
    const Tensor& w = graph.values.at(0).constant;
    CHECK(w.as<float>()[1] == w.as<float>()[0]);
    const auto* data = static_cast<const char*>(w.data());
    const bool inside = data >= file && data < file + bytes.size();
    CHECK(inside == ((bytes.find(elements) + shift) % alignof(float) == 0));
    CHECK(reinterpret_cast<std::uintptr_t>(data) % alignof(float) == 0);
  }
}

TEST_CASE("weights of a mapped file stay there, and are copied once when aligned ones are needed") {
  const std::string elements(1 << 16, '\x3f');
  bool seen_unaligned = false;
  for (std::size_t shift = 0; shift < 4; ++shift) {
    const TemporaryFile file(
        "weights.onnx", model({.initializers = {raw_tensor(std::string(1 + shift, 'w'),
                                                           DType::float32, {1 << 14}, elements)}}));
    const Graph graph = read_graph(*file_reader(file.path()));
    const Tensor& w = graph.values.at(0).constant;
    const Tensor copy = w;
    const bool aligned = reinterpret_cast<std::uintptr_t>(w.data()) % alignof(float) == 0;
    seen_unaligned |= !aligned;
    CHECK((w.elements() == w.data()) == aligned);
    CHECK(reinterpret_cast<std::uintptr_t>(w.elements()) % alignof(float) == 0);
    CHECK(copy.elements() == w.elements());
    CHECK(std::memcmp(w.data(), elements.data(), elements.size()) == 0);
    CHECK(std::memcmp(w.elements(), elements.data(), elements.size()) == 0);
    CHECK(std::memcmp(w.clone().as<float>().data(), elements.data(), elements.size()) == 0);
    CHECK(w.reshaped({2, 1 << 13}).elements() == w.elements());
    CHECK_FALSE(w.writable());
  }
  CHECK(seen_unaligned);
}

TEST_CASE("small weights are copied out of their file") {
  const std::string bytes = model({.initializers = {floats("w", {1, 2, 3})}});
  const Graph graph = read_graph(*memory_reader(as_bytes(bytes)));
  const auto* data = static_cast<const char*>(graph.values.at(0).constant.data());
  CHECK((data < bytes.data() || data >= bytes.data() + bytes.size()));
}

TEST_CASE("sparse initializers become dense") {
  const std::string linear = sparse_tensor(floats("s", {5, 6}), ints("", {1, 5}), {2, 3});
  const std::string indexed =
      sparse_tensor(floats("s", {5, 6}), ints("", {0, 1, 1, 2}, {2, 2}), {2, 3});
  for (const std::string& file : {linear, indexed}) {
    const std::string bytes = model({.outputs = {value_info("s")}, .sparse_initializers = {file}});
    const Graph graph = read(bytes);
    const Tensor& s = graph.value(graph.find_value("s")).constant;
    CHECK(s.shape() == Shape{2, 3});
    CHECK(std::vector<float>(s.as<float>().begin(), s.as<float>().end()) ==
          std::vector<float>{0, 5, 0, 0, 0, 6});
  }
  const auto read_sparse = [](const std::string& file) {
    return read(model({.sparse_initializers = {file}}));
  };
  const std::string one = floats("s", {5});
  CHECK_ERROR(read_sparse(sparse_tensor(one, ints("", {6}), {2, 3})), parse, "out of range");
  CHECK_ERROR(read_sparse(sparse_tensor(one, ints("", {-1}), {2, 3})), parse, "out of range");
  CHECK_ERROR(read_sparse(sparse_tensor(one, ints("", {0, 3}, {1, 2}), {2, 3})), parse, "range");
  CHECK_ERROR(read_sparse(sparse_tensor(one, ints("", {1, 2}), {2, 3})), parse, "int64[n]");
  CHECK_ERROR(read_sparse(sparse_tensor(one, floats("", {1}), {2, 3})), parse, "int64[n]");
  CHECK_ERROR(read_sparse(sparse_tensor(one, ints("", {1, 1, 1}, {1, 3}), {2, 3})), parse,
              "int64[n");
  CHECK_ERROR(read_sparse(sparse_tensor(one, ints("", {1}), {1 << 15, 1 << 15})), limit,
              "size of the model file");
}

TEST_CASE("values of test cases: sequences, optionals, maps") {
  namespace box = inlay::onnx::container_field;
  const auto two = message([](pbf_writer& w) {
    w.add_message(box::tensor, floats("", {1}));
    w.add_message(box::tensor, ints("", {2, 3}));
  });
  const Value sequence = read_value(as_bytes(two), Type::sequence({}));
  REQUIRE(sequence.sequence().size() == 2);
  CHECK(sequence.sequence()[1].tensor().as<std::int64_t>()[1] == 3);
  CHECK(read_value({}, Type::sequence({})).sequence().empty());

  const auto some = message([&](pbf_writer& w) { w.add_message(box::sequence, two); });
  CHECK(read_value(as_bytes(some), Type::optional({})).sequence().size() == 2);
  CHECK_FALSE(read_value({}, Type::optional({})).has_value());

  const Type map_type = Type::map(DType::int64, Type::tensor(DType::float32));
  const auto map = [&](const std::vector<std::int64_t>& keys, const Strings& words) {
    return message([&](pbf_writer& w) {
      const DType type = words.empty() ? DType::int64 : DType::string;
      w.add_int32(onnx::map_field::key_type, static_cast<std::int32_t>(type));
      for (const std::int64_t key : keys) w.add_int64(onnx::map_field::keys, key);
      for (const std::string& key : words) w.add_bytes(onnx::map_field::string_keys, key);
      w.add_message(onnx::map_field::values, two);
    });
  };
  for (const bool in_order : {true, false}) {
    const auto bytes =
        map(in_order ? std::vector<std::int64_t>{-7, 8} : std::vector<std::int64_t>{8, -7}, {});
    const Map read = read_value(as_bytes(bytes), map_type).map();
    REQUIRE(read.size() == 2);
    CHECK(read[0].first.tensor().item<std::int64_t>() == -7);
    CHECK(read[1].first.tensor().item<std::int64_t>() == 8);
    CHECK(read[in_order ? 1 : 0].second.tensor().size() == 2);
  }
  const Map words = read_value(as_bytes(map({}, {"z", "a"})), map_type).map();
  REQUIRE(words.size() == 2);
  CHECK(words[0].first.tensor().item<std::string>() == "a");
  CHECK(words[0].second.tensor().size() == 2);
  CHECK_ERROR(read_value(as_bytes(map({7, 7}, {})), map_type), parse, "twice");
  CHECK_ERROR(read_value(as_bytes(map({}, {"a", "a"})), map_type), parse, "twice");
  CHECK_ERROR(read_value(as_bytes(map({7}, {})), map_type), parse, "1 keys");

  CHECK_ERROR(read_value(as_bytes("\x0A\xFF"s)), parse, "well-formed");
  const std::string elsewhere = external_tensor("e", DType::int8, {1}, {{"location", "x"}});
  CHECK_ERROR(read_value(as_bytes(elsewhere)), unsupported, "model files only");

  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep = message([&](pbf_writer& w) { w.add_message(box::sequence, deep); });
  }
  CHECK_ERROR(read_value(as_bytes(deep), Type::sequence({})), limit, "64 levels");
}
