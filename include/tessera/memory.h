/* memory.h: what the caching allocator holds. Every byte the library uses for tensors and objects passes through it. */
#ifndef TESSERA_MEMORY_H
#define TESSERA_MEMORY_H

#include <stdint.h>

#include "tessera/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Counters of the allocator, in bytes unless said otherwise; over all threads. */
typedef struct tsr_memory_stats {
    int64_t current;     /**< handed out and not yet given back */
    int64_t peak;        /**< largest value of current since the start or tsr_memory_reset_peak */
    int64_t cached;      /**< given back and kept for re-use */
    int64_t allocations; /**< number of requests so far */
    int64_t blocks;      /**< number of blocks handed out now */
} tsr_memory_stats;

TSR_API tsr_memory_stats tsr_memory_get_stats(void);

/** Set peak to current. */
TSR_API void tsr_memory_reset_peak(void);

/** Return cached blocks to the system. */
TSR_API void tsr_memory_trim(void);

/** Tensors alive now, in all threads. A program that released everything sees 0. */
TSR_API int64_t tsr_live_tensors(void);

#ifdef __cplusplus
}
#endif
#endif
