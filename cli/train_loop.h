/* train_loop.h: the loop that every kind of training runs in. */
#ifndef CLI_TRAIN_LOOP_H
#define CLI_TRAIN_LOOP_H

#include "train_options.h"
#include "trainee.h"

/* Run the trainee to its end, in the folder of --out; effective is the run's configuration. With --resume from the newest
   checkpoint. Returns the exit status, having said what went wrong. */
int train_loop(const train_settings *s, trainee *t, const json_t *effective);

/* Whether the folder of --out may be used: one with a run in it only to resume that. A sentence otherwise. */
bool train_folder_is_free(const train_settings *s);

/* The pictures of an epoch, endless and shuffled or in order, as the options say. */
tsr_loader *train_loader(const train_settings *s, tsr_dataset *set);

#endif
