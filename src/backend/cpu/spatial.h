/* spatial.h: arrays with 1 to 3 spatial dimensions, treated as if they had three. */
#ifndef SPATIAL_H
#define SPATIAL_H

#include "backend/backend.h"

/* [N, C, spatial...] as [N, C, D, H, W]; the missing ones have size 1. */
static inline array spatial_as_5d(const array *a)
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
static inline void spatial_as_3(int64_t out[3], const int64_t *in, int spatial, int64_t unused)
{
    for (int d = 0; d < 3; d++) out[d] = d < 3 - spatial ? unused : in[d - (3 - spatial)];
}

#endif
