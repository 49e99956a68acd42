/* anomaly.c: which function made NaN.

   A thread in anomaly mode gives each node that it makes a text that says where: the labels that the user has put on a
   stack, who knows better names than the linker, and the addresses of the calls, by function where the linker kept names
   (-rdynamic), else for addr2line. After a node has run, its gradients are searched. */
#define _GNU_SOURCE /* dladdr */
#include <stdio.h>
#include <string.h>
#ifdef __GLIBC__
#include <dlfcn.h>
#include <execinfo.h>
#endif

#include "autograd/graph.h"
#include "base/profile.h"
#include "base/thread_room.h"
#include "tessera/ops.h"

static TSR_THREAD_LOCAL bool enabled_here;

static TSR_THREAD_LOCAL int label_count; /* of the thread's room->labels */

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
    if (label_count == TSR_LABEL_ROOM)
        return tsr_fail(TSR_EINVAL, "push_anomaly_label: '%s' is deeper than %d labels", label, label_count);
    tsr_thread_room *room = tsr_get_thread_room();
    if (!room) return tsr_fail(TSR_ENOMEM, "push_anomaly_label: no memory");
    room->labels[label_count++] = label;
    profile_push_range(label); /* best effort: what the profiler has no room for is still a label */
    return TSR_OK;
}

tsr_status tsr_pop_anomaly_label(void)
{
    if (label_count == 0) return tsr_fail(TSR_ESTATE, "pop_anomaly_label: none were pushed in this thread");
    label_count--;
    profile_pop_range();
    return TSR_OK;
}

/* A text that is being put together; what does not fit is cut off. */
typedef struct note {
    char text[1024];
    size_t at;
} note;

static void append(note *to, const char *format, ...) TSR_PRINTF(2, 3);
static void append(note *to, const char *format, ...)
{
    va_list args;
    if (to->at >= sizeof to->text) return;
    va_start(args, format);
    to->at += (size_t)vsnprintf(to->text + to->at, sizeof to->text - to->at, format, args);
    va_end(args);
}

#ifdef __GLIBC__
enum { DEEPEST = 24, SHOWN = 4, SHOWN_WITH_OURS = 10 };

/* Is the call one of the library's own, or backtrace, which sanitizers replace? A program that the library is linked into is
   told apart by names alone. */
static bool is_ours(const Dl_info *call, const Dl_info *here)
{
    const char *name = call->dli_sname;
    if (name && !strcmp(name, "backtrace")) return true;
    return call->dli_fbase == here->dli_fbase && (!name || !strncmp(name, "tsr_", 4));
}

/* "program(train+0x1d)", or "program(+0x4c1d)" where the linker kept no name. */
static void append_call(note *to, const void *address, const Dl_info *call, bool first)
{
    const char *slash = strrchr(call->dli_fname, '/'), *from = call->dli_sname ? call->dli_saddr : call->dli_fbase;
    append(to, "%s%s(%s+0x%zx)", first ? " by " : ", ", slash ? slash + 1 : call->dli_fname,
           call->dli_sname ? call->dli_sname : "", (size_t)((const char *)address - from));
}

static int find_calls(void **calls, Dl_info *info)
{
    int count = backtrace(calls, DEEPEST), n = 0;
    while (n < count && dladdr(calls[n], &info[n]) && info[n].dli_fname) n++;
    return n;
}

/* The calls that led here, innermost first, from the user's on. In a program that the library is part of, and whose
   functions have no names, nothing tells whose a call is: the library's are shown, too. */
static void append_calls(note *to)
{
    static const char inside = 0;
    void *calls[DEEPEST];
    Dl_info info[DEEPEST], here;
    int n = dladdr(&inside, &here) && here.dli_fname ? find_calls(calls, info) : 0, first = 0;
    while (first < n && is_ours(&info[first], &here)) first++;
    bool left = first == n || info[first].dli_fbase != here.dli_fbase;
    bool mixed = n > 0 && left && !strstr(here.dli_fname, "libtessera");
    if (mixed) first = 0;
    int last = mixed ? SHOWN_WITH_OURS : first + SHOWN;
    for (int i = first; i < n && i < last; i++) append_call(to, calls[i], &info[i], i == first);
}
#else
static void append_calls(note *to) { (void)to; }
#endif

char *anomaly_place(void)
{
    note place = {0};
    tsr_thread_room *room = enabled_here ? tsr_get_thread_room() : NULL;
    if (!room) return NULL;
    for (int i = 0; i < label_count; i++) append(&place, "%s%s", i > 0 ? " / " : " in '", room->labels[i]);
    append(&place, "%s", label_count > 0 ? "'" : " without a label (tsr_push_anomaly_label)");
    append_calls(&place);
    return tsr_strdup(place.text);
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
    bool slices = n->kind == NODE_COPY_SLICES;
    tsr_fail(TSR_ENUMERIC,
             "Function '%s' returned nan values in its %dth output. It is the derivative of %s%s of %s, recorded%s.",
             node_backward_name(n), k, node_name(slices ? n->slices.inner : n),
             slices ? ", which wrote into a view," : "", inputs,
             n->place ? n->place : " without anomaly mode, which says where when it is on in forward too");
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
