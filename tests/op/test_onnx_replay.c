/* test_onnx_replay.c: our operators against ONNX's own operator tests, by the program tools/onnx_replay; and that program
   against a small case written here, whole, wrong and cut short.

   Debian's package libonnx-testdata holds the data; TESSERA_ONNX names another folder of it. Without it that test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/shell.h"
#include "support/temp_folder.h"

#define REPLAY "$(dirname $T)/tests/onnx_replay"

/* y = Relu(x): a node {input x, output y, op Relu}, the graph's input and output of f32 (1), version 14. */
static const uint8_t model[] = "\x08\x07"
                               "\x3a\x2c"
                               "\x0a\x0c\x0a\x01x\x12\x01y\x22\x04Relu"
                               "\x12\x02gr"
                               "\x5a\x0b\x0a\x01x\x12\x06\x0a\x04\x08\x01\x12\x00"
                               "\x62\x0b\x0a\x01y\x12\x06\x0a\x04\x08\x01\x12\x00"
                               "\x42\x04\x0a\x00\x10\x0e";

/* f32 [2], raw: 1 and -2; 1 and 0. */
static const uint8_t input[] = "\x08\x02\x10\x01\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\xc0";
static const uint8_t output[] = "\x08\x02\x10\x01\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\x00";
/* The same 1 and 0 as packed floats. */
static const uint8_t typed_output[] = "\x08\x02\x10\x01\x22\x08\x00\x00\x80\x3f\x00\x00\x00\x00";

enum { MODEL_SIZE = sizeof model - 1, TENSOR_SIZE = sizeof input - 1 };

static void write_in(const char *folder, const char *file, const uint8_t *bytes, size_t n)
{
    char name[256];
    snprintf(name, sizeof name, "%s/%s", folder, file);
    temp_write(name, bytes, (int64_t)n);
}

/* A case in a folder of the test's, of the first bytes of the model and of the input. */
static void write_case(const char *folder, size_t model_size, size_t input_size, const uint8_t *expected)
{
    char command[512];
    snprintf(command, sizeof command, "mkdir -p %s/test_data_set_0", folder);
    shell_expect(command, 0);
    write_in(folder, "model.onnx", model, model_size);
    write_in(folder, "test_data_set_0/input_0.pb", input, input_size);
    write_in(folder, "test_data_set_0/output_0.pb", expected, TENSOR_SIZE);
}

static void a_case_passes_whichever_way_its_tensors_are_stored(void **state)
{
    (void)state;
    write_case("good/raw", MODEL_SIZE, TENSOR_SIZE, output);
    write_case("good/typed", MODEL_SIZE, TENSOR_SIZE, typed_output);
    shell_expect(REPLAY " good", 0);
    shell_expect_text("2 passed, 0 failed, 0 explained, 0 unsupported");
}

static void another_value_than_expected_fails(void **state)
{
    (void)state;
    write_case("wrong", MODEL_SIZE, TENSOR_SIZE, input); /* Relu(-2) is not -2 */
    shell_expect(REPLAY " wrong", 1);
    shell_expect_text("FAILED wrong (Relu): output 0: element 1 is 0, expected -2");
    shell_expect_text("0 passed, 1 failed, 0 explained, 0 unsupported");
}

/* The version comes last: without it the model is whole as far as the graph goes, so cuts there are left out. */
static void a_file_cut_anywhere_fails_and_is_no_crash(void **state)
{
    (void)state;
    char folder[64];
    const int graph_end = MODEL_SIZE - 6;
    for (int n = 0; n < graph_end; n++) {
        snprintf(folder, sizeof folder, "cut/model%02d", n);
        write_case(folder, (size_t)n, TENSOR_SIZE, output);
    }
    for (int n = 0; n < TENSOR_SIZE; n++) {
        snprintf(folder, sizeof folder, "cut/input%02d", n);
        write_case(folder, MODEL_SIZE, (size_t)n, output);
    }
    char sum[96];
    snprintf(sum, sizeof sum, "0 passed, %d failed, 0 explained, 0 unsupported", graph_end + TENSOR_SIZE);
    shell_expect(REPLAY " cut | tail -n 1; exit 1", 1);
    shell_expect_text(sum);
}

static void operators_agree_with_onnx_but_where_it_is_explained(void **state)
{
    (void)state;
    const char *folder = getenv("TESSERA_ONNX") ? getenv("TESSERA_ONNX") : "/usr/share/libonnx-testdata/data";
    if (access(folder, R_OK)) {
        print_message("skipped: %s is not there (Debian's package libonnx-testdata)\n", folder);
        skip();
    }
    char command[4096];
    snprintf(command, sizeof command, REPLAY " '%s'", folder);
    shell_expect(command, 0);
    shell_expect_text(" passed, 0 failed, ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_passes_whichever_way_its_tensors_are_stored),
        cmocka_unit_test(another_value_than_expected_fails),
        cmocka_unit_test(a_file_cut_anywhere_fails_and_is_no_crash),
        cmocka_unit_test(operators_agree_with_onnx_but_where_it_is_explained),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
