/* source_memory.c: data sets whose pictures lie in memory as bytes, in the files' own layout.

   MNIST takes 47 MB and CIFAR-10 180 MB: reading them whole is quicker than seeking, and a gzipped file cannot be sought
   anyway. Each file is a chunk of records; pictures are read where they lie. */
#include "data/source_memory.h"

#include <string.h>

#include "data/window.h"

typedef struct chunk {
    uint8_t *bytes;
    char *path;
    data_records records;
    int64_t first; /* item of the data set */
} chunk;

typedef struct memory {
    chunk *chunks;
    int64_t count, room;
    int64_t label_room;
} memory;

static const chunk *chunk_of(const tsr_dataset *set, int64_t item)
{
    const memory *m = set->state;
    int64_t k = m->count - 1;
    while (k > 0 && m->chunks[k].first > item) k--;
    return &m->chunks[k];
}

static tsr_status read_memory(const tsr_dataset *set, int64_t item, const data_view *view, data_target *out)
{
    const chunk *c = chunk_of(set, item);
    const data_records *r = &c->records;
    data_picture p = {c->bytes + r->offset + (item - c->first) * r->stride,
                      TSR_U8,
                      r->channels,
                      r->height,
                      r->width,
                      r->height * r->width,
                      r->width,
                      1,
                      item};
    return data_fit(set, p, view, out->picture);
}

static void describe_memory(const tsr_dataset *set, int64_t item, tsr_text *out)
{
    const chunk *c = chunk_of(set, item);
    tsr_text_add(out, "%s, picture %lld", c->path, (long long)(item - c->first));
}

static void drop_memory(void *state)
{
    memory *m = state;
    if (!m) return;
    for (int64_t k = 0; k < m->count; k++) {
        tsr_free(m->chunks[k].bytes);
        tsr_free(m->chunks[k].path);
    }
    tsr_free(m->chunks);
    tsr_free(m);
}

static const data_source IDX = {"idx", read_memory, describe_memory, drop_memory};
static const data_source CIFAR = {"cifar10", read_memory, describe_memory, drop_memory};

tsr_status data_memory_start(tsr_dataset *set, const char *kind)
{
    set->source = strcmp(kind, IDX.kind) == 0 ? &IDX : &CIFAR;
    set->state = tsr_alloc_zeroed(1, sizeof(memory));
    return set->state ? TSR_OK : TSR_ENOMEM;
}

/* Labels are kept for all items or for none. */
static tsr_status add_labels(tsr_dataset *set, const data_records *r, const uint8_t *labels, int64_t stride)
{
    if (!labels || (set->stored > 0 && !set->labels)) {
        tsr_free(set->labels);
        set->labels = NULL;
        return TSR_OK;
    }
    int32_t *all = tsr_realloc(set->labels, (size_t)(set->stored + r->count) * sizeof *all);
    if (!all) return TSR_ENOMEM;
    set->labels = all;
    for (int64_t i = 0; i < r->count; i++) all[set->stored + i] = labels[i * stride];
    return TSR_OK;
}

static tsr_status check_size(const memory *m, const char *path, const data_records *r)
{
    const data_records *first = &m->chunks[0].records;
    if (m->count == 0 || (first->height == r->height && first->width == r->width)) return TSR_OK;
    return tsr_fail(TSR_EFORMAT, "data: %s holds pictures of %lld x %lld, and %s of %lld x %lld", path,
                    (long long)r->height, (long long)r->width, m->chunks[0].path, (long long)first->height,
                    (long long)first->width);
}

static tsr_status add_chunk(tsr_dataset *set, const char *path, uint8_t *bytes, const data_records *r)
{
    memory *m = set->state;
    if (m->count > 0) TSR_TRY(check_size(m, path, r));
    if (!tsr_grow(&m->chunks, m->count, &m->room, sizeof *m->chunks)) return TSR_ENOMEM;
    char *name = tsr_strdup(path);
    if (!name) return TSR_ENOMEM;
    m->chunks[m->count++] = (chunk){bytes, name, *r, set->stored};
    return TSR_OK;
}

tsr_status data_memory_add(tsr_dataset *set, const char *path, uint8_t *bytes, const data_records *records,
                           const uint8_t *labels, int64_t label_stride)
{
    tsr_status status = add_chunk(set, path, bytes, records);
    if (status != TSR_OK) {
        tsr_free(bytes);
        return status;
    }
    TSR_TRY(add_labels(set, records, labels, label_stride));
    set->stored += records->count;
    return TSR_OK;
}

tsr_status data_memory_finish(tsr_dataset *set, const tsr_dataset_options *o)
{
    const memory *m = set->state;
    if (m->count == 0) return tsr_fail(TSR_EFORMAT, "data: the part that was asked for has no file in the folder");
    const data_records *r = &m->chunks[0].records;
    return data_set_size(set, o, r->channels, r->height, r->width);
}
