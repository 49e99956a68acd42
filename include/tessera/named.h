/* named.h: tensors with names, as state dicts and files hold them. */
#ifndef TESSERA_NAMED_H
#define TESSERA_NAMED_H

#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A tensor with the name it is saved under. Both are borrowed. */
typedef struct tsr_named {
    const char *name;
    tsr_tensor *tensor;
} tsr_named;

/** A list of them that owns its names (not the tensors). Zero-initialise; free with tsr_named_list_free. */
typedef struct tsr_named_list {
    tsr_named *v;
    int64_t n, room;
} tsr_named_list;

/** Append; the name is copied, the tensor borrowed. */
TSR_API tsr_status tsr_named_list_add(tsr_named_list *list, const char *name, tsr_tensor *t);
/** The tensor of that name, borrowed; NULL when there is none. */
TSR_API tsr_tensor *tsr_named_list_find(const tsr_named_list *list, const char *name);
TSR_API void tsr_named_list_free(tsr_named_list *list);

#ifdef __cplusplus
}
#endif
#endif
