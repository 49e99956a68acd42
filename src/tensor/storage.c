/* storage.c: reference-counted blocks of memory that tensors share.

   A storage is either ours (from the allocator) or borrowed from the caller, who is told when the last tensor that uses
   it is gone. The version counts in-place writes; it lives here because every view and detached alias must see it. */
#include "base/alloc.h"
#include "tensor/tensor_impl.h"

static _Thread_local bool inference_mode;

bool storage_set_inference_mode(bool enabled)
{
    bool was = inference_mode;
    inference_mode = enabled;
    return was;
}

bool storage_inference_mode(void) { return inference_mode; }

tsr_storage *storage_new(int64_t bytes, tsr_device device)
{
    tsr_storage *s = tsr_alloc_zeroed(1, sizeof *s);
    if (!s) return NULL;
    s->refs = 1;
    s->device = device;
    s->bytes = bytes;
    s->inference = inference_mode;
    s->data = tsr_alloc((size_t)bytes);
    if (!s->data) {
        tsr_free(s);
        return NULL;
    }
    return s;
}

tsr_storage *storage_retain(tsr_storage *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void storage_release(tsr_storage *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    if (!s->borrowed) tsr_free(s->data);
    if (s->done) s->done(s->user);
    tsr_free(s);
}
