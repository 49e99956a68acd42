/* matrix_compose.c: products that are made of others by giving their operands other shapes. */
#include "op/pointwise.h"
#include "op/region.h"
#include "op_gen.h"

#include <math.h>

/* ---- vectors ------------------------------------------------------------------------------------------------------ */

static bool are_vectors(const op_ctx *c, const tsr_tensor *a, const tsr_tensor *b)
{
    if (a->ndim == 1 && b->ndim == 1) return true;
    op_fail(c, "expected two vectors, but got shapes %s and %s", tensor_shape_text(a), tensor_shape_text(b));
    return false;
}

tsr_tensor *op_dot(op_ctx *c, const tsr_dot_args *a)
{
    if (!are_vectors(c, a->input, a->tensor)) return NULL;
    if (a->input->shape[0] != a->tensor->shape[0])
        return op_fail(c, "the vectors have different lengths, %s and %s", tensor_shape_text(a->input),
                       tensor_shape_text(a->tensor));
    return tsr_reshape(tsr_mm(tsr_unsqueeze(a->input, 0), tsr_unsqueeze(a->tensor, 1)), TSR_SCALAR_SHAPE);
}

tsr_tensor *op_mv(op_ctx *c, const tsr_mv_args *a)
{
    if (a->input->ndim != 2 || a->vec->ndim != 1)
        return op_fail(c, "expected a matrix and a vector, but got shapes %s and %s", tensor_shape_text(a->input),
                       tensor_shape_text(a->vec));
    return tsr_squeeze_dim(tsr_mm(a->input, tsr_unsqueeze(a->vec, 1)), 1);
}

tsr_tensor *op_outer(op_ctx *c, const tsr_outer_args *a)
{
    if (!are_vectors(c, a->input, a->vec2)) return NULL;
    return tsr_mul(tsr_unsqueeze(a->input, 1), a->vec2);
}

/* ---- matmul ------------------------------------------------------------------------------------------------------- */

/* [.., m, k] with one matrix: all rows in one product. */
static tsr_tensor *fold_rows(tsr_tensor *a, tsr_tensor *b)
{
    tsr_shape shape = op_shape(a);
    if (a->ndim == 2) return tsr_mm(a, b);
    int64_t rows = region_count(&shape, 0, shape.n - 1), k = shape.v[shape.n - 1];
    tsr_tensor *out = tsr_mm(tsr_reshape(a, TSR_SHAPE(rows, k)), b);
    if (!out) return NULL;
    shape.v[shape.n - 1] = b->shape[1];
    return tsr_reshape(out, shape);
}

/* t's matrices in the batch `lead`, as one 3-d tensor. */
static tsr_tensor *as_batch(tsr_tensor *t, const tsr_shape *lead, int64_t count)
{
    int64_t m = t->shape[t->ndim - 2], n = t->shape[t->ndim - 1];
    tsr_shape full = *lead;
    full.v[full.n++] = m;
    full.v[full.n++] = n;
    return tsr_reshape(tsr_expand(t, full), TSR_SHAPE(count, m, n));
}

static tsr_tensor *batched(const op_ctx *c, tsr_tensor *a, tsr_tensor *b)
{
    tsr_shape x = op_shape(a), y = op_shape(b), lead;
    x.n -= 2;
    y.n -= 2;
    if (!shape_broadcast(c->info->name, &x, &y, &lead)) return NULL;
    int64_t count = region_count(&lead, 0, lead.n);
    tsr_tensor *out = tsr_bmm(as_batch(a, &lead, count), as_batch(b, &lead, count));
    lead.v[lead.n++] = a->shape[a->ndim - 2];
    lead.v[lead.n++] = b->shape[b->ndim - 1];
    return tsr_reshape(out, lead);
}

tsr_tensor *op_matmul(op_ctx *c, const tsr_matmul_args *a)
{
    tsr_tensor *x = a->input, *y = a->other;
    if (x->ndim == 0 || y->ndim == 0)
        return op_fail(c, "both operands need at least 1 dimension, but they have shapes %s and %s",
                       tensor_shape_text(x), tensor_shape_text(y));
    bool row = x->ndim == 1, column = y->ndim == 1;
    if (row && column) return tsr_dot(x, y);
    if (row) x = tsr_unsqueeze(x, 0);
    if (column) y = tsr_unsqueeze(y, 1);
    if (!x || !y) return NULL;
    if (x->shape[x->ndim - 1] != y->shape[y->ndim - 2])
        return op_fail(c, "shapes %s and %s cannot be multiplied: %lld columns on the left, %lld rows on the right",
                       tensor_shape_text(a->input), tensor_shape_text(a->other), (long long)x->shape[x->ndim - 1],
                       (long long)y->shape[y->ndim - 2]);
    tsr_tensor *out = y->ndim == 2 ? fold_rows(x, y) : batched(c, x, y);
    if (row) out = tsr_squeeze_dim(out, -2);
    return column ? tsr_squeeze_dim(out, -1) : out;
}

tsr_tensor *op_bilinear(op_ctx *c, const tsr_bilinear_args *a)
{
    const tsr_tensor *x = a->input1, *y = a->input2, *w = a->weight;
    bool ok = w->ndim == 3 && x->ndim > 0 && x->ndim == y->ndim && x->shape[x->ndim - 1] == w->shape[1] &&
              y->shape[y->ndim - 1] == w->shape[2];
    if (!ok)
        return op_fail(c, "input1 %s, input2 %s and weight %s do not fit: weight is [outputs, features1, features2]",
                       tensor_shape_text(x), tensor_shape_text(y), tensor_shape_text(w));
    tsr_tensor *out = tsr_einsum("...i,kij,...j->...k", TSR_LIST(a->input1, a->weight, a->input2));
    return a->bias ? tsr_add(out, a->bias) : out;
}

/* ---- tensordot ---------------------------------------------------------------------------------------------------- */

static bool is_summed(const tsr_shape *dims, int64_t d, int ndim)
{
    for (int i = 0; i < dims->n; i++)
        if (op_wrapped(dims->v[i], ndim) == d) return true;
    return false;
}

static bool check_pairs(const op_ctx *c, const tsr_tensordot_dims_args *a)
{
    uint32_t mask;
    const tsr_shape *da = &a->dims_a, *db = &a->dims_b;
    if (da->n != db->n) {
        op_fail(c, "dims_a %s and dims_b %s have different lengths", shape_text(da), shape_text(db));
        return false;
    }
    if (da->n == 0) return true;
    if (!op_dim_mask(c, da, a->a->ndim, &mask) || !op_dim_mask(c, db, a->b->ndim, &mask)) return false;
    for (int i = 0; i < da->n; i++) {
        int64_t x = a->a->shape[op_wrapped(da->v[i], a->a->ndim)], y = a->b->shape[op_wrapped(db->v[i], a->b->ndim)];
        if (x == y) continue;
        op_fail(c, "contracted dimensions %lld of a and %lld of b have different sizes, %lld and %lld",
                (long long)da->v[i], (long long)db->v[i], (long long)x, (long long)y);
        return false;
    }
    return true;
}

/* t with its kept dimensions first (or last) and the summed ones, in their order, after (before) them; `kept` collects
   the sizes of the former, *summed is the product of the latter. */
static tsr_tensor *grouped(tsr_tensor *t, const tsr_shape *dims, bool kept_first, tsr_shape *kept, int64_t *summed)
{
    tsr_shape rest = {0}, order = {0};
    int64_t product = 1;
    *summed = 1;
    for (int d = 0; d < t->ndim; d++) {
        if (is_summed(dims, d, t->ndim)) continue;
        rest.v[rest.n++] = d;
        product *= t->shape[d];
        kept->v[kept->n++] = t->shape[d];
    }
    for (int i = 0; kept_first && i < rest.n; i++) order.v[order.n++] = rest.v[i];
    for (int i = 0; i < dims->n; i++) {
        order.v[order.n++] = op_wrapped(dims->v[i], t->ndim);
        *summed *= t->shape[op_wrapped(dims->v[i], t->ndim)];
    }
    for (int i = 0; !kept_first && i < rest.n; i++) order.v[order.n++] = rest.v[i];
    return tsr_reshape(tsr_permute(t, order), kept_first ? TSR_SHAPE(product, *summed) : TSR_SHAPE(*summed, product));
}

tsr_tensor *op_tensordot_dims(op_ctx *c, const tsr_tensordot_dims_args *a)
{
    tsr_shape shape = {0};
    int64_t summed;
    if (a->a->ndim + a->b->ndim - 2 * a->dims_a.n > TSR_MAX_DIMS)
        return op_fail(c, "a %s and b %s: the result would have more than %d dimensions", tensor_shape_text(a->a),
                       tensor_shape_text(a->b), TSR_MAX_DIMS);
    if (!check_pairs(c, a)) return NULL;
    tsr_tensor *x = grouped(a->a, &a->dims_a, true, &shape, &summed);
    tsr_tensor *y = grouped(a->b, &a->dims_b, false, &shape, &summed);
    return tsr_reshape(tsr_mm(x, y), shape);
}

tsr_tensor *op_tensordot(op_ctx *c, const tsr_tensordot_args *a)
{
    int64_t n = a->dims;
    if (n < 0 || n > a->a->ndim || n > a->b->ndim)
        return op_fail(c, "dims %lld must lie between 0 and the number of dimensions of a %s and b %s", (long long)n,
                       tensor_shape_text(a->a), tensor_shape_text(a->b));
    tsr_shape last = {.n = (int32_t)n}, first = {.n = (int32_t)n};
    for (int i = 0; i < n; i++) {
        last.v[i] = a->a->ndim - n + i;
        first.v[i] = i;
    }
    return tsr_tensordot_dims(a->a, a->b, last, first);
}

/* ---- distances ---------------------------------------------------------------------------------------------------- */

tsr_tensor *op_cdist(op_ctx *c, const tsr_cdist_args *a)
{
    tsr_tensor *x = a->x1, *y = a->x2;
    if (x->ndim < 2 || y->ndim < 2 || x->shape[x->ndim - 1] != y->shape[y->ndim - 1])
        return op_fail(c, "x1 %s and x2 %s must be [.., rows, features] with as many features", tensor_shape_text(x),
                       tensor_shape_text(y));
    if (a->p < 0 || isnan(a->p)) return op_fail(c, "p must not be negative, but is %g", a->p);
    tsr_tensor *difference = tsr_sub(tsr_unsqueeze(x, -2), tsr_unsqueeze(y, -3));
    if (a->p == 0) difference = tsr_clamp(tsr_ceil(tsr_abs(difference)), .max = TSR_FLOAT(1)); /* NaN stays NaN */
    if (a->p == 0 || x->shape[x->ndim - 1] == 0) return tsr_sum(difference, .dim = TSR_DIMS(-1));
    return tsr_norm(difference, .p = TSR_FLOAT(a->p), .dim = TSR_DIMS(-1));
}
