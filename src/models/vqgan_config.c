/* vqgan_config.c: configurations of VQGAN: presets, JSON, checks. */
#include <math.h>

#include "config_json.h"
#include "tessera/vqgan.h"

#define FIELD(name, kind) CONFIG_FIELD(tsr_vqgan_config, name, kind)

static const config_field fields[] = {
    FIELD(ch, CONFIG_INT),
    FIELD(ch_mult, CONFIG_INTS),
    FIELD(num_res_blocks, CONFIG_INT),
    FIELD(attn_resolutions, CONFIG_INTS),
    FIELD(resolution, CONFIG_INT),
    FIELD(z_channels, CONFIG_INT),
    FIELD(embed_dim, CONFIG_INT),
    FIELD(n_embed, CONFIG_INT),
    FIELD(in_channels, CONFIG_INT),
    FIELD(out_ch, CONFIG_INT),
    FIELD(beta, CONFIG_FLOAT),
    FIELD(legacy, CONFIG_BOOL),
    FIELD(dropout, CONFIG_FLOAT),
    FIELD(ema_codebook, CONFIG_BOOL),
    FIELD(disc, CONFIG_OBJECT),
    {"n_layers", CONFIG_INT, offsetof(tsr_vqgan_config, disc_n_layers), "disc"},
    {"ndf", CONFIG_INT, offsetof(tsr_vqgan_config, disc_ndf), "disc"},
};

static const char *const names[] = {"tiny", "small", "f16-imagenet", NULL};

static const tsr_vqgan_config presets[] = {
    {.ch = 32,
     .ch_mult = {{1, 2, 2}, 3},
     .num_res_blocks = 1,
     .attn_resolutions = {{16}, 1},
     .resolution = 64,
     .z_channels = 64,
     .embed_dim = 64,
     .n_embed = 256,
     .in_channels = 3,
     .out_ch = 3,
     .beta = 0.25,
     .legacy = true,
     .disc = true,
     .disc_n_layers = 2,
     .disc_ndf = 64},
    {.ch = 64,
     .ch_mult = {{1, 1, 2, 2}, 4},
     .num_res_blocks = 2,
     .attn_resolutions = {{8}, 1},
     .resolution = 64,
     .z_channels = 128,
     .embed_dim = 128,
     .n_embed = 1024,
     .in_channels = 3,
     .out_ch = 3,
     .beta = 0.25,
     .legacy = true,
     .disc = true,
     .disc_n_layers = 3,
     .disc_ndf = 64},
    {.ch = 128,
     .ch_mult = {{1, 1, 2, 2, 4}, 5},
     .num_res_blocks = 2,
     .attn_resolutions = {{16}, 1},
     .resolution = 256,
     .z_channels = 256,
     .embed_dim = 256,
     .n_embed = 16384,
     .in_channels = 3,
     .out_ch = 3,
     .beta = 0.25,
     .legacy = true,
     .disc = true,
     .disc_n_layers = 2,
     .disc_ndf = 64},
};

static const config_type type = {"VQGAN", sizeof(tsr_vqgan_config), fields, sizeof fields / sizeof *fields, names,
                                 presets};

const char *const *tsr_vqgan_presets(void) { return names; }
tsr_status tsr_vqgan_preset(const char *name, tsr_vqgan_config *out) { return config_preset(&type, name, out); }
tsr_status tsr_vqgan_config_read(const char *json, tsr_vqgan_config *c) { return config_read(&type, json, c); }
tsr_status tsr_vqgan_config_write(const tsr_vqgan_config *c, tsr_bytes *out) { return config_write(&type, c, out); }

int64_t tsr_vqgan_downsampling(const tsr_vqgan_config *c)
{
    return c->ch_mult.n > 0 ? (int64_t)1 << (c->ch_mult.n - 1) : 1;
}

static tsr_status refuse(const char *field, int64_t value, const char *must)
{
    return config_refuse(&type, field, value, must);
}

enum {
    MOST_CHANNELS = 65536, /* products of a few of them do not overflow */
    MOST_BLOCKS = 1024     /* a typing error should not fill the memory */
};

static bool within(int64_t channels, int64_t least) { return channels >= least && channels <= MOST_CHANNELS; }

static tsr_status check_widths(const tsr_vqgan_config *c)
{
    if (c->ch_mult.n < 1) return refuse("the length of ch_mult", c->ch_mult.n, "be at least 1");
    if (c->ch < 32 || c->ch % 32 != 0 || c->ch > MOST_CHANNELS)
        return refuse("ch", c->ch, "be a multiple of 32 (group norm has 32 groups), at most 65536");
    for (int i = 0; i < c->ch_mult.n; i++)
        if (c->ch_mult.v[i] < 1 || c->ch_mult.v[i] > 1024)
            return refuse("an entry of ch_mult", c->ch_mult.v[i], "be 1 to 1024");
    int64_t f = tsr_vqgan_downsampling(c);
    if (c->resolution < f || c->resolution % f != 0)
        return tsr_fail(TSR_EINVAL,
                        "VQGAN configuration: resolution %lld is not divisible by %lld, the down-sampling of %d levels",
                        (long long)c->resolution, (long long)f, c->ch_mult.n);
    return TSR_OK;
}

tsr_status tsr_vqgan_config_check(const tsr_vqgan_config *c)
{
    tsr_status status = check_widths(c);
    if (status != TSR_OK) return status;
    if (c->num_res_blocks < 1 || c->num_res_blocks > MOST_BLOCKS)
        return refuse("num_res_blocks", c->num_res_blocks, "be 1 to 1024");
    if (!within(c->z_channels, 1)) return refuse("z_channels", c->z_channels, "be 1 to 65536");
    if (!within(c->embed_dim, 1)) return refuse("embed_dim", c->embed_dim, "be 1 to 65536");
    if (c->n_embed < 1) return refuse("n_embed", c->n_embed, "be positive");
    if (!within(c->in_channels, 0)) return refuse("in_channels", c->in_channels, "be 0 to 65536");
    if (!within(c->out_ch, 0)) return refuse("out_ch", c->out_ch, "be 0 to 65536");
    if (!(c->beta >= 0) || isinf(c->beta))
        return tsr_fail(TSR_EINVAL, "VQGAN configuration: beta is %g, it must be a number from 0", c->beta);
    if (c->disc && (c->disc_n_layers < 0 || c->disc_n_layers > 8))
        return refuse("disc.n_layers", c->disc_n_layers, "be 0 (3) to 8");
    if (c->disc && !within(c->disc_ndf, 0)) return refuse("disc.ndf", c->disc_ndf, "be 0 to 65536");
    return config_check_probability(&type, "dropout", c->dropout);
}
