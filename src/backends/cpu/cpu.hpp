// The cpu backend: SIMD kernels behind a table chosen once per registry.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "inlay/backend.hpp"

namespace inlay::inline v0 {

/// One operator of the cpu backend. `supports` answers quickly from dtypes, attributes and known
/// shapes; `compile` packs weights and picks functions from the table.
struct CpuOp {
  std::string_view domain;
  std::string_view op;
  Support (*supports)(const CompileContext& context);
  std::unique_ptr<Kernel> (*compile)(const CompileContext& context, const KernelTable& table);
};

/// `table` is that of the instruction set to use.
std::shared_ptr<const Backend> make_cpu_backend(const KernelTable& table);

}  // namespace inlay::inline v0
