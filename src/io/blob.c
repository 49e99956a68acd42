/* blob.c: mapping files, and tensors that lie in them. The mapping is private: a write copies the page, so that an
   in-place operation on a loaded tensor works and leaves the file alone. */
#include "io/blob.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/util.h"
#include "io/atomic_file.h"
#include "io/elements.h"
#include "tessera/io.h"

blob *blob_wrap(void *data, int64_t size, void (*done)(void *user), void *user)
{
    blob *b = tsr_alloc(sizeof *b);
    if (b) {
        *b = (blob){.refs = 1, .data = data, .size = size, .done = done, .user = user};
    } else if (done) {
        done(user);
    }
    return b;
}

blob *blob_retain(blob *b)
{
    b->refs++;
    return b;
}

void blob_release(void *p)
{
    blob *b = p;
    if (!b || --b->refs > 0) return;
    if (b->done) b->done(b->user);
    tsr_free(b);
}

/* ---- files ---- */

typedef struct mapping {
    void *start;
    size_t size;
} mapping;

static void unmap(void *user)
{
    mapping *m = user;
    munmap(m->start, m->size);
    tsr_free(m);
}

static blob *map_regular(int fd, size_t size, const char *path)
{
    mapping *m = tsr_alloc(sizeof *m);
    if (!m) return NULL;
    *m = (mapping){mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0), size};
    if (m->start != MAP_FAILED) return blob_wrap(m->start, (int64_t)size, unmap, m);
    io_fail("read", path);
    tsr_free(m);
    return NULL;
}

static blob *read_stream(const char *path)
{
    tsr_bytes bytes;
    if (tsr_read_file(path, &bytes) != TSR_OK) return NULL;
    return blob_wrap(bytes.data, bytes.size, tsr_free, bytes.data);
}

blob *blob_map(const char *path)
{
    if (!path) {
        tsr_fail(TSR_EINVAL, "cannot open a file without a name");
        return NULL;
    }
    struct stat s;
    if (stat(path, &s) == 0 && (!S_ISREG(s.st_mode) || s.st_size == 0)) return read_stream(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0) {
        io_fail("open", path);
        if (fd >= 0) close(fd);
        return NULL;
    }
    blob *b = map_regular(fd, (size_t)s.st_size, path);
    close(fd);
    return b;
}

/* ---- tensors ---- */

tsr_tensor *blob_tensor(blob *b, int64_t offset, tsr_shape shape, tsr_dtype dtype)
{
    unsigned char *at = b->data + offset;
    if (dtype == TSR_BOOL || (uintptr_t)at % tsr_dtype_size(dtype) != 0) {
        tsr_tensor *copy = tsr_from_data(at, shape, dtype);
        if (copy && dtype == TSR_BOOL) elements_fix_bools(tsr_data(copy), tsr_numel(copy));
        return copy;
    }
    tsr_tensor *t = tsr_from_blob(at, shape, dtype, blob_release, b);
    if (t) blob_retain(b);
    return t;
}
