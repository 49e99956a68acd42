/* train_settings.c: from a command line to the effective configuration of a run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "checkpoint.h"
#include "model_file.h"
#include "report.h"
#include "tessera/profile.h"
#include "train_options.h"

/* ---- reading -------------------------------------------------------------------------------------------------------------- */

static const char *kind_of(const train_settings *s) { return s->set->command + strlen("train "); }

static bool check_kind(const train_settings *s, const char *source, const json_t *kind)
{
    const char *name = json_string_value(kind);
    if (!kind || (name && !strcmp(name, kind_of(s)))) return true;
    if (name && (!strcmp(name, "vqgan") || !strcmp(name, "prior")))
        report_usage(s->set->command, "%s holds a %s run, not a %s's; `tessera train %s` is its command", source, name,
                     kind_of(s), name);
    else report_usage(s->set->command, "%s: the configuration's \"kind\" is neither \"vqgan\" nor \"prior\"", source);
    return false;
}

/* All that a configuration may consist of; its kind, if it says one, is what is trained. */
static bool check_keys(const train_settings *s, const char *source, const json_t *root)
{
    static const char *const known[] = {"kind", "model", "train", "data", "run"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) found |= !strcmp(key, known[i]);
        if (!found) return options_unknown_key(s->set, source, NULL, key) == OPTIONS_GO_ON;
    }
    return check_kind(s, source, json_object_get(root, "kind"));
}

static bool read_sections(train_settings *s, const char *source, const json_t *root)
{
    static const char *const sections[] = {"train", "data", "run"};
    const json_t *model = json_object_get(root, "model");
    if (!check_keys(s, source, root)) return false;
    if (model && !json_is_object(model)) {
        report_usage(s->set->command, "%s: the configuration's section \"model\" is not a JSON object", source);
        return false;
    }
    for (int i = 0; i < 3; i++)
        if (!options_read_section(s->set, &s->line, &s->o, source, sections[i], json_object_get(root, sections[i])))
            return false;
    return true;
}

/* --config FILE */
static int read_config_file(train_settings *s)
{
    json_error_t error;
    struct stat st;
    if (!s->o.config) return OPTIONS_GO_ON;
    if (stat(s->o.config, &st) == 0 && S_ISDIR(st.st_mode))
        return report_usage(s->set->command, "--config %s is a folder; a JSON file is needed, as a run's config.json",
                            s->o.config);
    json_t *root = s->sources[0] = json_load_file(s->o.config, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        if (root) tsr_fail(TSR_EFORMAT, "--config %s: not a JSON object", s->o.config);
        else if (error.line < 1) tsr_fail(TSR_EFORMAT, "--config %s: %s", s->o.config, error.text); /* no such file */
        else tsr_fail(TSR_EFORMAT, "--config %s, line %d: %s", s->o.config, error.line, error.text);
        return report_error(s->set->command);
    }
    return read_sections(s, s->o.config, root) ? OPTIONS_GO_ON : EXIT_WRONG_USE;
}

/* --resume: what the command line does not say is as it was. */
static int read_stored(train_settings *s)
{
    if (!s->o.resume) return OPTIONS_GO_ON;
    s->stored = s->sources[1] = checkpoint_run_config(s->o.out);
    if (tsr_error_status() != TSR_OK) return report_error(s->set->command);
    if (!s->stored) report_note(s->set->command, "%s holds no run yet: starting one", s->o.out);
    return !s->stored || read_sections(s, s->o.out, s->stored) ? OPTIONS_GO_ON : EXIT_WRONG_USE;
}

static int read_augment(train_settings *s)
{
    static const char *const names[] = {"none", "flip", "crop"};
    for (const char *at = s->o.augment; *at;) {
        size_t n = strcspn(at, ",");
        unsigned found = 3;
        for (unsigned i = 0; i < 3; i++)
            if (strlen(names[i]) == n && !strncmp(names[i], at, n)) found = i;
        if (found == 3)
            return report_usage(s->set->command, "--augment is none, flip, crop or flip,crop, not '%s'", s->o.augment);
        s->augment |= found; /* TSR_AUGMENT_FLIP is 1, TSR_AUGMENT_CROP 2 */
        at += n + (at[n] == ',');
    }
    return OPTIONS_GO_ON;
}

int settings_read(train_settings *s, const option_set *set, int argc, char **argv, const train_options *defaults)
{
    *s = (train_settings){.set = set, .o = *defaults};
    int status = options_parse(set, argc, argv, &s->o, &s->line);
    if (status == OPTIONS_GO_ON) status = read_config_file(s);
    if (status == OPTIONS_GO_ON) status = read_stored(s);
    if (status == OPTIONS_GO_ON) status = read_augment(s);
    s->schedule = (tsr_schedule){.kind = (tsr_schedule_kind)s->o.schedule,
                                 .warmup = s->o.warmup,
                                 .total = s->o.steps,
                                 .floor = s->o.schedule_floor,
                                 .period = s->o.schedule_period,
                                 .gamma = s->o.schedule_gamma};
    return status;
}

void settings_free(train_settings *s)
{
    json_decref(s->o.fields);
    json_decref(s->sources[0]);
    json_decref(s->sources[1]);
}

tsr_status settings_load_init(const train_settings *s, model_kind kind, tsr_module *model)
{
    model_file f;
    if (!s->o.init || settings_go_on(s)) return TSR_OK;
    tsr_profile_range_begin("checkpoint");
    tsr_status status = model_file_open_as(&f, s->o.init, kind) ? model_file_load(&f, model, false)
                                                                : tsr_error_status();
    model_file_close(&f);
    tsr_profile_range_end();
    return status;
}

bool settings_go_on(const train_settings *s) { return s->o.resume && run_has_checkpoint(s->o.out); }

/* ---- the model's configuration ---------------------------------------------------------------------------------------------- */

/* One of the two configurations, and how it is read. */
typedef struct any_config {
    model_kind kind;
    void *c;
    tsr_status (*read)(const char *json, void *c);
    tsr_status (*check)(const void *c);
} any_config;

static tsr_status read_vqgan(const char *json, void *c) { return tsr_vqgan_config_read(json, c); }
static tsr_status read_prior(const char *json, void *c) { return tsr_gpt_config_read(json, c); }
static tsr_status check_vqgan(const void *c) { return tsr_vqgan_config_check(c); }
static tsr_status check_prior(const void *c) { return tsr_gpt_config_check(c); }

static tsr_status apply_json(const any_config *m, const json_t *object)
{
    if (!object || json_object_size(object) == 0) return TSR_OK;
    char *text = json_dumps(object, JSON_REAL_PRECISION(17));
    tsr_status status = text ? m->read(text, m->c) : tsr_fail(TSR_ENOMEM, "no memory for a configuration");
    free(text);
    return status;
}

/* Whether the model is that of the run that is resumed. */
static bool model_is_stored(const train_settings *s) { return s->stored && !options_given(s->set, &s->line, "preset"); }

/* The file's configuration; of a resumed run it is already among what is stored. */
static tsr_status apply_init(const train_settings *s, const any_config *m)
{
    model_file f;
    if (!s->o.init || model_is_stored(s)) return TSR_OK;
    tsr_status status = model_file_open_as(&f, s->o.init, m->kind) ? m->read(f.config, m->c) : tsr_error_status();
    model_file_close(&f);
    return status;
}

/* What is wrong with a setting of the model, with the name of the option that gave it. */
static tsr_status name_option(const train_settings *s, const char *key)
{
    const char *flag = options_of_field(s->set, key);
    char where[80];
    snprintf(where, sizeof where, flag ? "--%s" : "--set %s", flag ? flag : key);
    return report_prefix(where);
}

/* Field by field, so that what is wrong can be told. */
static tsr_status apply_fields(const train_settings *s, const any_config *m, const char *parent, const json_t *fields)
{
    const char *key;
    json_t *value;
    tsr_status status = TSR_OK;
    json_object_foreach((json_t *)(uintptr_t)fields, key, value)
    {
        char name[128];
        snprintf(name, sizeof name, "%s%s%s", parent ? parent : "", parent ? "." : "", key);
        if (!parent && json_is_object(value)) status = apply_fields(s, m, key, value);
        else {
            json_t *one = NULL;
            options_set_field(&one, name, json_incref(value));
            status = apply_json(m, one);
            json_decref(one);
            if (status != TSR_OK) status = name_option(s, name);
        }
        if (status != TSR_OK) return status;
    }
    return status;
}

/* The configuration file's section "model". */
static tsr_status apply_file(const train_settings *s, const any_config *m)
{
    tsr_status status = apply_json(m, json_object_get(s->sources[0], "model"));
    return status == TSR_OK ? status : report_prefix(s->o.config);
}

static bool resolve_config(train_settings *s, const any_config *m, const json_t *fitted, int *status)
{
    *status = EXIT_RUN_FAILED;
    tsr_status result = apply_json(m, fitted);
    if (result == TSR_OK) result = apply_init(s, m);
    if (result == TSR_OK) *status = EXIT_WRONG_USE; /* what follows is the doing of the user's settings */
    if (result == TSR_OK && s->sources[0]) result = apply_file(s, m);
    if (result == TSR_OK && model_is_stored(s)) result = apply_json(m, json_object_get(s->stored, "model"));
    if (result == TSR_OK) result = apply_fields(s, m, NULL, s->o.fields);
    if (result == TSR_OK) result = m->check(m->c);
    if (result == TSR_OK) return true;
    report_error(s->set->command);
    return false;
}

static bool read_preset(const train_settings *s, tsr_status found, int *status)
{
    *status = EXIT_WRONG_USE;
    if (found != TSR_OK) report_error(s->set->command);
    return found == TSR_OK;
}

/* Another model's configuration may have other channels than --channels. */
static bool channels_agree(const train_settings *s, const tsr_vqgan_config *c, int *status)
{
    int64_t channels = s->o.data.channels;
    if (channels == 0 || (channels == c->in_channels && channels == c->out_ch)) return true;
    *status = report_usage(
        s->set->command,
        "--channels %lld, and the model has in_channels %lld and out_ch %lld; --set in_channels=%lld "
        "--set out_ch=%lld changes it",
        (long long)channels, (long long)c->in_channels, (long long)c->out_ch, (long long)channels, (long long)channels);
    return false;
}

bool settings_vqgan_config(train_settings *s, tsr_vqgan_config *c, int *status)
{
    if (!read_preset(s, tsr_vqgan_preset(s->o.preset, c), status)) return false;
    if (options_known(s->set, &s->line, "legacy-vq"))
        options_set_field(&s->o.fields, "legacy", json_boolean(s->o.legacy_vq));
    if (options_known(s->set, &s->line, "codebook"))
        options_set_field(&s->o.fields, "ema_codebook", json_boolean(s->o.codebook == 1));
    json_int_t channels = s->o.data.channels; /* 0: the model's */
    json_t *fitted = channels > 0 ? json_pack("{s:I, s:I}", "in_channels", channels, "out_ch", channels) : NULL;
    bool resolved = resolve_config(s, &(any_config){MODEL_VQGAN, c, read_vqgan, check_vqgan}, fitted, status);
    json_decref(fitted);
    if (!resolved || !channels_agree(s, c, status)) return false;
    if (c->beta == 0) c->beta = TSR_ZERO; /* presets have another: it is what was asked for */
    return true;
}

bool settings_prior_config(train_settings *s, const json_t *fitted, tsr_gpt_config *c, int *status)
{
    if (!read_preset(s, tsr_gpt_preset(s->o.preset, c), status)) return false;
    return resolve_config(s, &(any_config){MODEL_PRIOR, c, read_prior, check_prior}, fitted, status);
}

/* ---- the effective configuration ------------------------------------------------------------------------------------------------ */

json_t *settings_effective(const train_settings *s, const char *model_config)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind", kind_of(s), "model", json_loads(model_config, 0, NULL),
                     "train", options_write_section(s->set, &s->o, "train"), "data",
                     options_write_section(s->set, &s->o, "data"), "run", options_write_section(s->set, &s->o, "run"));
}

/* More steps make a run longer and change nothing, unless the learning rate is made to end with them. */
static bool may_differ(const train_settings *s, const char *key)
{
    bool ends = s->schedule.kind == TSR_SCHEDULE_COSINE || s->schedule.kind == TSR_SCHEDULE_LINEAR;
    return !strcmp(key, "steps") && !ends;
}

static bool same_value(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static bool section_agrees(const train_settings *s, const char *section, const json_t *now, const json_t *then)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)now, key, value)
    {
        const json_t *old = json_object_get(then, key);
        if (!old || same_value(value, old) || may_differ(s, key)) continue;
        char *a = json_dumps(old, JSON_ENCODE_ANY), *b = json_dumps(value, JSON_ENCODE_ANY);
        report_usage(s->set->command, "--resume: %s.%s was %s and would be %s, which is another run", section, key,
                     a ? a : "?", b ? b : "?");
        free(a);
        free(b);
        return false;
    }
    return true;
}

bool settings_agree(const train_settings *s, const json_t *effective)
{
    static const char *const sections[] = {"model", "train", "data"};
    for (int i = 0; s->stored && i < 3; i++)
        if (!section_agrees(s, sections[i], json_object_get(effective, sections[i]),
                            json_object_get(s->stored, sections[i])))
            return false;
    return true;
}
