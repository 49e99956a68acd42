/* ref_index.c: reading and writing by index. Indices were checked by the operator layer. */
#include "backend/cpu/ref/ref.h"

/* The offset in `a` of position w, but with coordinate `i` along dim. */
static int64_t offset_with(const array *a, const walk *w, int dim, int64_t i)
{
    int64_t at = 0;
    for (int d = 0; d < a->ndim; d++) at += (d == dim ? i : w->index[d]) * a->stride[d];
    return at;
}

static bool ref_gather(const array *out, const array *in, const array *index, int dim)
{
    for (walk w = walk_begin(WALK_ALL, out, index, NULL, NULL); w.left > 0; walk_next(&w))
        ref_move(out, w.at[0], in, offset_with(in, &w, dim, ref_get_i64(index, w.at[1])));
    return true;
}

static double combine_f64(scatter_mode mode, double a, double b)
{
    switch (mode) {
    case SCATTER_ADD:
        return a + b;
    case SCATTER_MUL:
        return a * b;
    case SCATTER_AMAX:
        return ref_max(a, b);
    case SCATTER_AMIN:
        return ref_min(a, b);
    default:
        return b;
    }
}

static int64_t combine_i64(scatter_mode mode, int64_t a, int64_t b)
{
    switch (mode) {
    case SCATTER_ADD:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case SCATTER_MUL:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case SCATTER_AMAX:
        return a > b ? a : b;
    case SCATTER_AMIN:
        return a < b ? a : b;
    default:
        return b;
    }
}

static void scatter_one(scatter_mode mode, const array *out, int64_t to, const array *src, int64_t from)
{
    if (mode == SCATTER_SET) ref_move(out, to, src, from);
    else if (ref_floating(out->dtype))
        ref_set_f64(out, to, combine_f64(mode, ref_get_f64(out, to), ref_get_f64(src, from)));
    else ref_set_i64(out, to, combine_i64(mode, ref_get_i64(out, to), ref_get_i64(src, from)));
}

static bool ref_scatter(const array *out, const array *index, const array *src, int dim, scatter_mode mode)
{
    for (walk w = walk_begin(WALK_ALL, index, src, NULL, NULL); w.left > 0; walk_next(&w)) {
        int64_t to = offset_with(out, &w, dim, ref_get_i64(index, w.at[0]));
        scatter_one(mode, out, to, src, w.at[1]);
    }
    return true;
}

static bool ref_index_select(const array *out, const array *in, const array *index, int dim)
{
    for (walk w = walk_begin(WALK_ALL, out, NULL, NULL, NULL); w.left > 0; walk_next(&w)) {
        int64_t i = out->ndim ? w.index[dim] : 0;
        ref_move(out, w.at[0], in, offset_with(in, &w, dim, ref_get_i64(index, i * index->stride[0])));
    }
    return true;
}

static void add_scaled(const array *out, int64_t to, const array *src, int64_t from, double alpha)
{
    if (ref_floating(out->dtype)) {
        ref_set_f64(out, to, ref_get_f64(out, to) + alpha * ref_get_f64(src, from));
    } else {
        uint64_t product = (uint64_t)tsr_i64_of_f64(alpha) * (uint64_t)ref_get_i64(src, from);
        ref_set_i64(out, to, (int64_t)((uint64_t)ref_get_i64(out, to) + product));
    }
}

static bool ref_index_add(const array *out, const array *src, const array *index, int dim, double alpha)
{
    for (walk w = walk_begin(WALK_ALL, src, NULL, NULL, NULL); w.left > 0; walk_next(&w)) {
        int64_t i = src->ndim ? w.index[dim] : 0;
        int64_t to = offset_with(out, &w, dim, ref_get_i64(index, i * index->stride[0]));
        add_scaled(out, to, src, w.at[0], alpha);
    }
    return true;
}

static bool ref_index_range(const array *index, int64_t *lowest, int64_t *highest)
{
    walk w = walk_begin(WALK_ALL, index, NULL, NULL, NULL);
    *lowest = w.left > 0 ? INT64_MAX : 0;
    *highest = w.left > 0 ? INT64_MIN : -1;
    for (; w.left > 0; walk_next(&w)) {
        int64_t i = ref_get_i64(index, w.at[0]);
        *lowest = tsr_min_i64(*lowest, i);
        *highest = tsr_max_i64(*highest, i);
    }
    return true;
}

static bool ref_nonzero(const array *in, int64_t *count, const array *out)
{
    int64_t found = 0, position = 0;
    for (walk w = walk_begin(WALK_ALL, in, NULL, NULL, NULL); w.left > 0; walk_next(&w)) {
        if (ref_truth(in, w.at[0])) {
            if (out) ref_set_i64(out, found * out->stride[0], position);
            found++;
        }
        position++;
    }
    if (count) *count = found;
    return true;
}

void ref_index_fill(backend *b)
{
    b->gather = ref_gather;
    b->scatter = ref_scatter;
    b->index_select = ref_index_select;
    b->index_add = ref_index_add;
    b->index_range = ref_index_range;
    b->nonzero = ref_nonzero;
}
