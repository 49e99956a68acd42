/* resize.c: resizing pictures with a separable filter.

   An output pixel is a weighted mean of the input pixels around its place. When a picture shrinks the filter is as much
   wider, so that no input pixel is skipped (antialiasing). Rows are resized first, then columns; both are the same
   operation on [outer, n, inner] -> [outer, m, inner].

   Bytes use weights in fixed point and are rounded after each of the two passes, which is how Pillow does it, so that
   pictures prepared with either give a model the same pixels. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/util.h"
#include "tensor/tensor_impl.h"
#include "tessera/image.h"
#include "vision/pixels.h"

enum { PRECISION = 22 }; /* bits after the point: 8 for the value and 2 for overshoot are left of 32 */

/* ---- filters ---- */

static double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }

static double triangle(double x) { return fabs(x) < 1 ? 1 - fabs(x) : 0; }

static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x)
{
    x *= 3.14159265358979323846;
    return x == 0 ? 1 : sin(x) / x;
}

static double lanczos(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

static const struct {
    double (*weight)(double x);
    double support; /* 0 beyond it */
} filters[] = {{box, 0.5}, {triangle, 1}, {bicubic, 2}, {lanczos, 3}};

/* ---- weights ---- */

/* Output i is the sum of input[first[i] + k] * weight[i * most + k] over k < count[i]. */
typedef struct weights {
    int64_t n, m, most;
    int64_t *first, *count;
    double *weight;
    int32_t *fixed; /* the same in fixed point */
} weights;

static void free_weights(weights *w)
{
    tsr_free(w->first);
    tsr_free(w->count);
    tsr_free(w->weight);
    tsr_free(w->fixed);
}

static void weigh(weights *w, int64_t i, tsr_filter filter)
{
    double scale = (double)w->n / (double)w->m, stretch = scale < 1 ? 1 : scale;
    double support = filters[filter].support * stretch, center = ((double)i + 0.5) * scale, sum = 0;
    int64_t first = tsr_max_i64(0, (int64_t)(center - support + 0.5));
    int64_t end = tsr_min_i64(w->n, (int64_t)(center + support + 0.5));
    double *weight = w->weight + i * w->most;
    for (int64_t k = 0; k < end - first; k++) {
        weight[k] = filters[filter].weight(((double)(k + first) - center + 0.5) * (1 / stretch));
        sum += weight[k];
    }
    for (int64_t k = 0; k < end - first; k++) {
        if (sum != 0) weight[k] /= sum;
        w->fixed[i * w->most + k] = (int32_t)(weight[k] * (1 << PRECISION) + (weight[k] < 0 ? -0.5 : 0.5));
    }
    w->first[i] = first;
    w->count[i] = end - first;
}

static bool make_weights(weights *w, int64_t n, int64_t m, tsr_filter filter)
{
    double stretch = n > m ? (double)n / (double)m : 1;
    *w = (weights){.n = n, .m = m, .most = (int64_t)ceil(filters[filter].support * stretch) * 2 + 1};
    w->first = tsr_alloc_zeroed((size_t)m, sizeof *w->first);
    w->count = tsr_alloc_zeroed((size_t)m, sizeof *w->count);
    w->weight = tsr_alloc_zeroed((size_t)m, (size_t)w->most * sizeof *w->weight);
    w->fixed = tsr_alloc_zeroed((size_t)m, (size_t)w->most * sizeof *w->fixed);
    bool ok = w->first && w->count && w->weight && w->fixed;
    for (int64_t i = 0; ok && i < m; i++) weigh(w, i, filter);
    return ok;
}

/* ---- passes ---- */

enum { BLOCK = 256 }; /* sums kept at a time */

static uint8_t clamp_byte(int32_t sum)
{
    int32_t value = sum >> PRECISION;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* `length` neighbours (at most BLOCK) of output i: from points at input 0, rows of the input are `inner` apart. */
static inline void blend_u8(const weights *w, int64_t i, const uint8_t *from, uint8_t *to, int64_t inner,
                            int64_t length)
{
    int32_t sum[BLOCK];
    const int32_t *weight = w->fixed + i * w->most;
    from += w->first[i] * inner;
    for (int64_t x = 0; x < length; x++) sum[x] = 1 << (PRECISION - 1);
    for (int64_t k = 0; k < w->count[i]; k++, from += inner)
        for (int64_t x = 0; x < length; x++) sum[x] += from[x] * weight[k];
    for (int64_t x = 0; x < length; x++) to[x] = clamp_byte(sum[x]);
}

static void blend_f32(const weights *w, int64_t i, const float *from, float *to, int64_t inner, int64_t length)
{
    double sum[BLOCK] = {0};
    const double *weight = w->weight + i * w->most;
    from += w->first[i] * inner;
    for (int64_t k = 0; k < w->count[i]; k++, from += inner)
        for (int64_t x = 0; x < length; x++) sum[x] += (double)from[x] * weight[k];
    for (int64_t x = 0; x < length; x++) to[x] = (float)sum[x];
}

/* The lengths of a row's pixels as constants, so that the compiler keeps the sums in registers. */
static void blend_bytes(const weights *w, int64_t i, const uint8_t *from, uint8_t *to, int64_t inner, int64_t length)
{
    if (inner == 3) {
        blend_u8(w, i, from, to, 3, 3);
    } else if (inner == 1) {
        blend_u8(w, i, from, to, 1, 1);
    } else {
        blend_u8(w, i, from, to, inner, length);
    }
}

/* [outer, n, inner] -> [outer, m, inner] */
static void pass(const weights *w, const void *from, void *to, int64_t outer, int64_t inner, tsr_dtype dtype)
{
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < w->m; i++) {
            for (int64_t x = 0; x < inner; x += BLOCK) {
                int64_t length = tsr_min_i64(BLOCK, inner - x);
                int64_t in = o * w->n * inner + x, out = (o * w->m + i) * inner + x;
                if (dtype == TSR_U8) blend_bytes(w, i, (const uint8_t *)from + in, (uint8_t *)to + out, inner, length);
                else blend_f32(w, i, (const float *)from + in, (float *)to + out, inner, length);
            }
        }
    }
}

/* Resize dimension `dim` (0: rows of pixels, 1: pixels of a row) to m. A picture that has that size is returned as it is. */
static tsr_tensor *resize_dim(tsr_tensor *image, int dim, int64_t m, tsr_filter filter)
{
    tsr_shape s = tsr_shape_of(image), to = s;
    if (!image || s.v[dim] == m) return image;
    weights w;
    to.v[dim] = m;
    tsr_tensor *out = make_weights(&w, s.v[dim], m, filter) ? tensor_empty(tsr_dtype_of(image), 3, to.v, TSR_CPU)
                                                            : NULL;
    if (out)
        pass(&w, tsr_const_data(image), tsr_data(out), dim == 0 ? 1 : s.v[0], dim == 0 ? s.v[1] * s.v[2] : s.v[2],
             tsr_dtype_of(image));
    free_weights(&w);
    return out;
}

tsr_tensor *tsr_image_resize(const tsr_tensor *image, int64_t height, int64_t width, tsr_filter filter)
{
    if (!pixels_check("image_resize", image)) return NULL;
    if (height < 1 || width < 1 || (unsigned)filter >= sizeof filters / sizeof *filters) {
        tsr_fail(TSR_EINVAL, "image_resize: to %lld x %lld pixels with filter %d", (long long)height, (long long)width,
                 (int)filter);
        return NULL;
    }
    tsr_shape s = tsr_shape_of(image);
    if (s.v[0] == height && s.v[1] == width) return pixels_crop(image, 0, 0, height, width);
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *rows = resize_dim((tsr_tensor *)image, 1, width, filter);
    return tsr_scope_return(mark, rows ? resize_dim(rows, 0, height, filter) : NULL);
}

tsr_tensor *tsr_image_resize_shorter(const tsr_tensor *image, int64_t size, tsr_filter filter)
{
    if (!pixels_check("image_resize_shorter", image)) return NULL;
    tsr_shape s = tsr_shape_of(image);
    if (size < 1 || size > INT64_MAX / tsr_max_i64(s.v[0], s.v[1])) {
        tsr_fail(TSR_EINVAL, "image_resize_shorter: to %lld pixels", (long long)size);
        return NULL;
    }
    int64_t height = size, width = size;
    pixels_cover(s.v[0], s.v[1], &height, &width);
    return tsr_image_resize(image, height, width, filter);
}
