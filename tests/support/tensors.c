/* tensors.c: see tensors.h. */
#include "support/tensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tessera/memory.h"

static tsr_mark mark;
static tensors_alive before;

tensors_alive tensors_count_alive(void) { return (tensors_alive){tsr_live_tensors(), tsr_memory_get_stats().blocks}; }

int tensors_begin(void **state)
{
    (void)state;
    tsr_error_clear();
    before = tensors_count_alive();
    mark = tsr_scope_open();
    return tsr_scalar(0) ? 0 : -1; /* the scope has its memory now, before a test counts blocks */
}

int tensors_end(void **state)
{
    (void)state;
    if (tsr_error_message()) printf("an error was left: %s\n", tsr_error_message());
    bool pending = tsr_error_status() != TSR_OK;
    tsr_error_clear();
    tsr_scope_close(mark);
    tensors_alive now = tensors_count_alive();
    bool left = now.tensors != before.tensors;
    if (left) printf("%lld tensors are left\n", (long long)(now.tensors - before.tensors));
    return pending || left ? -1 : 0;
}

double *tensors_values(tsr_tensor *t)
{
    int64_t n = tsr_numel(t);
    double *v = malloc((size_t)(n + 1) * sizeof *v);
    assert_non_null(v);
    assert_int_equal(tsr_to_host(t, v, n, TSR_F64), TSR_OK);
    return v;
}

double tensors_at(tsr_tensor *t, int64_t i)
{
    double *v = tensors_values(t), x = v[i];
    assert_true(i < tsr_numel(t));
    free(v);
    return x;
}

void tensors_require(bool ok, const char *what)
{
    const char *message = tsr_error_message();
    if (!ok) fail_msg("%s: %s", what, message ? message : "failed without an error");
}

static void expect_same_shape(const char *what, tsr_tensor *got, tsr_tensor *want)
{
    tsr_shape g = tsr_shape_of(got), w = tsr_shape_of(want);
    bool same = g.n == w.n && !memcmp(g.v, w.v, (size_t)g.n * sizeof *g.v);
    if (!same) fail_msg("%s: the shapes differ", what);
}

void tensors_expect_close(const char *what, tsr_tensor *got, tsr_tensor *want, double tolerance)
{
    tensors_require(got && want, what);
    expect_same_shape(what, got, want);
    double *g = tensors_values(got), *w = tensors_values(want);
    for (int64_t i = 0; i < tsr_numel(got); i++)
        if (!(g[i] == w[i] || fabs(g[i] - w[i]) <= tolerance * (1 + fabs(w[i]))))
            fail_msg("%s: element %lld is %.17g, expected %.17g", what, (long long)i, g[i], w[i]);
    free(g);
    free(w);
}

void tensors_expect_same(const char *what, tsr_tensor *got, tsr_tensor *want)
{
    tensors_expect_close(what, got, want, 0);
}

void tensors_expect_error(tsr_status status, const char *part)
{
    const char *message = tsr_error_message();
    if (!message) fail_msg("no error; expected one about '%s'", part);
    if (!strstr(message, part)) fail_msg("the error is '%s'; expected '%s' in it", message, part);
    assert_int_equal(tsr_error_status(), status);
    tsr_error_clear();
}
