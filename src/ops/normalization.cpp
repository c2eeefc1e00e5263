#include "ops/schemas.hpp"

namespace inlay::inline v0 {

std::vector<OpSchema> normalization_schemas() { return {}; }

}  // namespace inlay::inline v0
