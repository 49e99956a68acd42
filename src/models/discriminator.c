/* discriminator.c: PatchGAN (Isola et al. 2017) as taming-transformers builds it: n_layers convolutions of stride 2, one of
   stride 1, then one logit for each patch. Inner convolutions have no bias, since batch norm follows. */
#include "tessera/vqgan.h"

enum { MAX_LAYERS = 8 };

static int64_t width(int64_t ndf, int64_t n) { return ndf * (n < 3 ? (int64_t)1 << n : 8); }

static tsr_module *conv4(int64_t in, int64_t out, int64_t stride, bool bias)
{
    tsr_module *m = tsr_nn_conv2d(.in_channels = in, .out_channels = out, .kernel_size = {4}, .stride = {stride},
                                  .padding = {1, 1}, .no_bias = !bias);
    if (m && tsr_init_normal(tsr_module_tensor(m, "weight"), 0, 0.02, NULL) == TSR_OK) return m;
    tsr_module_free(m);
    return NULL;
}

static tsr_module *batch_norm(int64_t channels)
{
    tsr_module *m = tsr_nn_batch_norm(channels, 0, 0);
    if (m && tsr_init_normal(tsr_module_tensor(m, "weight"), 1, 0.02, NULL) == TSR_OK) return m;
    tsr_module_free(m);
    return NULL;
}

static tsr_tensor *discriminator_forward(tsr_module *m, tsr_tensor *x)
{
    return tsr_forward(tsr_module_child_at(m, 0), x);
}

tsr_module *tsr_discriminator_new(int64_t in_channels, int64_t ndf, int64_t n_layers)
{
    static const tsr_module_type type = {.name = "NLayerDiscriminator", .forward = discriminator_forward};
    tsr_module *layers[3 * MAX_LAYERS + 3];
    int64_t n = 0;
    if (ndf < 1 || ndf > 65536 || n_layers < 1 || n_layers > MAX_LAYERS) {
        tsr_fail(TSR_EINVAL, "discriminator: ndf %lld, %lld layers (1 to %d)", (long long)ndf, (long long)n_layers,
                 MAX_LAYERS);
        return NULL;
    }
    layers[n++] = conv4(in_channels, ndf, 2, true);
    layers[n++] = tsr_nn_leaky_relu(0.2);
    for (int64_t i = 1; i <= n_layers; i++) {
        layers[n++] = conv4(width(ndf, i - 1), width(ndf, i), i < n_layers ? 2 : 1, false);
        layers[n++] = batch_norm(width(ndf, i));
        layers[n++] = tsr_nn_leaky_relu(0.2);
    }
    layers[n++] = conv4(width(ndf, n_layers), 1, 1, true);
    tsr_module *m = tsr_module_new(&type), *main_layers = tsr_nn_sequential(layers, n);
    if (m && tsr_module_add_child(m, "main", main_layers)) return m;
    if (!m) tsr_module_free(main_layers);
    tsr_module_free(m);
    return NULL;
}
