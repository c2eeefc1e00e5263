// What the kernel tests share: every table this machine can run, data, and plain activations.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/isa.hpp"

namespace inlay_test {

inline constexpr float inf = std::numeric_limits<float>::infinity();
inline constexpr float quiet_nan = std::numeric_limits<float>::quiet_NaN();

/// Every table.
inline std::vector<const inlay::cpu::KernelTable*> usable_integer_tables() {
  std::vector<const inlay::cpu::KernelTable*> tables;
  for (inlay::cpu::Isa isa : inlay::cpu::built_isas()) {
    if (inlay::cpu::machine_has(isa)) {
      tables.push_back(inlay::cpu::find_kernels(inlay::cpu::isa_name(isa)));
    }
  }
  return tables;
}

/// Those whose f32 kernels no other has.
inline std::vector<const inlay::cpu::KernelTable*> usable_tables() {
  std::vector<const inlay::cpu::KernelTable*> tables = usable_integer_tables();
  std::erase_if(tables,
                [](const auto* table) { return table->floats != std::string(table->name); });
  return tables;
}

/// Reproducible values in [-1, 1).
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  std::vector<float> floats(std::int64_t n) {
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& x : values) {
      x = static_cast<float>(static_cast<double>(engine_()) / 2147483648.0 - 1.0);
    }
    return values;
  }

 private:
  std::mt19937 engine_;
};

inline std::vector<std::int32_t> integers(Random& random, std::int64_t n, std::int32_t low,
                                          std::int32_t high) {
  std::vector<std::int32_t> result(static_cast<std::size_t>(n));
  for (std::int32_t& x : result) x = static_cast<std::int32_t>(random.integer(low, high));
  return result;
}

/// The definition of each activation, in double.
inline double plain_activation(const inlay::kernels::Activation& f, double x) {
  using enum inlay::kernels::ActivationKind;
  const double a = static_cast<double>(f.alpha), b = static_cast<double>(f.beta);
  const auto unit = [](double y) { return std::fmin(std::fmax(y, 0.0), 1.0); };
  const double soft = std::log1p(std::exp(-std::fabs(x))) + std::fmax(x, 0.0);
  switch (f.kind) {
    case none:
      return x;
    case relu:
      return std::fmax(x, 0.0);
    case clip:
      return std::fmin(std::fmax(x, a), b);
    case leaky_relu:
      return x < 0 ? a * x : x;
    case elu:
      return x < 0 ? a * std::expm1(x) : x;
    case sigmoid:
      return 1 / (1 + std::exp(-x));
    case tanh:
      return std::tanh(x);
    case hard_sigmoid:
      return unit(a * x + b);
    case hard_swish:
      return x * unit(x / 6 + 0.5);
    case silu:
      return x / (1 + std::exp(-a * x));
    case gelu_erf:
      return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
    case gelu_tanh:
      return x / 2 * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case softplus:
      return soft;
    case mish:
      return x * std::tanh(soft);
  }
  return x;
}

/// Every activation, with parameters that tell them apart.
inline std::vector<inlay::kernels::Activation> all_activations() {
  using enum inlay::kernels::ActivationKind;
  return {{none},
          {relu},
          {clip, -0.5f, 0.75f},
          {leaky_relu, 0.1f},
          {elu, 0.7f},
          {sigmoid},
          {tanh},
          {hard_sigmoid, 0.2f, 0.5f},
          {hard_swish},
          {silu, 1.0f},
          {gelu_erf},
          {gelu_tanh},
          {softplus},
          {mish}};
}

}  // namespace inlay_test
