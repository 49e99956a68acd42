/* train_options.h: the options of `train vqgan` and `train prior`, and the effective configuration of a run.

   Settings come, later ones going before earlier ones, from the preset, the model file of --init, the --config file (or,
   with --resume, the run itself), and the command line. What comes out is one JSON object with sections "model", "train",
   "data" and "run", which the run's folder and its checkpoints keep. */
#ifndef CLI_TRAIN_OPTIONS_H
#define CLI_TRAIN_OPTIONS_H

#include "data_source.h"
#include "model_file.h"

typedef struct train_options {
    /* start */
    const char *preset, *config, *init;
    json_t *fields; /* of the model, that options or --set name */
    data_options data;
    /* training, both models */
    int64_t batch, steps, seed;
    int order, dtype; /* 0 shuffled, 1 sequential; 0 f32, 1 f64 */
    const char *augment;
    double lr;
    int schedule; /* tsr_schedule_kind */
    int64_t warmup, schedule_period;
    double schedule_floor, schedule_gamma, clip, ema, beta1, beta2;
    /* VQGAN */
    int recon, adversarial, disc_input, codebook;
    const char *perceptual;
    double perceptual_weight, codebook_weight, disc_weight, revive;
    int64_t disc_start, disc_warmup, kmeans;
    bool legacy_vq;
    /* prior */
    const char *model, *codes;
    int cond; /* 0 auto, 1 none, 2 class */
    double weight_decay, pkeep;
    /* run */
    const char *out;
    bool resume, no_progress, profile;
    int64_t checkpoint_every, log_every, sample_every;
    double minutes;
} train_options;

extern const option_set train_vqgan_options, train_prior_options;

/* What a command line and all that it refers to come to. */
typedef struct train_settings {
    const option_set *set;
    parsed_line line;
    train_options o;
    json_t *sources[2]; /* the configuration file's and the resumed run's JSON: texts in `o` may be theirs */
    json_t *stored;     /* the resumed run's configuration, borrowed from sources; NULL: a new run */
    tsr_schedule schedule;
    unsigned augment; /* TSR_AUGMENT_* */
} train_settings;

/* Defaults, command line, configuration files. Returns OPTIONS_GO_ON or the exit status. settings_free follows. */
int settings_read(train_settings *s, const option_set *set, int argc, char **argv, const train_options *defaults);
void settings_free(train_settings *s);

/* Whether there is a checkpoint to go on from, and the wish to. */
bool settings_go_on(const train_settings *s);

/* The weights of --init into a new model, unless a checkpoint's will replace them. */
tsr_status settings_load_init(const train_settings *s, model_kind kind, tsr_module *model);

/* The model's configuration. False after a sentence, with *status the exit status. A prior's preset is first fitted to the
   codes: `fitted` replaces its fields. */
bool settings_vqgan_config(train_settings *s, tsr_vqgan_config *c, int *status);
bool settings_prior_config(train_settings *s, const json_t *fitted, tsr_gpt_config *c, int *status);

/* The effective configuration, a new reference. */
json_t *settings_effective(const train_settings *s, const char *model_config);

/* Whether a resumed run would be the same with these settings; a sentence says which differ. */
bool settings_agree(const train_settings *s, const json_t *effective);

#endif
