// DFT, STFT, MelWeightMatrix.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/reference/arguments.hpp"
#include "backends/reference/convert.hpp"
#include "backends/reference/fft.hpp"
#include "backends/reference/iterate.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

/// Numbers that lie `step` apart, a real part alone or with an imaginary part behind it.
template <class T>
struct ComplexLine {
  T* first;
  std::int64_t step;
  std::int64_t parts;  ///< 1 or 2

  Complex128 get(std::int64_t i) const {
    const T* at = first + i * step;
    return {static_cast<double>(at[0]), parts == 2 ? static_cast<double>(at[1]) : 0};
  }
  void put(std::int64_t i, const Complex128& value) const {
    T* at = first + i * step;
    at[0] = from_real<T>(value.real());
    if (parts == 2) at[1] = from_real<T>(value.imag());
  }
};

/// Transforms many lines of one length on all workers, each with memory of its own.
class LineTransforms {
 public:
  LineTransforms(KernelContext& context, std::int64_t length)
      : context_(context),
        fft_(context, length),
        share_(2 * length + fft_.workspace()),
        memory_(context.scratch<Complex128>(share_ * context.concurrency())) {}

  /// For each line: load(line, from) fills a span of `length`, store(line, to) reads its transform.
  template <class Load, class Store>
  void run(std::int64_t lines, const Load& load, const Store& store) const {
    const auto length = static_cast<std::size_t>(fft_.length());
    context_.parallel_for(lines, [&](std::int64_t line, int worker) {
      Complex128* const memory = memory_.data() + worker * share_;
      const std::span from(memory, length);
      const std::span to(memory + length, length);
      load(line, from);
      fft_.forward(from.data(), to.data(), memory + 2 * length);
      store(line, to);
    });
  }

 private:
  KernelContext& context_;
  Fft fft_;
  std::int64_t share_;
  std::span<Complex128> memory_;
};

/// 1 for real numbers, 2 for complex ones: the size of the last axis.
std::int64_t signal_parts(const KernelContext& context, const Shape& shape) {
  const std::int64_t parts = shape.rank() < 2 ? 0 : shape[shape.rank() - 1];
  if (parts != 1 && parts != 2) {
    context.fail(ErrorCode::shape_mismatch, "a signal of shape " + to_string(shape) +
                                                ": the last of its axes must hold a real part, or "
                                                "a real and an imaginary one");
  }
  return parts;
}

/// What a DFT node asks for.
struct DftPlan {
  bool inverse;
  bool onesided;
  int axis;
  std::int64_t length;
  std::int64_t parts;

  explicit DftPlan(const KernelContext& context)
      : inverse(context.attributes().integer("inverse", 0) != 0),
        onesided(context.attributes().integer("onesided", 0) != 0),
        parts(signal_parts(context, context.input(0).shape())) {
    const Shape& x = context.input(0).shape();
    std::int64_t given = context.version() < 20 ? context.attributes().integer("axis", 1) : -2;
    if (context.has_input(2)) given = integer(context.input(2));
    axis = normalize_axis(given, x.rank());
    if (axis == x.rank() - 1) {
      context.fail(ErrorCode::invalid_argument, "the last axis holds real and imaginary parts");
    }
    if (onesided && parts != (inverse ? 2 : 1)) {
      context.fail(ErrorCode::shape_mismatch,
                   inverse ? "onesided = 1 with inverse = 1 takes complex input only"
                           : "onesided = 1 takes real input only");
    }
    length = context.has_input(1) ? integer(context.input(1))
             : real_output()      ? 2 * (x[axis] - 1)
                                  : x[axis];
    if (length < 0 || length > Shape::max_elements) {
      context.fail(ErrorCode::invalid_argument,
                   "a transform of length " + std::to_string(length) + " is not possible");
    }
  }

  /// The inverse of a one-sided transform.
  bool real_output() const { return inverse && onesided; }
  /// Elements of the axis that a transform reads, where there are so many, and writes.
  std::int64_t read() const { return real_output() ? length / 2 + 1 : length; }
  std::int64_t written() const { return onesided && !inverse ? length / 2 + 1 : length; }
};

/// The conjugate of each frequency stands at its mirror image. As in all of the inverse transform,
/// real and imaginary parts are swapped here.
void mirror(std::span<Complex128> swapped) {
  const std::size_t n = swapped.size();
  for (std::size_t k = 1; 2 * k < n; ++k) {
    swapped[n - k] = {-swapped[k].real(), swapped[k].imag()};
  }
}

void run_dft(KernelContext& context) {
  const Tensor& x = context.input(0);
  const DftPlan plan(context);
  Shape shape = x.shape();
  shape[plan.axis] = plan.written();
  shape[shape.rank() - 1] = plan.real_output() ? 1 : 2;
  Tensor& y = context.output(0, shape);
  if (y.size() == 0) return;
  if (plan.length == 0) {  // a sum over nothing
    std::memset(y.mutable_data(), 0, y.bytes());
    return;
  }
  const std::int64_t axis_size = x.dim(plan.axis);
  const std::int64_t inner = x.shape().product(plan.axis + 1, x.rank() - 1);
  const std::int64_t outer = x.shape().product(0, plan.axis);
  const std::int64_t count = std::min(axis_size, plan.read());
  const double scale = plan.inverse ? 1 / static_cast<double>(plan.length) : 1;
  // With its parts swapped before and after, the forward transform is the inverse one.
  const auto oriented = [&](const Complex128& z) {
    return plan.inverse ? Complex128(z.imag(), z.real()) : z;
  };
  const LineTransforms transforms(context, plan.length);
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const auto line_of = [&](auto* data, std::int64_t line, std::int64_t size, std::int64_t parts) {
      const std::int64_t start = line / inner * size * inner + line % inner;
      return ComplexLine<std::remove_pointer_t<decltype(data)>>{data + start * parts, inner * parts,
                                                                parts};
    };
    const T* const from = x.as<T>().data();
    T* const to = y.as_mutable<T>().data();
    transforms.run(
        outer * inner,
        [&](std::int64_t line, std::span<Complex128> signal) {
          const auto source = line_of(from, line, axis_size, plan.parts);
          for (std::int64_t i = 0; i < count; ++i) {
            signal[static_cast<std::size_t>(i)] = oriented(source.get(i));
          }
          std::fill(signal.begin() + count, signal.end(), Complex128());
          if (plan.real_output()) mirror(signal);
        },
        [&](std::int64_t line, std::span<const Complex128> transformed) {
          const auto target = line_of(to, line, plan.written(), shape[shape.rank() - 1]);
          for (std::int64_t k = 0; k < plan.written(); ++k) {
            target.put(k, oriented(transformed[static_cast<std::size_t>(k)]) * scale);
          }
        });
  });
}

void run_stft(KernelContext& context) {
  const Tensor& x = context.input(0);
  if (x.rank() != 2 && x.rank() != 3) {
    context.fail(ErrorCode::shape_mismatch, "the signal must be [batch, length(, parts)]");
  }
  const std::int64_t parts = x.rank() == 2 ? 1 : signal_parts(context, x.shape());
  const std::int64_t total = x.dim(1);
  const std::int64_t step = integer(context.input(1));
  const bool onesided = context.attributes().integer("onesided", 1) != 0;
  if (onesided && parts == 2) {
    context.fail(ErrorCode::shape_mismatch, "onesided = 1 takes a real signal only");
  }
  const auto window =
      context.has_input(2) ? reals(context, context.input(2)) : std::span<const double>();
  const std::int64_t length = context.has_input(3)   ? integer(context.input(3))
                              : context.has_input(2) ? std::ssize(window)
                                                     : total;
  if (step < 1 || length < 1 || length > Shape::max_elements) {
    context.fail(ErrorCode::invalid_argument, "frame_step and frame_length must be 1 or more");
  }
  if (context.has_input(2) && (context.input(2).rank() != 1 || std::ssize(window) != length)) {
    context.fail(ErrorCode::shape_mismatch, "the window must be a list of frame_length numbers");
  }
  const std::int64_t frames = total < length ? 0 : (total - length) / step + 1;
  const std::int64_t bins = onesided ? length / 2 + 1 : length;
  Tensor& y = context.output(0, {x.dim(0), frames, bins, 2});
  if (y.size() == 0) return;
  const LineTransforms transforms(context, length);
  visit_dtype<Floats>(x.dtype(), [&]<class T>() {
    const T* const from = x.as<T>().data();
    T* const to = y.as_mutable<T>().data();
    transforms.run(
        x.dim(0) * frames,
        [&](std::int64_t line, std::span<Complex128> frame) {
          const std::int64_t start = line / frames * total + line % frames * step;
          const ComplexLine<const T> source{from + start * parts, parts, parts};
          for (std::size_t i = 0; i < frame.size(); ++i) {
            frame[i] = source.get(static_cast<std::int64_t>(i)) * (window.empty() ? 1 : window[i]);
          }
        },
        [&](std::int64_t line, std::span<const Complex128> spectrum) {
          const ComplexLine<T> target{to + line * bins * 2, 2, 2};
          for (std::int64_t k = 0; k < bins; ++k) {
            target.put(k, spectrum[static_cast<std::size_t>(k)]);
          }
        });
  });
}

double mel_of_hertz(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertz_of_mel(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

/// The height at `bin` of a triangle with its peak at `center`; all are whole numbers.
double triangle(double bin, double left, double center, double right) {
  if (bin == center) return 1;
  if (bin < center) return (bin - left) / (center - left);
  return (right - bin) / (right - center);
}

void run_mel_weight_matrix(KernelContext& context) {
  const std::int64_t bands = integer(context.input(0));
  const std::int64_t dft_length = integer(context.input(1));
  const std::int64_t sample_rate = integer(context.input(2));
  const double low = real(context.input(3));
  const double high = real(context.input(4));
  if (bands < 0 || dft_length < 0 || sample_rate < 1) {
    context.fail(ErrorCode::invalid_argument,
                 "num_mel_bins and dft_length must not be negative, sample_rate be 1 or more");
  }
  if (!(low >= 0 && low <= high && std::isfinite(high))) {
    context.fail(ErrorCode::invalid_argument,
                 "the edges must be finite, not negative, and the lower one come first");
  }
  const std::int64_t bins = dft_length / 2 + 1;
  Tensor& y = context.output(0, {bins, bands});
  if (y.size() == 0) return;
  std::memset(y.mutable_data(), 0, y.bytes());
  const double low_mel = mel_of_hertz(low);
  const double mel_step = (mel_of_hertz(high) - low_mel) / static_cast<double>(bands + 2);
  const auto edge = [&](std::int64_t i) {
    const double hertz = hertz_of_mel(low_mel + static_cast<double>(i) * mel_step);
    return std::floor((static_cast<double>(dft_length) + 1) * hertz /
                      static_cast<double>(sample_rate));
  };
  visit_dtype<Numbers>(y.dtype(), [&]<class T>() {
    T* const out = y.as_mutable<T>().data();
    for (std::int64_t band = 0; band < bands; ++band) {
      const double left = edge(band);
      const double center = edge(band + 1);
      const double right = edge(band + 2);
      const auto last = static_cast<double>(bins - 1);
      for (double bin = std::max(left, 0.0); bin <= std::min(right, last); ++bin) {
        out[static_cast<std::int64_t>(bin) * bands + band] =
            from_real<T>(triangle(bin, left, center, right));
      }
    }
  });
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> signal_kernels() {
  return {
      {"", "DFT", kernels::run_dft},
      {"", "STFT", kernels::run_stft},
      {"", "MelWeightMatrix", kernels::run_mel_weight_matrix},
  };
}

}  // namespace inlay::inline v0
