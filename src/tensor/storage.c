/* storage.c: reference-counted blocks of memory that tensors share.

   A storage is either ours (from the allocator) or borrowed from the caller, who is told when the last tensor that uses
   it is gone. A few bytes of ours lie behind the storage in one block, which halves the requests of small tensors; more
   have a block to themselves, whose size is then the power of two that was asked for. The version counts in-place
   writes; it lives here because every view and detached alias must see it. */
#include "base/alloc.h"
#include "base/util.h"
#include "tensor/tensor_impl.h"

enum { HEAD = 64 /* keeps the data aligned as the allocator aligns */, INSIDE_MOST = 1024 };
_Static_assert(sizeof(tsr_storage) <= HEAD, "data lies behind the storage");

static TSR_THREAD_LOCAL bool inference_mode;

bool storage_set_inference_mode(bool enabled)
{
    bool was = inference_mode;
    inference_mode = enabled;
    return was;
}

bool storage_inference_mode(void) { return inference_mode; }

tsr_storage *storage_new(int64_t bytes, tsr_device device)
{
    bool inside = bytes <= INSIDE_MOST;
    tsr_storage *s = tsr_alloc(inside ? HEAD + (size_t)bytes : sizeof *s);
    if (!s) return NULL;
    *s = (tsr_storage){.refs = 1, .device = device, .bytes = bytes, .inside = inside, .inference = inference_mode};
    s->data = inside ? (char *)s + HEAD : tsr_alloc((size_t)bytes);
    if (!s->data) {
        tsr_free(s);
        return NULL;
    }
    return s;
}

tsr_storage *storage_retain(tsr_storage *s)
{
    refs_add(&s->refs);
    return s;
}

void storage_release(tsr_storage *s)
{
    if (!s || !refs_drop(&s->refs)) return;
    if (!s->borrowed && !s->inside) tsr_free(s->data);
    if (s->done) s->done(s->user);
    tsr_free(s);
}
