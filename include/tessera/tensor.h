/* tensor.h: tensors, their lifetime, and reading and writing their elements.

   A tsr_tensor is an opaque, reference-counted handle over reference-counted storage. Its elements lie at
   offset + sum(index[i] * stride[i]), so that views (a transpose, a slice) share storage with their base.

   Ownership. An operation returns a tensor owned by the thread's innermost open scope; closing the scope releases it.
   tsr_keep takes a reference of the caller's own, which tsr_release gives back. With no open scope the caller owns
   the result and releases it. Functions borrow the tensors they are given. Functions that return a borrowed tensor
   say so. */
#ifndef TESSERA_TENSOR_H
#define TESSERA_TENSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tessera/dtype.h"
#include "tessera/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TSR_MAX_DIMS 8

typedef struct tsr_tensor tsr_tensor;

/** Up to 8 integers: a shape, strides, a list of dimensions. With n = 0 all v are 0: a bare number where TSR_DIMS(number)
    belongs lands in v and is refused. */
typedef struct tsr_shape {
    int64_t v[TSR_MAX_DIMS];
    int32_t n;
} tsr_shape;

/** TSR_SHAPE(4, 3, 32, 32); TSR_SCALAR_SHAPE for zero dimensions; TSR_DIMS(1, 2) reads better for dimensions. */
#define TSR_SHAPE(...)                                                                                                 \
    ((tsr_shape){.v = {__VA_ARGS__}, .n = (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))})
#define TSR_DIMS(...) TSR_SHAPE(__VA_ARGS__)
#define TSR_SCALAR_SHAPE ((tsr_shape){.n = 0})

/** A list of tensors given to a function; entries may be NULL where the function says so. */
typedef struct tsr_tensors {
    tsr_tensor *const *v;
    int64_t n;
} tsr_tensors;

/** TSR_LIST(a, b, c): a tsr_tensors of the tensors named. */
#define TSR_LIST(...)                                                                                                  \
    ((tsr_tensors){(tsr_tensor *const[]){__VA_ARGS__},                                                                 \
                   (int64_t)(sizeof((tsr_tensor *const[]){__VA_ARGS__}) / sizeof(tsr_tensor *))})

/* ---- scopes ------------------------------------------------------------------------------------------------- */

/** A place in the thread's stack of scopes. Closing an outer mark reclaims inner scopes that an early return left open. */
typedef struct tsr_mark {
    int64_t top;
    int32_t depth;
} tsr_mark;

TSR_API tsr_mark tsr_scope_open(void);

/** Release every tensor that the scope owns. */
TSR_API void tsr_scope_close(tsr_mark mark);

/** Close the scope but let `result` survive into the enclosing scope (the caller owns it when there is none).
    Returns result; NULL passes through. A tensor that the scope does not own is returned with a new owner likewise. */
TSR_API tsr_tensor *tsr_scope_return(tsr_mark mark, tsr_tensor *result);

/** tsr_scope_return for n tensors at once; entries may be NULL. */
TSR_API void tsr_scope_return_many(tsr_mark mark, tsr_tensor **results, int64_t n);

/** Take a reference that outlives scopes; returns t. NULL passes through. */
TSR_API tsr_tensor *tsr_keep(tsr_tensor *t);

/** Hand a reference that the caller owns to the innermost scope (the caller keeps it when there is none). Returns t; NULL
    passes through, and is returned when there is no memory (t is released then). */
TSR_API tsr_tensor *tsr_scope_adopt(tsr_tensor *t);

/** Give back a reference taken with tsr_keep, or owned because no scope was open. NULL is allowed. */
TSR_API void tsr_release(tsr_tensor *t);

/* ---- making tensors from the caller's data (zeros, randn, arange, ... are operators: ops.h) ------------------- */

/** A new contiguous tensor with a copy of the elements at `data` (row-major). NULL: no memory, bad shape or dtype. */
TSR_API tsr_tensor *tsr_from_data(const void *data, tsr_shape shape, tsr_dtype dtype);

/** A contiguous tensor over memory of the caller's, which must stay valid until `done(user)` is called (once, when the
    last tensor that shares it is gone; done may be NULL). The memory is not copied. */
TSR_API tsr_tensor *tsr_from_blob(void *data, tsr_shape shape, tsr_dtype dtype, void (*done)(void *user), void *user);

/** A 0-d f64 (i64) tensor that acts as a Python number in an operation: it does not raise the result's dtype within
    its kind. tsr_mul(x, tsr_scalar(0.5)) of an f32 x is f32. */
TSR_API tsr_tensor *tsr_scalar(double value);
TSR_API tsr_tensor *tsr_scalar_int(int64_t value);

/* ---- properties ---------------------------------------------------------------------------------------------- */

TSR_API tsr_dtype tsr_dtype_of(const tsr_tensor *t);
TSR_API int tsr_ndim(const tsr_tensor *t);
TSR_API tsr_shape tsr_shape_of(const tsr_tensor *t);
/** Whether two shapes have the same sizes. */
static inline bool tsr_shape_equal(tsr_shape a, tsr_shape b)
{
    bool equal = a.n == b.n;
    for (int d = 0; equal && d < a.n; d++) equal = a.v[d] == b.v[d];
    return equal;
}
/** In elements. */
TSR_API tsr_shape tsr_strides_of(const tsr_tensor *t);
/** In elements, from the storage's start. */
TSR_API int64_t tsr_storage_offset(const tsr_tensor *t);
/** Size of dimension `dim`; negative dims count from the end. -1 and an error when out of range. */
TSR_API int64_t tsr_size(const tsr_tensor *t, int dim);
TSR_API int64_t tsr_numel(const tsr_tensor *t);
/** Row-major and dense (dimensions of size 1 and empty tensors do not matter). */
TSR_API bool tsr_is_contiguous(const tsr_tensor *t);
/** 4-d and dense with channels (dimension 1) innermost. */
TSR_API bool tsr_is_channels_last(const tsr_tensor *t);
/** True when both handles share one storage. */
TSR_API bool tsr_shares_storage(const tsr_tensor *a, const tsr_tensor *b);
/** Number of in-place writes to the storage so far; views and detached tensors share it. -1 and an error for inference
    tensors (tsr_set_inference_mode). */
TSR_API int64_t tsr_version(const tsr_tensor *t);
/** The tensor this is a view of, borrowed; NULL when it is not a view. */
TSR_API tsr_tensor *tsr_base(const tsr_tensor *t);

/* ---- elements ------------------------------------------------------------------------------------------------ */

/** The address of the first element, for a tensor that the host can read; strides apply. NULL and an error otherwise.
    Writing through it is not seen by autograd: call tsr_bump_version afterwards where it matters. */
TSR_API void *tsr_data(tsr_tensor *t);
TSR_API const void *tsr_const_data(const tsr_tensor *t);
TSR_API void tsr_bump_version(tsr_tensor *t);

/** The value of a one-element tensor. An error (and NaN, 0) for any other number of elements, or for NULL. */
TSR_API double tsr_item(const tsr_tensor *t);
TSR_API int64_t tsr_item_int(const tsr_tensor *t);

/** Copy all elements in row-major order to `out`, converting to `dtype`. `count` is the room at out, in elements; an
    error when it is not tsr_numel(t). */
TSR_API tsr_status tsr_to_host(const tsr_tensor *t, void *out, int64_t count, tsr_dtype dtype);

/** The text that PyTorch prints for the tensor, to a stream. */
TSR_API tsr_status tsr_print(const tsr_tensor *t, FILE *stream);

/** The same into a buffer, cut to `size` bytes with a terminating zero; returns the length of the whole text or -1. */
TSR_API int64_t tsr_format(const tsr_tensor *t, char *buffer, int64_t size);

#ifdef __cplusplus
}
#endif
#endif
