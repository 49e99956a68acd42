/* window.c: fits pictures into a data set's size.

   A picture is scaled, keeping its shape, until it just covers the wanted size, and the window is its middle; that is
   torchvision's Resize and CenterCrop. With random crops the window moves: pictures large enough are scaled to 9/8 of the
   size, which leaves it room; for others the room is made by mirroring an eighth of the size at each border, since
   scaling a 32 x 32 picture up to cut it again would only blur it. Scaling aside, all of it (moving, mirroring, flipping)
   is a choice of source row and column for each row and column of the window, so one loop does everything. */
#include "data/window.h"

#include <stdio.h>

#include "tessera/image.h"
#include "vision/pixels.h"

enum { MOST_PIXELS = 1 << 27 }; /* of a scaled picture; as many as a file may have (image.h) */

data_picture data_planes(const float *data, int64_t channels, int64_t height, int64_t width)
{
    return (data_picture){data, TSR_F32, channels, height, width, height * width, width, 1, 0};
}

/* ---- scaling -------------------------------------------------------------------------------------------------------------- */

static void scaled_size(const tsr_dataset *set, const data_picture *p, bool crop, int64_t *height, int64_t *width)
{
    int64_t large_height = set->info.height * 9 / 8, large_width = set->info.width * 9 / 8;
    bool large = crop && p->height >= large_height && p->width >= large_width;
    *height = large ? large_height : set->info.height;
    *width = large ? large_width : set->info.width;
    pixels_cover(p->height, p->width, height, width);
}

static double element(const data_picture *p, int64_t at)
{
    if (p->dtype == TSR_U8) return (((const uint8_t *)p->data)[at] - 127.5) / 127.5;
    return p->dtype == TSR_F32 ? (double)((const float *)p->data)[at] : ((const double *)p->data)[at];
}

static void copy_pixels(const data_picture *p, void *out)
{
    size_t k = 0;
    for (int64_t y = 0; y < p->height; y++)
        for (int64_t x = 0; x < p->width; x++)
            for (int64_t c = 0; c < p->channels; c++, k++) {
                int64_t at = y * p->row_stride + x * p->column_stride + c * p->channel_stride;
                if (p->dtype == TSR_U8) ((uint8_t *)out)[k] = ((const uint8_t *)p->data)[at];
                else ((float *)out)[k] = (float)element(p, at);
            }
}

/* As a tensor [H, W, C] for image.h's functions, in the innermost scope. */
static tsr_tensor *pixels_tensor(const data_picture *p)
{
    tsr_dtype dtype = p->dtype == TSR_U8 ? TSR_U8 : TSR_F32;
    size_t bytes = (size_t)(p->height * p->width * p->channels) * tsr_dtype_size(dtype);
    void *pixels = tsr_alloc(bytes);
    if (!pixels) return NULL;
    copy_pixels(p, pixels);
    tsr_tensor *t = tsr_from_blob(pixels, TSR_SHAPE(p->height, p->width, p->channels), dtype, tsr_free, pixels);
    if (!t) tsr_free(pixels);
    return t;
}

/* A line of a picture would grow without bound when its short side is scaled up: that is this picture's fault, not memory's. */
static tsr_status check_scaled(const tsr_dataset *set, const data_picture *p, int64_t height, int64_t width)
{
    char name[256];
    if (height <= MOST_PIXELS / width) return TSR_OK;
    tsr_text t = {0};
    set->source->describe(set, p->item, &t);
    snprintf(name, sizeof name, "%s", tsr_text_get(&t));
    tsr_text_free(&t);
    return tsr_fail(TSR_EFORMAT, "%s: %lld x %lld pixels would be scaled to %lld x %lld", name, (long long)p->width,
                    (long long)p->height, (long long)width, (long long)height);
}

static tsr_status scale(data_picture *p, int64_t height, int64_t width)
{
    tsr_tensor *t = tsr_image_resize(pixels_tensor(p), height, width, TSR_FILTER_BICUBIC);
    if (!t) return tsr_error_status();
    *p = (data_picture){tsr_const_data(t),   tsr_dtype_of(t), p->channels, height, width, 1,
                        width * p->channels, p->channels,     p->item};
    return p->data ? TSR_OK : tsr_error_status();
}

/* ---- the window -------------------------------------------------------------------------------------------------------------- */

/* Where a window of `size` begins on a side of `length`; the half of an odd rest goes to the even place, as in Python. */
static int64_t window_start(int64_t length, int64_t size, bool crop, double place, int64_t margin)
{
    int64_t rest = length - size;
    if (!crop) return tsr_half_to_even(rest);
    return (int64_t)(place * (double)(rest + 2 * margin + 1)) - margin;
}

static int64_t mirrored(int64_t i, int64_t n)
{
    if (i < 0) i = -i;
    if (i >= n) i = 2 * (n - 1) - i;
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* How far a moved window may reach over the border: not at all where scaling left room. */
static int64_t margin_of(const tsr_dataset *set, int64_t height, int64_t width)
{
    bool room = height >= set->info.height * 9 / 8 && width >= set->info.width * 9 / 8;
    return room ? 0 : tsr_min_i64(set->info.height, set->info.width) / 8;
}

tsr_status data_window_open(const tsr_dataset *set, int64_t height, int64_t width, const data_view *view,
                            data_window *out)
{
    *out = (data_window){NULL, NULL, set->info.height, set->info.width};
    out->row = tsr_alloc((size_t)(out->height + out->width) * sizeof *out->row);
    if (!out->row) return TSR_ENOMEM;
    out->column = out->row + out->height;
    int64_t margin = margin_of(set, height, width);
    int64_t top = window_start(height, out->height, view->crop, view->y, margin);
    int64_t left = window_start(width, out->width, view->crop, view->x, margin);
    for (int64_t y = 0; y < out->height; y++) out->row[y] = (int32_t)mirrored(top + y, height);
    for (int64_t x = 0; x < out->width; x++) {
        int64_t to = view->flip ? out->width - 1 - x : x;
        out->column[to] = (int32_t)mirrored(left + x, width);
    }
    return TSR_OK;
}

void data_window_close(data_window *w)
{
    tsr_free(w->row);
    *w = (data_window){0};
}

void data_window_take(const data_window *w, const float *plane, int64_t width, float *out)
{
    for (int64_t y = 0; y < w->height; y++)
        for (int64_t x = 0; x < w->width; x++) *out++ = plane[w->row[y] * width + w->column[x]];
}

void data_window_take_u8(const data_window *w, const uint8_t *plane, int64_t width, uint8_t *out)
{
    for (int64_t y = 0; y < w->height; y++)
        for (int64_t x = 0; x < w->width; x++) *out++ = plane[w->row[y] * width + w->column[x]];
}

static void take_u8_channel(const data_window *w, const data_picture *p, int64_t channel, float *out)
{
    for (int64_t y = 0; y < w->height; y++) {
        const uint8_t *row = (const uint8_t *)p->data + w->row[y] * p->row_stride + channel * p->channel_stride;
        for (int64_t x = 0; x < w->width; x++) *out++ = ((float)row[w->column[x] * p->column_stride] - 127.5f) / 127.5f;
    }
}

static void take_f32_channel(const data_window *w, const data_picture *p, int64_t channel, float *out)
{
    for (int64_t y = 0; y < w->height; y++) {
        const float *row = (const float *)p->data + w->row[y] * p->row_stride + channel * p->channel_stride;
        for (int64_t x = 0; x < w->width; x++) *out++ = row[w->column[x] * p->column_stride];
    }
}

static void take_channel(const data_window *w, const data_picture *p, int64_t channel, float *out)
{
    if (p->dtype == TSR_U8) take_u8_channel(w, p, channel, out);
    else take_f32_channel(w, p, channel, out);
}

static const float SHARE[3] = {0.299f, 0.587f, 0.114f}; /* Rec. 601 luma, as image.h has it */

static tsr_status take_gray(const data_window *w, const data_picture *p, float *out)
{
    int64_t n = w->height * w->width;
    float *channel = tsr_alloc((size_t)n * sizeof *channel);
    if (!channel) return TSR_ENOMEM;
    for (int64_t i = 0; i < n; i++) out[i] = 0;
    for (int64_t c = 0; c < 3; c++) {
        take_channel(w, p, c, channel);
        for (int64_t i = 0; i < n; i++) out[i] += SHARE[c] * channel[i];
    }
    tsr_free(channel);
    return TSR_OK;
}

static tsr_status take_channels(const data_window *w, const data_picture *p, int64_t channels, float *out)
{
    if (channels == 1 && p->channels == 3) return take_gray(w, p, out);
    for (int64_t c = 0; c < channels; c++) take_channel(w, p, p->channels == 1 ? 0 : c, out + c * w->height * w->width);
    return TSR_OK;
}

static void take_wide(const data_window *w, const data_picture *p, int64_t channels, double *out)
{
    bool gray = channels == 1 && p->channels == 3;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t y = 0; y < w->height; y++)
            for (int64_t x = 0; x < w->width; x++, out++) {
                int64_t at = w->row[y] * p->row_stride + w->column[x] * p->column_stride;
                *out = gray ? 0 : element(p, at + (p->channels == 1 ? 0 : c) * p->channel_stride);
                for (int64_t k = 0; gray && k < 3; k++)
                    *out += (double)SHARE[k] * element(p, at + k * p->channel_stride);
            }
}

/* Scale the picture and open the window. */
static tsr_status fit(const tsr_dataset *set, data_picture *picture, const data_view *view, data_window *w)
{
    int64_t height, width;
    scaled_size(set, picture, view->crop, &height, &width);
    if (height != picture->height || width != picture->width) {
        TSR_TRY(check_scaled(set, picture, height, width));
        TSR_TRY(scale(picture, height, width));
    }
    return data_window_open(set, height, width, view, w);
}

tsr_status data_fit(const tsr_dataset *set, data_picture picture, const data_view *view, float *out)
{
    data_window w;
    TSR_TRY(fit(set, &picture, view, &w));
    tsr_status status = take_channels(&w, &picture, set->info.channels, out);
    data_window_close(&w);
    return status;
}

tsr_status data_fit_wide(const tsr_dataset *set, data_picture picture, const data_view *view, double *out)
{
    data_window w;
    TSR_TRY(fit(set, &picture, view, &w));
    take_wide(&w, &picture, set->info.channels, out);
    data_window_close(&w);
    return TSR_OK;
}
