/* kernels.h: comparing the kernels of a tier with the reference: arrays of any dtype and layout filled with reproducible
   numbers, and a comparison that says where and by how much two arrays differ. */
#ifndef TEST_KERNELS_H
#define TEST_KERNELS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "backend/cpu/ref/ref.h"
#include "support/tiers.h"
#include "tessera/runtime.h"

typedef enum layout {
    ROW_MAJOR,
    REVERSED,  /* the first dimension is innermost */
    SECOND_IN, /* dimension 1 innermost: channels-last */
    SLICED,    /* every second element along every dimension of a larger array */
    EXPANDED,  /* stride 0 along the odd dimensions: for inputs only */
    ONE,       /* stride 0 everywhere: for inputs only */
    LAYOUTS
} layout;
#define WRITABLE_LAYOUTS EXPANDED

typedef enum numbers {
    NORMAL,   /* about [-3, 3], and integers from -9 to 9 */
    POSITIVE, /* (0, 3], integers 1 to 9 */
    UNIT,     /* (-1, 1) */
    SPECIAL,  /* infinities, NaN, zeros of both signs, tiny, huge */
    DISTINCT  /* a shuffled range */
} numbers;

/* Both tables: the reference, and the tier that is compared with it. */
static const backend *reference, *fast;

/* Run the group once for each tier that this machine has; the number of failures. */
static inline int run_in_every_tier(const struct CMUnitTest *tests, size_t count)
{
    int failed = 0, visited = 0;
    assert_int_equal(backend_select("reference"), TSR_OK);
    reference = backend_of(TSR_CPU);
    for (int i = 0; i < (int)TSR_COUNT(test_tiers); i++) {
        if (!test_tier_select(i)) {
            printf("%s: not on this machine, or not wanted\n", test_tiers[i]);
            continue;
        }
        fast = backend_of(TSR_CPU);
        visited++;
        failed += _cmocka_run_group_tests(test_tiers[i], tests, count, NULL, NULL);
    }
    return failed + (visited == 0);
}

static inline uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 27)) * 0xBF58476D1CE4E5B9u;
    return x ^ (x >> 30);
}

static inline double a_value(numbers kind, uint64_t i)
{
    static const double special[] = {INFINITY, -INFINITY, NAN, 0.0, -0.0, 1e-40, -1e-40,
                                     3e38,     -3e38,     1,   -1,  0.5,  88,    -104};
    double u = (double)(mix(i * 2654435761u + 12345) >> 11) * 0x1p-53;
    switch (kind) {
    case POSITIVE:
        return 3 * u + 1e-3;
    case UNIT:
        return 1.98 * u - 0.99;
    case SPECIAL:
        return special[mix(i + 77) % TSR_COUNT(special)];
    case DISTINCT:
        return (double)(mix(i) % 1000003) * 1e-3;
    default:
        return 6 * u - 3;
    }
}

static inline int64_t an_integer(numbers kind, uint64_t i, int32_t dtype)
{
    int64_t r = (int64_t)(mix(i + 99) % 19);
    if (dtype == TSR_BOOL) return r & 1;
    if (kind == POSITIVE || dtype == TSR_U8) return r % 9 + 1;
    return r - 9;
}

static inline void fill_array(const array *a, numbers kind, uint64_t seed)
{
    uint64_t i = seed * 1000003;
    for (walk w = walk_begin(WALK_ALL, a, NULL, NULL, NULL); w.left > 0; walk_next(&w), i++) {
        if (ref_floating(a->dtype)) ref_set_f64(a, w.at[0], a_value(kind, i));
        else ref_set_i64(a, w.at[0], an_integer(kind, i, a->dtype));
    }
}

/* The order of dimensions from outermost to innermost. */
static inline void order_of(layout how, int ndim, int *order)
{
    for (int d = 0; d < ndim; d++) order[d] = how == REVERSED ? ndim - 1 - d : d;
    if (how != SECOND_IN || ndim < 3) return;
    for (int d = 1; d < ndim - 1; d++) order[d] = d + 1;
    order[ndim - 1] = 1;
}

/* An array in memory of its own (free_array) with every byte 0xa5 before it is filled. */
static inline array new_array(int32_t dtype, const tsr_shape *shape, layout how)
{
    array a = {.dtype = dtype, .ndim = shape->n};
    int order[TSR_MAX_DIMS];
    int64_t step = how == SLICED ? 2 : 1, room = 1;
    order_of(how, shape->n, order);
    for (int i = shape->n - 1; i >= 0; i--) {
        int d = order[i];
        bool flat = how == ONE || (how == EXPANDED && d % 2 == 1);
        a.shape[d] = shape->v[d];
        a.stride[d] = flat ? 0 : room * step;
        if (!flat) room *= step * (shape->v[d] > 0 ? shape->v[d] : 1);
    }
    a.data = malloc((size_t)room * 8 + 64);
    memset(a.data, 0xa5, (size_t)room * 8 + 64);
    return a;
}

static inline array filled_array(int32_t dtype, const tsr_shape *shape, layout how, numbers kind, uint64_t seed)
{
    array a = new_array(dtype, shape, how);
    fill_array(&a, kind, seed);
    return a;
}

static inline void free_array(array *a)
{
    free(a->data);
    a->data = NULL;
}

/* Large shapes are there for threads and long rows; every layout of them would take minutes. */
static inline bool worth_trying(const tsr_shape *shape, layout to, layout from)
{
    int64_t n = 1;
    for (int d = 0; d < shape->n; d++) n *= shape->v[d];
    return n < 5000 || (to == ROW_MAJOR && from == ROW_MAJOR);
}

static inline bool close_enough(double got, double want, double relative, double absolute)
{
    if (isnan(got) || isnan(want)) return isnan(got) && isnan(want);
    if (got == want) return true;
    return fabs(got - want) <= absolute + relative * fabs(want);
}

/* Fails the test at the first element that differs by more than absolute + relative |want|. */
static inline void assert_arrays_close(const char *what, const array *got, const array *want, double relative,
                                       double absolute)
{
    int64_t i = 0;
    for (walk w = walk_begin(WALK_ALL, got, want, NULL, NULL); w.left > 0; walk_next(&w), i++) {
        if (!ref_floating(got->dtype)) {
            int64_t x = ref_get_i64(got, w.at[0]), y = ref_get_i64(want, w.at[1]);
            if (x != y) fail_msg("%s: element %lld is %lld, not %lld", what, (long long)i, (long long)x, (long long)y);
        } else {
            double x = ref_get_f64(got, w.at[0]), y = ref_get_f64(want, w.at[1]);
            if (!close_enough(x, y, relative, absolute))
                fail_msg("%s: element %lld is %.17g, not %.17g", what, (long long)i, x, y);
        }
    }
}

static const tsr_shape test_shapes[] = {
    {.n = 0},
    {.n = 1, .v = {1}},
    {.n = 1, .v = {7}},
    {.n = 2, .v = {0, 5}},
    {.n = 2, .v = {33, 65}},
    {.n = 3, .v = {3, 1, 70}},
    {.n = 4, .v = {2, 17, 5, 6}},
    {.n = 4, .v = {2, 64, 16, 16}},
    {.n = 2, .v = {3, 40000}}, /* split over threads */
};

#endif
