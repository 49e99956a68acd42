/* onednn.h: f32 convolutions by oneDNN. Only built with TESSERA_ONEDNN (TSR_HAVE_ONEDNN=1). */
#ifndef ONEDNN_H
#define ONEDNN_H

#include "backend/backend.h"

/* Put the three convolutions over the entries that b has; what oneDNN does not take (f64, three dimensions) is computed
   through matrix products. Order of filling a table: reference, onednn_fill, simd_..._fill_<tier>, because ours call on to
   the entry below for the shapes where they are not faster. Filling a table twice is harmless. */
void onednn_fill(backend *b);

#endif
