/* checkpoint.c: saving and restoring a training run.

   Nothing that differs between two runs of the same numbers is stored (no times), so that a resumed run's file equals
   an uninterrupted one's to the byte. */
#include "checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "model_file.h"
#include "tessera/ops.h"
#include "tessera/profile.h"

/* ---- saving ------------------------------------------------------------------------------------------------------------- */

static char *position_text(const trainee *t)
{
    tsr_loader_state p = t->position(t->self);
    tsr_rng_state rng = tsr_generator_get_state(tsr_default_generator());
    json_t *object = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "step", (json_int_t)t->steps(t->self), "epoch",
                               (json_int_t)p.epoch, "position", (json_int_t)p.position, "seed", (json_int_t)p.seed,
                               "length", (json_int_t)p.length, "random_seed", (json_int_t)rng.seed, "random_offset",
                               (json_int_t)rng.offset);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

/* A model with such a weight is lost; the checkpoint before may not be. */
static tsr_status check_finite(const tsr_named_list *weights)
{
    tsr_mark mark = tsr_scope_open();
    tsr_status status = TSR_OK;
    for (int64_t i = 0; status == TSR_OK && i < weights->n; i++) {
        tsr_tensor *all = tsr_all(tsr_isfinite(weights->v[i].tensor));
        if (!all) status = tsr_error_status();
        else if (tsr_item(all) == 0)
            status = tsr_fail(TSR_ENUMERIC, "no checkpoint is written: %s has values that are not finite",
                              weights->v[i].name);
    }
    tsr_scope_close(mark);
    return status;
}

static tsr_status write_file(const char *path, const trainee *t, const char *run, const char *position)
{
    tsr_text_pair pairs[4 + TRAINEE_METADATA_MOST] = {
        {"kind", t->kind}, {"config", t->model_config}, {"run", run}, {"position", position}};
    for (int i = 0; i < t->metadata_count; i++) pairs[4 + i] = t->metadata[i];
    tsr_named_list list = {0};
    tsr_status status = tsr_module_state_dict(t->module, &list);
    if (status == TSR_OK) status = check_finite(&list);
    if (status == TSR_OK) status = t->state(t->self, &list);
    if (status == TSR_OK) status = tsr_save_safetensors(path, list.v, list.n, pairs, 4 + t->metadata_count);
    tsr_named_list_free(&list);
    return status;
}

tsr_status checkpoint_save(const char *path, const trainee *t, const json_t *run)
{
    char *text = json_dumps(run, JSON_COMPACT | JSON_REAL_PRECISION(17)), *position = position_text(t);
    tsr_status status = text && position ? write_file(path, t, text, position)
                                         : tsr_fail(TSR_ENOMEM, "no memory for the checkpoint's metadata");
    free(text);
    free(position);
    return status;
}

/* ---- restoring ------------------------------------------------------------------------------------------------------------ */

static uint64_t number(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static tsr_status restore_position(const model_file *f, trainee *t)
{
    const char *text = tsr_archive_metadata(f->archive, "position");
    json_t *p = text ? json_loads(text, 0, NULL) : NULL;
    if (!p) return tsr_fail(TSR_EFORMAT, "%s has no position to go on from: it is a model, not a checkpoint", f->path);
    tsr_loader_state state = {.epoch = (int64_t)number(p, "epoch"),
                              .position = (int64_t)number(p, "position"),
                              .seed = number(p, "seed"),
                              .length = (int64_t)number(p, "length")};
    tsr_rng_state rng = {number(p, "random_seed"), number(p, "random_offset")};
    json_decref(p);
    tsr_status status = t->go_to(t->self, state);
    tsr_generator_set_state(tsr_default_generator(), rng);
    return status;
}

static tsr_status restore_state(const model_file *f, trainee *t)
{
    tsr_named_list list = {0};
    tsr_entry e;
    tsr_mark mark = tsr_scope_open();
    tsr_status status = TSR_OK;
    for (int64_t i = 0; status == TSR_OK && tsr_archive_entry(f->archive, i, &e); i++) {
        if (strncmp(e.name, "train.", 6) != 0) continue;
        tsr_tensor *tensor = tsr_archive_get(f->archive, i);
        status = tensor ? tsr_named_list_add(&list, e.name, tensor) : tsr_error_status();
    }
    if (status == TSR_OK) status = t->restore(t->self, list.v, list.n);
    tsr_named_list_free(&list);
    tsr_scope_close(mark);
    return status;
}

tsr_status checkpoint_restore(const char *path, trainee *t)
{
    model_file f;
    tsr_profile_range_begin("checkpoint");
    tsr_status status = model_file_open(&f, path) ? TSR_OK : tsr_error_status();
    if (status == TSR_OK) status = model_file_load(&f, t->module, false);
    if (status == TSR_OK) status = restore_state(&f, t);
    if (status == TSR_OK) status = restore_position(&f, t);
    model_file_close(&f);
    tsr_profile_range_end();
    return status;
}

/* ---- configurations --------------------------------------------------------------------------------------------------------- */

static json_t *read_json(const char *text, const char *where)
{
    json_error_t error;
    json_t *root = text ? json_loads(text, 0, &error) : NULL;
    if (text && !root) tsr_fail(TSR_EFORMAT, "%s: the configuration is no JSON: %s", where, error.text);
    return root;
}

json_t *checkpoint_run_config(const char *folder)
{
    char path[RUN_PATH_MOST];
    json_t *root = NULL;
    if (run_has_checkpoint(folder)) {
        tsr_archive *a = tsr_archive_open(run_path(folder, "checkpoints/last.safetensors", path));
        if (a) root = read_json(tsr_archive_metadata(a, "run"), path);
        tsr_archive_close(a);
        return root;
    }
    tsr_bytes text = {0};
    if (tsr_read_file(run_path(folder, "config.json", path), &text) == TSR_OK) root = read_json(text.data, path);
    else tsr_error_clear();
    tsr_bytes_free(&text);
    return root;
}
