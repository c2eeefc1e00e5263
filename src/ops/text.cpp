// Operators on strings.
#include <algorithm>

#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

void infer_string_normalizer(InferContext& context) {
  infer::require_rank(context, 0, 1, 2);
  Type type = context.input(0);
  if (type.has_rank) {
    if (type.rank() == 2 && type.dims[0].known() && type.dims[0].value != 1) {
      context.fail("the first axis of the input must be 1");
    }
    // Any number of words may be dropped, but one string is left at least.
    type.dims.back() = Dim();
    if (type.rank() == 2) type.dims[0] = 1;
  }
  context.set_output(0, std::move(type));
}

void infer_string_split(InferContext& context) {
  Type parts = context.input(0);
  if (parts.has_rank) parts.dims.emplace_back();
  context.set_output(0, std::move(parts));
  context.set_output(1, infer::with_dtype(context.input(0), DType::int64));
}

void infer_regex_full_match(InferContext& context) { infer::same_shape(context, DType::boolean); }

void infer_tfidf_vectorizer(InferContext& context) {
  infer::require_rank(context, 0, 1, 2);
  std::int64_t columns = 0;
  for (const std::int64_t place : context.attributes().integers("ngram_indexes")) {
    if (place < 0 || place >= Shape::max_elements) {
      context.fail("attribute ngram_indexes has " + std::to_string(place));
    }
    columns = std::max(columns, place + 1);
  }
  const Type& x = context.input(0);
  if (!x.has_rank) return context.set_output(0, DType::float32);
  std::vector<Dim> dims = x.dims;
  dims.back() = columns;
  context.set_output(0, DType::float32, std::move(dims));
}

OpSchema text_schema(const char* op, int since, InferFn infer, DTypeSet types = dtypes::string) {
  return {.domain = "", .name = op, .since = since, .infer = std::move(infer), .types = {types}};
}

}  // namespace

std::vector<OpSchema> text_schemas() {
  OpSchema concat = text_schema("StringConcat", 20, infer::broadcast_inputs);
  concat.min_inputs = concat.max_inputs = 2;
  OpSchema split = text_schema("StringSplit", 20, infer_string_split);
  split.min_outputs = split.max_outputs = 2;
  return {
      concat,
      split,
      text_schema("StringNormalizer", 10, infer_string_normalizer),
      text_schema("RegexFullMatch", 20, infer_regex_full_match),
      text_schema("TfIdfVectorizer", 9, infer_tfidf_vectorizer, dtypes::string | dtypes::indices),
  };
}

}  // namespace inlay::inline v0
