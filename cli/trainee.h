/* trainee.h: what the training loop needs to know of a model that is trained. */
#ifndef CLI_TRAINEE_H
#define CLI_TRAINEE_H

#include <jansson.h>

#include "run_folder.h"
#include "tessera/data.h"
#include "tessera/io.h"
#include "tessera/nn.h"

enum { STEP_TERMS_MOST = 12, TRAINEE_METADATA_MOST = 4 };

/* What a step says of itself, "lr" among it. */
typedef struct step_report {
    run_term terms[STEP_TERMS_MOST];
    int count;
} step_report;

typedef struct trainee {
    const char *kind;         /* "vqgan" */
    const char *model_config; /* JSON text */
    tsr_module *module;
    tsr_text_pair metadata[TRAINEE_METADATA_MOST]; /* more of it for checkpoints */
    int metadata_count;
    const char *picture_tag; /* what pictures of the run show: "reconstructions" */
    void *self;              /* given to all of these: */
    tsr_status (*step)(void *self, step_report *out);
    int64_t (*steps)(void *self);
    tsr_status (*state)(void *self, tsr_named_list *out);
    tsr_status (*restore)(void *self, const tsr_named *tensors, int64_t n);
    tsr_loader_state (*position)(void *self);
    tsr_status (*go_to)(void *self, tsr_loader_state position);
    tsr_tensor *(*picture)(void *self); /* u8 [H, W, C]; NULL without an error: there is nothing to show */
} trainee;

#endif
