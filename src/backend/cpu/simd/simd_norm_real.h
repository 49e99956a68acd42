/* simd_norm_real.h: group norm and batch norm over channels-last arrays, for float or double; included twice by
   simd_norm.c. */
#include "backend/cpu/simd/simd_channels_real.h"

static REAL F(get)(const array *a, int64_t at) { return ((const REAL *)a->data)[at]; }

static void F(set)(const array *a, int64_t at, double value) { ((REAL *)a->data)[at] = (REAL)value; }

/* One picture-sized job with room for its sums and parameters in one allocation, which *memory keeps. */
static bool F(channels_make)(F(channels) * j, const array *x, int64_t images, int64_t rows, int parameters,
                             void **memory)
{
    *j = (F(channels)){.x = x->data, .images = images, .rows = rows, .c = x->shape[1], .stride = x->shape[1]};
    F(set_chunks)(j);
    size_t sums = (size_t)(images * (j->chunks + 1) * 2 * j->c) * sizeof(double);
    int64_t each = images * j->c;
    char *p = tsr_alloc(sums + (size_t)(parameters * each) * sizeof(REAL));
    *memory = p;
    if (!p) return false;
    j->sums = (double *)(void *)p;
    REAL *room = (REAL *)(void *)(p + sums), **parameter[] = {&j->mean, &j->scale, &j->shift, &j->slope, &j->offset};
    for (int i = 0; i < parameters; i++) *parameter[i] = room + i * each;
    return true;
}

/* ---- group norm ---- */

typedef struct F(group_norm_user) {
    const array *mean, *rstd, *weight, *bias;
    int64_t groups;
    double eps;
} F(group_norm_user);

/* The mean and the sum of squared deviations of `count` channels from `first` on, from their sums about a pivot. */
static void F(join_channels)(const F(channels) * j, int64_t image, int64_t first, int64_t count, double *mean,
                             double *squares)
{
    const double *sums = F(picture_sums)(j, image);
    const REAL *pivot = j->x + image * j->rows * j->c;
    double n = (double)j->rows, total = 0;
    for (int64_t i = first; i < first + count; i++) total += (double)pivot[i] + sums[i] / n;
    *mean = total / (double)count;
    *squares = 0;
    for (int64_t i = first; i < first + count; i++) {
        double shift = (double)pivot[i] + sums[i] / n - *mean;
        *squares += (sums[j->c + i] - sums[i] * sums[i] / n) + n * shift * shift;
    }
}

static void F(group_parameters)(const F(channels) * j, const F(group_norm_user) * u, int64_t image, int64_t group,
                                double mean, double rstd)
{
    int64_t count = j->c / u->groups;
    for (int64_t i = group * count; i < (group + 1) * count; i++) {
        int64_t at = image * j->stride + i;
        j->mean[at] = (REAL)mean;
        j->scale[at] = (REAL)(rstd * (u->weight ? (double)F(get)(u->weight, i * u->weight->stride[0]) : 1));
        j->shift[at] = u->bias ? F(get)(u->bias, i * u->bias->stride[0]) : 0;
    }
}

static void F(group_norm_between)(const F(channels) * j, int64_t image, void *user)
{
    const F(group_norm_user) *u = user;
    int64_t count = j->c / u->groups;
    for (int64_t g = 0; g < u->groups; g++) {
        double mean, squares;
        F(join_channels)(j, image, g * count, count, &mean, &squares);
        double variance = squares / (double)(count * j->rows), rstd = 1 / sqrt((variance > 0 ? variance : 0) + u->eps);
        if (variance != variance) rstd = variance; /* NaN stays */
        F(group_parameters)(j, u, image, g, mean, rstd);
        F(set)(u->mean, image * u->mean->stride[0] + g * u->mean->stride[1], mean);
        F(set)(u->rstd, image * u->rstd->stride[0] + g * u->rstd->stride[1], rstd);
    }
}

static bool F(group_norm)(const array *out, const array *mean, const array *rstd, const array *x, const array *weight,
                          const array *bias, const norm_params *p)
{
    void *memory;
    F(channels) j;
    F(group_norm_user) u = {mean, rstd, weight, bias, p->groups, p->eps};
    if (!F(channels_make)(&j, x, x->shape[0], positions_of(x), 3, &memory)) return false;
    j.out = out->data;
    j.silu = p->silu;
    j.between = F(group_norm_between);
    j.user = &u;
    F(channels_run)(&j);
    tsr_free(memory);
    return true;
}

/* With h = (x - mean) rstd, u = grad_y weight and means over the group:
   grad_x = rstd (u - mean(u) - h mean(u h)) = grad_y scale + (x - mean) slope + offset. */
static void F(group_norm_grad_between)(const F(channels) * j, int64_t image, void *user)
{
    const F(group_norm_user) *u = user;
    const double *sums = F(picture_sums)(j, image);
    int64_t count = j->c / u->groups;
    double n = (double)(count * j->rows);
    for (int64_t g = 0; g < u->groups; g++) {
        double rstd = (double)F(get)(u->rstd, image * u->rstd->stride[0] + g * u->rstd->stride[1]);
        double scaled = 0, scaled_deviation = 0; /* rstd sum(u), rstd sum(u (x - mean)) */
        for (int64_t i = g * count; i < (g + 1) * count; i++) {
            scaled += (double)j->scale[image * j->c + i] * sums[i];
            scaled_deviation += (double)j->scale[image * j->c + i] * sums[j->c + i];
        }
        for (int64_t i = image * j->c + g * count; i < image * j->c + (g + 1) * count; i++) {
            j->slope[i] = (REAL)(-rstd * rstd * scaled_deviation / n);
            j->offset[i] = (REAL)(-scaled / n);
        }
    }
}

/* Channel c's sums over pictures. */
static void F(group_norm_grad_affine)(const F(channels) * j, const F(group_norm_user) * u, const array *grad_weight,
                                      const array *grad_bias)
{
    int64_t count = j->c / u->groups;
    for (int64_t i = 0; i < j->c; i++) {
        double weight = 0, bias = 0;
        for (int64_t image = 0; image < j->images; image++) {
            const double *sums = F(picture_sums)(j, image);
            bias += sums[i];
            weight += sums[j->c + i] *
                      (double)F(get)(u->rstd, image * u->rstd->stride[0] + i / count * u->rstd->stride[1]);
        }
        if (grad_weight) F(set)(grad_weight, i * grad_weight->stride[0], weight);
        if (grad_bias) F(set)(grad_bias, i * grad_bias->stride[0], bias);
    }
}

static bool F(group_norm_grad)(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                               const array *x, const array *mean, const array *rstd, const array *weight,
                               const array *bias, const norm_params *p)
{
    void *memory;
    F(channels) j;
    F(group_norm_user) u = {mean, rstd, weight, bias, p->groups, p->eps};
    if (!F(channels_make)(&j, x, x->shape[0], positions_of(x), 5, &memory)) return false;
    j.grad = grad->data;
    j.out = grad_x ? grad_x->data : NULL;
    j.silu = p->silu;
    j.between = F(group_norm_grad_between);
    j.user = &u;
    for (int64_t i = 0; i < j.images * p->groups; i++) {
        int64_t image = i / p->groups, g = i % p->groups;
        F(group_parameters)
        (&j, &u, image, g, (double)F(get)(mean, image * mean->stride[0] + g * mean->stride[1]),
         (double)F(get)(rstd, image * rstd->stride[0] + g * rstd->stride[1]));
    }
    F(channels_run)(&j);
    if (grad_weight || grad_bias) F(group_norm_grad_affine)(&j, &u, grad_weight, grad_bias);
    tsr_free(memory);
    return true;
}

/* ---- batch norm: all pictures are one, each channel a group ---- */

typedef struct F(batch_norm_user) {
    const array *mean, *var, *rstd, *weight, *grad_weight, *grad_bias;
    bool training;
} F(batch_norm_user);

static void F(batch_stats_between)(const F(channels) * j, int64_t image, void *user)
{
    const F(batch_norm_user) *u = user;
    for (int64_t i = 0; i < j->c; i++) {
        double mean, squares;
        F(join_channels)(j, image, i, 1, &mean, &squares);
        F(set)(u->mean, i * u->mean->stride[0], mean);
        F(set)(u->var, i * u->var->stride[0], squares < 0 ? 0 : squares / (double)j->rows);
    }
}

static bool F(batch_norm_stats)(const array *mean, const array *var, const array *x)
{
    void *memory;
    F(channels) j;
    F(batch_norm_user) u = {.mean = mean, .var = var};
    if (!F(channels_make)(&j, x, 1, x->shape[0] * positions_of(x), 0, &memory)) return false;
    j.between = F(batch_stats_between);
    j.user = &u;
    F(channels_run)(&j);
    tsr_free(memory);
    return true;
}

static bool F(batch_norm_apply)(const array *out, const array *x, const array *mean, const array *scale,
                                const array *shift)
{
    void *memory;
    F(channels) j;
    if (!F(channels_make)(&j, x, 1, x->shape[0] * positions_of(x), 3, &memory)) return false;
    j.out = out->data;
    for (int64_t i = 0; i < j.c; i++) {
        j.mean[i] = F(get)(mean, i * mean->stride[0]);
        j.scale[i] = F(get)(scale, i * scale->stride[0]);
        j.shift[i] = F(get)(shift, i * shift->stride[0]);
    }
    tsr_parallel_for(j.chunks, tsr_max_i64(1, GRAIN / (tsr_min_i64(j.chunk, j.rows) * j.c)), F(map_chunks), &j);
    tsr_free(memory);
    return true;
}

typedef struct F(planes) {
    const REAL *x;
    REAL *out;
    int64_t n, c; /* elements of a plane, channels */
    const array *mean, *scale, *shift;
} F(planes);

static void F(map_planes)(int64_t begin, int64_t end, void *user)
{
    const F(planes) *j = user;
    for (int64_t plane = begin; plane < end; plane++) {
        const REAL *x = j->x + plane * j->n;
        REAL *out = j->out + plane * j->n, mean = F(get)(j->mean, plane % j->c * j->mean->stride[0]);
        REAL scale = F(get)(j->scale, plane % j->c * j->scale->stride[0]);
        REAL shift = F(get)(j->shift, plane % j->c * j->shift->stride[0]);
        for (int64_t i = 0; i < j->n; i += LANES)
            F(store_some)(out + i, (F(load_some)(x + i, j->n - i) - mean) * scale + shift, j->n - i);
    }
}

/* Of row-major arrays: planes that have one channel each. */
static void F(batch_norm_apply_planes)(const array *out, const array *x, const array *mean, const array *scale,
                                       const array *shift)
{
    F(planes) j = {x->data, out->data, positions_of(x), x->shape[1], mean, scale, shift};
    tsr_parallel_for(x->shape[0] * j.c, tsr_max_i64(1, GRAIN / j.n), F(map_planes), &j);
}

static void F(batch_norm_grad_between)(const F(channels) * j, int64_t image, void *user)
{
    const F(batch_norm_user) *u = user;
    const double *sums = F(picture_sums)(j, image);
    double n = (double)j->rows;
    for (int64_t i = 0; i < j->c; i++) {
        double rstd = (double)F(get)(u->rstd, i * u->rstd->stride[0]), scale = (double)j->scale[i];
        j->slope[i] = (REAL)(u->training ? -scale * rstd * rstd * sums[j->c + i] / n : 0);
        j->offset[i] = (REAL)(u->training ? -scale * sums[i] / n : 0);
        if (u->grad_weight) F(set)(u->grad_weight, i * u->grad_weight->stride[0], sums[j->c + i] * rstd);
        if (u->grad_bias) F(set)(u->grad_bias, i * u->grad_bias->stride[0], sums[i]);
    }
}

static bool F(batch_norm_grad)(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                               const array *x, const array *mean, const array *rstd, const array *weight, bool training)
{
    void *memory;
    F(channels) j;
    F(batch_norm_user) u = {.rstd = rstd, .grad_weight = grad_weight, .grad_bias = grad_bias, .training = training};
    if (!F(channels_make)(&j, x, 1, x->shape[0] * positions_of(x), 5, &memory)) return false;
    j.grad = grad->data;
    j.out = grad_x ? grad_x->data : NULL;
    j.between = F(batch_norm_grad_between);
    j.user = &u;
    for (int64_t i = 0; i < j.c; i++) {
        double r = (double)F(get)(rstd, i * rstd->stride[0]);
        j.mean[i] = F(get)(mean, i * mean->stride[0]);
        j.scale[i] = (REAL)(r * (weight ? (double)F(get)(weight, i * weight->stride[0]) : 1));
        j.shift[i] = 0;
    }
    F(channels_run)(&j);
    tsr_free(memory);
    return true;
}
