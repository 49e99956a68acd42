/* prior_score.h: how well a prior predicts codes. */
#ifndef CLI_PRIOR_SCORE_H
#define CLI_PRIOR_SCORE_H

#include "code_set.h"
#include "tessera/gpt.h"

typedef struct prior_score {
    double loss;            /* nats a token */
    double unigram_entropy; /* of the codes scored, in nats */
    int64_t pictures, tokens;
} prior_score;

/* Score every picture's codes, `batch` at a time. cond is i64 [N, 1]; NULL: classes by the labels, or the start token. */
tsr_status prior_score_compute(prior_score *s, tsr_module *prior, const code_set *codes, tsr_tensor *cond,
                               int64_t batch);

#endif
