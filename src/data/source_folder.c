/* source_folder.c: a folder of image files, or one image file.

   The folder is searched once, when it is opened; a picture is decoded each time it is read. A folder whose pictures lie
   in sub-folders has classes, the first level's names. When the first level is train/ and test/ (or val/, valid/,
   validation/), these are the two parts, and the classes are the next level's; both parts are searched in any case, so
   that a class has the same number in both. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/window.h"
#include "tessera/image.h"

enum { MAX_DEPTH = 32 };

typedef struct folder {
    char *root;   /* "" or ends in a slash */
    char **files; /* relative to root; sorted */
    int64_t count, room;
} folder;

/* ---- searching ------------------------------------------------------------------------------------------------------------------ */

static bool is_picture_name(const char *name)
{
    return tsr_has_extension(name, ".png") || tsr_has_extension(name, ".jpg") || tsr_has_extension(name, ".jpeg");
}

static tsr_status add_file(folder *f, const char *name)
{
    if (!tsr_grow(&f->files, f->count, &f->room, sizeof *f->files)) return TSR_ENOMEM;
    char *copy = tsr_strdup(name);
    if (!copy) return TSR_ENOMEM;
    f->files[f->count++] = copy;
    return TSR_OK;
}

/* Whether an entry is a folder; links and file systems that do not tell are asked. */
static bool is_folder(const folder *f, const struct dirent *e, const char *name)
{
    if (e->d_type != DT_UNKNOWN && e->d_type != DT_LNK) return e->d_type == DT_DIR;
    tsr_text path = {0};
    struct stat st;
    tsr_text_add(&path, "%s%s", f->root, name);
    bool result = !path.failed && stat(tsr_text_get(&path), &st) == 0 && S_ISDIR(st.st_mode);
    tsr_text_free(&path);
    return result;
}

static tsr_status search(folder *f, const char *under, int depth);

static tsr_status add_entry(folder *f, const char *under, const struct dirent *e, int depth)
{
    if (e->d_name[0] == '.') return TSR_OK; /* also . and .. */
    tsr_text name = {0};
    tsr_text_add(&name, "%s%s", under, e->d_name);
    tsr_status status = name.failed ? TSR_ENOMEM : TSR_OK;
    if (status == TSR_OK && is_folder(f, e, tsr_text_get(&name))) {
        tsr_text_add(&name, "/");
        status = name.failed ? TSR_ENOMEM : search(f, tsr_text_get(&name), depth + 1);
    } else if (status == TSR_OK && is_picture_name(e->d_name)) {
        status = add_file(f, tsr_text_get(&name));
    }
    tsr_text_free(&name);
    return status;
}

static DIR *open_under(const folder *f, const char *under)
{
    tsr_text path = {0};
    tsr_text_add(&path, "%s%s", f->root, under);
    DIR *d = path.failed ? NULL : opendir(tsr_text_get(&path));
    if (!d && !path.failed)
        tsr_fail(TSR_EIO, "data: the folder %s cannot be opened: %s", tsr_text_get(&path), strerror(errno));
    tsr_text_free(&path);
    return d;
}

/* `under` is "" or ends in a slash. The depth is bounded, so that a link to a folder above ends. */
static tsr_status search(folder *f, const char *under, int depth)
{
    if (depth > MAX_DEPTH) return TSR_OK;
    DIR *d = open_under(f, under);
    if (!d) return tsr_error_status();
    tsr_status status = TSR_OK;
    for (struct dirent *e; status == TSR_OK && (e = readdir(d));) status = add_entry(f, under, e, depth);
    closedir(d);
    return status;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* ---- parts and classes -------------------------------------------------------------------------------------------------------------- */

static bool in_folder(const char *file, const char *name)
{
    size_t n = strlen(name);
    return strncmp(file, name, n) == 0 && file[n] == '/';
}

static bool is_held_out_file(const char *file)
{
    return in_folder(file, "test") || in_folder(file, "val") || in_folder(file, "valid") ||
           in_folder(file, "validation");
}

/* Whether every picture lies in a folder of one of the two parts, and both have some. */
static bool comes_in_parts(const folder *f)
{
    int64_t train = 0, held = 0;
    for (int64_t i = 0; i < f->count; i++) {
        train += in_folder(f->files[i], "train");
        held += is_held_out_file(f->files[i]);
    }
    return train > 0 && held > 0 && train + held == f->count;
}

/* The class's part of a name, or NULL: the first folder, of the rest when the name begins with a part. */
static const char *class_part(const char *file, bool parts, size_t *length)
{
    if (parts) file = strchr(file, '/') + 1;
    const char *slash = strchr(file, '/');
    *length = slash ? (size_t)(slash - file) : 0;
    return slash ? file : NULL;
}

/* Classes exist when every picture has one. */
static bool has_classes(const folder *f, bool parts)
{
    size_t length;
    for (int64_t i = 0; i < f->count; i++)
        if (!class_part(f->files[i], parts, &length)) return false;
    return f->count > 0;
}

/* A copy of the file's class name. */
static char *class_copy(const char *file, bool parts)
{
    size_t length;
    const char *part = class_part(file, parts, &length);
    tsr_text t = {0};
    tsr_text_add_bytes(&t, part, length);
    char *copy = t.failed ? NULL : tsr_strdup(tsr_text_get(&t));
    tsr_text_free(&t);
    return copy;
}

static tsr_status add_class_once(tsr_dataset *set, tsr_map *known, const char *file, bool parts)
{
    char *name = class_copy(file, parts);
    if (!name) return TSR_ENOMEM;
    tsr_status status = TSR_OK;
    if (!tsr_map_get(known, name)) {
        status = data_add_class(set, name);
        if (status == TSR_OK && !tsr_map_put(known, name, set)) status = TSR_ENOMEM;
    }
    tsr_free(name);
    return status;
}

static tsr_status collect_classes(tsr_dataset *set, const folder *f, bool parts)
{
    tsr_map known = {0};
    tsr_status status = TSR_OK;
    for (int64_t i = 0; i < f->count && status == TSR_OK; i++) status = add_class_once(set, &known, f->files[i], parts);
    tsr_map_free(&known);
    if (status == TSR_OK) qsort(set->class_names, (size_t)set->info.classes, sizeof *set->class_names, compare_names);
    return status;
}

/* The class's number; it is known to be there. */
static int32_t find_class(const tsr_dataset *set, const char *file, bool parts)
{
    size_t length;
    const char *part = class_part(file, parts, &length);
    int64_t low = 0, high = set->info.classes;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        int order = strncmp(set->class_names[middle], part, length);
        if (order > 0 || (order == 0 && strlen(set->class_names[middle]) > length)) high = middle;
        else low = middle;
    }
    return (int32_t)low;
}

static tsr_status label_files(tsr_dataset *set, const folder *f, bool parts)
{
    if (!has_classes(f, parts)) return TSR_OK;
    TSR_TRY(collect_classes(set, f, parts));
    set->labels = tsr_alloc((size_t)f->count * sizeof *set->labels);
    if (!set->labels) return TSR_ENOMEM;
    for (int64_t i = 0; i < f->count; i++) set->labels[i] = find_class(set, f->files[i], parts);
    return TSR_OK;
}

/* Keep the files of one part. */
static void keep_part(tsr_dataset *set, folder *f, tsr_part part)
{
    int64_t n = 0;
    for (int64_t i = 0; i < f->count; i++) {
        if (is_held_out_file(f->files[i]) != (part == TSR_PART_HELD_OUT)) {
            tsr_free(f->files[i]);
            continue;
        }
        f->files[n] = f->files[i];
        if (set->labels) set->labels[n] = set->labels[i];
        n++;
    }
    f->count = n;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------ */

static tsr_status read_path(const tsr_dataset *set, int64_t item, const char *path, const data_view *view,
                            data_target *out)
{
    struct stat st;
    tsr_image_options o = {.channels = (int)set->info.channels, .bits = 8};
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return tsr_fail(TSR_EFORMAT, "data: %s is a pipe or a device, not a file", path);
    tsr_tensor *t = tsr_image_load(path, &o);
    if (!t) return tsr_error_status();
    int64_t channels = set->info.channels, width = tsr_size(t, 1);
    data_picture p = {tsr_const_data(t), TSR_U8, channels, tsr_size(t, 0), width, 1, width * channels, channels, item};
    return p.data ? data_fit(set, p, view, out->picture) : tsr_error_status();
}

static void describe_file(const tsr_dataset *set, int64_t item, tsr_text *out)
{
    const folder *f = set->state;
    tsr_text_add(out, "%s%s", f->root, f->files[item]);
}

static tsr_status read_file(const tsr_dataset *set, int64_t item, const data_view *view, data_target *out)
{
    tsr_text path = {0};
    describe_file(set, item, &path);
    tsr_status status = path.failed ? TSR_ENOMEM : read_path(set, item, tsr_text_get(&path), view, out);
    tsr_text_free(&path);
    return status;
}

static void drop_folder(void *state)
{
    folder *f = state;
    if (!f) return;
    for (int64_t i = 0; i < f->count; i++) tsr_free(f->files[i]);
    tsr_free(f->files);
    tsr_free(f->root);
    tsr_free(f);
}

static const data_source FOLDER = {"folder", read_file, describe_file, drop_folder};

/* ---- opening ------------------------------------------------------------------------------------------------------------------------ */

/* root: "" or a folder's name, to which a slash is added where it lacks one. */
static tsr_status start(tsr_dataset *set, const char *root, const tsr_dataset_options *o)
{
    enum { CHANNELS = 3 };
    set->source = &FOLDER;
    folder *f = set->state = tsr_alloc_zeroed(1, sizeof *f);
    if (!f) return TSR_ENOMEM;
    tsr_text t = {0};
    size_t length = strlen(root);
    tsr_text_add(&t, "%s%s", root, length > 0 && root[length - 1] != '/' ? "/" : "");
    f->root = t.failed ? NULL : tsr_strdup(tsr_text_get(&t));
    tsr_text_free(&t);
    return f->root ? data_set_size(set, o, CHANNELS, 0, 0) : TSR_ENOMEM;
}

tsr_status data_open_folder(tsr_dataset *set, const char *path, const tsr_dataset_options *o)
{
    TSR_TRY(start(set, path, o));
    folder *f = set->state;
    TSR_TRY(search(f, "", 0));
    if (f->count == 0)
        return tsr_fail(TSR_EFORMAT,
                        "data: the folder %s holds no pictures: no .png, .jpg or .jpeg file, no IDX file (MNIST's "
                        "names) and no CIFAR-10 batch",
                        path);
    qsort(f->files, (size_t)f->count, sizeof *f->files, compare_names);
    bool parts = comes_in_parts(f);
    TSR_TRY(label_files(set, f, parts));
    if (parts && o->part != TSR_PART_ALL) keep_part(set, f, o->part);
    set->has_parts = parts;
    set->stored = f->count;
    return TSR_OK;
}

tsr_status data_open_picture(tsr_dataset *set, const char *path, const tsr_dataset_options *o)
{
    TSR_TRY(start(set, "", o));
    TSR_TRY(add_file(set->state, path));
    set->stored = 1;
    return TSR_OK;
}
