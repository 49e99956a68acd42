/* pointwise.h: how operators call element-wise kernels. Each helper casts its operands to the dtype it computes in, reads
   them as if expanded to their broadcast shape, gets the output from the context (so that in-place forms work) and runs
   the kernel. What differs between operators is only the kernel's code and the dtypes. */
#ifndef OP_POINTWISE_H
#define OP_POINTWISE_H

#include "op/op.h"

/* Kernels over x, (x, y) or in[3], in dtype `compute`; the result has dtype `out`. p may be NULL where the kernel's code
   has no parameters. NULL and an error when the shapes do not broadcast. */
tsr_tensor *pointwise_unary(op_ctx *c, unary_code code, tsr_tensor *x, tsr_dtype compute, tsr_dtype out,
                            const double *p);
tsr_tensor *pointwise_binary(op_ctx *c, binary_code code, tsr_tensor *x, tsr_tensor *y, tsr_dtype compute,
                             tsr_dtype out, const double *p);
/* in[0] keeps its dtype when it is boolean and the code is T_WHERE. */
tsr_tensor *pointwise_ternary(op_ctx *c, ternary_code code, tsr_tensor *const *in, tsr_dtype compute, const double *p);

/* A function of real numbers: integers are computed in f32, as PyTorch does. */
tsr_tensor *pointwise_float(op_ctx *c, unary_code code, tsr_tensor *x, const double *p);

/* Where a value made of other operators goes: itself, or copied into the in-place destination. */
tsr_tensor *pointwise_deliver(op_ctx *c, tsr_tensor *value);

/* t with one value everywhere; NULL passes through. */
tsr_tensor *pointwise_fill(tsr_tensor *t, tsr_number value);
/* Can the dtype hold the number? An error when it is an integer type and cannot, as PyTorch has it. */
bool pointwise_fits(const op_ctx *c, tsr_number value, tsr_dtype dtype);
/* The same as pointwise_fill with a number from the caller, which must fit t's dtype. */
tsr_tensor *pointwise_fill_checked(const op_ctx *c, tsr_tensor *t, tsr_number value);

/* A contiguous tensor of n elements as a row, which saves describing and comparing its dimensions: for a few elements that is
   most of the time. */
static inline array pointwise_row(const tsr_tensor *t, int64_t n)
{
    array a; /* whose other dimensions are not looked at */
    a.data = (char *)t->storage->data + t->offset * (int64_t)tsr_dtype_size((tsr_dtype)t->dtype);
    a.dtype = t->dtype, a.ndim = 1;
    a.shape[0] = n, a.stride[0] = 1;
    return a;
}

/* A tensor as kernels along a dimension want it: a 0-d one as if it had one dimension. */
array pointwise_array_1d(const tsr_tensor *t);

/* Integers cannot be multiplied by a float: an error that names the factor. */
bool pointwise_factor(const op_ctx *c, const char *name, tsr_number factor, tsr_dtype dtype);

/* Which operands may be plain numbers: PyTorch refuses the others, and so do we, since a number there is a mistake. */
typedef enum number_policy { NUMBERS_ANY, NUMBERS_ONE, NUMBERS_RIGHT, NUMBERS_NONE } number_policy;
bool pointwise_numbers(const op_ctx *c, number_policy policy, const tsr_tensor *x, const tsr_tensor *y);

/* ---- for derivatives (recorded) ---- */

static inline tsr_tensor *op_scale(tsr_tensor *t, double factor) { return tsr_mul(t, tsr_scalar(factor)); }

static inline tsr_tensor *op_shift(tsr_tensor *t, double offset) { return tsr_add(t, tsr_scalar(offset)); }

/* grad where the mask holds, zero elsewhere. */
static inline tsr_tensor *op_masked(tsr_tensor *mask, tsr_tensor *grad) { return tsr_where(mask, grad, tsr_scalar(0)); }

/* zero where the mask holds, grad elsewhere. */
static inline tsr_tensor *op_unmasked(tsr_tensor *mask, tsr_tensor *grad)
{
    return tsr_where(mask, tsr_scalar(0), grad);
}

/* The larger one of t and a number, for functions that guard a divisor. */
static inline tsr_tensor *op_at_least(tsr_tensor *t, double least) { return tsr_clamp(t, TSR_FLOAT(least)); }

#endif
