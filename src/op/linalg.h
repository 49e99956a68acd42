/* linalg.h: running the algorithms of linalg_host.h over a batch of matrices. */
#ifndef OP_LINALG_H
#define OP_LINALG_H

#include "op/linalg_host.h"
#include "op/region.h"

/* Contiguous f64 matrices. */
typedef struct matrices {
    tsr_tensor *t;
    double *data;
    int64_t count, m, n; /* how many of [m, n] */
    tsr_shape lead;      /* the dimensions before */
} matrices;

/* t's matrices in f64, copied when `own` (they will be overwritten) or when t is not like that. False and the error for
   another dtype or fewer dimensions. */
bool linalg_read(const op_ctx *c, tsr_tensor *t, bool own, matrices *out);
/* The same for square ones. */
bool linalg_read_square(const op_ctx *c, tsr_tensor *t, bool own, matrices *out);
/* Fresh f64 matrices of the given lead. */
bool linalg_new(const matrices *like, int64_t m, int64_t n, matrices *out);
/* In the dtype wanted. */
tsr_tensor *linalg_deliver(const matrices *a, tsr_dtype dtype);
/* Reports that matrix i of the batch has no inverse; returns false. */
bool linalg_singular(const op_ctx *c, const matrices *a, int64_t i);

static inline tsr_tensor *linalg_transposed(tsr_tensor *t) { return tsr_transpose(t, -2, -1); }

#endif
