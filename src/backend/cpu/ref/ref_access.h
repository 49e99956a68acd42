/* ref_access.h: what the reference kernels of layers share beyond ref.h. Every element passes through double, whatever the
   dtype, and its address is computed from the strides each time: slow and hard to get wrong. */
#ifndef REF_ACCESS_H
#define REF_ACCESS_H

#include "backend/cpu/ref/ref.h"
#include "backend/cpu/spatial.h"

/* True for f32 and f64; otherwise the error is set. */
static inline bool ref_is_float(const char *kernel, const array *a)
{
    return ref_computes(a->dtype) || ref_refuse(kernel, a->dtype);
}

/* Elements in dimensions [first, ndim). */
static inline int64_t ref_count_from(const array *a, int first)
{
    int64_t n = 1;
    for (int d = first; d < a->ndim; d++) n *= a->shape[d];
    return n;
}

/* The offset of row-major position `flat` among dimensions [first, ndim). */
static inline int64_t ref_offset_from(const array *a, int first, int64_t flat)
{
    int64_t at = 0;
    for (int d = a->ndim - 1; d >= first; d--) {
        at += flat % a->shape[d] * a->stride[d];
        flat /= a->shape[d];
    }
    return at;
}

static inline void ref_zero(const array *a)
{
    int64_t n = ref_count_from(a, 0);
    for (int64_t i = 0; i < n; i++) ref_set_f64(a, ref_offset_from(a, 0, i), 0);
}

#endif
