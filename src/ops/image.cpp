// ImageDecoder. Its kernel is in a library of its own, src/images/.
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

void infer_image_decoder(InferContext& context) {
  const std::string_view format = context.attributes().text("pixel_format", "RGB");
  if (format != "RGB" && format != "BGR" && format != "Grayscale") {
    context.fail("attribute 'pixel_format' is '" + std::string(format) +
                 "', not RGB, BGR or Grayscale");
  }
  infer::require_rank(context, 0, 1, 1);
  context.set_output(0, DType::uint8, {Dim(), Dim(), Dim(format == "Grayscale" ? 1 : 3)});
}

}  // namespace

std::vector<OpSchema> image_schemas() {
  return {
      {.name = "ImageDecoder", .since = 20, .infer = infer_image_decoder, .types = {DType::uint8}}};
}

}  // namespace inlay::inline v0
