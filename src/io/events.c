/* events.c: TensorBoard's event files.

   A file is a row of records: length, masked CRC of the length, an Event message of protocol buffers, masked CRC of it.
   The messages we need are small enough to be written by hand; the field numbers are those of TensorFlow's event.proto
   and summary.proto. A record goes to the file in one write, and one that could not be written whole is cut off again,
   so that a reader never meets half a record. */
#include "tessera/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/util.h"
#include "io/atomic_file.h"
#include "io/crc32c.h"
#include "tessera/image.h"

struct tsr_events {
    int fd;
    int64_t length; /* of the whole records in the file */
    char *path;
};

/* ---- protocol buffers ---- */

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static void put_varint(tsr_text *t, uint64_t n)
{
    unsigned char bytes[10];
    size_t count = 0;
    for (; n >= 128; n >>= 7) bytes[count++] = (unsigned char)(n | 128);
    bytes[count++] = (unsigned char)n;
    tsr_text_add_bytes(t, bytes, count);
}

static void put_number(tsr_text *t, unsigned field, int64_t n)
{
    put_varint(t, field << 3 | VARINT);
    put_varint(t, (uint64_t)n);
}

static void put_f64(tsr_text *t, unsigned field, double x)
{
    put_varint(t, field << 3 | FIXED64);
    tsr_text_add_bytes(t, &x, sizeof x);
}

static void put_f32(tsr_text *t, unsigned field, float x)
{
    put_varint(t, field << 3 | FIXED32);
    tsr_text_add_bytes(t, &x, sizeof x);
}

static void put_bytes(tsr_text *t, unsigned field, const void *data, size_t n)
{
    put_varint(t, field << 3 | BYTES);
    put_varint(t, n);
    tsr_text_add_bytes(t, data, n);
}

/* A message within a message; takes it over. */
static void put_message(tsr_text *t, unsigned field, tsr_text *message)
{
    t->failed |= message->failed;
    put_bytes(t, field, tsr_text_get(message), message->length);
    tsr_text_free(message);
}

/* ---- records ---- */

static void put_checked(tsr_text *t, const void *data, size_t n)
{
    uint32_t crc = crc32c_masked(data, n);
    tsr_text_add_bytes(t, data, n);
    tsr_text_add_bytes(t, &crc, sizeof crc);
}

static tsr_status append(tsr_events *e, const tsr_text *record)
{
    size_t done = 0;
    while (done < record->length) {
        ssize_t n = write(e->fd, record->data + done, record->length - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            tsr_status status = io_fail("write", e->path);
            if (ftruncate(e->fd, e->length) == 0) lseek(e->fd, e->length, SEEK_SET);
            return status;
        }
        done += (size_t)n;
    }
    e->length += (int64_t)record->length;
    return TSR_OK;
}

/* Event: wall_time = 1, step = 2, then what `content` holds. Takes content over. */
static tsr_status write_event(tsr_events *e, int64_t step, tsr_text *content)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    tsr_text event = {0}, record = {0};
    put_f64(&event, 1, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    if (step) put_number(&event, 2, step);
    event.failed |= content->failed;
    tsr_text_add_bytes(&event, tsr_text_get(content), content->length);
    uint64_t length = event.length;
    put_checked(&record, &length, sizeof length);
    put_checked(&record, tsr_text_get(&event), event.length);
    tsr_status status = event.failed || record.failed ? TSR_ENOMEM : append(e, &record);
    tsr_text_free(content);
    tsr_text_free(&event);
    tsr_text_free(&record);
    return status;
}

/* Event.summary = 5, Summary.value = 1, Value.tag = 1; the value's own field is in `value` already. Takes value over. */
static tsr_status write_value(tsr_events *e, const char *tag, int64_t step, tsr_text *value)
{
    tsr_text tagged = {0}, summary = {0}, content = {0};
    put_bytes(&tagged, 1, tag, strlen(tag));
    tagged.failed |= value->failed;
    tsr_text_add_bytes(&tagged, tsr_text_get(value), value->length);
    tsr_text_free(value);
    put_message(&summary, 1, &tagged);
    put_message(&content, 5, &summary);
    return write_event(e, step, &content);
}

static tsr_status check(const tsr_events *e, const char *tag)
{
    if (tsr_error_pending()) return tsr_error_status();
    if (!e || !tag) return tsr_fail(TSR_EINVAL, "events: the %s is NULL", e ? "tag" : "writer");
    return TSR_OK;
}

tsr_status tsr_events_scalar(tsr_events *e, const char *tag, int64_t step, double value)
{
    TSR_TRY(check(e, tag));
    tsr_text v = {0};
    put_f32(&v, 2, (float)value); /* Value.simple_value */
    return write_value(e, tag, step, &v);
}

/* Value.image = 4; Image: height = 1, width = 2, colorspace (channels) = 3, encoded_image_string = 4. */
tsr_status tsr_events_image(tsr_events *e, const char *tag, int64_t step, const tsr_tensor *image)
{
    TSR_TRY(check(e, tag));
    tsr_bytes png;
    TSR_TRY(tsr_image_encode_png(image, &png));
    tsr_text picture = {0}, v = {0};
    put_number(&picture, 1, tsr_size(image, 0));
    put_number(&picture, 2, tsr_size(image, 1));
    put_number(&picture, 3, tsr_ndim(image) == 3 ? tsr_size(image, 2) : 1);
    put_bytes(&picture, 4, png.data, (size_t)png.size);
    tsr_bytes_free(&png);
    put_message(&v, 4, &picture);
    return write_value(e, tag, step, &v);
}

/* Event.session_log = 7, SessionLog.status = 1, START = 1: with the event's step, what readers look for to purge. */
tsr_status tsr_events_restart(tsr_events *e, int64_t step)
{
    enum { START = 1 };
    TSR_TRY(check(e, ""));
    tsr_text log = {0}, content = {0};
    put_number(&log, 1, START);
    put_message(&content, 7, &log);
    return write_event(e, step, &content);
}

/* ---- the file ---- */

/* Two runs that start in one second, in one process, must not share a file: a count is added from the second on. */
static tsr_status create_file(tsr_events *e, const char *folder)
{
    char host[128] = "";
    if (gethostname(host, sizeof host - 1) != 0 || !*host) strcpy(host, "localhost");
    for (int count = 0; e->fd < 0; count++) {
        tsr_text path = {0};
        tsr_text_add(&path, "%s/events.out.tfevents.%lld.%s.%ld", folder, (long long)time(NULL), host, (long)getpid());
        if (count) tsr_text_add(&path, ".%d", count);
        tsr_free(e->path);
        e->path = path.data;
        if (path.failed) return TSR_ENOMEM;
        e->fd = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (e->fd < 0 && errno != EEXIST) return io_fail("write", e->path);
    }
    return TSR_OK;
}

/* Event.file_version = 3, which every reader looks for first. */
static tsr_status write_version(tsr_events *e)
{
    static const char version[] = "brain.Event:2";
    tsr_text content = {0};
    put_bytes(&content, 3, version, sizeof version - 1);
    return write_event(e, 0, &content);
}

tsr_events *tsr_events_open(const char *folder)
{
    if (tsr_make_folder(folder) != TSR_OK) return NULL;
    tsr_events *e = tsr_alloc(sizeof *e);
    if (!e) return NULL;
    *e = (tsr_events){.fd = -1};
    if (create_file(e, folder) == TSR_OK && write_version(e) == TSR_OK) return e;
    tsr_events_close(e);
    return NULL;
}

void tsr_events_close(tsr_events *e)
{
    if (!e) return;
    if (e->fd >= 0) close(e->fd);
    tsr_free(e->path);
    tsr_free(e);
}
