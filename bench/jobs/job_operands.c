/* job_operands.c: the operands of jobs.

   Element i of operand s is a hash of 8 i + s (multiply and shift, in 32 bits), scaled to [-1, 1): numbers without structure,
   which any language with 64-bit integers computes to the same bits. */
#include "jobs.h"

#include "tessera/autograd.h"
#include "tessera/ops.h"

static uint32_t hash(uint32_t x)
{
    x *= 2654435761U;
    x ^= x >> 15;
    x *= 2246822519U;
    return x ^ x >> 13;
}

static void fill(float *out, int64_t n, int slot)
{
    for (int64_t i = 0; i < n; i++) out[i] = (float)(hash((uint32_t)(8 * i + slot)) / 2147483648.0 - 1);
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
