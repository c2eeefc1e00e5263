#include "backends/cpu/isa.hpp"

#include <cstdint>
#include <cstdlib>

#if defined(_MSC_VER) && (defined(_M_X64) || defined(__x86_64__))
#include <intrin.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

namespace inlay::inline v0::cpu {
namespace {

struct Entry {
  Isa isa;
  std::string_view name;
  const KernelTable& (*table)();
};

// Best first.
constexpr Entry kEntries[] = {
#if defined(INLAY_HAS_ISA_avx512vnni)
    {Isa::avx512vnni, "avx512vnni", &kernel_table_avx512vnni},
#endif
#if defined(INLAY_HAS_ISA_avx512)
    {Isa::avx512, "avx512", &kernel_table_avx512},
#endif
#if defined(INLAY_HAS_ISA_avxvnni)
    {Isa::avxvnni, "avxvnni", &kernel_table_avxvnni},
#endif
#if defined(INLAY_HAS_ISA_avx2)
    {Isa::avx2, "avx2", &kernel_table_avx2},
#endif
#if defined(INLAY_HAS_ISA_sse2)
    {Isa::sse2, "sse2", &kernel_table_sse2},
#endif
#if defined(INLAY_HAS_ISA_neon64)
    {Isa::neon64, "neon64", &kernel_table_neon64},
#endif
};

#if defined(__x86_64__) || defined(_M_X64)
struct CpuId {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuId cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
  CpuId r;
#if defined(_MSC_VER)
  int regs[4];
  __cpuidex(regs, static_cast<int>(leaf), static_cast<int>(subleaf));
  r = {static_cast<std::uint32_t>(regs[0]), static_cast<std::uint32_t>(regs[1]),
       static_cast<std::uint32_t>(regs[2]), static_cast<std::uint32_t>(regs[3])};
#else
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
#endif
  return r;
}

// The register states that the operating system saves (XCR0); asked only where OSXSAVE is set.
std::uint64_t saved_states() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  std::uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
#endif
}

constexpr bool has_all(std::uint64_t value, std::uint64_t bits) { return (value & bits) == bits; }
constexpr std::uint32_t bit(int i) { return std::uint32_t{1} << i; }

// The features here are the ones that cmake/InlayIsa.cmake compiles each instruction set with.
bool machine_has_avx2() {
  const CpuId basic = cpuid(1);
  const std::uint32_t fma = bit(12), osxsave = bit(27), avx = bit(28), f16c = bit(29);
  if (!has_all(basic.ecx, fma | osxsave | avx | f16c)) return false;
  const std::uint64_t sse_and_avx_state = 0x6;
  const std::uint32_t avx2 = bit(5);
  return has_all(saved_states(), sse_and_avx_state) && has_all(cpuid(7).ebx, avx2);
}

bool machine_has_avx512() {
  const std::uint64_t avx512_state = 0xe6;
  const std::uint32_t f = bit(16), dq = bit(17), cd = bit(28), bw = bit(30), vl = bit(31);
  return machine_has_avx2() && has_all(saved_states(), avx512_state) &&
         has_all(cpuid(7).ebx, f | dq | cd | bw | vl);
}

bool machine_has_avxvnni() {
  const std::uint32_t avx_vnni = bit(4);
  return machine_has_avx2() && cpuid(7).eax >= 1 && has_all(cpuid(7, 1).eax, avx_vnni);
}

bool machine_has_avx512vnni() {
  const std::uint32_t avx512_vnni = bit(11);
  return machine_has_avx512() && has_all(cpuid(7).ecx, avx512_vnni);
}
#endif

const Entry* find_entry(std::string_view name) {
  for (const Entry& entry : kEntries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

constexpr auto kIsas = [] {
  struct {
    Isa data[std::size(kEntries)];
  } isas{};
  for (std::size_t i = 0; i < std::size(kEntries); ++i) isas.data[i] = kEntries[i].isa;
  return isas;
}();

}  // namespace

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::sse2:
      return "sse2";
    case Isa::avx2:
      return "avx2";
    case Isa::avxvnni:
      return "avxvnni";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512vnni:
      return "avx512vnni";
    case Isa::neon64:
      return "neon64";
  }
  return "";
}

std::span<const Isa> built_isas() { return kIsas.data; }

bool machine_has(Isa isa) {
#if defined(__x86_64__) || defined(_M_X64)
  switch (isa) {
    case Isa::sse2:
      return true;
    case Isa::avx2:
      return machine_has_avx2();
    case Isa::avxvnni:
      return machine_has_avxvnni();
    case Isa::avx512:
      return machine_has_avx512();
    case Isa::avx512vnni:
      return machine_has_avx512vnni();
    case Isa::neon64:
      return false;
  }
  return false;
#else
  return isa == Isa::neon64;
#endif
}

const KernelTable* find_kernels(std::string_view name) {
  const Entry* entry = find_entry(name);
  return entry != nullptr && machine_has(entry->isa) ? &entry->table() : nullptr;
}

const KernelTable* best_kernels() {
  if (const char* name = std::getenv("INLAY_ISA"); name != nullptr && *name != '\0') {
    return find_kernels(name);
  }
  for (const Entry& entry : kEntries) {
    if (machine_has(entry.isa)) return &entry.table();
  }
  return nullptr;
}

}  // namespace inlay::inline v0::cpu
