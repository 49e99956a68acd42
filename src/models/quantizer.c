/* quantizer.c: nearest codes, with the straight-through gradient (van den Oord et al. 2017), the codebook learned by
   gradient or by moving averages.

   The moving averages (same paper, appendix A.1) keep for each code how often it was used, N, and the sum of features that
   chose it, m; the code is m / N with N smoothed so that unused codes do not divide by zero. */
#include "tessera/autograd.h"
#include "vqgan_parts.h"

enum { DECAY_PERCENT = 99 };

typedef struct quantizer {
    int64_t codes, dim;
    double beta;
    bool legacy, ema;
} quantizer;

static bool add_codebook(tsr_module *m, const tsr_vqgan_config *c)
{
    tsr_module *e = tsr_module_add_child(m, "embedding", tsr_nn_embedding(c->n_embed, c->embed_dim));
    double bound = 1.0 / (double)c->n_embed;
    tsr_tensor *weight = tsr_module_tensor(e, "weight");
    return weight && tsr_init_uniform(weight, -bound, bound, NULL) == TSR_OK;
}

static bool add_averages(tsr_module *m, const tsr_vqgan_config *c)
{
    tsr_tensor *weight = tsr_module_tensor(m, "embedding.weight");
    tsr_mark mark = tsr_scope_open();
    bool ok = tsr_set_requires_grad(weight, false) == TSR_OK &&
              tsr_module_add_buffer(m, "cluster_size", tsr_ones(TSR_SHAPE(c->n_embed)), true) &&
              tsr_module_add_buffer(m, "embed_avg", tsr_clone(weight), true);
    tsr_scope_close(mark);
    return ok;
}

tsr_module *vqgan_quantizer(const tsr_vqgan_config *c)
{
    static const tsr_module_type type = {.name = "VectorQuantizer", .state_size = sizeof(quantizer)};
    tsr_module *m = tsr_module_new(&type);
    if (!m) return NULL;
    *(quantizer *)tsr_module_state(m) = (quantizer){
        .codes = c->n_embed, .dim = c->embed_dim, .beta = c->beta, .legacy = c->legacy, .ema = c->ema_codebook};
    return vqgan_finish(m, add_codebook(m, c) && (!c->ema_codebook || add_averages(m, c)));
}

tsr_tensor *quantizer_rows(tsr_tensor *z)
{
    if (!z) return NULL;
    int64_t dim = tsr_size(z, 1);
    return tsr_reshape(tsr_permute(z, TSR_DIMS(0, 2, 3, 1)), TSR_SHAPE(-1, dim));
}

tsr_tensor *quantizer_nearest(tsr_module *m, tsr_tensor *rows)
{
    return tsr_nearest_code(rows, tsr_module_tensor(m, "embedding.weight"));
}

tsr_tensor *quantizer_lookup(tsr_module *m, tsr_tensor *indices)
{
    tsr_tensor *codes = tsr_embedding(indices, tsr_module_tensor(m, "embedding.weight"));
    return tsr_permute(codes, TSR_DIMS(0, 3, 1, 2));
}

/* N <- g N + (1 - g) n, m <- g m + (1 - g) sum z, e = m / N~ with N~ = (N + eps) / (sum N + K eps) sum N. */
static bool update_averages(tsr_module *m, const quantizer *q, tsr_tensor *z, tsr_tensor *indices)
{
    const double keep = DECAY_PERCENT / 100.0, eps = 1e-5;
    tsr_tensor *size = tsr_module_tensor(m, "cluster_size"), *sums = tsr_module_tensor(m, "embed_avg");
    bool was = tsr_set_grad_enabled(false);
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *rows = quantizer_rows(tsr_detach(z)), *nearest = tsr_flatten(indices);
    tsr_dtype dtype = tsr_dtype_of(rows);
    tsr_tensor *n = tsr_to(tsr_bincount(nearest, .minlength = q->codes), dtype);
    tsr_tensor *s = tsr_index_add(tsr_zeros(TSR_SHAPE(q->codes, q->dim), .dtype = dtype), 0, nearest, rows);
    tsr_lerp_(size, n, tsr_scalar(1 - keep));
    tsr_lerp_(sums, s, tsr_scalar(1 - keep));
    tsr_tensor *total = tsr_sum(size);
    tsr_tensor *smooth = tsr_div(tsr_add(size, tsr_scalar(eps)), tsr_add(total, tsr_scalar((double)q->codes * eps)));
    tsr_tensor *count = tsr_unsqueeze(tsr_mul(smooth, total), 1);
    bool ok = tsr_copy_(tsr_module_tensor(m, "embedding.weight"), tsr_div(sums, count)) != NULL;
    tsr_scope_close(mark);
    tsr_set_grad_enabled(was);
    return ok;
}

static tsr_tensor *quantizer_loss(const quantizer *q, tsr_tensor *z, tsr_tensor *e)
{
    tsr_tensor *commitment = tsr_mse_loss(z, tsr_detach(e));
    if (q->ema) return tsr_mul(commitment, tsr_scalar(q->beta));
    tsr_tensor *codebook = tsr_mse_loss(e, tsr_detach(z));
    if (q->legacy) return tsr_add(commitment, codebook, .alpha = TSR_FLOAT(q->beta));
    return tsr_add(codebook, commitment, .alpha = TSR_FLOAT(q->beta));
}

tsr_quantized quantizer_forward(tsr_module *m, tsr_tensor *z)
{
    const quantizer *q = tsr_module_state(m);
    tsr_quantized r = {0};
    if (!z) return r;
    tsr_tensor *rows = quantizer_rows(tsr_detach(z)), *nearest = quantizer_nearest(m, rows);
    tsr_tensor *indices = nearest ? tsr_reshape(nearest, TSR_SHAPE(tsr_size(z, 0), tsr_size(z, 2), tsr_size(z, 3)))
                                  : NULL;
    tsr_tensor *e = quantizer_lookup(m, indices), *loss = quantizer_loss(q, z, e);
    tsr_tensor *quantized = tsr_add(z, tsr_detach(tsr_sub(e, z)));
    return loss && quantized ? (tsr_quantized){quantized, loss, indices} : r;
}

bool quantizer_learn(tsr_module *m, tsr_tensor *z, tsr_tensor *indices)
{
    const quantizer *q = tsr_module_state(m);
    if (!q->ema || !tsr_module_is_training(m)) return true;
    return update_averages(m, q, z, indices);
}
