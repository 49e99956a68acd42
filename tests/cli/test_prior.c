/* test_prior.c: priors: the codes they are trained on and scored with, and what their sequences begin with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/tiny_run.h"
#include "support/shell.h"
#include "support/temp_folder.h"
#include "tessera/io.h"
#include "tessera/tensor.h"

/* Priors of four codes a picture. */
#define TRAIN_CODES "$T train prior --n-layer 1 --n-head 2 --n-embd 16 --batch 2 --no-progress --log-every 1 --steps 2 "

/* A file of three pictures' codes, of which the last is `code`, and labels, 0, 1 and `label`. */
static void write_codes(const char *name, int64_t code, int64_t label)
{
    int64_t codes[12] = {0, 1, 0, 1, 2, [11] = code}, labels[3] = {0, 1, label};
    tsr_mark mark = tsr_scope_open();
    const tsr_named tensors[] = {{"codes", tsr_from_data(codes, TSR_SHAPE(3, 2, 2), TSR_I64)},
                                 {"labels", tsr_from_data(labels, TSR_SHAPE(3), TSR_I64)}};
    assert_int_equal(tsr_save_safetensors(temp_path(name), tensors, 2, NULL, 0), TSR_OK);
    tsr_scope_close(mark);
}

/* ---- codes that a prior does not know ------------------------------------------------------------------------------------ */

static void codes_of_another_model_are_refused(void **state)
{
    (void)state;
    write_codes("good.safetensors", 3, 2);
    write_codes("high.safetensors", 20, 2);
    shell_expect(TRAIN "--steps 1 --out r && " TRAIN_CODES "--codes good.safetensors --model r --out p", 0);
    shell_expect(TRAIN_CODES "--codes high.safetensors --model r --out q", 1);
    shell_expect_text("codes go from 0 to 20, those of this prior from 0 to 15");
    shell_expect("$T eval --prior p --codes high.safetensors", 1);
    shell_expect_text("from 0 to 15");
    assert_false(temp_exists("q"));
}

static void labels_of_another_model_are_refused(void **state)
{
    (void)state;
    write_codes("good.safetensors", 3, 2);
    write_codes("high.safetensors", 3, 7);
    write_codes("unknown.safetensors", 3, -1);
    shell_expect(TRAIN_CODES "--codes good.safetensors --cond class --out p", 0);
    shell_expect("$T eval --prior p --codes high.safetensors", 1);
    shell_expect_text("labels go from 0 to 7, those of this prior from 0 to 2");
    shell_expect("$T eval --prior p --codes high.safetensors --cond 0", 0);
    shell_expect("$T eval --prior p --codes unknown.safetensors", 1);
    shell_expect_text("without labels");
    shell_expect(TRAIN_CODES "--codes unknown.safetensors --cond class --out q", 2);
    shell_expect(TRAIN_CODES "--codes unknown.safetensors --out q", 0);
}

static void a_negative_code_is_refused(void **state)
{
    (void)state;
    write_codes("bad.safetensors", -1, 2);
    shell_expect(TRAIN_CODES "--codes bad.safetensors --out q", 1);
    shell_expect_text("-1");
}

/* ---- batches and conditions ------------------------------------------------------------------------------------------------ */

/* In order, three pictures in batches of two: the second step sees the third picture alone, whatever the first two are. */
static void sequential_order_reaches_the_last_pictures(void **state)
{
    (void)state;
    write_codes("a.safetensors", 3, 2);
    write_codes("b.safetensors", 1, 2);
    shell_expect(TRAIN_CODES
                 "--codes a.safetensors --cond none --set n_codes=4 --set vocab_size=5 --order sequential --out a",
                 0);
    shell_expect(TRAIN_CODES
                 "--codes b.safetensors --cond none --set n_codes=4 --set vocab_size=5 --order sequential --out b",
                 0);
    shell_expect("cut -d, -f4 a/metrics.jsonl > a.txt; cut -d, -f4 b/metrics.jsonl > b.txt; cmp a.txt b.txt", 1);
    shell_expect(TRAIN_CODES
                 "--codes a.safetensors --cond none --set n_codes=4 --set vocab_size=5 --order sequential --steps 3 "
                 "--out whole && $T train prior --resume --steps 3 --no-progress --out a && "
                 "cmp whole/checkpoints/last.safetensors a/checkpoints/last.safetensors",
                 0);
}

static void a_prior_without_start_token_needs_ids(void **state)
{
    (void)state;
    write_codes("a.safetensors", 3, -1);
    shell_expect(TRAIN_CODES "--codes a.safetensors --cond none --set n_codes=0 --set vocab_size=4 --out p", 0);
    shell_expect("$T sample --prior p --out s.npy --no-progress", 1);
    shell_expect_text("no start token");
    shell_expect("$T eval --prior p --codes a.safetensors", 1);
    shell_expect_text("no start token");
    shell_expect("$T eval --prior p --codes a.safetensors --cond 0,1,2", 0);
}

static void ids_are_not_dropped(void **state)
{
    (void)state;
    write_codes("a.safetensors", 3, 2);
    shell_expect(TRAIN_CODES "--codes a.safetensors --cond class --out p", 0);
    shell_expect("$T sample --prior p --cond 0,1,2 --count 2 --out s.npy --no-progress", 1);
    shell_expect_text("3 ids, of which 1");
    shell_expect("$T sample --prior p --cond 0,1,2 --count 5 --out s.npy --no-progress", 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_folder_make, temp_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(codes_of_another_model_are_refused),
        TEST(labels_of_another_model_are_refused),
        TEST(a_negative_code_is_refused),
        TEST(sequential_order_reaches_the_last_pictures),
        TEST(a_prior_without_start_token_needs_ids),
        TEST(ids_are_not_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
