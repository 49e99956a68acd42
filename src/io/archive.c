/* archive.c: the reader of tensor files: picks the format by content, keeps the list of entries, answers by name. */
#include "io/archive.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"

static const archive_format *const formats[] = {&npy_format, &npz_format, &safetensors_format};

/* ---- for the formats ---- */

tsr_status archive_damaged(const tsr_archive *a, const char *format, ...)
{
    char sentence[600];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return tsr_fail(TSR_EFORMAT, "%s: %s", a->name, sentence);
}

int64_t archive_bytes(const tsr_shape *shape, int64_t size)
{
    int64_t bytes = size;
    bool empty = false;
    for (int d = 0; d < shape->n; d++) {
        if (shape->v[d] < 0) return -1;
        empty |= shape->v[d] == 0;
    }
    for (int d = 0; d < shape->n && !empty; d++) {
        if (__builtin_mul_overflow(bytes, shape->v[d], &bytes)) return -1;
    }
    return empty ? 0 : bytes;
}

static void free_texts(tsr_entry *e)
{
    tsr_free((char *)e->name);
    tsr_free((char *)e->dtype_name);
    tsr_free((char *)e->problem);
}

tsr_status archive_add(tsr_archive *a, const archive_item *item)
{
    if (!tsr_grow(&a->items, a->count, &a->room, sizeof *a->items)) return TSR_ENOMEM;
    archive_item copy = *item;
    tsr_entry *e = &copy.entry;
    e->name = tsr_strdup(item->entry.name);
    e->dtype_name = tsr_strdup(item->entry.dtype_name);
    e->problem = tsr_strdup(item->entry.problem);
    bool copied = e->name && e->dtype_name && (e->problem || !item->entry.problem);
    if (!copied || !tsr_map_put(&a->index, e->name, (void *)(intptr_t)(a->count + 1))) {
        free_texts(e);
        return TSR_ENOMEM;
    }
    a->items[a->count++] = copy;
    return TSR_OK;
}

tsr_status archive_add_metadata(tsr_archive *a, const char *key, const char *value)
{
    if (!tsr_grow(&a->metadata, a->metadata_count, &a->metadata_room, sizeof *a->metadata)) return TSR_ENOMEM;
    tsr_text_pair pair = {tsr_strdup(key), tsr_strdup(value)};
    if (!pair.key || !pair.value) {
        tsr_free((char *)pair.key);
        tsr_free((char *)pair.value);
        return TSR_ENOMEM;
    }
    a->metadata[a->metadata_count++] = pair;
    return TSR_OK;
}

/* ---- opening ---- */

static const archive_format *recognise(const blob *b)
{
    for (int64_t i = 0; i < TSR_COUNT(formats); i++) {
        if (formats[i]->recognises(b->data, b->size)) return formats[i];
    }
    return NULL;
}

/* Takes over the reference to b. */
static tsr_archive *open_blob(blob *b, const char *name)
{
    if (!b) return NULL;
    tsr_archive *a = tsr_alloc_zeroed(1, sizeof *a);
    if (!a || !(a->name = tsr_strdup(name))) {
        blob_release(b);
        tsr_free(a);
        return NULL;
    }
    a->blob = b;
    a->format = recognise(b);
    tsr_status status = a->format ? a->format->open(a)
                                  : archive_damaged(a, "neither a safetensors nor a .npz or .npy file (%lld bytes)",
                                                    (long long)b->size);
    if (status == TSR_OK) return a;
    tsr_archive_close(a);
    return NULL;
}

tsr_archive *tsr_archive_open(const char *path) { return open_blob(blob_map(path), path); }

tsr_archive *tsr_archive_open_memory(void *data, int64_t size, void (*done)(void *user), void *user)
{
    if (size < 0 || (size > 0 && !data)) {
        tsr_fail(TSR_EINVAL, "archive: %lld bytes at %s", (long long)size, data ? "an address" : "NULL");
        if (done) done(user);
        return NULL;
    }
    return open_blob(blob_wrap(data, size, done, user), "(memory)");
}

void tsr_archive_close(tsr_archive *a)
{
    if (!a) return;
    if (a->format && a->format->close) a->format->close(a);
    for (int64_t i = 0; i < a->count; i++) free_texts(&a->items[i].entry);
    for (int64_t i = 0; i < a->metadata_count; i++) {
        tsr_free((char *)a->metadata[i].key);
        tsr_free((char *)a->metadata[i].value);
    }
    tsr_free(a->items);
    tsr_free(a->metadata);
    tsr_map_free(&a->index);
    blob_release(a->blob);
    tsr_free(a->name);
    tsr_free(a);
}

/* ---- asking ---- */

int64_t tsr_archive_count(const tsr_archive *a) { return a ? a->count : 0; }

bool tsr_archive_entry(const tsr_archive *a, int64_t i, tsr_entry *out)
{
    if (!a || i < 0 || i >= a->count) return false;
    *out = a->items[i].entry;
    return true;
}

int64_t tsr_archive_find(const tsr_archive *a, const char *name)
{
    return a && name ? (int64_t)(intptr_t)tsr_map_get(&a->index, name) - 1 : -1;
}

const char *tsr_archive_metadata(const tsr_archive *a, const char *key)
{
    for (int64_t i = 0; a && key && i < a->metadata_count; i++) {
        if (!strcmp(a->metadata[i].key, key)) return a->metadata[i].value;
    }
    return NULL;
}

const char *tsr_archive_metadata_key(const tsr_archive *a, int64_t i)
{
    return a && i >= 0 && i < a->metadata_count ? a->metadata[i].key : NULL;
}

/* ---- loading ---- */

tsr_tensor *tsr_archive_get(tsr_archive *a, int64_t i)
{
    if (!a) return NULL;
    if (i < 0 || i >= a->count) {
        tsr_fail(TSR_EINVAL, "%s: there is no tensor %lld; it holds %lld", a->name, (long long)i, (long long)a->count);
        return NULL;
    }
    const tsr_entry *e = &a->items[i].entry;
    if (e->problem) {
        tsr_fail(TSR_EFORMAT, "%s: tensor \"%s\" %s", a->name, e->name, e->problem);
        return NULL;
    }
    return a->format->get(a, i);
}

static const char *most_similar(const tsr_archive *a, const char *name)
{
    const char *best = NULL;
    int64_t least = INT64_MAX;
    for (int64_t i = 0; i < a->count; i++) {
        int64_t distance = tsr_edit_distance(name, a->items[i].entry.name);
        if (distance < least) least = distance, best = a->items[i].entry.name;
    }
    return best;
}

tsr_tensor *tsr_archive_get_named(tsr_archive *a, const char *name)
{
    if (!a) return NULL;
    int64_t i = tsr_archive_find(a, name);
    if (i >= 0) return tsr_archive_get(a, i);
    const char *similar = name ? most_similar(a, name) : NULL;
    tsr_fail(TSR_EINVAL, "%s: there is no tensor \"%s\"%s%s%s", a->name, name ? name : "(NULL)",
             similar ? "; the most similar name is \"" : "", similar ? similar : "", similar ? "\"" : "");
    return NULL;
}

tsr_tensor *tsr_load_one(const char *path)
{
    tsr_archive *a = tsr_archive_open(path);
    if (!a) return NULL;
    tsr_tensor *t = NULL;
    if (a->count == 1) {
        t = tsr_archive_get(a, 0);
    } else {
        tsr_fail(TSR_EINVAL, "%s: holds %lld tensors where one is wanted", path, (long long)a->count);
    }
    tsr_archive_close(a);
    return t;
}
