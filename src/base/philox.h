/* philox.h: Philox 4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
   easy as 1, 2, 3" (2011). Block i of seed s is a function of (s, i) alone, so any thread can compute any block. */
#ifndef BASE_PHILOX_H
#define BASE_PHILOX_H

#include <stdint.h>

#include "tessera/random.h"

typedef struct tsr_philox_block {
    uint32_t v[4];
} tsr_philox_block;

static inline tsr_philox_block tsr_philox(uint64_t seed, uint64_t index)
{
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = 0, c3 = 0;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (tsr_philox_block){{c0, c1, c2, c3}};
}

/* [0, 1) from 24 bits (f32) or from two words' 53 bits (f64). */
static inline float tsr_unit_f32(uint32_t x) { return (float)(x >> 8) * 0x1p-24f; }
static inline double tsr_unit_f64(uint32_t hi, uint32_t lo)
{
    return (double)((((uint64_t)hi << 32) | lo) >> 11) * 0x1p-53;
}

/* Take `blocks` blocks from the generator (NULL: the thread's default) and return where they start. */
tsr_rng_state tsr_generator_take(tsr_generator *g, uint64_t blocks);

/* Set this thread's trace, a hash of where in which stream numbers were taken since; returns what it was. Two runs that
   start from the same trace and take the same numbers, of any generators, end with the same one. */
uint64_t tsr_exchange_trace(uint64_t trace);

#endif
