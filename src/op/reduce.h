/* reduce.h: what reductions share: which dimensions, the shape that is left, the way back from it. */
#ifndef OP_REDUCE_H
#define OP_REDUCE_H

#include "op/op.h"

/* Bit d of the mask is set for each reduced dimension of a tensor with ndim dimensions. None given means all. */
bool reduce_dims(const op_ctx *c, const tsr_shape *dims, int ndim, uint32_t *mask);
/* The same for an `int?` argument. */
bool reduce_dim(const op_ctx *c, tsr_number dim, int ndim, uint32_t *mask);
/* The dimensions of a mask as a list. */
tsr_shape reduce_list(uint32_t mask);
/* Integers are summed as i64 unless a dtype is asked for. */
tsr_dtype reduce_sum_dtype(const tsr_tensor *x, tsr_dtype given);
/* Number of elements that one result stands for. */
int64_t reduce_count(const tsr_shape *shape, uint32_t mask);
/* The shape with the masked dimensions of size 1, or without them. */
tsr_shape reduce_shape(const tsr_shape *shape, uint32_t mask, bool keepdim);

/* Run a kernel over x, cast to `compute`; the result has dtype `out`. */
tsr_tensor *reduce_run(reduce_code code, tsr_tensor *x, tsr_dtype compute, tsr_dtype out, uint32_t mask, bool keepdim,
                       const double *p);

/* For derivatives (recorded): a reduced t with its dimensions of size 1 back; the same repeated to the input's shape. */
tsr_tensor *reduce_restore(tsr_tensor *t, const tsr_shape *input, uint32_t mask);
tsr_tensor *reduce_spread(tsr_tensor *t, const tsr_shape *input, uint32_t mask);
/* Likewise the product of all others along dim, without dividing by what may be 0. */
tsr_tensor *reduce_product_of_others(tsr_tensor *x, int dim);

#endif
