/* job_models.c: the models' jobs: training steps, encoding, decoding, sampling, of the presets.

   Weights are fresh and random (seed 0) and saved for the peer, which loads them under the same names; pictures and codes come
   from the operands' formula. Batches are those of `tessera bench`. */
#include "jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tessera/gpt.h"
#include "tessera/memory.h"
#include "tessera/ops.h"
#include "tessera/vqgan.h"

const char *weights_folder;

enum { TOKENS = 256, CHECKED_TOKENS = 64 };

typedef struct model_state {
    tsr_module *module;
    tsr_vqgan_trainer *vqgan_trainer;
    tsr_gpt_trainer *gpt_trainer;
} model_state;

static int64_t batch_of(const job *j)
{
    return strcmp(j->config, "tiny") == 0 ? 16 : strcmp(j->config, "small") == 0 ? 8 : 1;
}

static bool save_weights(const job *j, tsr_module *m, const char *model, tsr_bytes *config)
{
    char path[4096];
    tsr_named_list list = {0};
    if (!weights_folder) return true;
    snprintf(path, sizeof path, "%s/%s-%s.safetensors", weights_folder, model, j->config);
    bool ok = tsr_module_state_dict(m, &list) == TSR_OK &&
              tsr_save_safetensors(path, list.v, list.n, &(tsr_text_pair){"config", config->data}, 1) == TSR_OK;
    tsr_named_list_free(&list);
    return ok;
}

/* The state, with the module that was just made (NULL: an error is pending). */
static bool hold_module(job *j, tsr_module *m, const char *model, tsr_bytes *config)
{
    model_state *s = tsr_alloc_zeroed(1, sizeof *s);
    if (s) s->module = m;
    else tsr_module_free(m);
    j->state = s;
    bool ok = s && m && save_weights(j, m, model, config);
    tsr_bytes_free(config);
    return ok;
}

static void drop_model(job *j)
{
    model_state *s = j->state;
    if (!s) return;
    tsr_vqgan_trainer_free(s->vqgan_trainer);
    tsr_gpt_trainer_free(s->gpt_trainer);
    tsr_module_free(s->module);
    tsr_free(s);
}

/* i64 codes [n, ...]: element i is 7919 i mod count. */
static bool hold_codes(job *j, int slot, tsr_shape shape, int64_t count)
{
    tsr_tensor *t = tsr_empty(shape, .dtype = TSR_I64);
    int64_t *v = t ? tsr_data(t) : NULL;
    for (int64_t i = 0; v && i < tsr_numel(t); i++) v[i] = 7919 * i % count;
    return (j->t[slot] = tsr_keep(t)) != NULL;
}

/* ---- VQGAN ------------------------------------------------------------------------------------------------------ */

static tsr_module *vqgan_of(const job *j) { return ((model_state *)j->state)->module; }

static bool vqgan_setup(job *j)
{
    tsr_vqgan_config c;
    tsr_bytes text = {0};
    tsr_manual_seed(0);
    if (tsr_vqgan_preset(j->config, &c) != TSR_OK || tsr_vqgan_config_write(&c, &text) != TSR_OK) return false;
    if (!hold_module(j, tsr_vqgan_new(&c), "vqgan", &text)) return false;
    int64_t side = c.resolution / tsr_vqgan_downsampling(&c), n = batch_of(j);
    tsr_module_train(vqgan_of(j), false);
    return job_operand(j, 0, TSR_SHAPE(n, c.in_channels, c.resolution, c.resolution)) &&
           hold_codes(j, 1, TSR_SHAPE(n, side, side), c.n_embed);
}

static tsr_tensor *vqgan_encode(job *j) { return tsr_vqgan_encode(vqgan_of(j), j->t[0]); }
static tsr_tensor *vqgan_features(job *j) { return tsr_vqgan_features(vqgan_of(j), j->t[0]); }
static tsr_tensor *vqgan_decode(job *j) { return tsr_vqgan_decode_indices(vqgan_of(j), j->t[1]); }

static bool vqgan_train_setup(job *j)
{
    if (!vqgan_setup(j)) return false;
    model_state *s = j->state;
    tsr_module_train(s->module, true);
    s->vqgan_trainer = tsr_vqgan_trainer_new(s->module, &(tsr_vqgan_train_options){.lr = 1e-4, .disc_weight = 0.8});
    return s->vqgan_trainer != NULL;
}

static tsr_tensor *vqgan_train(job *j)
{
    tsr_vqgan_terms t;
    model_state *s = j->state;
    if (tsr_vqgan_trainer_step(s->vqgan_trainer, j->t[0], &t) != TSR_OK) return NULL;
    double terms[] = {t.total_loss, t.nll_loss, t.codebook_loss, t.g_loss, t.d_weight, t.disc_loss};
    return tsr_from_data(terms, TSR_SHAPE(sizeof terms / sizeof *terms), TSR_F64);
}

/* ---- GPT -------------------------------------------------------------------------------------------------------- */

static tsr_module *gpt_of(const job *j) { return ((model_state *)j->state)->module; }

static bool gpt_setup(job *j)
{
    tsr_gpt_config c;
    tsr_bytes text = {0};
    tsr_manual_seed(0);
    if (tsr_gpt_preset(j->config, &c) != TSR_OK) return false;
    c.vocab_size = c.n_codes; /* no ids beside the codes */
    if (tsr_gpt_config_write(&c, &text) != TSR_OK || !hold_module(j, tsr_gpt_new(&c), "gpt", &text)) return false;
    tsr_module_train(gpt_of(j), false);
    return hold_codes(j, 0, TSR_SHAPE(batch_of(j), TOKENS), c.n_codes) &&
           hold_codes(j, 1, TSR_SHAPE(batch_of(j), 1), 1) && hold_codes(j, 2, TSR_SHAPE(1, CHECKED_TOKENS), c.n_codes);
}

static bool gpt_sample_setup(job *j) { return gpt_setup(j) && hold_codes(j, 3, TSR_SHAPE(j->n[0], 1), 1); }
static tsr_tensor *gpt_logits(job *j) { return tsr_gpt_logits(gpt_of(j), j->t[2]); }

static tsr_tensor *gpt_sample(job *j)
{
    return tsr_gpt_sample(gpt_of(j), j->t[3], TOKENS, &(tsr_gpt_sampling){.top_k = 100, .top_p = 0.95});
}

static bool gpt_train_setup(job *j)
{
    if (!gpt_setup(j)) return false;
    model_state *s = j->state;
    tsr_module_train(s->module, true);
    s->gpt_trainer = tsr_gpt_trainer_new(s->module, &(tsr_gpt_train_options){.lr = 1e-4});
    return s->gpt_trainer != NULL;
}

static tsr_tensor *gpt_train(job *j)
{
    tsr_gpt_terms terms;
    model_state *s = j->state;
    if (tsr_gpt_trainer_step(s->gpt_trainer, j->t[0], j->t[1], &terms) != TSR_OK) return NULL;
    return tsr_from_data(&terms.loss, TSR_SHAPE(1), TSR_F64);
}

const job_kind model_kinds[] = {
    {"vqgan.train", vqgan_train_setup, vqgan_train, drop_model, .grad = true},
    {"vqgan.encode", vqgan_setup, vqgan_encode, drop_model, .check = vqgan_features},
    {"vqgan.decode", vqgan_setup, vqgan_decode, .drop = drop_model},
    {"gpt.train", gpt_train_setup, gpt_train, drop_model, .grad = true},
    {"gpt.sample", gpt_sample_setup, gpt_sample, drop_model, .check = gpt_logits},
    {0},
};
