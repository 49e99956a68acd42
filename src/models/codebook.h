/* codebook.h: against codebook collapse: a k-means start, and the revival of codes that are not used. */
#ifndef MODELS_CODEBOOK_H
#define MODELS_CODEBOOK_H

#include "tessera/vqgan.h"

/* Average the batch's uses of each code into `usage` [n_embed], and replace codes whose average fell below `threshold` by
   features of the batch, drawn with the thread's generator; also in `average` (NULL: none), the codes' averaged weights. */
tsr_status codebook_revive(tsr_module *vqgan, tsr_tensor *usage, tsr_tensor *average, tsr_tensor *features,
                           tsr_tensor *indices, double threshold);

#endif
