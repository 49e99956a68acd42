/* layers_fast.h: running a test in every tier of this machine, dtype and memory layout, with the reference's kernels beside
   it. */
#ifndef LAYERS_FAST_H
#define LAYERS_FAST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"
#include "support/arrays.h"
#include "support/tiers.h"

static const backend *reference, *fast;
static array_layout layout;
static tsr_dtype dtype;

static void find_reference(void)
{
    assert_int_equal(backend_select("reference"), TSR_OK);
    reference = backend_of(TSR_CPU);
}

/* Run the test body in each tier, dtype and layout, and free its arrays. Kernels of a table call on others through the
   selected one, so the reference's results are computed under the fast tier as well, which they do not depend on. */
static void everywhere(void (*body)(void))
{
    int made = arrays_made(), visited = 0;
    find_reference();
    for (int t = 0; t < (int)TSR_COUNT(test_tiers); t++) {
        if (!test_tier_select(t)) continue;
        visited++;
        fast = backend_of(TSR_CPU);
        for (int run = 0; run < 2 * LAYOUT_COUNT; run++) {
            layout = (array_layout)(run % LAYOUT_COUNT);
            dtype = run < LAYOUT_COUNT ? TSR_F32 : TSR_F64;
            body();
            arrays_free_since(made);
        }
    }
    backend_select(NULL);
    assert_int_not_equal(visited, 0);
}

static array random_array(uint64_t seed, int ndim, const int64_t *shape)
{
    array a = arrays_new(dtype, layout, ndim, shape);
    arrays_randomize(&a, seed);
    return a;
}

#define RANDOM(seed, ...)                                                                                              \
    random_array(seed, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
#define EMPTY(...) ARRAY(dtype, layout, __VA_ARGS__)

static void close_to(const char *what, const array *got, const array *want)
{
    char text[96];
    double scale = 1 + arrays_rms(want), tolerance = dtype == TSR_F64 ? 1e-11 : 1e-5;
    snprintf(text, sizeof text, "%s (%s, %s, layout %d)", what, fast->name, tsr_dtype_name(dtype), (int)layout);
    arrays_expect_close(text, got, want, tolerance, tolerance * scale);
}

static conv_params plain_conv(int64_t stride, int64_t padding, int64_t dilation, int64_t groups)
{
    return (conv_params){.spatial = 2,
                         .stride = {stride, stride},
                         .padding = {padding, padding},
                         .dilation = {dilation, dilation},
                         .groups = groups};
}

#endif
