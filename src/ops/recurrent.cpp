#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {

namespace {

/// Y, Y_h and, for LSTM, Y_c.
void infer_recurrent(InferContext& context) {
  for (const std::size_t i : {0, 1, 2}) infer::require_rank(context, i, 3, 3);
  const DType dtype = context.dtype(0);
  const auto dim = [&](std::size_t input, std::size_t axis) {
    const Type& type = context.input(input);
    return type.has_rank ? type.dims[axis] : Dim();
  };
  const bool batch_first = context.attributes().integer("layout", 0) != 0;
  const Dim sequence = dim(0, batch_first ? 1 : 0), batch = dim(0, batch_first ? 0 : 1);
  const std::string_view direction = context.attributes().text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    context.fail("attribute 'direction' must be forward, reverse or bidirectional");
  }
  const Dim directions = direction == "bidirectional" ? 2 : 1;
  Dim hidden = dim(2, 2);
  if (!hidden.known()) {
    const std::int64_t size = context.attributes().integer("hidden_size", -1);
    if (size >= 0) hidden = size;
  }
  context.set_output(0, dtype,
                     batch_first ? std::vector<Dim>{batch, sequence, directions, hidden}
                                 : std::vector<Dim>{sequence, directions, batch, hidden});
  for (std::size_t i = 1; i < context.output_count(); ++i) {
    context.set_output(i, dtype,
                       batch_first ? std::vector<Dim>{batch, directions, hidden}
                                   : std::vector<Dim>{directions, batch, hidden});
  }
}

}  // namespace

std::vector<OpSchema> recurrent_schemas() {
  return {
      {"",
       "RNN",
       1,
       3,
       6,
       0,
       2,
       infer_recurrent,
       Trait::none,
       {dtypes::floats, dtypes::floats, dtypes::floats, dtypes::floats, DType::int32,
        dtypes::floats}},
      {"",
       "GRU",
       1,
       3,
       6,
       0,
       2,
       infer_recurrent,
       Trait::none,
       {dtypes::floats, dtypes::floats, dtypes::floats, dtypes::floats, DType::int32,
        dtypes::floats}},
      {"",
       "LSTM",
       1,
       3,
       8,
       0,
       3,
       infer_recurrent,
       Trait::none,
       {dtypes::floats, dtypes::floats, dtypes::floats, dtypes::floats, DType::int32,
        dtypes::floats}},
  };
}

}  // namespace inlay::inline v0
