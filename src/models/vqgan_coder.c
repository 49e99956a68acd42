/* vqgan_coder.c: encoder and decoder.

   Both are a row of levels, one a resolution: residual blocks, attention after each where the configuration says so, and
   the way to the next resolution. The decoder's levels are named by resolution (up.0 is the largest) and run from the
   last to the first. */
#include <stdio.h>

#include "vqgan_parts.h"

/* ---- a level ------------------------------------------------------------------------------------------------------ */

typedef struct level {
    tsr_module *block, *attn; /* module lists; attn may be NULL */
    tsr_module *resample;     /* or NULL */
} level;

static tsr_tensor *level_forward(tsr_module *m, tsr_tensor *x)
{
    level *l = tsr_module_state(m);
    tsr_keep(x);
    for (int64_t j = 0; x && j < tsr_module_child_count(l->block); j++) {
        x = tsr_forward_owned(tsr_module_child_at(l->block, j), x);
        if (x && l->attn) x = tsr_forward_owned(tsr_module_child_at(l->attn, j), x);
    }
    return tsr_scope_adopt(x && l->resample ? tsr_forward_owned(l->resample, x) : x);
}

typedef struct level_plan {
    int64_t in, out, blocks;
    bool attention;
    const char *resample; /* "downsample", "upsample" or NULL */
    double dropout;
} level_plan;

static bool fill_level(tsr_module *m, const level_plan *p)
{
    level *l = tsr_module_state(m);
    l->block = tsr_module_add_child(m, "block", tsr_nn_module_list());
    bool ok = l->block != NULL;
    for (int64_t j = 0; ok && j < p->blocks; j++)
        ok = tsr_module_append(l->block, vqgan_res_block(j == 0 ? p->in : p->out, p->out, p->dropout)) != NULL;
    if (ok && p->attention) ok = (l->attn = tsr_module_add_child(m, "attn", tsr_nn_module_list())) != NULL;
    for (int64_t j = 0; ok && l->attn && j < p->blocks; j++)
        ok = tsr_module_append(l->attn, vqgan_attn_block(p->out)) != NULL;
    if (!ok || !p->resample) return ok;
    tsr_module *way = p->resample[0] == 'd' ? vqgan_downsample(p->out) : vqgan_upsample(p->out);
    return (l->resample = tsr_module_add_child(m, p->resample, way)) != NULL;
}

static tsr_module *new_level(const level_plan *p)
{
    static const tsr_module_type type = {.name = "Level", .state_size = sizeof(level), .forward = level_forward};
    tsr_module *m = tsr_module_new(&type);
    return vqgan_finish(m, m && fill_level(m, p));
}

static bool has_attention(const tsr_vqgan_config *c, int64_t resolution)
{
    for (int i = 0; i < c->attn_resolutions.n; i++)
        if (c->attn_resolutions.v[i] == resolution) return true;
    return false;
}

/* ---- encoder and decoder ---------------------------------------------------------------------------------------------- */

typedef struct coder {
    tsr_module *conv_in, *levels, *mid, *norm_out, *conv_out;
    bool decodes;
} coder;

static tsr_tensor *coder_forward(tsr_module *m, tsr_tensor *x)
{
    coder *c = tsr_module_state(m);
    int64_t n = tsr_module_child_count(c->levels);
    x = tsr_keep(tsr_forward(c->conv_in, x));
    if (x && c->decodes) x = tsr_forward_owned(c->mid, x);
    for (int64_t i = 0; x && i < n; i++)
        x = tsr_forward_owned(tsr_module_child_at(c->levels, c->decodes ? n - 1 - i : i), x);
    if (x && !c->decodes) x = tsr_forward_owned(c->mid, x);
    x = tsr_scope_adopt(x);
    return x ? tsr_forward(c->conv_out, vqgan_norm_act(c->norm_out, x)) : NULL;
}

/* The decoder's list is filled from the largest resolution on, but was initialised in that order by PyTorch too. */
static bool add_levels(tsr_module *list, const tsr_vqgan_config *c, bool decodes)
{
    int n = c->ch_mult.n;
    bool ok = true;
    for (int i = 0; ok && i < n; i++) {
        int64_t here = c->ch * c->ch_mult.v[i], finer = i > 0 ? c->ch * c->ch_mult.v[i - 1] : c->ch;
        int64_t coarser = c->ch * c->ch_mult.v[i + 1 < n ? i + 1 : n - 1];
        level_plan p = {.in = decodes ? coarser : finer,
                        .out = here,
                        .blocks = c->num_res_blocks + decodes,
                        .attention = has_attention(c, c->resolution >> i),
                        .dropout = c->dropout};
        if (decodes && i > 0) p.resample = "upsample";
        if (!decodes && i < n - 1) p.resample = "downsample";
        ok = tsr_module_append(list, new_level(&p)) != NULL;
    }
    return ok;
}

static tsr_module *new_coder(const tsr_module_type *type, const tsr_vqgan_config *c, bool decodes)
{
    tsr_module *m = tsr_module_new(type);
    if (!m) return NULL;
    coder *k = tsr_module_state(m);
    int64_t first = c->ch * c->ch_mult.v[0], last = c->ch * c->ch_mult.v[c->ch_mult.n - 1];
    int64_t pictures = c->in_channels ? c->in_channels : 3;
    k->decodes = decodes;
    k->conv_in = tsr_module_add_child(m, "conv_in",
                                      decodes ? vqgan_conv3(c->z_channels, last) : vqgan_conv3(pictures, c->ch));
    if (decodes) k->mid = tsr_module_add_child(m, "mid", vqgan_middle(last, c->dropout));
    k->levels = tsr_module_add_child(m, decodes ? "up" : "down", tsr_nn_module_list());
    bool ok = k->levels && add_levels(k->levels, c, decodes);
    if (!decodes) k->mid = tsr_module_add_child(m, "mid", vqgan_middle(last, c->dropout));
    k->norm_out = tsr_module_add_child(m, "norm_out", vqgan_norm(decodes ? first : last));
    int64_t out = decodes ? (c->out_ch ? c->out_ch : pictures) : c->z_channels;
    k->conv_out = tsr_module_add_child(m, "conv_out", vqgan_conv3(decodes ? first : last, out));
    return vqgan_finish(m, ok && k->conv_in && k->mid && k->norm_out && k->conv_out);
}

tsr_module *vqgan_encoder(const tsr_vqgan_config *c)
{
    static const tsr_module_type type = {.name = "Encoder", .state_size = sizeof(coder), .forward = coder_forward};
    return new_coder(&type, c, false);
}

tsr_module *vqgan_decoder(const tsr_vqgan_config *c)
{
    static const tsr_module_type type = {.name = "Decoder", .state_size = sizeof(coder), .forward = coder_forward};
    return new_coder(&type, c, true);
}
