/* code_counts.h: how often each code is used, over a whole set of pictures. */
#ifndef CLI_CODE_COUNTS_H
#define CLI_CODE_COUNTS_H

#include "tessera/tensor.h"

typedef struct code_counts {
    int64_t *count; /* of each code */
    int64_t codes, total;
} code_counts;

/* TSR_ENOMEM. code_counts_free follows either way. */
tsr_status code_counts_start(code_counts *c, int64_t codes);
void code_counts_free(code_counts *c);
/* Count an i64 tensor's codes; those out of range are an error. */
tsr_status code_counts_add(code_counts *c, const tsr_tensor *codes);
/* Codes used at all. */
int64_t code_counts_used(const code_counts *c);
/* -sum p log p, in nats: exp of it is the perplexity. */
double code_counts_entropy(const code_counts *c);

#endif
