/* cpu_index.c: look-ups as loops (loop.h). The array that is looked into is given stride 0 along `dim`, so that a position
   of the loop addresses its element 0 along dim, and each index then adds its own offset. index_select is a gather whose
   index is broadcast; where dim is not innermost an index serves a whole row, which is then copied or added at once.

   What writes by index keeps the order of equal indices: it runs row by row, and is split over threads along another
   dimension than dim, or not at all. */
#include "backend/cpu/cpu_index.h"

#include "backend/cpu/loop.h"
#include "backend/cpu/ref/ref.h"
#include "base/parallel.h"

static backend below;

/* What a loop's body needs: how far apart indices lie in the array looked into, in bytes. */
typedef struct lookup {
    int64_t step, size;
    double alpha;
} lookup;

static array without_dim(const array *a, int dim)
{
    array b = *a;
    if (a->ndim > 0) b.stride[dim] = 0;
    return b;
}

/* The 1-d index as an array of like's shape. */
static array index_along(const array *index, const array *like, int dim)
{
    array b = *like;
    b.data = index->data;
    b.dtype = index->dtype;
    memset(b.stride, 0, sizeof b.stride);
    if (like->ndim > 0) b.stride[dim] = index->stride[0];
    return b;
}

static lookup lookup_in(const array *a, int dim)
{
    int64_t size = (int64_t)tsr_dtype_size((tsr_dtype)a->dtype);
    return (lookup){.step = a->ndim == 0 ? 0 : a->stride[dim] * size, .size = size};
}

static int64_t index_at(const char *at)
{
    int64_t i;
    memcpy(&i, at, sizeof i);
    return i;
}

/* ---- gather ------------------------------------------------------------------------------------------------- */

/* Known steps of the results and the index, which are nearly always adjacent, leave the look-up alone. */
#define GATHER(type)                                                                                                   \
    {                                                                                                                  \
        const int64_t to_step = step[0], at_step = step[1], from_step = step[2], look = l->step;                       \
        if (to_step == (int64_t)sizeof(type) && at_step == 8 && from_step == 0)                                        \
            for (int64_t i = 0; i < n; i++)                                                                            \
                memcpy(to + i * (int64_t)sizeof(type), from + index_at(index + i * 8) * look, sizeof(type));           \
        else                                                                                                           \
            for (int64_t i = 0; i < n; i++)                                                                            \
                memcpy(to + i * to_step, from + i * from_step + index_at(index + i * at_step) * look, sizeof(type));   \
        break;                                                                                                         \
    }

static void gather_each(char *const *data, const int64_t *step, int64_t n, const lookup *l)
{
    char *restrict to = data[0];
    const char *restrict index = data[1], *restrict from = data[2];
    switch (l->size) {
    case 8:
        GATHER(uint64_t)
    case 4:
        GATHER(uint32_t)
    case 2:
        GATHER(uint16_t)
    default:
        GATHER(uint8_t)
    }
}

static void gather_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const lookup *l = user;
    if (step[1] == 0 && step[0] == l->size && step[2] == l->size)
        memcpy(data[0], data[2] + index_at(data[1]) * l->step, (size_t)(n * l->size));
    else gather_each(data, step, n, l);
}

/* Whole rows: an index each, elements adjacent on both sides. */
typedef struct row_gather {
    const loop *l;
    int64_t look, bytes;
} row_gather;

static void gather_rows(int64_t begin, int64_t end, void *user)
{
    const row_gather *g = user;
    const loop *l = g->l;
    for (int64_t i = begin; i < end; i++)
        memcpy(l->data[0] + i * l->stride[0][0],
               l->data[2] + i * l->stride[2][0] + index_at(l->data[1] + i * l->stride[1][0]) * g->look,
               (size_t)g->bytes);
}

static bool is_of_rows(const loop *l)
{
    return l->ndim == 2 && l->stride[0][1] == l->size[0] && l->stride[1][1] == 0 && l->stride[2][1] == l->size[2];
}

static bool gather(const array *out, const array *in, const array *index, int dim)
{
    array base = without_dim(in, dim);
    for (int d = 0; d < out->ndim; d++) base.shape[d] = out->shape[d];
    lookup l = lookup_in(in, dim);
    loop run = loop_make(true, out, index, &base, NULL);
    if (run.count > 0 && is_of_rows(&run)) {
        row_gather rows = {&run, l.step, run.shape[1] * l.size};
        tsr_parallel_for(run.shape[0], LOOP_GRAIN / run.shape[1] + 1, gather_rows, &rows);
        return true;
    }
    loop_run(&run, LOOP_GRAIN, gather_row, &l);
    return true;
}

static bool index_select(const array *out, const array *in, const array *index, int dim)
{
    array along = index_along(index, out, dim);
    return gather(out, in, &along, dim);
}

/* ---- writing by index ------------------------------------------------------------------------------------------ */

#define SCATTER(type, value)                                                                                           \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        type *to = (type *)(data[2] + i * step[2] + index_at(data[0] + i * step[0]) * l->step);                        \
        const type x = *(const type *)(data[1] + i * step[1]);                                                         \
        *to = value;                                                                                                   \
    }

static void set_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const lookup *l = user;
    switch (l->size) {
    case 8:
        SCATTER(uint64_t, x);
        break;
    case 4:
        SCATTER(uint32_t, x);
        break;
    case 2:
        SCATTER(uint16_t, x);
        break;
    default:
        SCATTER(uint8_t, x);
        break;
    }
}

/* One index for the whole row, whose elements are adjacent on both sides. */
static bool one_target(const int64_t *step, const lookup *l)
{
    return step[0] == 0 && step[1] == l->size && step[2] == l->size;
}

/* With alpha 1 the sum in double, rounded, is the sum in float. */
#define ADD_ROW(name, type)                                                                                            \
    static void name(char *const *data, const int64_t *step, int64_t n, const void *user)                              \
    {                                                                                                                  \
        const lookup *l = user;                                                                                        \
        const double alpha = l->alpha;                                                                                 \
        if (!one_target(step, l)) {                                                                                    \
            SCATTER(type, (type)((double)*to + alpha * (double)x))                                                     \
            return;                                                                                                    \
        }                                                                                                              \
        type *restrict to = (type *)(data[2] + index_at(data[0]) * l->step);                                           \
        const type *restrict x = (const type *)data[1];                                                                \
        if (alpha == 1) {                                                                                              \
            for (int64_t i = 0; i < n; i++) to[i] += x[i];                                                             \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++) to[i] = (type)((double)to[i] + alpha * (double)x[i]);                      \
        }                                                                                                              \
    }

ADD_ROW(add_f32_row, float)
ADD_ROW(add_f64_row, double)

static void add_i64_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const lookup *l = user;
    const uint64_t alpha = (uint64_t)tsr_i64_of_f64(l->alpha);
    SCATTER(uint64_t, *to + alpha * x)
}

/* The longest dimension other than dim, along which the work may be split; -1: none. */
static int split_dim(const array *a, int dim)
{
    int best = -1;
    for (int d = 0; d < a->ndim; d++)
        if (d != dim && a->shape[d] > 1 && (best < 0 || a->shape[d] > a->shape[best])) best = d;
    return best;
}

typedef struct writing {
    array index, src, base; /* of one shape; base has stride 0 along dim */
    lookup l;
    loop_body body;
    int split;
} writing;

static array narrowed(const array *a, int dim, int64_t begin, int64_t end)
{
    array b = *a;
    if (dim < 0) return b;
    b.data = (char *)a->data + begin * a->stride[dim] * (int64_t)tsr_dtype_size((tsr_dtype)a->dtype);
    b.shape[dim] = end - begin;
    return b;
}

static void write_range(int64_t begin, int64_t end, void *user)
{
    const writing *w = user;
    array index = narrowed(&w->index, w->split, begin, end), src = narrowed(&w->src, w->split, begin, end);
    array base = narrowed(&w->base, w->split, begin, end);
    loop run = loop_make(false, &index, &src, &base, NULL);
    loop_run_range(&run, 0, run.count, w->body, &w->l);
}

/* out's elements at `index` along dim change by src; index and src have one shape. */
static void write_by_index(loop_body body, const array *out, const array *index, const array *src, int dim,
                           double alpha)
{
    writing w = {*index, *src, without_dim(out, dim), lookup_in(out, dim), body, split_dim(index, dim)};
    for (int d = 0; d < index->ndim; d++) w.base.shape[d] = index->shape[d];
    w.l.alpha = alpha;
    int64_t n = array_numel(index), parts = w.split < 0 ? 1 : index->shape[w.split];
    if (n > 0) tsr_parallel_for(parts, w.split < 0 ? 1 : LOOP_GRAIN / (n / parts) + 1, write_range, &w);
}

static loop_body adding(int32_t dtype)
{
    return dtype == TSR_F32 ? add_f32_row : dtype == TSR_F64 ? add_f64_row : dtype == TSR_I64 ? add_i64_row : NULL;
}

static bool scatter(const array *out, const array *index, const array *src, int dim, scatter_mode mode)
{
    loop_body body = mode == SCATTER_SET ? set_row : mode == SCATTER_ADD ? adding(out->dtype) : NULL;
    if (!body) return below.scatter(out, index, src, dim, mode);
    write_by_index(body, out, index, src, dim, 1);
    return true;
}

static bool index_add(const array *out, const array *src, const array *index, int dim, double alpha)
{
    if (!adding(out->dtype)) return below.index_add(out, src, index, dim, alpha);
    array along = index_along(index, src, dim);
    write_by_index(adding(out->dtype), out, &along, src, dim, alpha);
    return true;
}

/* ---- the range of an index --------------------------------------------------------------------------------------- */

typedef struct range {
    int64_t lowest, highest;
} range;

/* Four ranges at a time, since each comparison waits for the one before. */
static void widen_range(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    range *r = *(range *const *)user, part[4] = {*r, *r, *r, *r};
    const int64_t apart = step[0];
    const char *at = data[0];
    for (int64_t i = 0; i < n; i += 4, at += 4 * apart)
        for (int k = 0; k < 4 && i + k < n; k++) {
            int64_t x = index_at(at + k * apart);
            part[k].lowest = tsr_min_i64(part[k].lowest, x);
            part[k].highest = tsr_max_i64(part[k].highest, x);
        }
    for (int k = 0; k < 4; k++) {
        r->lowest = tsr_min_i64(r->lowest, part[k].lowest);
        r->highest = tsr_max_i64(r->highest, part[k].highest);
    }
}

static bool index_range(const array *index, int64_t *lowest, int64_t *highest)
{
    range r = {INT64_MAX, INT64_MIN}, *pointer = &r;
    loop l = loop_make(true, index, NULL, NULL, NULL);
    if (l.count == 0) r = (range){0, -1};
    if (l.count > 0) loop_run_range(&l, 0, l.count, widen_range, &pointer);
    *lowest = r.lowest;
    *highest = r.highest;
    return true;
}

/* ---- positions of true elements ------------------------------------------------------------------------------------ */

typedef struct search {
    int64_t position, found, room, *out, out_step; /* out NULL: only count */
} search;

static void count_row(search *s, const char *from, int64_t step, int64_t n)
{
    int64_t found = 0;
    if (step == 1)
        for (int64_t i = 0; i < n; i++) found += from[i] != 0;
    else
        for (int64_t i = 0; i < n; i++) found += from[i * step] != 0;
    s->found += found;
}

/* Each position is written, and stays when its element is true: a branch would be guessed wrong half of the time. */
static void list_row(search *s, const char *from, int64_t step, int64_t n)
{
    int64_t found = s->found;
    for (int64_t i = 0; i < n && found < s->room; i++) {
        s->out[found * s->out_step] = s->position + i;
        found += from[i * step] != 0;
    }
    s->found = found;
}

static void search_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    search *s = *(search *const *)user;
    if (s->out) list_row(s, data[0], step[0], n);
    else count_row(s, data[0], step[0], n);
    s->position += n;
}

static bool nonzero(const array *in, int64_t *count, const array *out)
{
    if (in->dtype != TSR_BOOL && in->dtype != TSR_U8) return below.nonzero(in, count, out);
    search s = {0}, *pointer = &s;
    if (out) s.room = out->shape[0], s.out = out->data, s.out_step = out->stride[0];
    loop l = loop_make(false, in, NULL, NULL, NULL);
    if (l.count > 0) loop_run_range(&l, 0, l.count, search_row, &pointer);
    if (count) *count = s.found;
    return true;
}

/* ---- the largest few --------------------------------------------------------------------------------------------- */

/* NaN is larger than any number. */
static inline bool is_larger(double a, double b) { return a > b || (isnan(a) && !isnan(b)); }

typedef struct selection {
    int64_t n, k, step_in, step_values, step_index; /* steps in elements, along the dimension */
    bool largest;
    int32_t dtype;
} selection;

/* The best so far are a heap in the output arrays, its worst at the root. Of equals the later is worse, as in a stable
   sort. */
typedef struct heap {
    const selection *s;
    const array *values;
    int64_t *index;
} heap;

static double heap_value(const heap *h, int64_t i) { return ref_get_f64(h->values, i * h->s->step_values); }

static int64_t *heap_index(const heap *h, int64_t i) { return &h->index[i * h->s->step_index]; }

static bool is_worse(const selection *s, double a, int64_t at_a, double b, int64_t at_b)
{
    if (is_larger(a, b)) return !s->largest;
    if (is_larger(b, a)) return s->largest;
    return at_a > at_b;
}

static void heap_set(const heap *h, int64_t i, double x, int64_t at)
{
    ref_set_f64(h->values, i * h->s->step_values, x);
    *heap_index(h, i) = at;
}

/* Put (x, at) into the heap of n, whose place i is free and everything below in order. */
static void sift_down(const heap *h, int64_t n, int64_t i, double x, int64_t at)
{
    for (int64_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        double c = heap_value(h, child);
        if (child + 1 < n) {
            double d = heap_value(h, child + 1);
            if (is_worse(h->s, d, *heap_index(h, child + 1), c, *heap_index(h, child))) child++, c = d;
        }
        if (!is_worse(h->s, c, *heap_index(h, child), x, at)) break;
        heap_set(h, i, c, *heap_index(h, child));
        i = child;
    }
    heap_set(h, i, x, at);
}

static void select_lane(const selection *s, const array *values, const array *index, const array *in)
{
    heap h = {s, values, index->data};
    for (int64_t i = 0; i < s->k; i++) heap_set(&h, i, ref_get_f64(in, i * s->step_in), i);
    for (int64_t i = s->k / 2 - 1; i >= 0; i--) sift_down(&h, s->k, i, heap_value(&h, i), *heap_index(&h, i));
    double worst = s->k > 0 ? heap_value(&h, 0) : 0;
    for (int64_t i = s->k; i < s->n && s->k > 0; i++) {
        double x = ref_get_f64(in, i * s->step_in);
        if (!(s->largest ? is_larger(x, worst) : is_larger(worst, x))) continue;
        sift_down(&h, s->k, 0, x, i);
        worst = heap_value(&h, 0);
    }
    for (int64_t n = s->k - 1; n > 0; n--) { /* the worst goes to the end */
        double x = heap_value(&h, n), root = heap_value(&h, 0);
        int64_t at = *heap_index(&h, n), root_at = *heap_index(&h, 0);
        heap_set(&h, n, root, root_at);
        sift_down(&h, n, 0, x, at);
    }
}

static void select_lanes(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const selection *s = user;
    for (int64_t i = 0; i < n; i++) {
        array in = {.data = data[0] + i * step[0], .dtype = s->dtype}, values = in, index = {.dtype = TSR_I64};
        values.data = data[1] + i * step[1];
        index.data = data[2] + i * step[2];
        select_lane(s, &values, &index, &in);
    }
}

/* Sorting everything is better where more than a small part is wanted. */
static bool topk(const array *values, const array *index, const array *in, int dim, bool largest)
{
    bool real = in->dtype == TSR_F32 || in->dtype == TSR_F64;
    if (!real || in->ndim == 0 || values->shape[dim] > in->shape[dim] / 16)
        return below.topk(values, index, in, dim, largest);
    selection s = {in->shape[dim], values->shape[dim], in->stride[dim], values->stride[dim], index->stride[dim],
                   largest,        in->dtype};
    array lanes[3] = {array_only_dims(in, ~(1u << dim)), array_only_dims(values, ~(1u << dim)),
                      array_only_dims(index, ~(1u << dim))};
    loop l = loop_make(true, &lanes[0], &lanes[1], &lanes[2], NULL);
    loop_run(&l, LOOP_GRAIN / (s.n + 1) + 1, select_lanes, &s);
    return true;
}

void cpu_index_fill(backend *b)
{
    if (b->scatter != scatter) below = *b;
    b->gather = gather;
    b->scatter = scatter;
    b->index_select = index_select;
    b->index_add = index_add;
    b->index_range = index_range;
    b->nonzero = nonzero;
    b->topk = topk;
}
