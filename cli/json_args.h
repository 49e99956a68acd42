/* json_args.h: the arguments of a call by name, written as JSON.

   A tensor is {"tensor": NAME}, with "stride": [...] to lay its values out with those element strides, and
   "requires_grad": true where its gradient is wanted. Numbers, booleans, texts, null and lists are plain JSON;
   {"float": "inf"} is a non-finite number and {"dtype": "F32"} a dtype. */
#ifndef CLI_JSON_ARGS_H
#define CLI_JSON_ARGS_H

#include <jansson.h>

#include "tessera/autograd.h"
#include "tessera/call.h"
#include "tessera/io.h"

/* A tensor that the arguments mention. */
typedef struct call_tensor {
    const char *name; /* of the JSON text's */
    tsr_tensor *tensor;
    bool requires_grad;
} call_tensor;

/* Arguments ready for tsr_call, and what they point to. */
typedef struct call_args {
    tsr_arg *v;
    int64_t count;
    call_tensor *tensors; /* in order of appearance, each name once */
    int64_t tensor_count;
    void **blocks; /* memory of lists */
    int64_t block_count;
    tsr_archive *archive;
    tsr_dtype cast;
} call_args;

/* Read positional arguments (a JSON array or NULL) and keyword ones (an object or NULL). Tensors come from the archive
   (may be NULL); floating ones are converted to `cast` unless that is TSR_DTYPE_DEFAULT. They belong to the innermost
   scope; the JSON must stay as long as the arguments. False and an error (tsr_error_message) when that cannot be;
   call_args_free follows either way. */
bool call_args_read(call_args *a, const json_t *positional, const json_t *keywords, tsr_archive *archive,
                    tsr_dtype cast);
void call_args_free(call_args *a);

/* Whether an object holds only "args" and "kwargs"; false and an error when it does not. */
bool call_args_check_object(const json_t *object);

/* The tensor of that name among the arguments; NULL when there is none. */
const call_tensor *call_args_find(const call_args *a, const char *name);

#endif
