/* code_set.h: pictures as codes: what a prior is trained on, and what `encode` makes. */
#ifndef CLI_CODE_SET_H
#define CLI_CODE_SET_H

#include "progress.h"
#include "tessera/data.h"
#include "tessera/gpt.h"
#include "tessera/io.h"
#include "tessera/nn.h"

typedef struct code_set {
    tsr_tensor *codes;     /* i64 [N, tokens], a reference */
    tsr_tensor *labels;    /* i64 [N], a reference, or NULL */
    int64_t count, tokens; /* N, and codes of a picture */
    int64_t height, width; /* of a picture's grid of codes; 0: not known */
    int64_t picture[3];    /* C, H, W of the pictures; 0: not known */
    int64_t n_codes;       /* codes are below this */
    int64_t classes;       /* labels are below this; 0: no labels */
    char *class_names;     /* a JSON array, or NULL */
    char *origin;          /* what the codes were made of, for comparing, or NULL */
} code_set;

/* Fill *c, which code_set_free empties. An error is pending after false. */

/* Encode every picture of a data set, opened from `source`, `batch` at a time, with a VQGAN in evaluation mode. */
bool code_set_encode(code_set *c, tsr_dataset *set, const char *source, tsr_module *vqgan, int64_t batch,
                     bool show_progress);
/* A file of codes, [N, h, w] or [N, n]: its only tensor, or "codes" and perhaps "labels". */
bool code_set_load(code_set *c, const char *path);
/* Describe the pictures and labels of a data set that is yet to be encoded: all but codes and labels. */
bool code_set_describe(code_set *c, tsr_dataset *set, int64_t n_codes, int64_t factor);
void code_set_free(code_set *c);
/* Be without labels, known or not. */
void code_set_drop_labels(code_set *c);

/* Whether a prior of this configuration knows all the codes, and the labels if it is class-conditional; TSR_EINVAL. */
tsr_status code_set_fits(const code_set *c, const tsr_gpt_config *config);

/* As one file with tensors codes and labels, and what else is known in its metadata. */
tsr_status code_set_save(const code_set *c, const char *path);

/* ---- batches, endless: shuffled anew each epoch, whole ones only; or in order, the last one of an epoch perhaps short ---- */

typedef struct code_loader {
    const code_set *set;
    int64_t batch;
    bool shuffled;
    tsr_loader_state state;
    int64_t *order;
    int64_t order_epoch; /* that `order` is of; -1: none yet */
} code_loader;

void code_loader_start(code_loader *l, const code_set *set, int64_t batch, bool shuffled, uint64_t seed);
void code_loader_stop(code_loader *l);
/* The next batch's codes [n, tokens] and labels [n] (NULL when there are none). */
tsr_status code_loader_next(code_loader *l, tsr_tensor **codes, tsr_tensor **labels);
/* Go on from a state; TSR_EINVAL when it is of another set. */
tsr_status code_loader_go_to(code_loader *l, tsr_loader_state state);

#endif
