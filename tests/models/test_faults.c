/* test_faults.c: no memory. The nth allocation of building a model, of a training step and of sampling fails, for many n
   (for every n in the long mode, TSR_TEST_LONG): always an error of that kind, nothing left behind, and the next
   attempt works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/small_models.h"
#include "support/temp_folder.h"
#include "support/tensors.h"
#include "tessera/autograd.h"

enum { TRIES = 150 }; /* in the short mode */

/* Something that may fail, and what brings everything back to where it was before; `user` is passed on. */
typedef struct attempt {
    const char *what;
    tsr_status (*run)(void *user);
    void (*clean)(void *user);
    void *user;
} attempt;

static int64_t count_allocations(const attempt *a)
{
    int64_t before = tsr_memory_get_stats().allocations;
    tensors_require(a->run(a->user) == TSR_OK, a->what);
    int64_t after = tsr_memory_get_stats().allocations;
    a->clean(a->user);
    return after - before;
}

/* False when the run needs fewer than n allocations: with other random numbers they are not always the same. */
static bool fails_cleanly(const attempt *a, int64_t n, tensors_alive before)
{
    tsr_alloc_fail_at(n);
    tsr_status status = a->run(a->user);
    bool happened = tsr_alloc_failed();
    tsr_alloc_fail_at(0);
    tsr_status wanted = happened ? TSR_ENOMEM : TSR_OK;
    if (status != wanted || tsr_error_status() != wanted)
        fail_msg("%s: allocation %lld failed, the status is %d, the error '%s'", a->what, (long long)n, status,
                 tsr_error_message() ? tsr_error_message() : "none");
    tsr_error_clear();
    a->clean(a->user);
    tensors_alive now = tensors_count_alive();
    if (now.tensors != before.tensors || now.blocks != before.blocks)
        fail_msg("%s: after allocation %lld failed, %lld tensors and %lld blocks are left", a->what, (long long)n,
                 (long long)(now.tensors - before.tensors), (long long)(now.blocks - before.blocks));
    return happened;
}

static void expect_clean_failures(attempt a)
{
    count_allocations(&a); /* makes what is cached for good */
    tensors_alive before = tensors_count_alive();
    int64_t total = count_allocations(&a), stride = getenv("TSR_TEST_LONG") ? 1 : total / TRIES | 1, n = 1;
    while (fails_cleanly(&a, n, before)) n += stride;
    assert_true(n > total / 2);
    count_allocations(&a); /* still works */
}

/* ---- building ----------------------------------------------------------------------------------------------------- */

typedef struct built {
    tsr_module *model;
    tsr_vqgan_trainer *trainer;
    tsr_gpt_trainer *gpt_trainer;
    tsr_tensor *x, *cond;
} built;

static tsr_vqgan_train_options all_options(void)
{
    return (tsr_vqgan_train_options){
        .lr = 1e-3, .disc_weight = 0.8, .clip = 1, .ema = 0.9, .revive_below = 0.5, .disc_refresh = true};
}

static tsr_status build_vqgan(void *user)
{
    built *b = user;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_vqgan_train_options o = all_options();
    c.ema_codebook = true;
    b->model = tsr_vqgan_new(&c);
    b->trainer = b->model ? tsr_vqgan_trainer_new(b->model, &o) : NULL;
    return b->trainer ? TSR_OK : tsr_error_status();
}

static tsr_status build_gpt(void *user)
{
    built *b = user;
    tsr_gpt_config c = small_gpt_config();
    tsr_gpt_train_options o = {.lr = 1e-3, .clip = 1, .ema = 0.9, .pkeep = 0.5};
    b->model = tsr_gpt_new(&c);
    b->gpt_trainer = b->model ? tsr_gpt_trainer_new(b->model, &o) : NULL;
    return b->gpt_trainer ? TSR_OK : tsr_error_status();
}

static void take_down(void *user)
{
    built *b = user;
    tsr_vqgan_trainer_free(b->trainer);
    tsr_gpt_trainer_free(b->gpt_trainer);
    tsr_module_free(b->model);
    *b = (built){0};
}

static void building_models_and_trainers(void **state)
{
    (void)state;
    built b = {0};
    expect_clean_failures((attempt){"vqgan", build_vqgan, take_down, &b});
    expect_clean_failures((attempt){"gpt", build_gpt, take_down, &b});
}

/* ---- steps ----------------------------------------------------------------------------------------------------------- */

static tsr_status vqgan_step(void *user)
{
    built *b = user;
    return tsr_vqgan_trainer_step(b->trainer, b->x, NULL);
}

static tsr_status gpt_step(void *user)
{
    built *b = user;
    return tsr_gpt_trainer_step(b->gpt_trainer, b->x, b->cond, NULL);
}

/* Gradients stay after a step; how many a failed one had made depends on where it failed. */
static void drop_gradients(void *user) { tsr_module_zero_grad(((built *)user)->model); }

static void training_steps_of_vqgan(void **state)
{
    (void)state;
    built b = {0};
    assert_int_equal(build_vqgan(&b), TSR_OK);
    b.x = small_pictures(1, 16, 16);
    expect_clean_failures((attempt){"step", vqgan_step, drop_gradients, &b});
    take_down(&b);
}

static void training_steps_of_the_prior(void **state)
{
    (void)state;
    built b = {0};
    assert_int_equal(build_gpt(&b), TSR_OK);
    b.x = small_ids(2, 4, 12);
    b.cond = small_ids(2, 1, 15);
    expect_clean_failures((attempt){"step", gpt_step, drop_gradients, &b});
    take_down(&b);
}

/* ---- other work -------------------------------------------------------------------------------------------------------- */

static void nothing(void *user) { (void)user; }

static tsr_status sample(void *user)
{
    built *b = user;
    tsr_mark m = tsr_scope_open();
    tsr_gpt_sampling o = {.top_k = 5, .top_p = 0.9, .temperature = 2};
    bool ok = tsr_gpt_sample(b->model, b->cond, 3, &o) != NULL;
    tsr_scope_close(m);
    return ok ? TSR_OK : tsr_error_status();
}

static void sampling(void **state)
{
    (void)state;
    built b = {0};
    assert_int_equal(build_gpt(&b), TSR_OK);
    b.cond = small_ids(2, 1, 15);
    expect_clean_failures((attempt){"sampling", sample, nothing, &b});
    take_down(&b);
}

static tsr_status reconstruct(void *user)
{
    built *b = user;
    tsr_mark m = tsr_scope_open();
    bool ok = tsr_vqgan_decode_indices(b->model, tsr_vqgan_encode(b->model, b->x)) != NULL;
    tsr_scope_close(m);
    return ok ? TSR_OK : tsr_error_status();
}

static tsr_status save_and_restore(void *user)
{
    built *b = user;
    tsr_named_list weights = {0}, training = {0};
    tsr_status status = tsr_module_state_dict(b->model, &weights);
    if (status == TSR_OK) status = tsr_vqgan_trainer_state_dict(b->trainer, &training);
    if (status == TSR_OK) status = tsr_save_safetensors(temp_path("state"), weights.v, weights.n, NULL, 0);
    if (status == TSR_OK) status = tsr_save_safetensors(temp_path("state"), training.v, training.n, NULL, 0);
    if (status == TSR_OK) status = tsr_module_load_state_dict(b->model, weights.v, weights.n, true, NULL);
    if (status == TSR_OK) status = tsr_vqgan_trainer_load_state_dict(b->trainer, training.v, training.n);
    tsr_named_list_free(&weights);
    tsr_named_list_free(&training);
    return status;
}

static tsr_status convert(void *user) { return tsr_module_to(((built *)user)->model, TSR_F64); }

/* A tensor has a block more where its data are many bytes: the same blocks are left only of the same dtype. */
static void convert_back(void *user)
{
    tensors_require(tsr_module_to(((built *)user)->model, TSR_F32) == TSR_OK, "back");
}

static void reconstructing_saving_and_converting(void **state)
{
    (void)state;
    built b = {0};
    assert_int_equal(build_vqgan(&b), TSR_OK);
    b.x = small_pictures(1, 16, 16);
    expect_clean_failures((attempt){"reconstruct", reconstruct, nothing, &b});
    assert_int_equal(vqgan_step(&b), TSR_OK);
    drop_gradients(&b);
    expect_clean_failures((attempt){"state", save_and_restore, nothing, &b});
    assert_int_equal(temp_count(), 1); /* no temporary file is left */
    expect_clean_failures((attempt){"convert", convert, convert_back, &b});
    take_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(building_models_and_trainers),         TENSOR_TEST(training_steps_of_vqgan),
        TENSOR_TEST(training_steps_of_the_prior),          TENSOR_TEST(sampling),
        TENSOR_TEST(reconstructing_saving_and_converting),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
