/* layer.h: small helpers that constructors of layers share. */
#ifndef NN_LAYER_H
#define NN_LAYER_H

#include "tessera/nn.h"

/* Add a parameter with uninitialised memory; borrowed. */
tsr_tensor *layer_parameter(tsr_module *m, const char *name, tsr_shape shape);
/* Add a parameter (or persistent buffer) filled with a value; borrowed. */
tsr_tensor *layer_constant(tsr_module *m, const char *name, tsr_shape shape, double value);
/* m when ok; else m is freed and the result is NULL. */
tsr_module *layer_finish(tsr_module *m, bool ok);

#endif
