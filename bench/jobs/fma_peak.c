/* fma_peak.c: what the cores can do at this moment: multiply-adds that touch nothing but registers, on all threads. Measured
   between the rounds of a race, it shows when the machine is slow for reasons of its own (clock, neighbours). */
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#include "jobs.h"

#include <time.h>

#include "base/parallel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { CHAINS = 12, STEPS = 1 << 18, ROUNDS = 5 };

/* A chain multiplies and adds VECTOR lanes a step; 12 chains hide the latency of an addition on all machines we know. Their
   variables are named, since an array would be kept in memory, and start differently, so that none equals another. */
#define RUN_CHAINS(VECTOR, SET, FMA)                                                                                   \
    VECTOR m = SET(0.999F), a0 = SET(0), a1 = SET(1), a2 = SET(2), a3 = SET(3), a4 = SET(4), a5 = SET(5), a6 = SET(6), \
           a7 = SET(7), a8 = SET(8), a9 = SET(9), a10 = SET(10), a11 = SET(11);                                        \
    for (int i = 0; i < STEPS; i++) {                                                                                  \
        a0 = FMA(a0, m, m), a1 = FMA(a1, m, m), a2 = FMA(a2, m, m), a3 = FMA(a3, m, m), a4 = FMA(a4, m, m);            \
        a5 = FMA(a5, m, m), a6 = FMA(a6, m, m), a7 = FMA(a7, m, m), a8 = FMA(a8, m, m), a9 = FMA(a9, m, m);            \
        a10 = FMA(a10, m, m), a11 = FMA(a11, m, m);                                                                    \
    }                                                                                                                  \
    *out = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11

typedef float vector4 __attribute__((vector_size(16)));

static void chains_plain(vector4 *out)
{
#define SET4(x) ((vector4){x, x, x, x})
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
    RUN_CHAINS(vector4, SET4, MULTIPLY_ADD);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void chains_avx2(__m256 *out)
{
    RUN_CHAINS(__m256, _mm256_set1_ps, _mm256_fmadd_ps);
}

__attribute__((target("avx512f"))) static void chains_avx512(__m512 *out)
{
    RUN_CHAINS(__m512, _mm512_set1_ps, _mm512_fmadd_ps);
}
#endif

/* Lanes of the widest vector here; what was summed goes to out. */
static int run_chains(void *out)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return chains_avx512(out), 16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return chains_avx2(out), 8;
#endif
    return chains_plain(out), 4;
}

static void body(int64_t begin, int64_t end, void *user)
{
    _Alignas(64) float sums[16];
    int *lanes = user;
    for (int64_t i = begin; i < end; i++) {
        int n = run_chains(sums);
        __asm__ volatile("" ::"r"(sums) : "memory"); /* the sums count as used */
        if (i == 0) *lanes = n;
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double fma_peak(void)
{
    double best = 0;
    int threads = tsr_num_threads();
    for (int i = 0; i < ROUNDS; i++) {
        int lanes = 0;
        double start = now();
        tsr_parallel_for(threads, 1, body, &lanes);
        double rate = 2.0 * CHAINS * STEPS * lanes * threads / (now() - start) * 1e-9;
        if (rate > best) best = rate;
    }
    return best;
}
