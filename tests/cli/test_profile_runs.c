/* test_profile_runs.c: the profiler as people switch it on: --profile and TSR_PROFILE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/tiny_run.h"
#include "support/shell.h"
#include "support/temp_folder.h"

/* How many events of that name the trace has. */
static int count_events(const char *file, const char *name)
{
    json_error_t error;
    json_t *root = json_load_file(temp_path(file), JSON_REJECT_DUPLICATES, &error), *e;
    if (!root) fail_msg("%s, line %d: %s", file, error.line, error.text);
    size_t at;
    int count = 0;
    json_array_foreach(json_object_get(root, "traceEvents"), at, e)
    {
        count += !strcmp(json_string_value(json_object_get(e, "name")), name);
    }
    json_decref(root);
    return count;
}

static void expect_row(const char *name)
{
    char line[64];
    snprintf(line, sizeof line, "\n%s ", name);
    if (!strstr(shell_said, line)) fail_msg("there is no row '%s'", name);
}

static void a_profiled_run_prints_a_table_and_leaves_a_trace(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "conv_forward", "conv_grad_input", "ConvForwardBackward0", "step",       "data",   "forward",
        "backward",     "optimizer",       "discriminator",        "checkpoint", "picture"};
    shell_expect(TRAIN "--steps 3 --out r --profile && ls r", 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect_row(rows[i]);
    shell_expect_text("GFLOP/s");
    shell_expect_text("the trace is in r/trace.json");
    assert_int_equal(count_events("r/trace.json", "step"), 3);
    assert_int_equal(count_events("r/trace.json", "checkpoint"), 1);
    shell_expect(TRAIN_PRIOR "--steps 2 --out p --profile", 0);
    expect_row("attention");
    expect_row("data");
    assert_int_equal(count_events("p/trace.json", "optimizer"), 2);
}

/* It is no part of the run's configuration, and changes nothing in its result. */
static void a_profiled_run_is_the_same_run(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --out r --profile && " TRAIN
                       "--steps 2 --out s && cmp r/config.json s/config.json && "
                       "cmp r/checkpoints/last.safetensors s/checkpoints/last.safetensors && ls s",
                 0);
    shell_expect("ls s", 0);
    assert_null(strstr(shell_said, "trace.json"));
}

static void an_interrupted_run_still_prints_its_table(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 100000 --checkpoint-every 0 --out r --profile & p=$!; "
                       "while [ ! -s r/metrics.jsonl ]; do kill -0 $p || break; done; kill -TERM $p; wait $p",
                 0);
    shell_expect_text("interrupted");
    expect_row("conv_forward");
    assert_true(count_events("r/trace.json", "step") > 0);
}

static void a_trace_that_cannot_be_written_fails_and_the_run_is_kept(void **state)
{
    (void)state;
    shell_expect("mkdir -p r/trace.json/x && " TRAIN "--steps 1 --out r --profile", 1);
    shell_expect_text("--profile: cannot");
    shell_expect_text("trace.json");
    shell_expect_text("1 of 1 steps");
    expect_row("conv_forward");
    assert_true(temp_exists("r/checkpoints/last.safetensors"));
}

static void profile_says_that_it_takes_the_environments_place(void **state)
{
    (void)state;
    shell_expect("TSR_PROFILE=1 TSR_PROFILE_TRACE=both.json " TRAIN "--steps 1 --out r --profile", 0);
    shell_expect_text("--profile takes the place of TSR_PROFILE=1");
    assert_true(temp_exists("r/trace.json"));
    assert_false(temp_exists("both.json"));
}

static void the_environment_profiles_any_command(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
    shell_expect("TSR_PROFILE=1 $T reconstruct --model r scenes:count=2 --size 16 --out x.npy", 0);
    expect_row("nearest_code");
    assert_true(count_events("tessera-trace.json", "nearest_code") > 0);
    shell_expect("TSR_PROFILE=1 TSR_PROFILE_TRACE=other.json $T reconstruct --model r scenes:count=2 --size 16 "
                 "--out y.npy && cmp x.npy y.npy",
                 0);
    assert_true(count_events("other.json", "nearest_code") > 0);
}

/* What takes long beside operators has a range: models and data are read, results written. */
static void reading_and_writing_have_ranges(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
    shell_expect("TSR_PROFILE=1 $T encode --model r scenes:count=2 --size 16 --out c.safetensors", 0);
    assert_int_equal(count_events("tessera-trace.json", "checkpoint"), 1);
    assert_int_equal(count_events("tessera-trace.json", "output"), 1);
    assert_true(count_events("tessera-trace.json", "data") >= 2); /* opened, read */
    shell_expect("TSR_PROFILE=1 $T decode --model r c.safetensors --out folder", 0);
    expect_row("checkpoint");
    expect_row("data");
    expect_row("output");
}

static void jobs_of_bench_have_ranges(void **state)
{
    (void)state;
    shell_expect("TSR_PROFILE=1 $T bench --repeat 1 --json", 0);
    expect_row("train step");
    assert_int_equal(count_events("tessera-trace.json", "encode"), 2); /* the first does not count */
    assert_int_equal(count_events("tessera-trace.json", "decode"), 2);
    assert_true(count_events("tessera-trace.json", "sample") > 2);
}

static void the_environment_says_what_it_cannot_do(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
#define RECONSTRUCT "$T reconstruct --model r scenes:count=2 --size 16 --out x.npy"
    shell_expect("TSR_PROFILE=1 TSR_PROFILE_TRACE=/nowhere/t.json " RECONSTRUCT, 0);
    shell_expect_text("warning: TSR_PROFILE=1: there is no trace: cannot write /nowhere/t.json");
    shell_expect("TSR_PROFILE=yes " RECONSTRUCT, 0);
    shell_expect_text("TSR_PROFILE=yes is neither 0 nor 1");
    shell_expect("TSR_EXACT_CONV=off " RECONSTRUCT, 0);
    shell_expect_text("TSR_EXACT_CONV=off is neither 0 nor 1");
    shell_expect("TSR_PROFILE=0 " RECONSTRUCT, 0);
    assert_null(strstr(shell_said, "self ms"));
    shell_expect("TSR_PROFILE=1 TSR_PROFILE_TRACE= " RECONSTRUCT " && ls", 0);
    expect_row("nearest_code");
    assert_null(strstr(shell_said, "tessera-trace.json"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_folder_make, temp_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_profiled_run_prints_a_table_and_leaves_a_trace),
        TEST(a_profiled_run_is_the_same_run),
        TEST(an_interrupted_run_still_prints_its_table),
        TEST(a_trace_that_cannot_be_written_fails_and_the_run_is_kept),
        TEST(profile_says_that_it_takes_the_environments_place),
        TEST(the_environment_profiles_any_command),
        TEST(reading_and_writing_have_ranges),
        TEST(jobs_of_bench_have_ranges),
        TEST(the_environment_says_what_it_cannot_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
