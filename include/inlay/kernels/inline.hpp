// Compiler spellings that kernels need: forced inlining and pointers without aliases.
#pragma once

#if defined(_MSC_VER) && !defined(__clang__)
#define INLAY_INLINE __forceinline
#define INLAY_FLATTEN
#define INLAY_NOINLINE __declspec(noinline)
#define INLAY_RESTRICT __restrict
#else
/// Inlined even in code that is not optimised, so that no out-of-line copy exists.
#define INLAY_INLINE inline __attribute__((always_inline))
/// Everything that the function calls is inlined into it.
#define INLAY_FLATTEN __attribute__((flatten))
/// Stays a call, also in a flattened function: for rare and bulky work.
#define INLAY_NOINLINE __attribute__((noinline))
#define INLAY_RESTRICT __restrict__
#endif
