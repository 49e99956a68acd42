/* interp_taps.h: resampling as tables.

   Every mode is separable: along each dimension an output position reads a few input positions with weights (one for
   nearest, two for linear, four for bicubic, a run of equal ones for area). A table lists these taps for one dimension.
   Transposed, it lists for each input position the outputs that read it: backward is forward through these. */
#ifndef INTERP_TAPS_H
#define INTERP_TAPS_H

#include "backend/backend.h"

/* The taps of output o are [start[o], start[o + 1]). */
typedef struct interp_taps {
    int64_t *start, *index;
    double *weight;
} interp_taps;

/* Tables for arrays [N, C, D, H, W]; those of missing dimensions have one output that reads one input. False without
   memory; free them in any case. */
bool interp_taps_make(interp_taps t[3], const array *in, const array *out, const interp_params *p);
bool interp_taps_transpose(interp_taps t[3], const array *in, const array *out);
void interp_taps_free(interp_taps t[3]);

#endif
