/* named.c: lists of tensors with names. */
#include "tessera/named.h"

#include <string.h>

#include "base/alloc.h"
#include "base/util.h"
#include "tensor/tensor_impl.h"

tsr_status tsr_named_list_add(tsr_named_list *list, const char *name, tsr_tensor *t)
{
    if (list->n == list->room && !tsr_grow(&list->v, list->n, &list->room, sizeof *list->v)) return TSR_ENOMEM;
    char *copy = tsr_strdup(name);
    if (!copy) return TSR_ENOMEM;
    list->v[list->n++] = (tsr_named){copy, t};
    return TSR_OK;
}

tsr_status named_check(const char *what, const tsr_named *list, int64_t n)
{
    if (tsr_error_pending()) return tsr_error_status();
    if (n < 0 || (n > 0 && !list))
        return tsr_fail(TSR_EINVAL, "%s: there are %lld tensors at %s", what, (long long)n,
                        list ? "an address" : "NULL");
    for (int64_t i = 0; i < n; i++) {
        if (!list[i].name) return tsr_fail(TSR_EINVAL, "%s: the name of entry %lld is NULL", what, (long long)i);
        if (!list[i].tensor) return tsr_fail(TSR_EINVAL, "%s: the tensor of '%s' is NULL", what, list[i].name);
    }
    return TSR_OK;
}

tsr_tensor *tsr_named_list_find(const tsr_named_list *list, const char *name)
{
    for (int64_t i = 0; i < list->n; i++)
        if (!strcmp(list->v[i].name, name)) return list->v[i].tensor;
    return NULL;
}

void tsr_named_list_free(tsr_named_list *list)
{
    for (int64_t i = 0; i < list->n; i++) tsr_free((void *)(uintptr_t)list->v[i].name);
    tsr_free(list->v);
    *list = (tsr_named_list){0};
}
