/* faults.c: see faults.h. Before each failure comes a call that succeeds, so that what is kept for good (caches of
   primitives, a thread's stack of scopes) is there before memory is measured. */
#include "support/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "tessera/runtime.h"

static bool fails_cleanly(bool (*run)(void *user), void *user, int64_t nth)
{
    assert_true(run(user));
    int64_t before = tsr_memory_get_stats().current;
    tsr_alloc_fail_at(nth);
    bool ok = run(user), failed = tsr_alloc_failed();
    tsr_alloc_fail_at(0);
    assert_true(ok == !failed);
    assert_int_equal(tsr_error_status(), failed ? TSR_ENOMEM : TSR_OK);
    assert_int_equal(tsr_memory_get_stats().current, before);
    tsr_error_clear();
    return failed;
}

int64_t faults_expect_clean(bool (*run)(void *user), void *user)
{
    int64_t nth = 1;
    while (fails_cleanly(run, user, nth)) nth++;
    return nth - 1;
}
