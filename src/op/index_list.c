/* index_list.c: tensors as indices, x[i, j, ...], reading (index) and writing (index_put).

   Masks become their coordinates; all indices are broadcast with each other and folded into one flat index over the
   indexed dimensions. With the input permuted to [before, indexed, after] and seen as [B, K, A], reading is index_select
   along the middle, writing is scatter or index_add there. */
#include "op/index.h"
#include "op_gen.h"

typedef struct plan {
    tsr_tensor *by_dim[TSR_MAX_DIMS]; /* i64 index of each dimension, or NULL */
    tsr_shape order;                  /* input's dimensions: before, indexed, after */
    int before, indexed;              /* how many of each */
    int64_t b, k, a;                  /* their sizes */
    tsr_tensor *flat;                 /* i64, 1-d: positions in the indexed dimensions */
    tsr_shape result;                 /* of the whole expression */
} plan;

/* ---- from the list to one index for each dimension ---------------------------------------------------------------- */

static bool add_mask(const op_ctx *c, plan *p, const tsr_tensor *input, int *dim, tsr_tensor *mask)
{
    bool ok = mask->ndim > 0 && *dim + mask->ndim <= input->ndim;
    for (int d = 0; ok && d < mask->ndim; d++) ok = mask->shape[d] == input->shape[*dim + d];
    if (!ok) {
        op_fail(c, "the mask %s at dimension %d does not match the shape of input %s", tensor_shape_text(mask), *dim,
                tensor_shape_text(input));
        return false;
    }
    tsr_tensor *at = index_coordinates(mask);
    for (int d = 0; d < mask->ndim; d++)
        if (!(p->by_dim[(*dim)++] = region_select(at, 1, d))) return false;
    return true;
}

static bool add_entry(const op_ctx *c, plan *p, const tsr_tensor *input, int *dim, tsr_tensor *entry)
{
    if (entry && (entry->dtype == TSR_BOOL || entry->dtype == TSR_U8)) return add_mask(c, p, input, dim, entry);
    if (*dim >= input->ndim) {
        op_fail(c, "too many indices for input %s", tensor_shape_text(input));
        return false;
    }
    if (!entry) {
        (*dim)++;
        return true;
    }
    return (p->by_dim[(*dim)++] = index_as_i64(c, entry)) != NULL;
}

/* ---- the flat index ----------------------------------------------------------------------------------------------- */

static bool broadcast_all(const op_ctx *c, const plan *p, int ndim, tsr_shape *shape)
{
    *shape = (tsr_shape){0};
    for (int d = 0; d < ndim; d++) {
        if (!p->by_dim[d]) continue;
        tsr_shape own = op_shape(p->by_dim[d]);
        if (!shape_broadcast(c->info->name, shape, &own, shape)) return false;
    }
    return true;
}

/* flat = flat * size + index, with the index wrapped and checked. */
static bool fold(const op_ctx *c, int64_t *flat, int64_t n, tsr_tensor *index, int dim, int64_t size)
{
    const int64_t *at = tsr_const_data(index);
    for (int64_t i = 0; at && i < n; i++) {
        if (at[i] < -size || at[i] >= size) {
            op_fail(c, "index %lld is out of bounds for dimension %d with size %lld", (long long)at[i], dim,
                    (long long)size);
            return false;
        }
        flat[i] = flat[i] * size + op_wrapped(at[i], size);
    }
    return at != NULL;
}

static bool flatten_indices(const op_ctx *c, plan *p, const tsr_tensor *input, const tsr_shape *shape)
{
    int64_t n = shape_numel(shape->n, shape->v);
    p->flat = region_zeros(TSR_I64, &TSR_SHAPE(n), input);
    int64_t *flat = tsr_data(p->flat);
    for (int d = 0; flat && d < input->ndim; d++) {
        if (!p->by_dim[d]) continue;
        tsr_tensor *index = op_as_contiguous(op_as_expanded(p->by_dim[d], shape));
        if (!index || !fold(c, flat, n, index, d, input->shape[d])) return false;
    }
    return flat != NULL;
}

/* ---- the order of dimensions -------------------------------------------------------------------------------------- */

static void add_dims(plan *p, int from, int to, bool indexed)
{
    for (int d = from; d < to; d++)
        if ((p->by_dim[d] != NULL) == indexed) p->order.v[p->order.n++] = d;
}

/* Indexed dimensions that are neighbours stay where they are; others go to the front. */
static void order_dims(plan *p, int ndim)
{
    int first = ndim, last = -1;
    for (int d = 0; d < ndim; d++) {
        if (!p->by_dim[d]) continue;
        p->indexed++;
        first = d < first ? d : first;
        last = d;
    }
    p->before = last - first + 1 == p->indexed ? first : 0;
    add_dims(p, 0, p->before, false);
    add_dims(p, 0, ndim, true);
    add_dims(p, p->before, ndim, false);
}

static bool shape_result(const op_ctx *c, plan *p, const tsr_tensor *input, const tsr_shape *middle)
{
    tsr_shape r = {0};
    int kept = input->ndim - p->indexed;
    if (kept + middle->n > TSR_MAX_DIMS) {
        op_fail(c, "the result would have %d dimensions; at most %d", kept + middle->n, TSR_MAX_DIMS);
        return false;
    }
    p->b = p->k = p->a = 1;
    for (int i = 0; i < input->ndim; i++) {
        int64_t size = input->shape[p->order.v[i]];
        bool indexed = i >= p->before && i < p->before + p->indexed;
        if (i == p->before)
            for (int d = 0; d < middle->n; d++) r.v[r.n++] = middle->v[d];
        if (!indexed) r.v[r.n++] = size;
        *(indexed ? &p->k : i < p->before ? &p->b : &p->a) *= size;
    }
    p->result = r;
    return true;
}

static bool make_plan(const op_ctx *c, tsr_tensor *input, tsr_tensors indices, plan *p)
{
    int dim = 0;
    tsr_shape middle;
    *p = (plan){0};
    for (int64_t i = 0; i < indices.n; i++)
        if (!add_entry(c, p, input, &dim, indices.v[i])) return false;
    order_dims(p, input->ndim);
    if (p->indexed == 0) {
        op_fail(c, "no index is given");
        return false;
    }
    return broadcast_all(c, p, input->ndim, &middle) && shape_result(c, p, input, &middle) &&
           flatten_indices(c, p, input, &middle);
}

/* t with its dimensions in the plan's order. */
static tsr_tensor *ordered(const plan *p, tsr_tensor *t)
{
    int64_t shape[TSR_MAX_DIMS], stride[TSR_MAX_DIMS];
    for (int i = 0; i < t->ndim; i++) shape[i] = t->shape[p->order.v[i]], stride[i] = t->stride[p->order.v[i]];
    return tensor_wrap(t->storage, (tsr_dtype)t->dtype, t->ndim, shape, stride, t->offset);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_index(op_ctx *c, const tsr_index_args *a)
{
    plan p;
    if (!make_plan(c, a->input, a->indices, &p)) return NULL;
    tsr_tensor *in = region_reshape(op_as_contiguous(ordered(&p, a->input)), &TSR_SHAPE(p.b, p.k, p.a));
    tsr_tensor *out = region_empty((tsr_dtype)a->input->dtype, &p.result, a->input);
    tsr_tensor *to = region_reshape(out, &TSR_SHAPE(p.b, p.flat->shape[0], p.a));
    if (!in || !to || tensor_numel(out) == 0) return in && to ? out : NULL;
    array o = array_of(to), x = array_of(in), i = array_of(p.flat);
    return op_backend(in)->index_select(&o, &x, &i, 1) ? out : NULL;
}

void op_index_grad(op_ctx *c, const tsr_index_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    op_meta in = op_input_meta(c, 0);
    grad_in[0] = tsr_index_put_(region_zeros_of(&in), a->indices, grad[0], .accumulate = true);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

/* values in the shape [B, n, A] */
static tsr_tensor *read_values(const op_ctx *c, const plan *p, const tsr_tensor *input, tsr_tensor *values)
{
    tsr_shape own = op_shape(values), both;
    if (values->dtype != input->dtype)
        return op_fail(c, "values are %s, but input is %s", tsr_dtype_name((tsr_dtype)values->dtype),
                       tsr_dtype_name((tsr_dtype)input->dtype));
    if (!shape_broadcast(c->info->name, &p->result, &own, &both)) return NULL;
    if (!region_same_shape(&both, &p->result))
        return op_fail(c, "values %s do not broadcast to the indexed shape %s", shape_text(&own),
                       shape_text(&p->result));
    tsr_tensor *all = op_as_contiguous(op_as_expanded(values, &p->result));
    return region_reshape(all, &TSR_SHAPE(p->b, p->flat->shape[0], p->a));
}

static bool write_values(tsr_tensor *to, const plan *p, tsr_tensor *values, bool accumulate)
{
    array o = array_of(to), v = array_of(values), i = array_of(p->flat);
    if (accumulate) return op_backend(to)->index_add(&o, &v, &i, 1, 1);
    tsr_shape shape = op_shape(values);
    return index_scatter(to, index_along(p->flat, &shape, 1), values, 1, SCATTER_SET);
}

tsr_tensor *op_index_put(op_ctx *c, const tsr_index_put_args *a)
{
    plan p;
    if (!make_plan(c, a->input, a->indices, &p)) return NULL;
    tsr_tensor *values = region_unaliased(c, read_values(c, &p, a->input, a->values));
    tsr_tensor *out = values ? op_output_copy(c, a->input) : NULL;
    if (!out || tensor_numel(values) == 0) return out;
    tsr_tensor *place = ordered(&p, out), *dense = op_as_contiguous(place);
    tsr_tensor *to = region_reshape(dense, &TSR_SHAPE(p.b, p.k, p.a));
    if (!to || !write_values(to, &p, values, a->accumulate)) return NULL;
    return dense == place || op_copy(place, dense) ? out : NULL;
}

void op_index_put_grad(op_ctx *c, const tsr_index_put_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    int values = op_input_count(c) - 1;
    op_meta zero = {.dtype = (tsr_dtype)grad[0]->dtype, .device = (tsr_device)grad[0]->storage->device};
    if (op_needs(c, 0))
        grad_in[0] = a->accumulate ? grad[0] : tsr_index_put(grad[0], a->indices, region_zeros_of(&zero));
    if (op_needs(c, values)) grad_in[values] = tsr_index(grad[0], a->indices);
}

/* ---- flat indices ------------------------------------------------------------------------------------------------- */

tsr_tensor *op_take(op_ctx *c, const tsr_take_args *a)
{
    if (a->index->dtype != TSR_I64)
        return op_fail(c, "expected an index of dtype i64, but got %s", tsr_dtype_name((tsr_dtype)a->index->dtype));
    return tsr_index(tsr_reshape(a->input, TSR_SHAPE(-1)), TSR_LIST(a->index));
}

/* Both broadcast to each other, but for the dimension dim. */
static bool broadcast_but(const op_ctx *c, tsr_tensor **x, tsr_tensor **index, int dim)
{
    tsr_shape xs = op_shape(*x), is = op_shape(*index), both;
    int64_t along_x = xs.v[dim], along_index = is.v[dim];
    xs.v[dim] = is.v[dim] = 1;
    if (!shape_broadcast(c->info->name, &xs, &is, &both)) return false;
    xs = is = both;
    xs.v[dim] = along_x;
    is.v[dim] = along_index;
    *x = tsr_expand(*x, xs);
    *index = tsr_expand(*index, is);
    return *x && *index;
}

tsr_tensor *op_take_along_dim(op_ctx *c, const tsr_take_along_dim_args *a)
{
    int dim;
    tsr_tensor *x = a->input, *index = a->indices;
    if (index->dtype != TSR_I64)
        return op_fail(c, "expected indices of dtype i64, but got %s", tsr_dtype_name((tsr_dtype)index->dtype));
    if (!op_has(a->dim)) return tsr_gather(tsr_reshape(x, TSR_SHAPE(-1)), 0, tsr_reshape(index, TSR_SHAPE(-1)));
    if (x->ndim != index->ndim)
        return op_fail(c, "input %s and indices %s must have the same number of dimensions", tensor_shape_text(x),
                       tensor_shape_text(index));
    if (!op_wrap_dim(c, op_i64(a->dim), x->ndim, &dim)) return NULL;
    if (x->ndim > 0 && !broadcast_but(c, &x, &index, dim)) return NULL;
    return tsr_gather(x, dim, index);
}
