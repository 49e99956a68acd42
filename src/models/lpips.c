/* lpips.c: the learned perceptual distance of Zhang et al. 2018 on VGG16's features (Simonyan and Zisserman 2015).

   Weights are the user's: a Lightning checkpoint of VQGAN holds them (loss.perceptual_loss.*), as do torchvision's VGG16
   (features.*) and the lpips package's linear layers (lin*) when put into one file. Names are recognised by their ends. */
#include <stdio.h>
#include <string.h>

#include "tessera/autograd.h"
#include "tessera/vqgan.h"

enum { SLICES = 5, MAX_CONVS = 3 };

/* VGG16's convolutions by slice: their numbers among torchvision's layers, -1 for none. Slices after the first start with
   a max pooling; a ReLU follows each convolution. */
static const int conv_index[SLICES][MAX_CONVS] = {{0, 2, -1}, {5, 7, -1}, {10, 12, 14}, {17, 19, 21}, {24, 26, 28}};
static const int slice_width[SLICES] = {64, 128, 256, 512, 512};

typedef struct lpips {
    tsr_tensor *weight[SLICES][MAX_CONVS], *bias[SLICES][MAX_CONVS], *linear[SLICES]; /* the module's buffers */
    tsr_tensor *shift, *scale;                                                        /* [1, 3, 1, 1] */
} lpips;

/* ---- finding weights ---------------------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end) && (n == m || name[n - m - 1] == '.');
}

static int64_t find_by_end(const tsr_archive *a, const char *end)
{
    tsr_entry entry;
    for (int64_t i = 0; tsr_archive_entry(a, i, &entry); i++)
        if (ends_with(entry.name, end)) return i;
    return -1;
}

/* The tensor under the first of two names, as a buffer of the module. */
static tsr_tensor *take(tsr_module *m, tsr_archive *a, const char *path, const char *buffer, const char *first,
                        const char *second, tsr_shape shape)
{
    int64_t i = find_by_end(a, first);
    if (i < 0) i = find_by_end(a, second);
    if (i < 0) {
        tsr_fail(TSR_EFORMAT, "%s: no '...%s' (or '...%s'): not a file with LPIPS weights", path, first, second);
        return NULL;
    }
    tsr_tensor *t = tsr_archive_get(a, i);
    if (!t) return NULL;
    if (!tsr_shape_equal(tsr_shape_of(t), shape)) {
        tsr_fail(TSR_EFORMAT, "%s: '...%s' does not have the size it has in VGG16 and LPIPS", path, first);
        return NULL;
    }
    return tsr_module_add_buffer(m, buffer, tsr_to(t, TSR_F32), false);
}

static bool take_conv(tsr_module *m, tsr_archive *a, const char *path, int slice, int k)
{
    lpips *l = tsr_module_state(m);
    char first[48], second[48], buffer[48];
    int i = conv_index[slice][k], out = slice_width[slice];
    int in = k > 0 ? out : slice > 0 ? slice_width[slice - 1] : 3;
    snprintf(first, sizeof first, "slice%d.%d.weight", slice + 1, i);
    snprintf(second, sizeof second, "features.%d.weight", i);
    snprintf(buffer, sizeof buffer, "weight%d", i);
    l->weight[slice][k] = take(m, a, path, buffer, first, second, TSR_SHAPE(out, in, 3, 3));
    snprintf(first, sizeof first, "slice%d.%d.bias", slice + 1, i);
    snprintf(second, sizeof second, "features.%d.bias", i);
    snprintf(buffer, sizeof buffer, "bias%d", i);
    l->bias[slice][k] = l->weight[slice][k] ? take(m, a, path, buffer, first, second, TSR_SHAPE(out)) : NULL;
    return l->bias[slice][k];
}

static bool take_all(tsr_module *m, tsr_archive *a, const char *path)
{
    static const float shift[] = {-.030f, -.088f, -.188f}, scale[] = {.458f, .448f, .450f};
    lpips *l = tsr_module_state(m);
    bool ok = true;
    for (int s = 0; ok && s < SLICES; s++) {
        char name[32], short_name[32], buffer[32];
        for (int k = 0; ok && k < MAX_CONVS; k++)
            if (conv_index[s][k] >= 0) ok = take_conv(m, a, path, s, k);
        snprintf(name, sizeof name, "lin%d.model.1.weight", s);
        snprintf(short_name, sizeof short_name, "lins.%d.model.1.weight", s);
        snprintf(buffer, sizeof buffer, "linear%d", s);
        ok = ok && (l->linear[s] = take(m, a, path, buffer, name, short_name, TSR_SHAPE(1, slice_width[s], 1, 1)));
    }
    ok = ok &&
         (l->shift = tsr_module_add_buffer(m, "shift", tsr_from_data(shift, TSR_SHAPE(1, 3, 1, 1), TSR_F32), false));
    return ok &&
           (l->scale = tsr_module_add_buffer(m, "scale", tsr_from_data(scale, TSR_SHAPE(1, 3, 1, 1), TSR_F32), false));
}

static const tsr_module_type lpips_type = {.name = "LPIPS", .state_size = sizeof(lpips)};

tsr_module *tsr_lpips_load(const char *path)
{
    tsr_archive *a = tsr_archive_open(path);
    tsr_module *m = a ? tsr_module_new(&lpips_type) : NULL;
    tsr_mark mark = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    bool ok = m && take_all(m, a, path);
    tsr_set_grad_enabled(was);
    tsr_scope_close(mark);
    tsr_archive_close(a);
    if (ok) return m;
    tsr_module_free(m);
    return NULL;
}

/* ---- the distance ------------------------------------------------------------------------------------------------------ */

static tsr_tensor *run_slice(const lpips *l, int s, tsr_tensor *x)
{
    if (s > 0) x = tsr_max_pool2d(x, {2, 2});
    for (int k = 0; k < MAX_CONVS; k++)
        if (conv_index[s][k] >= 0) x = tsr_relu(tsr_conv2d(x, l->weight[s][k], l->bias[s][k], .padding = {1, 1}));
    return x;
}

/* Unit length along channels. The norm has gradient 0 at 0, unlike a square root, so that dark patches give no NaN. */
static tsr_tensor *unit(tsr_tensor *x)
{
    tsr_tensor *norm = tsr_linalg_vector_norm(x, .dim = TSR_DIMS(1), .keepdim = true);
    return tsr_div(x, tsr_add(norm, tsr_scalar(1e-10)));
}

static tsr_tensor *scaled(const lpips *l, tsr_tensor *x) { return tsr_div(tsr_sub(x, l->shift), l->scale); }

tsr_tensor *tsr_lpips_distance(tsr_module *m, tsr_tensor *a, tsr_tensor *b)
{
    if (!m || tsr_module_type_of(m) != &lpips_type) {
        tsr_fail(TSR_EINVAL, "lpips_distance: not an LPIPS module");
        return NULL;
    }
    if (!a || !b) return NULL;
    const lpips *l = tsr_module_state(m);
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *x = scaled(l, a), *y = scaled(l, b), *sum = NULL;
    for (int s = 0; s < SLICES; s++) {
        x = run_slice(l, s, x);
        y = run_slice(l, s, y);
        tsr_tensor *d = tsr_conv2d(tsr_square(tsr_sub(unit(x), unit(y))), l->linear[s]);
        d = tsr_mean(d, .dim = TSR_DIMS(2, 3), .keepdim = true);
        sum = s > 0 ? tsr_add(sum, d) : d;
    }
    return tsr_scope_return(mark, sum);
}
