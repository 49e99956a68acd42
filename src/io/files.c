/* files.c: reading and writing whole files, and making folders. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/util.h"
#include "io/atomic_file.h"
#include "tessera/io.h"

/* Append what is left of the file to t. */
static tsr_status read_all(int fd, const char *path, tsr_text *t)
{
    char piece[1 << 16];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_fail("read", path);
        tsr_text_add_bytes(t, piece, (size_t)n);
        if (t->failed) return TSR_ENOMEM;
        if (n == 0) return TSR_OK;
    }
}

/* Room for the whole file at once, where its size is known. */
static void expect_size(int fd, tsr_text *t)
{
    struct stat s;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_size <= 0) return;
    t->room = (size_t)s.st_size + 1;
    t->data = tsr_alloc(t->room);
    if (!t->data) t->failed = true;
}

tsr_status tsr_read_file(const char *path, tsr_bytes *out)
{
    *out = (tsr_bytes){0};
    if (!path) return tsr_fail(TSR_EINVAL, "cannot read a file without a name");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_fail("read", path);
    tsr_text t = {0};
    expect_size(fd, &t);
    tsr_status status = t.failed ? TSR_ENOMEM : read_all(fd, path, &t);
    close(fd);
    if (status == TSR_OK) {
        *out = (tsr_bytes){t.data, (int64_t)t.length};
    } else {
        tsr_text_free(&t);
    }
    return status;
}

tsr_status tsr_write_file(const char *path, const void *data, int64_t size)
{
    if (size < 0 || (size > 0 && !data)) return tsr_fail(TSR_EINVAL, "write_file: %lld bytes at NULL", (long long)size);
    atomic_file f;
    TSR_TRY(atomic_file_open(&f, path));
    TSR_TRY(atomic_file_write(&f, data, (size_t)size));
    return atomic_file_commit(&f);
}

tsr_status tsr_bytes_copy(const void *data, int64_t size, tsr_bytes *out)
{
    *out = (tsr_bytes){NULL, 0};
    char *copy = tsr_alloc((size_t)size + 1);
    if (!copy) return TSR_ENOMEM;
    memcpy(copy, data, (size_t)size);
    copy[size] = 0;
    *out = (tsr_bytes){copy, size};
    return TSR_OK;
}

void tsr_bytes_free(tsr_bytes *bytes)
{
    if (!bytes) return;
    tsr_free(bytes->data);
    *bytes = (tsr_bytes){0};
}

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* One level; its parent exists. */
static tsr_status make_one(const char *path)
{
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && is_folder(path))) return TSR_OK;
    return io_fail("make the folder", path);
}

tsr_status tsr_make_folder(const char *path)
{
    if (!path || !*path) return tsr_fail(TSR_EINVAL, "cannot make a folder without a name");
    if (is_folder(path)) return TSR_OK;
    char *part = tsr_strdup(path);
    tsr_status status = part ? TSR_OK : TSR_ENOMEM;
    for (char *p = part; status == TSR_OK && p && (p = strchr(p + 1, '/'));) {
        *p = 0;
        status = make_one(part);
        *p = '/';
    }
    if (status == TSR_OK) status = make_one(path);
    tsr_free(part);
    return status;
}
