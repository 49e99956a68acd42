/* small_models.h: the smallest models that have every part, for tests of models. */
#ifndef TESTS_SMALL_MODELS_H
#define TESTS_SMALL_MODELS_H

#include "tessera/gpt.h"
#include "tessera/vqgan.h"

/* Pictures of 16 x 16 or so to codes of half the size, 16 codes of 8 dimensions, attention at the lower level, a
   discriminator. */
tsr_vqgan_config small_vqgan_config(void);
/* From the configuration, with weights of a fixed seed; fails the test on an error. */
tsr_module *small_vqgan(const tsr_vqgan_config *c);
/* [n, 3, height, width] in [-1, 1], of a fixed seed. */
tsr_tensor *small_pictures(int64_t n, int64_t height, int64_t width);

/* 12 codes, 3 classes, sequences of up to 9 tokens. */
tsr_gpt_config small_gpt_config(void);
tsr_module *small_gpt(const tsr_gpt_config *c);
/* i64 [n, length] in [0, most). */
tsr_tensor *small_ids(int64_t n, int64_t length, int64_t most);

/* Copy a model's or trainer's state, so that it can be restored after the model moved on; the tensors are the caller's
   scope's, the list is freed with tsr_named_list_free. */
tsr_named_list small_copy(const tsr_named_list *list);
tsr_named_list small_module_state(tsr_module *m);
/* Fail the test unless both modules have the same tensors to the bit. */
void small_expect_same_state(tsr_module *a, tsr_module *b);

#endif
