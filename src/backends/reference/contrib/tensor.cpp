// com.microsoft's operators that stand alone: Inverse, CDist, CropAndResize, ExpandDims,
// NGramRepeatBlock.
#include <cmath>

#include "backends/reference/arguments.hpp"
#include "backends/reference/contrib/contrib.hpp"
#include "backends/reference/convert.hpp"
#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::kernels {

namespace {

/// Turns [matrix | identity], n rows of 2 n, into [identity | inverse]: Gauss and Jordan's
/// elimination with row pivoting. A singular matrix gives infinities and NaNs.
void invert(double* rows, std::int64_t n) {
  const std::int64_t width = 2 * n;
  for (std::int64_t col = 0; col < n; ++col) {
    std::int64_t pivot = col;
    for (std::int64_t r = col + 1; r < n; ++r) {
      if (std::abs(rows[r * width + col]) > std::abs(rows[pivot * width + col])) pivot = r;
    }
    double* head = rows + col * width;
    if (pivot != col) std::swap_ranges(head, head + width, rows + pivot * width);
    const double divisor = head[col];
    for (std::int64_t c = 0; c < width; ++c) head[c] /= divisor;
    for (std::int64_t r = 0; r < n; ++r) {
      double* row = rows + r * width;
      const double factor = row[col];
      if (r == col || factor == 0) continue;
      for (std::int64_t c = 0; c < width; ++c) row[c] -= factor * head[c];
    }
  }
}

void run_inverse(KernelContext& context) {
  const Tensor& x = context.input(0);
  if (x.rank() < 2 || x.shape().back() != x.dim(x.rank() - 2)) {
    context.fail(ErrorCode::shape_mismatch, "the last two axes must form square matrices");
  }
  const std::int64_t n = x.shape().back();
  Tensor& y = context.output(0, x.shape());
  if (y.size() == 0) return;
  const auto rows = context.scratch<double>(Shape{n, 2, n}.elements());
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* from = x.as<T>().data();
    T* to = y.as_mutable<T>().data();
    for (std::int64_t done = 0; done < x.size(); done += n * n) {
      context.check_cancelled();
      std::fill(rows.begin(), rows.end(), 0.0);
      for (std::int64_t r = 0; r < n; ++r) {
        double* row = rows.data() + r * 2 * n;
        for (std::int64_t c = 0; c < n; ++c) row[c] = static_cast<double>(*from++);
        row[n + r] = 1;
      }
      invert(rows.data(), n);
      for (std::int64_t r = 0; r < n; ++r) {
        const double* row = rows.data() + r * 2 * n + n;
        to = std::transform(row, row + n, to, from_real<T>);
      }
    }
  });
}

/// Distances between the rows of two matrices.
void run_cdist(KernelContext& context) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(1);
  if (a.rank() != 2 || b.rank() != 2 || a.dim(1) != b.dim(1)) {
    context.fail(ErrorCode::shape_mismatch, to_string(a.shape()) + " and " + to_string(b.shape()) +
                                                " are not rows of one length");
  }
  const std::string_view metric = context.attributes().text("metric", "sqeuclidean");
  if (metric != "sqeuclidean" && metric != "euclidean") {
    context.fail(ErrorCode::unsupported, "no metric but euclidean and sqeuclidean is supported");
  }
  const std::int64_t width = a.dim(1);
  Tensor& y = context.output(0, {a.dim(0), b.dim(0)});
  visit_dtype<Types<float, double>>(a.dtype(), [&]<class T>() {
    const T* first = a.as<T>().data();
    const T* second = b.as<T>().data();
    T* to = y.as_mutable<T>().data();
    context.parallel_for(a.dim(0), [&](std::int64_t i, int) {
      for (std::int64_t j = 0; j < b.dim(0); ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < width; ++k) {
          const double difference = static_cast<double>(first[i * width + k]) -
                                    static_cast<double>(second[j * width + k]);
          sum += difference * difference;
        }
        to[i * b.dim(0) + j] = static_cast<T>(metric == "euclidean" ? std::sqrt(sum) : sum);
      }
    });
  });
}

/// Where the places of a crop along one axis lie in the image.
struct CropAxis {
  double first, step;
  std::int64_t size;

  /// From `begin` to `end`, as parts of the distance between the image's outermost elements.
  CropAxis(double begin, double end, std::int64_t image, std::int64_t crop)
      : first(begin * static_cast<double>(image - 1)), step(0), size(image) {
    if (crop > 1) {
      step = (end - begin) * static_cast<double>(image - 1) / static_cast<double>(crop - 1);
    } else {
      first = (begin + end) / 2 * static_cast<double>(image - 1);
    }
  }

  double at(std::int64_t i) const { return first + static_cast<double>(i) * step; }
  bool holds(double place) const { return place >= 0 && place <= static_cast<double>(size - 1); }
};

void run_crop_and_resize(KernelContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& boxes = context.input(1);
  const auto images = context.input(2).as<std::int32_t>();
  const auto crop = context.input(3).as<std::int32_t>();
  if (x.rank() != 4 || boxes.rank() != 2 || boxes.dim(1) != 4 || crop.size() != 2 ||
      static_cast<std::int64_t>(images.size()) != boxes.dim(0)) {
    context.fail(ErrorCode::shape_mismatch,
                 "needs images, boxes [count, 4], an image for each, and a height and a width");
  }
  if (crop[0] <= 0 || crop[1] <= 0) {
    context.fail(ErrorCode::invalid_argument, "the size of the crops must be positive");
  }
  const std::string_view mode = context.attributes().text("mode", "bilinear");
  if (mode != "bilinear" && mode != "nearest") {
    context.fail(ErrorCode::invalid_graph, "mode must be bilinear or nearest");
  }
  const double outside = context.attributes().real("extrapolation_value", 0);
  const std::int64_t height = x.dim(2), width = x.dim(3);
  Tensor& y = context.output(0, {boxes.dim(0), x.dim(1), crop[0], crop[1]});
  for (const std::int64_t image : images) {
    if (image < 0 || image >= x.dim(0)) {
      context.fail(ErrorCode::execution, "a box names an image that is not in the batch");
    }
  }
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    context.parallel_for(boxes.dim(0) * x.dim(1), [&](std::int64_t task, int) {
      const std::int64_t box = task / x.dim(1), channel = task % x.dim(1);
      const T* edges = boxes.as<T>().data() + box * 4;  // y1, x1, y2, x2
      const auto edge = [&](int i) { return static_cast<double>(edges[i]); };
      const CropAxis rows(edge(0), edge(2), height, crop[0]);
      const CropAxis columns(edge(1), edge(3), width, crop[1]);
      const T* image =
          x.as<T>().data() +
          (images[static_cast<std::size_t>(box)] * x.dim(1) + channel) * height * width;
      T* to = y.as_mutable<T>().data() + task * crop[0] * crop[1];
      for (std::int64_t r = 0; r < crop[0]; ++r) {
        for (std::int64_t c = 0; c < crop[1]; ++c) {
          const double at_y = rows.at(r), at_x = columns.at(c);
          double value = outside;
          const auto pixel = [&](double row, double column) {
            return static_cast<double>(
                image[static_cast<std::int64_t>(row) * width + static_cast<std::int64_t>(column)]);
          };
          if (rows.holds(at_y) && columns.holds(at_x) && mode == "nearest") {
            value = pixel(std::round(at_y), std::round(at_x));
          } else if (rows.holds(at_y) && columns.holds(at_x)) {
            const double top = std::floor(at_y), left = std::floor(at_x);
            const double bottom = std::ceil(at_y), right = std::ceil(at_x);
            const double dx = at_x - left, dy = at_y - top;
            const double upper = pixel(top, left) * (1 - dx) + pixel(top, right) * dx;
            const double lower = pixel(bottom, left) * (1 - dx) + pixel(bottom, right) * dx;
            value = upper * (1 - dy) + lower * dy;
          }
          *to++ = from_real<T>(value);
        }
      }
    });
  });
}

void run_expand_dims(KernelContext& context) {
  Shape shape = context.input(0).shape();
  shape.insert(normalize_axis(integer(context.input(1)), shape.rank() + 1), 1);
  context.output_view(0, 0, shape);
}

/// Gives -infinity to each token that would complete a run of `ngram_size` tokens seen before.
void run_ngram_repeat_block(KernelContext& context) {
  const Tensor& ids = context.input(0);
  const Tensor& scores = context.input(1);
  const std::int64_t size = context.attributes().integer("ngram_size", 0);
  if (size < 1) context.fail(ErrorCode::invalid_graph, "ngram_size must be positive");
  if (ids.rank() != 2 || scores.rank() != 2 || ids.dim(0) != scores.dim(0)) {
    context.fail(ErrorCode::shape_mismatch, "ids and scores must be [batch, ...]");
  }
  const std::int64_t length = ids.dim(1), vocabulary = scores.dim(1);
  const std::int64_t batch = size <= length ? ids.dim(0) : 0;
  Tensor& y = context.output(0, scores.shape());
  const auto from = scores.as<float>();
  const auto to = y.as_mutable<float>();
  std::copy(from.begin(), from.end(), to.begin());
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::int64_t* tokens = ids.as<std::int64_t>().data() + b * length;
    const std::int64_t* tail = tokens + length - (size - 1);  // the tokens to go on from
    for (std::int64_t i = 0; i <= length - size; ++i) {
      if (!std::equal(tokens + i, tokens + i + size - 1, tail)) continue;
      const std::int64_t token = tokens[i + size - 1];
      if (token < 0 || token >= vocabulary) {
        context.fail(ErrorCode::execution,
                     "token " + std::to_string(token) + " is not in the vocabulary");
      }
      to[static_cast<std::size_t>(b * vocabulary + token)] =
          -std::numeric_limits<float>::infinity();
    }
  }
}

}  // namespace

void add_contrib_tensor_kernels(std::vector<ReferenceKernel>& table) {
  constexpr std::string_view microsoft = "com.microsoft";
  table.push_back({microsoft, "Inverse", run_inverse});
  table.push_back({microsoft, "CDist", run_cdist});
  table.push_back({microsoft, "CropAndResize", run_crop_and_resize});
  table.push_back({microsoft, "ExpandDims", run_expand_dims});
  table.push_back({microsoft, "NGramRepeatBlock", run_ngram_repeat_block});
}

}  // namespace inlay::inline v0::kernels
