/* index_rows.c: operators that take a 1-d index of one dimension: index_select, index_add, index_copy, index_fill, and
   embedding, which is index_select of a table's rows. 0-d inputs count as 1-d. */
#include "op/index.h"
#include "op/pointwise.h"
#include "op_gen.h"

/* The input as at least 1-d, its wrapped dimension, and the index checked against it. */
typedef struct rows {
    tsr_tensor *t, *index; /* index: i64, 1-d */
    int dim;
} rows;

static bool read_rows(const op_ctx *c, tsr_tensor *input, int64_t dim, tsr_tensor *index, rows *r)
{
    r->t = region_at_least_1d(input);
    if (index->ndim > 1) {
        op_fail(c, "index must be 0-d or 1-d, not %s", tensor_shape_text(index));
        return false;
    }
    r->index = region_at_least_1d(index_as_i64(c, index));
    return r->t && r->index && op_wrap_dim(c, dim, r->t->ndim, &r->dim) &&
           index_in_range(c, r->index, r->t->shape[r->dim]);
}

/* source at least 1-d; its dtype is input's and its shape too, but for dim, which is as long as the index. */
static tsr_tensor *read_source(const op_ctx *c, const rows *r, tsr_tensor *source)
{
    tsr_tensor *s = region_at_least_1d(source);
    if (!s) return NULL;
    if (s->dtype != r->t->dtype)
        return op_fail(c, "source is %s, but input is %s", tsr_dtype_name((tsr_dtype)s->dtype),
                       tsr_dtype_name((tsr_dtype)r->t->dtype));
    bool ok = s->ndim == r->t->ndim;
    for (int d = 0; ok && d < s->ndim; d++) ok = s->shape[d] == (d == r->dim ? r->index->shape[0] : r->t->shape[d]);
    return ok ? s
              : op_fail(c, "source %s does not fit input %s with an index of %lld along dimension %d",
                        tensor_shape_text(source), tensor_shape_text(r->t), (long long)r->index->shape[0], r->dim);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static bool select_rows(tsr_tensor *out, tsr_tensor *in, tsr_tensor *index, int dim)
{
    if (!out || !in || !index) return false;
    array o = array_of(out), x = array_of(in), i = array_of(index);
    return op_backend(in)->index_select(&o, &x, &i, dim);
}

tsr_tensor *op_index_select(op_ctx *c, const tsr_index_select_args *a)
{
    rows r;
    if (!read_rows(c, a->input, a->dim, a->index, &r)) return NULL;
    int64_t n = r.index->shape[0];
    tsr_shape shape = op_shape(a->input);
    if (shape.n == 0 && n != 1)
        return op_fail(c, "index must have one element for a 0-d input, not %lld", (long long)n);
    if (shape.n > 0) shape.v[r.dim] = n;
    tsr_tensor *out = region_like((tsr_dtype)a->input->dtype, &shape, a->input);
    return select_rows(region_at_least_1d(out), r.t, r.index, r.dim) ? out : NULL;
}

void op_index_select_grad(op_ctx *c, const tsr_index_select_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    op_meta in = op_input_meta(c, 0);
    grad_in[0] = tsr_index_add_(region_zeros_of(&in), a->dim, a->index, grad[0]);
}

tsr_tensor *op_embedding(op_ctx *c, const tsr_embedding_args *a)
{
    if (a->weight->ndim != 2) return op_fail(c, "weight must be 2-d, not %s", tensor_shape_text(a->weight));
    int64_t count = a->weight->shape[0], features = a->weight->shape[1], padding = op_i64(a->padding_idx);
    if (op_has(a->padding_idx) && (padding < -count || padding >= count))
        return op_fail(c, "padding_idx %lld is not a row of weight %s", (long long)padding,
                       tensor_shape_text(a->weight));
    tsr_tensor *index = region_flat(index_as_i64(c, a->input));
    if (!index || !index_in_range(c, index, count)) return NULL;
    if (a->input->ndim == TSR_MAX_DIMS) return op_fail(c, "input %s has 8 dimensions", tensor_shape_text(a->input));
    tsr_shape shape = op_shape(a->input);
    shape.v[shape.n++] = features;
    tsr_tensor *out = region_empty((tsr_dtype)a->weight->dtype, &shape, a->weight);
    tsr_tensor *flat = region_reshape(out, &TSR_SHAPE(index->shape[0], features));
    return select_rows(flat, a->weight, index, 0) ? out : NULL;
}

void op_embedding_grad(op_ctx *c, const tsr_embedding_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    op_meta weight = op_input_meta(c, 1);
    tsr_tensor *index = tsr_reshape(a->input, TSR_SHAPE(-1));
    if (!index) return;
    tsr_tensor *g = tsr_reshape(grad[0], TSR_SHAPE(index->shape[0], weight.shape.v[1]));
    if (op_has(a->padding_idx)) {
        int64_t padding = op_i64(a->padding_idx);
        if (padding < 0) padding += weight.shape.v[0];
        g = op_masked(tsr_unsqueeze(tsr_ne(index, tsr_scalar_int(padding)), 1), g);
    }
    grad_in[1] = tsr_index_add_(region_zeros_of(&weight), 0, index, g);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_index_add(op_ctx *c, const tsr_index_add_args *a)
{
    rows r;
    if (!read_rows(c, a->input, a->dim, a->index, &r)) return NULL;
    tsr_tensor *source = region_unaliased(c, read_source(c, &r, a->source));
    tsr_tensor *out = source ? op_output_copy(c, a->input) : NULL, *to = region_at_least_1d(out);
    if (!to) return NULL;
    array o = array_of(to), s = array_of(source), i = array_of(r.index);
    return op_backend(out)->index_add(&o, &s, &i, r.dim, op_f64(a->alpha)) ? out : NULL;
}

/* What reaches the source: the gradient's rows at the index, in the source's shape. */
static tsr_tensor *source_grad(const op_ctx *c, tsr_tensor *grad, int64_t dim, tsr_tensor *index)
{
    op_meta source = op_input_meta(c, 2);
    tsr_tensor *g = tsr_index_select(grad, dim, index);
    return g && g->ndim != source.shape.n ? tsr_reshape(g, source.shape) : g;
}

void op_index_add_grad(op_ctx *c, const tsr_index_add_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = grad[0];
    if (!op_needs(c, 2)) return;
    tsr_tensor *g = source_grad(c, grad[0], a->dim, a->index);
    grad_in[2] = op_f64(a->alpha) == 1 ? g : op_scale(g, op_f64(a->alpha));
}

tsr_tensor *op_index_copy(op_ctx *c, const tsr_index_copy_args *a)
{
    rows r;
    if (!read_rows(c, a->input, a->dim, a->index, &r)) return NULL;
    tsr_tensor *source = region_unaliased(c, read_source(c, &r, a->source));
    tsr_tensor *out = source ? op_output_copy(c, a->input) : NULL;
    if (!out || tensor_numel(source) == 0) return out;
    tsr_shape shape = op_shape(source);
    tsr_tensor *index = index_along(r.index, &shape, r.dim);
    return index_scatter(region_at_least_1d(out), index, source, r.dim, SCATTER_SET) ? out : NULL;
}

void op_index_copy_grad(op_ctx *c, const tsr_index_copy_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_index_fill(grad[0], a->dim, a->index, TSR_INT(0));
    if (op_needs(c, 2)) grad_in[2] = source_grad(c, grad[0], a->dim, a->index);
}

static tsr_tensor *filled(op_ctx *c, tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_tensor *value)
{
    rows r;
    if (!value || !read_rows(c, input, dim, index, &r)) return NULL;
    tsr_tensor *out = op_output_copy(c, input);
    tsr_shape shape = op_shape(r.t);
    shape.v[r.dim] = r.index->shape[0];
    if (!out || shape_numel(shape.n, shape.v) == 0) return out;
    tsr_tensor *at = index_along(r.index, &shape, r.dim);
    return index_scatter(region_at_least_1d(out), at, op_as_expanded(value, &shape), r.dim, SCATTER_SET) ? out : NULL;
}

tsr_tensor *op_index_fill(op_ctx *c, const tsr_index_fill_args *a)
{
    if (!pointwise_fits(c, a->value, (tsr_dtype)a->input->dtype)) return NULL;
    return filled(c, a->input, a->dim, a->index, index_value(a->value, (tsr_dtype)a->input->dtype));
}

void op_index_fill_grad(op_ctx *c, const tsr_index_fill_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_index_fill(grad[0], a->dim, a->index, TSR_INT(0));
}

tsr_tensor *op_index_fill_tensor(op_ctx *c, const tsr_index_fill_tensor_args *a)
{
    if (a->value->ndim != 0) return op_fail(c, "value must be 0-d, not %s", tensor_shape_text(a->value));
    tsr_tensor *value = op_cast(region_unaliased(c, a->value), (tsr_dtype)a->input->dtype);
    return filled(c, a->input, a->dim, a->index, value);
}

/* The value stands once for each place that the index names, however often it names it. */
void op_index_fill_tensor_grad(op_ctx *c, const tsr_index_fill_tensor_args *a, tsr_tensor *const *grad,
                               tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_index_fill(grad[0], a->dim, a->index, TSR_INT(0));
    if (op_needs(c, 2)) grad_in[2] = tsr_sum(tsr_sub(grad[0], tsr_index_fill(grad[0], a->dim, a->index, TSR_INT(0))));
}
