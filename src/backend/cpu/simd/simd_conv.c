/* simd_conv.c: which way a convolution goes: f32 3x3 and 4x4 with stride 1 by Winograd's algorithm where that was measured to be
   faster, other f32 by oneDNN (but for the weights' gradient of 1x1, which is one matrix product), the rest (and builds
   without oneDNN) through matrix products.

   TSR_EXACT_CONV=1 keeps Winograd's out: its rounding errors are up to twice a direct convolution's (bench/conv_error.c), and
   within a tile they come from the tile's largest inputs: an infinity reaches every output of the tiles that hold it. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/conv_matmul.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/simd/simd_winograd.h"
#include "backend/cpu/stage.h"

enum { FEWEST_TILES = 12, FEWEST_CHANNELS = 16 };

static backend below;

static bool exact; /* TSR_EXACT_CONV */

static void read_exact(void)
{
    const char *text = getenv("TSR_EXACT_CONV");
    exact = text && *text && strcmp(text, "0") != 0;
}

static bool wants_exact(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_exact);
    return exact;
}

/* The side of the weights of a plain 2-d convolution with stride 1 that Winograd's algorithm is written for; 0: another. */
static int winograd_taps(const array *weight, const conv_params *p)
{
    int64_t taps = p->spatial == 2 && p->groups == 1 ? weight->shape[2] : 0;
    if (taps != 3 && taps != 4) return 0;
    for (int d = 0; d < 2; d++)
        if (weight->shape[2 + d] != taps || p->stride[d] != 1 || p->dilation[d] != 1 || p->padding[d] >= taps) return 0;
    return (int)taps;
}

/* A quarter of the multiplications, if tiles are filled; they must be filled by more than two fifths. Few outputs
   pay too (3 of 32: 2.3 times oneDNN's speed), few inputs do not, nor few outputs for the weights' gradient. Returns the
   weights' side, or 0. */
static int winograd_pays(const array *x, const array *weight, const array *out, const conv_params *p)
{
    int taps = x->dtype == TSR_F32 ? winograd_taps(weight, p) : 0;
    if (taps == 0 || array_numel(x) == 0 || array_numel(out) == 0) return 0;
    if (x->shape[1] < FEWEST_CHANNELS || wants_exact()) return 0;
    int64_t tile = 7 - taps, rows = (out->shape[2] + tile - 1) / tile, columns = (out->shape[3] + tile - 1) / tile;
    int64_t tiles = out->shape[0] * rows * columns, positions = out->shape[0] * out->shape[2] * out->shape[3];
    return tiles >= FEWEST_TILES && positions * 5 > tiles * tile * tile * 2 ? taps : 0;
}

static bool winograd_conv(const array *out, const array *x, const winograd_weights *w, int taps, const array *bias,
                          int64_t pad_h, int64_t pad_w)
{
    stage sx = {0}, so = {0}, sb = {0};
    bool ok = stage_input(&sx, x, STAGE_CHANNELS_LAST) && stage_output(&so, out, STAGE_CHANNELS_LAST) &&
              stage_input(&sb, bias, STAGE_ROW_MAJOR);
    if (ok) {
        winograd g = TIER(winograd_make)(x, out, taps, pad_h, pad_w);
        ok = TIER(winograd_forward)(&g, so.a.data, sx.a.data, w, sb.a.data) && stage_deliver(&so, out);
    }
    stage_free(&sx);
    stage_free(&so);
    stage_free(&sb);
    return ok;
}

static bool conv_forward(const array *out, const array *x, const array *weight, const array *bias, const conv_params *p)
{
    int taps = winograd_pays(x, weight, out, p);
    if (taps > 0) {
        winograd_weights w = {weight->data,      weight->stride[0], weight->stride[1],
                              weight->stride[2], weight->stride[3], false};
        return winograd_conv(out, x, &w, taps, bias, p->padding[0], p->padding[1]);
    }
    return below.conv_forward(out, x, weight, bias, p);
}

/* The gradient is convolved with the weights flipped in space and turned. */
static bool conv_grad_input(const array *grad_x, const array *grad, const array *weight, const conv_params *p)
{
    int taps = winograd_pays(grad, weight, grad_x, p), last = taps - 1;
    if (taps > 0) {
        winograd_weights w = {weight->data,      weight->stride[1], weight->stride[0],
                              weight->stride[2], weight->stride[3], true};
        return winograd_conv(grad_x, grad, &w, taps, NULL, last - p->padding[0], last - p->padding[1]);
    }
    return below.conv_grad_input(grad_x, grad, weight, p);
}

static bool is_plain_1x1(const array *weight, const conv_params *p)
{
    bool plain = p->groups == 1;
    for (int d = 0; plain && d < p->spatial; d++)
        plain = weight->shape[2 + d] == 1 && p->stride[d] == 1 && p->padding[d] == 0;
    return plain;
}

static bool winograd_weight(const array *grad_weight, const array *grad, const array *x, int taps, const conv_params *p)
{
    stage sx = {0}, sg = {0};
    bool ok = stage_input(&sx, x, STAGE_CHANNELS_LAST) && stage_input(&sg, grad, STAGE_CHANNELS_LAST);
    if (ok) {
        winograd g = TIER(winograd_make)(x, grad, taps, p->padding[0], p->padding[1]);
        ok = TIER(winograd_grad_weight)(&g, grad_weight, sg.a.data, sx.a.data);
    }
    stage_free(&sx);
    stage_free(&sg);
    return ok;
}

static bool conv_grad_weight(const array *grad_weight, const array *grad_bias, const array *grad, const array *x,
                             const conv_params *p)
{
    int taps = grad->shape[1] >= FEWEST_CHANNELS ? winograd_pays(x, grad_weight, grad, p) : 0;
    if (taps > 0)
        return winograd_weight(grad_weight, grad, x, taps, p) && (!grad_bias || conv_sum_bias(grad_bias, grad));
    if (is_plain_1x1(grad_weight, p)) return conv_matmul_grad_weight(grad_weight, grad_bias, grad, x, p);
    return below.conv_grad_weight(grad_weight, grad_bias, grad, x, p);
}

void TIER(simd_conv_fill)(backend *b)
{
#ifndef TSR_HAVE_ONEDNN
    b->conv_forward = conv_matmul_forward;
    b->conv_grad_input = conv_matmul_grad_input;
    b->conv_grad_weight = conv_matmul_grad_weight;
#endif
    if (b->conv_forward != conv_forward) below = *b;
    b->conv_forward = conv_forward;
    b->conv_grad_input = conv_grad_input;
    b->conv_grad_weight = conv_grad_weight;
}
