/* code_set.c: making, loading and saving sets of codes, and batches of them.

   A prior sees each picture's codes many times; encoding costs as much as a training step of the prior, so that all
   pictures are encoded once, and the codes (eight bytes each) are kept in memory and in the run's folder. */
#include "code_set.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture_input.h"
#include "tessera/autograd.h"
#include "tessera/memory.h"
#include "tessera/profile.h"
#include "tessera/vqgan.h"

void code_set_free(code_set *c)
{
    tsr_release(c->codes);
    tsr_release(c->labels);
    tsr_free(c->class_names);
    tsr_free(c->origin);
    *c = (code_set){.codes = NULL};
}

void code_set_drop_labels(code_set *c)
{
    tsr_release(c->labels);
    c->labels = NULL;
    c->classes = 0;
}

/* ---- encoding ----------------------------------------------------------------------------------------------------------- */

static char *names_text(const tsr_dataset_info *info)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < info->classes; i++) json_array_append_new(list, json_string(info->class_names[i]));
    char *text = json_dumps(list, JSON_COMPACT), *copy = tsr_strdup(text);
    free(text);
    json_decref(list);
    return copy;
}

bool code_set_describe(code_set *c, tsr_dataset *set, int64_t n_codes, int64_t factor)
{
    tsr_dataset_info info = tsr_dataset_get_info(set);
    *c = (code_set){.count = info.length,
                    .height = info.height / factor,
                    .width = info.width / factor,
                    .picture = {info.channels, info.height, info.width},
                    .n_codes = n_codes,
                    .classes = info.classes};
    c->tokens = c->height * c->width;
    return info.classes == 0 || (c->class_names = names_text(&info)) != NULL;
}

static bool add_batch(code_set *c, tsr_module *vqgan, const tsr_batch *b, int64_t at)
{
    tsr_tensor *codes = tsr_vqgan_encode(vqgan, b->pictures);
    codes = codes ? tsr_reshape(codes, TSR_SHAPE(b->count, c->tokens)) : NULL;
    return codes && tsr_copy_(tsr_narrow(c->codes, 0, at, b->count), codes) &&
           tsr_copy_(tsr_narrow(c->labels, 0, at, b->count), b->labels);
}

/* Pictures that cannot be read leave fewer than were counted. */
static bool keep_rows(code_set *c, int64_t count)
{
    tsr_mark m = tsr_scope_open();
    tsr_tensor *codes = tsr_keep(tsr_narrow(c->codes, 0, 0, count));
    tsr_tensor *labels = tsr_keep(tsr_narrow(c->labels, 0, 0, count));
    tsr_scope_close(m);
    tsr_release(c->codes);
    tsr_release(c->labels);
    c->codes = codes;
    c->labels = labels;
    c->count = count;
    return codes && labels;
}

static bool encode_batches(code_set *c, tsr_dataset *set, const char *source, tsr_loader *loader, tsr_module *vqgan,
                           progress *bar)
{
    tsr_batch b;
    int64_t done = 0;
    bool ok = true;
    for (;;) {
        tsr_mark m = tsr_scope_open();
        ok = tsr_loader_next(loader, &b) == TSR_OK;
        bool more = ok && b.count > 0;
        if (more) ok = pictures_check_finite(set, source, b.pictures, done) == TSR_OK && add_batch(c, vqgan, &b, done);
        tsr_scope_close(m);
        if (!more || !ok) return ok && keep_rows(c, done);
        done += b.count;
        progress_update(bar, done, "encoded");
    }
}

static bool make_room(code_set *c)
{
    tsr_mark m = tsr_scope_open();
    c->codes = tsr_keep(tsr_zeros(TSR_SHAPE(c->count, c->tokens), .dtype = TSR_I64));
    c->labels = tsr_keep(tsr_zeros(TSR_SHAPE(c->count), .dtype = TSR_I64));
    tsr_scope_close(m);
    return c->codes && c->labels;
}

bool code_set_encode(code_set *c, tsr_dataset *set, const char *source, tsr_module *vqgan, int64_t batch,
                     bool show_progress)
{
    const tsr_vqgan_config *config = tsr_vqgan_get_config(vqgan);
    if (!config || !code_set_describe(c, set, config->n_embed, tsr_vqgan_downsampling(config))) return false;
    progress bar = progress_start("pictures", 0, c->count, show_progress);
    bool was = tsr_set_grad_enabled(false);
    tsr_loader *loader = tsr_loader_new(set, &(tsr_loader_options){.batch = batch});
    bool ok = loader && make_room(c) && encode_batches(c, set, source, loader, vqgan, &bar);
    tsr_loader_free(loader);
    tsr_set_grad_enabled(was);
    progress_end(&bar);
    return ok;
}

/* ---- files ---------------------------------------------------------------------------------------------------------------- */

/* The metadata key "codes_of": {"picture": [C, H, W], "n_codes": N, "classes": [...]}; and "origin" */
static void read_metadata(code_set *c, const tsr_archive *a)
{
    c->origin = tsr_strdup(tsr_archive_metadata(a, "origin"));
    const char *text = tsr_archive_metadata(a, "codes_of");
    json_t *root = text ? json_loads(text, 0, NULL) : NULL;
    json_t *names = json_object_get(root, "classes"), *picture = json_object_get(root, "picture");
    for (size_t i = 0; i < 3; i++) c->picture[i] = json_integer_value(json_array_get(picture, i));
    c->n_codes = json_integer_value(json_object_get(root, "n_codes"));
    c->classes = (int64_t)json_array_size(names);
    if (c->classes > 0) {
        char *list = json_dumps(names, JSON_COMPACT);
        c->class_names = tsr_strdup(list);
        free(list);
    }
    json_decref(root);
}

static tsr_status check_codes(code_set *c, tsr_tensor *codes, const char *path)
{
    int dims = codes ? tsr_ndim(codes) : 0;
    tsr_dtype dtype = codes ? tsr_dtype_of(codes) : TSR_F32;
    if ((dtype != TSR_I64 && dtype != TSR_I32) || (dims != 2 && dims != 3) || tsr_numel(codes) == 0)
        return tsr_fail(TSR_EINVAL, "%s: codes are an i64 tensor [N, h, w] or [N, n], this is %s with %d dimensions",
                        path, tsr_dtype_name(dtype), dims);
    c->count = tsr_size(codes, 0);
    c->tokens = tsr_numel(codes) / c->count;
    if (dims == 3) {
        c->height = tsr_size(codes, 1);
        c->width = tsr_size(codes, 2);
    }
    int64_t least = tsr_item_int(tsr_amin(codes)), most = tsr_item_int(tsr_amax(codes));
    if (c->n_codes == 0) c->n_codes = most + 1;
    if (least < 0 || most >= c->n_codes)
        return tsr_fail(TSR_EINVAL, "%s: codes from %lld to %lld; they must be 0 to %lld", path, (long long)least,
                        (long long)most, (long long)c->n_codes - 1);
    c->codes = tsr_keep(tsr_to(tsr_reshape(codes, TSR_SHAPE(c->count, c->tokens)), TSR_I64));
    return c->codes ? TSR_OK : tsr_error_status();
}

static tsr_status check_labels(code_set *c, tsr_tensor *labels, const char *path)
{
    if (!labels) {
        c->classes = 0;
        return TSR_OK;
    }
    if (tsr_dtype_of(labels) != TSR_I64 || tsr_ndim(labels) != 1 || tsr_size(labels, 0) != c->count)
        return tsr_fail(TSR_EINVAL, "%s: labels must be an i64 tensor [%lld], one a picture", path,
                        (long long)c->count);
    if (tsr_item_int(tsr_amin(labels)) < 0) { /* some are not known */
        code_set_drop_labels(c);
        return tsr_error_status();
    }
    if (c->classes == 0) c->classes = tsr_item_int(tsr_amax(labels)) + 1;
    c->labels = tsr_keep(labels);
    return tsr_error_status();
}

static bool load_tensors(code_set *c, tsr_archive *a, const char *path)
{
    if (!a) return false;
    read_metadata(c, a);
    bool single = tsr_archive_count(a) == 1;
    tsr_tensor *codes = single ? tsr_archive_get(a, 0) : tsr_archive_get_named(a, "codes");
    if (!codes || check_codes(c, codes, path) != TSR_OK) return false;
    bool labelled = !single && tsr_archive_find(a, "labels") >= 0;
    return check_labels(c, labelled ? tsr_archive_get_named(a, "labels") : NULL, path) == TSR_OK;
}

bool code_set_load(code_set *c, const char *path)
{
    *c = (code_set){.codes = NULL};
    tsr_profile_range_begin("data");
    tsr_archive *a = tsr_archive_open(path);
    tsr_mark m = tsr_scope_open();
    bool ok = load_tensors(c, a, path);
    tsr_scope_close(m);
    tsr_archive_close(a);
    tsr_profile_range_end();
    return ok;
}

static char *metadata_text(const code_set *c)
{
    json_t *names = c->class_names ? json_loads(c->class_names, 0, NULL) : json_array();
    json_t *root = json_pack("{s:[I,I,I], s:I, s:o}", "picture", (json_int_t)c->picture[0], (json_int_t)c->picture[1],
                             (json_int_t)c->picture[2], "n_codes", (json_int_t)c->n_codes, "classes", names);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

tsr_status code_set_save(const code_set *c, const char *path)
{
    char *text = metadata_text(c);
    tsr_text_pair metadata[2] = {{"codes_of", text}, {"origin", c->origin}};
    tsr_profile_range_begin("output");
    tsr_mark m = tsr_scope_open();
    tsr_tensor *grid = c->height > 0 ? tsr_view(c->codes, TSR_SHAPE(c->count, c->height, c->width)) : c->codes;
    tsr_named named[2] = {{"codes", grid}, {"labels", c->labels}};
    tsr_status status = text && grid ? tsr_save_safetensors(path, named, c->labels ? 2 : 1, metadata, c->origin ? 2 : 1)
                                     : tsr_fail(TSR_ENOMEM, "no memory for the codes' metadata");
    tsr_scope_close(m);
    tsr_profile_range_end();
    free(text);
    return status;
}

static tsr_status check_range(const char *what, tsr_tensor *values, int64_t limit)
{
    tsr_mark m = tsr_scope_open();
    int64_t least = tsr_item_int(tsr_amin(values)), most = tsr_item_int(tsr_amax(values));
    tsr_scope_close(m);
    if (least >= 0 && most < limit) return tsr_error_status();
    return tsr_fail(TSR_EINVAL, "the %s go from %lld to %lld, those of this prior from 0 to %lld: it has %lld %s", what,
                    (long long)least, (long long)most, (long long)limit - 1, (long long)limit,
                    !strcmp(what, "labels") ? "classes" : what);
}

tsr_status code_set_fits(const code_set *c, const tsr_gpt_config *config)
{
    tsr_status status = check_range("codes", c->codes, config->n_codes > 0 ? config->n_codes : config->vocab_size);
    if (status != TSR_OK || config->classes == 0 || !c->labels) return status;
    return check_range("labels", c->labels, config->classes);
}

/* ---- batches ---------------------------------------------------------------------------------------------------------------- */

void code_loader_start(code_loader *l, const code_set *set, int64_t batch, bool shuffled, uint64_t seed)
{
    *l = (code_loader){.set = set,
                       .batch = batch < set->count ? batch : set->count,
                       .shuffled = shuffled,
                       .state = {.seed = seed, .length = set->count},
                       .order_epoch = -1};
}

void code_loader_stop(code_loader *l)
{
    tsr_free(l->order);
    *l = (code_loader){.set = NULL};
}

/* An epoch's order is a function of seed and epoch alone (Fisher and Yates' shuffle). */
static tsr_status make_order(code_loader *l)
{
    int64_t n = l->set->count;
    if (!l->order && !(l->order = tsr_alloc((size_t)n * sizeof *l->order))) return TSR_ENOMEM;
    tsr_generator *g = tsr_generator_new(l->state.seed + UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(l->state.epoch + 1));
    if (!g) return TSR_ENOMEM;
    for (int64_t i = 0; i < n; i++) l->order[i] = i;
    for (int64_t i = n - 1; l->shuffled && i > 0; i--) {
        int64_t k = (int64_t)(tsr_random_u64(g) % (uint64_t)(i + 1)), kept = l->order[i];
        l->order[i] = l->order[k];
        l->order[k] = kept;
    }
    tsr_generator_free(g);
    l->order_epoch = l->state.epoch;
    return TSR_OK;
}

tsr_status code_loader_next(code_loader *l, tsr_tensor **codes, tsr_tensor **labels)
{
    tsr_loader_state *s = &l->state;
    if (l->order_epoch != s->epoch && make_order(l) != TSR_OK) return tsr_error_status();
    int64_t left = l->set->count - s->position, n = left < l->batch ? left : l->batch;
    tsr_tensor *rows = tsr_from_data(l->order + s->position, TSR_SHAPE(n), TSR_I64);
    *codes = tsr_index_select(l->set->codes, 0, rows);
    *labels = l->set->labels ? tsr_index_select(l->set->labels, 0, rows) : NULL;
    s->position += n;
    if (s->position + (l->shuffled ? l->batch : 1) > l->set->count) {
        s->epoch++;
        s->position = 0;
    }
    return tsr_error_status();
}

tsr_status code_loader_go_to(code_loader *l, tsr_loader_state state)
{
    if (state.length != l->set->count || state.seed != l->state.seed)
        return tsr_fail(TSR_EINVAL, "the run went over %lld pictures' codes with seed %llu, these are %lld with %llu",
                        (long long)state.length, (unsigned long long)state.seed, (long long)l->set->count,
                        (unsigned long long)l->state.seed);
    l->state = state;
    return TSR_OK;
}
