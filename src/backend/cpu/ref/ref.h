/* ref.h: what the reference kernels share. They define each operation: plain nested loops over any strides, for every
   dtype, one thread, with f32 computed in double where that is at least as exact. Two tools keep them short:

   - a walk visits the positions of some dimensions in row-major order and keeps the offset of up to four operands;
   - elements are loaded and stored as double (floating dtypes) or int64_t (the others), whatever their dtype. */
#ifndef REF_H
#define REF_H

#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/half.h"
#include "base/util.h"

/* ---- filling the table: one function a family (those of layers: ref_layers.h) ----------------------------------- */

void ref_fill(backend *b); /* all of them */
void ref_copy_fill(backend *b);
void ref_unary_fill(backend *b);
void ref_binary_fill(backend *b);
void ref_ternary_fill(backend *b);
void ref_reduce_fill(backend *b);
void ref_scan_fill(backend *b);
void ref_softmax_fill(backend *b);
void ref_matmul_fill(backend *b);
void ref_index_fill(backend *b);
void ref_sort_fill(backend *b);
void ref_random_fill(backend *b);

/* Set the error for a dtype that the kernel does not know; returns false. */
bool ref_refuse(const char *kernel, int32_t dtype);

/* ---- walks -------------------------------------------------------------------------------------------------- */

#define WALK_OPERANDS 4
#define WALK_ALL 0xffffffffu

typedef struct walk {
    int ndim, operands;
    int64_t left; /* positions still to visit, this one included */
    int64_t shape[TSR_MAX_DIMS], index[TSR_MAX_DIMS], stride[WALK_OPERANDS][TSR_MAX_DIMS];
    int64_t at[WALK_OPERANDS]; /* offsets of this position, in elements */
} walk;

/* Walk the dimensions in the mask `dims` of a's shape; b, c and d, from the first NULL on, are left out. */
walk walk_begin(uint32_t dims, const array *a, const array *b, const array *c, const array *d);

/* for (walk w = walk_begin(...); w.left > 0; walk_next(&w)) ... w.at[0] ... */
static inline void walk_next(walk *w)
{
    w->left--;
    for (int d = w->ndim - 1; d >= 0; d--) {
        for (int k = 0; k < w->operands; k++) w->at[k] += w->stride[k][d];
        if (++w->index[d] < w->shape[d]) return;
        for (int k = 0; k < w->operands; k++) w->at[k] -= w->stride[k][d] * w->shape[d];
        w->index[d] = 0;
    }
}

/* ---- elements ----------------------------------------------------------------------------------------------- */

static inline bool ref_floating(int32_t dtype)
{
    return dtype == TSR_F32 || dtype == TSR_F64 || dtype == TSR_F16 || dtype == TSR_BF16;
}

/* f32 or f64: the dtypes that float kernels compute in. */
static inline bool ref_computes(int32_t dtype) { return dtype == TSR_F32 || dtype == TSR_F64; }

static inline bool ref_integral(int32_t dtype)
{
    return dtype == TSR_I64 || dtype == TSR_I32 || dtype == TSR_U8 || dtype == TSR_BOOL;
}

/* An integral element. */
static inline int64_t ref_get_i64(const array *a, int64_t at)
{
    switch (a->dtype) {
    case TSR_I64:
        return ((const int64_t *)a->data)[at];
    case TSR_I32:
        return ((const int32_t *)a->data)[at];
    default:
        return ((const uint8_t *)a->data)[at];
    }
}

/* An element of any dtype. */
static inline double ref_get_f64(const array *a, int64_t at)
{
    switch (a->dtype) {
    case TSR_F32:
        return (double)((const float *)a->data)[at];
    case TSR_F64:
        return ((const double *)a->data)[at];
    case TSR_F16:
        return (double)tsr_f32_from_f16(((const uint16_t *)a->data)[at]);
    case TSR_BF16:
        return (double)tsr_f32_from_bf16(((const uint16_t *)a->data)[at]);
    default:
        return (double)ref_get_i64(a, at);
    }
}

/* The same as tsr_i64_of_f64 of 32 bits. */
static inline int32_t ref_i32_of_f64(double x)
{
    return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}

/* Store an integer in any dtype; integers wrap, bool becomes 0 or 1. */
static inline void ref_set_i64(const array *a, int64_t at, int64_t x)
{
    switch (a->dtype) {
    case TSR_F32:
        ((float *)a->data)[at] = (float)x;
        break;
    case TSR_F64:
        ((double *)a->data)[at] = (double)x;
        break;
    case TSR_I64:
        ((int64_t *)a->data)[at] = x;
        break;
    case TSR_I32:
        ((int32_t *)a->data)[at] = (int32_t)x;
        break;
    case TSR_U8:
        ((uint8_t *)a->data)[at] = (uint8_t)x;
        break;
    case TSR_BOOL:
        ((uint8_t *)a->data)[at] = x != 0;
        break;
    case TSR_F16:
        ((uint16_t *)a->data)[at] = tsr_f16_from_f32((float)x);
        break;
    case TSR_BF16:
        ((uint16_t *)a->data)[at] = tsr_bf16_from_f32((float)x);
        break;
    default:
        break;
    }
}

/* Store a float in any dtype. */
static inline void ref_set_f64(const array *a, int64_t at, double x)
{
    switch (a->dtype) {
    case TSR_F32:
        ((float *)a->data)[at] = (float)x;
        break;
    case TSR_F64:
        ((double *)a->data)[at] = x;
        break;
    case TSR_I64:
        ((int64_t *)a->data)[at] = tsr_i64_of_f64(x);
        break;
    case TSR_I32:
        ((int32_t *)a->data)[at] = ref_i32_of_f64(x);
        break;
    case TSR_U8:
        ((uint8_t *)a->data)[at] = (uint8_t)tsr_i64_of_f64(x);
        break;
    case TSR_BOOL:
        ((uint8_t *)a->data)[at] = x != 0;
        break;
    case TSR_F16:
        ((uint16_t *)a->data)[at] = tsr_f16_from_f32((float)x);
        break;
    case TSR_BF16:
        ((uint16_t *)a->data)[at] = tsr_bf16_from_f32((float)x);
        break;
    default:
        break;
    }
}

/* True for anything but zero; NaN is true. */
static inline bool ref_truth(const array *a, int64_t at)
{
    return ref_floating(a->dtype) ? ref_get_f64(a, at) != 0 : ref_get_i64(a, at) != 0;
}

/* dst[to] = src[from], bit by bit, of one dtype. */
static inline void ref_move(const array *dst, int64_t to, const array *src, int64_t from)
{
    switch (tsr_dtype_size((tsr_dtype)dst->dtype)) {
    case 8:
        ((uint64_t *)dst->data)[to] = ((const uint64_t *)src->data)[from];
        break;
    case 4:
        ((uint32_t *)dst->data)[to] = ((const uint32_t *)src->data)[from];
        break;
    case 2:
        ((uint16_t *)dst->data)[to] = ((const uint16_t *)src->data)[from];
        break;
    default:
        ((uint8_t *)dst->data)[to] = ((const uint8_t *)src->data)[from];
        break;
    }
}

/* The larger and the smaller of two, where NaN wins. */
static inline double ref_max(double a, double b) { return a > b || isnan(a) ? a : b; }

static inline double ref_min(double a, double b) { return a < b || isnan(a) ? a : b; }

static inline double ref_sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* ---- special functions (ref_special.c), f64 ------------------------------------------------------------------- */

double ref_erfinv(double x);
double ref_lgamma(double x);
double ref_digamma(double x);
double ref_trigamma(double x);

/* One element of U_, B_ and T_ codes in double; the fast kernels use them where they have nothing faster. */
double ref_unary_f64(unary_code code, double x, const double *p);
double ref_binary_f64(binary_code code, double a, double b, const double *p);
double ref_ternary_f64(ternary_code code, double a, double b, double c, const double *p);

/* order = the positions of n keys, smallest first, stable (ref_sort.c). False: no memory. */
bool ref_order_f64(double *keys, int64_t n, int64_t *order);

#endif
