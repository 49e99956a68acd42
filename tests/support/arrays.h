/* arrays.h: arrays for tests of kernels, in several memory layouts, whose elements are reached by row-major position. */
#ifndef TESTS_ARRAYS_H
#define TESTS_ARRAYS_H

#include "backend/backend.h"

typedef enum array_layout {
    LAYOUT_ROWS, /* row-major */
    LAYOUT_CHANNELS_LAST,
    LAYOUT_GAPS, /* first dimension innermost, every second element unused */
    LAYOUT_COUNT
} array_layout;

/* Zeroed, freed by arrays_free. Sizes: a list, as in ARRAY(TSR_F32, LAYOUT_ROWS, 2, 3). */
array arrays_new(tsr_dtype dtype, array_layout layout, int ndim, const int64_t *shape);
#define ARRAY(dtype, layout, ...)                                                                                      \
    arrays_new(dtype, layout, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
/* Of another's shape. */
array arrays_like(const array *a, tsr_dtype dtype, array_layout layout);
/* The same elements in another dtype and layout. */
array arrays_copy(const array *a, tsr_dtype dtype, array_layout layout);
/* Free every array made so far, and check that nothing was written outside their elements. */
void arrays_free(void);
/* Only those made since arrays_made() was `made`. */
void arrays_free_since(int made);
int arrays_made(void);

int64_t arrays_count(const array *a);
double arrays_get(const array *a, int64_t position);
void arrays_set(const array *a, int64_t position, double value);
/* Normal numbers, rounded to f32, a function of the seed and the position alone. */
void arrays_randomize(const array *a, uint64_t seed);

/* Fail the test unless |got - want| <= atol + rtol |want| everywhere (NaN equals NaN). */
void arrays_expect_close(const char *what, const array *got, const array *want, double rtol, double atol);
/* Fail the test unless both have the same bits. */
void arrays_expect_same(const char *what, const array *got, const array *want);
/* The root of the mean square, to scale tolerances with. */
double arrays_rms(const array *a);

#endif
