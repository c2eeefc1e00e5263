// Operators that draw random numbers.
#include "backends/reference/random.hpp"

#include <algorithm>
#include <limits>

#include "backends/reference/arguments.hpp"
#include "backends/reference/cast.hpp"
#include "backends/reference/convert.hpp"
#include "backends/reference/generator.hpp"
#include "backends/reference/low_bits.hpp"

namespace inlay::inline v0::kernels {
namespace {

std::uint32_t seed_of(const KernelContext& context) {
  const Attribute* const seed = context.attributes().find("seed");
  // Dropout's seed is an integer, that of the other operators a float.
  if (const auto* integer = std::get_if<std::int64_t>(seed)) {
    return static_cast<std::uint32_t>(*integer);
  }
  const float number = context.attributes().real("seed", std::numeric_limits<float>::quiet_NaN());
  return std::isnan(number) ? std::random_device{}() : from_real<std::uint32_t>(number);
}

template <class Draw>
void fill(Tensor& y, Draw&& draw) {
  visit_dtype<Floats>(y.dtype(), [&]<class T>() {
    for (T& value : y.as_mutable<T>()) value = from_real<T>(draw());
  });
}

Shape random_shape(KernelContext& context) {
  return context.has_input(0) ? context.input(0).shape()
                              : Shape(context.attributes().integers("shape"));
}

void run_normal(KernelContext& context) {
  const double mean = context.attributes().real("mean", 0.0f);
  const double scale = context.attributes().real("scale", 1.0f);
  Random random(context);
  fill(context.output(0, random_shape(context)), [&] { return mean + scale * random.normal(); });
}

void run_uniform(KernelContext& context) {
  const double low = context.attributes().real("low", 0.0f);
  const double high = context.attributes().real("high", 1.0f);
  Random random(context);
  fill(context.output(0, random_shape(context)),
       [&] { return low + (high - low) * random.uniform(); });
}

/// True with probability p: as in numpy's binomial distribution, the rarer side is the one whose
/// draw lies above the odds of the other.
bool toss(Random& random, double p) {
  if (p <= 0.5) return random.uniform() > 1 - p;
  return random.uniform() <= 1 - (1 - p);
}

void run_bernoulli(KernelContext& context) {
  Random random(context);
  const Tensor& p = context.input(0);
  Tensor& y = context.output(0, p.shape());
  visit_dtype<Floats>(p.dtype(), [&]<class P>() {
    const auto probabilities = p.as<P>();
    visit_dtype<Union<Numbers, Types<bool>>>(y.dtype(), [&]<class T>() {
      const auto out = y.as_mutable<T>();
      for (std::size_t i = 0; i < out.size(); ++i) {
        const auto probability = static_cast<double>(probabilities[i]);
        if (!(probability >= 0 && probability <= 1)) {
          context.fail(ErrorCode::invalid_argument, "a probability lies outside [0, 1]");
        }
        out[i] = static_cast<T>(toss(random, probability) ? 1.0f : 0.0f);
      }
    });
  });
}

/// Draws by inverting the cumulative distribution of exp(input).
void run_multinomial(KernelContext& context) {
  Random random(context);
  const Tensor& x = context.input(0);
  if (x.rank() != 2 || x.dim(1) == 0) {
    context.fail(ErrorCode::shape_mismatch, "the input must be [batch, classes], with a class");
  }
  const std::int64_t classes = x.dim(1);
  const std::int64_t samples = context.attributes().integer("sample_size", 1);
  const auto cumulative = context.scratch<double>(classes);
  Tensor& y = context.output(0, {x.dim(0), samples});
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    visit_dtype<Indices>(y.dtype(), [&]<class Index>() {
      const T* logits = x.as<T>().data();
      Index* out = y.as_mutable<Index>().data();
      for (std::int64_t row = 0; row < x.dim(0); ++row, logits += classes, out += samples) {
        const double peak = static_cast<double>(*std::max_element(logits, logits + classes));
        double sum = 0;
        for (std::int64_t i = 0; i < classes; ++i) {
          sum += std::exp(static_cast<double>(logits[i]) - peak);
          cumulative[static_cast<std::size_t>(i)] = sum;
        }
        if (!std::isfinite(sum)) {
          context.fail(ErrorCode::invalid_argument,
                       "a row needs a finite log-probability, and none that is NaN or +infinity");
        }
        for (std::int64_t i = 0; i < samples; ++i) {
          const double at = random.uniform() * sum;
          const auto hit = std::upper_bound(cumulative.begin(), cumulative.end() - 1, at);
          out[i] = static_cast<Index>(hit - cumulative.begin());
        }
      }
    });
  });
}

/// Before opset 12 a Dropout never drops: those versions, run for inference, only copy.
bool is_training(const KernelContext& context) {
  return context.version() >= 12 && context.has_input(2) && context.input(2).item<bool>();
}

double dropout_ratio(const KernelContext& context) {
  double ratio = 0.5;
  if (context.has_input(1)) {
    const Tensor& given = context.input(1);
    const bool small = is_small_float(given.dtype()) && given.size() == 1;
    ratio = small ? get_small_float(given.dtype(), given.data(), 0) : real(given);
  }
  if (!(ratio >= 0 && ratio < 1)) {
    context.fail(ErrorCode::invalid_argument, "the ratio must lie in [0, 1)");
  }
  return ratio;
}

/// Output 1, where it is wanted, says for each element whether kept() does; its type was the data's
/// before opset 10.
template <class Kept>
void put_mask(KernelContext& context, const Shape& shape, Kept&& kept) {
  if (!context.has_output(1)) return;
  Tensor& mask = context.output(1, shape);
  visit_dtype<Union<Floats, Types<bool>>>(mask.dtype(), [&]<class T>() {
    for (T& value : mask.as_mutable<T>()) value = static_cast<T>(kept() ? 1.0f : 0.0f);
  });
}

void run_dropout(KernelContext& context) {
  const Tensor& x = context.input(0);
  const double ratio = is_training(context) ? dropout_ratio(context) : 0;
  if (ratio == 0) {
    put_mask(context, x.shape(), [] { return true; });
    return convert_elements(x, context.output(0, x.shape()));
  }
  // Copied for each output, so that both see the same draws.
  auto kept = [ratio, random = Random(context)]() mutable { return random.uniform() >= ratio; };
  put_mask(context, x.shape(), decltype(kept)(kept));
  Tensor& y = context.output(0, x.shape());
  const auto dropped = [&](double value) { return kept() ? value / (1 - ratio) : 0; };
  if (is_small_float(x.dtype())) {
    for (std::int64_t i = 0; i < x.size(); ++i) {
      set_small_float(x.dtype(), y.mutable_data(), i,
                      dropped(get_small_float(x.dtype(), x.data(), i)));
    }
    return;
  }
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const auto from = x.as<T>();
    const auto to = y.as_mutable<T>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      to[i] = from_real<T>(dropped(static_cast<double>(from[i])));
    }
  });
}

}  // namespace

Random::Random(const KernelContext& context) : engine_(seed_of(context)) {}

void add_random_kernels(std::vector<ReferenceKernel>& table) {
  table.push_back({"", "RandomNormal", run_normal});
  table.push_back({"", "RandomNormalLike", run_normal});
  table.push_back({"", "RandomUniform", run_uniform});
  table.push_back({"", "RandomUniformLike", run_uniform});
  table.push_back({"", "Bernoulli", run_bernoulli});
  table.push_back({"", "Multinomial", run_multinomial});
  table.push_back({"", "Dropout", run_dropout});
}

}  // namespace inlay::inline v0::kernels
