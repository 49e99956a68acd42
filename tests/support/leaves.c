/* leaves.c: see leaves.h. */
#include "support/leaves.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tessera/ops.h"

tsr_tensor *counting(int n)
{
    double v[16];
    for (int i = 0; i < n; i++) v[i] = i + 1;
    return tsr_from_data(v, TSR_SHAPE(n), TSR_F64);
}

tsr_tensor *leaf(int n)
{
    tsr_tensor *t = counting(n);
    assert_int_equal(tsr_set_requires_grad(t, true), TSR_OK);
    return t;
}

void assert_values(tsr_tensor *t, int n, const double *want)
{
    double got[16];
    assert_non_null(t);
    assert_int_equal(tsr_to_host(t, got, n, TSR_F64), TSR_OK);
    for (int i = 0; i < n; i++) assert_float_equal(got[i], want[i], 1e-12);
}

void assert_refused(tsr_status status, const char *words)
{
    assert_int_not_equal(status, TSR_OK);
    assert_non_null(tsr_error_message());
    if (!strstr(tsr_error_message(), words)) fail_msg("'%s' does not contain '%s'", tsr_error_message(), words);
    tsr_error_clear();
}
