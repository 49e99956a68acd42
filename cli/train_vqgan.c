/* train_vqgan.c: `tessera train vqgan`. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "model_file.h"
#include "picture_input.h"
#include "picture_sheet.h"
#include "report.h"
#include "tessera/autograd.h"
#include "tessera/vqgan.h"
#include "train_loop.h"

enum { SHOWN = 8 };

static const train_options defaults = {.preset = "tiny",
                                       .batch = 16,
                                       .steps = 10000,
                                       .augment = "none",
                                       .lr = 5e-4,
                                       .schedule_period = 10000,
                                       .schedule_gamma = 0.5,
                                       .beta1 = 0.5,
                                       .beta2 = 0.9,
                                       .perceptual = "none",
                                       .perceptual_weight = 1,
                                       .codebook_weight = 1,
                                       .disc_weight = 0.8,
                                       .legacy_vq = true,
                                       .pkeep = 1,
                                       .out = "runs/vqgan",
                                       .checkpoint_every = 500,
                                       .log_every = 10,
                                       .sample_every = 500};

/* A run: what train_loop's trainee points to. */
typedef struct vqgan_run {
    train_settings s;
    tsr_vqgan_config config;
    tsr_bytes config_text;
    tsr_dataset *set, *shown_set;
    tsr_loader *loader;
    tsr_module *model, *lpips;
    tsr_vqgan_trainer *trainer;
    tsr_tensor *shown; /* pictures whose reconstructions are shown */
} vqgan_run;

/* ---- a trainee --------------------------------------------------------------------------------------------------------------- */

static tsr_status run_step(void *self, step_report *out)
{
    vqgan_run *r = self;
    tsr_batch b;
    tsr_vqgan_terms t;
    if (tsr_loader_next(r->loader, &b) != TSR_OK) return tsr_error_status();
    tsr_status status = tsr_vqgan_trainer_step(r->trainer, b.pictures, &t);
    *out = (step_report){.terms = {{"lr", t.lr},
                                   {"total_loss", t.total_loss},
                                   {"nll_loss", t.nll_loss},
                                   {"codebook_loss", t.codebook_loss},
                                   {"g_loss", t.g_loss},
                                   {"d_weight", t.d_weight},
                                   {"disc_loss", t.disc_loss},
                                   {"logits_real", t.logits_real},
                                   {"logits_fake", t.logits_fake}},
                         .count = 9};
    return status;
}

static int64_t run_steps_done(void *self) { return tsr_vqgan_trainer_steps(((vqgan_run *)self)->trainer); }

static tsr_status run_state(void *self, tsr_named_list *out)
{
    return tsr_vqgan_trainer_state_dict(((vqgan_run *)self)->trainer, out);
}

static tsr_status run_restore(void *self, const tsr_named *tensors, int64_t n)
{
    return tsr_vqgan_trainer_load_state_dict(((vqgan_run *)self)->trainer, tensors, n);
}

static tsr_loader_state run_position(void *self) { return tsr_loader_get_state(((vqgan_run *)self)->loader); }

static tsr_status run_go_to(void *self, tsr_loader_state position)
{
    return tsr_loader_set_state(((vqgan_run *)self)->loader, position);
}

/* Originals above, reconstructions below, by the averaged weights if there are any. */
static tsr_tensor *run_picture(void *self)
{
    vqgan_run *r = self;
    bool was = tsr_set_grad_enabled(false);
    tsr_module_train(r->model, false);
    tsr_vqgan_trainer_swap_ema(r->trainer);
    tsr_tensor *codes = tsr_vqgan_encode(r->model, r->shown);
    tsr_tensor *sheet = picture_sheet_pairs(r->shown, tsr_vqgan_decode_indices(r->model, codes), SHOWN);
    tsr_vqgan_trainer_swap_ema(r->trainer);
    tsr_module_train(r->model, true);
    tsr_set_grad_enabled(was);
    return sheet;
}

/* ---- setting up ---------------------------------------------------------------------------------------------------------------- */

static tsr_dataset *open_part(const vqgan_run *r, tsr_part part)
{
    return data_open(&r->s.o.data, &(data_wish){part, r->config.resolution, r->config.in_channels});
}

static bool open_data(vqgan_run *r)
{
    r->set = open_part(r, TSR_PART_TRAIN);
    if (!r->set || data_check_divisible(r->set, tsr_vqgan_downsampling(&r->config)) != TSR_OK) return false;
    return (r->loader = train_loader(&r->s, r->set)) != NULL;
}

/* The first pictures that are held out; of a source that is taken whole, the first of all. */
static tsr_status choose_shown(vqgan_run *r)
{
    tsr_batch b;
    r->shown_set = open_part(r, TSR_PART_HELD_OUT);
    tsr_loader_options o = {.batch = SHOWN, .threads = 1, .prefetch = 1};
    if (r->s.o.dtype == 1) o.dtype = TSR_F64;
    tsr_loader *first = r->shown_set ? tsr_loader_new(r->shown_set, &o) : NULL;
    tsr_mark m = tsr_scope_open();
    if (first && tsr_loader_next(first, &b) == TSR_OK) r->shown = tsr_keep(b.pictures);
    tsr_scope_close(m);
    tsr_loader_free(first);
    return r->shown ? TSR_OK : tsr_error_status();
}

/* --perceptual lpips:FILE; the status of wrong use is 2. */
static int load_perceptual(vqgan_run *r)
{
    const char *text = r->s.o.perceptual;
    if (!strcmp(text, "none")) return OPTIONS_GO_ON;
    if (strncmp(text, "lpips:", 6) != 0 || !text[6])
        return report_usage(r->s.set->command, "--perceptual is none or lpips:FILE, not '%s'", text);
    r->lpips = tsr_lpips_load(text + 6);
    if (r->lpips && r->s.o.dtype == 1) tsr_module_to(r->lpips, TSR_F64);
    return tsr_error_status() == TSR_OK ? OPTIONS_GO_ON : report_error(r->s.set->command);
}

static tsr_vqgan_train_options trainer_options(const vqgan_run *r)
{
    const train_options *o = &r->s.o;
    return (tsr_vqgan_train_options){.lr = o->lr,
                                     .schedule = r->s.schedule,
                                     .clip = o->clip,
                                     .beta1 = o->beta1 == 0 ? TSR_ZERO : o->beta1,
                                     .beta2 = o->beta2 == 0 ? TSR_ZERO : o->beta2,
                                     .recon = (tsr_recon)o->recon,
                                     .lpips = r->lpips,
                                     .perceptual_weight = o->perceptual_weight == 0 ? TSR_ZERO : o->perceptual_weight,
                                     .codebook_weight = o->codebook_weight,
                                     .adversarial = (tsr_adversarial)o->adversarial,
                                     .disc_weight = o->disc_weight,
                                     .disc_start = o->disc_start,
                                     .disc_warmup = o->disc_warmup,
                                     .disc_refresh = o->disc_input == 1,
                                     .ema = o->ema,
                                     .revive_below = o->revive,
                                     .kmeans_steps = o->kmeans};
}

static bool build(vqgan_run *r)
{
    tsr_vqgan_train_options options = trainer_options(r);
    tsr_manual_seed((uint64_t)r->s.o.seed);
    if (!(r->model = tsr_vqgan_new(&r->config))) return false;
    if (settings_load_init(&r->s, MODEL_VQGAN, r->model) != TSR_OK) return false;
    if (r->s.o.dtype == 1 && tsr_module_to(r->model, TSR_F64) != TSR_OK) return false;
    return (r->trainer = tsr_vqgan_trainer_new(r->model, &options)) != NULL;
}

/* The model's configuration as this run needs it: a discriminator only for an adversarial loss. */
static bool configure(vqgan_run *r, int *status)
{
    if (!settings_vqgan_config(&r->s, &r->config, status)) return false;
    r->config.disc = r->s.o.disc_weight > 0;
    *status = EXIT_RUN_FAILED;
    if (tsr_vqgan_config_write(&r->config, &r->config_text) == TSR_OK) return true;
    report_error(r->s.set->command);
    return false;
}

static int train(vqgan_run *r)
{
    trainee t = {.kind = "vqgan",
                 .model_config = r->config_text.data,
                 .module = r->model,
                 .picture_tag = "reconstructions",
                 .self = r,
                 .step = run_step,
                 .steps = run_steps_done,
                 .state = run_state,
                 .restore = run_restore,
                 .position = run_position,
                 .go_to = run_go_to,
                 .picture = run_picture};
    json_t *effective = settings_effective(&r->s, r->config_text.data);
    int status = settings_agree(&r->s, effective) ? train_loop(&r->s, &t, effective) : EXIT_WRONG_USE;
    json_decref(effective);
    pictures_note_skipped(r->s.set->command, r->set);
    return status;
}

static int prepare_and_train(vqgan_run *r)
{
    int status = EXIT_RUN_FAILED;
    if (!configure(r, &status)) return status;
    status = load_perceptual(r);
    if (status != OPTIONS_GO_ON) return status;
    if (!r->s.o.data.source)
        return report_usage(r->s.set->command, "--data is missing: a folder of pictures, or scenes");
    if (!train_folder_is_free(&r->s) || !open_data(r) || choose_shown(r) != TSR_OK || !build(r))
        return report_error(r->s.set->command);
    return train(r);
}

static void free_run(vqgan_run *r)
{
    tsr_vqgan_trainer_free(r->trainer);
    tsr_release(r->shown);
    tsr_module_free(r->model);
    tsr_module_free(r->lpips);
    tsr_loader_free(r->loader);
    tsr_dataset_free(r->set);
    tsr_dataset_free(r->shown_set);
    tsr_bytes_free(&r->config_text);
    settings_free(&r->s);
}

int train_vqgan(int argc, char **argv)
{
    vqgan_run r = {.set = NULL};
    int status = settings_read(&r.s, &train_vqgan_options, argc, argv, &defaults);
    if (status == OPTIONS_GO_ON) status = prepare_and_train(&r);
    free_run(&r);
    return status;
}
