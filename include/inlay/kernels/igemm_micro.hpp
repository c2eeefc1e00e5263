// The innermost GEMM on codes: a tile of sums held in registers.
#pragma once

#include <inlay/kernels/byte_dot.hpp>
#include <inlay/kernels/code_vectors.hpp>
#include <inlay/kernels/gemm_epilogue.hpp>
#include <inlay/kernels/igemm_problem.hpp>

namespace inlay::inline v0::kernels {

/// Steps that sum up k products.
template <class A>
INLAY_INLINE constexpr std::int64_t dot_steps(std::int64_t k) {
  return ceil_div(k, dot_depth<A>);
}

/// Bytes of one step of a packed panel of B.
template <class A>
inline constexpr int panel_bytes = GemmBlocking<A>::vecs* dot_bytes<A>;

/// The output of a task's columns and what it takes besides sums of products S: the exact product
/// is
///   P = S + terms[j] - row_zeros[i] * col_sums[j] - row_factors[i] * col_zeros[j].
/// Arrays of columns begin with the task's first one and hold whole panels.
struct IgemmOutput {
  const IntegerGemmProblem* problem;
  std::int64_t first_row, first_col;  ///< of the rows that are packed, of the task
  const std::int32_t* terms;
  const float* scales;              ///< of columns
  const std::int32_t* row_zeros;    ///< null: the last two terms are absent
  const std::int32_t* row_factors;  ///< may be null
  const std::int32_t *col_sums, *col_zeros;
};

namespace detail {

/// Finishes one register of sums: `lanes` columns from column `col` on of row `row`, both within
/// the task. `scaled` takes those that have further to go.
template <class A, IntegerOutput Kind>
INLAY_INLINE void igemm_finish_register(const Vec<std::int32_t, A>& sum, const IgemmOutput& out,
                                        std::int64_t row, std::int64_t col, std::size_t lanes,
                                        float* scaled) {
  using Vi = Vec<std::int32_t, A>;
  const IntegerGemmProblem& problem = *out.problem;
  Vi product = sum + load<std::int32_t, A>(out.terms + col);
  if (out.row_zeros != nullptr) {
    product -= Vi(out.row_zeros[row]) * load<std::int32_t, A>(out.col_sums + col);
    if (out.row_factors != nullptr) {
      product -= Vi(out.row_factors[row]) * load<std::int32_t, A>(out.col_zeros + col);
    }
  }
  const std::int64_t i = out.first_row + row, at = i * problem.ldc + out.first_col + col;
  if constexpr (Kind == IntegerOutput::integers) {
    return store_first<std::int32_t, A>(static_cast<std::int32_t*>(problem.c) + at, product, lanes);
  }
  Vec<float, A> scale = load<float, A>(out.scales + col);
  if (problem.row_scales.data != nullptr) scale *= Vec<float, A>(problem.row_scales.get(i, 1.0f));
  const Vec<float, A> value = to_floats<A>(product) * scale;
  if constexpr (Kind == IntegerOutput::floats) return store<float, A>(scaled, value);
  const Vi codes = round_to_codes<A>(value) + Vi(problem.zero);
  if (problem.c_is_signed) {
    store_codes<std::int8_t, A>(static_cast<std::int8_t*>(problem.c) + at, codes, lanes);
  } else {
    store_codes<std::uint8_t, A>(static_cast<std::uint8_t*>(problem.c) + at, codes, lanes);
  }
}

/// Finishes a tile of sums whose first row and column count from the task's.
template <class A, IntegerOutput Kind>
INLAY_FLATTEN void igemm_finish(const std::int32_t* acc, const IgemmOutput& out,
                                const GemmTile& tile) {
  using Blocking = GemmBlocking<A>;
  constexpr std::int64_t size = lanes<std::int32_t, A>;
  alignas(64) float scaled[Blocking::mr * Blocking::nr];
  for (std::int64_t j = 0; j < tile.cols; j += size) {
    const std::int64_t left = tile.cols - j < size ? tile.cols - j : size;
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      igemm_finish_register<A, Kind>(load<std::int32_t, A>(acc + r * Blocking::nr + j), out,
                                     tile.row + r, tile.col + j, static_cast<std::size_t>(left),
                                     scaled + r * Blocking::nr + j);
    }
  }
  if constexpr (Kind == IntegerOutput::floats) {
    const IntegerGemmProblem& problem = *out.problem;
    const GemmOutput floats{static_cast<float*>(problem.c), problem.ldc, &problem.epilogue, true,
                            true};
    gemm_finish<A>(scaled, Blocking::nr, floats,
                   {out.first_row + tile.row, out.first_col + tile.col, tile.rows, tile.cols});
  }
}

template <class A>
INLAY_NOINLINE void igemm_finish(const std::int32_t* acc, const IgemmOutput& out,
                                 const GemmTile& tile) {
  switch (out.problem->output) {
    case IntegerOutput::integers:
      return igemm_finish<A, IntegerOutput::integers>(acc, out, tile);
    case IntegerOutput::floats:
      return igemm_finish<A, IntegerOutput::floats>(acc, out, tile);
    case IntegerOutput::codes:
      return igemm_finish<A, IntegerOutput::codes>(acc, out, tile);
  }
}

}  // namespace detail

/// Rows of dot words in memory: word p of row r at data + r * stride + 4 * p, unsigned codes.
struct DotRows {
  const std::uint8_t* data = nullptr;
  std::int64_t stride = 0;  ///< in bytes
};

/// Sums up `steps` words of each row with each column of b, and finishes the tile: Rows rows and
/// Vecs registers of columns, of which the tile may want fewer columns.
template <class A, int Rows, int Vecs>
INLAY_FLATTEN void igemm_micro(std::int64_t steps, const DotRows& a,
                               const std::int8_t* INLAY_RESTRICT b, const IgemmOutput& out,
                               const GemmTile& tile) {
  using Blocking = GemmBlocking<A>;
  using Sum = Vec<std::int32_t, A>;
  constexpr int size = static_cast<int>(lanes<std::int32_t, A>);
  constexpr int reach = 3;  // rows that one address serves: x86 scales a stride by 0, 1 and 2
  constexpr int bases = (Rows + reach - 1) / reach;
  const std::int64_t stride = a.stride;
  const std::uint8_t* rows[bases];
  unroll<bases>([&](auto i) { rows[i] = a.data + i * reach * stride; });
  Sum sums[Rows][Vecs];
  const auto each = [](auto f) {
    unroll<Rows>([&](auto r) { unroll<Vecs>([&](auto v) { f(r, v); }); });
  };
  each([&](auto r, auto v) { sums[r][v] = broadcast<std::int32_t, A>(0); });
  for (std::int64_t p = 0; p < steps; ++p) {
    Sum columns[Vecs];
    unroll<Vecs>([&](auto v) { columns[v] = load_columns<A>(b + v * dot_bytes<A>); });
    unroll<Rows>([&](auto r) {
      const Sum row = broadcast_word<A>(rows[r / reach] + r % reach * stride);
      unroll<Vecs>([&](auto v) { sums[r][v] = dot<A>(sums[r][v], row, columns[v]); });
    });
    unroll<bases>([&](auto i) { rows[i] += sizeof(DotWord); });
    b += panel_bytes<A>;
  }
  alignas(64) std::int32_t acc[Rows * Blocking::nr];
  each([&](auto r, auto v) {
    store<std::int32_t, A>(acc + r * Blocking::nr + v * size, sums[r][v]);
  });
  detail::igemm_finish<A>(acc, out, tile);
}

template <class A>
using IgemmMicro = void (*)(std::int64_t steps, const DotRows& a, const std::int8_t* b,
                            const IgemmOutput& out, const GemmTile& tile);

/// igemm_micro for every number of rows (first index, less one) and of registers (second, less
/// one).
template <class A>
struct IgemmMicroTable {
  IgemmMicro<A> entries[GemmBlocking<A>::mr][GemmBlocking<A>::vecs];
};

template <class A>
inline constexpr IgemmMicroTable<A> igemm_micro_table = [
]<int... R>(std::integer_sequence<int, R...>) {
  return IgemmMicroTable<A>{{{&igemm_micro<A, R + 1, 1>, &igemm_micro<A, R + 1, 2>}...}};
}
(std::make_integer_sequence<int, GemmBlocking<A>::mr>{});

}  // namespace inlay::inline v0::kernels
