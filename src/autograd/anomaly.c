/* anomaly.c: which function made NaN.

   A thread in anomaly mode gives each node that it makes the labels that the user has put on a stack: C has no portable
   way to say who called, and a user knows better names than the linker. After a node has run, its gradients are searched. */
#include <stdio.h>
#include <string.h>

#include "autograd/graph.h"
#include "base/profile.h"
#include "tessera/ops.h"

static _Thread_local bool enabled_here;

static _Thread_local struct {
    const char *v[32];
    int count;
} labels;

bool tsr_set_anomaly_enabled(bool enabled)
{
    bool was = enabled_here;
    enabled_here = enabled;
    return was;
}

bool tsr_is_anomaly_enabled(void) { return enabled_here; }

tsr_status tsr_push_anomaly_label(const char *label)
{
    if (!label) return tsr_fail(TSR_EINVAL, "push_anomaly_label: the label is NULL");
    if (labels.count == TSR_COUNT(labels.v))
        return tsr_fail(TSR_EINVAL, "push_anomaly_label: '%s' is deeper than %d labels", label, labels.count);
    labels.v[labels.count++] = label;
    profile_push_range(label); /* best effort: what the profiler has no room for is still a label */
    return TSR_OK;
}

tsr_status tsr_pop_anomaly_label(void)
{
    if (labels.count == 0) return tsr_fail(TSR_ESTATE, "pop_anomaly_label: none were pushed in this thread");
    labels.count--;
    profile_pop_range();
    return TSR_OK;
}

char *anomaly_place(void)
{
    char text[512] = "";
    size_t at = 0;
    if (!enabled_here) return NULL;
    for (int i = 0; i < labels.count && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i > 0 ? " / " : "", labels.v[i]);
    return tsr_strdup(text);
}

static bool has_nan(tsr_tensor *g)
{
    bool was = tsr_set_grad_enabled(false);
    tsr_mark m = tsr_scope_open();
    tsr_tensor *any = tsr_any(tsr_isnan(g));
    bool found = any && tsr_item(any) != 0;
    tsr_scope_close(m);
    tsr_set_grad_enabled(was);
    return found;
}

static void append_inputs(const tsr_node *n, char *text, size_t room)
{
    size_t at = 0;
    text[0] = 0;
    for (int i = 0; i < n->n_in && at < room; i++) {
        const op_meta *m = &n->in_meta[i];
        if (m->dtype == TSR_DTYPE_DEFAULT) continue; /* left out */
        at += (size_t)snprintf(text + at, room - at, "%s%s %s", at > 0 ? ", " : "", tsr_dtype_name(m->dtype),
                               shape_text(&m->shape));
    }
}

static void fail_nan(tsr_node *n, int k)
{
    char inputs[256];
    append_inputs(n, inputs, sizeof inputs);
    const char *place = n->place ? n->place : "";
    tsr_fail(TSR_ENUMERIC,
             "Function '%s' returned nan values in its %dth output. It is the derivative of %s of %s%s%s%s",
             node_backward_name(n), k, node_name(n), inputs, *place ? ", recorded in '" : "", place,
             *place     ? "'."
             : n->place ? ", recorded without a label (tsr_push_anomaly_label)."
                        : ", recorded without anomaly mode, which says where when it is on in forward too.");
}

bool anomaly_check(tsr_node *n, tsr_tensor *const *grad_in)
{
    for (int k = 0; enabled_here && k < n->n_in; k++) {
        if (!grad_in[k] || !n->edges[k].node || !has_nan(grad_in[k])) continue;
        fail_nan(n, k);
        return false;
    }
    return !tsr_error_pending();
}
