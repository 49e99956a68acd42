/* dataset.h: data sets, inside.

   A source (source_*.c) fills a tsr_dataset while it is opened: how many items it stores, their labels and classes, the
   size pictures come in, and a table of three functions. Everything else is common: which of the stored items belong to
   the set (dataset_select.c), fitting a picture of any size into the set's (window.c), and the count of items that
   could not be read. An open set does not change but for that count, so any number of threads may read it. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <pthread.h>

#include "base/alloc.h"
#include "base/util.h"
#include "tessera/data.h"

/* How an item is to be looked at. All zero: the middle, unchanged. */
typedef struct data_view {
    bool flip, crop;
    double x, y; /* with crop: where the window lies, [0, 1) */
} data_view;

/* Where an item goes. right, depth and label_map are set when the data set has them. */
typedef struct data_target {
    float *picture, *right, *depth; /* [C, H, W], [C, H, W], [H, W] */
    double *wide;                   /* the picture of a set of doubles, in the place of `picture` */
    uint8_t *label_map;             /* [H, W] */
    int64_t label;
} data_target;

typedef struct data_source {
    const char *kind;
    /* TSR_EFORMAT and TSR_EIO mean that this item is bad and others may be good. Runs inside a scope. */
    tsr_status (*read)(const tsr_dataset *set, int64_t item, const data_view *view, data_target *out);
    void (*describe)(const tsr_dataset *set, int64_t item, tsr_text *out);
    void (*drop)(void *state);
} data_source;

struct tsr_dataset {
    const data_source *source;
    void *state;
    tsr_dataset_info info; /* length is that of the selection */
    char **class_names;
    int64_t class_room;
    int64_t stored;    /* items of the source */
    int32_t *labels;   /* of stored items; NULL: none, or known only once an item is read */
    int64_t *selected; /* stored items in the set, NULL: all */
    bool wide;         /* pictures are doubles */
    bool has_parts;    /* the source itself honoured options->part */
    pthread_mutex_t lock;
    uint8_t *bad; /* a bit for each item of the set; guarded by lock */
    int64_t bad_count;
};

/* ---- opening: one function a source, which fills `set` ---------------------------------------------------------------- */

tsr_status data_open_scenes(tsr_dataset *set, const char *text, const tsr_dataset_options *o);
tsr_status data_open_folder(tsr_dataset *set, const char *path, const tsr_dataset_options *o);
tsr_status data_open_picture(tsr_dataset *set, const char *path, const tsr_dataset_options *o);
tsr_status data_open_idx(tsr_dataset *set, const char *path, const tsr_dataset_options *o);
tsr_status data_open_idx_folder(tsr_dataset *set, const char *path, const tsr_dataset_options *o);
tsr_status data_open_cifar(tsr_dataset *set, const char *path, const tsr_dataset_options *o);
tsr_status data_open_cifar_folder(tsr_dataset *set, const char *path, const tsr_dataset_options *o);
tsr_status data_open_archive(tsr_dataset *set, const char *path, const tsr_dataset_options *o);
/* labels may be NULL. `where` names the tensor in messages. */
tsr_status data_open_tensors(tsr_dataset *set, tsr_tensor *pictures, tsr_tensor *labels, const char *where,
                             const tsr_dataset_options *o);

/* Set channels, height and width of the set from the options and what the source has by itself (0: nothing). */
tsr_status data_set_size(tsr_dataset *set, const tsr_dataset_options *o, int64_t channels, int64_t height,
                         int64_t width);
/* Append a class. */
tsr_status data_add_class(tsr_dataset *set, const char *name);
/* Append "0", "1", ... up to the largest label. */
tsr_status data_number_classes(tsr_dataset *set);
/* Choose the items: the part (unless the source did) and the limit. */
tsr_status data_select(tsr_dataset *set, const tsr_dataset_options *o);

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

/* Read item `index` of the set. A bad item is counted and, the first time, warned of; the error stays pending. */
tsr_status data_read(tsr_dataset *set, int64_t index, const data_view *view, data_target *out);
/* Whether the item is known to be bad. */
bool data_is_bad(tsr_dataset *set, int64_t index);

/* ---- a random order (permute.c) ------------------------------------------------------------------------------------------- */

/* The i-th of a random order of 0 .. n - 1, which is a function of the key. */
int64_t data_permute(uint64_t key, int64_t n, int64_t i);

#endif
