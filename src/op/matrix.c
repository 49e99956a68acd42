/* matrix.c: matrix products over the kernels matmul and linear.

   Every product here is out[b] = beta out[b] + alpha a[b] b[b] with 3-d arrays of any strides, so vectors and single
   matrices are read as such arrays without copying. Derivatives are products again. */
#include "base/profile.h"
#include "op/pointwise.h"
#include "op/region.h"
#include "op_gen.h"

/* ---- checks ------------------------------------------------------------------------------------------------------- */

static bool one_dtype(const op_ctx *c, const char *name, const tsr_tensor *a, const tsr_tensor *b)
{
    if (a->dtype == b->dtype) return true;
    op_fail(c, "expected both operands to have the same dtype, but %s is %s and the other is %s", name,
            tsr_dtype_name((tsr_dtype)b->dtype), tsr_dtype_name((tsr_dtype)a->dtype));
    return false;
}

static bool has_rank(const op_ctx *c, const char *name, const tsr_tensor *t, int ndim)
{
    if (t->ndim == ndim) return true;
    op_fail(c, "%s must be %d-d, not %s", name, ndim, tensor_shape_text(t));
    return false;
}

/* a [.., m, k] and b [.., k, n] of three dimensions. */
static bool multiplies(const op_ctx *c, const array *a, const array *b, const tsr_tensor *as_given,
                       const tsr_tensor *b_given)
{
    if (a->shape[0] == b->shape[0] && a->shape[2] == b->shape[1]) return true;
    op_fail(c, "shapes %s and %s cannot be multiplied", tensor_shape_text(as_given), tensor_shape_text(b_given));
    return false;
}

/* ---- the kernel --------------------------------------------------------------------------------------------------- */

static void insert_dim(array *a, int at)
{
    int64_t stride = at < a->ndim ? a->shape[at] * a->stride[at] : 1;
    for (int d = a->ndim++; d > at; d--) a->shape[d] = a->shape[d - 1], a->stride[d] = a->stride[d - 1];
    a->shape[at] = 1, a->stride[at] = stride;
}

/* t as [b, m, n], where lead and trail say how many sizes of 1 come before and after its own dimensions. */
static array as_batch(const tsr_tensor *t, int lead, int trail)
{
    array a = array_of(t);
    for (; lead > 0; lead--) insert_dim(&a, 0);
    for (; trail > 0; trail--) insert_dim(&a, a.ndim);
    return a;
}

static tsr_shape batch_shape(const array *x, const array *y)
{
    return TSR_SHAPE(x->shape[0], x->shape[1], y->shape[2]);
}
static tsr_shape matrix_shape(const array *x, const array *y) { return TSR_SHAPE(x->shape[1], y->shape[2]); }
static tsr_shape vector_shape(const array *x, const array *y)
{
    (void)y;
    return TSR_SHAPE(x->shape[1]);
}

/* The result: a batch of matrices, one matrix, or one column. */
static bool multiply(const tsr_tensor *out, const array *a, const array *b, double alpha, double beta)
{
    array o = as_batch(out, out->ndim == 3 ? 0 : 1, out->ndim == 1 ? 1 : 0);
    profile_count_flops(2 * tensor_numel(out) * a->shape[2]);
    return tensor_numel(out) == 0 || op_backend(out)->matmul(&o, a, b, alpha, beta);
}

static tsr_tensor *product(op_ctx *c, const array *a, const array *b, tsr_shape shape)
{
    tsr_tensor *out = op_output(c, (tsr_dtype)a->dtype, shape, NULL);
    return out && multiply(out, a, b, 1, 0) ? out : NULL;
}

tsr_tensor *op_bmm(op_ctx *c, const tsr_bmm_args *a)
{
    tsr_tensor *x = a->input, *y = a->mat2;
    if (!has_rank(c, "input", x, 3) || !has_rank(c, "mat2", y, 3) || !one_dtype(c, "mat2", x, y)) return NULL;
    array left = array_of(x), right = array_of(y);
    if (!multiplies(c, &left, &right, x, y)) return NULL;
    return product(c, &left, &right, batch_shape(&left, &right));
}

void op_bmm_grad(op_ctx *c, const tsr_bmm_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_bmm(grad[0], tsr_transpose(a->mat2, 1, 2));
    if (op_needs(c, 1)) grad_in[1] = tsr_bmm(tsr_transpose(a->input, 1, 2), grad[0]);
}

tsr_tensor *op_mm(op_ctx *c, const tsr_mm_args *a)
{
    if (!has_rank(c, "input", a->input, 2) || !has_rank(c, "mat2", a->mat2, 2)) return NULL;
    if (!one_dtype(c, "mat2", a->input, a->mat2)) return NULL;
    array x = as_batch(a->input, 1, 0), y = as_batch(a->mat2, 1, 0);
    if (!multiplies(c, &x, &y, a->input, a->mat2)) return NULL;
    return product(c, &x, &y, matrix_shape(&x, &y));
}

void op_mm_grad(op_ctx *c, const tsr_mm_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_mm(grad[0], tsr_transpose(a->mat2, 0, 1));
    if (op_needs(c, 1)) grad_in[1] = tsr_mm(tsr_transpose(a->input, 0, 1), grad[0]);
}

/* ---- sums and products: beta input + alpha x y -------------------------------------------------------------------- */

typedef struct affine {
    tsr_tensor *input, *x, *y;            /* as given */
    int x_lead, x_trail, y_lead, y_trail; /* how x and y become batches of matrices */
    tsr_number beta, alpha;
} affine;

/* The result's memory, holding input unless beta is 0, when that is not read. */
static tsr_tensor *affine_output(op_ctx *c, const affine *f, const tsr_shape *shape)
{
    tsr_shape own = op_shape(f->input), both;
    if (!shape_broadcast(c->info->name, &own, shape, &both)) return NULL;
    if (!region_same_shape(&both, shape))
        return op_fail(c, "input %s does not broadcast to the product's shape %s", shape_text(&own), shape_text(shape));
    tsr_tensor *out = op_output(c, (tsr_dtype)f->input->dtype, *shape, NULL);
    if (!out || out == f->input || op_f64(f->beta) == 0) return out;
    tsr_tensor *input = op_as_expanded(f->input, shape);
    return input && op_copy(out, input) ? out : NULL;
}

/* Integers times half a number are none: a factor must be whole, though it may be written 1.0. */
static bool whole_factor(const op_ctx *c, const char *name, tsr_number factor, tsr_dtype dtype)
{
    bool whole = factor.kind != TSR_NUMBER_FLOAT || factor.f == (double)op_i64(factor);
    return whole || pointwise_factor(c, name, factor, dtype);
}

/* The whole: shape_of gives the result's shape from the two batches of matrices. */
static tsr_tensor *affine_product(op_ctx *c, const affine *f, tsr_shape (*shape_of)(const array *, const array *))
{
    if (!one_dtype(c, "the second factor", f->x, f->y) || !one_dtype(c, "input", f->x, f->input)) return NULL;
    tsr_dtype dtype = (tsr_dtype)f->x->dtype;
    if (!whole_factor(c, "alpha", f->alpha, dtype) || !whole_factor(c, "beta", f->beta, dtype)) return NULL;
    tsr_tensor *left = region_unaliased(c, f->x), *right = region_unaliased(c, f->y);
    if (!left || !right) return NULL;
    array x = as_batch(left, f->x_lead, f->x_trail), y = as_batch(right, f->y_lead, f->y_trail);
    if (!multiplies(c, &x, &y, f->x, f->y)) return NULL;
    tsr_shape shape = shape_of(&x, &y);
    tsr_tensor *out = affine_output(c, f, &shape);
    return out && multiply(out, &x, &y, op_f64(f->alpha), op_f64(f->beta)) ? out : NULL;
}

/* t times a number, which is mostly 1. */
static tsr_tensor *times(tsr_tensor *t, tsr_number factor)
{
    return op_f64(factor) == 1 ? t : op_scale(t, op_f64(factor));
}

tsr_tensor *op_addmm(op_ctx *c, const tsr_addmm_args *a)
{
    affine f = {a->input, a->mat1, a->mat2, 1, 0, 1, 0, a->beta, a->alpha};
    if (!has_rank(c, "mat1", a->mat1, 2) || !has_rank(c, "mat2", a->mat2, 2)) return NULL;
    return affine_product(c, &f, matrix_shape);
}

void op_addmm_grad(op_ctx *c, const tsr_addmm_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = times(grad[0], a->beta);
    if (op_needs(c, 1)) grad_in[1] = times(tsr_mm(grad[0], tsr_transpose(a->mat2, 0, 1)), a->alpha);
    if (op_needs(c, 2)) grad_in[2] = times(tsr_mm(tsr_transpose(a->mat1, 0, 1), grad[0]), a->alpha);
}

tsr_tensor *op_addmv(op_ctx *c, const tsr_addmv_args *a)
{
    affine f = {a->input, a->mat, a->vec, 1, 0, 1, 1, a->beta, a->alpha};
    if (!has_rank(c, "mat", a->mat, 2) || !has_rank(c, "vec", a->vec, 1)) return NULL;
    return affine_product(c, &f, vector_shape);
}

void op_addmv_grad(op_ctx *c, const tsr_addmv_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = times(grad[0], a->beta);
    if (op_needs(c, 1)) grad_in[1] = times(tsr_outer(grad[0], a->vec), a->alpha);
    if (op_needs(c, 2)) grad_in[2] = times(tsr_mv(tsr_transpose(a->mat, 0, 1), grad[0]), a->alpha);
}

tsr_tensor *op_addr(op_ctx *c, const tsr_addr_args *a)
{
    affine f = {a->input, a->vec1, a->vec2, 1, 1, 2, 0, a->beta, a->alpha};
    if (!has_rank(c, "vec1", a->vec1, 1) || !has_rank(c, "vec2", a->vec2, 1)) return NULL;
    return affine_product(c, &f, matrix_shape);
}

void op_addr_grad(op_ctx *c, const tsr_addr_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = times(grad[0], a->beta);
    if (op_needs(c, 1)) grad_in[1] = times(tsr_mv(grad[0], a->vec2), a->alpha);
    if (op_needs(c, 2)) grad_in[2] = times(tsr_mv(tsr_transpose(grad[0], 0, 1), a->vec1), a->alpha);
}

tsr_tensor *op_baddbmm(op_ctx *c, const tsr_baddbmm_args *a)
{
    affine f = {a->input, a->batch1, a->batch2, 0, 0, 0, 0, a->beta, a->alpha};
    if (!has_rank(c, "batch1", a->batch1, 3) || !has_rank(c, "batch2", a->batch2, 3)) return NULL;
    return affine_product(c, &f, batch_shape);
}

void op_baddbmm_grad(op_ctx *c, const tsr_baddbmm_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = times(grad[0], a->beta);
    if (op_needs(c, 1)) grad_in[1] = times(tsr_bmm(grad[0], tsr_transpose(a->batch2, 1, 2)), a->alpha);
    if (op_needs(c, 2)) grad_in[2] = times(tsr_bmm(tsr_transpose(a->batch1, 1, 2), grad[0]), a->alpha);
}

/* ---- linear ------------------------------------------------------------------------------------------------------- */

/* Weights may also be kept in half the width, for inference. */
static bool is_half_of(const tsr_tensor *w, const tsr_tensor *x)
{
    return x->dtype == TSR_F32 && (w->dtype == TSR_BF16 || w->dtype == TSR_F16);
}

static bool check_linear(const op_ctx *c, const tsr_linear_args *a)
{
    const tsr_tensor *x = a->input, *w = a->weight, *b = a->bias;
    bool half = is_half_of(w, x);
    if ((!half && !one_dtype(c, "weight", x, w)) || (b && !one_dtype(c, "bias", x, b))) return false;
    if (half && op_needs(c, 1)) {
        op_fail(c,
                "weight is %s, which has no gradient here: keep it in f32 to train it, or switch its requires_grad off",
                tsr_dtype_name((tsr_dtype)w->dtype));
        return false;
    }
    if (x->ndim == 0 || w->ndim != 2 || x->shape[x->ndim - 1] != w->shape[1]) {
        op_fail(c, "input %s and weight %s: input's last dimension must be weight's second", tensor_shape_text(x),
                tensor_shape_text(w));
        return false;
    }
    if (!b || (b->ndim == 1 && b->shape[0] == w->shape[0])) return true;
    op_fail(c, "bias %s must be [%lld] for weight %s", tensor_shape_text(b), (long long)w->shape[0],
            tensor_shape_text(w));
    return false;
}

/* x as a matrix of its last dimension's rows: without copying where its strides allow. */
static tsr_tensor *as_rows(tsr_tensor *x)
{
    int64_t stride[2], last = x->shape[x->ndim - 1];
    tsr_shape s = op_shape(x), rows = TSR_SHAPE(region_count(&s, 0, s.n - 1), last);
    if (!shape_view_strides(x, 2, rows.v, stride)) return region_reshape(op_as_contiguous(x), &rows);
    return tensor_wrap(x->storage, (tsr_dtype)x->dtype, 2, rows.v, stride, x->offset);
}

tsr_tensor *op_linear(op_ctx *c, const tsr_linear_args *a)
{
    if (!check_linear(c, a)) return NULL;
    tsr_shape shape = op_shape(a->input);
    shape.v[shape.n - 1] = a->weight->shape[0];
    tsr_tensor *x = as_rows(a->input), *out = op_output(c, (tsr_dtype)a->input->dtype, shape, NULL);
    if (!x || !out || tensor_numel(out) == 0) return x ? out : NULL;
    tsr_tensor *rows = region_reshape(out, &TSR_SHAPE(x->shape[0], a->weight->shape[0]));
    if (!rows) return NULL;
    array o = array_of(rows), in = array_of(x), w = array_of(a->weight), b = {0};
    if (a->bias) b = array_of(a->bias);
    profile_count_flops(2 * tensor_numel(out) * x->shape[1]);
    return op_backend(out)->linear(&o, &in, &w, a->bias ? &b : NULL) ? out : NULL;
}

void op_linear_grad(op_ctx *c, const tsr_linear_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_shape x = op_input_meta(c, 0).shape, w = op_input_meta(c, 1).shape;
    tsr_shape rows = TSR_SHAPE(region_count(&x, 0, x.n - 1), w.v[0]);
    tsr_tensor *g = tsr_reshape(grad[0], rows);
    if (op_needs(c, 0)) grad_in[0] = tsr_reshape(tsr_mm(g, tsr_to(a->weight, tsr_dtype_of(g))), x);
    if (op_needs(c, 1))
        grad_in[1] = tsr_mm(tsr_transpose(g, 0, 1), tsr_reshape(a->input, TSR_SHAPE(rows.v[0], w.v[1])));
    if (op_needs(c, 2)) grad_in[2] = tsr_sum(g, .dim = TSR_DIMS(0));
}

/* ---- the nearest code --------------------------------------------------------------------------------------------- */

tsr_tensor *op_nearest_code(op_ctx *c, const tsr_nearest_code_args *a)
{
    const tsr_tensor *x = a->input, *codes = a->codes;
    if (!has_rank(c, "input", x, 2) || !has_rank(c, "codes", codes, 2) || !one_dtype(c, "codes", x, codes)) return NULL;
    if (x->shape[1] != codes->shape[1] || codes->shape[0] == 0)
        return op_fail(c, "input %s and codes %s: as many features are needed in both, and one code or more",
                       tensor_shape_text(x), tensor_shape_text(codes));
    tsr_tensor *out = region_empty(TSR_I64, &TSR_SHAPE(x->shape[0]), x);
    if (!out) return NULL;
    array o = array_of(out), in = array_of(x), k = array_of(codes);
    profile_count_flops(2 * tensor_numel(x) * codes->shape[0]);
    return op_backend(x)->nearest(&o, &in, &k) ? out : NULL;
}
