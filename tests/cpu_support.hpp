// Checks of cpu operators against the reference backend.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <initializer_list>

#include "support.hpp"

namespace inlay::test {

inline bool is_code(const Value& value) {
  if (!value.is_tensor()) return false;
  const DType dtype = value.tensor().dtype();
  return dtype == DType::int8 || dtype == DType::uint8;
}

/// Runs the call on every instruction set of this machine and on the reference, and compares. Also
/// checks that the cpu backend really took the node and that threads change no bit.
inline void check(const Call& call, double tolerance = 2e-6) {
  CAPTURE(call.op, call.version);
  const std::vector<Value> want = run(call);
  std::vector<const char*> isas{"sse2", "avx2", "avx512", "neon64"};
  if (std::any_of(call.inputs.begin(), call.inputs.end(), is_code)) {
    isas.insert(isas.end(), {"avxvnni", "avx512vnni"});  // other kernels for codes alone
  }
  for (const char* isa : isas) {
    const auto registry = [&]() -> std::shared_ptr<Registry> {
      try {
        return Registry::create(isa);
      } catch (const Error&) {
        return nullptr;
      }
    }();
    if (registry == nullptr) continue;
    ModelOptions options;
    options.backends = {"cpu"};
    options.isa = isa;
    options.optimize = false;
    const Model model = Model::from_graph(graph_of(call), options);
    CAPTURE(isa, model.placements()[0].reason);
    REQUIRE(model.placements()[0].backend == "cpu");
    const std::vector<Value> got = run(call, "cpu", 1, isa);
    const std::vector<Value> threaded = run(call, "cpu", 3, isa);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      const Tensor& a = got[i].tensor();
      const Tensor& b = want[i].tensor();
      REQUIRE(a.dtype() == b.dtype());
      REQUIRE(to_string(a.shape()) == to_string(b.shape()));
      REQUIRE(std::memcmp(a.data(), threaded[i].tensor().data(), a.bytes()) == 0);
      if (a.dtype() != DType::float32) {
        REQUIRE(std::memcmp(a.data(), b.data(), a.bytes()) == 0);
        continue;
      }
      for (std::size_t k = 0; k < a.as<float>().size(); ++k) {
        const float u = a.as<float>()[k], v = b.as<float>()[k];
        if (std::isnan(v)) {
          REQUIRE(std::isnan(u));
        } else if (u != v) {
          CAPTURE(k);
          REQUIRE(static_cast<double>(u) ==
                  Approx(static_cast<double>(v)).epsilon(tolerance).margin(tolerance));
        }
      }
    }
  }
}

inline Attributes with(std::initializer_list<Attributes::Item> items) {
  Attributes attributes;
  for (const auto& [name, value] : items) attributes.set(name, value);
  return attributes;
}

}  // namespace inlay::test
