/* create.c: new tensors. Constants are a fill; sequences are written on the host in f64 or i64 and then cast, so that
   every dtype rounds once, from the exact value. */
#include "op/pointwise.h"
#include "op_gen.h"

#include <math.h>

/* ---- constants ----------------------------------------------------------------------------------------------------- */

static tsr_tensor *empty_sized(op_ctx *c, const tsr_shape *size, tsr_dtype dtype)
{
    if (shape_numel(size->n, size->v) < 0) return op_fail(c, "%s is not a shape", shape_text(size));
    return op_output(c, dtype, *size, NULL);
}

static tsr_tensor *empty_as(op_ctx *c, tsr_tensor *like, tsr_dtype dtype)
{
    return op_output(c, dtype ? dtype : (tsr_dtype)like->dtype, op_shape(like), like);
}

static tsr_dtype dtype_or(tsr_dtype given, tsr_dtype otherwise) { return given ? given : otherwise; }

static tsr_dtype dtype_of_number(tsr_number n)
{
    return n.kind == TSR_NUMBER_FLOAT ? TSR_F32 : n.kind == TSR_NUMBER_BOOL ? TSR_BOOL : TSR_I64;
}

tsr_tensor *op_empty(op_ctx *c, const tsr_empty_args *a)
{
    return empty_sized(c, &a->size, dtype_or(a->dtype, TSR_F32));
}

tsr_tensor *op_zeros(op_ctx *c, const tsr_zeros_args *a)
{
    return pointwise_fill(empty_sized(c, &a->size, dtype_or(a->dtype, TSR_F32)), TSR_INT(0));
}

tsr_tensor *op_ones(op_ctx *c, const tsr_ones_args *a)
{
    return pointwise_fill(empty_sized(c, &a->size, dtype_or(a->dtype, TSR_F32)), TSR_INT(1));
}

tsr_tensor *op_full(op_ctx *c, const tsr_full_args *a)
{
    return pointwise_fill_checked(c, empty_sized(c, &a->size, dtype_or(a->dtype, dtype_of_number(a->fill_value))),
                                  a->fill_value);
}

tsr_tensor *op_empty_like(op_ctx *c, const tsr_empty_like_args *a) { return empty_as(c, a->input, a->dtype); }

tsr_tensor *op_zeros_like(op_ctx *c, const tsr_zeros_like_args *a)
{
    return pointwise_fill(empty_as(c, a->input, a->dtype), TSR_INT(0));
}

tsr_tensor *op_ones_like(op_ctx *c, const tsr_ones_like_args *a)
{
    return pointwise_fill(empty_as(c, a->input, a->dtype), TSR_INT(1));
}

tsr_tensor *op_full_like(op_ctx *c, const tsr_full_like_args *a)
{
    return pointwise_fill_checked(c, empty_as(c, a->input, a->dtype), a->fill_value);
}

tsr_tensor *op_new_empty(op_ctx *c, const tsr_new_empty_args *a)
{
    return empty_sized(c, &a->size, dtype_or(a->dtype, (tsr_dtype)a->input->dtype));
}

tsr_tensor *op_new_zeros(op_ctx *c, const tsr_new_zeros_args *a)
{
    return pointwise_fill(empty_sized(c, &a->size, dtype_or(a->dtype, (tsr_dtype)a->input->dtype)), TSR_INT(0));
}

tsr_tensor *op_new_ones(op_ctx *c, const tsr_new_ones_args *a)
{
    return pointwise_fill(empty_sized(c, &a->size, dtype_or(a->dtype, (tsr_dtype)a->input->dtype)), TSR_INT(1));
}

tsr_tensor *op_new_full(op_ctx *c, const tsr_new_full_args *a)
{
    return pointwise_fill_checked(c, empty_sized(c, &a->size, dtype_or(a->dtype, (tsr_dtype)a->input->dtype)),
                                  a->fill_value);
}

/* Zeros, then ones through a strided view of the diagonal. */
tsr_tensor *op_eye(op_ctx *c, const tsr_eye_args *a)
{
    int64_t n = a->n, m = op_has(a->m) ? op_i64(a->m) : n;
    if (n < 0 || m < 0)
        return op_fail(c, "sizes must not be negative, got n = %lld, m = %lld", (long long)n, (long long)m);
    tsr_shape size = TSR_SHAPE(n, m);
    tsr_tensor *t = pointwise_fill(empty_sized(c, &size, dtype_or(a->dtype, TSR_F32)), TSR_INT(0));
    if (!t) return NULL;
    array diagonal = array_of(t);
    diagonal.ndim = 1;
    diagonal.shape[0] = tsr_min_i64(n, m);
    diagonal.stride[0] = m + 1;
    return op_backend(t)->fill(&diagonal, 1, 1) ? t : NULL;
}

/* ---- sequences ------------------------------------------------------------------------------------------------------- */

static bool is_integer(tsr_number n) { return n.kind != TSR_NUMBER_FLOAT; }

static tsr_tensor *whole_sequence(int64_t start, int64_t step, int64_t n)
{
    tsr_tensor *t = tensor_empty(TSR_I64, 1, &n, TSR_CPU);
    int64_t *v = t ? tsr_data(t) : NULL;
    for (int64_t i = 0; v && i < n; i++) v[i] = start + i * step;
    return t;
}

static tsr_tensor *real_sequence(double start, double step, int64_t n)
{
    tsr_tensor *t = tensor_empty(TSR_F64, 1, &n, TSR_CPU);
    double *v = t ? tsr_data(t) : NULL;
    for (int64_t i = 0; v && i < n; i++) v[i] = start + (double)i * step;
    return t;
}

/* ceil((end - start) / step) of integers, which doubles cannot tell apart above 2^53; step is not 0. */
static double whole_count(int64_t start, int64_t end, int64_t step)
{
    uint64_t way = step > 0 ? (uint64_t)end - (uint64_t)start : (uint64_t)start - (uint64_t)end;
    uint64_t by = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    if (start == end) return 0;
    return (end > start) == (step > 0) ? (double)((way - 1) / by + 1) : -1;
}

/* The number of elements, or -1 and an error. */
static int64_t range_count(op_ctx *c, tsr_number from, tsr_number to, tsr_number by)
{
    double start = op_f64(from), end = op_f64(to), step = op_f64(by);
    bool whole = is_integer(from) && is_integer(to) && is_integer(by) && step != 0;
    double count = whole ? whole_count(op_i64(from), op_i64(to), op_i64(by)) : ceil((end - start) / step);
    if (!isfinite(start) || !isfinite(end)) op_fail(c, "start %g and end %g must be finite", start, end);
    else if (!(step > 0) && !(step < 0)) op_fail(c, "step must not be 0");
    else if (count < 0) op_fail(c, "step %g leads away from end %g, starting at %g", step, end, start);
    else if (count > 0x1p53) op_fail(c, "from %g to %g by %g are too many elements", start, end, step);
    else return (int64_t)count;
    return -1;
}

static tsr_tensor *range(op_ctx *c, tsr_number start, tsr_number end, tsr_number step, tsr_dtype dtype)
{
    bool whole = is_integer(start) && is_integer(end) && is_integer(step);
    if (dtype == TSR_I64) start = TSR_INT(op_i64(start)), end = TSR_INT(op_i64(end)), step = TSR_INT(op_i64(step));
    int64_t n = range_count(c, start, end, step);
    if (n < 0) return NULL;
    if (dtype && !tsr_dtype_is_floating(dtype)) whole = true;
    if (whole && op_i64(step) == 0) return op_fail(c, "step %g is 0 as an integer", op_f64(step));
    tsr_tensor *t = whole ? whole_sequence(op_i64(start), op_i64(step), n)
                          : real_sequence(op_f64(start), op_f64(step), n);
    return op_cast(t, dtype_or(dtype, whole ? TSR_I64 : TSR_F32));
}

tsr_tensor *op_arange(op_ctx *c, const tsr_arange_args *a)
{
    return range(c, TSR_INT(0), a->end, TSR_INT(1), a->dtype);
}

tsr_tensor *op_arange_start(op_ctx *c, const tsr_arange_start_args *a)
{
    return range(c, a->start, a->end, a->step, a->dtype);
}

/* The second half is counted from the end, so that both ends are exact and the sequence is symmetric. Of integers, both ends
   are cut to integers first, as in PyTorch. */
tsr_tensor *op_linspace(op_ctx *c, const tsr_linspace_args *a)
{
    int64_t n = a->steps;
    double start = op_f64(a->start), end = op_f64(a->end);
    if (n < 0) return op_fail(c, "steps must not be negative, got %lld", (long long)n);
    if (a->dtype && !tsr_dtype_is_floating(a->dtype)) start = trunc(start), end = trunc(end);
    double step = n > 1 ? (end - start) / (double)(n - 1) : 0;
    tsr_tensor *t = real_sequence(start, step, n);
    double *v = t ? tsr_data(t) : NULL;
    for (int64_t i = n / 2; v && n > 1 && i < n; i++) v[i] = end - (double)(n - 1 - i) * step;
    return op_cast(t, dtype_or(a->dtype, TSR_F32));
}

/* ---- masks and classes ------------------------------------------------------------------------------------------------ */

tsr_tensor *op_one_hot(op_ctx *c, const tsr_one_hot_args *a)
{
    int64_t low, high, classes = a->num_classes;
    if (a->input->dtype != TSR_I64)
        return op_fail(c, "class indices must be i64, got %s", tsr_dtype_name(a->input->dtype));
    array index = array_of(a->input);
    if (!op_backend(a->input)->index_range(&index, &low, &high)) return NULL;
    if (classes < -1 || (classes < 1 && high < low))
        return op_fail(c, "num_classes = %lld does not say how many classes %s has", (long long)classes,
                       tensor_shape_text(a->input));
    if (classes == -1) classes = high + 1;
    if (low < 0 || high >= classes)
        return op_fail(c, "index %lld is outside the %lld classes", (long long)(low < 0 ? low : high),
                       (long long)classes);
    tsr_tensor *each = tsr_unsqueeze(a->input, -1);
    return tsr_to(tsr_eq(each, whole_sequence(0, 1, classes)), TSR_I64);
}

/* column - row for each element of the last two dimensions, compared with the diagonal */
static tsr_tensor *triangle(op_ctx *c, tsr_tensor *x, int64_t diagonal, bool lower)
{
    if (x->ndim < 2) return op_fail(c, "needs at least two dimensions, got %s", tensor_shape_text(x));
    tsr_tensor *column = whole_sequence(0, 1, x->shape[x->ndim - 1]);
    tsr_tensor *row = tsr_unsqueeze(whole_sequence(diagonal, 1, x->shape[x->ndim - 2]), -1);
    tsr_tensor *zero = op_cast(tsr_scalar_int(0), (tsr_dtype)x->dtype);
    tsr_tensor *keep = lower ? tsr_le(column, row) : tsr_ge(column, row);
    if (!keep || !zero) return NULL;
    return pointwise_ternary(c, T_WHERE, (tsr_tensor *[]){keep, x, zero}, (tsr_dtype)x->dtype, NULL);
}

tsr_tensor *op_tril(op_ctx *c, const tsr_tril_args *a) { return triangle(c, a->input, a->diagonal, true); }

void op_tril_grad(op_ctx *c, const tsr_tril_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_tril(grad[0], a->diagonal);
}

tsr_tensor *op_triu(op_ctx *c, const tsr_triu_args *a) { return triangle(c, a->input, a->diagonal, false); }

void op_triu_grad(op_ctx *c, const tsr_triu_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_triu(grad[0], a->diagonal);
}
