#include "runtime/build_info.hpp"

#include "backends/cpu/isa.hpp"
#include "inlay/backend.hpp"

namespace inlay::inline v0 {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#elif defined(__GNUC__)
  return "GCC " __VERSION__;
#elif defined(_MSC_VER)
  return "MSVC " + std::to_string(_MSC_FULL_VER);
#else
  return "unknown";
#endif
}

}  // namespace

BuildInfo build_info() {
  BuildInfo info;
  info.version = INLAY_VERSION_STRING;
  info.compiler = compiler();
#if defined(INLAY_SHARED)
  info.shared = true;
#endif
#if defined(INLAY_OPENMP)
  info.openmp = true;
#endif
  for (const cpu::Isa isa : cpu::built_isas()) {
    info.isas.emplace_back(cpu::isa_name(isa));
    if (cpu::machine_has(isa)) info.available_isas.emplace_back(cpu::isa_name(isa));
  }
  const cpu::KernelTable* kernels = cpu::best_kernels();
  if (kernels == nullptr) return info;
  info.default_isa = kernels->name;
  for (const auto& backend : Registry::standard()->backends()) {
    info.backends.emplace_back(backend->name());
  }
  return info;
}

}  // namespace inlay::inline v0
