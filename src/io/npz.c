/* npz.c: NumPy's .npz files: a zip archive of .npy members, by libzip.

   Opening reads the beginning of each member, so that shapes are known; elements are unpacked when a tensor is asked for.
   A member's declared size is held against its packed size before memory is taken for it: deflate cannot expand more
   than 1032 times, so that a small file cannot make us take gigabytes. */
#include <string.h>
#include <zip.h>

#include "base/alloc.h"
#include "io/atomic_file.h"
#include "io/elements.h"
#include "io/npy.h"

enum { HEAD_ROOM = (1 << 16) + 12, MOST_EXPANSION = 1032 };

static bool looks_like_zip(const unsigned char *data, int64_t size)
{
    return size >= 4 && data[0] == 'P' && data[1] == 'K' && (data[2] == 3 || data[2] == 5);
}

/* ---- reading ---- */

/* Read up to `room` bytes of the member; -1 and an error when that fails. */
static int64_t read_member(tsr_archive *a, uint64_t member, const char *name, void *out, int64_t room)
{
    zip_file_t *f = zip_fopen_index(a->state, member, 0);
    if (!f) {
        archive_damaged(a, "member \"%.100s\" cannot be read: %s", name, zip_strerror(a->state));
        return -1;
    }
    int64_t n = 0, got = 1;
    while (n < room && (got = zip_fread(f, (char *)out + n, (zip_uint64_t)(room - n))) > 0) n += got;
    if (got < 0) archive_damaged(a, "member \"%.100s\" cannot be unpacked: %s", name, zip_file_strerror(f));
    zip_fclose(f);
    return got < 0 ? -1 : n;
}

static tsr_status check_sizes(tsr_archive *a, const zip_stat_t *s)
{
    zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((s->valid & wanted) != wanted || s->size > INT64_MAX)
        return archive_damaged(a, "member \"%.100s\" does not say its size", s->name);
    bool stored = s->comp_method == ZIP_CM_STORE;
    if (stored ? s->size != s->comp_size : s->size / MOST_EXPANSION > s->comp_size + 1)
        return archive_damaged(a, "member \"%.100s\" says that %llu bytes unpack to %llu", s->name,
                               (unsigned long long)s->comp_size, (unsigned long long)s->size);
    return TSR_OK;
}

static tsr_status add_member(tsr_archive *a, const zip_stat_t *s, size_t name_length, unsigned char *head)
{
    char *name = tsr_strdup(s->name);
    if (!name) return TSR_ENOMEM;
    name[name_length] = 0;
    archive_item item = {0};
    npy_texts texts;
    int64_t room = s->size < HEAD_ROOM ? (int64_t)s->size : HEAD_ROOM;
    int64_t n = read_member(a, s->index, s->name, head, room);
    tsr_status status = n < 0 ? tsr_error_status() : TSR_OK;
    if (status == TSR_OK) status = npy_read_header(a, name, head, n, (int64_t)s->size, &item, &texts);
    if (status == TSR_OK && tsr_archive_find(a, name) >= 0)
        status = archive_damaged(a, "member \"%.100s\" is there twice", s->name);
    item.member = s->index;
    if (status == TSR_OK) status = archive_add(a, &item);
    tsr_free(name);
    return status;
}

static tsr_status add_members(tsr_archive *a, unsigned char *head)
{
    int64_t members = zip_get_num_entries(a->state, 0);
    for (int64_t i = 0; i < members; i++) {
        zip_stat_t s;
        zip_stat_init(&s);
        if (zip_stat_index(a->state, (zip_uint64_t)i, 0, &s) != 0 || !(s.valid & ZIP_STAT_NAME))
            return archive_damaged(a, "member %lld has no name: %s", (long long)i, zip_strerror(a->state));
        size_t n = strlen(s.name);
        if (n < 4 || strcmp(s.name + n - 4, ".npy") != 0) continue; /* not an array */
        TSR_TRY(check_sizes(a, &s));
        TSR_TRY(add_member(a, &s, n - 4, head));
    }
    return TSR_OK;
}

static tsr_status open_npz(tsr_archive *a)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(a->blob->data, (zip_uint64_t)a->blob->size, 0, &error);
    if (source) a->state = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    tsr_status status = TSR_OK;
    if (!a->state) {
        zip_source_free(source);
        status = archive_damaged(a, "not a whole zip archive: %s", zip_error_strerror(&error));
    }
    zip_error_fini(&error);
    TSR_TRY(status);
    unsigned char *head = tsr_alloc(HEAD_ROOM);
    if (!head) return TSR_ENOMEM;
    status = add_members(a, head);
    tsr_free(head);
    return status;
}

static void close_npz(tsr_archive *a)
{
    if (a->state) zip_discard(a->state);
}

/* The unpacked member becomes the tensor's memory, header and all. */
static tsr_tensor *get_npz(tsr_archive *a, int64_t i)
{
    const archive_item *item = &a->items[i];
    const tsr_entry *e = &item->entry;
    int64_t whole = item->offset + e->bytes;
    unsigned char *data = tsr_alloc((size_t)whole + 1); /* one more, so that the member's end and checksum are read */
    if (!data) return NULL;
    int64_t n = read_member(a, item->member, e->name, data, whole + 1);
    blob *b = blob_wrap(data, whole, tsr_free, data);
    if (!b) return NULL;
    tsr_tensor *t = NULL;
    if (n >= 0 && n != whole) archive_damaged(a, "member \"%.100s\" is not as long as it says", e->name);
    else if (n >= 0 && item->fortran && e->shape.n > 1) t = npy_from_fortran(data + item->offset, e->shape, e->dtype);
    else if (n >= 0) t = blob_tensor(b, item->offset, e->shape, e->dtype);
    blob_release(b);
    return t;
}

const archive_format npz_format = {looks_like_zip, open_npz, get_npz, close_npz};

/* ---- writing ---- */

/* What a member is made of; it must live until the archive is closed. */
typedef struct member {
    tsr_text head;
    elements elements;
} member;

static tsr_status zip_failed(const char *path, zip_error_t *error)
{
    int code = zip_error_code_zip(error);
    return tsr_fail(code == ZIP_ER_MEMORY ? TSR_ENOMEM : TSR_EIO, "cannot write %s: %s", path,
                    zip_error_strerror(error));
}

static tsr_status add_array(zip_t *zip, const char *path, const tsr_named *t, member *m)
{
    TSR_TRY(npy_write_header(t->tensor, &m->head));
    TSR_TRY(elements_get(t->tensor, &m->elements));
    char *name = tsr_alloc(strlen(t->name) + 5);
    if (!name) return TSR_ENOMEM;
    strcat(strcpy(name, t->name), ".npy");
    zip_buffer_fragment_t parts[] = {{(zip_uint8_t *)m->head.data, m->head.length},
                                     {(zip_uint8_t *)m->elements.data, m->elements.bytes}};
    zip_source_t *source = zip_source_buffer_fragment(zip, parts, m->elements.bytes ? 2 : 1, 0);
    int64_t i = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (i < 0) zip_source_free(source);
    tsr_free(name);
    if (i < 0 && zip_error_code_zip(zip_get_error(zip)) == ZIP_ER_EXISTS)
        return tsr_fail(TSR_EINVAL, "save_npz: the name \"%.100s\" is given twice", t->name);
    if (i < 0 || zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(zip, (zip_uint64_t)i, 0, 0x21, 0) != 0) /* 1980: the same tensors give the same file */
        return zip_failed(path, zip_get_error(zip));
    return TSR_OK;
}

static tsr_status fill_zip(zip_t *zip, const char *path, const tsr_named *tensors, member *members, int64_t n)
{
    tsr_status status = TSR_OK;
    for (int64_t i = 0; i < n && status == TSR_OK; i++) {
        if (!tensors[i].name || !tensors[i].tensor)
            status = tsr_fail(TSR_EINVAL, "save_npz: the %s of entry %lld is NULL", tensors[i].name ? "tensor" : "name",
                              (long long)i);
        else status = add_array(zip, path, &tensors[i], &members[i]);
    }
    if (status == TSR_OK && zip_close(zip) == 0) return TSR_OK;
    if (status == TSR_OK) status = zip_failed(path, zip_get_error(zip));
    zip_discard(zip);
    return status;
}

/* libzip replaces the temporary file by its name, and we then the target. */
static tsr_status write_zip(const char *path, const tsr_named *tensors, member *members, int64_t n)
{
    atomic_file f;
    TSR_TRY(atomic_file_open(&f, path));
    if (f.direct) {
        atomic_file_abandon(&f);
        return tsr_fail(TSR_EIO, "cannot write %s: a .npz file must be a regular file", path);
    }
    int code = 0;
    zip_t *zip = zip_open(f.temporary, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!zip) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        tsr_status status = zip_failed(path, &error);
        zip_error_fini(&error);
        atomic_file_abandon(&f);
        return status;
    }
    tsr_status status = fill_zip(zip, path, tensors, members, n);
    if (status == TSR_OK) TSR_TRY(atomic_file_reopen(&f));
    if (status == TSR_OK) return atomic_file_commit(&f);
    atomic_file_abandon(&f);
    return status;
}

tsr_status tsr_save_npz(const char *path, const tsr_named *tensors, int64_t n)
{
    if (tsr_error_pending()) return tsr_error_status();
    if (!path || n < 0)
        return tsr_fail(TSR_EINVAL, "save_npz: %s", path ? "the count is negative" : "the path is NULL");
    if (n == 0) return tsr_fail(TSR_EINVAL, "save_npz: no tensors: %s would be an empty archive", path);
    member *members = tsr_alloc_zeroed((size_t)n, sizeof *members);
    if (!members) return TSR_ENOMEM;
    tsr_status status = write_zip(path, tensors, members, n);
    for (int64_t i = 0; i < n; i++) {
        tsr_text_free(&members[i].head);
        elements_free(&members[i].elements);
    }
    tsr_free(members);
    return status;
}
