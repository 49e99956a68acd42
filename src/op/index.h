/* index.h: what operators that read and write by index share. Nothing here is recorded. */
#ifndef OP_INDEX_H
#define OP_INDEX_H

#include "op/region.h"

/* The index as i64; NULL and an error when it is neither i64 nor i32. */
tsr_tensor *index_as_i64(const op_ctx *c, tsr_tensor *index);
/* Are all values in [0, size)? Else an error that names the worst value. */
bool index_in_range(const op_ctx *c, tsr_tensor *index, int64_t size);
/* A 1-d index, read as if it had `shape` and varied along `dim` only. */
tsr_tensor *index_along(tsr_tensor *index, const tsr_shape *shape, int dim);
/* The flat, row-major positions of the elements that are not zero, i64, 1-d. */
tsr_tensor *index_nonzero(tsr_tensor *t);
/* The same as coordinates, [count, ndim]. */
tsr_tensor *index_coordinates(tsr_tensor *t);
/* out[index] = src along dim (kernel scatter), for arrays of one dimension at least. */
bool index_scatter(tsr_tensor *out, tsr_tensor *index, tsr_tensor *src, int dim, scatter_mode mode);
/* A number as a 0-d tensor of the dtype. */
tsr_tensor *index_value(tsr_number value, tsr_dtype dtype);

#endif
