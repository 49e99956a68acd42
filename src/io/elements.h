/* elements.h: a tensor's elements in row-major order, as files hold them. */
#ifndef IO_ELEMENTS_H
#define IO_ELEMENTS_H

#include <stddef.h>

#include "tessera/tensor.h"

typedef struct elements {
    const void *data;
    size_t bytes;
    void *copy; /* owned, for a tensor that is not contiguous; else NULL */
} elements;

tsr_status elements_get(tsr_tensor *t, elements *out);
void elements_free(elements *e);

/* Copy elements of `size` bytes, row-major, from memory with the strides given (in elements). */
void elements_copy(void *to, const void *from, const tsr_shape *shape, const int64_t *stride, size_t size);

/* Bytes of bools as a file may hold them, any other than 0 becomes 1. */
void elements_fix_bools(void *bytes, int64_t n);

#endif
