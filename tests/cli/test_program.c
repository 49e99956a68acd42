/* test_program.c: the program as people use it, in a shell: options, runs that are killed and go on, errors and what they leave
   behind. Every test starts in a fresh folder; the program is the one beside this test's build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/tiny_run.h"
#include "support/shell.h"
#include "support/temp_folder.h"

static int count_lines(void)
{
    int n = 0;
    for (const char *p = shell_said; *p; p++) n += *p == '\n';
    return n;
}

/* ---- options ---------------------------------------------------------------------------------------------------------------- */

static void unknown_option_names_the_nearest(void **state)
{
    (void)state;
    shell_expect("$T train vqgan --data scenes --batchsize 3 --out r", 2);
    shell_expect_text("--batchsize");
    shell_expect_text("did you mean --batch?");
}

static void values_out_of_range_are_wrong_use(void **state)
{
    (void)state;
    shell_expect("$T train vqgan --data scenes --steps 0 --out r", 2);
    shell_expect_text("'0'");
    shell_expect("$T train vqgan --data scenes --lr fast --out r", 2);
    shell_expect("$T train vqgan --data scenes --dtype f16 --out r", 2);
    shell_expect_text("f32|f64");
    shell_expect("$T train vqgan --data scenes --preset hug --out r", 2);
    shell_expect_text("tiny, small, f16-imagenet");
    shell_expect("$T train vqgan --data scenes --set colour=3 --out r", 2);
    shell_expect_text("'colour'");
    assert_false(temp_exists("r"));
}

static void every_command_has_help_with_an_example(void **state)
{
    (void)state;
    shell_expect(
        "for c in 'train vqgan' 'train prior' encode decode reconstruct sample eval inspect bench ops call; do "
        "$T $c --help | grep -q example: || echo missing in $c; done",
        0);
    assert_string_equal(shell_said, "");
}

static void help_says_each_default_once(void **state)
{
    (void)state;
    shell_expect(
        "for c in 'train vqgan' 'train prior' encode decode reconstruct sample eval bench; do $T $c --help; done "
        "| grep '(default.*\\[' || true",
        0);
    assert_string_equal(shell_said, "");
    shell_expect("$T bench --help", 0);
    shell_expect_text("the models' preset [tiny]");
}

/* ---- wrong data --------------------------------------------------------------------------------------------------------------- */

static void wrong_data_leave_nothing_behind(void **state)
{
    (void)state;
    shell_expect("$T train vqgan --data nowhere --out r", 1);
    shell_expect("mkdir empty; $T train vqgan --data empty --out r", 1);
    shell_expect("$T train vqgan --data scenes --size 33 --out r", 1);
    shell_expect_text("33 x 33");
    shell_expect_text("divisible by 4");
    assert_false(temp_exists("r"));
}

static void truncated_pictures_are_skipped_and_counted(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r && $T reconstruct --model r scenes:count=4 --size 16 --split train --out p",
                 0);
    shell_expect("head -c 300 p/000001.png > cut && mv cut p/000001.png && "
                 "$T eval --model r --size 16 --split all --data p --json",
                 0);
    shell_expect_text("\"pictures\": 3, \"skipped\": 1");
    shell_expect_text("1 picture could not be read");
}

/* IDX files: the training part is whole, the header of the held-out part is not. */
static void a_damaged_held_out_part_is_an_error(void **state)
{
    (void)state;
    shell_expect(
        "mkdir d && (printf '\\0\\0\\010\\003\\0\\0\\0\\002\\0\\0\\0\\020\\0\\0\\0\\020'; head -c 512 /dev/zero) "
        "> d/train-images-idx3-ubyte && " TRAIN "--data d --steps 1 --split all --out whole",
        0);
    shell_expect("head -c 9 d/train-images-idx3-ubyte > d/t10k-images-idx3-ubyte; " TRAIN "--data d --steps 1 --out q",
                 1);
    shell_expect_text("t10k-images-idx3-ubyte");
    assert_false(temp_exists("q"));
}

/* The last row of a sheet is completed, not left out: ten pictures need as many rows as sixteen. */
static void a_sheet_shows_every_picture(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
    shell_expect("for n in 8 10 16; do $T reconstruct --model r scenes:count=$n --size 16 --split train --out $n.png "
                 ">log || cat log; od -An -tu1 -j20 -N4 $n.png > $n.txt; done; "
                 "cmp 10.txt 16.txt && ! cmp -s 8.txt 10.txt",
                 0);
}

/* ---- runs ---------------------------------------------------------------------------------------------------------------------- */

static void a_run_leaves_its_folder(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 4 --sample-every 2 --out r", 0);
    shell_expect("wc -l < r/metrics.jsonl", 0);
    shell_expect_text("4");
    shell_expect("head -n 1 r/metrics.jsonl", 0);
    const char *terms[] = {"\"step\":1", "step_seconds", "\"lr\"",    "total_loss",  "nll_loss",   "codebook_loss",
                           "\"g_loss\"", "d_weight",     "disc_loss", "logits_real", "logits_fake"};
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) shell_expect_text(terms[i]);
    shell_expect("ls r r/samples r/checkpoints", 0);
    shell_expect_text("config.json");
    shell_expect_text("events.out.tfevents.");
    shell_expect_text("step-000002.png");
    shell_expect_text("step-000004.png");
    shell_expect_text("last.safetensors");
}

static void stored_configuration_makes_the_same_run(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --lr 3e-4 --disc-warmup 1 --out r", 0);
    shell_expect("$T train vqgan --config r/config.json --no-progress --out again && "
                 "cmp r/checkpoints/last.safetensors again/checkpoints/last.safetensors",
                 0);
}

static void a_folder_with_a_run_is_not_overwritten(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
    shell_expect(TRAIN "--steps 1 --out r", 1);
    shell_expect_text("--resume");
}

/* Killed when metrics.jsonl has so many lines, then resumed: the checkpoints are the same to the byte. */
static void a_killed_run_resumes_to_the_same_bytes(void **state)
{
    (void)state;
    const char *options = "--steps 9 --checkpoint-every 2 --seed 5 --augment flip,crop --ema 0.9 --kmeans 2 "
                          "--revive 0.5 --set dropout=0.1 --schedule cosine --warmup 3 ";
    char line[2048];
    snprintf(line, sizeof line, TRAIN "%s --out whole", options);
    shell_expect(line, 0);
    for (int rows = 0; rows <= 5; rows += 5) {
        snprintf(line, sizeof line,
                 TRAIN "%s --out cut%d & p=$!; while [ $(cat cut%d/metrics.jsonl 2>/dev/null | wc -l) -lt %d ]; do "
                       "kill -0 $p || break; done; kill -9 $p; wait $p; true",
                 options, rows, rows, rows);
        shell_expect(line, 0);
        snprintf(line, sizeof line,
                 TRAIN "%s --out cut%d --resume && cmp whole/checkpoints/last.safetensors "
                       "cut%d/checkpoints/last.safetensors && wc -l < cut%d/metrics.jsonl",
                 options, rows, rows, rows);
        shell_expect(line, 0);
        shell_expect_text("9\n");
    }
}

static void resume_takes_its_settings_from_the_run(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 4 --lr 1e-3 --out whole", 0);
    shell_expect(TRAIN "--steps 2 --lr 1e-3 --out r && $T train vqgan --out r --resume --steps 4 --no-progress && "
                       "wc -l < r/metrics.jsonl",
                 0);
    shell_expect_text("4\n");
    shell_expect("cmp whole/checkpoints/last.safetensors r/checkpoints/last.safetensors", 0);
}

static void resume_with_other_settings_names_them(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --out r", 0);
    shell_expect(TRAIN "--steps 4 --lr 0.1 --out r --resume", 2);
    shell_expect_text("train.lr");
    shell_expect(TRAIN "--steps 4 --set n_embed=32 --out r --resume", 2);
    shell_expect_text("model.n_embed");
}

static void interrupt_writes_a_checkpoint_and_ends_well(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 100000 --checkpoint-every 0 --out r & p=$!; while [ ! -s r/metrics.jsonl ]; do "
                       "kill -0 $p || break; done; kill -TERM $p; wait $p",
                 0);
    shell_expect_text("interrupted");
    shell_expect("$T inspect r --json", 0);
    shell_expect_text("train.steps");
}

static void full_disk_keeps_the_checkpoint_before(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --out r && cp r/checkpoints/last.safetensors before", 0);
    shell_expect("ulimit -f 64; " TRAIN "--steps 4 --out r --resume", 1);
    shell_expect_text("last.safetensors");
    assert_true(count_lines() <= 6);
    shell_expect("cmp before r/checkpoints/last.safetensors && ls r/checkpoints", 0);
    assert_string_equal(shell_said, "last.safetensors\n");
}

/* ---- model files ---------------------------------------------------------------------------------------------------------------- */

static void bad_model_files_are_explained(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
    shell_expect("head -c 20000 r/checkpoints/last.safetensors > cut.safetensors; "
                 "$T reconstruct --model cut.safetensors scenes:count=2 --size 16 --out x.safetensors",
                 1);
    shell_expect_text("cut.safetensors");
    assert_true(count_lines() <= 6);
    shell_expect(TRAIN "--steps 1 --set embed_dim=4 --set ch_mult=1,2 --init r/checkpoints/last.safetensors --out q",
                 1);
    shell_expect_text("size mismatch for encoder.down.1.block.0.conv1.weight");
    shell_expect_text("more");
    assert_true(count_lines() <= 6);
    assert_false(temp_exists("q"));
    assert_false(temp_exists("x.safetensors"));
}

static void decoding_codes_equals_reconstructing(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --out r", 0);
    shell_expect("I='scenes:count=5 --size 16 --split train --model r'; "
                 "$T encode $I --out a.safetensors --batch 2 && $T encode $I --out b.safetensors && "
                 "$T decode --model r b.safetensors --out d.npy && $T reconstruct $I --out e.npy && "
                 "cmp a.safetensors b.safetensors && cmp d.npy e.npy",
                 0);
    shell_expect("$T inspect a.safetensors --json", 0);
    shell_expect_text("\"dtype\":\"I64\",\"shape\":[5,8,8]");
}

static void a_prior_is_trained_sampled_and_scored(void **state)
{
    (void)state;
    const char *train = "$T train prior --model r --data scenes:count=6 --size 16 --set n_layer=1 --set n_head=2 "
                        "--set n_embd=16 --batch 2 --no-progress --log-every 1 ";
    char line[1024];
    shell_expect(TRAIN "--steps 2 --out r", 0);
    snprintf(line, sizeof line, "%s --steps 4 --out p && %s --steps 2 --out q && %s --steps 4 --out q --resume", train,
             train, train);
    shell_expect(line, 0);
    shell_expect("cmp p/checkpoints/last.safetensors q/checkpoints/last.safetensors", 0);
    shell_expect("$T sample --prior p --cond cone,0 --greedy --tokens 9 --out a.npy && "
                 "$T sample --prior q --cond 3,sphere --greedy --tokens 9 --out b.npy && cmp a.npy b.npy",
                 0);
    shell_expect("$T sample --prior p --weights bf16 --cond cone --greedy --tokens 9 --out c.npy", 0);
    shell_expect("$T sample --prior p --count 3 --seed 4 --out s.png --no-progress && ls s.png", 0);
    shell_expect("$T eval --prior p --model r --data scenes:count=20 --size 16 --json", 0);
    shell_expect_text("bits_per_dim");
    shell_expect("$T reconstruct --model p scenes:count=2 --size 16 --out x.npy", 1);
    shell_expect_text("prior");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_folder_make, temp_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unknown_option_names_the_nearest),
        TEST(values_out_of_range_are_wrong_use),
        TEST(every_command_has_help_with_an_example),
        TEST(help_says_each_default_once),
        TEST(wrong_data_leave_nothing_behind),
        TEST(truncated_pictures_are_skipped_and_counted),
        TEST(a_damaged_held_out_part_is_an_error),
        TEST(a_sheet_shows_every_picture),
        TEST(a_run_leaves_its_folder),
        TEST(stored_configuration_makes_the_same_run),
        TEST(a_folder_with_a_run_is_not_overwritten),
        TEST(a_killed_run_resumes_to_the_same_bytes),
        TEST(resume_takes_its_settings_from_the_run),
        TEST(resume_with_other_settings_names_them),
        TEST(interrupt_writes_a_checkpoint_and_ends_well),
        TEST(full_disk_keeps_the_checkpoint_before),
        TEST(bad_model_files_are_explained),
        TEST(decoding_codes_equals_reconstructing),
        TEST(a_prior_is_trained_sampled_and_scored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
