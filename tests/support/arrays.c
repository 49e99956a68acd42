/* arrays.c: see arrays.h. Each array's memory is filled with a pattern first; arrays_free finds it changed where a kernel
   wrote between or beyond the elements. */
#include "support/arrays.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/philox.h"

enum { MOST = 4096, FRINGE = 64, PATTERN = 0xA5 };

typedef struct owned {
    unsigned char *memory;
    size_t bytes;
    array a;
} owned;

static owned all[MOST];
static int count;

int64_t arrays_count(const array *a)
{
    int64_t n = 1;
    for (int d = 0; d < a->ndim; d++) n *= a->shape[d];
    return n;
}

static int64_t offset_of(const array *a, int64_t position)
{
    int64_t at = 0;
    for (int d = a->ndim - 1; d >= 0; d--) {
        at += position % a->shape[d] * a->stride[d];
        position /= a->shape[d];
    }
    return at;
}

/* The dimension that is i-th from the innermost. */
static int inner_dim(int ndim, array_layout layout, int i)
{
    if (layout == LAYOUT_GAPS) return i;
    if (layout == LAYOUT_ROWS || ndim < 3) return ndim - 1 - i;
    return i == 0 ? 1 : i < ndim - 1 ? ndim - i : 0;
}

array arrays_new(tsr_dtype dtype, array_layout layout, int ndim, const int64_t *shape)
{
    array a = {.dtype = dtype, .ndim = ndim};
    int64_t step = layout == LAYOUT_GAPS ? 2 : 1;
    for (int i = 0; i < ndim; i++) {
        int d = inner_dim(ndim, layout, i);
        a.shape[d] = shape[d];
        a.stride[d] = step;
        step *= shape[d];
    }
    size_t bytes = (size_t)step * tsr_dtype_size(dtype) + 2 * FRINGE;
    unsigned char *memory = tsr_alloc(bytes);
    assert_non_null(memory);
    assert_true(count < MOST);
    memset(memory, PATTERN, bytes);
    a.data = memory + FRINGE;
    all[count++] = (owned){memory, bytes, a};
    for (int64_t i = 0; i < arrays_count(&a); i++) arrays_set(&a, i, 0);
    return a;
}

array arrays_like(const array *a, tsr_dtype dtype, array_layout layout)
{
    return arrays_new(dtype, layout, a->ndim, a->shape);
}

array arrays_copy(const array *a, tsr_dtype dtype, array_layout layout)
{
    array b = arrays_like(a, dtype, layout);
    for (int64_t i = 0; i < arrays_count(a); i++) arrays_set(&b, i, arrays_get(a, i));
    return b;
}

static void expect_pattern(const owned *o)
{
    size_t size = tsr_dtype_size((tsr_dtype)o->a.dtype);
    for (int64_t i = 0; i < arrays_count(&o->a); i++)
        memset((char *)o->a.data + (size_t)offset_of(&o->a, i) * size, PATTERN, size);
    for (size_t i = 0; i < o->bytes; i++)
        if (o->memory[i] != PATTERN) fail_msg("a kernel wrote outside its array, at byte %zu", i);
}

void arrays_free_since(int made)
{
    for (int i = made; i < count; i++) {
        expect_pattern(&all[i]);
        tsr_free(all[i].memory);
    }
    count = made;
}

void arrays_free(void) { arrays_free_since(0); }

int arrays_made(void) { return count; }

double arrays_get(const array *a, int64_t position)
{
    int64_t at = offset_of(a, position);
    switch (a->dtype) {
    case TSR_F32:
        return (double)((const float *)a->data)[at];
    case TSR_F64:
        return ((const double *)a->data)[at];
    case TSR_I64:
        return (double)((const int64_t *)a->data)[at];
    default:
        return (double)((const uint8_t *)a->data)[at];
    }
}

void arrays_set(const array *a, int64_t position, double value)
{
    int64_t at = offset_of(a, position);
    switch (a->dtype) {
    case TSR_F32:
        ((float *)a->data)[at] = (float)value;
        break;
    case TSR_F64:
        ((double *)a->data)[at] = value;
        break;
    case TSR_I64:
        ((int64_t *)a->data)[at] = (int64_t)value;
        break;
    default:
        ((uint8_t *)a->data)[at] = (uint8_t)value;
        break;
    }
}

static float normal(uint64_t seed, int64_t position)
{
    tsr_philox_block b = tsr_philox(seed, (uint64_t)position);
    float radius = sqrtf(-2 * logf(1 - tsr_unit_f32(b.v[0])));
    return radius * cosf(6.2831853f * tsr_unit_f32(b.v[1]));
}

void arrays_randomize(const array *a, uint64_t seed)
{
    for (int64_t i = 0; i < arrays_count(a); i++) arrays_set(a, i, (double)normal(seed, i));
}

double arrays_rms(const array *a)
{
    double sum = 0;
    int64_t n = arrays_count(a);
    for (int64_t i = 0; i < n; i++) sum += arrays_get(a, i) * arrays_get(a, i);
    return n ? sqrt(sum / (double)n) : 0;
}

static void expect_same_shape(const char *what, const array *got, const array *want)
{
    bool same = got->ndim == want->ndim;
    for (int d = 0; same && d < got->ndim; d++) same = got->shape[d] == want->shape[d];
    if (!same) fail_msg("%s: the shapes differ", what);
}

void arrays_expect_close(const char *what, const array *got, const array *want, double rtol, double atol)
{
    expect_same_shape(what, got, want);
    for (int64_t i = 0; i < arrays_count(got); i++) {
        double g = arrays_get(got, i), w = arrays_get(want, i);
        bool close = g == w || fabs(g - w) <= atol + rtol * fabs(w) || (isnan(g) && isnan(w));
        if (!close) fail_msg("%s: element %lld is %.9g, expected %.9g", what, (long long)i, g, w);
    }
}

void arrays_expect_same(const char *what, const array *got, const array *want)
{
    arrays_expect_close(what, got, want, 0, 0);
}
