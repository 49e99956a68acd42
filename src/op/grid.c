/* grid.c: reading an image at arbitrary positions, made of operators, so that it is differentiable by image and positions
   any number of times.

   Positions are turned into pixel coordinates, dimension by dimension. Each mode then is a sum over a few neighbouring
   pixels (1, 2 or 4 in each dimension) of a weight, which depends on the coordinates, times the pixel's value. Values are
   gathered from the flattened image; a pixel outside is moved inside, or has its weight set to zero. */
#include <string.h>

#include "op/pointwise.h"
#include "op/region.h"
#include "op_gen.h"

typedef enum outside { OUTSIDE_ZEROS, OUTSIDE_BORDER, OUTSIDE_REFLECTION } outside;
enum { MAX_TAPS = 4 };

typedef struct call {
    tsr_tensor *input, *grid;
    int spatial;
    int64_t batch, channels, points; /* points: positions of each sample */
    int taps;                        /* in each dimension: 1 nearest, 2 linear, 4 cubic */
    outside outside;
    bool align_corners;
} call;

/* The pixels of one dimension that a position reads: each [N, points]. */
typedef struct taps {
    tsr_tensor *index[MAX_TAPS]; /* integral floats inside the image */
    tsr_tensor *weight[MAX_TAPS];
} taps;

/* ---- coordinates -------------------------------------------------------------------------------------------------- */

/* [-1, 1] to pixels. */
static tsr_tensor *to_pixels(tsr_tensor *x, int64_t size, bool align_corners)
{
    double n = (double)size;
    if (align_corners) return op_scale(op_shift(x, 1), (n - 1) / 2);
    return op_shift(op_scale(op_shift(x, 1), n / 2), -0.5);
}

static tsr_tensor *clipped(tsr_tensor *x, int64_t size) { return tsr_clamp(x, TSR_INT(0), TSR_INT(size - 1)); }

/* Mirrored at the borders `low` and `high` as often as it takes. */
static tsr_tensor *reflected(tsr_tensor *x, double low, double high)
{
    double span = high - low;
    if (span <= 0) return op_scale(x, 0);
    x = tsr_abs(op_shift(x, -low));
    tsr_tensor *extra = tsr_fmod(x, tsr_scalar(span));
    tsr_tensor *odd = tsr_eq(tsr_remainder(tsr_floor(op_scale(x, 1 / span)), tsr_scalar(2)), tsr_scalar(1));
    return op_shift(tsr_where(odd, op_shift(tsr_neg(extra), span), extra), low);
}

/* A coordinate moved into the image, as the padding mode says; zeros leave it. */
static tsr_tensor *moved_inside(const call *k, tsr_tensor *x, int64_t size)
{
    if (k->outside == OUTSIDE_ZEROS) return x;
    if (k->outside == OUTSIDE_REFLECTION) {
        double edge = k->align_corners ? 0 : 0.5;
        x = reflected(x, -edge, (double)size - 1 + edge);
    }
    return clipped(x, size);
}

/* ---- taps --------------------------------------------------------------------------------------------------------- */

/* Keys' cubic with A = -3/4, at distance d <= 1 and at 1 <= d <= 2. */
static tsr_tensor *cubic_near(tsr_tensor *d)
{
    return op_shift(tsr_mul(tsr_mul(op_shift(op_scale(d, 1.25), -2.25), d), d), 1);
}

static tsr_tensor *cubic_far(tsr_tensor *d)
{
    return op_shift(tsr_mul(op_shift(tsr_mul(op_shift(op_scale(d, -0.75), 3.75), d), -6), d), 3);
}

/* Tap i at the integral coordinate `at`: kept inside, and where zeros lie outside its weight becomes zero there. */
static void set_tap(const call *k, taps *t, int i, tsr_tensor *at, tsr_tensor *weight, int64_t size)
{
    tsr_tensor *inside = clipped(at, size);
    t->index[i] = inside;
    t->weight[i] = weight;
    if (k->outside == OUTSIDE_ZEROS) t->weight[i] = op_masked(tsr_eq(inside, at), weight);
}

static void linear_taps(const call *k, tsr_tensor *x, int64_t size, taps *t)
{
    tsr_tensor *low = tsr_floor(tsr_detach(x)), *fraction = tsr_sub(x, low);
    set_tap(k, t, 0, low, op_shift(tsr_neg(fraction), 1), size);
    set_tap(k, t, 1, op_shift(low, 1), fraction, size);
}

/* The cubic moves each tap inside by itself, not the position. */
static void cubic_taps(const call *k, tsr_tensor *x, int64_t size, taps *t)
{
    tsr_tensor *low = tsr_floor(tsr_detach(x)), *f = tsr_sub(x, low), *rest = op_shift(tsr_neg(f), 1);
    tsr_tensor *weight[MAX_TAPS] = {cubic_far(op_shift(f, 1)), cubic_near(f), cubic_near(rest),
                                    cubic_far(op_shift(rest, 1))};
    for (int i = 0; i < MAX_TAPS; i++) set_tap(k, t, i, moved_inside(k, op_shift(low, i - 1), size), weight[i], size);
}

/* Ones that depend on x in name only: the nearest pixel's weight, whose derivative is zero and not missing. */
static tsr_tensor *constant_one(tsr_tensor *x)
{
    return tsr_masked_fill(x, tsr_ones(TSR_SCALAR_SHAPE, .dtype = TSR_BOOL), TSR_INT(1));
}

/* Coordinate number d of the grid (x is 0) and the pixels it reads in a dimension of `size`. */
static taps taps_of(const call *k, int d, int64_t size)
{
    taps t = {0};
    tsr_tensor *x = tsr_reshape(tsr_select(k->grid, -1, d), TSR_SHAPE(k->batch, k->points));
    x = to_pixels(x, size, k->align_corners);
    if (k->taps == 4) {
        cubic_taps(k, x, size, &t);
        return t;
    }
    x = moved_inside(k, x, size);
    if (k->taps == 1) set_tap(k, &t, 0, tsr_round(tsr_detach(x)), constant_one(x), size);
    else linear_taps(k, x, size, &t);
    return t;
}

/* ---- the sum ------------------------------------------------------------------------------------------------------ */

/* Values [N, C, points] at one choice of taps, weighted. */
static tsr_tensor *term(const call *k, tsr_tensor *flat, const taps *t, const int *choice)
{
    tsr_tensor *at = NULL, *weight = NULL;
    for (int d = 0; d < k->spatial; d++) {
        const taps *axis = &t[k->spatial - 1 - d]; /* rows first: the grid's last coordinate */
        int i = choice[k->spatial - 1 - d];
        tsr_tensor *index = axis->index[i];
        at = at ? tsr_add(op_scale(at, (double)k->input->shape[2 + d]), index) : index;
        weight = weight ? tsr_mul(weight, axis->weight[i]) : axis->weight[i];
    }
    tsr_shape all = TSR_SHAPE(k->batch, k->channels, k->points);
    tsr_tensor *index = tsr_expand(tsr_unsqueeze(tsr_to(tsr_detach(at), TSR_I64), 1), all);
    tsr_tensor *values = tsr_gather(flat, 2, index);
    return tsr_mul(values, tsr_unsqueeze(weight, 1));
}

static tsr_tensor *sampled(const call *k)
{
    taps t[3];
    int count = 1;
    tsr_shape in = op_shape(k->input);
    tsr_tensor *flat = tsr_reshape(k->input, TSR_SHAPE(k->batch, k->channels, region_count(&in, 2, in.n))), *sum = NULL;
    for (int d = 0; d < k->spatial; d++) {
        t[d] = taps_of(k, d, in.v[in.n - 1 - d]);
        count *= k->taps;
    }
    for (int n = 0; n < count; n++) {
        int choice[3] = {n % k->taps, n / k->taps % k->taps, n / k->taps / k->taps};
        tsr_tensor *next = term(k, flat, t, choice);
        sum = sum ? tsr_add(sum, next) : next;
    }
    return sum;
}

/* ---- the operators ------------------------------------------------------------------------------------------------ */

static bool read_mode(const op_ctx *c, const char *mode, call *k)
{
    static const struct {
        const char *name;
        int taps;
    } modes[] = {{"nearest", 1}, {"bilinear", 2}, {"bicubic", 4}};
    for (int i = 0; i < (int)TSR_COUNT(modes); i++)
        if (!strcmp(modes[i].name, mode)) k->taps = modes[i].taps;
    if (k->taps < 4 || k->spatial < 3) return true;
    op_fail(c, "mode \"bicubic\" needs a 4-d input");
    return false;
}

static void read_outside(const char *mode, call *k)
{
    static const char *const modes[] = {"zeros", "border", "reflection"};
    for (int i = 0; i < (int)TSR_COUNT(modes); i++)
        if (!strcmp(modes[i], mode)) k->outside = (outside)i;
}

static bool check_shapes(const op_ctx *c, const call *k)
{
    const tsr_tensor *x = k->input, *g = k->grid;
    bool ok = (x->ndim == 4 || x->ndim == 5) && g->ndim == x->ndim && x->shape[0] == g->shape[0] &&
              g->shape[g->ndim - 1] == x->ndim - 2 && x->dtype == g->dtype;
    for (int d = 2; ok && d < x->ndim; d++) ok = x->shape[d] > 0;
    if (!ok)
        op_fail(c,
                "input must be [N, C, H, W] or [N, C, D, H, W], the sizes from H or D on not 0, and grid of its dtype "
                "[N, Ho, Wo, 2] or [N, Do, Ho, Wo, 3]; they are %s and %s",
                tensor_shape_text(x), tensor_shape_text(g));
    return ok;
}

tsr_tensor *op_grid_sample(op_ctx *c, const tsr_grid_sample_args *a)
{
    call k = {.input = a->input,
              .grid = a->grid,
              .spatial = a->input->ndim - 2,
              .align_corners = a->align_corners == TSR_YES};
    if (!check_shapes(c, &k) || !read_mode(c, a->mode, &k)) return NULL;
    read_outside(a->padding_mode, &k);
    tsr_shape grid = op_shape(a->grid), shape = grid;
    k.batch = grid.v[0];
    k.channels = a->input->shape[1];
    k.points = region_count(&grid, 1, grid.n - 1);
    shape.v[1] = k.channels;
    memcpy(shape.v + 2, grid.v + 1, (size_t)k.spatial * sizeof *shape.v);
    return tsr_reshape(sampled(&k), shape);
}

/* n positions from -1 to 1: of the pixels' centres, or of the corners' when aligned. */
static tsr_tensor *steps(int64_t n, bool align_corners, tsr_dtype dtype)
{
    double edge = n < 2 ? 0 : align_corners ? 1 : 1 - 1 / (double)n;
    return tsr_linspace(TSR_FLOAT(-edge), TSR_FLOAT(edge), n, .dtype = dtype);
}

tsr_tensor *op_affine_grid(op_ctx *c, const tsr_affine_grid_args *a)
{
    int spatial = a->size.n - 2;
    const tsr_tensor *theta = a->theta;
    bool ok = (spatial == 2 || spatial == 3) && theta->ndim == 3 && theta->shape[0] == a->size.v[0] &&
              theta->shape[1] == spatial && theta->shape[2] == spatial + 1 && op_is_float(theta);
    for (int d = 0; ok && d < spatial; d++) ok = a->size.v[2 + d] > 0;
    if (!ok)
        return op_fail(
            c, "theta %s and size %s do not fit: [N, 2, 3] with [N, C, H, W], or [N, 3, 4] with [N, C, D, H, W]",
            tensor_shape_text(theta), shape_text(&a->size));
    tsr_dtype dtype = (tsr_dtype)theta->dtype;
    tsr_tensor *columns[4] = {0};
    tsr_shape grid = {.n = spatial};
    memcpy(grid.v, a->size.v + 2, (size_t)spatial * sizeof *grid.v);
    for (int d = 0; d < spatial; d++) { /* x is the last dimension */
        tsr_shape along = {.n = spatial, .v = {1, 1, 1}};
        along.v[spatial - 1 - d] = grid.v[spatial - 1 - d];
        tsr_tensor *s = steps(along.v[spatial - 1 - d], a->align_corners == TSR_YES, dtype);
        columns[d] = tsr_expand(tsr_reshape(s, along), grid);
    }
    columns[spatial] = tsr_ones(grid, .dtype = dtype);
    tsr_tensor *base = tsr_reshape(tsr_stack((tsr_tensors){columns, spatial + 1}, .dim = -1),
                                   TSR_SHAPE(-1, spatial + 1));
    tsr_shape shape = {.n = spatial + 2, .v = {a->size.v[0]}};
    memcpy(shape.v + 1, grid.v, (size_t)spatial * sizeof *shape.v);
    shape.v[spatial + 1] = spatial;
    return tsr_reshape(tsr_matmul(base, tsr_transpose(a->theta, 1, 2)), shape);
}
