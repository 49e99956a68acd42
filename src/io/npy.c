/* npy.c: NumPy's .npy files.

   "\x93NUMPY", a version, the header's length, then a Python dictionary such as
   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, of which we read just that much Python. */
#include "io/npy.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "io/atomic_file.h"
#include "io/elements.h"
#include "tensor/tensor_impl.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
enum { LONGEST_HEADER = 1 << 16 };

static bool looks_like_npy(const unsigned char *data, int64_t size)
{
    return size >= (int64_t)sizeof magic && !memcmp(data, magic, sizeof magic);
}

/* ---- dtypes ---- */

static const struct {
    const char *descr;
    tsr_dtype dtype;
} known_dtypes[] = {{"<f4", TSR_F32}, {"<f8", TSR_F64},  {"<i8", TSR_I64}, {"<i4", TSR_I32},
                    {"|u1", TSR_U8},  {"|b1", TSR_BOOL}, {"<f2", TSR_F16}};

/* The byte order of one-byte types may be spelled in any way. */
static tsr_dtype dtype_of(const char *descr)
{
    for (int64_t i = 0; i < TSR_COUNT(known_dtypes); i++) {
        const char *known = known_dtypes[i].descr;
        bool order = descr[0] == known[0] || (known[0] == '|' && descr[0] && strchr("<>=", descr[0]));
        if (order && !strcmp(descr + 1, known + 1)) return known_dtypes[i].dtype;
    }
    return TSR_DTYPE_DEFAULT;
}

static const char *descr_of(tsr_dtype dtype)
{
    for (int64_t i = 0; i < TSR_COUNT(known_dtypes); i++) {
        if (known_dtypes[i].dtype == dtype) return known_dtypes[i].descr;
    }
    return NULL;
}

/* ---- the dictionary ---- */

typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_spaces(cursor *c)
{
    while (c->at < c->end && isspace((unsigned char)*c->at)) c->at++;
}

static bool take(cursor *c, char wanted)
{
    skip_spaces(c);
    if (c->at >= c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_spaces(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return false;
    c->at += n;
    return true;
}

/* 'text' or "text", without escapes, shorter than `room`. */
static bool take_string(cursor *c, char *out, size_t room)
{
    skip_spaces(c);
    if (c->at >= c->end || (*c->at != '\'' && *c->at != '"')) return false;
    char quote = *c->at++;
    size_t n = 0;
    while (c->at < c->end && *c->at != quote && *c->at != '\\' && n + 1 < room) out[n++] = *c->at++;
    out[n] = 0;
    return take(c, quote);
}

/* A list such as [('x', '<f4')] of a structured dtype: kept as it is, for the message, cut to the room. */
static bool take_list(cursor *c, char *out, size_t room)
{
    size_t n = 0;
    int depth = 0;
    skip_spaces(c);
    if (c->at >= c->end || *c->at != '[') return false;
    while (c->at < c->end) {
        depth += (*c->at == '[') - (*c->at == ']');
        if (n + 1 < room) out[n++] = *c->at;
        c->at++;
        if (depth == 0) break;
    }
    out[n] = 0;
    return depth == 0;
}

static bool take_size(cursor *c, int64_t *out)
{
    skip_spaces(c);
    if (c->at >= c->end || !isdigit((unsigned char)*c->at)) return false;
    int64_t n = 0;
    for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *c->at - '0', &n)) return false;
    }
    if (c->at < c->end && *c->at == 'L') c->at++; /* as Python 2 wrote it */
    *out = n;
    return true;
}

typedef struct header {
    char descr[80];
    bool fortran;
    tsr_shape shape;
    int64_t dims; /* may be more than shape holds */
    bool has_descr, has_order, has_shape;
} header;

static bool take_shape(cursor *c, header *h)
{
    if (!take(c, '(')) return false;
    for (h->dims = 0; !take(c, ')'); h->dims++) {
        int64_t size;
        if (!take_size(c, &size)) return false;
        if (h->dims < TSR_MAX_DIMS) h->shape.v[h->dims] = size;
        if (!take(c, ',')) {
            h->dims++;
            if (!take(c, ')')) return false;
            break;
        }
    }
    h->shape.n = h->dims <= TSR_MAX_DIMS ? (int32_t)h->dims : 0;
    return true;
}

static bool take_value(cursor *c, const char *key, header *h)
{
    if (!strcmp(key, "descr")) {
        h->has_descr = true;
        return take_string(c, h->descr, sizeof h->descr) || take_list(c, h->descr, sizeof h->descr);
    }
    if (!strcmp(key, "fortran_order")) {
        h->has_order = true;
        h->fortran = take_word(c, "True");
        return h->fortran || take_word(c, "False");
    }
    h->has_shape = !strcmp(key, "shape");
    return h->has_shape && take_shape(c, h);
}

static bool parse_dictionary(cursor c, header *h)
{
    if (!take(&c, '{')) return false;
    while (!take(&c, '}')) {
        char key[16];
        if (!take_string(&c, key, sizeof key) || !take(&c, ':') || !take_value(&c, key, h)) return false;
        if (!take(&c, ',')) {
            if (!take(&c, '}')) return false;
            break;
        }
    }
    skip_spaces(&c);
    return c.at == c.end && h->has_descr && h->has_order && h->has_shape;
}

/* ---- the header ---- */

/* Where the dictionary begins and ends. */
static tsr_status find_dictionary(tsr_archive *a, const char *name, const unsigned char *data, int64_t size,
                                  int64_t *begin, int64_t *end)
{
    if (!looks_like_npy(data, size) || size < 10)
        return archive_damaged(a, "array \"%.100s\" does not begin like a .npy file", name);
    int version = data[6];
    if (version < 1 || version > 3)
        return archive_damaged(a, "array \"%.100s\" has .npy version %d; 1 to 3 are known", name, version);
    int64_t length = data[8] | data[9] << 8;
    *begin = 10;
    if (version > 1) {
        *begin = 12;
        if (size >= 12) length |= (int64_t)data[10] << 16 | (int64_t)data[11] << 24;
    }
    *end = *begin + length;
    if (length > LONGEST_HEADER)
        return archive_damaged(a, "array \"%.100s\" has a header of %lld bytes; %d are allowed", name,
                               (long long)length, LONGEST_HEADER);
    if (*end > size) return archive_damaged(a, "array \"%.100s\" is cut off in its header", name);
    return TSR_OK;
}

static void describe_problem(const header *h, tsr_dtype dtype, npy_texts *texts)
{
    texts->problem[0] = 0;
    if (h->dims > TSR_MAX_DIMS) {
        snprintf(texts->problem, sizeof texts->problem, "has %lld dimensions; a tensor has at most %d",
                 (long long)h->dims, TSR_MAX_DIMS);
    } else if (!dtype && h->descr[0] == '>') {
        snprintf(texts->problem, sizeof texts->problem, "has the big-endian dtype %.40s; save it little-endian",
                 h->descr);
    } else if (!dtype) {
        snprintf(texts->problem, sizeof texts->problem, "has dtype %.40s, which Tessera does not have", h->descr);
    }
}

tsr_status npy_read_header(tsr_archive *a, const char *name, const unsigned char *data, int64_t size, int64_t whole,
                           archive_item *item, npy_texts *texts)
{
    int64_t begin = 0, end = 0;
    TSR_TRY(find_dictionary(a, name, data, size, &begin, &end));
    header h = {0};
    if (!parse_dictionary((cursor){(const char *)data + begin, (const char *)data + end}, &h))
        return archive_damaged(a, "array \"%.100s\" has a header that is not descr, fortran_order and shape", name);
    tsr_dtype dtype = dtype_of(h.descr);
    describe_problem(&h, dtype, texts);
    memcpy(texts->dtype_name, h.descr, sizeof h.descr);
    item->offset = end;
    item->fortran = h.fortran;
    item->entry = (tsr_entry){.name = name,
                              .dtype = dtype,
                              .dtype_name = texts->dtype_name,
                              .shape = h.shape,
                              .bytes = whole - end,
                              .problem = texts->problem[0] ? texts->problem : NULL};
    if (item->entry.problem) return TSR_OK;
    int64_t needed = archive_bytes(&h.shape, (int64_t)tsr_dtype_size(dtype));
    if (needed != item->entry.bytes)
        return archive_damaged(a, "array \"%.100s\" has %lld bytes where its shape and dtype %s need %lld", name,
                               (long long)item->entry.bytes, h.descr, (long long)needed);
    return TSR_OK;
}

tsr_tensor *npy_from_fortran(const void *data, tsr_shape shape, tsr_dtype dtype)
{
    int64_t stride[TSR_MAX_DIMS], step = 1;
    for (int d = 0; d < shape.n; d++) {
        stride[d] = step;
        step *= shape.v[d];
    }
    tsr_tensor *t = tensor_empty(dtype, shape.n, shape.v, TSR_CPU);
    if (t) elements_copy(tsr_data(t), data, &shape, stride, tsr_dtype_size(dtype));
    if (t && dtype == TSR_BOOL) elements_fix_bools(tsr_data(t), tsr_numel(t));
    return t;
}

/* ---- reading a file ---- */

static tsr_status open_npy(tsr_archive *a)
{
    archive_item item = {0};
    npy_texts texts;
    TSR_TRY(npy_read_header(a, "", a->blob->data, a->blob->size, a->blob->size, &item, &texts));
    return archive_add(a, &item);
}

static tsr_tensor *get_npy(tsr_archive *a, int64_t i)
{
    const archive_item *item = &a->items[i];
    tsr_shape shape = item->entry.shape;
    if (!item->fortran || shape.n < 2) return blob_tensor(a->blob, item->offset, shape, item->entry.dtype);
    return npy_from_fortran(a->blob->data + item->offset, shape, item->entry.dtype);
}

const archive_format npy_format = {looks_like_npy, open_npy, get_npy, NULL};

/* ---- writing ---- */

tsr_status npy_write_header(const tsr_tensor *t, tsr_text *out)
{
    enum { LENGTH_AT = 8, DICTIONARY_AT = 10, ALIGNMENT = 64 };
    const char *descr = descr_of(tsr_dtype_of(t));
    if (!descr) return tsr_fail(TSR_EINVAL, "NumPy has no dtype %s", tsr_dtype_name(tsr_dtype_of(t)));
    tsr_text_add_bytes(out, magic, sizeof magic);
    tsr_text_add_bytes(out, "\1\0\0\0", 4);
    tsr_text_add(out, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int d = 0; d < tsr_ndim(t); d++) tsr_text_add(out, "%s%lld", d ? ", " : "", (long long)tsr_size(t, d));
    tsr_text_add(out, "%s), }", tsr_ndim(t) == 1 ? "," : "");
    while (!out->failed && out->length % ALIGNMENT != ALIGNMENT - 1) tsr_text_add_bytes(out, " ", 1);
    tsr_text_add_bytes(out, "\n", 1);
    if (out->failed) return TSR_ENOMEM;
    size_t length = out->length - DICTIONARY_AT;
    out->data[LENGTH_AT] = (char)(length & 255);
    out->data[LENGTH_AT + 1] = (char)(length >> 8);
    return TSR_OK;
}

static tsr_status write_npy(const char *path, const tsr_text *head, const elements *e)
{
    atomic_file f;
    TSR_TRY(atomic_file_open(&f, path));
    TSR_TRY(atomic_file_write(&f, head->data, head->length));
    TSR_TRY(atomic_file_write(&f, e->data, e->bytes));
    return atomic_file_commit(&f);
}

tsr_status tsr_save_npy(const char *path, tsr_tensor *t)
{
    if (tsr_error_pending()) return tsr_error_status();
    if (!path || !t) return tsr_fail(TSR_EINVAL, "save_npy: the %s is NULL", path ? "tensor" : "path");
    tsr_text head = {0};
    elements e = {0};
    tsr_status status = npy_write_header(t, &head);
    if (status == TSR_OK) status = elements_get(t, &e);
    if (status == TSR_OK) status = write_npy(path, &head, &e);
    elements_free(&e);
    tsr_text_free(&head);
    return status;
}

tsr_status tsr_save_one(const char *path, tsr_tensor *t)
{
    if (path && tsr_has_extension(path, ".npy")) return tsr_save_npy(path, t);
    return tsr_save_safetensors(path, &(tsr_named){"tensor", t}, 1, NULL, 0);
}
