// ArrayFeatureExtractor, Binarizer, FeatureVectorizer, Imputer, Normalizer, Scaler: tables of
// features made ready for a model.
#include <cmath>

#include "backends/reference/map.hpp"
#include "backends/reference/ml/features.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

void run_array_feature_extractor(KernelContext& context) {
  const Tensor& x = context.input(0);
  const auto columns = context.input(1).as<std::int64_t>();
  if (x.rank() == 0) context.fail(ErrorCode::shape_mismatch, "a scalar has no features");
  const std::int64_t width = x.dim(x.rank() - 1), rows = x.shape().product(0, x.rank() - 1);
  for (const std::int64_t column : columns) {
    if (column < 0 || column >= width) {
      context.fail(ErrorCode::execution, "index " + std::to_string(column) + " is outside " +
                                             std::to_string(width) + " features");
    }
  }
  Shape shape = x.shape();
  if (x.rank() == 1) shape.insert(0, 1);
  shape[shape.rank() - 1] = std::ssize(columns);
  Tensor& y = context.output(0, shape);
  visit_storage(x.dtype(), [&]<class T>() {
    const T* from = static_cast<const T*>(x.data());
    T* to = static_cast<T*>(y.mutable_data());
    for (std::int64_t row = 0; row < rows && !columns.empty(); ++row, from += width) {
      for (const std::int64_t column : columns) *to++ = from[column];
    }
  });
}

void run_binarizer(KernelContext& context) {
  const float threshold = context.attributes().real("threshold", 0.0f);
  map_unary<FeatureTypes>(context, [&]<class T>(T x) {
    using Wide = std::conditional_t<std::is_same_v<T, float>, float, double>;
    return static_cast<T>(static_cast<Wide>(x) > static_cast<Wide>(threshold) ? 1 : 0);
  });
}

void run_feature_vectorizer(KernelContext& context) {
  const auto widths = context.attributes().integers("inputdimensions");
  if (!widths.empty() && widths.size() != context.input_count()) {
    context.fail(ErrorCode::invalid_graph, "inputdimensions has " + std::to_string(widths.size()) +
                                               " elements for " +
                                               std::to_string(context.input_count()) + " inputs");
  }
  const auto rows_of = [&](std::size_t i) {
    const Shape& shape = context.input(i).shape();
    if (shape.empty()) context.fail(ErrorCode::shape_mismatch, "an input is a scalar");
    return shape.rank() == 1 ? 1 : shape[0];
  };
  // An input has one row, or as many as its first axis says; the rest is columns.
  const auto columns_of = [&](std::size_t i) {
    const Shape& shape = context.input(i).shape();
    return shape.product(shape.rank() == 1 ? 0 : 1, shape.rank());
  };
  const std::int64_t rows = rows_of(0);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const std::int64_t width = widths.empty() ? columns_of(i) : widths[i];
    if (rows_of(i) != rows) {
      context.fail(ErrorCode::shape_mismatch, "the inputs differ in the number of rows");
    }
    if (width < 0 || width > Shape::max_elements - total) {
      context.fail(ErrorCode::invalid_graph, "inputdimensions has a number out of range");
    }
    total += width;
  }
  Tensor& y = context.output(0, {rows, total});
  const auto to = y.as_mutable<float>();
  std::fill(to.begin(), to.end(), 0.0f);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const std::int64_t columns = columns_of(i), width = widths.empty() ? columns : widths[i];
    // Columns beyond the width are cut off, missing ones are zero.
    const std::int64_t copied = std::min(columns, width);
    visit_dtype<FeatureTypes>(context.input(i).dtype(), [&]<class T>() {
      const T* from = context.input(i).as<T>().data();
      for (std::int64_t row = 0; row < rows && copied > 0; ++row) {
        std::transform(from + row * columns, from + row * columns + copied,
                       to.data() + row * total + start,
                       [](T value) { return static_cast<float>(value); });
      }
    });
    start += width;
  }
}

/// Fails unless an attribute has one element for all features or one for each.
void require_per_feature(const KernelContext& context, std::size_t size, std::int64_t features,
                         const char* what) {
  if (size == 1 || static_cast<std::int64_t>(size) == features) return;
  context.fail(ErrorCode::shape_mismatch, std::string(what) + " has " + std::to_string(size) +
                                              " elements, neither 1 nor one for each of " +
                                              std::to_string(features) + " features");
}

/// The size of the last axis.
std::int64_t feature_count(const Tensor& x) { return x.rank() == 0 ? 1 : x.dim(x.rank() - 1); }

template <class T, class Given>
void impute(KernelContext& context, std::span<const Given> values, Given replaced) {
  const Tensor& x = context.input(0);
  const std::int64_t features = feature_count(x);
  require_per_feature(context, values.size(), features, "the imputed value");
  for (const Given value : values) {
    if (std::is_integral_v<T> && static_cast<Given>(static_cast<T>(value)) != value) {
      context.fail(ErrorCode::invalid_graph, "an imputed value does not fit the input's type");
    }
  }
  Tensor& y = context.output(0, x.shape());
  const auto from = x.as<T>();
  const auto to = y.as_mutable<T>();
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(features, 1));
  for (std::size_t i = 0; i < from.size(); ++i) {
    bool missing = from[i] == static_cast<T>(replaced) &&
                   static_cast<Given>(static_cast<T>(replaced)) == replaced;
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(replaced)) missing = std::isnan(from[i]);
    }
    to[i] = missing ? static_cast<T>(values[values.size() == 1 ? 0 : i % count]) : from[i];
  }
}

void run_imputer(KernelContext& context) {
  const Attributes& attributes = context.attributes();
  visit_dtype<FeatureTypes>(context.input(0).dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      impute<T, float>(context, attributes.reals("imputed_value_floats"),
                       attributes.real("replaced_value_float", 0.0f));
    } else {
      impute<T, std::int64_t>(context, attributes.integers("imputed_value_int64s"),
                              attributes.integer("replaced_value_int64", 0));
    }
  });
}

/// What a row is divided by.
template <class T>
double divisor(std::string_view norm, std::span<const T> row) {
  double result = 0;
  if (norm == "MAX") {
    if (!row.empty()) result = static_cast<double>(*std::max_element(row.begin(), row.end()));
  } else if (norm == "L1") {
    for (const T x : row) result += std::abs(static_cast<double>(x));
  } else {
    for (const T x : row) result += static_cast<double>(x) * static_cast<double>(x);
    result = std::sqrt(result);
  }
  return result;
}

void run_normalizer(KernelContext& context) {
  const std::string_view norm = context.attributes().text("norm", "MAX");
  if (norm != "MAX" && norm != "L1" && norm != "L2") {
    context.fail(ErrorCode::invalid_graph, "norm is none of MAX, L1, L2: " + std::string(norm));
  }
  const FeatureTable table = feature_table(context);
  Tensor& y = context.output(0, table.x.shape());
  const auto columns = static_cast<std::size_t>(table.columns);
  visit_dtype<FeatureTypes>(table.x.dtype(), [&]<class T>() {
    const auto from = table.x.as<T>();
    const auto to = y.as_mutable<float>();
    for (std::size_t start = 0; start < from.size(); start += columns) {
      const auto row = from.subspan(start, columns);
      const double by = divisor(norm, row);
      std::transform(row.begin(), row.end(), to.begin() + static_cast<std::ptrdiff_t>(start),
                     [&](T x) {
                       const auto value = static_cast<double>(x);
                       return static_cast<float>(by == 0 ? value : value / by);
                     });
    }
  });
}

void run_scaler(KernelContext& context) {
  const Tensor& x = context.input(0);
  const auto offsets = context.attributes().reals("offset");
  const auto scales = context.attributes().reals("scale");
  const std::int64_t features = feature_count(x);
  if (!offsets.empty()) require_per_feature(context, offsets.size(), features, "offset");
  if (!scales.empty()) require_per_feature(context, scales.size(), features, "scale");
  Tensor& y = context.output(0, x.shape());
  const auto element = [&](std::span<const float> list, std::size_t i, double fallback) {
    if (list.empty()) return fallback;
    return static_cast<double>(list[list.size() == 1 ? 0 : i % list.size()]);
  };
  visit_dtype<FeatureTypes>(x.dtype(), [&]<class T>() {
    const auto from = x.as<T>();
    const auto to = y.as_mutable<float>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      to[i] = static_cast<float>((static_cast<double>(from[i]) - element(offsets, i, 0)) *
                                 element(scales, i, 1));
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> feature_kernels() {
  constexpr std::string_view ml = "ai.onnx.ml";
  return {
      {ml, "ArrayFeatureExtractor", kernels::run_array_feature_extractor},
      {ml, "Binarizer", kernels::run_binarizer},
      {ml, "FeatureVectorizer", kernels::run_feature_vectorizer},
      {ml, "Imputer", kernels::run_imputer},
      {ml, "Normalizer", kernels::run_normalizer},
      {ml, "Scaler", kernels::run_scaler},
  };
}

}  // namespace inlay::inline v0
