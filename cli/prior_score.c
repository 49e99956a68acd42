/* prior_score.c: cross-entropy of a prior over a set of codes. */
#include "prior_score.h"

#include <math.h>

#include "code_counts.h"
#include "prior_condition.h"
#include "tessera/autograd.h"

static tsr_tensor *condition_of_rows(const tsr_gpt_config *c, const code_set *codes, tsr_tensor *cond, int64_t first,
                                     int64_t n)
{
    if (cond) return tsr_narrow(cond, 0, first, n);
    if (c->classes == 0) return condition_of_classes(c, n); /* the start token, if there is one */
    if (codes->labels) return condition_of_labels(c, tsr_narrow(codes->labels, 0, first, n), n);
    tsr_fail(TSR_EINVAL, "the codes come without labels; --cond says what each picture's begin with");
    return NULL;
}

static tsr_status score_rows(prior_score *s, tsr_module *prior, const code_set *codes, tsr_tensor *cond, int64_t first,
                             int64_t n)
{
    tsr_mark m = tsr_scope_open();
    tsr_tensor *given = condition_of_rows(tsr_gpt_get_config(prior), codes, cond, first, n);
    tsr_tensor *loss = given ? tsr_gpt_loss(prior, tsr_narrow(codes->codes, 0, first, n), given) : NULL;
    if (loss) s->loss += tsr_item(loss) * (double)n;
    tsr_scope_close(m);
    return tsr_error_status();
}

static tsr_status find_entropy(prior_score *s, const code_set *codes)
{
    code_counts counts;
    tsr_status status = code_counts_start(&counts, codes->n_codes);
    if (status == TSR_OK) status = code_counts_add(&counts, codes->codes);
    if (status == TSR_OK) s->unigram_entropy = code_counts_entropy(&counts);
    code_counts_free(&counts);
    return status;
}

tsr_status prior_score_compute(prior_score *s, tsr_module *prior, const code_set *codes, tsr_tensor *cond,
                               int64_t batch)
{
    *s = (prior_score){.pictures = codes->count, .tokens = codes->count * codes->tokens};
    bool was = tsr_set_grad_enabled(false);
    tsr_status status = find_entropy(s, codes);
    for (int64_t i = 0; status == TSR_OK && i < codes->count; i += batch)
        status = score_rows(s, prior, codes, cond, i, codes->count - i < batch ? codes->count - i : batch);
    s->loss /= (double)codes->count;
    tsr_set_grad_enabled(was);
    if (status == TSR_OK && !isfinite(s->loss))
        status = tsr_fail(TSR_ENUMERIC, "the prior's loss on these codes is not finite");
    return status;
}
