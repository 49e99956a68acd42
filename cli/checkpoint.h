/* checkpoint.h: a training run's state in one file: weights, optimiser, position in the data, random numbers.

   A safetensors file. Weights have the model's own names, so that it is a model file too; training state lies under
   "train.". Metadata: "kind", "config" (the model's), "run" (the effective configuration), "position". */
#ifndef CLI_CHECKPOINT_H
#define CLI_CHECKPOINT_H

#include "trainee.h"

/* Write it, whole or not at all; not when a weight is not finite. run: the effective configuration. */
tsr_status checkpoint_save(const char *path, const trainee *t, const json_t *run);

/* Restore everything: module, trainer, position, and this thread's random numbers. */
tsr_status checkpoint_restore(const char *path, trainee *t);

/* The effective configuration that a run in this folder has, from its checkpoint or else its config.json; a new
   reference. NULL: there is none, or, when an error is pending, it cannot be read. */
json_t *checkpoint_run_config(const char *folder);

#endif
