/* scope.h: how new tensors get their owner. */
#ifndef TENSOR_SCOPE_H
#define TENSOR_SCOPE_H

#include <stdbool.h>

#include "tensor/tensor_impl.h"

/* Let the innermost scope own one reference of t; the caller keeps it when no scope is open. False: no memory (the
   reference is still the caller's). */
bool scope_enrol(tsr_tensor *t);

#endif
