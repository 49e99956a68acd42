/* source_idx.c: IDX files, the format of MNIST, Fashion-MNIST and EMNIST; gzipped or not.

   An IDX file begins with two zero bytes, the element type (8: unsigned bytes), the number of dimensions, and each
   dimension as a big-endian 32-bit number; the elements follow. Pictures are [N, rows, columns]; their labels are another
   file, whose name has labels-idx1 where the pictures' has images-idx3. http://yann.lecun.com/exdb/mnist/ */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "data/source_memory.h"

enum { HEADER = 4, MAX_SIDE = 65536 };

/* ---- parsing -------------------------------------------------------------------------------------------------------------------- */

static int64_t big_endian(const uint8_t *p)
{
    return (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | (int64_t)p[3];
}

static tsr_status parse_header(const uint8_t *bytes, int64_t size, const char *name, int dims, int64_t *shape)
{
    if (size < HEADER + 4 * dims)
        return tsr_fail(TSR_EFORMAT, "data: %s is %lld bytes, too short for an IDX file's header", name,
                        (long long)size);
    if (bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 || bytes[3] != dims)
        return tsr_fail(TSR_EFORMAT, "data: %s begins %02x%02x%02x%02x; an IDX file of %d-d bytes begins 000008%02x",
                        name, bytes[0], bytes[1], bytes[2], bytes[3], dims, (unsigned)dims);
    for (int k = 0; k < dims; k++) shape[k] = big_endian(bytes + HEADER + 4 * k);
    return TSR_OK;
}

tsr_status data_parse_idx(const uint8_t *bytes, int64_t size, const char *name, data_records *out)
{
    int64_t shape[3];
    TSR_TRY(parse_header(bytes, size, name, 3, shape));
    int64_t offset = HEADER + 3 * 4, count = shape[0], height = shape[1], width = shape[2];
    if (height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE)
        return tsr_fail(TSR_EFORMAT, "data: %s holds pictures of %lld x %lld", name, (long long)height,
                        (long long)width);
    if (count > (size - offset) / (height * width))
        return tsr_fail(TSR_EFORMAT,
                        "data: %s is cut short: its header says %lld pictures of %lld x %lld, but %lld bytes follow "
                        "where there should be %lld",
                        name, (long long)count, (long long)height, (long long)width, (long long)(size - offset),
                        (long long)(count * height * width));
    *out = (data_records){count, offset, height * width, 1, height, width};
    return TSR_OK;
}

tsr_status data_parse_idx_labels(const uint8_t *bytes, int64_t size, const char *name, int64_t count, int64_t *offset)
{
    int64_t n = 0;
    TSR_TRY(parse_header(bytes, size, name, 1, &n));
    *offset = HEADER + 4;
    if (n != count || size - *offset < n)
        return tsr_fail(TSR_EFORMAT, "data: %s says %lld labels and has bytes for %lld; there are %lld pictures", name,
                        (long long)n, (long long)(size - *offset), (long long)count);
    return TSR_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------------------------ */

typedef struct growing {
    uint8_t *bytes;
    int64_t size, room;
} growing;

static tsr_status grow(growing *g)
{
    int64_t room = g->room ? g->room * 2 : INT64_C(1) << 20;
    uint8_t *bytes = tsr_realloc(g->bytes, (size_t)room);
    if (!bytes) return TSR_ENOMEM;
    g->bytes = bytes;
    g->room = room;
    return TSR_OK;
}

static tsr_status read_stream(gzFile f, const char *path, growing *g)
{
    for (;;) {
        if (g->size == g->room) TSR_TRY(grow(g));
        int64_t ask = tsr_min_i64(g->room - g->size, INT64_C(1) << 30);
        int n = gzread(f, g->bytes + g->size, (unsigned)ask);
        if (n < 0) return tsr_fail(TSR_EFORMAT, "data: %s is damaged or cut short (gzip)", path);
        if (n == 0) break;
        g->size += n;
    }
    int code;
    gzerror(f, &code); /* a gzip stream that ends early reads as if it were shorter */
    return code == Z_OK || code == Z_STREAM_END ? TSR_OK : tsr_fail(TSR_EFORMAT, "data: %s is cut short (gzip)", path);
}

/* The whole file, inflated when it is gzipped. */
static tsr_status read_whole(const char *path, growing *g)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) return tsr_fail(TSR_EIO, "data: %s is not a file", path);
    gzFile f = gzopen(path, "rb");
    if (!f) return tsr_fail(TSR_EIO, "data: %s cannot be opened: %s", path, strerror(errno));
    tsr_status status = read_stream(f, path, g);
    gzclose(f);
    if (status != TSR_OK) {
        tsr_free(g->bytes);
        *g = (growing){0};
    }
    return status;
}

/* The labels' path, from the pictures', with or without ".gz"; false: there is no such file. */
static bool labels_path(const char *pictures, tsr_text *out)
{
    char *mark = strstr(pictures, "images");
    for (char *next; mark && (next = strstr(mark + 1, "images"));) mark = next;
    if (!mark || !mark[6] || strncmp(mark + 7, "idx3", 4) != 0) return false;
    char separator = mark[6];
    const char *rest = mark + 11, *gz = strstr(rest, ".gz");
    int stem = gz ? (int)(gz - rest) : (int)strlen(rest);
    for (int packed = 0; packed < 2; packed++) {
        tsr_text_free(out);
        tsr_text_add(out, "%.*slabels%cidx1%.*s%s", (int)(mark - pictures), pictures, separator, stem, rest,
                     packed ? ".gz" : "");
        if (out->failed || access(tsr_text_get(out), R_OK) == 0) return true;
    }
    return false;
}

static tsr_status add_with_labels(tsr_dataset *set, const char *path, growing *g, const data_records *r,
                                  const char *labels_name)
{
    growing labels = {0};
    int64_t offset = 0;
    tsr_status status = read_whole(labels_name, &labels);
    if (status == TSR_OK) status = data_parse_idx_labels(labels.bytes, labels.size, labels_name, r->count, &offset);
    if (status == TSR_OK) status = data_memory_add(set, path, g->bytes, r, labels.bytes + offset, 1);
    else tsr_free(g->bytes);
    tsr_free(labels.bytes);
    return status;
}

static tsr_status add_file(tsr_dataset *set, const char *path)
{
    growing g = {0};
    data_records r;
    TSR_TRY(read_whole(path, &g));
    tsr_status status = data_parse_idx(g.bytes, g.size, path, &r);
    if (status != TSR_OK) {
        tsr_free(g.bytes);
        return status;
    }
    tsr_text labels = {0};
    bool found = labels_path(path, &labels);
    if (labels.failed) tsr_free(g.bytes), status = TSR_ENOMEM;
    else if (found) status = add_with_labels(set, path, &g, &r, tsr_text_get(&labels));
    else status = data_memory_add(set, path, g.bytes, &r, NULL, 0);
    tsr_text_free(&labels);
    return status;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------------- */

static tsr_status finish(tsr_dataset *set, const tsr_dataset_options *o)
{
    TSR_TRY(data_memory_finish(set, o));
    return data_number_classes(set);
}

tsr_status data_open_idx(tsr_dataset *set, const char *path, const tsr_dataset_options *o)
{
    TSR_TRY(data_memory_start(set, "idx"));
    TSR_TRY(add_file(set, path));
    return finish(set, o);
}

/* MNIST's test part is t10k-*, others say test-*. */
static bool is_held_out_name(const char *name) { return strncmp(name, "t10k", 4) == 0 || strstr(name, "test") != NULL; }

static bool is_pictures_name(const char *name)
{
    return strstr(name, "images-idx3") != NULL || strstr(name, "images.idx3") != NULL;
}

/* Names of the folder's picture files, one in each pair of packed and unpacked ones. */
typedef struct idx_names {
    char *name[8]; /* sorted */
    int count;
    bool train, held_out;
} idx_names;

static void names_free(idx_names *names)
{
    for (int i = 0; i < names->count; i++) tsr_free(names->name[i]);
}

static tsr_status names_add(idx_names *names, const char *name)
{
    size_t length = strlen(name);
    bool packed = length > 3 && strcmp(name + length - 3, ".gz") == 0;
    size_t stem = packed ? length - 3 : length;
    for (int i = 0; i < names->count; i++) {
        const char *other = names->name[i];
        if (strncmp(other, name, stem) == 0 && (other[stem] == 0 || strcmp(other + stem, ".gz") == 0)) return TSR_OK;
    }
    if (names->count == TSR_COUNT(names->name))
        return tsr_fail(TSR_EFORMAT, "data: more than %d files of IDX pictures in one folder",
                        (int)TSR_COUNT(names->name));
    char *copy = tsr_strdup(name);
    if (!copy) return TSR_ENOMEM;
    int at = names->count++;
    for (; at > 0 && strcmp(names->name[at - 1], copy) > 0; at--) names->name[at] = names->name[at - 1];
    names->name[at] = copy;
    if (is_held_out_name(name)) names->held_out = true;
    else names->train = true;
    return TSR_OK;
}

static tsr_status list_names(const char *path, idx_names *names)
{
    DIR *d = opendir(path);
    if (!d) return tsr_fail(TSR_EIO, "data: the folder %s cannot be opened: %s", path, strerror(errno));
    tsr_status status = TSR_OK;
    for (struct dirent *e; status == TSR_OK && (e = readdir(d));)
        if (is_pictures_name(e->d_name)) status = names_add(names, e->d_name);
    closedir(d);
    return status;
}

static tsr_status add_names(tsr_dataset *set, const char *path, const idx_names *names, tsr_part part)
{
    set->has_parts = names->train && names->held_out;
    for (int i = 0; i < names->count; i++) {
        bool wanted = !set->has_parts || part == TSR_PART_ALL ||
                      is_held_out_name(names->name[i]) == (part == TSR_PART_HELD_OUT);
        if (!wanted) continue;
        tsr_text full = {0};
        tsr_text_add(&full, "%s/%s", path, names->name[i]);
        tsr_status status = full.failed ? TSR_ENOMEM : add_file(set, tsr_text_get(&full));
        tsr_text_free(&full);
        TSR_TRY(status);
    }
    return TSR_OK;
}

tsr_status data_open_idx_folder(tsr_dataset *set, const char *path, const tsr_dataset_options *o)
{
    idx_names names = {0};
    TSR_TRY(data_memory_start(set, "idx"));
    tsr_status status = list_names(path, &names);
    if (status == TSR_OK) status = add_names(set, path, &names, o->part);
    names_free(&names);
    return status == TSR_OK ? finish(set, o) : status;
}
