/* simd_vec.h: the tier that this file is compiled for, and vectors of it by the compilers' vector extensions.

   Each file of this folder is compiled once for each tier, with TSR_TIER its name: TIER(f) makes f_avx2 and so on of the
   names that the linker sees. vec32 and vec64 are vectors of float and double as wide as the tier has them, mask32 and
   mask64 what comparing them gives (all bits set where true). */
#ifndef SIMD_VEC_H
#define SIMD_VEC_H

#include <stdint.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define TIER_PASTE_(name, tier) name##_##tier
#define TIER_PASTE(name, tier) TIER_PASTE_(name, tier)
#define TIER(name) TIER_PASTE(name, TSR_TIER)

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

enum { LANES32 = VECTOR_BYTES / 4, LANES64 = VECTOR_BYTES / 8 };

typedef float vec32 __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t mask32 __attribute__((vector_size(VECTOR_BYTES)));
typedef double vec64 __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t mask64 __attribute__((vector_size(VECTOR_BYTES)));
/* As many floats as vec64 has lanes, for conversions. */
typedef float half32 __attribute__((vector_size(VECTOR_BYTES / 2)));

#define VECTOR_INLINE static inline __attribute__((always_inline))

/* Apart, so that the rare ends of rows do not bloat every loop. */
__attribute__((noinline, unused)) static void copy_bytes(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
}

/* The first n lanes of a vector, 0 < n < lanes, from and to memory; the rest is 0, and is not touched. Not by
   way of other memory: a load of several short stores waits for all of them. */
#if defined(__AVX512F__)
#define FIRST_LANES(real, vec, suffix, masks, ps)                                                                      \
    VECTOR_INLINE vec load_first##suffix(const real *from, int64_t n)                                                  \
    {                                                                                                                  \
        return _mm512_maskz_loadu_##ps((masks)((1u << n) - 1), from);                                                  \
    }                                                                                                                  \
    VECTOR_INLINE void store_first##suffix(real *to, vec x, int64_t n)                                                 \
    {                                                                                                                  \
        _mm512_mask_storeu_##ps(to, (masks)((1u << n) - 1), x);                                                        \
    }
FIRST_LANES(float, vec32, 32, __mmask16, ps)
FIRST_LANES(double, vec64, 64, __mmask8, pd)
#elif defined(__AVX2__)
VECTOR_INLINE __m256i first_bytes(int64_t n)
{
    static const int32_t set_then_clear[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const void *)((const char *)set_then_clear + 32 - n));
}

#define FIRST_LANES(real, vec, suffix, ps)                                                                             \
    VECTOR_INLINE vec load_first##suffix(const real *from, int64_t n)                                                  \
    {                                                                                                                  \
        return _mm256_maskload_##ps(from, first_bytes(n * (int64_t)sizeof(real)));                                     \
    }                                                                                                                  \
    VECTOR_INLINE void store_first##suffix(real *to, vec x, int64_t n)                                                 \
    {                                                                                                                  \
        _mm256_maskstore_##ps(to, first_bytes(n *(int64_t)sizeof(real)), x);                                           \
    }
FIRST_LANES(float, vec32, 32, ps)
FIRST_LANES(double, vec64, 64, pd)
#else
#define FIRST_LANES(real, vec, suffix)                                                                                 \
    VECTOR_INLINE vec load_first##suffix(const real *from, int64_t n)                                                  \
    {                                                                                                                  \
        vec x = {0};                                                                                                   \
        copy_bytes(&x, from, (size_t)n * sizeof(real));                                                                \
        return x;                                                                                                      \
    }                                                                                                                  \
    VECTOR_INLINE void store_first##suffix(real *to, vec x, int64_t n) { copy_bytes(to, &x, (size_t)n * sizeof(real)); }
FIRST_LANES(float, vec32, 32)
FIRST_LANES(double, vec64, 64)
#endif

#define VECTOR_FUNCTIONS(real, vec, mask, lanes, suffix)                                                               \
    VECTOR_INLINE vec splat##suffix(real x) { return x - (vec){0}; }                                                   \
    VECTOR_INLINE vec load##suffix(const real *from)                                                                   \
    {                                                                                                                  \
        vec x;                                                                                                         \
        memcpy(&x, from, sizeof x);                                                                                    \
        return x;                                                                                                      \
    }                                                                                                                  \
    VECTOR_INLINE void store##suffix(real *to, vec x) { memcpy(to, &x, sizeof x); }                                    \
    /* The first n elements, 0 < n; beyond `lanes` all are taken. The rest of the vector is 0. */                      \
    VECTOR_INLINE vec load_some##suffix(const real *from, int64_t n)                                                   \
    {                                                                                                                  \
        return n >= lanes ? load##suffix(from) : load_first##suffix(from, n);                                          \
    }                                                                                                                  \
    VECTOR_INLINE void store_some##suffix(real *to, vec x, int64_t n)                                                  \
    {                                                                                                                  \
        if (n >= lanes) store##suffix(to, x);                                                                          \
        else store_first##suffix(to, x, n);                                                                            \
    }                                                                                                                  \
    /* Element i of a row that has n, and those after it; or, where step is 0, its one element throughout. */          \
    VECTOR_INLINE vec fetch##suffix(const void *row, int step, int64_t i, int64_t n)                                   \
    {                                                                                                                  \
        const real *from = row;                                                                                        \
        return step ? load_some##suffix(from + i, n - i) : splat##suffix(*from);                                       \
    }                                                                                                                  \
    VECTOR_INLINE vec choose##suffix(mask m, vec a, vec b) { return (vec)((m & (mask)a) | (~m & (mask)b)); }

VECTOR_FUNCTIONS(float, vec32, mask32, LANES32, 32)
VECTOR_FUNCTIONS(double, vec64, mask64, LANES64, 64)

/* Ask for the memory that lies `bytes` after p, perhaps outside p's array, where a pointer must not point. */
VECTOR_INLINE void fetch_ahead(const void *p, int64_t bytes)
{
    __builtin_prefetch((const void *)((uintptr_t)p + (uintptr_t)bytes));
}

#endif
