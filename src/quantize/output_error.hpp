// How far the outputs of a quantized model are off.
#pragma once

#include "inlay/session.hpp"

namespace inlay::inline v0::quantization {

/// The largest |got - wanted| / |wanted|, as Euclidean norms, over the outputs that are f32;
/// infinite where numbers are not, or shapes differ.
double relative_error(const Outputs& wanted, const Outputs& got);

}  // namespace inlay::inline v0::quantization
