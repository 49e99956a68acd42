/* safetensors_write.c: writing safetensors files. Tensors are laid out by falling element size, which keeps each aligned
   without gaps, since gaps are not allowed; the header is filled with spaces to a multiple of 8 bytes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/util.h"
#include "io/atomic_file.h"
#include "io/elements.h"
#include "io/safetensors.h"
#include "tessera/io.h"

static size_t element_size(const tsr_named *t) { return tsr_dtype_size(tsr_dtype_of(t->tensor)); }

/* By falling element size; equal ones in the caller's order, which their addresses in the caller's array give. */
static int by_element_size(const void *p, const void *q)
{
    const tsr_named *a = *(const tsr_named *const *)p, *b = *(const tsr_named *const *)q;
    size_t x = element_size(a), y = element_size(b);
    return x != y ? (x < y ? 1 : -1) : (a > b) - (a < b);
}

/* ---- the header ---- */

static json_t *integers(const int64_t *v, int n)
{
    json_t *list = json_array();
    for (int i = 0; list && i < n; i++) {
        if (json_array_append_new(list, json_integer(v[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Takes over the value. A text that is not UTF-8 arrives as NULL, like memory that ran out. */
static tsr_status put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) == 0) return TSR_OK;
    return tsr_fail(TSR_EINVAL, "save_safetensors: \"%.100s\" or its value is not UTF-8 text (or there is no memory)",
                    key);
}

static tsr_status put_tensor(json_t *header, const tsr_named *t, int64_t *offset)
{
    tsr_shape shape = tsr_shape_of(t->tensor);
    int64_t range[2] = {*offset, *offset + tsr_numel(t->tensor) * (int64_t)element_size(t)};
    if (json_object_get(header, t->name) || !strcmp(t->name, "__metadata__"))
        return tsr_fail(TSR_EINVAL, "save_safetensors: the name \"%.100s\" %s", t->name,
                        json_object_get(header, t->name) ? "is given twice" : "is taken by the format");
    json_t *entry = json_object();
    TSR_TRY(put(header, t->name, entry));
    TSR_TRY(put(entry, "dtype", json_string(safetensors_dtype_for(tsr_dtype_of(t->tensor))->name)));
    TSR_TRY(put(entry, "shape", integers(shape.v, shape.n)));
    TSR_TRY(put(entry, "data_offsets", integers(range, 2)));
    *offset = range[1];
    return TSR_OK;
}

static tsr_status put_metadata(json_t *header, const tsr_text_pair *metadata, int64_t n)
{
    json_t *object = json_object();
    if (n == 0) {
        json_decref(object);
        return TSR_OK;
    }
    TSR_TRY(put(header, "__metadata__", object));
    for (int64_t i = 0; i < n; i++) {
        const char *key = metadata[i].key, *value = metadata[i].value;
        if (!key || !value) return tsr_fail(TSR_EINVAL, "save_safetensors: metadata %lld is NULL", (long long)i);
        if (json_object_get(object, key))
            return tsr_fail(TSR_EINVAL, "save_safetensors: the metadata key \"%.100s\" is given twice", key);
        TSR_TRY(put(object, key, json_string(value)));
    }
    return TSR_OK;
}

static int append(const char *bytes, size_t n, void *text)
{
    tsr_text_add_bytes(text, bytes, n);
    return ((tsr_text *)text)->failed ? -1 : 0;
}

/* The file's first part: length and header. */
static tsr_status make_header(const tsr_named *const *sorted, int64_t n, const tsr_text_pair *metadata,
                              int64_t n_metadata, tsr_text *out)
{
    json_t *header = json_object();
    if (!header) return tsr_fail(TSR_ENOMEM, "save_safetensors: no memory for the header");
    int64_t offset = 0;
    tsr_status status = put_metadata(header, metadata, n_metadata);
    for (int64_t i = 0; i < n && status == TSR_OK; i++) status = put_tensor(header, sorted[i], &offset);
    uint64_t length = 0;
    tsr_text_add_bytes(out, &length, sizeof length);
    if (status == TSR_OK && json_dump_callback(header, append, out, JSON_COMPACT) != 0)
        status = tsr_fail(TSR_ENOMEM, "save_safetensors: no memory for the header");
    json_decref(header);
    while (status == TSR_OK && out->length % 8 && !out->failed) tsr_text_add_bytes(out, " ", 1);
    if (status != TSR_OK || out->failed) return status != TSR_OK ? status : TSR_ENOMEM;
    length = out->length - sizeof length;
    memcpy(out->data, &length, sizeof length);
    return TSR_OK;
}

/* ---- the file ---- */

static tsr_status write_tensors(atomic_file *f, const tsr_named *const *sorted, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        elements e;
        tsr_status status = elements_get(sorted[i]->tensor, &e);
        if (status != TSR_OK) {
            atomic_file_abandon(f);
            return status;
        }
        status = atomic_file_write(f, e.data, e.bytes);
        elements_free(&e);
        TSR_TRY(status);
    }
    return TSR_OK;
}

static tsr_status write_all(const char *path, const tsr_text *header, const tsr_named *const *sorted, int64_t n)
{
    atomic_file f;
    TSR_TRY(atomic_file_open(&f, path));
    TSR_TRY(atomic_file_write(&f, header->data, header->length));
    TSR_TRY(write_tensors(&f, sorted, n));
    return atomic_file_commit(&f);
}

static tsr_status check_arguments(const char *path, const tsr_named *tensors, int64_t n, int64_t n_metadata)
{
    if (tsr_error_pending()) return tsr_error_status();
    if (!path || n < 0 || n_metadata < 0)
        return tsr_fail(TSR_EINVAL, "save_safetensors: %s", path ? "a count is negative" : "the path is NULL");
    for (int64_t i = 0; i < n; i++) {
        if (!tensors[i].name || !tensors[i].tensor)
            return tsr_fail(TSR_EINVAL, "save_safetensors: the %s of entry %lld is NULL",
                            tensors[i].name ? "tensor" : "name", (long long)i);
    }
    return TSR_OK;
}

tsr_status tsr_save_safetensors(const char *path, const tsr_named *tensors, int64_t n, const tsr_text_pair *metadata,
                                int64_t n_metadata)
{
    TSR_TRY(check_arguments(path, tensors, n, n_metadata));
    const tsr_named **sorted = tsr_alloc((size_t)n * sizeof(tsr_named *));
    if (!sorted) return TSR_ENOMEM;
    for (int64_t i = 0; i < n; i++) sorted[i] = &tensors[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_element_size);
    tsr_text header = {0};
    tsr_status status = make_header(sorted, n, metadata, n_metadata, &header);
    if (status == TSR_OK) status = write_all(path, &header, sorted, n);
    tsr_text_free(&header);
    tsr_free(sorted);
    return status;
}
