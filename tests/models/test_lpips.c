/* test_lpips.c: the perceptual distance against PyTorch, where make_lpips_golden.py has made a file and TESSERA_LPIPS names
   it; and what is said of files without weights. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/small_models.h"
#include "support/tensors.h"
#include "tessera/autograd.h"

static const char *file(void)
{
    const char *path = getenv("TESSERA_LPIPS");
    if (!path) skip();
    return path;
}

static void expect_golden(tsr_dtype dtype, double tolerance)
{
    const char *path = file();
    tsr_module *m = tsr_lpips_load(path);
    tensors_require(m && tsr_module_to(m, dtype) == TSR_OK, path);
    tsr_archive *a = tsr_archive_open(path);
    tsr_tensor *x = tsr_to(tsr_archive_get_named(a, "x"), dtype), *y = tsr_to(tsr_archive_get_named(a, "y"), dtype);
    tsr_set_requires_grad(y, true);
    tsr_tensor *d = tsr_lpips_distance(m, x, y);
    tensors_expect_close("distance", d, tsr_archive_get_named(a, "distance"), tolerance);
    assert_int_equal(tsr_backward(tsr_sum(d)), TSR_OK);
    tensors_expect_close("gradient", tsr_grad(y), tsr_archive_get_named(a, "grad"), tolerance);
    assert_true(tensors_at(tsr_lpips_distance(m, x, x), 0) == 0);
    tsr_archive_close(a);
    tsr_module_free(m);
}

static void distance_and_gradient_are_pytorchs(void **state)
{
    (void)state;
    expect_golden(TSR_F32, 2e-6);
    expect_golden(TSR_F64, 1e-7); /* the constants and weights are of single precision */
}

/* The total's gradient goes through the perceptual term once, whether or not there is a discriminator. */
static void a_step_reports_the_perceptual_term(void **state)
{
    (void)state;
    tsr_module *lpips = tsr_lpips_load(file());
    tensors_require(lpips != NULL, "lpips");
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_tensor *x = small_pictures(1, 32, 32), *y = tsr_detach(tsr_forward(m, x));
    double want = tsr_item(tsr_mean(tsr_abs(tsr_sub(x, y)))) + 2 * tsr_item(tsr_lpips_distance(lpips, x, y));
    tsr_vqgan_train_options o = {.lr = 1e-3, .disc_weight = 0.8, .lpips = lpips, .perceptual_weight = 2};
    tsr_vqgan_trainer *t = tsr_vqgan_trainer_new(m, &o);
    tsr_vqgan_terms k;
    tensors_require(t && tsr_vqgan_trainer_step(t, x, &k) == TSR_OK, "step");
    assert_true(fabs(k.nll_loss - want) < 1e-5);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
    tsr_module_free(lpips);
}

static void a_file_without_weights_says_which_are_missing(void **state)
{
    (void)state;
    const char *path = TSR_SOURCE_DIR "/tests/nn/layers.npz";
    assert_null(tsr_lpips_load(path));
    tensors_expect_error(TSR_EFORMAT, "no '...slice1.0.weight' (or '...features.0.weight')");
    assert_null(tsr_lpips_load("/nowhere/at/all"));
    tensors_expect_error(TSR_EIO, "/nowhere/at/all");
    tsr_module *linear = tsr_nn_linear(1, 1, true);
    assert_null(tsr_lpips_distance(linear, small_pictures(1, 8, 8), small_pictures(1, 8, 8)));
    tensors_expect_error(TSR_EINVAL, "not an LPIPS module");
    tsr_module_free(linear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(distance_and_gradient_are_pytorchs),
        TENSOR_TEST(a_step_reports_the_perceptual_term),
        TENSOR_TEST(a_file_without_weights_says_which_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
