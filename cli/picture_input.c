/* picture_input.c: reading pictures for commands that look at each once. */
#include "picture_input.h"

#include "progress.h"
#include "report.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"
#include "tessera/vqgan.h"

tsr_dataset *pictures_open(const data_options *o, tsr_module *vqgan, tsr_part part)
{
    const tsr_vqgan_config *c = tsr_vqgan_get_config(vqgan);
    tsr_dataset *set = c ? data_open(o, &(data_wish){part, c->resolution, c->in_channels}) : NULL;
    if (set && data_check_divisible(set, tsr_vqgan_downsampling(c)) == TSR_OK) return set;
    tsr_dataset_free(set);
    return NULL;
}

static bool is_finite(tsr_tensor *t)
{
    tsr_tensor *all = tsr_all(tsr_isfinite(t));
    return all && tsr_item(all) != 0;
}

tsr_status pictures_check_finite(const tsr_dataset *set, const char *source, tsr_tensor *pictures, int64_t first)
{
    char name[256];
    tsr_mark m = tsr_scope_open();
    int64_t n = tsr_size(pictures, 0), bad = 0;
    bool fine = is_finite(pictures);
    while (!fine && bad < n - 1 && is_finite(tsr_select(pictures, 0, bad))) bad++;
    tsr_scope_close(m);
    if (fine || tsr_error_status() != TSR_OK) return tsr_error_status();
    return tsr_fail(TSR_ENUMERIC, "%s: %s has values that are not finite", source,
                    tsr_dataset_describe(set, first + bad, name, sizeof name));
}

typedef struct visiting {
    tsr_dataset *set;
    const char *source;
    tsr_loader *loader;
    picture_visit visit;
    void *user;
    int64_t done;
} visiting;

/* One batch; false at the end or on an error. */
static bool visit_next(visiting *v)
{
    tsr_batch b;
    tsr_mark m = tsr_scope_open();
    bool more = tsr_loader_next(v->loader, &b) == TSR_OK && b.count > 0;
    bool ok = more && pictures_check_finite(v->set, v->source, b.pictures, v->done) == TSR_OK &&
              v->visit(v->user, b.pictures, v->done) == TSR_OK;
    tsr_scope_close(m);
    if (ok) v->done += b.count;
    return ok;
}

tsr_status pictures_each(tsr_dataset *set, const char *source, int64_t batch, bool show_progress, picture_visit visit,
                         void *user)
{
    bool was = tsr_set_grad_enabled(false);
    tsr_loader *loader = tsr_loader_new(set, &(tsr_loader_options){.batch = batch});
    visiting v = {set, source, loader, visit, user, 0};
    progress bar = progress_start("pictures", 0, tsr_dataset_length(set), show_progress);
    while (loader && visit_next(&v)) progress_update(&bar, v.done, NULL);
    progress_end(&bar);
    tsr_loader_free(loader);
    tsr_set_grad_enabled(was);
    return tsr_error_status();
}

void pictures_note_skipped(const char *command, const tsr_dataset *set)
{
    int64_t n = tsr_dataset_skipped(set);
    if (n > 0)
        report_note(command, "%lld picture%s could not be read and %s skipped", (long long)n, n > 1 ? "s" : "",
                    n > 1 ? "were" : "was");
}
