/* test_resume.c: runs that stop and go on, pinned to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/tiny_run.h"
#include "support/shell.h"
#include "support/temp_folder.h"

#define SAME(a, b) "cmp " a "/checkpoints/last.safetensors " b "/checkpoints/last.safetensors"

/* 1/3000 has no short decimal form: the stored configuration must hold the same double. */
static void a_rate_of_many_digits_resumes_in_f64(void **state)
{
    (void)state;
#define MANY_DIGITS TRAIN "--dtype f64 --lr 0.0003333333333333333 "
    shell_expect(MANY_DIGITS "--steps 4 --out whole && " MANY_DIGITS "--steps 2 --out r", 0);
    shell_expect(MANY_DIGITS "--steps 4 --out r --resume && " SAME("whole", "r"), 0);
    shell_expect("$T train vqgan --config whole/config.json --no-progress --out again && " SAME("whole", "again"), 0);
}

/* Ended by a kill, a full disk or anything else before the first checkpoint: the folder holds only config.json. */
static void a_run_without_checkpoint_starts_again_from_its_weights(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --seed 7 --n-embed 24 --out r", 0);
    shell_expect(
        "$T train vqgan --init r --data scenes:count=6 --size 16 --batch 2 --steps 3 --no-progress --out whole"
        " && mkdir cut && cp whole/config.json cut && $T train vqgan --resume --no-progress --out cut && " SAME("whole",
                                                                                                                "cut"),
        0);
    shell_expect("rm cut/checkpoints/last.safetensors && $T train vqgan --preset tiny --init r --data scenes:count=6 "
                 "--size 16 --batch 2 --steps 3 --no-progress --out cut --resume && " SAME("whole", "cut"),
                 0);
    shell_expect("rm cut/checkpoints/last.safetensors && $T train vqgan --init whole --resume --out cut", 2);
    shell_expect_text("train.init");
}

/* Once there is a checkpoint the file that the run began with may be gone. */
static void weights_to_start_from_are_not_needed_later(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --out r", 0);
    shell_expect(TRAIN "--init r --steps 2 --out s && rm -r r && $T train vqgan --resume --steps 3 --no-progress "
                       "--out s",
                 0);
}

/* The last step is logged, too; a longer run has not that line. */
static void the_last_step_is_logged(void **state)
{
    (void)state;
    shell_expect(TRAIN "--log-every 10 --steps 3 --out r && cut -d, -f1 r/metrics.jsonl", 0);
    assert_non_null(strstr(shell_said, "{\"step\":3\n"));
    shell_expect(
        "$T train vqgan --resume --steps 12 --no-progress --out r && cut -d, -f1 r/metrics.jsonl > r.txt; " TRAIN
        "--log-every 10 --steps 12 --out whole && cut -d, -f1 whole/metrics.jsonl > whole.txt; "
        "cmp r.txt whole.txt && cat r.txt && " SAME("whole", "r"),
        0);
    assert_non_null(strstr(shell_said, "{\"step\":10\n{\"step\":12\n"));
}

/* What a process that was killed left half written goes, what one that lives writes stays. */
static void leftovers_of_killed_writers_are_removed(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r && dead=$(sh -c 'echo $$') && touch r/config.json.$dead-0.tmp "
                       "r/checkpoints/last.safetensors.$dead-12.tmp r/samples/step-000001.png.$dead-3.tmp "
                       "r/codes.safetensors.$$-0.tmp r/notes.tmp r/a-1.tmp && "
                       "$T train vqgan --resume --steps 2 --no-progress --out r && find r -name '*.tmp' | sort | "
                       "sed 's/[0-9]*-0/PID-0/'",
                 0);
    assert_non_null(strstr(shell_said, "\nr/a-1.tmp\nr/codes.safetensors.PID-0.tmp\nr/notes.tmp\n"));
    assert_null(strstr(shell_said, "r/checkpoints/last.safetensors."));
}

/* Averages of the codebook, and reconstructions made anew for the discriminator. */
static void other_ways_to_train_resume_to_the_same_bytes(void **state)
{
    (void)state;
#define OTHER_WAYS TRAIN "--disc-input refresh --codebook ema "
    shell_expect(OTHER_WAYS "--steps 4 --out whole && " OTHER_WAYS "--steps 2 --out r && " OTHER_WAYS
                            "--steps 4 --out r --resume && " SAME("whole", "r") " && $T inspect r | grep quantize",
                 0);
    shell_expect_text("quantize.cluster_size");
    shell_expect(TRAIN "--codebook ema --steps 4 --out same; ! " SAME("whole", "same"), 0);
}

/* Killed when some steps are done, then resumed: the checkpoints are the same to the byte. */
static void a_killed_prior_resumes_to_the_same_bytes(void **state)
{
    (void)state;
#define KILLED_PRIOR TRAIN_PRIOR "--steps 300 --checkpoint-every 7 --sample-every 0 --pkeep 0.9 --ema 0.9 "
    shell_expect(TRAIN "--steps 1 --out r && " KILLED_PRIOR "--out whole", 0);
    shell_expect(KILLED_PRIOR
                 "--out cut & p=$!; while [ $(cat cut/metrics.jsonl 2>/dev/null | wc -l) -lt 20 ]; do "
                 "kill -0 $p || break; done; kill -9 $p; wait $p; [ $(wc -l < cut/metrics.jsonl) -lt 300 ]",
                 0);
    shell_expect(
        "$T train prior --out cut --resume --no-progress && " SAME("whole", "cut") " && wc -l < cut/metrics.jsonl", 0);
    shell_expect_text("300\n");
}

/* The VQGAN was trained on in the meantime. */
static void codes_of_another_vqgan_are_made_anew(void **state)
{
    (void)state;
    shell_expect(
        TRAIN "--steps 1 --out r && " TRAIN_PRIOR "--steps 2 --out p && " TRAIN_PRIOR "--steps 3 --out p --resume", 0);
    assert_null(strstr(shell_said, "anew"));
    shell_expect(
        "cp p/codes.safetensors before; $T train vqgan --resume --steps 30 --no-progress --out r && " TRAIN_PRIOR
        "--steps 4 --out p --resume && ! cmp before p/codes.safetensors",
        0);
    shell_expect_text("encoding anew");
    shell_expect(TRAIN_PRIOR "--steps 5 --out p --resume", 0);
    assert_null(strstr(shell_said, "anew"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_folder_make, temp_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rate_of_many_digits_resumes_in_f64),       TEST(a_run_without_checkpoint_starts_again_from_its_weights),
        TEST(weights_to_start_from_are_not_needed_later), TEST(the_last_step_is_logged),
        TEST(leftovers_of_killed_writers_are_removed),    TEST(other_ways_to_train_resume_to_the_same_bytes),
        TEST(a_killed_prior_resumes_to_the_same_bytes),   TEST(codes_of_another_vqgan_are_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
