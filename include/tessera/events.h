/* events.h: TensorBoard's event files: curves and pictures of a run.

   `tensorboard --logdir FOLDER` shows them while the run goes on: each event is in the file when the call returns. A run
   that is resumed opens a new file in the same folder, and TensorBoard joins them. */
#ifndef TESSERA_EVENTS_H
#define TESSERA_EVENTS_H

#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tsr_events tsr_events;

/** Start a file events.out.tfevents.TIME.HOST.PID in the folder, which is made when missing. NULL: TSR_EIO. */
TSR_API tsr_events *tsr_events_open(const char *folder);
/** NULL is allowed. */
TSR_API void tsr_events_close(tsr_events *e);

/** A run goes on with `step`: TensorBoard leaves out what earlier files of the folder say of that step and of later ones. */
TSR_API tsr_status tsr_events_restart(tsr_events *e, int64_t step);

/** A point of the curve `tag` ("train/loss"). */
TSR_API tsr_status tsr_events_scalar(tsr_events *e, const char *tag, int64_t step, double value);
/** A picture, as tsr_image_encode_png takes it (image.h). */
TSR_API tsr_status tsr_events_image(tsr_events *e, const char *tag, int64_t step, const tsr_tensor *image);

#ifdef __cplusplus
}
#endif
#endif
