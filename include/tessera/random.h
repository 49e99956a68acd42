/* random.h: generators of random numbers. Counter-based (Philox 4x32-10, Salmon et al. 2011), so that the numbers do
   not depend on the number of threads. An operation that draws numbers takes an optional generator; NULL means the
   thread's default one. */
#ifndef TESSERA_RANDOM_H
#define TESSERA_RANDOM_H

#include <stdint.h>

#include "tessera/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tsr_generator tsr_generator;

/** All that a generator is: restoring a state repeats its numbers to the bit. */
typedef struct tsr_rng_state {
    uint64_t seed;
    uint64_t offset; /**< in blocks of four 32-bit numbers */
} tsr_rng_state;

/** A new generator, owned by the caller, who frees it when no operation uses it any more; recorded operations do not keep
    it. Drawing changes it: two threads must not use one at the same time. NULL: no memory. */
TSR_API tsr_generator *tsr_generator_new(uint64_t seed);
TSR_API void tsr_generator_free(tsr_generator *g);
/** The calling thread's default generator, borrowed; it goes with the thread. Its first seed is 0. */
TSR_API tsr_generator *tsr_default_generator(void);
/** Seed the calling thread's default generator. */
TSR_API void tsr_manual_seed(uint64_t seed);

TSR_API tsr_rng_state tsr_generator_get_state(const tsr_generator *g);
TSR_API void tsr_generator_set_state(tsr_generator *g, tsr_rng_state state);

/** One number from the generator: 64 random bits; uniform in [0, 1). NULL means the thread's default generator. */
TSR_API uint64_t tsr_random_u64(tsr_generator *g);
TSR_API double tsr_random_uniform(tsr_generator *g);

#ifdef __cplusplus
}
#endif
#endif
