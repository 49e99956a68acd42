/* stage.h: kernels that work on one memory layout bring other layouts into it here.

   A stage is an array in the wanted layout: the caller's own when it has that layout already, otherwise a copy in memory
   of ours. Sizes of 1 leave a stride open, so the stage always carries the layout's canonical strides. */
#ifndef STAGE_H
#define STAGE_H

#include "backend/backend.h"

typedef enum stage_layout {
    STAGE_CHANNELS_LAST, /* [N, C, spatial...] stored as N, spatial..., C */
    STAGE_ROW_MAJOR
} stage_layout;

typedef struct stage {
    array a;
    void *memory; /* NULL: the caller's own */
} stage;

/* False without memory; nothing needs freeing then. A NULL array gives an empty stage. */
bool stage_input(stage *s, const array *x, stage_layout layout);
/* For a result: nothing is copied yet. */
bool stage_output(stage *s, const array *out, stage_layout layout);
/* Copy a staged result to where it belongs; false when the copy fails. Also frees. */
bool stage_deliver(stage *s, const array *out);
void stage_free(stage *s);

/* Whether the array has the layout. */
bool stage_has_layout(const array *a, stage_layout layout);
/* Whether both are row-major, and x is not channels-last as well. */
bool stage_are_planes(const array *out, const array *x);

/* Dense memory for a's elements in a dtype, with the dimensions of the mask `inner` innermost and otherwise in their order.
   Nothing is copied; data is the caller's to free. False: no memory, and data is NULL. */
bool stage_room(array *room, const array *a, tsr_dtype dtype, uint32_t inner);

#endif
