// Compiler spellings that kernels need: forced inlining, pointers without aliases, prefetching.
#pragma once

#if defined(_MSC_VER) && !defined(__clang__)
#define INLAY_INLINE __forceinline
#define INLAY_FLATTEN
#define INLAY_NOINLINE __declspec(noinline)
#define INLAY_COLD
#define INLAY_RESTRICT __restrict
#define INLAY_PREFETCH(p, writes) ((void)(p))
#define INLAY_PREFETCH_L2(p) ((void)(p))
#else
/// Inlined even in code that is not optimised, so that no out-of-line copy exists.
#define INLAY_INLINE inline __attribute__((always_inline))
/// Everything that the function calls is inlined into it.
#define INLAY_FLATTEN __attribute__((flatten))
/// Stays a call, also in a flattened function, and one copy: for rare and bulky work.
#if defined(__clang__)
#define INLAY_NOINLINE __attribute__((noinline))
#else
#define INLAY_NOINLINE __attribute__((noinline, noclone))
#endif
/// Small rather than fast: what runs once per model, or is next to nothing of a run.
#define INLAY_COLD __attribute__((cold))
#define INLAY_RESTRICT __restrict__
/// Fetches the cache line of `p`, which need not be a valid address.
#define INLAY_PREFETCH(p, writes) __builtin_prefetch(p, writes)
#define INLAY_PREFETCH_L2(p) __builtin_prefetch(p, 0, 2)
#endif
