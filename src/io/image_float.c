/* image_float.c: between pictures (u8, channels last) and what models take (floats, channels first), and sheets of
   samples. */
#include <string.h>

#include "base/util.h"
#include "tensor/tensor_impl.h"
#include "tessera/image.h"

tsr_tensor *tsr_image_to_float(const tsr_tensor *image, double low, double high)
{
    if (!image) return NULL;
    tsr_shape s = tsr_shape_of(image);
    if (s.n != 3 || tsr_dtype_of(image) != TSR_U8 || !tsr_is_contiguous(image)) {
        tsr_fail(TSR_EINVAL, "image_to_float: wants a contiguous u8 [height, width, channels], got %s %s",
                 tsr_dtype_name(tsr_dtype_of(image)), shape_text(&s));
        return NULL;
    }
    const uint8_t *from = tsr_const_data(image);
    tsr_tensor *t = tensor_empty(TSR_F32, 3, (int64_t[]){s.v[2], s.v[0], s.v[1]}, TSR_CPU);
    if (!t) return NULL;
    float value[256], *to = tsr_data(t);
    for (int i = 0; i < 256; i++) value[i] = (float)(low + (high - low) * i / 255);
    int64_t pixels = s.v[0] * s.v[1], channels = s.v[2];
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < pixels; i++) *to++ = value[from[i * channels + c]];
    return t;
}

/* ---- floats to bytes ---- */

static bool is_plain_float(const tsr_tensor *t) { return tsr_dtype_of(t) == TSR_F32 || tsr_dtype_of(t) == TSR_F64; }

static double read_float(const tsr_tensor *t, int64_t at)
{
    const void *data = tsr_const_data(t);
    return tsr_dtype_of(t) == TSR_F32 ? (double)((const float *)data)[at] : ((const double *)data)[at];
}

static uint8_t to_byte(double x, double low, double high)
{
    double scaled = (x - low) / (high - low) * 255 + 0.5;
    return scaled >= 255 ? 255 : scaled > 0 ? (uint8_t)scaled : 0; /* NaN fails both comparisons */
}

/* Where a [C, H, W] picture goes: the top left byte in a [.., row, C] picture. */
typedef struct place {
    uint8_t *at;
    int64_t row; /* bytes */
} place;

/* `start`: of the picture in t; stride: of channels, rows and columns, in elements. */
static void draw(const tsr_tensor *t, int64_t start, const int64_t *shape, const int64_t *stride, double low,
                 double high, place to)
{
    for (int64_t y = 0; y < shape[1]; y++) {
        uint8_t *out = to.at + y * to.row;
        for (int64_t x = 0; x < shape[2]; x++)
            for (int64_t c = 0; c < shape[0]; c++)
                *out++ = to_byte(read_float(t, start + c * stride[0] + y * stride[1] + x * stride[2]), low, high);
    }
}

tsr_tensor *tsr_image_from_float(const tsr_tensor *t, double low, double high)
{
    if (!t) return NULL;
    tsr_shape s = tsr_shape_of(t), stride = tsr_strides_of(t);
    if (s.n != 3 || !is_plain_float(t) || low == high) {
        tsr_fail(TSR_EINVAL,
                 "image_from_float: wants f32 or f64 [channels, height, width] and low != high, got %s %s and %g, %g",
                 tsr_dtype_name(tsr_dtype_of(t)), shape_text(&s), low, high);
        return NULL;
    }
    tsr_tensor *out = tensor_empty(TSR_U8, 3, (int64_t[]){s.v[1], s.v[2], s.v[0]}, TSR_CPU);
    if (out) draw(t, 0, s.v, stride.v, low, high, (place){tsr_data(out), s.v[2] * s.v[0]});
    return out;
}

/* ---- sheets ---- */

typedef struct sheet {
    int64_t n, channels, height, width; /* of the pictures */
    int64_t columns, rows, padding;
    double low, high;
} sheet;

static bool plan_sheet(const tsr_image_grid_args *args, sheet *g)
{
    tsr_shape s = tsr_shape_of(args->images);
    bool fits = s.n == 4 && is_plain_float(args->images) && tsr_numel(args->images) > 0 && s.v[1] <= 4 && s.v[1] != 2;
    if (!fits || args->columns < 0 || args->background < 0 || args->background > 255) {
        tsr_fail(TSR_EINVAL,
                 "image_grid: wants f32 or f64 [N, 1, 3 or 4, H, W], columns >= 0 and background in 0..255, "
                 "got %s %s, %lld and %d",
                 tsr_dtype_name(tsr_dtype_of(args->images)), shape_text(&s), (long long)args->columns,
                 args->background);
        return false;
    }
    bool standard = args->low == 0 && args->high == 0;
    *g = (sheet){.n = s.v[0], .channels = s.v[1], .height = s.v[2], .width = s.v[3]};
    g->columns = tsr_min_i64(args->columns ? args->columns : 8, g->n);
    g->rows = (g->n + g->columns - 1) / g->columns;
    g->padding = args->padding < 0 ? 0 : args->padding ? args->padding : 2;
    g->low = standard ? -1 : args->low;
    g->high = standard ? 1 : args->high;
    if (g->low != g->high) return true;
    tsr_fail(TSR_EINVAL, "image_grid: low and high are both %g", g->low);
    return false;
}

tsr_tensor *tsr_image_grid_v(const tsr_image_grid_args *args)
{
    sheet g;
    if (!args->images || !plan_sheet(args, &g)) return NULL;
    int64_t cell_height = g.height + g.padding, cell_width = g.width + g.padding;
    int64_t shape[] = {g.rows * cell_height + g.padding, g.columns * cell_width + g.padding, g.channels};
    tsr_tensor *out = tensor_empty(TSR_U8, 3, shape, TSR_CPU);
    if (!out) return NULL;
    uint8_t *pixels = tsr_data(out);
    memset(pixels, args->background, (size_t)tsr_numel(out));
    tsr_shape s = tsr_shape_of(args->images), stride = tsr_strides_of(args->images);
    int64_t row = shape[1] * g.channels;
    for (int64_t i = 0; i < g.n; i++) {
        int64_t top = g.padding + i / g.columns * cell_height, left = g.padding + i % g.columns * cell_width;
        place to = {pixels + top * row + left * g.channels, row};
        draw(args->images, i * stride.v[0], s.v + 1, stride.v + 1, g.low, g.high, to);
    }
    return out;
}
