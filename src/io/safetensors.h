/* safetensors.h: the dtypes of the safetensors format, for reader and writer. */
#ifndef IO_SAFETENSORS_H
#define IO_SAFETENSORS_H

#include "tessera/dtype.h"

typedef struct safetensors_dtype {
    const char *name;
    int bits;        /* of an element */
    tsr_dtype dtype; /* TSR_DTYPE_DEFAULT: Tessera does not have it */
} safetensors_dtype;

/* NULL for a name that the format does not know. */
const safetensors_dtype *safetensors_dtype_named(const char *name);
/* NULL for TSR_DTYPE_DEFAULT. */
const safetensors_dtype *safetensors_dtype_for(tsr_dtype dtype);

#endif
