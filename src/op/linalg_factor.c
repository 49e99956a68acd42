/* linalg_factor.c: QR and the singular value decomposition. Derivatives are made of operators:

       QR, m >= n:  dA = (gQ + Q copyltu(R gR^T - gQ^T Q)) R^-T, copyltu mirroring the lower triangle upwards
                    (Walter and Lehmann 2010); a wide A is [X Y] with Q from X
       SVD:         dA = U [(skew(U^T gU) / E) S + S (skew(V^T gV) / E) + gS] V^T, E_ij = s_j^2 - s_i^2, and what of gU and
                    gV lies outside the spans of U and V over the singular values */
#include <string.h>

#include "op/linalg.h"
#include "op/pointwise.h"
#include "op_gen.h"

/* ---- QR ----------------------------------------------------------------------------------------------------------- */

/* The first `rows` rows and `columns` columns of from [.., n]. */
static void copy_corner(double *to, const double *from, int64_t rows, int64_t columns, int64_t n)
{
    for (int64_t i = 0; i < rows; i++) memcpy(to + i * columns, from + i * n, (size_t)columns * sizeof *to);
}

bool op_linalg_qr(op_ctx *c, const tsr_linalg_qr_args *a, tsr_tensor **out)
{
    matrices in, q, r;
    bool complete = !strcmp(a->mode, "complete");
    if (!linalg_read(c, a->input, true, &in)) return false;
    int64_t m = in.m, n = in.n, k = complete ? m : tsr_min_i64(m, n);
    double *whole = tsr_alloc((size_t)(m * m + m) * sizeof *whole + 1);
    bool ok = whole && linalg_new(&in, m, k, &q) && linalg_new(&in, k, n, &r);
    for (int64_t i = 0; ok && i < in.count; i++) {
        linalg_qr(in.data + i * m * n, m, n, whole, whole + m * m);
        copy_corner(q.data + i * m * k, whole, m, k, m);
        copy_corner(r.data + i * k * n, in.data + i * m * n, k, n, n);
    }
    tsr_free(whole);
    if (!ok) return false;
    out[0] = linalg_deliver(&q, (tsr_dtype)a->input->dtype);
    out[1] = linalg_deliver(&r, (tsr_dtype)a->input->dtype);
    return out[0] && out[1];
}

/* The lower triangle mirrored upwards. */
static tsr_tensor *mirrored(tsr_tensor *t)
{
    return tsr_add(tsr_tril(t), linalg_transposed(tsr_tril(t, .diagonal = -1)));
}

/* For q [m, n] and r [n, n]. */
static tsr_tensor *tall_grad(tsr_tensor *q, tsr_tensor *r, tsr_tensor *gq, tsr_tensor *gr)
{
    tsr_tensor *m = tsr_sub(tsr_matmul(r, linalg_transposed(gr)), tsr_matmul(linalg_transposed(gq), q));
    tsr_tensor *sum = tsr_add(gq, tsr_matmul(q, mirrored(m)));
    return linalg_transposed(tsr_linalg_solve_triangle(r, linalg_transposed(sum), true, false)); /* sum R^-T */
}

/* A = [X Y] with X = Q U square and Y = Q V, R = [U V]. */
static tsr_tensor *wide_grad(tsr_tensor *q, tsr_tensor *r, tsr_tensor *gq, tsr_tensor *gr, int64_t m, int64_t n)
{
    tsr_tensor *u = tsr_narrow(r, -1, 0, m), *v = tsr_narrow(r, -1, m, n - m);
    tsr_tensor *gu = tsr_narrow(gr, -1, 0, m), *gv = tsr_narrow(gr, -1, m, n - m);
    tsr_tensor *y = tsr_matmul(q, v);
    tsr_tensor *gx = tall_grad(q, u, tsr_add(gq, tsr_matmul(y, linalg_transposed(gv))), gu);
    return tsr_cat(TSR_LIST(gx, tsr_matmul(q, gv)), .dim = -1);
}

void op_linalg_qr_grad(op_ctx *c, const tsr_linalg_qr_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_shape shape = op_input_meta(c, 0).shape;
    int64_t m = shape.v[shape.n - 2], n = shape.v[shape.n - 1];
    tsr_tensor *q = op_result(c, 0), *r = op_result(c, 1);
    tsr_tensor *gq = op_grad_or_zeros(c, grad, 0), *gr = op_grad_or_zeros(c, grad, 1);
    if (!strcmp(a->mode, "complete") && m > n) op_fail(c, "has no derivative with mode \"complete\" of tall matrices");
    else grad_in[0] = m >= n ? tall_grad(q, r, gq, gr) : wide_grad(q, r, gq, gr, m, n);
}

/* ---- singular values ---------------------------------------------------------------------------------------------- */

/* to [rows, columns] = the transpose of v's first `rows` columns. */
static void copy_transposed(double *to, const double *v, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) to[i * columns + j] = v[j * columns + i];
}

static bool svd_all(const matrices *in, const matrices *u, const matrices *s, const matrices *vh)
{
    int64_t m = in->m, n = in->n, k = tsr_min_i64(m, n);
    double *whole = tsr_alloc((size_t)(m * m + n * n) * sizeof *whole + 1);
    bool ok = whole != NULL;
    for (int64_t i = 0; ok && i < in->count; i++) {
        ok = linalg_svd(in->data + i * m * n, m, n, whole, s->data + i * k, whole + m * m);
        copy_corner(u->data + i * m * u->n, whole, m, u->n, m);
        copy_transposed(vh->data + i * vh->m * n, whole + m * m, vh->m, n);
    }
    tsr_free(whole);
    return ok;
}

bool op_linalg_svd(op_ctx *c, const tsr_linalg_svd_args *a, tsr_tensor **out)
{
    matrices in, u, s, vh;
    bool full = op_flag(a->full_matrices);
    if (!linalg_read(c, a->input, false, &in)) return false;
    int64_t k = tsr_min_i64(in.m, in.n);
    if (!linalg_new(&in, in.m, full ? in.m : k, &u) || !linalg_new(&in, 1, k, &s) ||
        !linalg_new(&in, full ? in.n : k, in.n, &vh) || !svd_all(&in, &u, &s, &vh))
        return false;
    tsr_shape values = in.lead;
    values.v[values.n++] = k;
    tsr_dtype dtype = (tsr_dtype)a->input->dtype;
    out[0] = linalg_deliver(&u, dtype);
    out[1] = op_cast(region_reshape(s.t, &values), dtype);
    out[2] = linalg_deliver(&vh, dtype);
    return out[0] && out[1] && out[2];
}

/* skew(X) / E: the derivative of rotations between singular vectors. */
static tsr_tensor *rotation(tsr_tensor *x, tsr_tensor *e) { return tsr_div(tsr_sub(x, linalg_transposed(x)), e); }

/* E_ij = s_j^2 - s_i^2, ones on the diagonal. */
static tsr_tensor *gaps(tsr_tensor *s)
{
    tsr_tensor *square = tsr_mul(s, s), *e = tsr_sub(tsr_unsqueeze(square, -2), tsr_unsqueeze(square, -1));
    return tsr_add(e, tsr_diag_embed(tsr_ones_like(s)));
}

/* What of g lies outside the span of u's columns: g - u u^T g. */
static tsr_tensor *outside_span(tsr_tensor *u, tsr_tensor *g)
{
    return tsr_sub(g, tsr_matmul(u, tsr_matmul(linalg_transposed(u), g)));
}

typedef struct svd_parts {
    tsr_tensor *u, *s, *v, *gu, *gs, *gv; /* u [m, k], v [n, k]; gradients may be NULL */
    int64_t m, n, k;
} svd_parts;

static tsr_tensor *added(tsr_tensor *a, tsr_tensor *b) { return !a ? b : !b ? a : tsr_add(a, b); }

static tsr_tensor *svd_grad(const svd_parts *p)
{
    tsr_tensor *row = tsr_unsqueeze(p->s, -2), *column = tsr_unsqueeze(p->s, -1), *inner = NULL, *out = NULL;
    tsr_tensor *e = p->gu || p->gv ? gaps(p->s) : NULL;
    if (p->gu) inner = tsr_mul(rotation(tsr_matmul(linalg_transposed(p->u), p->gu), e), row);
    if (p->gv) inner = added(inner, tsr_mul(column, rotation(tsr_matmul(linalg_transposed(p->v), p->gv), e)));
    if (p->gs) inner = added(inner, tsr_diag_embed(p->gs));
    if (inner) out = tsr_matmul(p->u, tsr_matmul(inner, linalg_transposed(p->v)));
    if (p->gu && p->m > p->k)
        out = added(out, tsr_matmul(tsr_div(outside_span(p->u, p->gu), row), linalg_transposed(p->v)));
    if (p->gv && p->n > p->k)
        out = added(out, tsr_matmul(p->u, linalg_transposed(tsr_div(outside_span(p->v, p->gv), row))));
    return out;
}

void op_linalg_svd_grad(op_ctx *c, const tsr_linalg_svd_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    tsr_shape shape = op_input_meta(c, 0).shape;
    svd_parts p = {.m = shape.v[shape.n - 2], .n = shape.v[shape.n - 1], .s = op_result(c, 1), .gs = grad[1]};
    p.k = tsr_min_i64(p.m, p.n);
    p.u = tsr_narrow(op_result(c, 0), -1, 0, p.k);
    p.v = linalg_transposed(tsr_narrow(op_result(c, 2), -2, 0, p.k));
    if (grad[0]) p.gu = tsr_narrow(grad[0], -1, 0, p.k);
    if (grad[2]) p.gv = linalg_transposed(tsr_narrow(grad[2], -2, 0, p.k));
    grad_in[0] = svd_grad(&p);
}

bool op_svd(op_ctx *c, const tsr_svd_args *a, tsr_tensor **out)
{
    (void)c;
    tsr_linalg_svd_result r = tsr_linalg_svd(a->input, op_flag(a->some) ? TSR_NO : TSR_YES);
    out[0] = r.U;
    out[1] = r.S;
    out[2] = linalg_transposed(r.Vh);
    return r.U && r.S && out[2];
}
