/* codebook.c: k-means start (Lancucki et al. 2020) and revival of dead codes (Dhariwal et al. 2020, "Jukebox", section 3.1:
   codes whose averaged use falls below a threshold restart from a random feature of the batch). */
#include "codebook.h"

#include "tessera/autograd.h"
#include "vqgan_parts.h"

/* ---- rows chosen at random ------------------------------------------------------------------------------------------ */

static int64_t random_below(int64_t n, tsr_generator *g)
{
    int64_t i = (int64_t)(tsr_random_uniform(g) * (double)n);
    return i < n ? i : n - 1;
}

/* i64 [count] of rows in [0, n): without repetition while there are enough. */
static tsr_tensor *random_rows(int64_t count, int64_t n, tsr_generator *g)
{
    if (count <= n) return tsr_narrow(tsr_randperm(n, .generator = g), 0, 0, count);
    tsr_tensor *t = tsr_empty(TSR_SHAPE(count), .dtype = TSR_I64);
    int64_t *v = t ? tsr_data(t) : NULL;
    for (int64_t i = 0; v && i < count; i++) v[i] = random_below(n, g);
    return t;
}

/* ---- k-means ------------------------------------------------------------------------------------------------------------ */

/* One iteration of Lloyd's algorithm; codes that no row chose stay where they are. */
static bool lloyd(tsr_tensor *codes, tsr_tensor *rows)
{
    int64_t k = tsr_size(codes, 0);
    tsr_dtype dtype = tsr_dtype_of(rows);
    tsr_mark m = tsr_scope_open();
    tsr_tensor *nearest = tsr_nearest_code(rows, codes);
    tsr_tensor *count = tsr_unsqueeze(tsr_to(tsr_bincount(nearest, .minlength = k), dtype), 1);
    tsr_tensor *sums = tsr_index_add(tsr_zeros(tsr_shape_of(codes), .dtype = dtype), 0, nearest, rows);
    tsr_tensor *used = tsr_gt(count, tsr_scalar(0));
    tsr_tensor *means = tsr_div(sums, tsr_clamp(count, .min = TSR_FLOAT(1)));
    bool ok = tsr_copy_(codes, tsr_where(used, means, codes)) != NULL;
    tsr_scope_close(m);
    return ok;
}

static bool reset_averages(tsr_module *vqgan, tsr_tensor *codes)
{
    tsr_tensor *size = tsr_module_tensor(vqgan, "quantize.cluster_size"),
               *sums = tsr_module_tensor(vqgan, "quantize.embed_avg");
    return !size || (tsr_fill_(size, tsr_scalar(1)) && tsr_copy_(sums, codes));
}

tsr_status tsr_vqgan_init_codebook(tsr_module *vqgan, tsr_tensor *features, int64_t iterations, tsr_generator *g)
{
    tsr_tensor *codes = tsr_module_tensor(vqgan, "quantize.embedding.weight");
    if (!codes || !features) return tsr_fail(TSR_EINVAL, "init_codebook: a VQGAN and its features are needed");
    tsr_mark m = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *rows = quantizer_rows(features);
    tsr_tensor *chosen = rows ? random_rows(tsr_size(codes, 0), tsr_size(rows, 0), g) : NULL;
    bool ok = tsr_copy_(codes, tsr_index_select(rows, 0, chosen)) != NULL;
    for (int64_t i = 0; ok && i < iterations; i++) ok = lloyd(codes, rows);
    ok = ok && reset_averages(vqgan, codes);
    tsr_set_grad_enabled(was);
    tsr_scope_close(m);
    return ok ? TSR_OK : tsr_error_status();
}

/* ---- revival ----------------------------------------------------------------------------------------------------------------- */

enum { KEEP_PERCENT = 95 }; /* decay of the averaged use */

static bool replace_where(tsr_tensor *t, tsr_tensor *mask, tsr_tensor *value)
{
    return !t || tsr_copy_(t, tsr_where(mask, value, t)) != NULL;
}

static bool revive(tsr_module *vqgan, tsr_tensor *usage, tsr_tensor *average, tsr_tensor *rows, tsr_tensor *dead)
{
    tsr_tensor *codes = tsr_module_tensor(vqgan, "quantize.embedding.weight");
    tsr_tensor *fresh = tsr_index_select(rows, 0, random_rows(tsr_size(codes, 0), tsr_size(rows, 0), NULL));
    tsr_tensor *column = tsr_unsqueeze(dead, 1), *one = tsr_ones_like(usage);
    return replace_where(codes, column, fresh) && replace_where(average, column, fresh) &&
           replace_where(tsr_module_tensor(vqgan, "quantize.embed_avg"), column, fresh) &&
           replace_where(tsr_module_tensor(vqgan, "quantize.cluster_size"), dead, one) &&
           replace_where(usage, dead, one);
}

tsr_status codebook_revive(tsr_module *vqgan, tsr_tensor *usage, tsr_tensor *average, tsr_tensor *features,
                           tsr_tensor *indices, double threshold)
{
    tsr_mark m = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *uses = tsr_bincount(tsr_flatten(indices), .minlength = tsr_numel(usage));
    bool ok = tsr_lerp_(usage, tsr_to(uses, TSR_F32), tsr_scalar(1 - KEEP_PERCENT / 100.0)) != NULL;
    tsr_tensor *dead = ok ? tsr_lt(usage, tsr_scalar(threshold)) : NULL;
    ok = dead &&
         (!tsr_item_int(tsr_any(dead)) || revive(vqgan, usage, average, quantizer_rows(tsr_detach(features)), dead));
    tsr_set_grad_enabled(was);
    tsr_scope_close(m);
    return ok ? TSR_OK : tsr_error_status();
}
