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
    shell_expect(TRAIN "--steps 60 --lr 1e18 --recon l2 --disc-weight 0 --checkpoint-every 1 --out r", 1);
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

/* ---- figures by their formulas ----------------------------------------------------------------------------------------- */

/* A figure of the last command's JSON. */
static double figure(const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(shell_said, key);
    assert_non_null(at);
    return strtod(at + strlen(key), NULL);
}

/* One picture of zeros, and one whose columns are 0.5 and -0.5 in turn. */
static void write_two_pictures(void)
{
    static float x[2 * 3 * 16 * 16];
    for (int i = 3 * 16 * 16; i < 2 * 3 * 16 * 16; i++) x[i] = i % 2 ? -0.5f : 0.5f;
    tsr_mark mark = tsr_scope_open();
    assert_int_equal(tsr_save_one(temp_path("x.npy"), tsr_from_data(x, TSR_SHAPE(2, 3, 16, 16), TSR_F32)), TSR_OK);
    tsr_scope_close(mark);
}

/* Wang et al. 2004, a constant c = 0.5 against a picture of local mean m and variance v: the covariance is 0. */
static double ssim_of_constant(double m, double v)
{
    const double c = 0.5, c1 = 0.02 * 0.02, c2 = 0.06 * 0.06;
    return (2 * m * c + c1) / (m * m + c * c + c1) * c2 / (v + c2);
}

/* The mean of columns in turn 1 and -1 under the window, of 11 columns and sigma 1.5, that begins with a 1. */
static double mean_of_columns(void)
{
    double sum = 0, weights = 0;
    for (int i = -5; i <= 5; i++) {
        double w = exp(-i * i / (2 * 1.5 * 1.5));
        sum += (i + 5) % 2 ? -w : w;
        weights += w;
    }
    return sum / weights;
}

/* The decoder gives 0.5 everywhere: errors are 0.5; and 0 and 1 in turn. */
static void figures_of_a_constant_decoder_are_those_of_the_formulas(void **state)
{
    (void)state;
    write_two_pictures();
    shell_expect(TRAIN "--steps 1 --out r", 0);
    const filling constant[] = {{"decoder.conv_out.weight", 0}, {"decoder.conv_out.bias", 0.5}};
    rewrite(MODEL, "c.safetensors", constant, 2);
    shell_expect("$T eval --model c.safetensors --data x.npy --json", 0);
    double s = mean_of_columns() / 2, v = 0.25 - s * s; /* E x^2 - (E x)^2 */
    double striped = (ssim_of_constant(s, v) + ssim_of_constant(-s, v)) / 2;
    assert_float_equal(figure("l1"), 0.5, 1e-6);
    assert_float_equal(figure("psnr"), (10 * log10(4 / 0.25) + 10 * log10(4 / 0.5)) / 2, 1e-5);
    assert_float_equal(figure("ssim"), (ssim_of_constant(0, 0) + striped) / 2, 1e-5);
}

/* How many codes a file has of each kind gives usage and perplexity; a codebook of equal codes is used at its first. */
static void use_of_codes_is_that_of_the_codes_themselves(void **state)
{
    (void)state;
    int64_t codes[2 * 8 * 8], count[16] = {0}, used = 0;
    double entropy = 0;
    write_two_pictures();
    shell_expect(TRAIN "--steps 1 --out r && $T encode --model r x.npy --out c.npy", 0);
    tsr_mark mark = tsr_scope_open();
    assert_int_equal(tsr_to_host(tsr_load_one(temp_path("c.npy")), codes, 2 * 8 * 8, TSR_I64), TSR_OK);
    tsr_scope_close(mark);
    for (int i = 0; i < 2 * 8 * 8; i++) used += count[codes[i]]++ == 0;
    for (int i = 0; i < 16; i++)
        if (count[i] > 0) entropy -= count[i] / 128.0 * log(count[i] / 128.0);
    assert_true(used > 1);
    shell_expect("$T eval --model r --data x.npy --json", 0);
    assert_float_equal(figure("codes_used"), (double)used, 0);
    assert_float_equal(figure("code_usage"), (double)used / 16, 1e-9);
    assert_float_equal(figure("perplexity"), exp(entropy), 1e-6);
    rewrite(MODEL, "same.safetensors", &(filling){"quantize.embedding.weight", 0.1}, 1);
    shell_expect("$T eval --model same.safetensors --data x.npy --json", 0);
    assert_float_equal(figure("code_usage"), 1.0 / 16, 1e-9);
    assert_float_equal(figure("perplexity"), 1, 1e-9);
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

/* The keys are what the comparison with PyTorch reads. */
static void the_standard_jobs_are_timed(void **state)
{
    static const char *const keys[] = {"config",
                                       "threads",
                                       "encode_s",
                                       "decode_s",
                                       "train_step_s",
                                       "rss_start_mb",
                                       "rss_inference_mb",
                                       "rss_train_mb",
                                       "rss_peak_mb",
                                       "gpt_tokens_per_s_batch1",
                                       "gpt_tokens_per_s_batch8"};
    (void)state;
    shell_expect("$T bench --config tiny --repeat 1 --json", 0);
    const char *start = strstr(shell_said, "\"rss_start_mb\": ");
    assert_non_null(start);
    assert_true(strcspn(start + 16, ",}") <= 7); /* five digits, as the others */
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\": ", keys[i]);
        shell_expect_text(quoted);
    }
    shell_expect("$T bench --config large", 2);
    shell_expect_text("tiny|small");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_broken_model_has_no_figures),
        TEST(a_broken_prior_has_no_loss),
        TEST(non_finite_loss_names_step_and_operator),
        TEST(a_failed_run_keeps_the_last_good_checkpoint),
        TEST(weights_that_are_not_finite_are_not_saved),
        TEST(figures_of_a_constant_decoder_are_those_of_the_formulas),
        TEST(use_of_codes_is_that_of_the_codes_themselves),
        TEST(a_beta_of_zero_is_zero),
        TEST(the_standard_jobs_are_timed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
