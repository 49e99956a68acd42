/* test_op_faults.c: memory that runs out at any moment. Each operator runs forward and backward on its first sample, once
   for every allocation it makes, with that allocation failing: this must end in an error that says so, without a crash,
   and no tensor may be left over. TSR_SAMPLES=conv2d tries the operators whose name contains that alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/samples.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"

enum { MOST = 5000, ROOM = 64 };

/* The written tensor of an in-place form must not be a leaf. */
static bool prepare(sample *s, const tsr_op_description *op)
{
    tsr_tensor *tensors[SAMPLE_TENSORS];
    for (int64_t i = 0; i < s->tensor_count; i++) {
        tensors[i] = s->tensors[i].tensor;
        if (s->tensors[i].wants_grad && tsr_set_requires_grad(tensors[i], true) != TSR_OK) return false;
    }
    if (op->inplace && s->tensor_count) tensors[0] = tsr_clone(tensors[0]);
    sample_substitute(s, tensors);
    return !tsr_error_message();
}

static void run_back(const sample *s, tsr_tensor *const *outs, int64_t n)
{
    tsr_tensor *leaves[SAMPLE_TENSORS], *grads[SAMPLE_TENSORS];
    int64_t count = 0;
    for (int64_t i = 0; i < s->tensor_count; i++)
        if (s->tensors[i].wants_grad) leaves[count++] = s->tensors[i].tensor;
    for (int64_t i = 0; i < n && count && !tsr_error_message(); i++)
        if (tsr_requires_grad(outs[i]))
            (void)tsr_grads(TSR_LIST(tsr_sum(outs[i])), (tsr_tensors){leaves, count}, grads, .retain_graph = true,
                            .allow_unused = true);
}

/* One run with the nth allocation failing; false when it made fewer, so that none failed. */
static bool attempt(const tsr_op_description *op, int64_t nth)
{
    sample s;
    tsr_tensor *outs[ROOM];
    int64_t before = tsr_live_tensors();
    tsr_mark m = tsr_scope_open();
    bool ready = sample_parse(&s, op->samples[0], TSR_F64, 3, -1) && prepare(&s, op);
    if (!ready) fail_msg("%s: %s", op->name, s.problem);
    tsr_alloc_fail_at(nth);
    int64_t n = tsr_call(op->name, s.args, s.count, outs, ROOM);
    if (n > 0) run_back(&s, outs, n);
    bool failed = tsr_alloc_failed();
    tsr_alloc_fail_at(0);
    if (failed && tsr_error_status() != TSR_ENOMEM)
        fail_msg("%s: allocation %lld failed, but the error is '%s'", op->name, (long long)nth,
                 tsr_error_message() ? tsr_error_message() : "none");
    tsr_error_clear();
    sample_free(&s);
    tsr_scope_close(m);
    if (tsr_live_tensors() != before)
        fail_msg("%s: allocation %lld failed, and %lld tensors are left over", op->name, (long long)nth,
                 (long long)(tsr_live_tensors() - before));
    return failed;
}

static void every_operator_survives_every_failed_allocation(void **state)
{
    (void)state;
    tsr_op_description op;
    const char *chosen = getenv("TSR_SAMPLES");
    for (int64_t i = 0; tsr_op_describe(i, &op); i++) {
        if (chosen && !strstr(op.name, chosen)) continue;
        for (int64_t nth = 1; op.samples[0] && nth < MOST && attempt(&op, nth);) nth++;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_operator_survives_every_failed_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
