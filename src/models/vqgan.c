/* vqgan.c: the model: encoder, quantizer, decoder, and the discriminator it is trained with. */
#include <math.h>

#include "tessera/autograd.h"
#include "vqgan_parts.h"

typedef struct vqgan {
    tsr_vqgan_config config;
    tsr_module *encoder, *decoder, *quantize, *quant_conv, *post_quant_conv;
} vqgan;

static tsr_tensor *vqgan_forward(tsr_module *m, tsr_tensor *x)
{
    tsr_quantized q = tsr_vqgan_quantize(m, tsr_vqgan_features(m, x));
    return tsr_vqgan_decode(m, q.quantized);
}

static const tsr_module_type vqgan_type = {.name = "VQGAN", .state_size = sizeof(vqgan), .forward = vqgan_forward};

/* loss.discriminator, where taming-transformers keeps it. */
static bool add_discriminator(tsr_module *m, const tsr_vqgan_config *c)
{
    static const tsr_module_type type = {.name = "Loss"};
    tsr_module *loss = tsr_module_add_child(m, "loss", tsr_module_new(&type));
    return loss && tsr_module_add_child(loss, "discriminator",
                                        tsr_discriminator_new(c->out_ch, c->disc_ndf, c->disc_n_layers)) != NULL;
}

static tsr_vqgan_config complete(const tsr_vqgan_config *config)
{
    tsr_vqgan_config c = *config;
    if (c.in_channels == 0) c.in_channels = 3;
    if (c.out_ch == 0) c.out_ch = c.in_channels;
    c.beta = tsr_or_default(c.beta, 0.25);
    if (c.disc && c.disc_n_layers == 0) c.disc_n_layers = 3;
    if (c.disc && c.disc_ndf == 0) c.disc_ndf = 64;
    return c;
}

tsr_module *tsr_vqgan_new(const tsr_vqgan_config *config)
{
    if (tsr_vqgan_config_check(config) != TSR_OK) return NULL;
    tsr_module *m = tsr_module_new(&vqgan_type);
    if (!m) return NULL;
    vqgan *v = tsr_module_state(m);
    v->config = complete(config);
    const tsr_vqgan_config *c = &v->config;
    v->encoder = tsr_module_add_child(m, "encoder", vqgan_encoder(c));
    v->decoder = tsr_module_add_child(m, "decoder", vqgan_decoder(c));
    bool ok = !c->disc || add_discriminator(m, c);
    v->quantize = tsr_module_add_child(m, "quantize", vqgan_quantizer(c));
    v->quant_conv = tsr_module_add_child(m, "quant_conv", vqgan_conv1(c->z_channels, c->embed_dim));
    v->post_quant_conv = tsr_module_add_child(m, "post_quant_conv", vqgan_conv1(c->embed_dim, c->z_channels));
    return vqgan_finish(m, ok && v->encoder && v->decoder && v->quantize && v->quant_conv && v->post_quant_conv);
}

static vqgan *state_of(tsr_module *m)
{
    if (m && tsr_module_type_of(m) == &vqgan_type) return tsr_module_state(m);
    tsr_fail(TSR_EINVAL, "a VQGAN is needed, this is %s", m ? tsr_module_type_of(m)->name : "NULL");
    return NULL;
}

const tsr_vqgan_config *tsr_vqgan_get_config(tsr_module *m)
{
    vqgan *v = state_of(m);
    return v ? &v->config : NULL;
}

/* [N, in_channels, H, W] with H and W divisible by the down-sampling. */
static bool check_pictures(const vqgan *v, const tsr_tensor *x)
{
    tsr_shape s = tsr_shape_of(x);
    int64_t f = tsr_vqgan_downsampling(&v->config);
    if (s.n != 4 || s.v[1] != v->config.in_channels) {
        tsr_fail(TSR_EINVAL, "VQGAN: pictures must be [N, %lld, H, W], these have %d dimensions and %lld channels",
                 (long long)v->config.in_channels, s.n, s.n > 1 ? (long long)s.v[1] : 0LL);
        return false;
    }
    if (s.v[2] > 0 && s.v[3] > 0 && s.v[2] % f == 0 && s.v[3] % f == 0) return true;
    tsr_fail(TSR_EINVAL, "VQGAN: a picture of %lld x %lld pixels is not divisible by %lld, the model's down-sampling",
             (long long)s.v[2], (long long)s.v[3], (long long)f);
    return false;
}

tsr_tensor *tsr_vqgan_features(tsr_module *m, tsr_tensor *pictures)
{
    vqgan *v = state_of(m);
    if (!v || !pictures || !check_pictures(v, pictures)) return NULL;
    tsr_mark mark = tsr_scope_open();
    return tsr_scope_return(mark, tsr_forward(v->quant_conv, tsr_forward(v->encoder, pictures)));
}

tsr_quantized vqgan_nearest_codes(tsr_module *m, tsr_tensor *features)
{
    vqgan *v = state_of(m);
    if (!v || !features) return (tsr_quantized){0};
    tsr_mark mark = tsr_scope_open();
    tsr_quantized q = quantizer_forward(v->quantize, features);
    tsr_tensor *out[3] = {q.quantized, q.loss, q.indices};
    tsr_scope_return_many(mark, out, 3);
    return (tsr_quantized){out[0], out[1], out[2]};
}

/* No batch may poison the codes. */
tsr_quantized tsr_vqgan_quantize(tsr_module *m, tsr_tensor *features)
{
    tsr_quantized q = vqgan_nearest_codes(m, features);
    if (!q.loss || !isfinite(tsr_item(q.loss))) return q;
    vqgan *v = state_of(m);
    return quantizer_learn(v->quantize, features, q.indices) ? q : (tsr_quantized){0};
}

tsr_tensor *tsr_vqgan_decode(tsr_module *m, tsr_tensor *quantized)
{
    vqgan *v = state_of(m);
    if (!v || !quantized) return NULL;
    tsr_mark mark = tsr_scope_open();
    return tsr_scope_return(mark, tsr_forward(v->decoder, tsr_forward(v->post_quant_conv, quantized)));
}

tsr_tensor *tsr_vqgan_encode(tsr_module *m, tsr_tensor *pictures)
{
    vqgan *v = state_of(m);
    if (!v) return NULL;
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *z = tsr_vqgan_features(m, pictures);
    tsr_tensor *nearest = z ? quantizer_nearest(v->quantize, quantizer_rows(z)) : NULL;
    tsr_shape s = tsr_shape_of(z);
    return tsr_scope_return(mark, nearest ? tsr_reshape(nearest, TSR_SHAPE(s.v[0], s.v[2], s.v[3])) : NULL);
}

static bool check_codes(const vqgan *v, tsr_tensor *indices)
{
    if (tsr_dtype_of(indices) != TSR_I64 || tsr_ndim(indices) != 3 || tsr_numel(indices) == 0) {
        tsr_fail(TSR_EINVAL, "VQGAN: codes must be an i64 tensor [N, h, w], this is %s with %d dimensions",
                 tsr_dtype_name(tsr_dtype_of(indices)), tsr_ndim(indices));
        return false;
    }
    tsr_mark mark = tsr_scope_open();
    int64_t low = tsr_item_int(tsr_amin(indices)), high = tsr_item_int(tsr_amax(indices));
    tsr_scope_close(mark);
    if (low >= 0 && high < v->config.n_embed) return tsr_error_status() == TSR_OK;
    tsr_fail(TSR_EINVAL, "VQGAN: codes from %lld to %lld, the codebook has 0 to %lld", (long long)low, (long long)high,
             (long long)v->config.n_embed - 1);
    return false;
}

tsr_tensor *tsr_vqgan_decode_indices(tsr_module *m, tsr_tensor *indices)
{
    vqgan *v = state_of(m);
    if (!v || !indices || !check_codes(v, indices)) return NULL;
    tsr_mark mark = tsr_scope_open();
    return tsr_scope_return(mark, tsr_vqgan_decode(m, quantizer_lookup(v->quantize, indices)));
}
