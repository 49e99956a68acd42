/* memory.h: the allocator, and what it holds. Every byte the library uses for tensors and objects passes through it; models
   and modules of one's own may use it too, and are counted then. */
#ifndef TESSERA_MEMORY_H
#define TESSERA_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "tessera/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/** `bytes` of uninitialised memory, 64-byte aligned; 0 bytes give a valid pointer. NULL sets TSR_ENOMEM. */
TSR_API void *tsr_alloc(size_t bytes);
/** The same, zeroed; count * size is checked for overflow. */
TSR_API void *tsr_alloc_zeroed(size_t count, size_t size);
/** Like realloc: NULL p allocates; on failure p stays valid. */
TSR_API void *tsr_realloc(void *p, size_t bytes);
TSR_API void tsr_free(void *p);
/** A copy of the string, or NULL for NULL or when there is no memory. */
TSR_API char *tsr_strdup(const char *text);

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
