/* element.h: single elements as numbers. */
#ifndef TENSOR_ELEMENT_H
#define TENSOR_ELEMENT_H

#include "tensor/tensor_impl.h"

/* Position in the storage of element i in row-major order. */
int64_t element_offset(const tsr_tensor *t, int64_t i);
/* The element at a position in the storage. */
double element_f64(const tsr_tensor *t, int64_t at);
int64_t element_i64(const tsr_tensor *t, int64_t at);

#endif
