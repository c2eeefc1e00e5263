#include "ops/schemas.hpp"

namespace inlay::inline v0 {

std::vector<OpSchema> recurrent_schemas() { return {}; }

}  // namespace inlay::inline v0
