/* backend.h: the table of kernels that a device provides.

   A kernel sees arrays (pointer, dtype, shape, strides in elements), never tensors, scopes or autograd. The operator
   layer has checked shapes and dtypes, allocated outputs and broadcast inputs (stride 0) before it calls one. Kernels
   return false only for lack of memory or for a dtype they do not know (with the error set); all else was checked.

   backend/cpu/ref fills the whole table in plain C for every dtype: it defines each operation. backend/cpu/simd and
   backend/cpu/onednn override entries where they are faster, and fall back to the reference entry for what they do not
   take. Which tier runs is decided once, from the CPU and TSR_ISA=reference|baseline|avx2|avx512. */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/philox.h"
#include "tensor/tensor_impl.h"

typedef struct array {
    void *data; /* of the first element */
    int32_t dtype, ndim;
    int64_t shape[TSR_MAX_DIMS], stride[TSR_MAX_DIMS];
} array;

static inline int64_t array_numel(const array *a)
{
    int64_t n = 1;
    for (int d = 0; d < a->ndim; d++) n *= a->shape[d];
    return n;
}

/* ---- element-wise ------------------------------------------------------------------------------------------- */

/* out and input have the same dtype unless said otherwise; p[] are parameters. Float kernels take f32 and f64. */
/* clang-format off: a row of codes belongs together */
typedef enum unary_code {
    U_NEG,
    U_ABS,
    U_SIGN,
    U_SQUARE, /* all number dtypes */
    U_EXP,
    U_EXP2,
    U_EXPM1,
    U_LOG,
    U_LOG2,
    U_LOG10,
    U_LOG1P,
    U_SQRT,
    U_RSQRT,
    U_RECIPROCAL,
    U_SIN,
    U_COS,
    U_TAN,
    U_ASIN,
    U_ACOS,
    U_ATAN,
    U_SINH,
    U_COSH,
    U_TANH,
    U_ASINH,
    U_ACOSH,
    U_ATANH,
    U_ERF,
    U_ERFC,
    U_ERFINV,
    U_LGAMMA,
    U_DIGAMMA,
    U_TRIGAMMA, /* the derivative of digamma */
    U_FLOOR,
    U_CEIL,
    U_ROUND,
    U_TRUNC, /* half to even; integers pass through */
    U_SIGMOID,
    U_LOGSIGMOID,
    U_SILU,
    U_RELU,
    U_GELU,
    U_GELU_TANH,
    U_MISH,
    U_SOFTSIGN,
    U_HARDSIGMOID,
    U_HARDSWISH,
    U_LEAKY_RELU, /* p0 slope */
    U_ELU,        /* p0 alpha, p1 scale, p2 input scale */
    U_SOFTPLUS,   /* p0 beta, p1 threshold */
    U_CLAMP,      /* p0 min, p1 max; NaN stays */
    U_NAN_TO_NUM, /* p0 nan, p1 posinf, p2 neginf */
    U_THRESHOLD,  /* x > p0 ? x : p1 */
    U_HARDSHRINK, /* p0: |x| <= p0 ? 0 : x */
    U_SOFTSHRINK, /* p0: x - clamp(x, -p0, p0) */
    U_LOGICAL_NOT,
    U_ISNAN,
    U_ISINF,
    U_ISFINITE, /* any input, out bool */
    U_COUNT
} unary_code;

/* a, b and out have one dtype, except comparisons and logical ones: out is bool. */
typedef enum binary_code {
    B_ADD,
    B_SUB,
    B_MUL,
    B_DIV, /* B_ADD, B_SUB: a +- p0 * b; B_DIV is true division of floats */
    B_DIV_FLOOR,
    B_DIV_TRUNC,
    B_REMAINDER,
    B_FMOD, /* integer division by zero: the op layer refuses it */
    B_POW,
    B_ATAN2,
    B_MAXIMUM,
    B_MINIMUM,
    B_LOGADDEXP,
    B_XLOGY,
    B_HYPOT,
    B_PRELU, /* a > 0 ? a : a * b */
    B_HUBER, /* with d = |a - b|: p1 d^2 / 2 up to p0, above that p2 (d - p0 / 2), where p2 = p0 p1 */
    B_EQ,
    B_NE,
    B_LT,
    B_LE,
    B_GT,
    B_GE,
    B_LOGICAL_AND,
    B_LOGICAL_OR,
    B_LOGICAL_XOR,
    B_AND,
    B_OR,
    B_XOR, /* bits of integers, or bools */
    /* gradients: a is the incoming gradient, b the input (or output where named so) */
    B_SIGMOID_GRAD /* b: output */,
    B_TANH_GRAD /* b: output */,
    B_SILU_GRAD,
    B_GELU_GRAD,
    B_GELU_TANH_GRAD,
    B_RELU_GRAD, /* b: input or output */
    B_LEAKY_RELU_GRAD /* p0 */,
    B_ELU_GRAD /* p0-p2 */,
    B_SOFTPLUS_GRAD /* p0, p1 */,
    B_MISH_GRAD,
    B_HARDSIGMOID_GRAD,
    B_HARDSWISH_GRAD,
    B_CLAMP_GRAD /* p0, p1; 1 at the bounds */,
    B_LOGSIGMOID_GRAD,
    B_COUNT
} binary_code;

typedef enum ternary_code {
    T_WHERE,   /* a bool; b, c and out of one dtype */
    T_ADDCMUL, /* a + p0 * b * c */
    T_ADDCDIV, /* a + p0 * b / c */
    T_LERP,    /* a + c * (b - a), in the stable form of torch.lerp */
    T_CLAMP,   /* min(max(a, b), c) */
    T_COUNT
} ternary_code;

/* ---- reductions --------------------------------------------------------------------------------------------- */

/* `dims` has bit d set for each reduced dimension; out keeps them with size 1. */
typedef enum reduce_code {
    R_SUM,
    R_PROD,
    R_MEAN, /* out's dtype accumulates: f32 in blocks with enough accuracy, i64 for integers */
    R_MAX,
    R_MIN, /* NaN wins; the op layer refuses empty */
    R_ANY,
    R_ALL, /* out bool */
    R_ARGMAX,
    R_ARGMIN, /* out i64: flat index over the reduced dims, the first of equals; NaN wins */
    R_NORM,   /* p0: the order (0, 1, 2, inf, -inf or any) */
    R_LOGSUMEXP,
    R_VAR, /* p0: correction; two-pass or Welford */
    R_NANSUM,
    R_COUNT
} reduce_code;

typedef enum scan_code { S_CUMSUM, S_CUMPROD, S_CUMMAX, S_CUMMIN, S_LOGCUMSUMEXP, S_COUNT } scan_code;

/* clang-format on */

/* ---- convolution, pooling, normalisation ---------------------------------------------------------------------- */

/* 1 to 3 spatial dimensions; unused ones are not read. Arrays are [N, C, spatial...], weight [K, C / groups, ...]. */
typedef struct conv_params {
    int32_t spatial;
    int64_t stride[3], padding[3], dilation[3];
    int64_t groups;
} conv_params;

typedef struct pool_params {
    int32_t spatial;
    int64_t kernel[3], stride[3], padding[3], dilation[3];
    bool count_include_pad;
    int64_t divisor; /* 0: the window's size */
} pool_params;

/* statistics are [N, groups] for group norm, [rows] for layer norm, f32 or f64 as the input */
typedef struct norm_params {
    int64_t groups;
    double eps;
    bool silu; /* group norm only: apply SiLU to the result (and differentiate through it) */
} norm_params;

typedef enum interp_mode { INTERP_NEAREST, INTERP_LINEAR, INTERP_BICUBIC, INTERP_AREA } interp_mode;
typedef struct interp_params {
    int32_t mode, spatial;
    bool align_corners;
    double scale[3]; /* > 0: use this ratio (output / input) instead of the sizes, as PyTorch does */
} interp_params;

typedef enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_REPLICATE, PAD_CIRCULAR } pad_mode;

typedef enum scatter_mode { SCATTER_SET, SCATTER_ADD, SCATTER_MUL, SCATTER_AMAX, SCATTER_AMIN } scatter_mode;

typedef struct attention_params {
    double scale;
    bool causal; /* query i of L sees keys up to i (top-left aligned, as PyTorch) */
} attention_params;

typedef struct adam_params {
    double lr, beta1, beta2, eps, weight_decay;
    double bias1, bias2; /* 1 - beta^t */
    bool decoupled;      /* AdamW: p -= lr * weight_decay * p first; else the decay is added to the gradient */
    bool maximize;
} adam_params;

typedef struct backend {
    const char *name;

    /* dst = src, any dtypes, any strides; dst and src have one shape */
    bool (*copy)(const array *dst, const array *src);
    bool (*fill)(const array *dst, double value, int64_t integer); /* integer for i64 dst, value otherwise */
    bool (*unary)(unary_code code, const array *out, const array *in, const double *p);
    bool (*binary)(binary_code code, const array *out, const array *a, const array *b, const double *p);
    bool (*ternary)(ternary_code code, const array *out, const array *a, const array *b, const array *c,
                    const double *p);
    bool (*reduce)(reduce_code code, const array *out, const array *in, uint32_t dims, const double *p);
    /* index is NULL except for cummax, cummin (i64) */
    bool (*scan)(scan_code code, const array *out, const array *index, const array *in, int dim);
    bool (*softmax)(const array *out, const array *in, int dim, bool log);
    /* grad_in = from the output and its gradient */
    bool (*softmax_grad)(const array *grad_in, const array *grad, const array *out, int dim, bool log);

    /* out[b, m, n] = beta * out + alpha * a[b, m, k] b[b, k, n]; all 3-d, any strides (also 0); beta 0 does not read */
    bool (*matmul)(const array *out, const array *a, const array *b, double alpha, double beta);
    /* out[.., n] = x[rows, k] weight[n, k]^T + bias[n] (bias may be NULL); x and out 2-d. The weight may be bf16 or f16 where
       the others are f32 */
    bool (*linear)(const array *out, const array *x, const array *weight, const array *bias);

    bool (*conv_forward)(const array *out, const array *x, const array *weight, const array *bias,
                         const conv_params *p);
    bool (*conv_grad_input)(const array *grad_x, const array *grad, const array *weight, const conv_params *p);
    /* grad_bias may be NULL */
    bool (*conv_grad_weight)(const array *grad_weight, const array *grad_bias, const array *grad, const array *x,
                             const conv_params *p);

    /* index: i64, flat position in the input's spatial plane, or NULL */
    bool (*max_pool)(const array *out, const array *index, const array *x, const pool_params *p);
    bool (*max_pool_grad)(const array *grad_x, const array *grad, const array *index, const pool_params *p);
    bool (*avg_pool)(const array *out, const array *x, const pool_params *p);
    bool (*avg_pool_grad)(const array *grad_x, const array *grad, const pool_params *p);
    bool (*adaptive_avg_pool)(const array *out, const array *x); /* 2 spatial dimensions */
    bool (*adaptive_avg_pool_grad)(const array *grad_x, const array *grad);

    /* weight and bias [C] or NULL; mean and rstd [N, groups] written */
    bool (*group_norm)(const array *out, const array *mean, const array *rstd, const array *x, const array *weight,
                       const array *bias, const norm_params *p);
    /* any of the three gradients may be NULL; bias is read only with silu */
    bool (*group_norm_grad)(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                            const array *x, const array *mean, const array *rstd, const array *weight,
                            const array *bias, const norm_params *p);
    /* x, out [rows, n]; weight, bias [n] or NULL; mean, rstd [rows] */
    bool (*layer_norm)(const array *out, const array *mean, const array *rstd, const array *x, const array *weight,
                       const array *bias, const norm_params *p);
    bool (*layer_norm_grad)(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                            const array *x, const array *mean, const array *rstd, const array *weight,
                            const norm_params *p);
    /* x, out [N, C, ...]; batch statistics are written to mean and var (biased) [C]; running ones are the op layer's work */
    bool (*batch_norm_stats)(const array *mean, const array *var, const array *x);
    /* out = (x - mean) * scale + shift, each [C] */
    bool (*batch_norm_apply)(const array *out, const array *x, const array *mean, const array *scale,
                             const array *shift);
    /* sums over all but C: grad_bias = sum(grad), grad_weight = sum(grad * (x - mean)) * rstd; and, where grad_x is
       given, the input's gradient (training: statistics depend on x) */
    bool (*batch_norm_grad)(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                            const array *x, const array *mean, const array *rstd, const array *weight, bool training);

    bool (*interpolate)(const array *out, const array *x, const interp_params *p);
    bool (*interpolate_grad)(const array *grad_x, const array *grad, const interp_params *p);
    /* before[d] elements (may be negative: crop) on the low side of each dimension; out's shape says the rest */
    bool (*pad)(const array *out, const array *x, const int64_t *before, pad_mode mode, double value);
    bool (*pad_grad)(const array *grad_x, const array *grad, const int64_t *before, pad_mode mode);

    /* index i64 of out's shape, values in [0, size) (checked by the op layer through index_range) */
    bool (*gather)(const array *out, const array *in, const array *index, int dim);
    /* out[index] (mode) src along dim; out holds the initial values */
    bool (*scatter)(const array *out, const array *index, const array *src, int dim, scatter_mode mode);
    /* out = rows of in along dim; index 1-d i64 */
    bool (*index_select)(const array *out, const array *in, const array *index, int dim);
    /* out[.., index[i], ..] += alpha * src[.., i, ..]; repeated indices add up, in order */
    bool (*index_add)(const array *out, const array *src, const array *index, int dim, double alpha);
    /* smallest and largest value of an i64 array; 0, -1 when empty */
    bool (*index_range)(const array *index, int64_t *lowest, int64_t *highest);
    /* flat row-major positions of the nonzero elements; *count, and out (i64, 1-d of that many) when not NULL */
    bool (*nonzero)(const array *in, int64_t *count, const array *out);
    /* stable; NaN is the largest; index i64 */
    bool (*sort)(const array *values, const array *index, const array *in, int dim, bool descending);
    bool (*topk)(const array *values, const array *index, const array *in, int dim, bool largest);

    /* random fills; `at` is where the generator stands; the op layer has taken enough blocks: one per 4 elements for
       uniform and normal f32, one per 2 for f64, so that element i depends on (seed, i) alone */
    bool (*random_uniform)(const array *out, double low, double high, tsr_rng_state at);
    bool (*random_normal)(const array *out, double mean, double std, tsr_rng_state at);
    bool (*random_integer)(const array *out, int64_t low, int64_t high, tsr_rng_state at); /* one block per 2 */
    /* out[i] = uniform < p[i] */
    bool (*random_bernoulli)(const array *out, const array *p, tsr_rng_state at); /* one block per 2 */
    bool (*random_permutation)(const array *out, tsr_rng_state at);               /* one block per element */
    /* rows of p (unnormalised weights, f32 or f64) [rows, n] -> out i64 [rows, draws]; one block per draw with
       replacement, per category without */
    bool (*multinomial)(const array *out, const array *p, bool replacement, tsr_rng_state at);

    /* q [.., L, E], k [.., S, E], v [.., S, V], all 4-d; mask (added to the scores, any broadcast strides) or NULL;
       lse [.., L] receives the log-sum-exp of each row when not NULL. A row that may see no key gives 0, and +inf as lse,
       so that exp(score - lse) is 0 in the derivative */
    bool (*attention)(const array *out, const array *lse, const array *q, const array *k, const array *v,
                      const array *mask, const attention_params *p);
    /* what attention's inputs get for the gradient `grad` of its output, given the lse that it left; any of the three
       results may be NULL, and none shares memory with an input */
    bool (*attention_grad)(const array *grad_q, const array *grad_k, const array *grad_v, const array *grad,
                           const array *lse, const array *q, const array *k, const array *v, const array *mask,
                           const attention_params *p);

    /* index[i] = argmin_k |codes[k]|^2 - 2 x[i].codes[k] (+ |x|^2, which does not matter) in x's precision, first of
       equals; x [rows, d], codes [n, d] */
    bool (*nearest)(const array *index, const array *x, const array *codes);

    /* one pass over parameter, gradient and moments, all contiguous f32 or f64 and of one length */
    bool (*adam_step)(const array *param, const array *grad, const array *m, const array *v, const array *vmax,
                      const adam_params *p);
} backend;

/* The table of a device. */
const backend *backend_of(tsr_device device);
/* The operator that the thread's kernels work for, which their errors name; NULL when there is none. Returns the one before. */
const char *backend_set_caller(const char *name);
const char *backend_caller(void);
/* Tests and TSR_ISA: "reference", "baseline", "avx2", "avx512" or NULL for the best. TSR_EINVAL when unknown,
   TSR_ESTATE when the machine lacks it. */
tsr_status backend_select(const char *isa);
const char *backend_isa(void);

/* A tensor as kernels see it. */
static inline array array_of(const tsr_tensor *t)
{
    array a = {.dtype = t->dtype, .ndim = t->ndim};
    a.data = t->storage->data ? (char *)t->storage->data + t->offset * (int64_t)tsr_dtype_size((tsr_dtype)t->dtype) : 0;
    for (int d = 0; d < t->ndim; d++) a.shape[d] = t->shape[d], a.stride[d] = t->stride[d];
    return a;
}

#endif
