/* model_file.h: models in files: which kind, of which configuration, with which weights.

   A file is a .safetensors with the configuration as JSON under the metadata key "config", as our checkpoints and the
   parity scripts' files are; a run's folder stands for its newest checkpoint. */
#ifndef CLI_MODEL_FILE_H
#define CLI_MODEL_FILE_H

#include "tessera/gpt.h"
#include "tessera/vqgan.h"

typedef enum model_kind { MODEL_VQGAN, MODEL_PRIOR } model_kind;

typedef struct model_file {
    tsr_archive *archive;
    char *path; /* of the file itself */
    model_kind kind;
    const char *config; /* the archive's */
} model_file;

/* The file that a path stands for, a run's folder for its newest checkpoint; for tsr_free. NULL: no memory. */
char *model_file_path(const char *path);

/* Open and recognise. An error is pending after false; model_file_close follows either way. */
bool model_file_open(model_file *f, const char *path);
void model_file_close(model_file *f);

/* The same, and refuse another kind, saying what the file is and where it belongs. */
bool model_file_open_as(model_file *f, const char *path, model_kind kind);

/* Read the configuration over *config. */
tsr_status model_file_vqgan_config(const model_file *f, tsr_vqgan_config *config);
tsr_status model_file_prior_config(const model_file *f, tsr_gpt_config *config);

/* Weights into a module of the file's kind. averaged: averaged weights, where a training run kept some, instead of the
   latest. What training leaves beside the weights is passed over; anything else that is missing, unexpected or of
   another shape is an error that lists it. A discriminator that the file lacks stays as it is. */
tsr_status model_file_load(const model_file *f, tsr_module *m, bool averaged);

/* All of it: a model ready for evaluation, without discriminator, for tsr_module_free. NULL: a pending error. */
tsr_module *model_load_vqgan(const char *path);
tsr_module *model_load_prior(const char *path);

/* The values of an option --weights, and what index `weights` of them asks for. */
#define PRIOR_WEIGHTS "f32|bf16"
tsr_status prior_weights_to(tsr_module *prior, int weights);

/* An integer of a metadata key's JSON array ("picture": [3, 64, 64]); 0 when it is not there. */
int64_t model_file_number(const model_file *f, const char *key, int index);

#endif
