/* test_refusals.c: what would be misread, and is refused: configurations, files, pictures, weights, arguments of calls. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/tiny_run.h"
#include "support/shell.h"
#include "support/temp_folder.h"
#include "tessera/io.h"
#include "tessera/ops.h"

/* A command that is refused with this status and says this. */
static void refused(const char *command, int status, const char *says)
{
    shell_expect(command, status);
    shell_expect_text(says);
}

/* ---- configurations ---------------------------------------------------------------------------------------------------- */

static void configured(const char *json, const char *says)
{
    temp_write("c.json", json, (int64_t)strlen(json));
    refused(TRAIN "--steps 1 --config c.json --out q", 2, says);
    shell_expect_text("c.json");
    assert_false(temp_exists("q"));
}

static void a_key_of_no_section_is_refused(void **state)
{
    (void)state;
    configured("{\"lr\":1e-4}", "unknown key \"lr\"; it belongs in the section \"train\"");
    configured("{\"ch\":64}", "unknown key \"ch\"; it belongs in the section \"model\"");
    configured("{\"foo\":{}}", "unknown key \"foo\"");
    configured("{\"train\":{\"ch\":64}}", "it belongs in the section \"model\"");
}

static void a_section_of_the_wrong_type_is_refused(void **state)
{
    (void)state;
    configured("{\"train\":[]}", "section \"train\" is not a JSON object");
    configured("{\"model\":3}", "section \"model\" is not a JSON object");
    configured("{\"train\":{\"lr\":\"fast\"}}", "--lr takes a number");
    configured("{\"model\":{\"chh\":3}}", "'chh'");
    configured("{\"kind\":\"prior\"}", "holds a prior run");
    configured("{\"kind\":\"gan\"}", "\"kind\" is neither \"vqgan\" nor \"prior\"");
    configured("{\"kind\":3}", "\"kind\" is neither");
}

static void a_syntax_error_names_its_line(void **state)
{
    (void)state;
    const char *json = "{\n  \"train\": {\n    \"lr\": 1e-4,\n  }\n}\n";
    temp_write("c.json", json, (int64_t)strlen(json));
    refused(TRAIN "--config c.json --out q", 1, "--config c.json, line 4: ");
    refused(TRAIN "--config none.json --out q", 1, "--config none.json: unable to open");
}

static void a_folder_is_no_configuration(void **state)
{
    (void)state;
    refused("mkdir photos; " TRAIN "--config photos --out q", 2, "photos is a folder");
}

static void a_wrong_field_names_its_option(void **state)
{
    (void)state;
    refused(TRAIN "--beta x --out q", 2, "--beta: ");
    refused(TRAIN "--set disc.ndf=x --out q", 2, "--disc-ndf: ");
    refused(TRAIN "--perceptual lpips: --out q", 2, "lpips:FILE");
    assert_false(temp_exists("q"));
}

static void kernels_that_cannot_be_had_are_refused(void **state)
{
    (void)state;
    refused("TSR_ISA=sse9 $T ops add", 2, "TSR_ISA: ");
    shell_expect_text("\"sse9\"");
}

/* ---- pictures ---------------------------------------------------------------------------------------------------------- */

static void write_pictures(const char *name, double value)
{
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *pictures = tsr_zeros(TSR_SHAPE(3, 3, 16, 16));
    assert_non_null(tsr_fill_(tsr_select(pictures, 0, 2), tsr_scalar(value)));
    assert_int_equal(tsr_save_one(temp_path(name), pictures), TSR_OK);
    tsr_scope_close(mark);
}

static void pictures_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    write_pictures("nan.npy", NAN);
    write_pictures("inf.npy", INFINITY);
    shell_expect(TRAIN "--steps 1 --out r", 0);
    refused("$T encode --model r nan.npy --out c.npy", 1, "nan.npy: picture 2");
    refused("$T encode --model r inf.npy --batch 1 --out c.npy", 1, "inf.npy: picture 2");
    refused("$T train prior --model r --data nan.npy --steps 1 --no-progress --out p", 1, "nan.npy: picture 2");
    assert_false(temp_exists("c.npy"));
}

static void only_files_are_read(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r && mkfifo x.png && mkdir d && cp r/samples/*.png d && mkfifo d/x.png", 0);
    refused("timeout 20 $T encode --model r x.png --out c.npy", 1, "neither a file nor a folder");
    refused("timeout 20 $T encode --model x.png d --out c.npy", 1, "not a regular file");
    shell_expect("timeout 20 $T encode --model r d --size 16 --out c.npy", 0);
    shell_expect_text("1 picture could not be read");
}

static void channels_choose_those_of_a_new_model(void **state)
{
    (void)state;
    shell_expect(TRAIN "--channels 1 --steps 1 --out grey && $T inspect grey", 0);
    shell_expect_text("\"in_channels\":1");
    refused(TRAIN "--channels 3 --init grey --steps 1 --out q", 2, "in_channels 1");
    shell_expect(TRAIN "--attn-resolutions none --steps 1 --out r && $T inspect r", 0);
    shell_expect_text("\"attn_resolutions\":[]");
}

/* ---- models ------------------------------------------------------------------------------------------------------------ */

static void weights_that_are_not_numbers_of_a_model_are_refused(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r && sed 's/\"decoder.conv_out.bias\":{\"dtype\":\"F32\"/"
                       "\"decoder.conv_out.bias\":{\"dtype\":\"I32\"/' r/checkpoints/last.safetensors > i.safetensors",
                 0);
    refused("$T encode --model i.safetensors scenes:count=2 --size 16 --out c.npy", 1,
            "i.safetensors: decoder.conv_out.bias is i32");
}

static void a_file_cut_off_is_said_to_be(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r; head -c -500 r/checkpoints/last.safetensors > cut.safetensors", 0);
    refused("$T inspect cut.safetensors", 1, "the file is cut off");
}

/* A codebook of another size, and what depends on ch: more than is shown. */
static void all_that_differs_is_counted(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --disc-weight 0 --out r", 0);
    refused(TRAIN "--steps 1 --disc-weight 0 --init r --set n_embed=32 --out q", 1,
            "r/checkpoints/last.safetensors does not fit the model, 1 tensor differs");
    refused(TRAIN "--steps 1 --init r --set ch=64 --out q", 1, "more whose sizes differ");
}

static void a_prior_of_another_vqgan_does_not_sample(void **state)
{
    (void)state;
    shell_expect(
        TRAIN "--steps 1 --out r && " TRAIN "--steps 1 --set n_embed=8 --out s && " TRAIN_PRIOR "--steps 1 --out p", 0);
    refused("$T sample --prior p --model s --out new.png", 1, "samples 16 codes, the VQGAN of s has 8");
    refused("$T train prior --out r --resume", 2, "r holds a vqgan run");
    assert_false(temp_exists("new.png"));
}

/* ---- results ----------------------------------------------------------------------------------------------------------- */

static void a_full_standard_output_is_noticed(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
    const char *commands[] = {"eval --model r --data scenes:count=20 --size 16 --json",
                              "inspect r",
                              "ops",
                              "call randn --args '[[3]]'",
                              "help",
                              "version"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char line[200];
        snprintf(line, sizeof line, "$T %s > /dev/full", commands[i]);
        refused(line, 1, "standard output");
    }
}

static void files_that_are_not_written_are_no_folders(void **state)
{
    (void)state;
    refused("$T reconstruct --model r scenes:count=2 --out x.npz", 2, ".npz files are not written");
    refused("$T sample --prior p --out x.gif", 2, ".gif files are not written");
}

static void words_that_a_call_does_not_know_are_refused(void **state)
{
    (void)state;
    refused("$T call randn --args '[{\"float\": \"zz\"}]'", 1, "is no number");
    refused("$T call relu --args '[{\"tensor\": \"x\", \"reqires_grad\": true}]'", 1, "\"reqires_grad\"");
    refused("$T call randn --args '{\"args\": [[3]], \"kwarg\": {}}'", 1, "\"kwarg\"");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_folder_make, temp_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_of_no_section_is_refused),
        TEST(a_section_of_the_wrong_type_is_refused),
        TEST(a_syntax_error_names_its_line),
        TEST(a_folder_is_no_configuration),
        TEST(a_wrong_field_names_its_option),
        TEST(kernels_that_cannot_be_had_are_refused),
        TEST(pictures_that_are_not_finite_are_refused),
        TEST(only_files_are_read),
        TEST(channels_choose_those_of_a_new_model),
        TEST(weights_that_are_not_numbers_of_a_model_are_refused),
        TEST(a_file_cut_off_is_said_to_be),
        TEST(all_that_differs_is_counted),
        TEST(a_prior_of_another_vqgan_does_not_sample),
        TEST(a_full_standard_output_is_noticed),
        TEST(files_that_are_not_written_are_no_folders),
        TEST(words_that_a_call_does_not_know_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
