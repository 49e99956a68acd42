/* test_config_fuzz.c: configuration files that went wrong. The configurations of a VQGAN's and a prior's run are changed in a
   few hundred ways by a fixed seed: values of other types and sizes, keys that are missing, twice or in other sections, deep
   nesting, cut files, bytes that are no text. The program trains a step with it or says what is wrong: it does not crash, hang
   or take all memory. The models' own configurations, which files of weights carry, go the same way in this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/tiny_run.h"
#include "support/shell.h"
#include "support/small_models.h"
#include "support/temp_folder.h"
#include "support/tensors.h"

#if defined(__has_feature) /* clang's */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BOUNDED "" /* a sanitizer's own memory is without bounds */
enum { RUNS = 80 };
#else
#define BOUNDED "ulimit -v 2000000; "
enum { RUNS = 250 };
#endif
enum { TEXT_ROOM = 1 << 16, READS = 3000 };

/* Twenty times as many with TSR_TEST_LONG=1. */
static int times(int n)
{
    const char *longer = getenv("TSR_TEST_LONG");
    return longer && *longer == '1' ? 20 * n : n;
}

/* ---- changes ---------------------------------------------------------------------------------------------------------- */

/* A JSON text with a member a line, and the bytes of it that are in use (zeros among them count). */
typedef struct text {
    char data[TEXT_ROOM];
    size_t size;
    uint64_t random; /* state */
} text;

/* xorshift64* (Vigna 2016): a number below n. */
static size_t below(text *t, size_t n)
{
    t->random ^= t->random >> 12;
    t->random ^= t->random << 25;
    t->random ^= t->random >> 27;
    return (size_t)((t->random * 0x2545F4914F6CDD1Du >> 33) % n);
}

/* Replace data[at, at + from) by `size` bytes; what has no room is left as it is. */
static void splice(text *t, size_t at, size_t from, const char *by, size_t size)
{
    if (t->size - from + size >= TEXT_ROOM) return;
    memmove(t->data + at + size, t->data + at + from, t->size - at - from);
    memcpy(t->data + at, by, size);
    t->size += size - from;
    t->data[t->size] = 0;
}

/* A line, with its end. */
typedef struct span {
    size_t at, size;
} span;

static span some_line(text *t)
{
    size_t at = below(t, t->size ? t->size : 1), end = at;
    while (at > 0 && t->data[at - 1] != '\n') at--;
    while (end < t->size && t->data[end] != '\n') end++;
    return (span){at, end - at + (end < t->size)};
}

/* Another value of a member. */
static void put_value(text *t, const char *const *values, size_t count)
{
    span line;
    size_t colon, end;
    do {
        line = some_line(t);
        for (colon = 0; colon < line.size && t->data[line.at + colon] != ':';) colon++;
    } while (colon == line.size && below(t, 50) > 0);
    if (colon == line.size) return;
    end = line.size - (t->data[line.at + line.size - 1] == '\n');
    if (end > colon + 1 && t->data[line.at + end - 1] == ',') end--;
    const char *by = values[below(t, count)];
    splice(t, line.at + colon + 1, end - colon - 1, by, strlen(by));
}

static void other_value(text *t)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "false",
                                         "\"\"",
                                         "\"x\"",
                                         "\"none\"",
                                         "\"/\"",
                                         "\"16\"",
                                         "-1",
                                         "0",
                                         "1",
                                         "2",
                                         "3",
                                         "5",
                                         "32",
                                         "0.5",
                                         "-0.0",
                                         "1e308",
                                         "-1e308",
                                         "1e-320",
                                         "2147483647",
                                         "2147483648",
                                         "-2147483649",
                                         "1000000000000",
                                         "4611686018427387904",
                                         "9223372036854775807",
                                         "-9223372036854775808",
                                         "[]",
                                         "[[]]",
                                         "[0]",
                                         "[-1]",
                                         "[2, 0]",
                                         "[1, 1, 1, 1, 1, 1, 1, 1, 1]",
                                         "[1, 1, 1, 1, 1, 1, 1, 1]",
                                         "[4611686018427387904, 4]",
                                         "[1, \"1\"]",
                                         "{}",
                                         "{\"ch\": 1}",
                                         "{\"disc\": {}}",
                                         "{\"n_layers\": 1000000000}"};
    put_value(t, values, sizeof values / sizeof *values);
}

static void no_value(text *t)
{
    static const char *const values[] = {"1e999",
                                         "NaN",
                                         "Infinity",
                                         "99999999999999999999",
                                         "\xff\xfe",
                                         "\"\xc3\x28\"",
                                         "\"\xed\xa0\x80\"",
                                         "\"\\ud800\"",
                                         "\"\\u0000\"",
                                         "01",
                                         "+1",
                                         "0x10",
                                         "1,",
                                         ""};
    put_value(t, values, sizeof values / sizeof *values);
}

static void line_lost(text *t)
{
    span line = some_line(t);
    splice(t, line.at, line.size, "", 0);
}

/* Twice in one section, or once in another. */
static void line_copied(text *t)
{
    char copy[256];
    span line = some_line(t);
    if (line.size > sizeof copy) return;
    memcpy(copy, t->data + line.at, line.size);
    splice(t, below(t, 2) ? line.at : some_line(t).at, 0, copy, line.size);
}

static void cut_off(text *t) { t->data[t->size = below(t, t->size + 1)] = 0; }

static void byte_changed(text *t)
{
    if (t->size) t->data[below(t, t->size)] = (char)below(t, 256);
}

static void zero_byte(text *t) { splice(t, below(t, t->size + 1), 0, "", 1); }

/* A value of up to 4096 nested lists, of which the last closes are left out at times. */
static void deep(text *t)
{
    char many[8193];
    size_t depth = (size_t)1 << below(t, 13), closes = below(t, 4) ? depth : depth / 2;
    memset(many, '[', depth);
    memset(many + depth, ']', closes);
    many[depth + closes] = 0;
    put_value(t, &(const char *){many}, 1);
}

static void long_word(text *t)
{
    char many[9000];
    memset(many, 'y', sizeof many);
    size_t at = some_line(t).at;
    while (at < t->size && t->data[at] != '"') at++;
    if (at < t->size) splice(t, at + 1, 0, many, 1 + below(t, sizeof many));
}

/* `given` with one or two other values, or changed by all means once to three times. */
static void change(text *t, const char *given, size_t size)
{
    static void (*const changes[])(text *) = {other_value,  no_value,  line_lost, line_copied, cut_off,
                                              byte_changed, zero_byte, deep,      long_word};
    bool meaning = below(t, 3) > 0;
    t->size = 0;
    splice(t, 0, 0, given, size);
    for (size_t n = 1 + below(t, meaning ? 2 : 3); n > 0; n--)
        changes[meaning ? 0 : below(t, sizeof changes / sizeof *changes)](t);
}

static text changed = {.random = 1};

/* ---- the program ------------------------------------------------------------------------------------------------------- */

static void show_text(int i) { printf("change %d:\n%.3000s\n%s\n", i, changed.data, shell_said); }

/* `command` trains a step with c.json; `prefix` is what each of its errors begins with. */
static void endure(const char *file, const char *command, const char *prefix)
{
    char given[TEXT_ROOM / 4], line[1000];
    FILE *f = fopen(temp_path(file), "rb");
    assert_non_null(f);
    size_t size = fread(given, 1, sizeof given, f);
    int runs = times(RUNS), refused = 0;
    fclose(f);
    snprintf(line, sizeof line,
             BOUNDED "ulimit -t 60; rm -rf q; timeout -k 1 60 %s --config c.json --steps 1 --out q </dev/null",
             command);
    for (int i = 0; i < runs; i++) {
        change(&changed, given, size);
        temp_write("c.json", changed.data, (int64_t)changed.size);
        int status = shell_run(line);
        bool said = strstr(shell_said, prefix) != NULL && strlen(shell_said) > strlen(prefix) + 10;
        if (status > 2 || (status > 0 && !said)) show_text(i);
        assert_in_range(status, 0, 2);
        assert_true(status == 0 || said);
        refused += status != 0;
    }
    assert_in_range(refused, runs / 2, runs - runs / 20);
}

static void a_changed_configuration_of_a_vqgan_trains_or_is_refused(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 1 --out r", 0);
    endure("r/config.json", "$T train vqgan --no-progress", "tessera train vqgan: ");
}

static void a_changed_configuration_of_a_prior_trains_or_is_refused(void **state)
{
    (void)state;
    shell_expect(TRAIN_PRIOR "--steps 1 --out p", 0);
    endure("p/config.json", "$T train prior --no-progress", "tessera train prior: ");
}

/* ---- the models' own --------------------------------------------------------------------------------------------------- */

/* Refused with a sentence and nothing changed, or read as what is written again. */
#define ENDURE_READS(model, given)                                                                                     \
    do {                                                                                                               \
        tsr_##model##_config start = (given), read, again;                                                             \
        tsr_bytes first, back;                                                                                         \
        int good = 0, reads = times(READS);                                                                            \
        assert_int_equal(tsr_##model##_config_write(&start, &first), TSR_OK);                                          \
        char *lines = one_member_a_line(first.data);                                                                   \
        for (int i = 0; i < reads; i++) {                                                                              \
            change(&changed, lines, strlen(lines));                                                                    \
            read = start;                                                                                              \
            tsr_status status = tsr_##model##_config_read(changed.data, &read);                                        \
            if (status == TSR_OK) {                                                                                    \
                good++;                                                                                                \
                assert_int_equal(tsr_##model##_config_write(&read, &back), TSR_OK);                                    \
                again = start;                                                                                         \
                assert_int_equal(tsr_##model##_config_read(back.data, &again), TSR_OK);                                \
                tsr_bytes_free(&back);                                                                                 \
                assert_memory_equal(&again, &read, sizeof read);                                                       \
                status = tsr_##model##_config_check(&read);                                                            \
            } else assert_memory_equal(&read, &start, sizeof read);                                                    \
            if (status != TSR_OK) assert_true(strlen(tsr_error_message()) > 20);                                       \
            tsr_error_clear();                                                                                         \
        }                                                                                                              \
        assert_in_range(good, reads / 20, reads / 2);                                                                  \
        free(lines);                                                                                                   \
        tsr_bytes_free(&first);                                                                                        \
    } while (0)

static char *one_member_a_line(const char *json)
{
    char *lines = malloc(2 * strlen(json) + 1), *to = lines;
    assert_non_null(lines);
    for (; *json; json++) {
        *to++ = *json;
        if (strchr("{,", *json)) *to++ = '\n';
    }
    *to = 0;
    return lines;
}

static void a_changed_vqgan_is_read_as_it_is_written_or_refused(void **state)
{
    (void)state;
    ENDURE_READS(vqgan, small_vqgan_config());
}

static void a_changed_gpt_is_read_as_it_is_written_or_refused(void **state)
{
    (void)state;
    ENDURE_READS(gpt, small_gpt_config());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_vqgan_is_read_as_it_is_written_or_refused),
        cmocka_unit_test(a_changed_gpt_is_read_as_it_is_written_or_refused),
        cmocka_unit_test(a_changed_configuration_of_a_vqgan_trains_or_is_refused),
        cmocka_unit_test(a_changed_configuration_of_a_prior_trains_or_is_refused),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
