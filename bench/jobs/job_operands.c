/* job_operands.c: the operands of jobs.

   Element i of operand s is ((i + 7919 s) 2654435761 mod 1000003) / 500001.5 - 1: numbers in [-1, 1) without structure, which
   any language computes in 64-bit integers and doubles to the same bits. */
#include "jobs.h"

#include "tessera/autograd.h"
#include "tessera/ops.h"

static void fill(float *out, int64_t n, int slot)
{
    for (int64_t i = 0; i < n; i++) out[i] = (float)((double)((i + 7919 * slot) * 2654435761 % 1000003) / 500001.5 - 1);
}

static bool hold(job *j, int slot, tsr_tensor *t)
{
    j->t[slot] = tsr_keep(t);
    return t != NULL;
}

static tsr_tensor *filled(tsr_shape shape, int slot)
{
    tsr_tensor *t = tsr_empty(shape);
    if (t) fill(tsr_data(t), tsr_numel(t), slot);
    return t;
}

bool job_operand(job *j, int slot, tsr_shape shape) { return hold(j, slot, filled(shape, slot)); }

bool job_picture(job *j, int slot, tsr_shape shape)
{
    return hold(j, slot, tsr_contiguous(filled(shape, slot), .memory_format = "channels_last"));
}

bool job_wants_grad(job *j, int slot) { return tsr_set_requires_grad(j->t[slot], true) == TSR_OK; }
