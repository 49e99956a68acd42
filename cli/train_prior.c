/* train_prior.c: `tessera train prior`.

   The codes come from a file, or from pictures by a VQGAN; then they are encoded once and kept in the run's folder as
   codes.safetensors. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "code_set.h"
#include "commands.h"
#include "model_file.h"
#include "picture_input.h"
#include "picture_sheet.h"
#include "prior_condition.h"
#include "report.h"
#include "tessera/autograd.h"
#include "tessera/gpt.h"
#include "tessera/memory.h"
#include "tessera/profile.h"
#include "train_loop.h"

enum { SHOWN = 16 };

static const train_options defaults = {.preset = "tiny",
                                       .batch = 32,
                                       .steps = 10000,
                                       .augment = "none",
                                       .lr = 5e-4,
                                       .schedule_period = 10000,
                                       .schedule_gamma = 0.5,
                                       .clip = 1,
                                       .beta1 = 0.9,
                                       .beta2 = 0.95,
                                       .weight_decay = 0.01,
                                       .pkeep = 1,
                                       .out = "runs/prior",
                                       .checkpoint_every = 500,
                                       .log_every = 10,
                                       .sample_every = 1000};

typedef struct prior_run {
    train_settings s;
    tsr_module *vqgan; /* or NULL, when only codes were given */
    tsr_dataset *set;
    code_set codes;
    code_loader loader;
    bool by_class;
    tsr_gpt_config config;
    tsr_bytes config_text;
    char picture_text[80];
    tsr_module *prior;
    tsr_gpt_trainer *trainer;
} prior_run;

/* ---- a trainee --------------------------------------------------------------------------------------------------------------- */

static tsr_status run_step(void *self, step_report *out)
{
    prior_run *r = self;
    tsr_tensor *codes, *labels;
    tsr_gpt_terms t;
    tsr_profile_range_begin("data");
    tsr_status status = code_loader_next(&r->loader, &codes, &labels);
    tsr_profile_range_end();
    if (status != TSR_OK) return status;
    tsr_tensor *cond = condition_of_labels(&r->config, labels, tsr_size(codes, 0));
    status = tsr_gpt_trainer_step(r->trainer, codes, cond, &t);
    *out = (step_report){.terms = {{"lr", t.lr}, {"loss", t.loss}, {"grad_norm", t.grad_norm}}, .count = 3};
    return status;
}

static int64_t run_steps_done(void *self) { return tsr_gpt_trainer_steps(((prior_run *)self)->trainer); }

static tsr_status run_state(void *self, tsr_named_list *out)
{
    return tsr_gpt_trainer_state_dict(((prior_run *)self)->trainer, out);
}

static tsr_status run_restore(void *self, const tsr_named *tensors, int64_t n)
{
    return tsr_gpt_trainer_load_state_dict(((prior_run *)self)->trainer, tensors, n);
}

static tsr_loader_state run_position(void *self) { return ((prior_run *)self)->loader.state; }

static tsr_status run_go_to(void *self, tsr_loader_state position)
{
    return code_loader_go_to(&((prior_run *)self)->loader, position);
}

static tsr_tensor *sample_codes(prior_run *r)
{
    tsr_generator *g = tsr_generator_new((uint64_t)r->s.o.seed);
    if (!g) return NULL;
    tsr_tensor *cond = condition_of_classes(&r->config, SHOWN);
    tsr_gpt_sampling how = {.top_p = 0.95, .generator = g};
    tsr_tensor *codes = cond ? tsr_gpt_sample(r->prior, cond, r->codes.tokens, &how) : NULL;
    tsr_generator_free(g);
    return codes ? tsr_reshape(codes, TSR_SHAPE(SHOWN, r->codes.height, r->codes.width)) : NULL;
}

/* New pictures, by the averaged weights if there are any. Random numbers are a generator's of its own, always the same. */
static tsr_tensor *run_picture(void *self)
{
    prior_run *r = self;
    if (!r->vqgan || r->codes.height == 0) return NULL;
    bool was = tsr_set_grad_enabled(false);
    tsr_gpt_trainer_swap_ema(r->trainer);
    tsr_tensor *codes = sample_codes(r);
    tsr_gpt_trainer_swap_ema(r->trainer);
    tsr_tensor *sheet = codes ? picture_sheet(tsr_vqgan_decode_indices(r->vqgan, codes), 0) : NULL;
    tsr_set_grad_enabled(was);
    return sheet;
}

/* ---- codes -------------------------------------------------------------------------------------------------------------------- */

static bool open_pictures(prior_run *r)
{
    const tsr_vqgan_config *c = tsr_vqgan_get_config(r->vqgan);
    int64_t factor = tsr_vqgan_downsampling(c);
    r->set = data_open(&r->s.o.data, &(data_wish){TSR_PART_TRAIN, c->resolution, c->in_channels});
    return r->set && data_check_divisible(r->set, factor) == TSR_OK &&
           code_set_describe(&r->codes, r->set, c->n_embed, factor);
}

/* What the prior is of; pictures are only described yet. */
static bool open_codes(prior_run *r)
{
    const train_options *o = &r->s.o;
    if (o->model && !(r->vqgan = model_load_vqgan(o->model))) return false;
    if (!o->codes) return open_pictures(r);
    if (!code_set_load(&r->codes, o->codes)) return false;
    if (r->vqgan) r->codes.n_codes = tsr_vqgan_get_config(r->vqgan)->n_embed;
    return true;
}

/* The checksum of the VQGAN's file, and all that says which pictures: what codes depend on. For tsr_free. */
static char *origin_text(const prior_run *r)
{
    char *path = model_file_path(r->s.o.model), *text = NULL;
    tsr_bytes file = {0};
    if (path && tsr_read_file(path, &file) == TSR_OK) {
        uLong sum = crc32_z(0, file.data, (z_size_t)file.size);
        json_t *data = options_write_section(r->s.set, &r->s.o, "data");
        json_t *root = json_pack("{s:I, s:I, s:o}", "vqgan_crc32", (json_int_t)sum, "pictures",
                                 (json_int_t)tsr_dataset_length(r->set), "data", data);
        char *dump = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
        text = tsr_strdup(dump);
        free(dump);
        json_decref(root);
    }
    tsr_bytes_free(&file);
    tsr_free(path);
    return text;
}

/* The codes of an earlier start of the run, if they are what would be made now. False: they are not, or there are none. */
static bool reuse_codes(prior_run *r, const char *path, const char *origin)
{
    if (!r->s.o.resume || access(path, F_OK) != 0) return false;
    if (!code_set_load(&r->codes, path)) tsr_error_clear(); /* damaged: made anew, too */
    else if (r->codes.origin && !strcmp(r->codes.origin, origin)) return true;
    code_set_free(&r->codes);
    report_note(r->s.set->command, "%s is of another VQGAN or of other pictures: encoding anew", path);
    return false;
}

static bool encode_anew(prior_run *r, const char *path, const char *origin)
{
    const train_options *o = &r->s.o;
    if (!code_set_encode(&r->codes, r->set, o->data.source, r->vqgan, o->batch, !o->no_progress)) return false;
    return (r->codes.origin = tsr_strdup(origin)) && code_set_save(&r->codes, path) == TSR_OK;
}

/* Codes of the pictures, from the run's folder when they are there already. The run can be resumed from here on. */
static bool encode_pictures(prior_run *r, const json_t *effective)
{
    char path[RUN_PATH_MOST];
    if (r->s.o.codes) return true;
    code_set_free(&r->codes);
    run_path(r->s.o.out, "codes.safetensors", path);
    char *origin = origin_text(r);
    bool ok = origin && run_folder_prepare(r->s.o.out, effective) == TSR_OK &&
              (reuse_codes(r, path, origin) || encode_anew(r, path, origin));
    tsr_free(origin);
    return ok;
}

static int check_use(const prior_run *r)
{
    const train_options *o = &r->s.o;
    if (!o->codes && !(o->model && o->data.source))
        return report_usage(r->s.set->command, "give --data SRC and --model VQGAN, or --codes FILE");
    return OPTIONS_GO_ON;
}

/* ---- setting up ---------------------------------------------------------------------------------------------------------------- */

/* The fields that follow from the codes. */
static json_t *fitted_fields(const prior_run *r)
{
    int64_t classes = r->by_class ? r->codes.classes : 0;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "n_codes", (json_int_t)r->codes.n_codes, "classes",
                     (json_int_t)classes, "vocab_size", (json_int_t)(r->codes.n_codes + (classes ? classes : 1)),
                     "block_size", (json_int_t)r->codes.tokens, "code_height", (json_int_t)r->codes.height,
                     "code_width", (json_int_t)r->codes.width);
}

static int choose_condition(prior_run *r)
{
    r->by_class = r->s.o.cond == 2 || (r->s.o.cond == 0 && r->codes.classes > 1);
    if (r->by_class && r->codes.classes == 0)
        return report_usage(r->s.set->command, "--cond class: the data have no classes");
    return OPTIONS_GO_ON;
}

static int configure(prior_run *r)
{
    int status = choose_condition(r);
    if (status != OPTIONS_GO_ON) return status;
    json_t *fitted = fitted_fields(r);
    bool ok = settings_prior_config(&r->s, fitted, &r->config, &status);
    json_decref(fitted);
    if (!ok) return status;
    if (r->codes.tokens > r->config.block_size)
        return report_usage(r->s.set->command, "pictures have %lld codes, block_size is %lld",
                            (long long)r->codes.tokens, (long long)r->config.block_size);
    return tsr_gpt_config_write(&r->config, &r->config_text) == TSR_OK ? OPTIONS_GO_ON
                                                                       : report_error(r->s.set->command);
}

static bool build(prior_run *r)
{
    const train_options *o = &r->s.o;
    tsr_gpt_train_options options = {.lr = o->lr,
                                     .weight_decay = o->weight_decay == 0 ? TSR_ZERO : o->weight_decay,
                                     .schedule = r->s.schedule,
                                     .clip = o->clip,
                                     .beta1 = o->beta1 == 0 ? TSR_ZERO : o->beta1,
                                     .beta2 = o->beta2 == 0 ? TSR_ZERO : o->beta2,
                                     .ema = o->ema,
                                     .pkeep = o->pkeep};
    tsr_manual_seed((uint64_t)o->seed);
    if (!(r->prior = tsr_gpt_new(&r->config))) return false;
    if (settings_load_init(&r->s, MODEL_PRIOR, r->prior) != TSR_OK) return false;
    if (o->dtype == 1 && tsr_module_to(r->prior, TSR_F64) != TSR_OK) return false;
    return (r->trainer = tsr_gpt_trainer_new(r->prior, &options)) != NULL;
}

/* What sampling and evaluation want to know later. */
static void add_metadata(prior_run *r, trainee *t)
{
    const int64_t *p = r->codes.picture;
    if (p[0] > 0) {
        snprintf(r->picture_text, sizeof r->picture_text, "[%lld,%lld,%lld]", (long long)p[0], (long long)p[1],
                 (long long)p[2]);
        t->metadata[t->metadata_count++] = (tsr_text_pair){"picture", r->picture_text};
    }
    if (r->by_class && r->codes.class_names)
        t->metadata[t->metadata_count++] = (tsr_text_pair){"class_names", r->codes.class_names};
    if (r->s.o.model) t->metadata[t->metadata_count++] = (tsr_text_pair){"vqgan", r->s.o.model};
}

static int train(prior_run *r, const json_t *effective)
{
    trainee t = {.kind = "prior",
                 .model_config = r->config_text.data,
                 .module = r->prior,
                 .picture_tag = "samples",
                 .self = r,
                 .step = run_step,
                 .steps = run_steps_done,
                 .state = run_state,
                 .restore = run_restore,
                 .position = run_position,
                 .go_to = run_go_to,
                 .picture = run_picture};
    add_metadata(r, &t);
    code_loader_start(&r->loader, &r->codes, r->s.o.batch, r->s.o.order == 0, (uint64_t)r->s.o.seed);
    int status = train_loop(&r->s, &t, effective);
    pictures_note_skipped(r->s.set->command, r->set);
    return status;
}

static int prepare_and_train(prior_run *r)
{
    int status = check_use(r);
    if (status != OPTIONS_GO_ON) return status;
    if (!train_folder_is_free(&r->s) || !open_codes(r)) return report_error(r->s.set->command);
    if ((status = configure(r)) != OPTIONS_GO_ON) return status;
    json_t *effective = settings_effective(&r->s, r->config_text.data);
    if (!settings_agree(&r->s, effective)) status = EXIT_WRONG_USE;
    else if (!build(r) || !encode_pictures(r, effective) || code_set_fits(&r->codes, &r->config) != TSR_OK)
        status = report_error(r->s.set->command);
    else status = train(r, effective);
    json_decref(effective);
    return status;
}

static void free_run(prior_run *r)
{
    tsr_gpt_trainer_free(r->trainer);
    tsr_module_free(r->prior);
    tsr_module_free(r->vqgan);
    code_loader_stop(&r->loader);
    code_set_free(&r->codes);
    tsr_dataset_free(r->set);
    tsr_bytes_free(&r->config_text);
    settings_free(&r->s);
}

int train_prior(int argc, char **argv)
{
    prior_run r = {.set = NULL};
    int status = settings_read(&r.s, &train_prior_options, argc, argv, &defaults);
    if (status == OPTIONS_GO_ON) status = prepare_and_train(&r);
    free_run(&r);
    return status;
}
