/* samples.h: the sample texts of the operator tables as arguments for tsr_call. docs/operators.md has their grammar. */
#ifndef TESTS_SAMPLES_H
#define TESTS_SAMPLES_H

#include "tessera/call.h"

enum { SAMPLE_TENSORS = 16, SAMPLE_ARGS = 32 };

/* A tensor among the arguments. */
typedef struct sample_tensor {
    tsr_tensor *tensor; /* contiguous; held by the sample */
    bool wants_grad;
    bool distinct; /* its values must stay apart (sort, max) */
} sample_tensor;

/* One call. Everything is owned by the sample. */
typedef struct sample {
    tsr_arg args[SAMPLE_ARGS];
    int64_t count;
    sample_tensor tensors[SAMPLE_TENSORS]; /* in order of appearance; values of kind tensor point to them */
    int64_t tensor_count;
    void **blocks; /* lists and texts */
    int64_t block_count;
    tsr_dtype dtype;
    uint64_t state; /* of the sample's own random numbers */
    char problem[200];
} sample;

/* Read a sample text. Floating tensors have the dtype given; the same seed gives the same values (f32 ones are the f64
   ones rounded). `empty` >= 0 makes every dimension of that size 0. False: problem says what is wrong with the text.
   sample_free follows either way. */
bool sample_parse(sample *s, const char *text, tsr_dtype dtype, uint64_t seed, int64_t empty);
void sample_free(sample *s);

/* A copy of the arguments in which each tensor of the sample is replaced by the one of the same number in `tensors`;
   the lists are the sample's, rewritten: restore with the sample's own tensors. */
void sample_substitute(sample *s, tsr_tensor *const *tensors);

#endif
