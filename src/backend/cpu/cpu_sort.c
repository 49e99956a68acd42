/* cpu_sort.c: stable sorting along one dimension, and the k first of the sorted lane, by radix.

   Each element becomes a key of 64 bits whose unsigned order is the wanted one (NaN above all, both zeros alike, turned over
   for a descending order), beside its position. Passes over one byte each, the lowest first, keep what is equal in order.
   Bytes that all keys share are skipped, so that f32, whose lower half is empty, and small integers take few passes. Short lanes are sorted by
   insertion. Lanes are shared out over threads. */
#include "backend/cpu/cpu_sort.h"

#include <stdatomic.h>

#include "backend/cpu/loop.h"
#include "backend/cpu/ref/ref.h"
#include "tessera/error.h"

enum { SHORT = 24, BUCKETS = 256 };

typedef struct entry {
    uint64_t key;
    int64_t at;
} entry;

/* ---- keys ---------------------------------------------------------------------------------------------------------- */

#define TOP_BIT (UINT64_C(1) << 63)

/* Floats of one sign order like their bits, negative ones the other way round. */
static uint64_t key_of_bits(uint64_t bits) { return bits & TOP_BIT ? ~bits : bits | TOP_BIT; }

static uint64_t key_of_f64(double x)
{
    uint64_t bits;
    if (isnan(x)) return UINT64_MAX;
    x += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &x, sizeof bits);
    return key_of_bits(bits);
}

static uint64_t key_of_f32(float x)
{
    uint32_t bits;
    if (isnan(x)) return (uint64_t)UINT32_MAX << 32;
    x += 0.0f;
    memcpy(&bits, &x, sizeof bits);
    return key_of_bits((uint64_t)bits << 32) & ~(uint64_t)UINT32_MAX;
}

static uint64_t key_at(const array *in, int64_t at)
{
    if (in->dtype == TSR_F32) return key_of_f32(((const float *)in->data)[at]);
    if (ref_floating(in->dtype)) return key_of_f64(ref_get_f64(in, at));
    return (uint64_t)ref_get_i64(in, at) ^ TOP_BIT;
}

static void load_entries(entry *e, const array *in, int64_t n, int64_t step, bool descending)
{
    uint64_t turned = descending ? UINT64_MAX : 0;
    for (int64_t i = 0; i < n; i++) e[i] = (entry){key_at(in, i * step) ^ turned, i};
}

/* ---- one lane -------------------------------------------------------------------------------------------------------- */

static void insert_each(entry *e, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        entry x = e[i];
        int64_t j = i;
        for (; j > 0 && e[j - 1].key > x.key; j--) e[j] = e[j - 1];
        e[j] = x;
    }
}

/* The bits in which keys differ. */
static uint64_t varying_bits(const entry *e, int64_t n)
{
    uint64_t some = 0, all = UINT64_MAX;
    for (int64_t i = 0; i < n; i++) some |= e[i].key, all &= e[i].key;
    return some & ~all;
}

/* Stable, by one byte, from e to `to`. */
static void pass(const entry *e, entry *to, int64_t n, int shift)
{
    int64_t place[BUCKETS] = {0}, start = 0;
    for (int64_t i = 0; i < n; i++) place[e[i].key >> shift & 255]++;
    for (int i = 0; i < BUCKETS; i++) {
        int64_t here = place[i];
        place[i] = start;
        start += here;
    }
    for (int64_t i = 0; i < n; i++) to[place[e[i].key >> shift & 255]++] = e[i];
}

/* Sorts e, with as much room beside it; returns where the result is. */
static entry *sort_entries(entry *e, entry *room, int64_t n)
{
    if (n <= SHORT) {
        insert_each(e, n);
        return e;
    }
    uint64_t varying = varying_bits(e, n);
    for (int shift = 0; shift < 64; shift += 8) {
        if (!(varying >> shift & 255)) continue;
        pass(e, room, n, shift);
        entry *sorted = room;
        room = e;
        e = sorted;
    }
    return e;
}

/* ---- all lanes --------------------------------------------------------------------------------------------------------- */

typedef struct sorting {
    int64_t n, k; /* elements of a lane, and how many are wanted */
    int64_t step_in, step_values, step_index;
    int32_t dtype;
    bool descending;
    _Atomic bool *failed; /* a thread had no memory */
} sorting;

static void sort_lane(const sorting *s, const array *values, const array *index, const array *in, entry *room)
{
    load_entries(room, in, s->n, s->step_in, s->descending);
    const entry *sorted = sort_entries(room, room + s->n, s->n);
    for (int64_t i = 0; i < s->k; i++) {
        ref_move(values, i * s->step_values, in, sorted[i].at * s->step_in);
        ref_set_i64(index, i * s->step_index, sorted[i].at);
    }
}

static void sort_lanes(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const sorting *s = user;
    entry *room = tsr_alloc((size_t)s->n * 2 * sizeof *room);
    if (!room) atomic_store(s->failed, true);
    for (int64_t i = 0; room && i < n; i++) {
        array in = {.data = data[0] + i * step[0], .dtype = s->dtype}, values = in, index = {.dtype = TSR_I64};
        values.data = data[1] + i * step[1];
        index.data = data[2] + i * step[2];
        sort_lane(s, &values, &index, &in, room);
    }
    tsr_free(room);
}

static backend below;

static bool sorted_head(const array *values, const array *index, const array *in, int dim, bool descending)
{
    _Atomic bool failed = false;
    uint32_t others = ~(1u << dim);
    sorting s = {.n = in->shape[dim], .k = values->shape[dim], .step_in = in->stride[dim]};
    s.step_values = values->stride[dim];
    s.step_index = index->stride[dim];
    s.dtype = in->dtype;
    s.descending = descending;
    s.failed = &failed;
    array a = array_only_dims(in, others), v = array_only_dims(values, others), i = array_only_dims(index, others);
    loop l = loop_make(true, &a, &v, &i, NULL);
    loop_run(&l, LOOP_GRAIN_SLOW / (s.n + 1) + 1, sort_lanes, &s);
    if (!atomic_load(&failed)) return true;
    tsr_fail(TSR_ENOMEM, "sort: no memory for the keys of %lld elements", (long long)s.n);
    return false;
}

static bool has_lanes(const array *in, const array *values)
{
    return in->ndim > 0 && array_numel(in) > 0 && array_numel(values) > 0;
}

static bool sort(const array *values, const array *index, const array *in, int dim, bool descending)
{
    if (!has_lanes(in, values)) return below.sort(values, index, in, dim, descending);
    return sorted_head(values, index, in, dim, descending);
}

static bool topk(const array *values, const array *index, const array *in, int dim, bool largest)
{
    if (!has_lanes(in, values)) return below.topk(values, index, in, dim, largest);
    return sorted_head(values, index, in, dim, largest);
}

void cpu_sort_fill(backend *b)
{
    if (b->sort != sort) below = *b;
    b->sort = sort;
    b->topk = topk;
}
