// Depthwise convolution of 8-bit codes with channels last: taps are interleaved into dot words.
#pragma once

#include <inlay/kernels/byte_lanes.hpp>
#include <inlay/kernels/code_vectors.hpp>
#include <inlay/kernels/gemm_epilogue.hpp>
#include <inlay/kernels/integer_conv_problem.hpp>

namespace inlay::inline v0::kernels {

INLAY_INLINE bool is_integer_depthwise(const ConvShape& s) {
  return s.groups > 1 && s.groups == s.channels && s.groups == s.filters;
}

namespace detail {

/// Channels in blocks of a register of bytes. The last one begins early so that it is full, if
/// there are so many channels.
template <class A>
struct ChannelBlocks {
  std::int64_t channels;

  INLAY_INLINE std::int64_t count() const { return ceil_div(channels, byte_lanes<A>); }
  INLAY_INLINE std::int64_t first(std::int64_t block) const {
    const std::int64_t at = block * byte_lanes<A>, last = channels - byte_lanes<A>;
    return at < last ? at : last > 0 ? last : 0;
  }
  INLAY_INLINE std::int64_t size() const {
    return channels < byte_lanes<A> ? channels : byte_lanes<A>;
  }
};

/// Dot words that cover a kernel's taps.
template <class A>
INLAY_INLINE std::int64_t depthwise_steps(const ConvShape& s) {
  return ceil_div(s.kernel.count(), std::int64_t{dot_depth<A>});
}

template <class A>
inline constexpr std::int64_t depthwise_step_bytes = 4 * dot_bytes<A>;

/// A task's working memory.
struct DepthwiseScratch {
  std::int32_t *terms, *zeros;  ///< of channels, as their blocks want them
  float* scales;
  const std::uint8_t** taps;  ///< where each tap of a window lies
  std::uint8_t* outside;      ///< the codes of a pixel outside the image
};

template <class A>
INLAY_INLINE std::int64_t depthwise_scratch_words(const ConvShape& s) {
  const std::int64_t padded = ChannelBlocks<A>{s.channels}.count() * byte_lanes<A>;
  return 3 * padded + 2 * depthwise_steps<A>(s) * dot_depth<A> + ceil_div(padded, 4);
}

template <class A>
INLAY_INLINE DepthwiseScratch cut_depthwise_scratch(const ConvShape& s, DotWord* scratch) {
  const std::int64_t padded = ChannelBlocks<A>{s.channels}.count() * byte_lanes<A>;
  auto* const integers = reinterpret_cast<std::int32_t*>(scratch);
  DotWord* const rest = scratch + 3 * padded;
  return {integers, integers + padded, reinterpret_cast<float*>(integers + 2 * padded),
          reinterpret_cast<const std::uint8_t**>(rest),
          reinterpret_cast<std::uint8_t*>(rest + 2 * depthwise_steps<A>(s) * dot_depth<A>)};
}

/// The code that weights are packed less, and what zero points are then too low by.
INLAY_INLINE std::uint32_t depthwise_w_zero(const IntegerConvProblem& problem,
                                            std::int64_t channel) {
  return static_cast<std::uint32_t>(problem.w_zeros.get(channel, 0) -
                                    (problem.w_is_signed ? 0 : 128));
}

/// Fills terms, zeros and scales: S = sum x w + term - zero * sum x.
template <class A>
INLAY_COLD void depthwise_terms(const IntegerConvProblem& problem, const DepthwiseScratch& to) {
  const ConvShape& s = problem.shape;
  const ChannelBlocks<A> blocks{s.channels};
  const auto x_zero = static_cast<std::uint32_t>(problem.x_zero + (problem.x_is_signed ? 128 : 0));
  constexpr auto size = static_cast<std::int64_t>(lanes<std::int32_t, A>);
  for (std::int64_t block = 0; block < blocks.count(); ++block) {
    for (std::int64_t i = 0; i < byte_lanes<A>; ++i) {
      const std::int64_t at = block * byte_lanes<A> + i;
      const std::int64_t channel = blocks.first(block) + byte_channel(i / size, i % size);
      to.terms[at] = to.zeros[at] = 0, to.scales[at] = 0;
      if (channel >= s.channels) continue;
      const std::uint32_t w_zero = depthwise_w_zero(problem, channel);
      const auto sum = static_cast<std::uint32_t>(problem.sums[channel]);
      const auto bias =
          static_cast<std::uint32_t>(problem.bias != nullptr ? problem.bias[channel] : 0);
      const auto taps = static_cast<std::uint32_t>(s.kernel.count());
      to.terms[at] = static_cast<std::int32_t>(bias - x_zero * sum + taps * x_zero * w_zero);
      to.zeros[at] = static_cast<std::int32_t>(w_zero);
      to.scales[at] = problem.scales.get(channel, 1.0f);
    }
  }
}

/// Points at the taps of the window whose first one is at (z, y, x); those past the kernel see what
/// is outside.
template <class A>
INLAY_INLINE void depthwise_taps(const ConvShape& s, const std::uint8_t* image, std::int64_t z,
                                 std::int64_t y, std::int64_t x, const DepthwiseScratch& to) {
  std::int64_t t = 0;
  for (std::int64_t tz = 0; tz < s.kernel.d; ++tz) {
    const std::int64_t at_z = z + tz * s.dilation.d;
    for (std::int64_t ty = 0; ty < s.kernel.h; ++ty) {
      const std::int64_t at_y = y + ty * s.dilation.h;
      const bool is_line = at_z >= 0 && at_z < s.in.d && at_y >= 0 && at_y < s.in.h;
      const std::int64_t line = (at_z * s.in.h + at_y) * s.in.w;
      for (std::int64_t tx = 0; tx < s.kernel.w; ++tx) {
        const std::int64_t at_x = x + tx * s.dilation.w;
        const bool is_inside = is_line && at_x >= 0 && at_x < s.in.w;
        to.taps[t++] = is_inside ? image + (line + at_x) * s.channels : to.outside;
      }
    }
  }
  while (t < depthwise_steps<A>(s) * dot_depth<A>) to.taps[t++] = to.outside;
}

/// Writes one output pixel. Without Extra codes of x are unsigned, zero points of weights zero, and
/// the output codes.
template <class A, bool Extra>
INLAY_INLINE void depthwise_pixel(const IntegerConvProblem& problem, const DepthwiseScratch& cut,
                                  void* to) {
  using Vi = Vec<std::int32_t, A>;
  constexpr auto size = static_cast<std::int64_t>(lanes<std::int32_t, A>);
  const ConvShape& s = problem.shape;
  const ChannelBlocks<A> blocks{s.channels};
  const std::int64_t steps = depthwise_steps<A>(s), n = blocks.size();
  const std::int8_t* weights = problem.weights;
  const Vi flip(Extra && problem.x_is_signed ? static_cast<std::int32_t>(0x80808080u) : 0);
  for (std::int64_t block = 0; block < blocks.count(); ++block) {
    const std::int64_t first = blocks.first(block);
    Vi sums[4], x_sums[4];
    unroll<4>([&](auto part) { sums[part] = x_sums[part] = Vi(0); });
    for (std::int64_t step = 0; step < steps; ++step) {
      Vi bytes[dot_depth<A>], words[4];
      unroll<dot_depth<A>>([&](auto i) {
        const std::uint8_t* const tap = cut.taps[step * dot_depth<A> + i] + first;
        bytes[i] = n == byte_lanes<A> ? load_channels<A>(tap) : load_channels<A>(tap, n);
        if constexpr (Extra) bytes[i] = bytes[i] ^ flip;
      });
      interleave_words<A>(bytes, words);
      unroll<4>([&](auto part) {
        sums[part] =
            dot<A>(sums[part], words[part], load_columns<A>(weights + part * dot_bytes<A>));
      });
      weights += depthwise_step_bytes<A>;
      if constexpr (Extra) {
        const std::int64_t taps = s.kernel.count() - step * dot_depth<A>;
        std::int8_t ones[dot_bytes<A>] = {};
        for (std::int64_t i = 0; i < dot_bytes<A>; ++i) ones[i] = i % dot_depth<A> < taps;
        unroll<4>([&](auto part) {
          x_sums[part] = dot<A>(x_sums[part], words[part], load_columns<A>(ones));
        });
      }
    }
    const std::int64_t at = block * byte_lanes<A>;
    unroll<4>([&](auto part) {
      sums[part] += load<std::int32_t, A>(cut.terms + at + part * size);
      if constexpr (Extra) {
        sums[part] -= load<std::int32_t, A>(cut.zeros + at + part * size) * x_sums[part];
      }
    });
    if constexpr (Extra) {
      if (problem.output == IntegerOutput::integers) {
        alignas(64) std::int32_t channels[byte_lanes<A>];
        unroll<4>([&](auto part) { store<std::int32_t, A>(channels + part * size, sums[part]); });
        for (std::int64_t i = 0; i < byte_lanes<A>; ++i) {
          const std::int64_t channel = byte_channel(i / size, i % size);
          if (channel < n) static_cast<std::int32_t*>(to)[first + channel] = channels[i];
        }
        continue;
      }
    }
    unroll<4>([&](auto part) {
      const auto scale = load<float, A>(cut.scales + at + part * size);
      sums[part] = round_to_codes<A>(to_floats<A>(sums[part]) * scale) + Vi(problem.y_zero);
    });
    if (problem.y_is_signed) {
      store_channels<std::int8_t, A>(static_cast<std::int8_t*>(to) + first, sums, n);
    } else {
      store_channels<std::uint8_t, A>(static_cast<std::uint8_t*>(to) + first, sums, n);
    }
  }
}

template <class A, bool Extra>
INLAY_FLATTEN void depthwise_lines(const IntegerConvProblem& problem, std::int64_t begin,
                                   std::int64_t end, const DepthwiseScratch& cut) {
  const ConvShape& s = problem.shape;
  const std::int64_t bytes = problem.output == IntegerOutput::codes ? 1 : 4;
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t y = line % s.out.h, rest = line / s.out.h;
    const std::int64_t z = rest % s.out.d, image = rest / s.out.d;
    const std::uint8_t* const from = problem.input + image * s.in.count() * s.channels;
    auto* to = static_cast<std::uint8_t*>(problem.y) + line * s.out.w * s.channels * bytes;
    for (std::int64_t x = 0; x < s.out.w; ++x, to += s.channels * bytes) {
      depthwise_taps<A>(s, from, z * s.stride.d - s.pad.d, y * s.stride.h - s.pad.h,
                        x * s.stride.w - s.pad.w, cut);
      depthwise_pixel<A, Extra>(problem, cut, to);
    }
  }
}

}  // namespace detail

/// As integer_conv_packed_size and the functions after it, where is_integer_depthwise.
template <class A>
std::int64_t integer_depthwise_packed_size(const ConvShape& s) {
  return detail::ChannelBlocks<A>{s.channels}.count() * detail::depthwise_steps<A>(s) *
         detail::depthwise_step_bytes<A>;
}

template <class A>
INLAY_COLD void integer_depthwise_pack(const ConvShape& s, const std::uint8_t* weights,
                                       bool is_signed, std::int8_t* packed, std::int32_t* sums) {
  constexpr auto size = static_cast<std::int64_t>(lanes<std::int32_t, A>);
  const std::uint8_t flip = is_signed ? 0 : 0x80;
  const std::int64_t taps = s.kernel.count();
  const auto weight = [&](std::int64_t channel, std::int64_t tap) {
    return static_cast<std::int8_t>(weights[channel * taps + tap] ^ flip);
  };
  for (std::int64_t channel = 0; channel < s.channels; ++channel) {
    sums[channel] = 0;
    for (std::int64_t t = 0; t < taps; ++t) sums[channel] += weight(channel, t);
  }
  const detail::ChannelBlocks<A> blocks{s.channels};
  for (std::int64_t block = 0; block < blocks.count(); ++block) {
    for (std::int64_t step = 0; step < detail::depthwise_steps<A>(s); ++step) {
      for (std::int64_t i = 0; i < byte_lanes<A>; ++i) {
        const std::int64_t channel = blocks.first(block) + byte_channel(i / size, i % size);
        for (std::int64_t t = step * dot_depth<A>; t < (step + 1) * dot_depth<A>; ++t) {
          *packed++ = channel < s.channels && t < taps ? weight(channel, t) : std::int8_t{0};
        }
      }
    }
  }
}

template <class A>
INLAY_COLD IntegerConvPlan integer_depthwise_plan(const ConvShape& s, std::int64_t wanted_tasks) {
  const std::int64_t lines = s.batch * s.out.d * s.out.h;
  const std::int64_t products = s.out.w * s.channels * s.kernel.count();
  const std::int64_t repaying = ceil_div(min_task_products, products > 0 ? products : 1);
  const std::int64_t even = ceil_div(lines, wanted_tasks > 0 ? wanted_tasks : 1);
  IntegerConvPlan plan;
  plan.rows = even > repaying ? even : repaying;
  plan.task_count = products == 0 ? 0 : ceil_div(lines, plan.rows);
  plan.scratch_words = static_cast<std::size_t>(detail::depthwise_scratch_words<A>(s));
  return plan;
}

template <class A>
void integer_depthwise_task(const IntegerConvProblem& problem, const IntegerConvPlan& plan,
                            std::int64_t task, DotWord* scratch) {
  const ConvShape& s = problem.shape;
  const detail::DepthwiseScratch cut = detail::cut_depthwise_scratch<A>(s, scratch);
  detail::depthwise_terms<A>(problem, cut);
  std::memset(cut.outside, problem.x_zero & 0xff, static_cast<std::size_t>(s.channels));
  const std::int64_t lines = s.batch * s.out.d * s.out.h, begin = task * plan.rows;
  const std::int64_t end = begin + plan.rows < lines ? begin + plan.rows : lines;
  bool has_zeros = false;
  for (std::int64_t c = 0; c < s.channels; ++c) {
    has_zeros |= detail::depthwise_w_zero(problem, c) != 0;
  }
  if (has_zeros || problem.x_is_signed || problem.output == IntegerOutput::integers) {
    detail::depthwise_lines<A, true>(problem, begin, end, cut);
  } else {
    detail::depthwise_lines<A, false>(problem, begin, end, cut);
  }
}

}  // namespace inlay::inline v0::kernels
