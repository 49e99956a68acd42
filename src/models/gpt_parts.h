/* gpt_parts.h: what the prior's files share. */
#ifndef MODELS_GPT_PARTS_H
#define MODELS_GPT_PARTS_H

#include "tessera/gpt.h"

/* Keys and values of one layer for the positions done so far. Tensors [N, heads, block_size, d], references of the owner;
   the first `length` positions hold something. */
typedef struct gpt_cache {
    tsr_tensor *keys, *values;
} gpt_cache;

/* Logits of ids [N, n] that stand at positions start, start + 1, ...; with a cache (one entry a layer), attention also sees
   the start positions before, and the new keys and values are put there. last_only: of the last position only. */
tsr_tensor *gpt_run(tsr_module *gpt, tsr_tensor *ids, int64_t start, gpt_cache *cache, bool last_only);

/* tsr_gpt_loss with codes at the input replaced by random ones with probability 1 - pkeep (0: never). */
tsr_tensor *gpt_noisy_loss(tsr_module *gpt, tsr_tensor *codes, tsr_tensor *cond, double pkeep);

#endif
