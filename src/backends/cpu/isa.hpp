// Which instruction sets this build holds kernels for, which of them this machine can run, and the
// table to use.
#pragma once

#include <span>
#include <string_view>

#include "backends/cpu/isa/table.hpp"
#include "inlay/config.hpp"

namespace inlay::inline v0::cpu {

enum class Isa { sse2, avx2, avxvnni, avx512, avx512vnni, neon64 };

/// The name that INLAY_ISA and KernelTable use.
INLAY_API std::string_view isa_name(Isa isa);

/// The instruction sets compiled into this library, best first.
INLAY_API std::span<const Isa> built_isas();

/// Whether the processor has the instructions and the operating system saves their registers.
INLAY_API bool machine_has(Isa isa);

/// The table called `name`; null where this build or this machine does not have it.
INLAY_API const KernelTable* find_kernels(std::string_view name);

/// The table of the best instruction set of this machine, or the one that the environment variable
/// INLAY_ISA names; null where that one is unknown, not built, or not supported here.
const KernelTable* best_kernels();

}  // namespace inlay::inline v0::cpu
