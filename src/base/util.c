/* util.c: growing arrays. */
#include "base/util.h"

#include <string.h>

#include "base/alloc.h"

bool tsr_grow(void *items, int64_t count, int64_t *room, size_t size)
{
    if (count < *room) return true;
    int64_t wanted = tsr_max_i64(8, count + count / 2 + 1);
    if (size && (uint64_t)wanted > SIZE_MAX / size) {
        tsr_fail(TSR_ENOMEM, "no memory for %lld items of %zu bytes", (long long)wanted, size);
        return false;
    }
    /* items is the address of a pointer of unknown type: move it as bytes. */
    void *old, *grown;
    memcpy(&old, items, sizeof old);
    grown = tsr_realloc(old, (size_t)wanted * size);
    if (!grown) return false;
    memcpy(items, &grown, sizeof grown);
    *room = wanted;
    return true;
}
