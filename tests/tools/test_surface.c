/* test_surface.c: the public surface: the names and signatures that the golden file holds, and the example of each, which is
   compiled here, as users compile it, and run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "op_examples.h"

static const char remedy[] = "if this is meant, renew it: cmake --build build --target update-surface";

/* The file's text; the caller's. */
static char *read_text(const char *path)
{
    enum { ROOM = 1 << 20 };
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("%s is not there; %s", path, remedy);
    char *text = malloc(ROOM);
    size_t length = fread(text, 1, ROOM - 1, f);
    assert_true(length < ROOM - 1);
    text[length] = 0;
    fclose(f);
    return text;
}

/* surface.txt as this build made it, beside the folder of this program. */
static char *read_made(void)
{
    char path[PATH_MAX + 32];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    assert_true(n > 0);
    path[n] = 0;
    *strrchr(path, '/') = 0;
    strcat(path, "/../gen/surface.txt");
    return read_text(path);
}

static bool has_line(const char *text, const char *line, size_t length)
{
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
        if (strcspn(text, "\n") == length && !strncmp(text, line, length)) return true;
    return false;
}

/* Print the lines of `text` that `other` lacks; how many. */
static int print_missing(const char *text, const char *other, const char *word)
{
    int missing = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (!has_line(other, text, length) && missing++ < 20) print_message("%s %.*s\n", word, (int)length, text);
        text += length + (text[length] == '\n');
    }
    return missing;
}

static void the_public_surface_is_what_the_golden_file_says(void **state)
{
    (void)state;
    char *golden = read_text(TSR_SOURCE_DIR "/tests/golden/surface.txt"), *made = read_made();
    int changes = print_missing(golden, made, "gone: ") + print_missing(made, golden, "new:  ");
    bool same = !strcmp(golden, made);
    free(golden);
    free(made);
    if (!same) fail_msg("the public surface has changed in %d lines; %s", changes, remedy);
}

/* Some samples are broadcast, or make another dtype, which an in-place form refuses. */
static bool is_refused_rightly(const char *name)
{
    const char *message = tsr_error_message(), *dot = strchr(name, '.');
    bool inplace = strlen(name) && (dot ? dot : name + strlen(name))[-1] == '_';
    return inplace && message && (strstr(message, "broadcast shape") || strstr(message, "can't be cast"));
}

static void every_example_runs(void **state)
{
    int failures = 0;
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        tsr_mark mark = tsr_scope_open();
        bool good = examples[i].run() && !tsr_error_message();
        if (!good && !is_refused_rightly(examples[i].name)) {
            print_message("%s: %s\n", examples[i].name, tsr_error_message());
            failures++;
        }
        tsr_error_clear();
        tsr_scope_close(mark);
    }
    assert_int_equal(failures, 0);
    assert_int_equal(tsr_live_tensors(), 0);
}

static void every_name_is_found_and_described(void **state)
{
    tsr_op_description d, found;
    tsr_class_description c;
    (void)state;
    for (int64_t i = 0; tsr_op_describe(i, &d); i++) {
        assert_true(*d.doc && *d.example && *d.prototype && d.samples[0] && d.names[0]);
        assert_int_equal(tsr_op_find(d.name, 0), i);
        if (d.inplace_name) assert_true(tsr_op_describe(tsr_op_find(d.inplace_name, 0), &found) && found.inplace);
        for (const char *const *name = d.names; *name; name++) assert_true(tsr_op_find(*name, i) == i);
    }
    for (int64_t i = 0; tsr_class_describe(i, &c); i++) {
        assert_true(*c.doc && *c.example && *c.prototype);
        for (const char *const *name = c.names; *name; name++) assert_int_equal(tsr_class_find(*name), i);
    }
    assert_int_equal(tsr_class_find("nn.NoSuchModule"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_surface_is_what_the_golden_file_says),
        cmocka_unit_test(every_example_runs),
        cmocka_unit_test(every_name_is_found_and_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
