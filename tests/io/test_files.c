/* Whole files: written whole or not at all, also on a full disk; folders. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/util.h"
#include "support/temp_folder.h"
#include "tessera/io.h"

static void expect_content(const char *path, const char *content)
{
    tsr_bytes b;
    assert_int_equal(tsr_read_file(path, &b), TSR_OK);
    assert_int_equal(b.size, strlen(content));
    assert_string_equal(b.data, content);
    tsr_bytes_free(&b);
    assert_null(b.data);
}

static void expect_error(tsr_status status, const char *part)
{
    assert_int_equal(tsr_error_status(), status);
    assert_non_null(strstr(tsr_error_message(), part));
    tsr_error_clear();
}

static void what_is_written_is_read_back_and_replaced(void **state)
{
    (void)state;
    assert_int_equal(tsr_write_file(temp_path("a"), "hello", 5), TSR_OK);
    expect_content(temp_path("a"), "hello");
    assert_int_equal(tsr_write_file(temp_path("a"), NULL, 0), TSR_OK);
    expect_content(temp_path("a"), "");
    assert_int_equal(temp_count(), 1);
    unlink(temp_path("a"));
}

static void a_name_without_a_folder_is_in_the_current_one(void **state)
{
    (void)state;
    char was[4096];
    assert_non_null(getcwd(was, sizeof was));
    assert_int_equal(chdir(temp_path("")), 0);
    assert_int_equal(tsr_write_file("plain", "x", 1), TSR_OK);
    expect_content("plain", "x");
    unlink("plain");
    assert_int_equal(chdir(was), 0);
}

static void a_missing_file_is_an_error_that_names_it(void **state)
{
    (void)state;
    tsr_bytes b;
    assert_int_equal(tsr_read_file(temp_path("missing"), &b), TSR_EIO);
    assert_null(b.data);
    assert_non_null(strstr(tsr_error_message(), "missing"));
    expect_error(TSR_EIO, "No such file");
    assert_int_equal(tsr_write_file(temp_path("no/such/folder"), "x", 1), TSR_EIO);
    expect_error(TSR_EIO, "no/such/folder");
    assert_int_equal(tsr_read_file(temp_path(""), &b), TSR_EIO);
    expect_error(TSR_EIO, "directory");
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    assert_int_equal(tsr_write_file("/dev/full", "x", 1), TSR_EIO);
    expect_error(TSR_EIO, "No space left");
    struct stat s;
    assert_int_equal(stat("/dev/full", &s), 0);
    assert_true(S_ISCHR(s.st_mode)); /* not replaced by a file */
}

static void a_short_write_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    static char big[100000];
    assert_int_equal(tsr_write_file(temp_path("kept"), "old", 3), TSR_OK);
    struct rlimit was, little = {1000, 1000};
    getrlimit(RLIMIT_FSIZE, &was);
    little.rlim_max = was.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &little);
    tsr_status replaced = tsr_write_file(temp_path("kept"), big, sizeof big);
    tsr_error_clear();
    tsr_status created = tsr_write_file(temp_path("new"), big, sizeof big);
    setrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, handler);
    assert_int_equal(replaced, TSR_EIO);
    assert_int_equal(created, TSR_EIO);
    expect_error(TSR_EIO, "File too large");
    expect_content(temp_path("kept"), "old");
    assert_int_equal(temp_count(), 1);
    unlink(temp_path("kept"));
}

static void nothing_is_written_while_an_error_is_pending(void **state)
{
    (void)state;
    tsr_fail(TSR_ENUMERIC, "loss is NaN");
    assert_int_equal(tsr_write_file(temp_path("b"), "x", 1), TSR_ENUMERIC);
    tsr_error_clear();
    assert_false(temp_exists("b"));
}

static void permissions_and_links_survive_replacement(void **state)
{
    (void)state;
    assert_int_equal(tsr_write_file(temp_path("target"), "1", 1), TSR_OK);
    assert_int_equal(chmod(temp_path("target"), 0640), 0);
    assert_int_equal(symlink("target", temp_path("link")), 0);
    assert_int_equal(tsr_write_file(temp_path("link"), "22", 2), TSR_OK);
    struct stat s;
    assert_int_equal(lstat(temp_path("link"), &s), 0);
    assert_true(S_ISLNK(s.st_mode));
    assert_int_equal(stat(temp_path("target"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640);
    expect_content(temp_path("target"), "22");
    unlink(temp_path("link"));
    unlink(temp_path("target"));
}

static void a_pipe_is_read_to_its_end_and_written_in_place(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    char path[64];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    if (access(path, W_OK) != 0) skip();
    assert_int_equal(tsr_write_file(path, "through", 7), TSR_OK);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    expect_content(path, "through");
    close(ends[0]);
}

static void every_failed_allocation_is_reported_and_leaves_nothing(void **state)
{
    (void)state;
    int64_t before = tsr_memory_get_stats().blocks;
    for (int64_t nth = 1;; nth++) {
        tsr_alloc_fail_at(nth);
        tsr_status status = tsr_write_file(temp_path("c"), "x", 1);
        tsr_bytes b = {0};
        if (status == TSR_OK) status = tsr_read_file(temp_path("c"), &b);
        if (status == TSR_OK) status = tsr_make_folder(temp_path("folder"));
        bool failed = tsr_alloc_failed();
        tsr_alloc_fail_at(0);
        assert_int_equal(status, failed ? TSR_ENOMEM : TSR_OK);
        tsr_error_clear();
        tsr_bytes_free(&b);
        assert_int_equal(tsr_memory_get_stats().blocks, before);
        assert_true(temp_count() == (temp_exists("c") ? 1 : 0) + (temp_exists("folder") ? 1 : 0));
        if (!failed) break;
    }
    unlink(temp_path("c"));
    rmdir(temp_path("folder"));
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    assert_int_equal(tsr_make_folder(temp_path("x/y/z")), TSR_OK);
    assert_int_equal(tsr_make_folder(temp_path("x/y/z/")), TSR_OK);
    assert_true(temp_exists("x/y/z"));
    assert_int_equal(tsr_write_file(temp_path("x/file"), "1", 1), TSR_OK);
    assert_int_equal(tsr_make_folder(temp_path("x/file/below")), TSR_EIO);
    expect_error(TSR_EIO, "x/file");
    unlink(temp_path("x/file"));
    rmdir(temp_path("x/y/z"));
    rmdir(temp_path("x/y"));
    rmdir(temp_path("x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back_and_replaced),
        cmocka_unit_test(a_name_without_a_folder_is_in_the_current_one),
        cmocka_unit_test(a_missing_file_is_an_error_that_names_it),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(a_short_write_leaves_the_old_file_and_nothing_else),
        cmocka_unit_test(nothing_is_written_while_an_error_is_pending),
        cmocka_unit_test(permissions_and_links_survive_replacement),
        cmocka_unit_test(a_pipe_is_read_to_its_end_and_written_in_place),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaves_nothing),
        cmocka_unit_test(folders_are_made_with_their_parents),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
