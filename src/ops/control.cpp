#include "ops/schemas.hpp"

namespace inlay::inline v0 {

std::vector<OpSchema> control_schemas() { return {}; }

}  // namespace inlay::inline v0
