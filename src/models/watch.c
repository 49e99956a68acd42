/* watch.c: an observer of operators that looks at every result. Slow, and only used to explain a loss that is already known
   not to be finite: the step is computed once more under it. */
#include "watch.h"

#include <math.h>
#include <string.h>

#include "tessera/memory.h"

static bool is_finite(const tsr_tensor *t)
{
    if (!t || !tsr_dtype_is_floating(tsr_dtype_of(t)) || tsr_numel(t) == 0) return true;
    int64_t n = tsr_numel(t);
    double *values = tsr_alloc((size_t)n * sizeof *values);
    bool finite = true;
    if (values && tsr_to_host(t, values, n, TSR_F64) == TSR_OK)
        for (int64_t i = 0; finite && i < n; i++) finite = isfinite(values[i]);
    tsr_free(values);
    return finite;
}

static void look(const char *name, bool done, tsr_tensor *const *outputs, int64_t count, void *user)
{
    watch *w = user;
    w->depth += done ? -1 : 1;
    if (!done || w->depth > 0) return;
    for (int64_t i = 0; !w->first[0] && i < count; i++)
        if (!is_finite(outputs[i])) strncpy(w->first, name, sizeof w->first - 1);
}

void watch_start(watch *w)
{
    memset(w, 0, sizeof *w);
    tsr_set_op_observer(look, w);
}

void watch_stop(void) { tsr_set_op_observer(NULL, NULL); }
