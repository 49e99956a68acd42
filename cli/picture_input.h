/* picture_input.h: the pictures that a command was given, batch by batch. */
#ifndef CLI_PICTURE_INPUT_H
#define CLI_PICTURE_INPUT_H

#include "data_source.h"
#include "tessera/nn.h"

/* What to do with a batch, [n, C, H, W] of which the first is number `first`. Tensors belong to a scope of the batch's. */
typedef tsr_status (*picture_visit)(void *user, tsr_tensor *pictures, int64_t first);

/* Open what a VQGAN is to see: in its channels, sides divisible by its down-sampling. NULL: a pending error. */
tsr_dataset *pictures_open(const data_options *o, tsr_module *vqgan, tsr_part part);

/* TSR_ENUMERIC for a batch with values that are not finite, of which the first picture is number `first` of the set; source:
   what the set was opened from. */
tsr_status pictures_check_finite(const tsr_dataset *set, const char *source, tsr_tensor *pictures, int64_t first);

/* Visit every picture in order, without recording gradients. */
tsr_status pictures_each(tsr_dataset *set, const char *source, int64_t batch, bool show_progress, picture_visit visit,
                         void *user);

/* Say on stderr how many pictures could not be read, if any. */
void pictures_note_skipped(const char *command, const tsr_dataset *set);

#endif
