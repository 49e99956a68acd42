/* observe.h: watching operators run, for profilers and for finding where a number went wrong. */
#ifndef TESSERA_OBSERVE_H
#define TESSERA_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Called on the running thread before an operator (done = false, outputs not there yet) and after it succeeded; one that
    fails is reported before only, so keep no stack of open calls. Operators made of others are reported around them. Must
    not call operators itself. */
typedef void (*tsr_op_observer)(const char *name, bool done, tsr_tensor *const *outputs, int64_t count, void *user);

/** Set this thread's observer; NULL switches it off. */
TSR_API void tsr_set_op_observer(tsr_op_observer observer, void *user);

#ifdef __cplusplus
}
#endif
#endif
