/* run_folder.h: the folder of a training run.

     config.json                  the effective configuration
     checkpoints/last.safetensors the newest whole checkpoint
     metrics.jsonl                a JSON object a logged step
     events.out.tfevents.*        the same for TensorBoard, and pictures
     samples/step-000500.png      pictures
     trace.json                   with --profile: the first million calls, for chrome://tracing */
#ifndef CLI_RUN_FOLDER_H
#define CLI_RUN_FOLDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "tessera/events.h"
#include "tessera/tensor.h"

typedef struct run_folder {
    const char *path;
    FILE *metrics;
    tsr_events *events;
} run_folder;

/* A named value of a step. */
typedef struct run_term {
    const char *name;
    double value;
} run_term;

enum { RUN_PATH_MOST = 1024 };

/* "FOLDER/name" into buffer, of RUN_PATH_MOST bytes. Returns buffer. */
const char *run_path(const char *folder, const char *name, char *buffer);

/* Whether the folder has a checkpoint. */
bool run_has_checkpoint(const char *folder);

/* Make the folder, write its config.json, and remove what writers that were killed left half written. */
tsr_status run_folder_prepare(const char *path, const json_t *config);

/* Make the folder or go on in it; of an earlier run's metrics, steps beyond `step` are dropped, and that of `ended` (-1: none).
   An error is pending after false; run_folder_close follows either way. */
bool run_folder_open(run_folder *r, const char *path, int64_t step, int64_t ended, const json_t *config);
void run_folder_close(run_folder *r);

/* Append a step's metrics. */
tsr_status run_folder_log(run_folder *r, int64_t step, double seconds, const run_term *terms, int count);

/* Keep a picture of the run, u8 [H, W, C]. */
tsr_status run_folder_picture(run_folder *r, const char *tag, int64_t step, const tsr_tensor *picture);

#endif
