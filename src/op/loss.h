/* loss.h: what losses share. */
#ifndef OP_LOSS_H
#define OP_LOSS_H

#include "op/op.h"

/* The mean, the sum, or the loss itself, as `reduction` says; other words were refused before. */
tsr_tensor *loss_reduce(tsr_tensor *loss, const char *reduction);

#endif
