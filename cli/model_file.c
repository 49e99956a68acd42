/* model_file.c: loading models.

   Files of the same model differ in what lies beside the weights: optimiser state, a discriminator, a perceptual loss, masks
   that are constants, a whole first stage. Names of that kind are known and passed over; every other name must fit. */
#include "model_file.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tessera/memory.h"
#include "tessera/ops.h"
#include "tessera/profile.h"

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static char *join(const char *a, const char *b)
{
    size_t n = strlen(a) + strlen(b) + 1;
    char *path = tsr_alloc(n);
    if (path) snprintf(path, n, "%s%s", a, b);
    return path;
}

char *model_file_path(const char *path)
{
    struct stat st;
    bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    return folder ? join(path, "/checkpoints/last.safetensors") : tsr_strdup(path);
}

static bool holds(const tsr_archive *a, const char *name) { return tsr_archive_find(a, name) >= 0; }

static bool recognise(model_file *f)
{
    if (holds(f->archive, "encoder.conv_in.weight")) f->kind = MODEL_VQGAN;
    else if (holds(f->archive, "transformer.tok_emb.weight")) f->kind = MODEL_PRIOR;
    else {
        tsr_fail(TSR_EFORMAT, "%s holds neither a VQGAN (encoder.*, decoder.*) nor a prior (transformer.*)", f->path);
        return false;
    }
    f->config = tsr_archive_metadata(f->archive, "config");
    if (f->config) return true;
    tsr_fail(TSR_EFORMAT, "%s has no metadata key \"config\", so the model's configuration is not known", f->path);
    return false;
}

bool model_file_open(model_file *f, const char *path)
{
    struct stat st;
    *f = (model_file){.path = model_file_path(path)};
    if (f->path && stat(f->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        tsr_fail(TSR_EINVAL, "%s is not a regular file, and no model can be read from it", f->path);
        return false;
    }
    return f->path && (f->archive = tsr_archive_open(f->path)) && recognise(f);
}

void model_file_close(model_file *f)
{
    tsr_archive_close(f->archive);
    tsr_free(f->path);
    *f = (model_file){.path = NULL};
}

bool model_file_open_as(model_file *f, const char *path, model_kind kind)
{
    if (!model_file_open(f, path)) return false;
    if (f->kind == kind) return true;
    if (kind == MODEL_VQGAN)
        tsr_fail(TSR_EINVAL, "%s holds a prior (transformer.*); a VQGAN (encoder.*, decoder.*) is needed here",
                 f->path);
    else
        tsr_fail(TSR_EINVAL, "%s holds a VQGAN (encoder.*, decoder.*); a prior (transformer.*) is needed here",
                 f->path);
    return false;
}

tsr_status model_file_vqgan_config(const model_file *f, tsr_vqgan_config *config)
{
    return tsr_vqgan_config_read(f->config, config);
}

tsr_status model_file_prior_config(const model_file *f, tsr_gpt_config *config)
{
    return tsr_gpt_config_read(f->config, config);
}

int64_t model_file_number(const model_file *f, const char *key, int index)
{
    const char *text = tsr_archive_metadata(f->archive, key);
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    int64_t value = json_integer_value(json_array_get(list, (size_t)index));
    json_decref(list);
    return value;
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

static bool begins(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

static bool ends(const char *text, const char *with)
{
    size_t n = strlen(text), m = strlen(with);
    return n >= m && !strcmp(text + n - m, with);
}

/* Names that are no weights of ours. */
static bool is_beside(tsr_module *m, const char *name)
{
    static const char *const prefixes[] = {"train.",    "first_stage_model.",    "cond_stage_model.",
                                           "permuter.", "loss.perceptual_loss.", "loss.logvar"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (begins(name, prefixes[i])) return true;
    if (ends(name, "attn.mask") || !strcmp(name, "quantize.used") || !strcmp(name, "colorize")) return true;
    if (!strcmp(name, "quantize.cluster_size") || !strcmp(name, "quantize.embed_avg"))
        return !tsr_module_tensor(m, name);
    return begins(name, "loss.") && !tsr_module_child(m, "loss");
}

/* The entry that gives `name` its value: its average, where there is one and it is wanted. */
static tsr_tensor *value_of(const model_file *f, const char *name, bool averaged)
{
    if (averaged) {
        char *average = join("train.ema.", name);
        int64_t i = average ? tsr_archive_find(f->archive, average) : -1;
        tsr_free(average);
        if (i >= 0) return tsr_archive_get(f->archive, i);
    }
    return tsr_archive_get_named(f->archive, name);
}

/* A model that cannot compute anything is refused before it seems to. */
static tsr_status check_usable(const model_file *f, const char *name, tsr_tensor *t)
{
    if (!tsr_dtype_is_floating(tsr_dtype_of(t)))
        return tsr_fail(TSR_EFORMAT, "%s: %s is %s; weights are floating-point numbers", f->path, name,
                        tsr_dtype_name(tsr_dtype_of(t)));
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *all = tsr_all(tsr_isfinite(t));
    bool fine = all && tsr_item(all) != 0;
    tsr_scope_close(mark);
    if (fine || !all) return tsr_error_status();
    return tsr_fail(TSR_ENUMERIC, "%s: %s has values that are not finite", f->path, name);
}

static tsr_status list_weights(const model_file *f, tsr_module *m, bool averaged, tsr_named_list *out)
{
    tsr_entry e;
    for (int64_t i = 0; tsr_archive_entry(f->archive, i, &e); i++) {
        if (is_beside(m, e.name)) continue;
        tsr_tensor *t = value_of(f, e.name, averaged);
        if (!t || tsr_named_list_add(out, e.name, t) != TSR_OK) return tsr_error_status();
        if (averaged && check_usable(f, e.name, t) != TSR_OK) return tsr_error_status();
    }
    return TSR_OK;
}

/* What a file without it leaves as it is: the discriminator, and a codebook's averages, which begin with the codes. */
static tsr_status complete(const model_file *f, tsr_module *m, tsr_named_list *out)
{
    bool discriminator = holds(f->archive, "loss.discriminator.main.0.weight");
    bool averages = holds(f->archive, "quantize.embed_avg");
    tsr_named_list own = {0};
    tsr_status status = tsr_module_state_dict(m, &own);
    for (int64_t i = 0; status == TSR_OK && i < own.n; i++) {
        const char *name = own.v[i].name;
        tsr_tensor *t = own.v[i].tensor;
        bool kept = !discriminator && begins(name, "loss.discriminator.");
        if (!averages && !strcmp(name, "quantize.cluster_size")) kept = true;
        if (!averages && !strcmp(name, "quantize.embed_avg")) {
            t = tsr_named_list_find(out, "quantize.embedding.weight");
            kept = t != NULL;
        }
        if (kept) status = tsr_named_list_add(out, name, t);
    }
    tsr_named_list_free(&own);
    return status;
}

/* ---- what does not fit ------------------------------------------------------------------------------------------------ */

/* A list of names of which the first few are kept, and all are counted. */
typedef struct name_list {
    char text[300];
    size_t length;
    int64_t count;
} name_list;

enum { NAMES_SHOWN = 4, SIZES_SHOWN = 2 };

static void add_name(name_list *l, const char *name)
{
    if (l->count++ >= NAMES_SHOWN || l->length >= sizeof l->text) return;
    l->length += (size_t)snprintf(l->text + l->length, sizeof l->text - l->length, "%s\"%s\"", l->count > 1 ? ", " : "",
                                  name);
}

static const char *shape_text(const tsr_tensor *t, char *text, size_t size)
{
    tsr_shape s = tsr_shape_of(t);
    size_t n = (size_t)snprintf(text, size, "[");
    for (int d = 0; d < s.n && n < size; d++)
        n += (size_t)snprintf(text + n, size - n, d ? ", %lld" : "%lld", (long long)s.v[d]);
    if (n < size) snprintf(text + n, size - n, "]");
    return text;
}

static void add_size(name_list *l, const char *name, const tsr_tensor *given, const tsr_tensor *own)
{
    char a[64], b[64];
    if (l->count++ >= SIZES_SHOWN || l->length >= sizeof l->text) return;
    l->length += (size_t)snprintf(l->text + l->length, sizeof l->text - l->length,
                                  "\n\tsize mismatch for %s: %s in the file, %s in the model", name,
                                  shape_text(given, a, sizeof a), shape_text(own, b, sizeof b));
}

static bool same_shape(const tsr_tensor *a, const tsr_tensor *b)
{
    tsr_shape s = tsr_shape_of(a), t = tsr_shape_of(b);
    return s.n == t.n && !memcmp(s.v, t.v, (size_t)s.n * sizeof *s.v);
}

static void format_names(const name_list *l, const char *what, char *out, size_t size)
{
    out[0] = 0;
    if (l->count > NAMES_SHOWN)
        snprintf(out, size, "\n\t%s: %s and %lld more", what, l->text, (long long)l->count - NAMES_SHOWN);
    else if (l->count > 0) snprintf(out, size, "\n\t%s: %s", what, l->text);
}

/* The file's weights and the model's differ: all are counted, a few are shown. */
static tsr_status mismatch(const model_file *f, const name_list *missing, const name_list *unexpected,
                           const name_list *sizes)
{
    char absent[360], foreign[360], more[64] = "";
    format_names(missing, "missing in the file", absent, sizeof absent);
    format_names(unexpected, "not of the model", foreign, sizeof foreign);
    if (sizes->count > SIZES_SHOWN)
        snprintf(more, sizeof more, "\n\tand %lld more whose sizes differ", (long long)sizes->count - SIZES_SHOWN);
    long long all = missing->count + unexpected->count + sizes->count;
    return tsr_fail(TSR_EINVAL, "%s does not fit the model, %lld tensor%s:%s%s%s%s", f->path, all,
                    all == 1 ? " differs" : "s differ", absent, foreign, sizes->text, more);
}

static tsr_status check_fit(const model_file *f, tsr_module *m, const tsr_named_list *given)
{
    name_list missing = {.count = 0}, unexpected = {.count = 0}, sizes = {.count = 0};
    tsr_named_list own = {0};
    tsr_status status = tsr_module_state_dict(m, &own);
    for (int64_t i = 0; status == TSR_OK && i < own.n; i++) {
        const tsr_tensor *t = tsr_named_list_find(given, own.v[i].name);
        if (!t) add_name(&missing, own.v[i].name);
        else if (!same_shape(t, own.v[i].tensor)) add_size(&sizes, own.v[i].name, t, own.v[i].tensor);
    }
    for (int64_t i = 0; status == TSR_OK && i < given->n; i++)
        if (!tsr_named_list_find(&own, given->v[i].name)) add_name(&unexpected, given->v[i].name);
    tsr_named_list_free(&own);
    if (status != TSR_OK || missing.count + unexpected.count + sizes.count == 0) return status;
    return mismatch(f, &missing, &unexpected, &sizes);
}

tsr_status model_file_load(const model_file *f, tsr_module *m, bool averaged)
{
    tsr_named_list list = {0};
    tsr_mark mark = tsr_scope_open();
    tsr_status status = list_weights(f, m, averaged, &list);
    if (status == TSR_OK) status = complete(f, m, &list);
    if (status == TSR_OK) status = check_fit(f, m, &list);
    if (status == TSR_OK) status = tsr_module_load_state_dict(m, list.v, list.n, true, NULL);
    tsr_named_list_free(&list);
    tsr_scope_close(mark);
    return status;
}

/* ---- models for use ------------------------------------------------------------------------------------------------------ */

static tsr_module *finish(model_file *f, tsr_module *m)
{
    if (m && model_file_load(f, m, true) == TSR_OK && tsr_module_requires_grad(m, false) == TSR_OK) {
        tsr_module_train(m, false);
        return m;
    }
    tsr_module_free(m);
    return NULL;
}

tsr_module *model_load_vqgan(const char *path)
{
    model_file f;
    tsr_module *m = NULL;
    tsr_vqgan_config c = {.legacy = true};
    tsr_profile_range_begin("checkpoint");
    if (model_file_open_as(&f, path, MODEL_VQGAN) && model_file_vqgan_config(&f, &c) == TSR_OK) {
        c.disc = false;
        m = finish(&f, tsr_vqgan_new(&c));
    }
    model_file_close(&f);
    tsr_profile_range_end();
    return m;
}

tsr_module *model_load_prior(const char *path)
{
    model_file f;
    tsr_module *m = NULL;
    tsr_gpt_config c = {0};
    tsr_profile_range_begin("checkpoint");
    if (model_file_open_as(&f, path, MODEL_PRIOR) && model_file_prior_config(&f, &c) == TSR_OK)
        m = finish(&f, tsr_gpt_new(&c));
    model_file_close(&f);
    tsr_profile_range_end();
    return m;
}

tsr_status prior_weights_to(tsr_module *prior, int weights)
{
    return weights == 0 ? TSR_OK : tsr_module_linear_to(prior, TSR_BF16);
}
