/* pointwise.c: calls of element-wise kernels; pointwise.h says what for. Broadcasting costs nothing here: an operand is
   described to the kernel with stride 0 where it is repeated. */
#include "op/pointwise.h"

/* t as an array of a larger shape. */
static array expanded(const tsr_tensor *t, const tsr_shape *shape)
{
    array a = array_of(t);
    shape_expand_strides(t, shape, a.stride);
    a.ndim = shape->n;
    for (int d = 0; d < shape->n; d++) a.shape[d] = shape->v[d];
    return a;
}

static bool is_expanded(const tsr_tensor *t)
{
    for (int d = 0; d < t->ndim; d++)
        if (t->stride[d] == 0 && t->shape[d] > 1) return true;
    return false;
}

/* The first operand that has the result's shape lends it its layout; one that was expanded has none. */
static const tsr_tensor *layout_of(tsr_tensor *const *in, int n, const tsr_shape *shape)
{
    for (int i = 0; i < n; i++)
        if (tensor_has_shape(in[i], shape) && !is_expanded(in[i])) return in[i];
    return NULL;
}

static bool broadcast_all(const op_ctx *c, tsr_tensor *const *in, int n, tsr_shape *shape)
{
    *shape = op_shape(in[0]);
    for (int i = 1; i < n; i++) {
        tsr_shape so_far = *shape, next = op_shape(in[i]);
        if (!shape_broadcast(c->info->name, &so_far, &next, shape)) return false;
    }
    return true;
}

static bool is_plain(const op_ctx *c, const tsr_tensor *t, tsr_dtype compute)
{
    return !c->dest && t->dtype == compute && t->storage->data && shape_is_contiguous(t->ndim, t->shape, t->stride);
}

static bool same_sizes(const tsr_tensor *x, const tsr_tensor *y)
{
    bool same = x->ndim == y->ndim;
    for (int d = 0; same && d < x->ndim; d++) same = x->shape[d] == y->shape[d];
    return same;
}

static tsr_tensor *unary_row(unary_code code, tsr_tensor *x, tsr_dtype out, const double *p)
{
    tsr_tensor *y = tensor_empty_strided(out, x->ndim, x->shape, x->stride, (tsr_device)x->storage->device);
    int64_t n = tensor_numel(x);
    if (!y || n == 0) return y;
    array src = pointwise_row(x, n), dst = pointwise_row(y, n);
    return op_backend(y)->unary(code, &dst, &src, p) ? y : NULL;
}

static tsr_tensor *binary_rows(binary_code code, tsr_tensor *x, tsr_tensor *y, tsr_dtype out, const double *p)
{
    tsr_tensor *z = tensor_empty_strided(out, x->ndim, x->shape, x->stride, (tsr_device)x->storage->device);
    int64_t n = tensor_numel(x);
    if (!z || n == 0) return z;
    array a = pointwise_row(x, n), b = pointwise_row(y, n), dst = pointwise_row(z, n);
    return op_backend(z)->binary(code, &dst, &a, &b, p) ? z : NULL;
}

tsr_tensor *pointwise_unary(op_ctx *c, unary_code code, tsr_tensor *x, tsr_dtype compute, tsr_dtype out,
                            const double *p)
{
    if (is_plain(c, x, compute)) return unary_row(code, x, out, p);
    tsr_tensor *in = op_cast(x, compute);
    tsr_tensor *y = op_output(c, out, op_shape(x), x);
    if (!in || !y) return NULL;
    array src = array_of(in), dst = array_of(y);
    return op_backend(in)->unary(code, &dst, &src, p) ? y : NULL;
}

tsr_tensor *pointwise_binary(op_ctx *c, binary_code code, tsr_tensor *x, tsr_tensor *y, tsr_dtype compute,
                             tsr_dtype out, const double *p)
{
    tsr_tensor *in[2] = {x, y};
    tsr_shape shape;
    if (is_plain(c, x, compute) && is_plain(c, y, compute) && same_sizes(x, y)) return binary_rows(code, x, y, out, p);
    if (!broadcast_all(c, in, 2, &shape)) return NULL;
    tsr_tensor *z = op_output(c, out, shape, layout_of(in, 2, &shape));
    tsr_tensor *left = op_cast(x, compute), *right = op_cast(y, compute);
    if (!z || !left || !right) return NULL;
    array a = expanded(left, &shape), b = expanded(right, &shape), dst = array_of(z);
    return op_backend(z)->binary(code, &dst, &a, &b, p) ? z : NULL;
}

tsr_tensor *pointwise_ternary(op_ctx *c, ternary_code code, tsr_tensor *const *in, tsr_dtype compute, const double *p)
{
    tsr_shape shape;
    if (!broadcast_all(c, in, 3, &shape)) return NULL;
    tsr_tensor *z = op_output(c, compute, shape, layout_of(in + 1, 2, &shape));
    array operand[3];
    if (!z) return NULL;
    for (int i = 0; i < 3; i++) {
        tsr_tensor *t = code == T_WHERE && i == 0 ? in[0] : op_cast(in[i], compute);
        if (!t) return NULL;
        operand[i] = expanded(t, &shape);
    }
    array dst = array_of(z);
    return op_backend(z)->ternary(code, &dst, &operand[0], &operand[1], &operand[2], p) ? z : NULL;
}

tsr_tensor *pointwise_float(op_ctx *c, unary_code code, tsr_tensor *x, const double *p)
{
    tsr_dtype dtype = op_float_type((tsr_dtype)x->dtype);
    return pointwise_unary(c, code, x, dtype, dtype, p);
}

tsr_tensor *pointwise_deliver(op_ctx *c, tsr_tensor *value)
{
    if (!value || !c->dest) return value;
    tsr_tensor *out = op_output(c, (tsr_dtype)value->dtype, op_shape(value), NULL);
    return out && op_copy(out, value) ? out : NULL;
}

tsr_tensor *pointwise_fill(tsr_tensor *t, tsr_number value)
{
    if (!t) return NULL;
    array dst = array_of(t);
    return op_backend(t)->fill(&dst, op_f64(value), op_i64(value)) ? t : NULL;
}

/* A negative integer may stand for the u8 that has its bits, as in PyTorch; a negative float may not. */
static bool fits_integer(tsr_number value, double low, double high)
{
    if (value.kind != TSR_NUMBER_FLOAT) return (double)value.i >= (low == 0 ? -high : low) && (double)value.i <= high;
    return value.f >= low && value.f <= high && value.f < 0x1p63;
}

bool pointwise_fits(const op_ctx *c, tsr_number value, tsr_dtype dtype)
{
    bool fits = dtype == TSR_U8    ? fits_integer(value, 0, UINT8_MAX)
                : dtype == TSR_I32 ? fits_integer(value, INT32_MIN, INT32_MAX)
                : dtype == TSR_I64 ? fits_integer(value, (double)INT64_MIN, (double)INT64_MAX)
                                   : true;
    if (!fits) op_fail(c, "value %g does not fit dtype %s", op_f64(value), tsr_dtype_name(dtype));
    return fits;
}

tsr_tensor *pointwise_fill_checked(const op_ctx *c, tsr_tensor *t, tsr_number value)
{
    return t && pointwise_fits(c, value, (tsr_dtype)t->dtype) ? pointwise_fill(t, value) : NULL;
}

array pointwise_array_1d(const tsr_tensor *t)
{
    array a = array_of(t);
    if (a.ndim == 0) a.ndim = 1, a.shape[0] = 1, a.stride[0] = 1;
    return a;
}

bool pointwise_factor(const op_ctx *c, const char *name, tsr_number factor, tsr_dtype dtype)
{
    if (factor.kind != TSR_NUMBER_FLOAT || tsr_dtype_is_floating(dtype)) return true;
    op_fail(c, "%s = %g must be an integer, since the operands are %s", name, factor.f, tsr_dtype_name(dtype));
    return false;
}

bool pointwise_numbers(const op_ctx *c, number_policy policy, const tsr_tensor *x, const tsr_tensor *y)
{
    bool left = x->wrapped_number, right = y->wrapped_number;
    bool refused = policy == NUMBERS_NONE    ? left || right
                   : policy == NUMBERS_RIGHT ? left
                   : policy == NUMBERS_ONE   ? left && right
                                             : false;
    if (refused) op_fail(c, "argument %d must be a tensor, not a number", left ? 1 : 2);
    return !refused;
}
