/* test_config.c: configurations of the models: JSON in and out, presets, what cannot be built. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/small_models.h"
#include "support/tensors.h"

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

static void a_vqgan_configuration_survives_the_round_trip(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config(), back;
    c.beta = 0.1; /* not a binary fraction: all digits are needed */
    c.dropout = 1.0 / 3;
    c.ema_codebook = true;
    memset(&back, 0, sizeof back);
    tsr_bytes text;
    assert_int_equal(tsr_vqgan_config_write(&c, &text), TSR_OK);
    tensors_require(tsr_vqgan_config_read(text.data, &back) == TSR_OK, text.data);
    assert_int_equal(back.ch_mult.n, 2);
    assert_int_equal(back.n_embed, 16);
    assert_true(back.beta == c.beta && back.dropout == c.dropout);
    assert_true(back.legacy && back.ema_codebook && back.disc);
    assert_int_equal(back.disc_ndf, 8);
    tsr_bytes again;
    assert_int_equal(tsr_vqgan_config_write(&back, &again), TSR_OK);
    assert_string_equal(text.data, again.data);
    tsr_bytes_free(&text);
    tsr_bytes_free(&again);
}

static void a_prior_configuration_survives_the_round_trip(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config(), back = {0};
    c.attn_pdrop = 0.1;
    tsr_bytes text;
    assert_int_equal(tsr_gpt_config_write(&c, &text), TSR_OK);
    assert_int_equal(tsr_gpt_config_read(text.data, &back), TSR_OK);
    assert_memory_equal(&back, &c, sizeof c);
    tsr_bytes_free(&text);
}

static void only_named_fields_are_replaced(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    assert_int_equal(tsr_vqgan_config_read("{\"n_embed\": 99, \"ch_mult\": [1, 2, 4], \"disc\": null}", &c), TSR_OK);
    assert_int_equal(c.n_embed, 99);
    assert_int_equal(c.ch_mult.n, 3);
    assert_int_equal(c.ch_mult.v[2], 4);
    assert_false(c.disc);
    assert_int_equal(c.ch, 32);
}

static void expect_refused(const char *json, const char *word)
{
    tsr_vqgan_config c = small_vqgan_config(), before = c;
    assert_int_equal(tsr_vqgan_config_read(json, &c), TSR_EFORMAT);
    tensors_expect_error(TSR_EFORMAT, word);
    assert_memory_equal(&c, &before, sizeof c); /* not half read */
}

static void what_is_not_understood_changes_nothing(void **state)
{
    (void)state;
    expect_refused("{\"n_embed\": 5, \"n_embeds\": 6}", "unknown key 'n_embeds'");
    expect_refused("{\"disc\": {\"ndf\": 4, \"layers\": 2}}", "unknown key 'disc.layers'");
    expect_refused("{\"ndf\": 4}", "unknown key 'ndf'");
    expect_refused("{\"ch\": 5, \"n_embed\": \"many\"}", "'n_embed' has a value of the wrong type");
    expect_refused("{\"n_embed\": 1.5}", "'n_embed'");
    expect_refused("{\"legacy\": 1}", "'legacy'");
    expect_refused("{\"ch_mult\": 2}", "'ch_mult'");
    expect_refused("{\"ch_mult\": [1, \"a\"]}", "'ch_mult'");
    expect_refused("{\"ch_mult\": [1,1,1,1,1,1,1,1,1]}", "'ch_mult'");
    expect_refused("{\"beta\": \"x\"}", "'beta'");
    expect_refused("{\"disc\": true}", "'disc'");
    expect_refused("{\"ch\": 1, \"ch\": 2}", "line 1");
    expect_refused("[1]", "not a JSON object");
    expect_refused("{\n\"ch\": ", "line 2");
    expect_refused("", "line 1");
}

/* ---- presets ------------------------------------------------------------------------------------------------------- */

static void presets_can_be_built(void **state)
{
    (void)state;
    for (const char *const *name = tsr_vqgan_presets(); *name; name++) {
        tsr_vqgan_config c;
        assert_int_equal(tsr_vqgan_preset(*name, &c), TSR_OK);
        tensors_require(tsr_vqgan_config_check(&c) == TSR_OK, *name);
    }
    for (const char *const *name = tsr_gpt_presets(); *name; name++) {
        tsr_gpt_config c;
        assert_int_equal(tsr_gpt_preset(*name, &c), TSR_OK);
        tensors_require(tsr_gpt_config_check(&c) == TSR_OK, *name);
    }
}

static void an_unknown_preset_lists_the_known_ones(void **state)
{
    (void)state;
    tsr_vqgan_config c;
    tsr_gpt_config g;
    assert_int_equal(tsr_vqgan_preset("huge", &c), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "'huge'; presets: tiny, small, f16-imagenet");
    assert_int_equal(tsr_vqgan_preset(NULL, &c), TSR_EINVAL);
    tsr_error_clear();
    assert_int_equal(tsr_gpt_preset("huge", &g), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "tiny, small, f16-imagenet");
}

/* ---- what cannot be built ----------------------------------------------------------------------------------------------- */

static void refuse_vqgan(tsr_vqgan_config c, const char *word)
{
    assert_null(tsr_vqgan_new(&c));
    tensors_expect_error(TSR_EINVAL, word);
}

#define REFUSE_VQGAN(word, ...)                                                                                        \
    do {                                                                                                               \
        tsr_vqgan_config c = small_vqgan_config();                                                                     \
        __VA_ARGS__;                                                                                                   \
        refuse_vqgan(c, word);                                                                                         \
    } while (0)

static void impossible_vqgans_are_refused_in_a_sentence(void **state)
{
    (void)state;
    REFUSE_VQGAN("ch is 48, it must be a multiple of 32", c.ch = 48);
    REFUSE_VQGAN("ch is", c.ch = INT64_MAX / 32 * 32);
    REFUSE_VQGAN("ch_mult is 0", c.ch_mult.n = 0);
    REFUSE_VQGAN("an entry of ch_mult is -1", c.ch_mult.v[1] = -1);
    REFUSE_VQGAN("resolution 15 is not divisible by 2", c.resolution = 15);
    REFUSE_VQGAN("num_res_blocks is 0", c.num_res_blocks = 0);
    REFUSE_VQGAN("num_res_blocks is 1000000000000, it must be 1 to 1024", c.num_res_blocks = 1000000000000);
    REFUSE_VQGAN("z_channels", c.z_channels = 0);
    REFUSE_VQGAN("embed_dim", c.embed_dim = INT64_MAX);
    REFUSE_VQGAN("n_embed", c.n_embed = 0);
    REFUSE_VQGAN("in_channels", c.in_channels = -1);
    REFUSE_VQGAN("disc.n_layers", c.disc_n_layers = 9);
    REFUSE_VQGAN("disc.ndf", c.disc_ndf = INT64_MAX);
    REFUSE_VQGAN("dropout 1", c.dropout = 1);
    REFUSE_VQGAN("beta is -1", c.beta = -1);
}

#define REFUSE_GPT(word, ...)                                                                                          \
    do {                                                                                                               \
        tsr_gpt_config c = small_gpt_config();                                                                         \
        __VA_ARGS__;                                                                                                   \
        assert_null(tsr_gpt_new(&c));                                                                                  \
        tensors_expect_error(TSR_EINVAL, word);                                                                        \
    } while (0)

static void impossible_priors_are_refused_in_a_sentence(void **state)
{
    (void)state;
    REFUSE_GPT("vocab_size", c.vocab_size = 0);
    REFUSE_GPT("block_size", c.block_size = -4);
    REFUSE_GPT("n_layer is 0", c.n_layer = 0);
    REFUSE_GPT("n_layer is 1000000000000, it must be 1 to 4096", c.n_layer = 1000000000000);
    REFUSE_GPT("n_embd is 15, it must be a multiple of n_head", c.n_embd = 15);
    REFUSE_GPT("n_embd", c.n_embd = INT64_MAX / 2 * 2);
    REFUSE_GPT("n_unmasked", c.n_unmasked = 10);
    REFUSE_GPT("n_codes", c.n_codes = 16);
    REFUSE_GPT("classes", c.classes = 4);
    REFUSE_GPT("classes", c.classes = INT64_MAX);
    REFUSE_GPT("attn_pdrop 1", c.attn_pdrop = 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(a_vqgan_configuration_survives_the_round_trip),
        TENSOR_TEST(a_prior_configuration_survives_the_round_trip),
        TENSOR_TEST(only_named_fields_are_replaced),
        TENSOR_TEST(what_is_not_understood_changes_nothing),
        TENSOR_TEST(presets_can_be_built),
        TENSOR_TEST(an_unknown_preset_lists_the_known_ones),
        TENSOR_TEST(impossible_vqgans_are_refused_in_a_sentence),
        TENSOR_TEST(impossible_priors_are_refused_in_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
