/* test_call_command.c: `tessera ops` and `tessera call`, and the replay of recorded cases on cases written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/shell.h"
#include "support/temp_folder.h"
#include "tessera/io.h"

/* ---- cases ----------------------------------------------------------------------------------------------------------- */

/* x = [1, 2, 3], 2x, x^2, and ones, all f64. */
static int write_tensors(void **state)
{
    const double x[] = {1, 2, 3}, twice[] = {2, 4, 6}, square[] = {1, 4, 9}, ones[] = {1, 1, 1};
    if (temp_folder_make(state)) return 1;
    tsr_mark mark = tsr_scope_open();
    const tsr_named tensors[] = {{"x", tsr_from_data(x, TSR_SHAPE(3), TSR_F64)},
                                 {"twice", tsr_from_data(twice, TSR_SHAPE(3), TSR_F64)},
                                 {"square", tsr_from_data(square, TSR_SHAPE(3), TSR_F64)},
                                 {"ones", tsr_from_data(ones, TSR_SHAPE(3), TSR_F64)}};
    tsr_status status = tsr_save_safetensors(temp_path("tensors.safetensors"), tensors, 4, NULL, 0);
    tsr_scope_close(mark);
    return status != TSR_OK;
}

static void replay(const char *cases, int status, const char *says)
{
    temp_write("cases.jsonl", cases, (int64_t)strlen(cases));
    shell_expect("$T call --check . --json", status);
    shell_expect_text(says);
}

#define SQUARE                                                                                                         \
    "{\"id\":\"square.0\",\"op\":\"square\",\"args\":[{\"tensor\":\"x\",\"requires_grad\":true}],\"kwargs\":{},"

static void a_case_that_agrees_passes(void **state)
{
    (void)state;
    replay(SQUARE "\"out\":[\"square\"],\"grad_out\":[\"ones\"],\"grad_in\":{\"x\":\"twice\"}}\n", 0,
           "\"passed\":1,\"failed\":0,\"unsupported\":0");
}

static void a_wrong_value_fails_with_its_element(void **state)
{
    (void)state;
    replay(SQUARE "\"out\":[\"twice\"]}\n", 1, "square.0: output 0: element 0 is 1, expected 2");
}

static void a_wrong_gradient_fails(void **state)
{
    (void)state;
    replay(SQUARE "\"out\":[\"square\"],\"grad_out\":[\"ones\"],\"grad_in\":{\"x\":\"ones\"}}\n", 1,
           "square.0: gradient of x: element 0 is 2, expected 1");
}

static void an_operator_that_is_not_there_is_unsupported(void **state)
{
    (void)state;
    replay("{\"id\":\"a.0\",\"op\":\"no_such_operator\",\"args\":[],\"kwargs\":{},\"out\":[\"x\"]}\n", 0,
           "\"passed\":0,\"failed\":0,\"unsupported\":1");
}

static void an_expected_error_must_come(void **state)
{
    (void)state;
    replay("{\"id\":\"a.0\",\"op\":\"reshape\",\"args\":[{\"tensor\":\"x\"},[2,2]],\"kwargs\":{},\"error\":true}\n", 0,
           "\"passed\":1,\"failed\":0");
    replay("{\"id\":\"a.0\",\"op\":\"reshape\",\"args\":[{\"tensor\":\"x\"},[3,1]],\"kwargs\":{},\"error\":true}\n", 1,
           "no error, where one is expected");
}

static void strides_and_numbers_that_json_lacks_are_read(void **state)
{
    (void)state;
    replay("{\"id\":\"a.0\",\"op\":\"mul\",\"args\":[{\"tensor\":\"x\",\"stride\":[2]},2],\"kwargs\":{},\"out\":["
           "\"twice\"]}\n"
           "{\"id\":\"a.1\",\"op\":\"clamp\",\"args\":[{\"tensor\":\"x\"}],\"kwargs\":{\"max\":{\"float\":\"inf\"}},"
           "\"out\":[\"x\"]}\n"
           "{\"id\":\"a.2\",\"op\":\"ones\",\"args\":[[3]],\"kwargs\":{\"dtype\":{\"dtype\":\"F64\"}},\"out\":["
           "\"ones\"]}\n",
           0, "\"passed\":3,\"failed\":0");
}

static void strides_that_lead_outside_are_refused(void **state)
{
    (void)state;
    const char *strides[] = {"[100000,-300]", "[4611686018427387904,1]", "[9223372036854775807,9223372036854775807]",
                             "[1.5,1]", "[1]"};
    char line[256];
    shell_expect("$T call randn --args '[[3,4]]' --out m.safetensors", 0);
    for (int i = 0; i < 5; i++) {
        snprintf(line, sizeof line, "$T call neg --in m.safetensors --args '[{\"tensor\":\"out.0\",\"stride\":%s}]'",
                 strides[i]);
        shell_expect(line, 1);
        shell_expect_text("stride");
    }
    shell_expect("$T call neg --in m.safetensors --args '[{\"tensor\":\"out.0\",\"stride\":[1,0]}]'", 0);
}

static void long_shapes_are_written_in_full(void **state)
{
    (void)state;
    replay("{\"id\":\"a.0\",\"op\":\"zeros\",\"args\":[[0,123456789012,123456789012,123456789012,123456789012,"
           "123456789012,123456789012,123456789012]],\"kwargs\":{},\"out\":[\"x\"]}\n",
           1, "123456789012], expected f64 [3]");
}

static void a_folder_that_is_not_one_of_cases_is_an_error(void **state)
{
    (void)state;
    shell_expect("$T call --check nowhere", 1);
    shell_expect_text("nowhere/cases.jsonl");
    replay("{\"op\"\n", 1, "line 1");
}

/* ---- one call ------------------------------------------------------------------------------------------------------------ */

static void a_call_writes_results_and_gradients(void **state)
{
    (void)state;
    shell_expect(
        "$T call square --in tensors.safetensors --args '[{\"tensor\": \"x\", \"requires_grad\": true}]' --grad "
        "--out r.safetensors && $T call sub --in r.safetensors --args '[{\"tensor\": \"grad.0\"}, {\"tensor\": "
        "\"out.0\"}]'",
        0);
    shell_expect_text("tensor([ 1.,  0., -3.]"); /* 2x - x^2 */
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    (void)state;
    shell_expect("$T call randn --args '[[100]]' --seed 7 --out a.safetensors; "
                 "$T call randn --args '[[100]]' --seed 7 --out b.safetensors; "
                 "$T call randn --args '[[100]]' --seed 8 --out c.safetensors; "
                 "cmp a.safetensors b.safetensors && ! cmp -s a.safetensors c.safetensors",
                 0);
}

static void wrong_use_and_failed_calls_are_told_apart(void **state)
{
    (void)state;
    shell_expect("$T call", 2);
    shell_expect("$T call relu --args '[1'", 2);
    shell_expect_text("not JSON");
    shell_expect("$T call relu6x --args '[]'", 1);
    shell_expect_text("did you mean");
    shell_expect("$T call relu --args '[{\"tensor\": \"x\"}]'", 1);
    shell_expect_text("no file of tensors");
    shell_expect("$T call relu --in tensors.safetensors --args '[{\"tensor\": \"x\"}, 3]'", 1);
    shell_expect_text("takes 1 argument");
}

/* ---- ops -------------------------------------------------------------------------------------------------------------------- */

/* What a binding must know of C: where 0 is a default, and where the results are. */
static void json_says_how_c_is_called(void **state)
{
    (void)state;
    shell_expect("$T ops softplus --json", 0);
    shell_expect_text("\"c_zero\": \"TSR_ZERO\""); /* threshold 20 */
    shell_expect_text("\"results\": \"value\"");
    shell_expect("$T ops flatten --json", 0);
    shell_expect_text("\"c_zero\": \"TSR_ZERO_INT\""); /* end_dim -1 */
    shell_expect("$T ops im2col --json", 0);
    shell_expect_text("\"c_zero\": null"); /* stride 1 */
    shell_expect("! $T ops sum --json | grep c_zero", 0);
    shell_expect("$T ops where.condition --json", 0);
    shell_expect_text("\"results\": \"out, room first\"");
    shell_expect("$T ops chunk --json", 0);
    shell_expect_text("\"results\": \"out, room last\"");
}

static void ops_lists_and_describes(void **state)
{
    (void)state;
    shell_expect("$T ops | grep -c 'Tensor'", 0);
    shell_expect("$T ops nn.functional.conv2d", 0);
    shell_expect_text("conv2d(Tensor input, Tensor weight");
    shell_expect_text("tsr_conv2d");
    shell_expect("$T ops grid_sample", 0);
    shell_expect_text("mode: \"bilinear\", \"nearest\", \"bicubic\"\n");
    shell_expect("$T ops gelu --json", 0);
    shell_expect_text("\"values\": [\"none\", \"tanh\"]");
    shell_expect("$T ops max.dim --json", 0);
    shell_expect_text("\"signature\": \"max.dim(");
    shell_expect_text("\"keyword_only\": false");
    shell_expect_text("\"results\": \"struct\"");
    shell_expect_text("\"f64\": {\"value\": 2, \"bytes\": 8}");
    shell_expect("$T ops nn.Linear", 0);
    shell_expect_text("tsr_nn_linear(16, 8, true)");
    shell_expect("$T ops optim.Adam --json", 0);
    shell_expect_text("\"call\": \"tsr_optim_new(TSR_OPTIM_ADAM, ...)\"");
    shell_expect("$T ops nn.Linaer", 1);
    shell_expect_text("did you mean 'nn.Linear'?");
    shell_expect("$T ops no_such_operator", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_that_agrees_passes),
        cmocka_unit_test(a_wrong_value_fails_with_its_element),
        cmocka_unit_test(a_wrong_gradient_fails),
        cmocka_unit_test(an_operator_that_is_not_there_is_unsupported),
        cmocka_unit_test(an_expected_error_must_come),
        cmocka_unit_test(strides_and_numbers_that_json_lacks_are_read),
        cmocka_unit_test(strides_that_lead_outside_are_refused),
        cmocka_unit_test(long_shapes_are_written_in_full),
        cmocka_unit_test(a_folder_that_is_not_one_of_cases_is_an_error),
        cmocka_unit_test(a_call_writes_results_and_gradients),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(wrong_use_and_failed_calls_are_told_apart),
        cmocka_unit_test(ops_lists_and_describes),
        cmocka_unit_test(json_says_how_c_is_called),
    };
    return cmocka_run_group_tests(tests, write_tensors, temp_folder_remove);
}
