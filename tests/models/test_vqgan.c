/* test_vqgan.c: the autoencoder and its parts: sizes, keys, the quantizer's gradient and averages, the codebook's start,
   the discriminator. Values against PyTorch are in test_parity.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/small_models.h"
#include "support/tensors.h"
#include "tessera/autograd.h"

static void expect_shape(tsr_tensor *t, tsr_shape want)
{
    tensors_require(t != NULL, "shape");
    tsr_shape got = tsr_shape_of(t);
    assert_int_equal(got.n, want.n);
    for (int d = 0; d < want.n; d++) assert_int_equal(got.v[d], want.v[d]);
}

/* ---- sizes ---------------------------------------------------------------------------------------------------------- */

static void any_size_that_the_levels_divide_can_be_used(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_tensor *x = small_pictures(3, 6, 22);
    expect_shape(tsr_vqgan_features(m, x), TSR_SHAPE(3, 8, 3, 11));
    tsr_tensor *codes = tsr_vqgan_encode(m, x);
    expect_shape(codes, TSR_SHAPE(3, 3, 11));
    expect_shape(tsr_vqgan_decode_indices(m, codes), TSR_SHAPE(3, 3, 6, 22));
    expect_shape(tsr_forward(m, x), TSR_SHAPE(3, 3, 6, 22));
    assert_true(tsr_is_channels_last(tsr_vqgan_features(m, x)));
    tsr_module_free(m);
}

static void other_pictures_are_refused_in_a_sentence(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c), *linear = tsr_nn_linear(1, 1, true);
    assert_null(tsr_vqgan_encode(m, small_pictures(1, 7, 8)));
    tensors_expect_error(TSR_EINVAL, "7 x 8 pixels is not divisible by 2");
    assert_null(tsr_vqgan_encode(m, tsr_zeros(TSR_SHAPE(1, 4, 8, 8))));
    tensors_expect_error(TSR_EINVAL, "[N, 3, H, W]");
    assert_null(tsr_vqgan_encode(m, tsr_zeros(TSR_SHAPE(3, 8, 8))));
    tensors_expect_error(TSR_EINVAL, "[N, 3, H, W]");
    assert_null(tsr_vqgan_encode(m, tsr_zeros(TSR_SHAPE(1, 3, 0, 8))));
    tensors_expect_error(TSR_EINVAL, "0 x 8");
    assert_null(tsr_vqgan_encode(m, NULL));
    tsr_error_clear();
    assert_null(tsr_vqgan_encode(linear, small_pictures(1, 8, 8)));
    tensors_expect_error(TSR_EINVAL, "a VQGAN is needed, this is Linear");
    tsr_module_free(linear);
    tsr_module_free(m);
}

static void codes_outside_the_codebook_are_refused(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    int64_t codes[] = {3, 16, 0, -2};
    assert_null(tsr_vqgan_decode_indices(m, tsr_from_data(codes, TSR_SHAPE(1, 2, 2), TSR_I64)));
    tensors_expect_error(TSR_EINVAL, "codes from -2 to 16, the codebook has 0 to 15");
    assert_null(tsr_vqgan_decode_indices(m, tsr_zeros(TSR_SHAPE(1, 2, 2))));
    tensors_expect_error(TSR_EINVAL, "i64 tensor [N, h, w], this is f32");
    tsr_module_free(m);
}

/* 343 tensors and 76.07 M parameters, as the published model has. */
static void the_published_model_has_its_keys_and_size(void **state)
{
    (void)state;
    tsr_vqgan_config c;
    assert_int_equal(tsr_vqgan_preset("f16-imagenet", &c), TSR_OK);
    c.disc = false;
    tsr_module *m = small_vqgan(&c);
    tsr_named_list all = {0};
    assert_int_equal(tsr_module_state_dict(m, &all), TSR_OK);
    assert_int_equal(all.n, 343);
    assert_int_equal(llround((double)tsr_module_parameter_count(m) / 1e4), 7607);
    assert_string_equal(all.v[0].name, "encoder.conv_in.weight");
    assert_non_null(tsr_named_list_find(&all, "encoder.down.4.attn.1.proj_out.bias"));
    assert_non_null(tsr_named_list_find(&all, "encoder.down.3.downsample.conv.weight"));
    assert_non_null(tsr_named_list_find(&all, "encoder.down.2.block.0.nin_shortcut.weight"));
    assert_null(tsr_named_list_find(&all, "encoder.down.1.block.0.nin_shortcut.weight"));
    assert_non_null(tsr_named_list_find(&all, "decoder.up.3.block.0.nin_shortcut.bias"));
    assert_non_null(tsr_named_list_find(&all, "decoder.up.1.upsample.conv.weight"));
    assert_non_null(tsr_named_list_find(&all, "decoder.up.4.attn.2.norm.weight"));
    assert_non_null(tsr_named_list_find(&all, "quantize.embedding.weight"));
    assert_non_null(tsr_named_list_find(&all, "post_quant_conv.bias"));
    tsr_named_list_free(&all);
    tsr_module_free(m);
}

/* ---- quantizer --------------------------------------------------------------------------------------------------------- */

static tsr_module *quantizing(bool ema, bool legacy)
{
    tsr_vqgan_config c = small_vqgan_config();
    c.ema_codebook = ema;
    c.legacy = legacy;
    c.n_embed = 2;
    c.embed_dim = 2;
    c.disc = false;
    tsr_module *m = small_vqgan(&c);
    float codes[] = {0, 0, 1, 1}; /* (0, 0) and (1, 1) */
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *t = tsr_from_data(codes, TSR_SHAPE(2, 2), TSR_F32);
    assert_non_null(tsr_copy_(tsr_module_tensor(m, "quantize.embedding.weight"), t));
    if (ema) assert_non_null(tsr_copy_(tsr_module_tensor(m, "quantize.embed_avg"), t));
    tsr_set_grad_enabled(was);
    return m;
}

/* Three positions in a row: (0.25, 0), (1.5, 1), (0, -0.25), so codes 0, 1, 0. */
static tsr_tensor *three_features(void)
{
    float z[] = {0.25f, 1.5f, 0, 0, 1, -0.25f};
    tsr_tensor *t = tsr_from_data(z, TSR_SHAPE(1, 2, 1, 3), TSR_F32);
    tsr_set_requires_grad(t, true);
    return t;
}

static void codes_are_the_nearest_and_the_gradient_goes_straight_through(void **state)
{
    (void)state;
    tsr_module *m = quantizing(false, true);
    tsr_tensor *z = three_features();
    tsr_quantized q = tsr_vqgan_quantize(m, z);
    expect_shape(q.indices, TSR_SHAPE(1, 1, 3));
    assert_true(tensors_at(q.indices, 0) == 0 && tensors_at(q.indices, 1) == 1 && tensors_at(q.indices, 2) == 0);
    float e[] = {0, 1, 0, 0, 1, 0};
    tensors_expect_close("quantized", tsr_detach(q.quantized), tsr_from_data(e, TSR_SHAPE(1, 2, 1, 3), TSR_F32), 1e-6);
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(q.quantized, tsr_scalar(3)))), TSR_OK);
    tensors_expect_same("gradient", tsr_grad(z), tsr_full(TSR_SHAPE(1, 2, 1, 3), TSR_FLOAT(3)));
    assert_null(tsr_grad(tsr_module_tensor(m, "quantize.embedding.weight")));
    tsr_module_free(m);
}

/* |z - e|^2 is 1/16 + 1/4 + 1/16 over 6 elements: 0.0625 each way; the legacy form weighs the codebook's way by 1/4. */
static void the_two_forms_of_the_loss_weigh_different_ways(void **state)
{
    (void)state;
    tsr_module *legacy = quantizing(false, true), *paper = quantizing(false, false);
    tsr_tensor *a = three_features(), *b = three_features();
    tsr_tensor *x = tsr_vqgan_quantize(legacy, a).loss, *y = tsr_vqgan_quantize(paper, b).loss;
    assert_true(fabs(tsr_item(x) - 0.078125) < 1e-7);
    assert_true(fabs(tsr_item(y) - 0.078125) < 1e-7);
    assert_int_equal(tsr_backward(x), TSR_OK);
    assert_int_equal(tsr_backward(y), TSR_OK);
    assert_true(fabs(tensors_at(tsr_grad(a), 0) - 2 * 0.25 / 6) < 1e-7); /* d/dz of the commitment, weight 1 */
    assert_true(fabs(tensors_at(tsr_grad(b), 0) - 2 * 0.25 / 6 / 4) < 1e-7);
    tsr_tensor *ca = tsr_grad(tsr_module_tensor(legacy, "quantize.embedding.weight"));
    assert_true(fabs(tensors_at(ca, 0) + 2 * 0.25 / 6 / 4) < 1e-7);
    tsr_module_free(legacy);
    tsr_module_free(paper);
}

/* N: 1 -> 0.99 + 0.01 n; m likewise; smoothed by 1e-5. Code 1 was used once, by (1.5, 1). */
static void moving_averages_follow_their_formula(void **state)
{
    (void)state;
    tsr_module *m = quantizing(true, true);
    tsr_tensor *weight = tsr_module_tensor(m, "quantize.embedding.weight"), *z = three_features();
    assert_false(tsr_requires_grad(weight));
    tsr_quantized q = tsr_vqgan_quantize(m, z);
    assert_true(fabs(tsr_item(q.loss) - 0.25 * 0.0625) < 1e-7); /* the commitment alone */
    double n0 = 0.99 + 0.02, n1 = 0.99 + 0.01, total = n0 + n1, eps = 1e-5;
    double smooth0 = (n0 + eps) / (total + 2 * eps) * total, smooth1 = (n1 + eps) / (total + 2 * eps) * total;
    assert_true(fabs(tensors_at(tsr_module_tensor(m, "quantize.cluster_size"), 0) - n0) < 1e-6);
    assert_true(fabs(tensors_at(tsr_module_tensor(m, "quantize.embed_avg"), 2) - (0.99 + 0.015)) < 1e-6);
    assert_true(fabs(tensors_at(weight, 0) - 0.01 * 0.25 / smooth0) < 1e-6);
    assert_true(fabs(tensors_at(weight, 2) - (0.99 + 0.015) / smooth1) < 1e-6);
    tsr_module_train(m, false);
    tsr_tensor *before = tsr_clone(weight);
    assert_non_null(tsr_vqgan_quantize(m, z).loss);
    tensors_expect_same("weight", weight, before); /* not in evaluation */
    tsr_module_free(m);
}

static void features_that_are_not_finite_do_not_reach_the_averages(void **state)
{
    (void)state;
    tsr_module *m = quantizing(true, true);
    tsr_tensor *before = tsr_clone(tsr_module_tensor(m, "quantize.embedding.weight"));
    tsr_tensor *z = tsr_full(TSR_SHAPE(1, 2, 2, 2), TSR_FLOAT(NAN));
    tsr_vqgan_quantize(m, z);
    tsr_error_clear();
    tensors_expect_same("codes", tsr_module_tensor(m, "quantize.embedding.weight"), before);
    tsr_module_free(m);
}

/* ---- k-means -------------------------------------------------------------------------------------------------------------- */

static double distortion(tsr_module *m, tsr_tensor *z)
{
    bool was = tsr_set_grad_enabled(false);
    double d = tsr_item(tsr_mse_loss(tsr_vqgan_quantize(m, z).quantized, z));
    tsr_set_grad_enabled(was);
    return d;
}

static void k_means_lowers_the_distortion_with_each_iteration(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_tensor *z = tsr_randn(TSR_SHAPE(4, 8, 10, 10));
    double fresh = distortion(m, z), last = 1e9;
    for (int iterations = 0; iterations <= 8; iterations += 4) {
        tsr_manual_seed(3); /* the same start */
        assert_int_equal(tsr_vqgan_init_codebook(m, z, iterations, NULL), TSR_OK);
        double d = distortion(m, z);
        assert_true(d < last);
        last = d;
    }
    assert_true(last < 0.8 * fresh);
    assert_true(tsr_requires_grad(tsr_module_tensor(m, "quantize.embedding.weight")));
    tsr_module_free(m);
}

static void k_means_with_fewer_features_than_codes_repeats_some(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    c.ema_codebook = true;
    tsr_module *m = small_vqgan(&c);
    tsr_tensor *z = tsr_randn(TSR_SHAPE(1, 8, 1, 5));
    tensors_require(tsr_vqgan_init_codebook(m, z, 3, NULL) == TSR_OK, "k-means");
    tsr_tensor *codes = tsr_module_tensor(m, "quantize.embedding.weight");
    assert_true(isfinite(tsr_item(tsr_sum(codes))));
    tensors_expect_same("averages", tsr_module_tensor(m, "quantize.embed_avg"), codes);
    assert_true(tensors_at(tsr_module_tensor(m, "quantize.cluster_size"), 15) == 1);
    tsr_module_free(m);
}

/* ---- discriminator ---------------------------------------------------------------------------------------------------------- */

static void discriminators_have_their_published_sizes(void **state)
{
    (void)state;
    tsr_module *two = tsr_discriminator_new(3, 64, 2), *three = tsr_discriminator_new(3, 64, 3);
    tensors_require(two && three, "discriminator");
    assert_int_equal(tsr_module_parameter_count(two), 663361);
    assert_int_equal(tsr_module_parameter_count(three), 2765633);
    expect_shape(tsr_forward(two, small_pictures(1, 64, 48)), TSR_SHAPE(1, 1, 14, 10));
    assert_non_null(tsr_module_tensor(two, "main.3.running_var"));
    assert_null(tsr_module_tensor(two, "main.2.bias"));
    assert_non_null(tsr_module_tensor(two, "main.8.bias"));
    tsr_module_free(two);
    tsr_module_free(three);
    assert_null(tsr_discriminator_new(3, 64, 0));
    tensors_expect_error(TSR_EINVAL, "0 layers (1 to 8)");
    assert_null(tsr_discriminator_new(0, 64, 1));
    tensors_expect_error(TSR_EINVAL, "0 channels in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(any_size_that_the_levels_divide_can_be_used),
        TENSOR_TEST(other_pictures_are_refused_in_a_sentence),
        TENSOR_TEST(codes_outside_the_codebook_are_refused),
        TENSOR_TEST(the_published_model_has_its_keys_and_size),
        TENSOR_TEST(codes_are_the_nearest_and_the_gradient_goes_straight_through),
        TENSOR_TEST(the_two_forms_of_the_loss_weigh_different_ways),
        TENSOR_TEST(moving_averages_follow_their_formula),
        TENSOR_TEST(features_that_are_not_finite_do_not_reach_the_averages),
        TENSOR_TEST(k_means_lowers_the_distortion_with_each_iteration),
        TENSOR_TEST(k_means_with_fewer_features_than_codes_repeats_some),
        TENSOR_TEST(discriminators_have_their_published_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
