#include "ops/schemas.hpp"

namespace inlay::inline v0 {

std::vector<OpSchema> fused_schemas() { return {}; }

}  // namespace inlay::inline v0
