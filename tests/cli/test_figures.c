/* test_figures.c: what eval and reconstruct say of models whose results are known in advance, and of broken ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/tiny_run.h"
#include "support/shell.h"
#include "support/temp_folder.h"
#include "tessera/io.h"
#include "tessera/ops.h"

enum { METADATA_MOST = 16 };

#define MODEL "r/checkpoints/last.safetensors"

/* ---- models with other weights ----------------------------------------------------------------------------------------- */

/* Weights that are all one value. */
typedef struct filling {
    const char *name;
    double value;
} filling;

/* The model file again, with these weights filled. */
static void rewrite(const char *from, const char *to, const filling *fillings, int count)
{
    tsr_mark mark = tsr_scope_open();
    tsr_archive *a = tsr_archive_open(temp_path(from));
    tsr_named_list list = {0};
    tsr_entry e;
    assert_non_null(a);
    for (int64_t i = 0; tsr_archive_entry(a, i, &e); i++)
        assert_int_equal(tsr_named_list_add(&list, e.name, tsr_archive_get(a, i)), TSR_OK);
    for (int i = 0; i < count; i++)
        assert_non_null(tsr_fill_(tsr_named_list_find(&list, fillings[i].name), tsr_scalar(fillings[i].value)));
    tsr_text_pair metadata[METADATA_MOST];
    int64_t pairs = 0;
    for (const char *key; pairs < METADATA_MOST && (key = tsr_archive_metadata_key(a, pairs)); pairs++)
        metadata[pairs] = (tsr_text_pair){key, tsr_archive_metadata(a, key)};
    assert_int_equal(tsr_save_safetensors(temp_path(to), list.v, list.n, metadata, pairs), TSR_OK);
    tsr_named_list_free(&list);
    tsr_archive_close(a);
    tsr_scope_close(mark);
}

static void expect_finite(const char *file)
{
    tsr_mark mark = tsr_scope_open();
    tsr_archive *a = tsr_archive_open(temp_path(file));
    assert_non_null(a);
    for (int64_t i = 0; i < tsr_archive_count(a); i++)
        assert_true(tsr_item(tsr_all(tsr_isfinite(tsr_archive_get(a, i)))) == 1);
    tsr_archive_close(a);
    tsr_scope_close(mark);
}

/* ---- what is not finite ------------------------------------------------------------------------------------------------ */

static void a_broken_model_has_no_figures(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
    rewrite(MODEL, "nan.safetensors", &(filling){"decoder.conv_out.bias", NAN}, 1);
    rewrite(MODEL, "inf.safetensors", &(filling){"decoder.conv_out.bias", INFINITY}, 1);
    const char *files[] = {"nan", "inf"};
    for (int i = 0; i < 2; i++) {
        char line[256];
        snprintf(line, sizeof line, "$T eval --model %s.safetensors --data scenes:count=20 --size 16 --json", files[i]);
        shell_expect(line, 1);
        shell_expect_text("not finite");
        snprintf(line, sizeof line, "$T reconstruct --model %s.safetensors scenes:count=2 --size 16 --out o.npy",
                 files[i]);
        shell_expect(line, 1);
        shell_expect_text("not finite");
    }
}

static void a_broken_prior_has_no_loss(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r && " TRAIN_PRIOR "--steps 1 --out p", 0);
    rewrite("p/checkpoints/last.safetensors", "nan.safetensors", &(filling){"transformer.head.weight", NAN}, 1);
    shell_expect("$T eval --prior nan.safetensors --codes p/codes.safetensors --json", 1);
    shell_expect_text("not finite");
}

static void non_finite_loss_names_step_and_operator(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --out r", 0);
    rewrite(MODEL, MODEL, &(filling){"decoder.conv_out.bias", NAN}, 1);
    shell_expect("cp " MODEL " before; $T train vqgan --out r --resume --steps 4 --no-progress", 1);
    shell_expect_text("step 3: nll_loss is not finite");
    shell_expect_text("operator");
    shell_expect_text("conv2d");
    shell_expect("cmp before " MODEL, 0);
}

static void a_failed_run_keeps_the_last_good_checkpoint(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 60 --lr 1000 --recon l2 --disc-weight 0 --checkpoint-every 1 --out r", 1);
    shell_expect_text("not finite");
    expect_finite(MODEL);
}

/* The discriminator's running variance overflows where the losses are still finite. */
static void weights_that_are_not_finite_are_not_saved(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
    rewrite(MODEL, "huge.safetensors", &(filling){"loss.discriminator.main.0.bias", 1e30}, 1);
    shell_expect(TRAIN "--init huge.safetensors --steps 3 --disc-start 100 --disc-warmup 100 --out h", 1);
    shell_expect_text("running_var");
    assert_false(temp_exists("h/checkpoints/last.safetensors"));
}

/* ---- training ------------------------------------------------------------------------------------------------------------ */

/* A term of the first step of the run. */
static double first_term(const char *run, const char *name)
{
    char line[256];
    snprintf(line, sizeof line, "head -n 1 %s/metrics.jsonl", run);
    shell_expect(line, 0);
    const char *at = strstr(shell_said, name);
    assert_non_null(at);
    return strtod(at + strlen(name) + strlen("\":"), NULL);
}

/* Both terms of the codebook's loss have the same value, of which one is weighed by beta. */
static void a_beta_of_zero_is_zero(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --beta 0 --out zero && " TRAIN "--steps 1 --beta 0.5 --out half", 0);
    assert_float_equal(1.5 * first_term("zero", "codebook_loss"), first_term("half", "codebook_loss"), 1e-9);
    shell_expect("$T train vqgan --resume --steps 2 --no-progress --out zero && "
                 "$T eval --model zero --data scenes:count=20 --size 16",
                 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_folder_make, temp_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_broken_model_has_no_figures),
        TEST(a_broken_prior_has_no_loss),
        TEST(non_finite_loss_names_step_and_operator),
        TEST(a_failed_run_keeps_the_last_good_checkpoint),
        TEST(weights_that_are_not_finite_are_not_saved),
        TEST(a_beta_of_zero_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
