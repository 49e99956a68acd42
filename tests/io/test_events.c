/* Event files, read back by a small reader of TFRecord and protocol buffers that is written here from their
   specifications. CRC-32C against the answers of RFC 3720. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/util.h"
#include "io/crc32c.h"
#include "support/temp_folder.h"
#include "tessera/events.h"
#include "tessera/image.h"

static void crc32c_gives_the_known_answers(void **state)
{
    (void)state;
    unsigned char bytes[32];
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++) bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
    assert_int_equal(crc32c(crc32c(0, bytes, 10), bytes + 10, 22), 0x46dd794e);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
}

/* ---- a reader ---- */

typedef struct slice {
    const unsigned char *at, *end;
} slice;

static uint64_t varint(slice *s)
{
    uint64_t n = 0;
    for (int shift = 0; s->at < s->end; shift += 7) {
        unsigned char b = *s->at++;
        n |= (uint64_t)(b & 127) << shift;
        if (b < 128) break;
    }
    return n;
}

/* The value of the field in a message: a number in *n, bytes in *bytes. False when it is not there. */
static bool field(slice message, unsigned wanted, uint64_t *n, slice *bytes)
{
    while (message.at < message.end) {
        uint64_t key = varint(&message), value = 0, length = 0;
        switch (key & 7) {
        case 0:
            value = varint(&message);
            break;
        case 1:
            length = 8;
            break;
        case 2:
            length = varint(&message);
            break;
        case 5:
            length = 4;
            break;
        default:
            fail_msg("wire type %d", (int)(key & 7));
        }
        assert_true(length <= (uint64_t)(message.end - message.at));
        if ((key & 7) != 2)
            memcpy(&value, length ? message.at : (unsigned char *)&value, length ? length : sizeof value);
        if (key >> 3 == wanted) {
            if (n) *n = value;
            if (bytes) *bytes = (slice){message.at, message.at + length};
            return true;
        }
        message.at += length;
    }
    return false;
}

static uint32_t unmasked(const unsigned char *at)
{
    uint32_t crc;
    memcpy(&crc, at, 4);
    crc -= 0xa282ead8u;
    return crc >> 17 | crc << 15;
}

/* The next record's data, its checksums verified. False at the end. */
static bool record(slice *file, slice *out)
{
    if (file->at == file->end) return false;
    uint64_t length;
    assert_true(file->end - file->at >= 16);
    memcpy(&length, file->at, 8);
    assert_int_equal(unmasked(file->at + 8), crc32c(0, file->at, 8));
    assert_true(length <= (uint64_t)(file->end - file->at) - 16);
    *out = (slice){file->at + 12, file->at + 12 + length};
    assert_int_equal(unmasked(out->end), crc32c(0, out->at, length));
    file->at = out->end + 4;
    return true;
}

static void expect_text(slice bytes, const char *text)
{
    assert_int_equal(bytes.end - bytes.at, strlen(text));
    assert_memory_equal(bytes.at, text, strlen(text));
}

/* Event.summary.value[0] */
static slice value_of(slice event)
{
    slice summary = {0}, value = {0};
    assert_true(field(event, 5, NULL, &summary));
    assert_true(field(summary, 1, NULL, &value));
    return value;
}

/* The only event file in the folder. */
static tsr_bytes read_event_file(const char *folder)
{
    tsr_bytes b = {0};
    char path[1000] = "";
    DIR *d = opendir(temp_path(folder));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strstr(e->d_name, "events.out.tfevents."))
            snprintf(path, sizeof path, "%s/%s", temp_path(folder), e->d_name);
    closedir(d);
    assert_int_equal(tsr_read_file(path, &b), TSR_OK);
    return b;
}

/* ---- tests ---- */

static void scalars_are_in_the_file_as_soon_as_they_are_written(void **state)
{
    (void)state;
    tsr_events *e = tsr_events_open(temp_path("run/a"));
    assert_non_null(e);
    assert_int_equal(tsr_events_scalar(e, "train/loss", 0, 1.5), TSR_OK);
    assert_int_equal(tsr_events_scalar(e, "train/loss", 300, NAN), TSR_OK);
    tsr_bytes b = read_event_file("run/a"); /* before it is closed */
    slice file = {b.data, (unsigned char *)b.data + b.size}, event, bytes;
    uint64_t n;
    double when;

    assert_true(record(&file, &event));
    assert_true(field(event, 3, NULL, &bytes));
    expect_text(bytes, "brain.Event:2");
    assert_true(field(event, 1, &n, NULL));
    memcpy(&when, &n, 8);
    assert_true(fabs(when - (double)time(NULL)) < 100);

    assert_true(record(&file, &event));
    assert_false(field(event, 2, &n, NULL)); /* step 0 is the default, left out */
    slice value = value_of(event);
    assert_true(field(value, 1, NULL, &bytes));
    expect_text(bytes, "train/loss");
    float f;
    assert_true(field(value, 2, &n, NULL));
    memcpy(&f, &n, 4);
    assert_true(f == 1.5f);

    assert_true(record(&file, &event));
    assert_true(field(event, 2, &n, NULL));
    assert_int_equal(n, 300);
    assert_true(field(value_of(event), 2, &n, NULL));
    memcpy(&f, &n, 4);
    assert_true(isnan(f));
    assert_false(record(&file, &event));
    tsr_bytes_free(&b);
    tsr_events_close(e);
}

static void a_restart_tells_from_which_step_on_earlier_events_are_void(void **state)
{
    (void)state;
    tsr_events *e = tsr_events_open(temp_path("run/r"));
    assert_int_equal(tsr_events_restart(e, 301), TSR_OK);
    tsr_events_close(e);
    tsr_bytes b = read_event_file("run/r");
    slice file = {b.data, (unsigned char *)b.data + b.size}, event, log;
    uint64_t n;
    assert_true(record(&file, &event));
    assert_true(record(&file, &event));
    assert_true(field(event, 2, &n, NULL));
    assert_int_equal(n, 301);
    assert_true(field(event, 7, NULL, &log));
    assert_true(field(log, 1, &n, NULL));
    assert_int_equal(n, 1); /* SessionLog.START of TensorFlow's event.proto */
    assert_false(record(&file, &event));
    tsr_bytes_free(&b);
    assert_int_equal(tsr_events_restart(NULL, 1), TSR_EINVAL);
    tsr_error_clear();
}

static void pictures_are_pngs_with_their_size(void **state)
{
    (void)state;
    static const uint8_t pixels[2 * 3 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    tsr_tensor *image = tsr_from_data(pixels, TSR_SHAPE(2, 3, 3), TSR_U8);
    tsr_events *e = tsr_events_open(temp_path("run/b"));
    assert_int_equal(tsr_events_image(e, "samples", 7, image), TSR_OK);
    tsr_events_close(e);
    tsr_bytes b = read_event_file("run/b");
    slice file = {b.data, (unsigned char *)b.data + b.size}, event, picture, png;
    assert_true(record(&file, &event));
    assert_true(record(&file, &event));
    assert_true(field(value_of(event), 4, NULL, &picture));
    static const uint64_t expected[] = {0, 2, 3, 3};
    for (unsigned i = 1; i <= 3; i++) {
        uint64_t n;
        assert_true(field(picture, i, &n, NULL));
        assert_int_equal(n, expected[i]);
    }
    assert_true(field(picture, 4, NULL, &png));
    tsr_tensor *back = tsr_image_decode(png.at, png.end - png.at, NULL);
    assert_memory_equal(tsr_const_data(back), pixels, sizeof pixels);
    tsr_release(back);
    tsr_release(image);
    tsr_bytes_free(&b);
}

static void two_writers_in_one_second_have_two_files(void **state)
{
    (void)state;
    tsr_events *e[3];
    for (int i = 0; i < 3; i++) e[i] = tsr_events_open(temp_path("same"));
    int files = 0;
    DIR *d = opendir(temp_path("same"));
    for (struct dirent *f; (f = readdir(d));) files += strstr(f->d_name, "tfevents") != NULL;
    closedir(d);
    assert_int_equal(files, 3);
    for (int i = 0; i < 3; i++) tsr_events_close(e[i]);
}

static void an_event_that_does_not_fit_on_the_disk_leaves_the_file_readable(void **state)
{
    (void)state;
    tsr_events *e = tsr_events_open(temp_path("full"));
    assert_int_equal(tsr_events_scalar(e, "a", 1, 1), TSR_OK);
    struct rlimit was, little;
    getrlimit(RLIMIT_FSIZE, &was);
    little = (struct rlimit){120, was.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &little);
    tsr_status status = TSR_OK;
    int written = 1;
    while (status == TSR_OK && written < 20) written += (status = tsr_events_scalar(e, "a", 2, 1)) == TSR_OK;
    setrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, TSR_EIO);
    assert_int_equal(tsr_events_scalar(e, "a", 3, 1), TSR_EIO); /* the error is pending */
    tsr_error_clear();
    assert_int_equal(tsr_events_scalar(e, "a", 3, 1), TSR_OK);
    written++;
    tsr_events_close(e);
    tsr_bytes b = read_event_file("full");
    slice file = {b.data, (unsigned char *)b.data + b.size}, event;
    int found = -1; /* the version */
    while (record(&file, &event)) found++;
    assert_int_equal(found, written);
    tsr_bytes_free(&b);
}

static void wrong_use_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(tsr_events_scalar(NULL, "a", 1, 1), TSR_EINVAL);
    tsr_error_clear();
    tsr_events *e = tsr_events_open(temp_path("c"));
    assert_int_equal(tsr_events_scalar(e, NULL, 1, 1), TSR_EINVAL);
    tsr_error_clear();
    assert_int_equal(tsr_events_image(e, "a", 1, NULL), TSR_EINVAL);
    tsr_error_clear();
    tsr_events_close(e);
    tsr_events_close(NULL);
    temp_write("plain", "x", 1);
    assert_null(tsr_events_open(temp_path("plain/below")));
    assert_int_equal(tsr_error_status(), TSR_EIO);
    tsr_error_clear();
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    static const uint8_t pixels[12];
    tsr_tensor *image = tsr_from_data(pixels, TSR_SHAPE(2, 2, 3), TSR_U8);
    int64_t before = tsr_memory_get_stats().blocks;
    for (int64_t nth = 1;; nth++) {
        tsr_alloc_fail_at(nth);
        tsr_events *e = tsr_events_open(temp_path("oom"));
        if (e && tsr_events_scalar(e, "a", 1, 1) == TSR_OK) tsr_events_image(e, "a", 1, image);
        bool failed = tsr_alloc_failed();
        tsr_alloc_fail_at(0);
        assert_int_equal(tsr_error_status(), failed ? TSR_ENOMEM : TSR_OK);
        tsr_error_clear();
        tsr_events_close(e);
        assert_int_equal(tsr_memory_get_stats().blocks, before);
        if (!failed) break;
    }
    tsr_release(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_known_answers),
        cmocka_unit_test(scalars_are_in_the_file_as_soon_as_they_are_written),
        cmocka_unit_test(a_restart_tells_from_which_step_on_earlier_events_are_void),
        cmocka_unit_test(pictures_are_pngs_with_their_size),
        cmocka_unit_test(two_writers_in_one_second_have_two_files),
        cmocka_unit_test(an_event_that_does_not_fit_on_the_disk_leaves_the_file_readable),
        cmocka_unit_test(wrong_use_is_an_error),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
