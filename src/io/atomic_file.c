/* atomic_file.c: write to a temporary name beside the target, sync, rename, sync the folder. At any moment, also after a
   crash, the target is either the old file or the whole new one. A target that is not a regular file (/dev/stdout, a
   pipe) cannot be replaced and is written in place. */
#include "io/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/util.h"

tsr_status io_fail(const char *what, const char *path)
{
    int error = errno;
    return tsr_fail(error == ENOMEM ? TSR_ENOMEM : TSR_EIO, "cannot %s %s: %s", what, path, strerror(error));
}

static void forget(atomic_file *f)
{
    if (f->fd >= 0) close(f->fd);
    if (f->temporary != f->path) tsr_free(f->temporary);
    tsr_free(f->path);
    *f = (atomic_file){.fd = -1};
}

void atomic_file_abandon(atomic_file *f)
{
    if (f->temporary && !f->direct) unlink(f->temporary);
    forget(f);
}

static tsr_status fail_and_abandon(atomic_file *f, const char *what)
{
    tsr_status status = io_fail(what, f->path);
    atomic_file_abandon(f);
    return status;
}

/* A link to a file stays a link: the file it names is replaced. */
static char *follow_links(const char *path)
{
    char real[PATH_MAX];
    return tsr_strdup(realpath(path, real) ? real : path);
}

/* "<path>.<process>-<count>.tmp": in the target's folder, since a rename does not cross file systems; unlike the name
   of any other writer, in this process or another. */
static char *temporary_name(const char *path)
{
    static _Atomic unsigned count;
    size_t room = strlen(path) + 48;
    char *name = tsr_alloc(room);
    if (name) snprintf(name, room, "%s.%ld-%u.tmp", path, (long)getpid(), atomic_fetch_add(&count, 1));
    return name;
}

static int open_temporary(atomic_file *f, const struct stat *old)
{
    int fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 && old) {
        int unchanged = fchmod(fd, old->st_mode & 07777); /* as if the file had been written in place */
        (void)unchanged;                                  /* and if that is not allowed, it is not needed */
    }
    return fd;
}

tsr_status atomic_file_open(atomic_file *f, const char *path)
{
    *f = (atomic_file){.fd = -1};
    if (tsr_error_pending()) return tsr_error_status();
    if (!path || !*path) return tsr_fail(TSR_EINVAL, "cannot write a file without a name");
    struct stat old;
    bool exists = stat(path, &old) == 0;
    f->direct = exists && !S_ISREG(old.st_mode);
    f->path = f->direct ? tsr_strdup(path) : follow_links(path);
    f->temporary = f->direct || !f->path ? f->path : temporary_name(f->path);
    if (!f->temporary) {
        forget(f);
        return TSR_ENOMEM;
    }
    f->fd = f->direct ? open(path, O_WRONLY | O_CLOEXEC) : open_temporary(f, exists ? &old : NULL);
    if (f->fd >= 0) return TSR_OK;
    tsr_status status = io_fail("write", path);
    forget(f);
    return status;
}

tsr_status atomic_file_write(atomic_file *f, const void *data, size_t bytes)
{
    const char *p = data;
    while (bytes > 0) {
        ssize_t n = write(f->fd, p, bytes < INT_MAX / 2 ? bytes : INT_MAX / 2);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_and_abandon(f, "write");
        p += n;
        bytes -= (size_t)n;
    }
    return TSR_OK;
}

tsr_status atomic_file_reopen(atomic_file *f)
{
    close(f->fd);
    f->fd = open(f->temporary, O_WRONLY | O_CLOEXEC);
    return f->fd >= 0 ? TSR_OK : fail_and_abandon(f, "write");
}

/* Some file systems, and pipes, cannot sync; that is not a failure to write. */
static bool synced(int fd) { return fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS; }

/* The new name itself must reach the disk too. */
static bool sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof folder) return true;
    memcpy(folder, path, length);
    folder[length] = 0;
    int fd = open(length ? folder : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return true; /* a folder that may be written but not read: nothing we can do */
    bool ok = synced(fd);
    close(fd);
    return ok;
}

tsr_status atomic_file_commit(atomic_file *f)
{
    if (!synced(f->fd)) return fail_and_abandon(f, "write");
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) != 0) return fail_and_abandon(f, "write");
    if (!f->direct && rename(f->temporary, f->path) != 0) return fail_and_abandon(f, "replace");
    tsr_status status = f->direct || sync_folder(f->path) ? TSR_OK : io_fail("sync the folder of", f->path);
    forget(f);
    return status;
}
