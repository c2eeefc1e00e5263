// How fast this machine can multiply and add, measured.
#pragma once

#include <memory>
#include <string_view>

#include "inlay/executor.hpp"

namespace inlay::inline v0::cpu {

/// f32 operations per second of `executor`'s threads together, from multiply-adds in registers: the
/// best of a few rounds, about 0.1 s in all. `isa` as Registry::create takes it.
/// Errors: not_found for an instruction set that this build or machine does not have.
INLAY_API double measure_peak(Executor& executor, std::string_view isa = {});

}  // namespace inlay::inline v0::cpu
