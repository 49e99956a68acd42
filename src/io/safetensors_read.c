/* safetensors_read.c: reading safetensors files.

   Eight bytes of header length, a JSON object, then the tensors' bytes without gaps. The format is made so that a file can
   be checked whole before any tensor is touched, and we do: every byte after the header belongs to exactly one tensor,
   and every tensor's range is as long as its shape and dtype say. A dtype that Tessera does not have is no damage: such
   a tensor is listed, and refused when it is asked for. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "io/archive.h"
#include "io/safetensors.h"

enum { PREFIX = 8, LARGEST_HEADER = 100000000 };

static uint64_t header_length(const unsigned char *data)
{
    uint64_t n;
    memcpy(&n, data, sizeof n);
    return n;
}

/* Also files too damaged to be opened, so that the message can say what is wrong with them. */
static bool looks_like_safetensors(const unsigned char *data, int64_t size)
{
    if (size <= PREFIX) return true;
    return data[PREFIX] == '{' || header_length(data) <= (uint64_t)size;
}

/* ---- one entry ---- */

static bool is_natural(const json_t *j) { return json_is_integer(j) && json_integer_value(j) >= 0; }

/* Bytes of the elements; -1 on overflow. All dimensions count, also those beyond the eighth. */
static int64_t bytes_needed(const json_t *shape, int bits)
{
    int64_t total = bits;
    bool empty = false;
    size_t i;
    json_t *size;
    json_array_foreach(shape, i, size) empty |= json_integer_value(size) == 0;
    if (empty) return 0;
    json_array_foreach(shape, i, size)
    {
        if (__builtin_mul_overflow(total, (int64_t)json_integer_value(size), &total)) return -1;
    }
    return total % 8 ? -1 : total / 8;
}

static tsr_status read_shape(tsr_archive *a, const char *name, const json_t *shape, tsr_shape *out)
{
    if (!json_is_array(shape)) return archive_damaged(a, "tensor \"%.100s\" has no shape", name);
    size_t i;
    json_t *size;
    json_array_foreach(shape, i, size)
    {
        if (!is_natural(size)) return archive_damaged(a, "tensor \"%.100s\": a size is not a natural number", name);
        if (i < TSR_MAX_DIMS) out->v[i] = json_integer_value(size);
    }
    out->n = json_array_size(shape) <= TSR_MAX_DIMS ? (int32_t)json_array_size(shape) : 0;
    return TSR_OK;
}

/* Offsets within the `room` bytes after the header. */
static tsr_status read_range(tsr_archive *a, const char *name, const json_t *offsets, int64_t room, archive_item *out)
{
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !is_natural(begin) || !is_natural(end))
        return archive_damaged(a, "tensor \"%.100s\" has no data_offsets [begin, end]", name);
    int64_t b = json_integer_value(begin), e = json_integer_value(end);
    if (b > e || e > room)
        return archive_damaged(a, "tensor \"%.100s\" lies at bytes %lld to %lld of %lld%s", name, (long long)b,
                               (long long)e, (long long)room, b > e ? "" : ": the file is cut off");
    out->offset = b;
    out->entry.bytes = e - b;
    return TSR_OK;
}

static tsr_status read_entry(tsr_archive *a, const char *name, const json_t *j, int64_t room)
{
    const char *dtype = json_string_value(json_object_get(j, "dtype"));
    const json_t *shape = json_object_get(j, "shape");
    archive_item item = {.entry = {.name = name, .dtype_name = dtype}};
    if (!dtype) return archive_damaged(a, "tensor \"%.100s\" has no dtype", name);
    TSR_TRY(read_shape(a, name, shape, &item.entry.shape));
    TSR_TRY(read_range(a, name, json_object_get(j, "data_offsets"), room, &item));
    const safetensors_dtype *known = safetensors_dtype_named(dtype);
    int64_t needed = known ? bytes_needed(shape, known->bits) : item.entry.bytes;
    if (needed != item.entry.bytes)
        return archive_damaged(a, "tensor \"%.100s\" has %lld bytes where its shape and dtype %s need %lld", name,
                               (long long)item.entry.bytes, dtype, (long long)needed);
    char problem[160] = "";
    item.entry.dtype = known ? known->dtype : TSR_DTYPE_DEFAULT;
    if (!item.entry.dtype) snprintf(problem, sizeof problem, "has dtype %.40s, which Tessera does not have", dtype);
    if (json_array_size(shape) > TSR_MAX_DIMS)
        snprintf(problem, sizeof problem, "has %zu dimensions; a tensor has at most %d", json_array_size(shape),
                 TSR_MAX_DIMS);
    if (*problem) item.entry.problem = problem;
    return archive_add(a, &item);
}

static tsr_status read_metadata(tsr_archive *a, const json_t *j)
{
    if (!json_is_object(j)) return archive_damaged(a, "__metadata__ is not an object");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)j, key, value)
    {
        if (!json_is_string(value)) return archive_damaged(a, "the metadata \"%.100s\" is not a text", key);
        TSR_TRY(archive_add_metadata(a, key, json_string_value(value)));
    }
    return TSR_OK;
}

/* ---- the whole ---- */

static int by_range(const void *p, const void *q)
{
    const archive_item *a = *(archive_item *const *)p, *b = *(archive_item *const *)q;
    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    return (a->entry.bytes > b->entry.bytes) - (a->entry.bytes < b->entry.bytes);
}

static tsr_status check_no_gaps(tsr_archive *a, archive_item **sorted, int64_t room)
{
    int64_t end = 0;
    for (int64_t i = 0; i < a->count; i++) {
        const archive_item *item = sorted[i];
        if (item->offset != end)
            return archive_damaged(a, "tensor \"%.100s\" begins at byte %lld, the one before it ends at %lld",
                                   item->entry.name, (long long)item->offset, (long long)end);
        end += item->entry.bytes;
    }
    if (end != room)
        return archive_damaged(a, "%lld bytes follow the header, its tensors have %lld", (long long)room,
                               (long long)end);
    return TSR_OK;
}

static tsr_status check_ranges(tsr_archive *a, int64_t room)
{
    archive_item **sorted = tsr_alloc((size_t)a->count * sizeof(archive_item *));
    if (!sorted) return TSR_ENOMEM;
    for (int64_t i = 0; i < a->count; i++) sorted[i] = &a->items[i];
    qsort(sorted, (size_t)a->count, sizeof *sorted, by_range);
    tsr_status status = check_no_gaps(a, sorted, room);
    tsr_free(sorted);
    return status;
}

static tsr_status read_header(tsr_archive *a, const json_t *root, int64_t data_start)
{
    const char *name;
    json_t *value;
    int64_t room = a->blob->size - data_start;
    json_object_foreach((json_t *)root, name, value)
    {
        TSR_TRY(strcmp(name, "__metadata__") ? read_entry(a, name, value, room) : read_metadata(a, value));
    }
    TSR_TRY(check_ranges(a, room));
    for (int64_t i = 0; i < a->count; i++) a->items[i].offset += data_start;
    return TSR_OK;
}

static tsr_status check_size(tsr_archive *a)
{
    const blob *b = a->blob;
    if (b->size < PREFIX)
        return archive_damaged(a, "%lld bytes are too few for a safetensors file", (long long)b->size);
    uint64_t n = header_length(b->data);
    if (n > LARGEST_HEADER)
        return archive_damaged(a, "the header would have %llu bytes; 100 MB are allowed", (unsigned long long)n);
    if (n > (uint64_t)(b->size - PREFIX))
        return archive_damaged(a, "the header has %llu bytes, but only %lld follow: the file is cut off",
                               (unsigned long long)n, (long long)(b->size - PREFIX));
    if (n == 0 || b->data[PREFIX] != '{') return archive_damaged(a, "the header does not begin with '{'");
    return TSR_OK;
}

static tsr_status open_safetensors(tsr_archive *a)
{
    TSR_TRY(check_size(a));
    size_t n = (size_t)header_length(a->blob->data);
    json_error_t error;
    json_t *root = json_loadb((const char *)a->blob->data + PREFIX, n, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return tsr_fail(TSR_ENOMEM, "%s: no memory for a header of %zu bytes", a->name, n);
        return archive_damaged(a, "the header is not JSON: %s (byte %d)", error.text, error.position);
    }
    tsr_status status = read_header(a, root, PREFIX + (int64_t)n);
    json_decref(root);
    return status;
}

static tsr_tensor *get_tensor(tsr_archive *a, int64_t i)
{
    const archive_item *item = &a->items[i];
    return blob_tensor(a->blob, item->offset, item->entry.shape, item->entry.dtype);
}

const archive_format safetensors_format = {looks_like_safetensors, open_safetensors, get_tensor, NULL};
