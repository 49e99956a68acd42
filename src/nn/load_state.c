/* load_state.c: copying named tensors into a module.

   Everything is compared first and copied only when it fits, so that a model is never half loaded. The message lists
   missing names, unexpected names and differing sizes in PyTorch's words. */
#include <string.h>

#include "base/alloc.h"
#include "base/util.h"
#include "nn/module_impl.h"
#include "tensor/tensor_impl.h"
#include "tessera/autograd.h"

typedef struct loader {
    tsr_map given;    /* name -> const tsr_named * */
    tsr_map expected; /* name -> module_tensor * */
    tsr_text missing, unexpected, sizes;
    int64_t n_missing, n_unexpected;
    tsr_load_report *report;
} loader;

/* PyTorch's spelling of a shape. */
static void add_size(tsr_text *text, const tsr_tensor *t)
{
    tsr_shape s = tsr_shape_of(t);
    tsr_text_add(text, "torch.Size([");
    for (int d = 0; d < s.n; d++) tsr_text_add(text, d ? ", %lld" : "%lld", (long long)s.v[d]);
    tsr_text_add(text, "])");
}

static tsr_status report_name(char ***list, int64_t *n, const char *name)
{
    char **grown = tsr_realloc(*list, (size_t)(*n + 1) * sizeof *grown);
    if (!grown) return TSR_ENOMEM;
    *list = grown;
    return (grown[*n] = tsr_strdup(name)) ? (++*n, TSR_OK) : TSR_ENOMEM;
}

static tsr_status expect(const char *name, module_tensor *t, void *user)
{
    loader *l = user;
    if (!t->persistent) return TSR_OK;
    if (!tsr_map_put(&l->expected, name, t)) return TSR_ENOMEM;
    const tsr_named *given = tsr_map_get(&l->given, name);
    if (!given) {
        tsr_text_add(&l->missing, l->n_missing++ ? ", \"%s\"" : "\"%s\"", name);
        return l->report ? report_name(&l->report->missing, &l->report->n_missing, name) : TSR_OK;
    }
    if (tsr_shape_equal(tsr_shape_of(given->tensor), tsr_shape_of(t->tensor))) return TSR_OK;
    tsr_text_add(&l->sizes, "\n\tsize mismatch for %s: copying a param with shape ", name);
    add_size(&l->sizes, given->tensor);
    tsr_text_add(&l->sizes, " from checkpoint, the shape in current model is ");
    add_size(&l->sizes, t->tensor);
    tsr_text_add(&l->sizes, ".");
    return TSR_OK;
}

static tsr_status note_unexpected(loader *l, const tsr_named *tensors, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (tsr_map_get(&l->expected, tensors[i].name)) continue;
        tsr_text_add(&l->unexpected, l->n_unexpected++ ? ", \"%s\"" : "\"%s\"", tensors[i].name);
        if (l->report) TSR_TRY(report_name(&l->report->unexpected, &l->report->n_unexpected, tensors[i].name));
    }
    return TSR_OK;
}

static tsr_status verdict(const loader *l, const char *model, bool strict)
{
    tsr_text all = {0};
    if (strict && l->n_missing > 0)
        tsr_text_add(&all, "\n\tMissing key(s) in state_dict: %s. ", tsr_text_get(&l->missing));
    if (strict && l->n_unexpected > 0)
        tsr_text_add(&all, "\n\tUnexpected key(s) in state_dict: %s. ", tsr_text_get(&l->unexpected));
    tsr_text_add(&all, "%s", tsr_text_get(&l->sizes));
    tsr_status status = TSR_OK;
    if (all.length > 0)
        status = tsr_fail(TSR_EINVAL, "Error(s) in loading state_dict for %s:%s", model, tsr_text_get(&all));
    tsr_text_free(&all);
    return status;
}

static tsr_status copy_one(const char *name, module_tensor *t, void *user)
{
    const tsr_named *given = tsr_map_get(&((loader *)user)->given, name);
    if (!given || !t->persistent) return TSR_OK;
    tsr_mark m = tsr_scope_open();
    tsr_tensor *done = tsr_copy_(t->tensor, given->tensor);
    tsr_scope_close(m);
    return done ? TSR_OK : tsr_error_status();
}

tsr_status tsr_module_load_state_dict(tsr_module *m, const tsr_named *tensors, int64_t n, bool strict,
                                      tsr_load_report *report)
{
    loader l = {.report = report};
    tsr_status status = named_check("module_load_state_dict", tensors, n);
    if (report) *report = (tsr_load_report){0};
    for (int64_t i = 0; status == TSR_OK && i < n; i++)
        if (!tsr_map_put(&l.given, tensors[i].name, (void *)(uintptr_t)&tensors[i])) status = TSR_ENOMEM;
    if (status == TSR_OK) status = module_each(m, expect, &l);
    if (status == TSR_OK) status = note_unexpected(&l, tensors, n);
    if (status == TSR_OK) status = verdict(&l, m->type->name, strict);
    bool was = tsr_set_grad_enabled(false);
    if (status == TSR_OK) status = module_each(m, copy_one, &l);
    tsr_set_grad_enabled(was);
    tsr_map_free(&l.given);
    tsr_map_free(&l.expected);
    tsr_text_free(&l.missing);
    tsr_text_free(&l.unexpected);
    tsr_text_free(&l.sizes);
    return status;
}

static void free_names(char **names, int64_t n)
{
    for (int64_t i = 0; i < n; i++) tsr_free(names[i]);
    tsr_free(names);
}

void tsr_load_report_free(tsr_load_report *report)
{
    if (!report) return;
    free_names(report->missing, report->n_missing);
    free_names(report->unexpected, report->n_unexpected);
    *report = (tsr_load_report){0};
}
