// The operators of ai.onnx.ml: features, labels, maps, and the classical models.
#include <algorithm>
#include <limits>

#include "ops/dim_math.hpp"
#include "ops/infer_util.hpp"
#include "ops/schemas.hpp"

namespace inlay::inline v0 {
namespace {

constexpr DTypeSet ml_numbers{DType::float32, DType::float64, DType::int64, DType::int32};

/// The rows of an input of shape [rows, columns], or [columns] for one row.
Dim ml_rows(const InferContext& context) {
  infer::require_rank(context, 0, 1, 2);
  const Type& x = context.input(0);
  if (!x.has_rank) return {};
  return x.rank() == 1 ? Dim(1) : x.dims[0];
}

std::int64_t ml_count(const InferContext& context, std::string_view floats) {
  return std::ssize(context.attributes().reals(floats));
}
std::int64_t ml_word_count(const InferContext& context, std::string_view strings) {
  const auto* words = context.attributes().get<std::vector<std::string>>(strings);
  return words == nullptr ? 0 : std::ssize(*words);
}

/// The type and number of the labels, given as integers or strings; fails when they are both or
/// neither.
struct MlLabels {
  DType dtype;
  std::int64_t count;
};
MlLabels ml_labels(const InferContext& context, const std::string& ints,
                   const std::string& strings) {
  const std::int64_t numbers = std::ssize(context.attributes().integers(ints));
  const std::int64_t words = ml_word_count(context, strings);
  if ((numbers == 0) == (words == 0)) {
    context.fail("one of the attributes " + ints + " and " + strings + " must be given");
  }
  return {numbers == 0 ? DType::string : DType::int64, std::max(numbers, words)};
}

std::int64_t ml_targets(const InferContext& context, std::string_view name, std::int64_t fallback) {
  const std::int64_t targets = context.attributes().integer(name, fallback);
  if (targets <= 0 || targets > std::numeric_limits<std::int32_t>::max()) {
    context.fail("attribute " + std::string(name) + " must be a positive number of 31 bits, not " +
                 std::to_string(targets));
  }
  return targets;
}

void infer_array_feature_extractor(InferContext& context) {
  const Type &x = context.input(0), &y = context.input(1);
  if (!x.has_rank) return context.set_output(0, x.dtype);
  if (x.rank() == 0) context.fail("the input is a scalar");
  std::vector<Dim> dims = x.dims;
  if (x.rank() == 1) dims.insert(dims.begin(), Dim(1));
  dims.back() = y.has_rank ? infer::product(y.dims) : Dim();
  context.set_output(0, x.dtype, std::move(dims));
}

/// Strings become integers, and integers strings.
void infer_string_mapping(InferContext& context) {
  infer::same_shape(context, context.dtype(0) == DType::string ? DType::int64 : DType::string);
}

/// The dtype of the one of prefix_strings, prefix_int64s, prefix_floats and prefix_tensor that is
/// given.
DType ml_list_dtype(const InferContext& context, const std::string& prefix) {
  const Attributes& attributes = context.attributes();
  if (ml_word_count(context, prefix + "_strings") > 0) return DType::string;
  if (!attributes.integers(prefix + "_int64s").empty()) return DType::int64;
  if (!attributes.reals(prefix + "_floats").empty()) return DType::float32;
  const auto* tensor = attributes.get<Tensor>(prefix + "_tensor");
  if (tensor == nullptr) context.fail("none of the attributes " + prefix + "_* is given");
  return tensor->dtype();
}

void infer_label_encoder(InferContext& context) {
  const DType keys = ml_list_dtype(context, "keys"), values = ml_list_dtype(context, "values");
  if (context.dtype(0) != DType::undefined && context.dtype(0) != keys) {
    context.fail("the keys are " + std::string(name(keys)) + ", the input is " +
                 std::string(name(context.dtype(0))));
  }
  infer::same_shape(context, values);
}

void infer_one_hot_encoder(InferContext& context) {
  const Type& x = context.input(0);
  if (!x.has_rank) return context.set_output(0, DType::float32);
  std::vector<Dim> dims = x.dims;
  dims.emplace_back(x.dtype == DType::string
                        ? ml_word_count(context, "cats_strings")
                        : std::ssize(context.attributes().integers("cats_int64s")));
  context.set_output(0, DType::float32, std::move(dims));
}

/// Fails unless input 0 may be a map from `keys` (undefined: int64 or string); gives the dtype of
/// the values.
DType ml_map_values(const InferContext& context, DType keys) {
  const Type& x = context.input(0);
  if (x.kind == Type::Kind::unknown) return DType::undefined;
  if (x.kind != Type::Kind::map || (keys != DType::undefined && x.dtype != keys)) {
    context.fail("the input must be a map from " +
                 std::string(keys == DType::undefined ? "int64 or string" : name(keys)) + ", not " +
                 to_string(x));
  }
  return x.element ? x.element->dtype : DType::undefined;
}

void infer_cast_map(InferContext& context) {
  ml_map_values(context, DType::int64);
  const std::string_view to = context.attributes().text("cast_to", "TO_FLOAT");
  DType dtype = DType::float32;
  if (to == "TO_STRING") {
    dtype = DType::string;
  } else if (to == "TO_INT64") {
    dtype = DType::int64;
  } else if (to != "TO_FLOAT") {
    context.fail("cast_to is none of TO_FLOAT, TO_STRING, TO_INT64: " + std::string(to));
  }
  const bool sparse = context.attributes().text("map_form", "DENSE") == "SPARSE";
  const Dim columns = sparse ? Dim(ml_targets(context, "max_map", 1)) : Dim();
  context.set_output(0, dtype, {Dim(1), columns});
}

void infer_dict_vectorizer(InferContext& context) {
  const MlLabels keys = ml_labels(context, "int64_vocabulary", "string_vocabulary");
  const DType values = ml_map_values(context, keys.dtype);
  constexpr DTypeSet allowed{DType::int64, DType::string, DType::float32, DType::float64};
  if (values != DType::undefined && !allowed.contains(values)) {
    context.fail("the map holds " + std::string(name(values)) +
                 ", the operator takes int64, string, float32 and float64");
  }
  context.set_output(0, values, {Dim(keys.count)});
}

void infer_zip_map(InferContext& context) {
  const MlLabels keys = ml_labels(context, "classlabels_int64s", "classlabels_strings");
  ml_rows(context);
  context.set_output(
      0, Type::sequence(Type::map(keys.dtype, Type::tensor(DType::float32, std::vector<Dim>()))));
}

void infer_feature_vectorizer(InferContext& context) {
  infer::require_same_dtype(context, 0, context.input_count());
  const Type& x = context.input(0);
  const Dim rows = !x.has_rank      ? Dim()
                   : x.rank() == 1  ? Dim(1)
                   : x.dims.empty() ? Dim()
                                    : x.dims[0];
  Dim columns = 0;
  for (const std::int64_t width : context.attributes().integers("inputdimensions")) {
    if (width < 0) context.fail("attribute inputdimensions has a negative number");
    columns = infer::plus(columns, Dim(width));
  }
  if (context.attributes().integers("inputdimensions").empty()) columns = {};
  context.set_output(0, DType::float32, {rows, columns});
}

void infer_to_float(InferContext& context) { infer::same_shape(context, DType::float32); }

void infer_normalizer(InferContext& context) {
  infer::require_rank(context, 0, 1, 2);
  infer_to_float(context);
}

void infer_linear_classifier(InferContext& context) {
  const MlLabels labels = ml_labels(context, "classlabels_ints", "classlabels_strings");
  const Dim rows = ml_rows(context);
  context.set_output(0, labels.dtype, {rows});
  context.set_output(1, DType::float32, {rows, Dim(labels.count)});
}

void infer_linear_regressor(InferContext& context) {
  const Dim rows = ml_rows(context);
  context.set_output(0, DType::float32, {rows, Dim(ml_targets(context, "targets", 1))});
}

void infer_svm_classifier(InferContext& context) {
  const MlLabels labels = ml_labels(context, "classlabels_ints", "classlabels_strings");
  const auto counts = context.attributes().integers("vectors_per_class");
  const bool pairwise = std::any_of(counts.begin(), counts.end(), [](auto n) { return n != 0; });
  // Without probabilities, each pair of classes has a score, and a single pair two.
  const bool of_pairs = pairwise && labels.count > 2 && ml_count(context, "prob_a") == 0;
  const Dim rows = ml_rows(context);
  context.set_output(0, labels.dtype, {rows});
  context.set_output(1, DType::float32,
                     {rows, of_pairs ? Dim(ml_count(context, "rho")) : Dim(labels.count)});
}

void infer_svm_regressor(InferContext& context) {
  const Dim rows = ml_rows(context);
  context.set_output(0, DType::float32, {rows, Dim(1)});
}

void infer_tree_regressor(InferContext& context) {
  const Dim rows = ml_rows(context);
  const bool same_type = context.node().op == "TreeEnsemble";
  context.set_output(0, same_type ? context.dtype(0) : DType::float32,
                     {rows, Dim(ml_targets(context, "n_targets", 0))});
}

void infer_tree_classifier(InferContext& context) {
  const MlLabels labels = ml_labels(context, "classlabels_int64s", "classlabels_strings");
  const Dim rows = ml_rows(context);
  context.set_output(0, labels.dtype, {rows});
  context.set_output(1, DType::float32, {rows, Dim(labels.count)});
}

OpSchema ml_schema(const char* op, int since, InferFn infer, DTypeSet types, int outputs = 1) {
  return {.domain = "ai.onnx.ml",
          .name = op,
          .since = since,
          .min_outputs = outputs,
          .max_outputs = outputs,
          .infer = std::move(infer),
          .types = {types}};
}

}  // namespace

std::vector<OpSchema> ml_schemas() {
  constexpr DTypeSet words{DType::string, DType::int64};
  constexpr DTypeSet keys = ml_numbers | words | DTypeSet(DType::int16);
  OpSchema extractor = ml_schema("ArrayFeatureExtractor", 1, infer_array_feature_extractor,
                                 ml_numbers | dtypes::string);
  extractor.min_inputs = extractor.max_inputs = 2;
  extractor.types.emplace_back(DType::int64);
  OpSchema vectorizer = ml_schema("FeatureVectorizer", 1, infer_feature_vectorizer, ml_numbers);
  vectorizer.max_inputs = any_number;
  OpSchema binarizer = ml_schema("Binarizer", 1, infer::same_as_input, ml_numbers);
  OpSchema imputer = ml_schema("Imputer", 1, infer::same_as_input, ml_numbers);
  binarizer.traits = imputer.traits = Trait::in_place;
  return {
      extractor,
      binarizer,
      ml_schema("CastMap", 1, infer_cast_map, dtypes::any),
      ml_schema("CategoryMapper", 1, infer_string_mapping, words),
      ml_schema("DictVectorizer", 1, infer_dict_vectorizer, dtypes::any),
      vectorizer,
      imputer,
      ml_schema("LabelEncoder", 1, infer_string_mapping, words),
      ml_schema("LabelEncoder", 2, infer_label_encoder, keys),
      ml_schema("LinearClassifier", 1, infer_linear_classifier, ml_numbers, 2),
      ml_schema("LinearRegressor", 1, infer_linear_regressor, ml_numbers),
      ml_schema("Normalizer", 1, infer_normalizer, ml_numbers),
      ml_schema("OneHotEncoder", 1, infer_one_hot_encoder, ml_numbers | dtypes::string),
      ml_schema("SVMClassifier", 1, infer_svm_classifier, ml_numbers, 2),
      ml_schema("SVMRegressor", 1, infer_svm_regressor, ml_numbers),
      ml_schema("Scaler", 1, infer_to_float, ml_numbers),
      ml_schema("TreeEnsemble", 5, infer_tree_regressor,
                {DType::float32, DType::float64, DType::float16}),
      ml_schema("TreeEnsembleClassifier", 1, infer_tree_classifier, ml_numbers, 2),
      ml_schema("TreeEnsembleRegressor", 1, infer_tree_regressor, ml_numbers),
      ml_schema("ZipMap", 1, infer_zip_map, DType::float32),
  };
}

}  // namespace inlay::inline v0
