/* test_one_step.c: one training step of each model and nothing else, for valgrind (docs/testing.md): everything that was
   allocated is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/small_models.h"
#include "support/tensors.h"

static void one_step_of_vqgan(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_vqgan_train_options o = {.lr = 1e-3, .disc_weight = 0.8, .clip = 1, .ema = 0.9};
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_trainer *t = tsr_vqgan_trainer_new(m, &o);
    tensors_require(tsr_vqgan_trainer_step(t, small_pictures(1, 16, 16), NULL) == TSR_OK, "step");
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static void one_step_of_the_prior(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_gpt_train_options o = {.lr = 1e-3, .clip = 1, .ema = 0.9};
    tsr_module *m = small_gpt(&c);
    tsr_gpt_trainer *t = tsr_gpt_trainer_new(m, &o);
    tensors_require(tsr_gpt_trainer_step(t, small_ids(2, 4, 12), small_ids(2, 1, 15), NULL) == TSR_OK, "step");
    tsr_gpt_trainer_free(t);
    tsr_module_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TENSOR_TEST(one_step_of_vqgan), TENSOR_TEST(one_step_of_the_prior)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
