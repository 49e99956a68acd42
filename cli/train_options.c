/* train_options.c: what can be said about a training run, as tables. */
#include "train_options.h"

#define AT(member) offsetof(train_options, member)

/* ---- options of both ------------------------------------------------------------------------------------------------------ */

static const option start_options[] = {
    {"preset", OPTION_TEXT, AT(preset), "tiny|small|f16-imagenet", "a model by name (default: tiny)", 0, 0, NULL, NULL},
    {"config", OPTION_TEXT, AT(config), "FILE", "settings from a file, as a run's config.json", 0, 0, NULL, NULL},
    {"init", OPTION_TEXT, AT(init), "FILE", "start from these weights, and their configuration", 0, 0, "train", NULL},
    {"set", OPTION_SET, AT(fields), "KEY=VALUE", "any setting or field of the model: --set ch_mult=1,2,2", 0, 0, NULL,
     NULL},
};

static const option training_options[] = {
    {"batch", OPTION_INT, AT(batch), "N", "items a step", 1, 1 << 20, "train", NULL},
    {"steps", OPTION_INT, AT(steps), "N", "when to stop", 1, 1e15, "train", NULL},
    {"seed", OPTION_INT, AT(seed), "N", "of weights, order and augmentation", 0, 9e15, "train", NULL},
    {"dtype", OPTION_CHOICE, AT(dtype), "f32|f64", "of weights and all that is computed", 0, 0, "train", NULL},
    {"order", OPTION_CHOICE, AT(order), "shuffled|sequential", "of the data, anew each epoch", 0, 0, "train", NULL},
    {"lr", OPTION_FLOAT, AT(lr), "F", "learning rate", 0, 1e30, "train", NULL},
    {"schedule", OPTION_CHOICE, AT(schedule), "constant|cosine|linear|step",
     "of the learning rate; cosine and linear end with the steps", 0, 0, "train", NULL},
    {"warmup", OPTION_INT, AT(warmup), "N", "steps in which the learning rate rises", 0, 1e15, "train", NULL},
    {"schedule-floor", OPTION_FLOAT, AT(schedule_floor), "F", "cosine, linear: the last factor", 0, 1, "train", NULL},
    {"schedule-period", OPTION_INT, AT(schedule_period), "N", "step: so many steps between changes", 1, 1e15, "train",
     NULL},
    {"schedule-gamma", OPTION_FLOAT, AT(schedule_gamma), "F", "step: the factor of a change", 0, 1e3, "train", NULL},
    {"clip", OPTION_FLOAT, AT(clip), "F", "largest norm of the gradient; 0: any", 0, 1e9, "train", NULL},
    {"adam-beta1", OPTION_FLOAT, AT(beta1), "F", "how long Adam remembers gradients", 0, 0.9999999, "train", NULL},
    {"adam-beta2", OPTION_FLOAT, AT(beta2), "F", "and their squares", 0, 0.9999999, "train", NULL},
    {"ema", OPTION_FLOAT, AT(ema), "F", "decay of averaged weights; 0: none are kept", 0, 0.9999999, "train", NULL},
};

static const option run_options[] = {
    {"out", OPTION_TEXT, AT(out), "FOLDER", "of the run", 0, 0, NULL, NULL},
    {"resume", OPTION_FLAG, AT(resume), "", "go on from the run's newest checkpoint", 0, 0, NULL, NULL},
    {"checkpoint-every", OPTION_INT, AT(checkpoint_every), "N", "steps; 0: at the end", 0, 1e15, "run", NULL},
    {"log-every", OPTION_INT, AT(log_every), "N", "steps between lines of metrics.jsonl", 1, 1e15, "run", NULL},
    {"sample-every", OPTION_INT, AT(sample_every), "N", "steps between pictures; 0: at the end", 0, 1e15, "run", NULL},
    {"minutes", OPTION_FLOAT, AT(minutes), "F", "stop after this time, with a checkpoint; 0: never", 0, 1e9, NULL,
     NULL},
    {"no-progress", OPTION_FLAG, AT(no_progress), "", "neither bar nor lines", 0, 0, NULL, NULL},
    {"profile", OPTION_FLAG, AT(profile), "", "at the end a table of where the time went, and FOLDER/trace.json", 0, 0,
     NULL, NULL},
};

/* ---- VQGAN ---------------------------------------------------------------------------------------------------------------- */

static const option augment_options[] = {
    {"augment", OPTION_TEXT, AT(augment), "none|flip|crop|flip,crop", "random changes of pictures", 0, 0, "train",
     NULL},
};

static const option loss_options[] = {
    {"recon", OPTION_CHOICE, AT(recon), "l1|l2", "how pictures are compared", 0, 0, "train", NULL},
    {"perceptual", OPTION_TEXT, AT(perceptual), "none|lpips:FILE", "LPIPS, with weights from a file", 0, 0, "train",
     NULL},
    {"perceptual-weight", OPTION_FLOAT, AT(perceptual_weight), "F", "of the perceptual loss", 0, 1e9, "train", NULL},
    {"codebook-weight", OPTION_FLOAT, AT(codebook_weight), "F", "of the quantizer's loss", 1e-9, 1e9, "train", NULL},
    {"kmeans", OPTION_INT, AT(kmeans), "N", "iterations of k-means that start the codebook; 0: none", 0, 1000, "train",
     NULL},
    {"revive", OPTION_FLOAT, AT(revive), "F", "renew codes used less often than F times a batch; 0: never", 0, 1e9,
     "train", NULL},
    {"disc-weight", OPTION_FLOAT, AT(disc_weight), "F", "of the adversarial loss; 0: no discriminator", 0, 1e9, "train",
     NULL},
    {"disc-start", OPTION_INT, AT(disc_start), "N", "the step from which it reaches the generator", 0, 1e15, "train",
     NULL},
    {"disc-warmup", OPTION_INT, AT(disc_warmup), "N", "steps that the discriminator learns before", 0, 1e15, "train",
     NULL},
    {"disc-input", OPTION_CHOICE, AT(disc_input), "same|refresh",
     "it sees the reconstruction that was trained on, or a new one", 0, 0, "train", NULL},
    {"adversarial", OPTION_CHOICE, AT(adversarial), "hinge|nonsaturating", "the loss", 0, 0, "train", NULL},
};

#define FIELD(name, value, help, key)                                                                                  \
    {                                                                                                                  \
        name, OPTION_FIELD, AT(fields), value, help, 0, 0, NULL, key                                                   \
    }

static const option vqgan_options[] = {
    {"legacy-vq", OPTION_SWITCH, AT(legacy_vq), "", "weigh the codebook's term by beta, as the published models do", 0,
     0, NULL, NULL},
    {"codebook", OPTION_CHOICE, AT(codebook), "plain|ema", "learned by gradient, or by moving averages", 0, 0, NULL,
     NULL},
    FIELD("n-embed", "N", "number of codes", "n_embed"),
    FIELD("embed-dim", "N", "length of a code", "embed_dim"),
    FIELD("z-channels", "N", "channels beside the quantizer", "z_channels"),
    FIELD("ch", "N", "channels of the first level", "ch"),
    FIELD("ch-mult", "N,N,...", "factor for each level; levels halve the resolution", "ch_mult"),
    FIELD("num-res-blocks", "N", "a level", "num_res_blocks"),
    FIELD("attn-resolutions", "N,N,...|none", "with attention", "attn_resolutions"),
    FIELD("resolution", "N", "that attn-resolutions refer to", "resolution"),
    FIELD("beta", "F", "commitment weight", "beta"),
    FIELD("dropout", "F", "in residual blocks", "dropout"),
    FIELD("disc-layers", "N", "of the discriminator", "disc.n_layers"),
    FIELD("disc-ndf", "N", "its channels", "disc.ndf"),
};

/* ---- prior ---------------------------------------------------------------------------------------------------------------- */

static const option prior_data_options[] = {
    {"model", OPTION_TEXT, AT(model), "FILE", "the VQGAN that turns the pictures of --data into codes", 0, 0, "data",
     NULL},
    {"codes", OPTION_TEXT, AT(codes), "FILE", "codes instead of pictures: i64 [N, h, w], and labels if there are any",
     0, 0, "data", NULL},
    {"cond", OPTION_CHOICE, AT(cond), "auto|none|class", "what a picture's codes begin with; auto: its class, if known",
     0, 0, "train", NULL},
};

static const option prior_loss_options[] = {
    {"weight-decay", OPTION_FLOAT, AT(weight_decay), "F", "of the weights of linear layers", 0, 1e3, "train", NULL},
    {"pkeep", OPTION_FLOAT, AT(pkeep), "F", "probability that an input code is kept, not replaced", 0.01, 1, "train",
     NULL},
};

static const option prior_options[] = {
    FIELD("n-layer", "N", "blocks", "n_layer"),
    FIELD("n-head", "N", "heads of attention", "n_head"),
    FIELD("n-embd", "N", "width", "n_embd"),
    FIELD("block-size", "N", "longest sequence (default: as long as the codes are)", "block_size"),
    FIELD("embd-pdrop", "F", "dropout of embeddings", "embd_pdrop"),
    FIELD("resid-pdrop", "F", "dropout of blocks' results", "resid_pdrop"),
    FIELD("attn-pdrop", "F", "dropout of attention", "attn_pdrop"),
};

#define GROUP(title, table)                                                                                            \
    {                                                                                                                  \
        title, table, sizeof(table) / sizeof *(table), 0                                                               \
    }
#define DATA_GROUP                                                                                                     \
    {                                                                                                                  \
        "data", data_option_table, DATA_OPTION_COUNT, offsetof(train_options, data)                                    \
    }

static const option_group vqgan_groups[] = {
    GROUP("start", start_options),
    DATA_GROUP,
    GROUP("changes of the data", augment_options),
    GROUP("run", run_options),
    GROUP("training", training_options),
    GROUP("losses", loss_options),
    GROUP("model", vqgan_options),
};

static const option_group prior_groups[] = {
    GROUP("start", start_options),       DATA_GROUP,
    GROUP("codes", prior_data_options),  GROUP("run", run_options),
    GROUP("training", training_options), GROUP("losses", prior_loss_options),
    GROUP("model", prior_options),
};

const option_set train_vqgan_options = {
    .command = "train vqgan",
    .operands = "",
    .summary = "Train a VQGAN: an autoencoder of pictures with discrete codes. Ctrl-C stops with a checkpoint.",
    .example = "  tessera train vqgan --preset tiny --data scenes --steps 2000 --out runs/vqgan\n"
               "  tessera train vqgan --out runs/vqgan --resume --steps 4000\n",
    .groups = vqgan_groups,
    .group_count = sizeof vqgan_groups / sizeof *vqgan_groups};

const option_set train_prior_options = {
    .command = "train prior",
    .operands = "",
    .summary = "Train a transformer over the codes of a VQGAN, from which new pictures are sampled.",
    .example = "  tessera train prior --preset tiny --model runs/vqgan --data scenes --steps 2000 --out runs/prior\n",
    .groups = prior_groups,
    .group_count = sizeof prior_groups / sizeof *prior_groups};
