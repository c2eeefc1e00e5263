// What this build of the library is.
#pragma once

#include <string>
#include <vector>

#include "inlay/config.hpp"

namespace inlay::inline v0 {

struct BuildInfo {
  std::string version;
  std::string compiler;
  bool shared = false;
  bool openmp = false;
  std::vector<std::string> isas;            ///< instruction sets built in, best first
  std::vector<std::string> available_isas;  ///< those that this machine has
  std::string default_isa;                  ///< the one to be used; empty when INLAY_ISA names none
  std::vector<std::string> backends;        ///< in the order in which they are asked
};

INLAY_API BuildInfo build_info();

}  // namespace inlay::inline v0
