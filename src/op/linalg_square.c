/* linalg_square.c: square matrices: inverse, determinant, linear systems, Cholesky. Derivatives are made of operators, with
   X^T for the transpose:

       inverse Y:     dA = -Y^T g Y^T
       solution X:    dB = A^-T g,  dA = -dB X^T
       determinant:   dA = g (its cofactors) = g det A^-T, its logarithm: dA = g A^-T
       Cholesky L:    dA = (S + S^T) / 2 with S = L^-T P(L^T g) L^-1, P the lower triangle with half the diagonal */
#include <math.h>
#include <string.h>

#include "op/linalg.h"
#include "op/pointwise.h"
#include "op/record.h"
#include "op/reduce.h"
#include "op_gen.h"

/* ---- batches (linalg.h) ------------------------------------------------------------------------------------------- */

bool linalg_read(const op_ctx *c, tsr_tensor *t, bool own, matrices *out)
{
    if (!op_is_float(t) || t->ndim < 2) {
        op_fail(c, "expected matrices [.., m, n] of f32 or f64, not %s %s", tsr_dtype_name((tsr_dtype)t->dtype),
                tensor_shape_text(t));
        return false;
    }
    *out = (matrices){.m = t->shape[t->ndim - 2], .n = t->shape[t->ndim - 1], .lead = op_shape(t)};
    out->lead.n -= 2;
    out->count = region_count(&out->lead, 0, out->lead.n);
    out->t = op_as_contiguous(op_cast(t, TSR_F64));
    if (own && out->t == t) out->t = region_copy(t);
    out->data = out->t ? tsr_data(out->t) : NULL;
    return out->data != NULL;
}

bool linalg_read_square(const op_ctx *c, tsr_tensor *t, bool own, matrices *out)
{
    if (!linalg_read(c, t, own, out)) return false;
    if (out->m != out->n) op_fail(c, "the matrices must be square, but are %s", tensor_shape_text(t));
    return out->m == out->n;
}

bool linalg_new(const matrices *like, int64_t m, int64_t n, matrices *out)
{
    *out = (matrices){.count = like->count, .m = m, .n = n, .lead = like->lead};
    tsr_shape shape = like->lead;
    shape.v[shape.n++] = m;
    shape.v[shape.n++] = n;
    out->t = region_empty(TSR_F64, &shape, like->t);
    out->data = out->t ? tsr_data(out->t) : NULL;
    return out->data != NULL;
}

tsr_tensor *linalg_deliver(const matrices *a, tsr_dtype dtype) { return op_cast(a->t, dtype); }

bool linalg_singular(const op_ctx *c, const matrices *a, int64_t i)
{
    tsr_fail(TSR_ENUMERIC, "%s: matrix %lld of %s is singular", c->info->name, (long long)i, tensor_shape_text(a->t));
    return false;
}

static double *at(const matrices *a, int64_t i) { return a->data + i * a->m * a->n; }

/* One number for each matrix. */
static tsr_tensor *numbers(const matrices *like) { return region_empty(TSR_F64, &like->lead, like->t); }

static int64_t *new_pivots(int64_t n) { return tsr_alloc((size_t)n * sizeof(int64_t) + 1); }

/* ---- linear systems ----------------------------------------------------------------------------------------------- */

/* b becomes the solutions of a x = b; a is overwritten. */
static bool solve_all(const op_ctx *c, const matrices *a, const matrices *b)
{
    int64_t *pivot = new_pivots(a->n);
    bool ok = pivot != NULL;
    for (int64_t i = 0; ok && i < a->count; i++) {
        ok = linalg_lu(at(a, i), a->n, pivot) != 0 || linalg_singular(c, a, i);
        if (ok) linalg_lu_solve(at(a, i), pivot, a->n, at(b, i), b->n);
    }
    tsr_free(pivot);
    return ok;
}

static void set_identities(const matrices *a)
{
    memset(a->data, 0, (size_t)(a->count * a->n * a->n) * sizeof *a->data);
    for (int64_t i = 0; i < a->count; i++)
        for (int64_t k = 0; k < a->n; k++) at(a, i)[k * a->n + k] = 1;
}

tsr_tensor *op_linalg_inv(op_ctx *c, const tsr_linalg_inv_args *a)
{
    matrices in, out;
    if (!linalg_read_square(c, a->input, true, &in) || !linalg_new(&in, in.n, in.n, &out)) return NULL;
    set_identities(&out);
    return solve_all(c, &in, &out) ? linalg_deliver(&out, (tsr_dtype)a->input->dtype) : NULL;
}

void op_linalg_inv_grad(op_ctx *c, const tsr_linalg_inv_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    tsr_tensor *t = linalg_transposed(op_result(c, 0));
    grad_in[0] = tsr_neg(tsr_matmul(t, tsr_matmul(grad[0], t)));
}

static bool same_lead(const op_ctx *c, const matrices *a, const matrices *b)
{
    bool ok = a->n == b->m && region_same_shape(&a->lead, &b->lead);
    if (!ok) op_fail(c, "input %s and B %s do not fit", tensor_shape_text(a->t), tensor_shape_text(b->t));
    return ok;
}

tsr_tensor *op_linalg_lu_solve(op_ctx *c, const tsr_linalg_lu_solve_args *a)
{
    matrices in, b;
    if (!linalg_read_square(c, a->input, true, &in) || !linalg_read(c, a->B, true, &b) || !same_lead(c, &in, &b))
        return NULL;
    return solve_all(c, &in, &b) ? linalg_deliver(&b, (tsr_dtype)a->B->dtype) : NULL;
}

void op_linalg_lu_solve_grad(op_ctx *c, const tsr_linalg_lu_solve_args *a, tsr_tensor *const *grad,
                             tsr_tensor **grad_in)
{
    tsr_tensor *b = tsr_linalg_lu_solve(linalg_transposed(a->input), grad[0]);
    if (op_needs(c, 0)) grad_in[0] = tsr_neg(tsr_matmul(b, linalg_transposed(op_result(c, 0))));
    if (op_needs(c, 1)) grad_in[1] = b;
}

/* Both with the leading dimensions they broadcast to. */
static bool broadcast_lead(const op_ctx *c, tsr_tensor **a, tsr_tensor **b)
{
    tsr_shape x = op_shape(*a), y = op_shape(*b), lead;
    if (x.n < 2 || y.n < 2 || (*a)->dtype != (*b)->dtype) {
        op_fail(c, "expected matrices of one dtype, but got %s %s and %s %s", tsr_dtype_name((tsr_dtype)(*a)->dtype),
                shape_text(&x), tsr_dtype_name((tsr_dtype)(*b)->dtype), shape_text(&y));
        return false;
    }
    int64_t last[4] = {x.v[x.n - 2], x.v[x.n - 1], y.v[y.n - 2], y.v[y.n - 1]};
    x.n -= 2;
    y.n -= 2;
    if (!shape_broadcast(c->info->name, &x, &y, &lead)) return false;
    x = y = lead;
    for (int i = 0; i < 2; i++) x.v[x.n++] = last[i], y.v[y.n++] = last[2 + i];
    *a = tsr_expand(*a, x);
    *b = tsr_expand(*b, y);
    return *a && *b;
}

/* B holds vectors when it has one dimension, or all of input's but the last. */
static bool holds_vectors(const tsr_tensor *a, const tsr_tensor *b)
{
    if (b->ndim == 1) return true;
    bool same = b->ndim == a->ndim - 1;
    for (int d = 0; same && d < b->ndim; d++) same = b->shape[d] == a->shape[d];
    return same;
}

tsr_tensor *op_linalg_solve(op_ctx *c, const tsr_linalg_solve_args *a)
{
    tsr_tensor *in = a->input, *b = a->B;
    bool vectors = holds_vectors(in, b), left = op_flag(a->left);
    if (vectors && !left) return op_fail(c, "left=false needs matrices, but B is %s", tensor_shape_text(b));
    if (vectors) b = tsr_unsqueeze(b, -1);
    if (!left) in = linalg_transposed(in), b = linalg_transposed(b);
    if (!in || !b || !broadcast_lead(c, &in, &b)) return NULL;
    tsr_tensor *x = tsr_linalg_lu_solve(in, b);
    if (vectors) return tsr_squeeze_dim(x, -1);
    return left ? x : linalg_transposed(x);
}

/* ---- triangular systems ------------------------------------------------------------------------------------------- */

tsr_tensor *op_linalg_solve_triangle(op_ctx *c, const tsr_linalg_solve_triangle_args *a)
{
    matrices in, b;
    if (!linalg_read_square(c, a->input, false, &in) || !linalg_read(c, a->B, true, &b) || !same_lead(c, &in, &b))
        return NULL;
    for (int64_t i = 0; i < in.count; i++) linalg_triangular_solve(at(&in, i), in.n, a->upper, a->unit, at(&b, i), b.n);
    return linalg_deliver(&b, (tsr_dtype)a->B->dtype);
}

void op_linalg_solve_triangle_grad(op_ctx *c, const tsr_linalg_solve_triangle_args *a, tsr_tensor *const *grad,
                                   tsr_tensor **grad_in)
{
    tsr_tensor *b = tsr_linalg_solve_triangle(linalg_transposed(a->input), grad[0], !a->upper, a->unit);
    if (op_needs(c, 1)) grad_in[1] = b;
    if (!op_needs(c, 0)) return;
    tsr_tensor *g = tsr_neg(tsr_matmul(b, linalg_transposed(op_result(c, 0))));
    grad_in[0] = a->upper ? tsr_triu(g, .diagonal = a->unit) : tsr_tril(g, .diagonal = a->unit ? -1 : 0);
}

tsr_tensor *op_linalg_solve_triangular(op_ctx *c, const tsr_linalg_solve_triangular_args *a)
{
    tsr_tensor *in = a->input, *b = a->B;
    bool left = op_flag(a->left);
    if (in->ndim < 2 || b->ndim < 2)
        return op_fail(c, "expected matrices, but got %s and %s", tensor_shape_text(in), tensor_shape_text(b));
    if (!left) in = linalg_transposed(in), b = linalg_transposed(b);
    if (!in || !b || !broadcast_lead(c, &in, &b)) return NULL;
    tsr_tensor *x = tsr_linalg_solve_triangle(in, b, a->upper == left, a->unitriangular);
    return left ? x : linalg_transposed(x);
}

/* ---- determinants ------------------------------------------------------------------------------------------------- */

typedef struct determinant {
    double sign, log; /* of the magnitude */
} determinant;

/* a is overwritten. */
static determinant determinant_of(double *a, int64_t n, int64_t *pivot)
{
    determinant d = {linalg_lu(a, n, pivot), 0};
    for (int64_t i = 0; i < n; i++) {
        d.sign *= a[i * n + i] < 0 ? -1 : 1;
        d.log += log(fabs(a[i * n + i]));
    }
    return d.sign == 0 ? (determinant){0, -INFINITY} : d;
}

static double product_of_diagonal(const double *a, int64_t n, int sign)
{
    double product = sign;
    for (int64_t i = 0; i < n; i++) product *= a[i * n + i];
    return product;
}

tsr_tensor *op_linalg_det(op_ctx *c, const tsr_linalg_det_args *a)
{
    matrices in;
    if (!linalg_read_square(c, a->input, true, &in)) return NULL;
    int64_t *pivot = new_pivots(in.n);
    tsr_tensor *out = numbers(&in);
    double *to = out ? tsr_data(out) : NULL;
    for (int64_t i = 0; pivot && to && i < in.count; i++) {
        int sign = linalg_lu(at(&in, i), in.n, pivot);
        to[i] = product_of_diagonal(at(&in, i), in.n, sign);
    }
    tsr_free(pivot);
    return pivot && to ? op_cast(out, (tsr_dtype)a->input->dtype) : NULL;
}

/* det(A) is the product of A's singular values with a sign; its derivative, the cofactors, leaves each of them out once:
   u diag(products of the others) v^T with the sign of u and v. */
static bool cofactors_of(const double *a, int64_t n, double *out, double *work, int64_t *pivot)
{
    double *u = work, *v = u + n * n, *copy = v + n * n, *s = copy + n * n;
    if (!linalg_svd(a, n, n, u, s, v)) return false;
    memcpy(copy, u, (size_t)(n * n) * sizeof *u);
    double sign = determinant_of(copy, n, pivot).sign;
    memcpy(copy, v, (size_t)(n * n) * sizeof *v);
    sign *= determinant_of(copy, n, pivot).sign;
    memset(out, 0, (size_t)(n * n) * sizeof *out);
    for (int64_t k = 0; k < n; k++) {
        double others = sign;
        for (int64_t i = 0; i < n; i++) others *= i == k ? 1 : s[i];
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) out[i * n + j] += others * u[i * n + k] * v[j * n + k];
    }
    return true;
}

static tsr_tensor *cofactors(const op_ctx *c, tsr_tensor *input)
{
    matrices in, out;
    if (!linalg_read_square(c, input, false, &in) || !linalg_new(&in, in.n, in.n, &out)) return NULL;
    double *work = tsr_alloc((size_t)(3 * in.n * in.n + in.n) * sizeof *work + 1);
    int64_t *pivot = new_pivots(in.n);
    bool ok = work && pivot;
    for (int64_t i = 0; ok && i < in.count; i++) ok = cofactors_of(at(&in, i), in.n, at(&out, i), work, pivot);
    tsr_free(work);
    tsr_free(pivot);
    return ok ? linalg_deliver(&out, (tsr_dtype)input->dtype) : NULL;
}

/* A number for each matrix, in a shape that broadcasts to the matrices. */
static tsr_tensor *per_matrix(tsr_tensor *t) { return tsr_unsqueeze(tsr_unsqueeze(t, -1), -1); }

/* The cofactors once more, recorded. */
static tsr_tensor *recorded_cofactors(tsr_tensor *x)
{
    tsr_linalg_svd_result r = tsr_linalg_svd(x);
    tsr_tensor *sign = tsr_detach(tsr_mul(tsr_linalg_det(tsr_detach(r.U)), tsr_linalg_det(tsr_detach(r.Vh))));
    tsr_tensor *others = reduce_product_of_others(r.S, r.S ? r.S->ndim - 1 : 0);
    return tsr_mul(per_matrix(sign), tsr_matmul(tsr_mul(r.U, tsr_unsqueeze(others, -2)), r.Vh));
}

/* factor A^-T; where A is singular, its cofactors times `limit`. Each formula sees harmless matrices, ones and matrices with
   different singular values, in place of those that are the other's. */
static tsr_tensor *slope(tsr_tensor *x, tsr_tensor *singular, tsr_tensor *factor, double limit)
{
    if (!singular || !tsr_item_int(tsr_any(singular))) return tsr_mul(factor, linalg_transposed(tsr_linalg_inv(x)));
    tsr_tensor *here = per_matrix(singular);
    tsr_dtype dtype = (tsr_dtype)x->dtype;
    int64_t n = x->shape[x->ndim - 1];
    tsr_tensor *one = tsr_eye(n, .dtype = dtype);
    tsr_tensor *spread = tsr_diag(tsr_arange_start(TSR_INT(1), TSR_INT(n + 1), .dtype = dtype));
    tsr_tensor *regular = tsr_mul(factor, linalg_transposed(tsr_linalg_inv(tsr_where(here, one, x))));
    tsr_tensor *cofactor = recorded_cofactors(tsr_where(here, x, spread));
    return tsr_where(here, op_scale(cofactor, limit), regular);
}

void op_linalg_det_grad(op_ctx *c, const tsr_linalg_det_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *g = per_matrix(grad[0]), *det = op_result(c, 0);
    if (!record_grad_mode()) grad_in[0] = tsr_mul(g, cofactors(c, a->input));
    else grad_in[0] = tsr_mul(g, slope(a->input, tsr_logical_not(det), per_matrix(det), 1));
}

bool op_linalg_slogdet(op_ctx *c, const tsr_linalg_slogdet_args *a, tsr_tensor **out)
{
    matrices in;
    if (!linalg_read_square(c, a->input, true, &in)) return false;
    int64_t *pivot = new_pivots(in.n);
    tsr_tensor *sign = numbers(&in), *log = numbers(&in);
    double *to_sign = sign ? tsr_data(sign) : NULL, *to_log = log ? tsr_data(log) : NULL;
    for (int64_t i = 0; pivot && to_sign && to_log && i < in.count; i++) {
        determinant d = determinant_of(at(&in, i), in.n, pivot);
        to_sign[i] = d.sign;
        to_log[i] = d.log;
    }
    tsr_free(pivot);
    out[0] = op_cast(sign, (tsr_dtype)a->input->dtype);
    out[1] = op_cast(log, (tsr_dtype)a->input->dtype);
    return pivot && out[0] && out[1];
}

void op_linalg_slogdet_grad(op_ctx *c, const tsr_linalg_slogdet_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *singular = grad[1] ? tsr_isinf(op_result(c, 1)) : NULL;
    if (grad[1]) grad_in[0] = tsr_mul(per_matrix(grad[1]), slope(a->input, singular, tsr_scalar(1), INFINITY));
}

/* ---- Cholesky ----------------------------------------------------------------------------------------------------- */

static void transpose_into_lower(double *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) a[i * n + j] = a[j * n + i];
}

tsr_tensor *op_linalg_cholesky(op_ctx *c, const tsr_linalg_cholesky_args *a)
{
    matrices in;
    if (!linalg_read_square(c, a->input, true, &in)) return NULL;
    for (int64_t i = 0; i < in.count; i++) {
        if (a->upper) transpose_into_lower(at(&in, i), in.n);
        if (linalg_cholesky(at(&in, i), in.n)) continue;
        tsr_fail(TSR_ENUMERIC, "%s: matrix %lld of %s is not positive definite", c->info->name, (long long)i,
                 tensor_shape_text(a->input));
        return NULL;
    }
    tsr_tensor *out = linalg_deliver(&in, (tsr_dtype)a->input->dtype);
    return a->upper ? op_as_contiguous(linalg_transposed(out)) : out;
}

void op_linalg_cholesky_grad(op_ctx *c, const tsr_linalg_cholesky_args *a, tsr_tensor *const *grad,
                             tsr_tensor **grad_in)
{
    tsr_tensor *l = op_result(c, 0), *g = grad[0];
    if (a->upper) l = linalg_transposed(l), g = linalg_transposed(g);
    tsr_tensor *lt = linalg_transposed(l), *p = tsr_tril(tsr_matmul(lt, g));
    p = tsr_sub(p, op_scale(tsr_sub(p, tsr_tril(p, .diagonal = -1)), 0.5));                  /* half the diagonal */
    p = tsr_linalg_solve_triangle(lt, p, true, false);                                       /* L^-T P */
    p = linalg_transposed(tsr_linalg_solve_triangle(lt, linalg_transposed(p), true, false)); /* L^-T P L^-1 */
    grad_in[0] = op_scale(tsr_add(p, linalg_transposed(p)), 0.5);
}
