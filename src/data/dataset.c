/* dataset.c: opening a data set, telling what a source is, and reading items.

   What a source is, is told from its content: the first bytes of a file, the names in a folder. A name's ending is only
   asked to find the pictures in a folder, where reading every file would take long. */
#include "data/dataset.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "tensor/tensor_impl.h"

enum { MAX_SIDE = 8192, HEAD_BYTES = 16 };

/* ---- a set's parts ------------------------------------------------------------------------------------------------------------ */

static tsr_dataset *new_set(void)
{
    tsr_dataset *set = tsr_alloc_zeroed(1, sizeof *set);
    if (set) pthread_mutex_init(&set->lock, NULL);
    return set;
}

void tsr_dataset_free(tsr_dataset *set)
{
    if (!set) return;
    if (set->source && set->source->drop) set->source->drop(set->state);
    for (int64_t i = 0; i < set->info.classes; i++) tsr_free(set->class_names[i]);
    tsr_free(set->class_names);
    tsr_free(set->labels);
    tsr_free(set->selected);
    tsr_free(set->bad);
    pthread_mutex_destroy(&set->lock);
    tsr_free(set);
}

tsr_status data_add_class(tsr_dataset *set, const char *name)
{
    if (!tsr_grow(&set->class_names, set->info.classes, &set->class_room, sizeof *set->class_names)) return TSR_ENOMEM;
    char *copy = tsr_strdup(name);
    if (!copy) return TSR_ENOMEM;
    set->class_names[set->info.classes++] = copy;
    set->info.class_names = (const char *const *)set->class_names;
    return TSR_OK;
}

tsr_status data_number_classes(tsr_dataset *set)
{
    int32_t largest = -1;
    char name[16];
    for (int64_t i = 0; set->labels && i < set->stored; i++)
        if (set->labels[i] > largest) largest = set->labels[i];
    for (int32_t c = 0; c <= largest; c++) {
        snprintf(name, sizeof name, "%d", (int)c);
        TSR_TRY(data_add_class(set, name));
    }
    return TSR_OK;
}

static void wanted_size(const tsr_dataset_options *o, int64_t *height, int64_t *width)
{
    if (o->size != 0) *height = *width = o->size;
    else if (o->height != 0 || o->width != 0) *height = o->height, *width = o->width;
    if (*height == 0 && *width == 0) *height = *width = 64;
}

tsr_status data_set_size(tsr_dataset *set, const tsr_dataset_options *o, int64_t channels, int64_t height,
                         int64_t width)
{
    wanted_size(o, &height, &width);
    if (height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE)
        return tsr_fail(TSR_EINVAL, "data: pictures of %lld x %lld pixels; sides may be 1 to %d", (long long)height,
                        (long long)width, MAX_SIDE);
    int64_t wanted = o->channels == 0 ? channels : o->channels;
    bool converts = (wanted == 1 || wanted == 3) && (channels == 1 || channels == 3);
    if (wanted != channels && !converts)
        return tsr_fail(TSR_EINVAL, "data: pictures of %lld channels cannot be given in %lld; 1 (grey) and 3 (RGB) can",
                        (long long)channels, (long long)wanted);
    set->info.channels = wanted;
    set->info.height = height;
    set->info.width = width;
    return TSR_OK;
}

/* ---- what a source is --------------------------------------------------------------------------------------------------------- */

static bool begins(const uint8_t *head, const char *bytes, size_t n) { return memcmp(head, bytes, n) == 0; }

static bool is_idx(const uint8_t *head) { return head[0] == 0 && head[1] == 0 && head[2] == 8 && head[3] == 3; }

/* The first bytes of a file, inflated when it is gzipped; the rest of `head` is zero. */
static tsr_status read_head(const char *path, uint8_t *head)
{
    memset(head, 0, HEAD_BYTES);
    gzFile f = gzopen(path, "rb");
    if (!f) return tsr_fail(TSR_EIO, "data: %s cannot be opened: %s", path, strerror(errno));
    int n = gzread(f, head, HEAD_BYTES);
    gzclose(f);
    return n < 0 ? tsr_fail(TSR_EIO, "data: %s cannot be read", path) : TSR_OK;
}

static tsr_status open_file(tsr_dataset *set, const char *path, int64_t bytes, const tsr_dataset_options *o)
{
    uint8_t head[HEAD_BYTES];
    TSR_TRY(read_head(path, head));
    if (begins(head, "\x89PNG", 4) || begins(head, "\xff\xd8\xff", 3)) return data_open_picture(set, path, o);
    if (is_idx(head)) return data_open_idx(set, path, o);
    if (begins(head, "\x93NUMPY", 6) || begins(head, "PK\3\4", 4) || head[8] == '{')
        return data_open_archive(set, path, o);
    if (bytes > 0 && bytes % 3073 == 0 && head[0] < 10) return data_open_cifar(set, path, o);
    return tsr_fail(TSR_EFORMAT,
                    "data: %s is not a picture (PNG, JPEG), IDX pictures, a CIFAR-10 batch, a .safetensors or a .npy "
                    "file",
                    path);
}

typedef struct folder_content {
    bool idx, cifar;
} folder_content;

static bool has_text(const char *name, const char *a, const char *b) { return strstr(name, a) || strstr(name, b); }

static tsr_status look_into(const char *path, folder_content *out)
{
    *out = (folder_content){0};
    DIR *d = opendir(path);
    if (!d) return tsr_fail(TSR_EIO, "data: the folder %s cannot be opened: %s", path, strerror(errno));
    for (struct dirent *e; (e = readdir(d));) {
        if (has_text(e->d_name, "images-idx3", "images.idx3")) out->idx = true;
        if (strcmp(e->d_name, "test_batch.bin") == 0 || strncmp(e->d_name, "data_batch_", 11) == 0) out->cifar = true;
    }
    closedir(d);
    return TSR_OK;
}

static tsr_status open_folder(tsr_dataset *set, const char *path, const tsr_dataset_options *o)
{
    folder_content content;
    TSR_TRY(look_into(path, &content));
    if (content.idx) return data_open_idx_folder(set, path, o);
    if (content.cifar) return data_open_cifar_folder(set, path, o);
    return data_open_folder(set, path, o);
}

static tsr_status open_path(tsr_dataset *set, const char *path, const tsr_dataset_options *o)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return tsr_fail(TSR_EIO, "data: there is no file or folder %s (%s); \"scenes\" needs none", path,
                        strerror(errno));
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) /* a pipe would be waited for */
        return tsr_fail(TSR_EIO, "data: %s is neither a file nor a folder", path);
    return S_ISDIR(st.st_mode) ? open_folder(set, path, o) : open_file(set, path, (int64_t)st.st_size, o);
}

/* ---- opening -------------------------------------------------------------------------------------------------------------------- */

static tsr_status check_options(const tsr_dataset_options *o)
{
    if (!(o->held_out >= 0 && o->held_out < 1))
        return tsr_fail(TSR_EINVAL, "data: the fraction %g cannot be held out; it may be above 0 and below 1",
                        o->held_out);
    if (o->limit < 0) return tsr_fail(TSR_EINVAL, "data: a limit of %lld pictures", (long long)o->limit);
    if (o->part > TSR_PART_HELD_OUT) return tsr_fail(TSR_EINVAL, "data: there is no part %d", (int)o->part);
    return TSR_OK;
}

static tsr_status open_source(tsr_dataset *set, const char *source, const tsr_dataset_options *o)
{
    TSR_TRY(check_options(o));
    if (strcmp(source, "scenes") == 0) return data_open_scenes(set, "", o);
    if (strncmp(source, "scenes:", 7) == 0) return data_open_scenes(set, source + 7, o);
    return open_path(set, source, o);
}

/* What every source needs once it is open. */
static tsr_status finish(tsr_dataset *set, const tsr_dataset_options *o)
{
    unsigned missing = o->extras & ~set->info.extras;
    set->info.kind = set->source->kind;
    if (missing)
        return tsr_fail(TSR_EINVAL, "data: %s pictures come without %s", set->info.kind,
                        missing & TSR_WITH_DEPTH   ? "a depth map"
                        : missing & TSR_WITH_RIGHT ? "the right eye's picture"
                                                   : "a label map");
    if (set->stored < 1) return tsr_fail(TSR_EFORMAT, "data: the source holds no pictures");
    TSR_TRY(data_select(set, o));
    set->bad = tsr_alloc_zeroed((size_t)set->info.length / 8 + 1, 1);
    return set->bad ? TSR_OK : TSR_ENOMEM;
}

static tsr_dataset *finished(tsr_dataset *set, tsr_status status, const tsr_dataset_options *o)
{
    if (status == TSR_OK) status = finish(set, o);
    if (status == TSR_OK) return set;
    tsr_dataset_free(set);
    return NULL;
}

tsr_dataset *tsr_dataset_open(const char *source, const tsr_dataset_options *options)
{
    tsr_dataset_options defaults = {0};
    const tsr_dataset_options *o = options ? options : &defaults;
    if (!source) {
        tsr_fail(TSR_EINVAL, "data: no source is named");
        return NULL;
    }
    tsr_dataset *set = new_set();
    if (!set) return NULL;
    tsr_mark m = tsr_scope_open();
    tsr_status status = open_source(set, source, o);
    tsr_scope_close(m);
    return finished(set, status, o);
}

tsr_dataset *tsr_dataset_from_tensor(tsr_tensor *pictures, tsr_tensor *labels)
{
    tsr_dataset_options o = {0};
    if (!pictures) {
        tsr_fail(TSR_EINVAL, "data: there is no tensor of pictures");
        return NULL;
    }
    tsr_dataset *set = new_set();
    if (!set) return NULL;
    tsr_mark m = tsr_scope_open();
    tsr_status status = data_open_tensors(set, pictures, labels, "the tensor", &o);
    tsr_scope_close(m);
    return finished(set, status, &o);
}

/* ---- asking ----------------------------------------------------------------------------------------------------------------------- */

tsr_dataset_info tsr_dataset_get_info(const tsr_dataset *set) { return set ? set->info : (tsr_dataset_info){0}; }

int64_t tsr_dataset_length(const tsr_dataset *set) { return set ? set->info.length : 0; }

const char *tsr_dataset_class_name(const tsr_dataset *set, int64_t label)
{
    return set && label >= 0 && label < set->info.classes ? set->class_names[label] : "";
}

static int64_t stored_item(const tsr_dataset *set, int64_t index)
{
    return set->selected ? set->selected[index] : index;
}

const char *tsr_dataset_describe(const tsr_dataset *set, int64_t index, char *buffer, int64_t size)
{
    if (size < 1) return "";
    buffer[0] = 0;
    if (!set || index < 0 || index >= set->info.length) return buffer;
    tsr_text t = {0};
    set->source->describe(set, stored_item(set, index), &t);
    snprintf(buffer, (size_t)size, "%s", tsr_text_get(&t));
    tsr_text_free(&t);
    return buffer;
}

int64_t tsr_dataset_skipped(const tsr_dataset *set)
{
    if (!set) return 0;
    pthread_mutex_t *lock = (pthread_mutex_t *)&set->lock;
    pthread_mutex_lock(lock);
    int64_t n = set->bad_count;
    pthread_mutex_unlock(lock);
    return n;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------ */

bool data_is_bad(tsr_dataset *set, int64_t index)
{
    pthread_mutex_lock(&set->lock);
    bool bad = set->bad[index / 8] >> (index % 8) & 1;
    pthread_mutex_unlock(&set->lock);
    return bad;
}

/* True the first time. */
static bool note_bad(tsr_dataset *set, int64_t index)
{
    uint8_t bit = (uint8_t)(1 << (index % 8));
    pthread_mutex_lock(&set->lock);
    bool first = !(set->bad[index / 8] & bit);
    set->bad[index / 8] |= bit;
    set->bad_count += first;
    pthread_mutex_unlock(&set->lock);
    return first;
}

tsr_status data_read(tsr_dataset *set, int64_t index, const data_view *view, data_target *out)
{
    int64_t item = stored_item(set, index);
    out->label = set->labels ? set->labels[item] : -1;
    tsr_mark m = tsr_scope_open();
    tsr_status status = set->source->read(set, item, view, out);
    tsr_scope_close(m);
    if ((status == TSR_EFORMAT || status == TSR_EIO) && note_bad(set, index))
        tsr_warn("%s; the picture is skipped", tsr_error_message());
    return status;
}

/* Uninitialised tensors for an item, in the innermost scope. */
static tsr_status item_tensors(const tsr_dataset *set, tsr_data_item *out)
{
    const tsr_dataset_info *f = &set->info;
    int64_t picture[3] = {f->channels, f->height, f->width}, plane[3] = {1, f->height, f->width};
    out->picture = tensor_empty(set->wide ? TSR_F64 : TSR_F32, 3, picture, TSR_CPU);
    if (f->extras & TSR_WITH_DEPTH) out->depth = tensor_empty(TSR_F32, 3, plane, TSR_CPU);
    if (f->extras & TSR_WITH_RIGHT) out->right = tensor_empty(TSR_F32, 3, picture, TSR_CPU);
    if (f->extras & TSR_WITH_LABEL_MAP) out->label_map = tensor_empty(TSR_U8, 2, plane + 1, TSR_CPU);
    return tsr_error_status();
}

static tsr_status read_item(tsr_dataset *set, int64_t index, tsr_data_item *out)
{
    data_view view = {0};
    TSR_TRY(item_tensors(set, out));
    data_target target = {.picture = set->wide ? NULL : tsr_data(out->picture),
                          .wide = set->wide ? tsr_data(out->picture) : NULL,
                          .right = out->right ? tsr_data(out->right) : NULL,
                          .depth = out->depth ? tsr_data(out->depth) : NULL,
                          .label_map = out->label_map ? tsr_data(out->label_map) : NULL};
    TSR_TRY(data_read(set, index, &view, &target));
    out->label = target.label;
    return TSR_OK;
}

tsr_status tsr_dataset_get(tsr_dataset *set, int64_t index, tsr_data_item *out)
{
    *out = (tsr_data_item){.label = -1};
    if (tsr_error_pending()) return tsr_error_status();
    if (!set || index < 0 || index >= set->info.length)
        return tsr_fail(TSR_EINVAL, "data: item %lld of a data set of %lld", (long long)index,
                        (long long)tsr_dataset_length(set));
    tsr_mark m = tsr_scope_open();
    tsr_status status = read_item(set, index, out);
    if (status != TSR_OK) *out = (tsr_data_item){.label = -1};
    tsr_tensor *results[4] = {out->picture, out->depth, out->right, out->label_map};
    tsr_scope_return_many(m, results, 4);
    return status;
}
