/* ref_access.h: what the reference kernels of layers share beyond ref.h. Every element passes through double, whatever the
   dtype, and its address is computed from the strides each time: slow and hard to get wrong. */
#ifndef REF_ACCESS_H
#define REF_ACCESS_H

#include "backend/cpu/ref/ref.h"

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

/* [N, C, spatial...] with 1 to 3 spatial dimensions as [N, C, D, H, W]. */
static inline array ref_as_5d(const array *a)
{
    array b = *a;
    int missing = 5 - a->ndim;
    for (int d = 2; d < 5; d++) {
        b.shape[d] = d - 2 < missing ? 1 : a->shape[d - missing];
        b.stride[d] = d - 2 < missing ? 0 : a->stride[d - missing];
    }
    b.ndim = 5;
    return b;
}

/* Likewise for a parameter of the spatial dimensions: `unused` for those that are missing. */
static inline void ref_as_3(int64_t out[3], const int64_t *in, int spatial, int64_t unused)
{
    for (int d = 0; d < 3; d++) out[d] = d < 3 - spatial ? unused : in[d - (3 - spatial)];
}

#endif
