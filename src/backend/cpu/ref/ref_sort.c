/* ref_sort.c: stable sorting along one dimension, and the k largest or smallest as the head of the sorted lane. A lane's
   elements are copied to keys (doubles or integers, exact for every dtype), and a bottom-up merge sort orders their
   positions. NaN counts as the largest. */
#include "backend/cpu/ref/ref.h"

typedef struct sorter {
    bool floating, descending;
    int64_t n;
    double *f;             /* keys of floating dtypes */
    int64_t *i;            /* keys of the others */
    int64_t *order, *room; /* positions, and as many again to merge into */
} sorter;

static bool less_f64(double a, double b) { return a < b || (isnan(b) && !isnan(a)); }

/* Must position b come before position a, which precedes it? Equal keys stay. */
static bool swapped(const sorter *s, int64_t a, int64_t b)
{
    if (s->floating) return s->descending ? less_f64(s->f[a], s->f[b]) : less_f64(s->f[b], s->f[a]);
    return s->descending ? s->i[a] < s->i[b] : s->i[b] < s->i[a];
}

/* Merge order[begin, middle) and order[middle, end) into room. */
static void merge(const sorter *s, int64_t begin, int64_t middle, int64_t end)
{
    int64_t a = begin, b = middle;
    for (int64_t i = begin; i < end; i++) {
        bool second = a == middle || (b < end && swapped(s, s->order[a], s->order[b]));
        s->room[i] = s->order[second ? b++ : a++];
    }
}

static void sort_positions(sorter *s)
{
    for (int64_t i = 0; i < s->n; i++) s->order[i] = i;
    for (int64_t width = 1; width < s->n; width *= 2) {
        for (int64_t begin = 0; begin < s->n; begin += 2 * width)
            merge(s, begin, tsr_min_i64(begin + width, s->n), tsr_min_i64(begin + 2 * width, s->n));
        int64_t *merged = s->room;
        s->room = s->order;
        s->order = merged;
    }
}

static bool sorter_new(sorter *s, int64_t n, bool floating, bool descending)
{
    *s = (sorter){.floating = floating, .descending = descending, .n = n};
    size_t bytes = (size_t)n * sizeof(int64_t);
    void *keys = tsr_alloc(bytes);
    s->f = floating ? keys : NULL;
    s->i = floating ? NULL : keys;
    s->order = tsr_alloc(bytes);
    s->room = tsr_alloc(bytes);
    return keys && s->order && s->room;
}

static void sorter_free(sorter *s)
{
    tsr_free(s->floating ? (void *)s->f : (void *)s->i);
    tsr_free(s->order);
    tsr_free(s->room);
}

static void load_keys(sorter *s, const array *in, int64_t at, int64_t step)
{
    for (int64_t i = 0; i < s->n; i++) {
        if (s->floating) s->f[i] = ref_get_f64(in, at + i * step);
        else s->i[i] = ref_get_i64(in, at + i * step);
    }
}

static int64_t stride_along(const array *a, int dim) { return a->ndim == 0 ? 0 : a->stride[dim]; }

/* The first k of each sorted lane. `values` has k elements along dim, so walks go over its other dimensions. */
static bool sorted_head(const array *values, const array *index, const array *in, int dim, bool descending, int64_t k)
{
    sorter s;
    bool ok = sorter_new(&s, in->ndim == 0 ? 1 : in->shape[dim], ref_floating(in->dtype), descending);
    int64_t step = stride_along(in, dim), step_v = stride_along(values, dim), step_i = stride_along(index, dim);
    uint32_t others = in->ndim == 0 ? WALK_ALL : ~(1u << dim);
    for (walk w = walk_begin(others, in, values, index, NULL); ok && w.left > 0; walk_next(&w)) {
        load_keys(&s, in, w.at[0], step);
        sort_positions(&s);
        for (int64_t i = 0; i < k; i++) {
            ref_move(values, w.at[1] + i * step_v, in, w.at[0] + s.order[i] * step);
            ref_set_i64(index, w.at[2] + i * step_i, s.order[i]);
        }
    }
    sorter_free(&s);
    return ok;
}

static bool ref_sort(const array *values, const array *index, const array *in, int dim, bool descending)
{
    return sorted_head(values, index, in, dim, descending, in->ndim == 0 ? 1 : in->shape[dim]);
}

static bool ref_topk(const array *values, const array *index, const array *in, int dim, bool largest)
{
    return sorted_head(values, index, in, dim, largest, values->ndim == 0 ? 1 : values->shape[dim]);
}

bool ref_order_f64(double *keys, int64_t n, int64_t *order)
{
    sorter s = {.floating = true, .n = n, .f = keys, .order = order};
    int64_t *room = s.room = tsr_alloc((size_t)n * sizeof(int64_t));
    if (!room) return false;
    sort_positions(&s);
    if (s.order != order) memcpy(order, s.order, (size_t)n * sizeof(int64_t));
    tsr_free(room);
    return true;
}

void ref_sort_fill(backend *b)
{
    b->sort = ref_sort;
    b->topk = ref_topk;
}
