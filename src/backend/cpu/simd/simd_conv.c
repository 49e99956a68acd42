/* simd_conv.c: which way a convolution goes: f32 3x3 and 4x4 with stride 1 or 2 by Winograd's algorithm where that was measured
   to be faster, other f32 by oneDNN (but for the weights' gradient of 1x1, which is one matrix product), the rest (and builds
   without oneDNN) through matrix products.

   TSR_EXACT_CONV=1 keeps Winograd's out: its rounding errors are up to twice a direct convolution's, eight times for gradients
   with stride 2 (bench/conv_error.c), and within a tile they come from the tile's largest inputs: an infinity reaches every output of the tiles that hold it. */
#include <pthread.h>
#include <string.h>

#include "backend/cpu/conv_matmul.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/simd/simd_winograd.h"
#include "backend/cpu/stage.h"
#include "base/util.h"

/* What pays at least. With stride 2 a phase of the input's gradient takes so little that its transforms count. */
enum { FEWEST_TILES = 12, FEWEST_TILES_2 = 8, FEWEST_CHANNELS = 16, FEWEST_CHANNELS_2 = 32 };
enum { MOST_WEIGHTS = 1 << 23 }; /* transformed */

static backend below;

static bool exact; /* TSR_EXACT_CONV */

static void read_exact(void) { exact = tsr_env_switch("TSR_EXACT_CONV"); }

static bool wants_exact(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_exact);
    return exact;
}

/* A plain 2-d convolution that Winograd's algorithm is written for: the side of its weights and its stride. */
static bool is_winograd(const array *weight, const conv_params *p)
{
    if (p->spatial != 2 || p->groups != 1) return false;
    int64_t side = weight->shape[2];
    if (side != 3 && side != 4) return false;
    for (int d = 0; d < 2; d++)
        if (weight->shape[2 + d] != side || p->stride[d] != p->stride[0] || p->dilation[d] != 1 ||
            p->padding[d] >= side)
            return false;
    return p->stride[0] == 1 || p->stride[0] == 2;
}

static bool may_use_winograd(const array *x, const array *weight, const array *out, const conv_params *p)
{
    return x->dtype == TSR_F32 && x->shape[1] >= FEWEST_CHANNELS && is_winograd(weight, p) && array_numel(x) > 0 &&
           array_numel(out) > 0 && !wants_exact();
}

/* Multiplications for each pair of channels. */
static int64_t products_of(const winograd *g)
{
    int64_t each = 0;
    for (int i = 0; i < g->phases; i++) each += (g->tile + g->phase[i].rows - 1) * (g->tile + g->phase[i].columns - 1);
    return g->tiles * each;
}

/* With stride 2 all transformed weights, and their gradients, lie in memory at once: 6 to 11 times the weights. */
static bool has_room(const winograd *g, const array *weight)
{
    return g->step == 1 || products_of(g) / g->tiles * weight->shape[0] * weight->shape[1] <= MOST_WEIGHTS;
}

/* A direct convolution has at least 1.6 times the multiplications: tiles are filled (4 times with stride 1, 2.6 with 4x4 and 1.8
   with 3x3 weights and stride 2 if wholly). */
static bool has_few_products(int64_t products, const array *weight, const array *out)
{
    int64_t positions = out->shape[0] * out->shape[2] * out->shape[3];
    return weight->shape[2] * weight->shape[3] * positions * 5 > products * 8;
}

/* Few outputs pay too with stride 1 (3 of 32: 2.3 times oneDNN's speed), few inputs do not. */
static bool winograd_pays(const array *x, const array *weight, const array *out, const conv_params *p)
{
    if (!may_use_winograd(x, weight, out, p)) return false;
    winograd g = TIER(winograd_make)(x, out, (int)weight->shape[2], (int)p->stride[0], p->padding);
    if (g.step == 2 ? g.tiles < FEWEST_TILES_2 || g.k < FEWEST_CHANNELS : g.tiles < FEWEST_TILES) return false;
    return has_few_products(products_of(&g), weight, out) && has_room(&g, weight);
}

static bool winograd_pays_turned(const array *grad_x, const array *grad, const array *weight, const conv_params *p)
{
    if (!may_use_winograd(grad, weight, grad_x, p)) return false;
    int step = (int)p->stride[0];
    if (step == 2 && (grad->shape[1] < FEWEST_CHANNELS_2 || grad_x->shape[1] < FEWEST_CHANNELS_2)) return false;
    int64_t products = 0;
    for (int phase = 0; phase < step * step; phase++) {
        winograd g = TIER(winograd_make_turned)(grad, grad_x, (int)weight->shape[2], step, p->padding, phase);
        if (g.tiles < FEWEST_TILES || !has_room(&g, weight)) return false;
        products += products_of(&g);
    }
    return has_few_products(products, weight, step == 2 ? grad : grad_x);
}

static bool winograd_conv(const array *out, const array *x, const array *weight, const array *bias,
                          const conv_params *p)
{
    winograd_weights w = {weight->data,      weight->stride[0], weight->stride[1],
                          weight->stride[2], weight->stride[3], false};
    stage sx = {0}, so = {0}, sb = {0};
    bool ok = stage_input(&sx, x, STAGE_CHANNELS_LAST) && stage_output(&so, out, STAGE_CHANNELS_LAST) &&
              stage_input(&sb, bias, STAGE_ROW_MAJOR);
    if (ok) {
        winograd g = TIER(winograd_make)(x, out, (int)weight->shape[2], (int)p->stride[0], p->padding);
        ok = TIER(winograd_forward)(&g, 1, so.a.data, sx.a.data, &w, sb.a.data) && stage_deliver(&so, out);
    }
    stage_free(&sx);
    stage_free(&so);
    stage_free(&sb);
    return ok;
}

static bool conv_forward(const array *out, const array *x, const array *weight, const array *bias, const conv_params *p)
{
    if (winograd_pays(x, weight, out, p)) return winograd_conv(out, x, weight, bias, p);
    return below.conv_forward(out, x, weight, bias, p);
}

/* The gradient is convolved with the weights flipped in space and turned, for each phase of the stride. */
static bool winograd_turned(const array *grad_x, const array *grad, const array *weight, const conv_params *p)
{
    winograd_weights w = {weight->data,      weight->stride[1], weight->stride[0],
                          weight->stride[2], weight->stride[3], true};
    int side = (int)weight->shape[2], step = (int)p->stride[0];
    stage sx = {0}, sg = {0};
    bool ok = stage_input(&sg, grad, STAGE_CHANNELS_LAST) && stage_output(&sx, grad_x, STAGE_CHANNELS_LAST);
    winograd g[MOST_PHASES];
    for (int i = 0; i < step * step; i++) g[i] = TIER(winograd_make_turned)(grad, grad_x, side, step, p->padding, i);
    ok = ok && TIER(winograd_forward)(g, step * step, sx.a.data, sg.a.data, &w, NULL) && stage_deliver(&sx, grad_x);
    stage_free(&sx);
    stage_free(&sg);
    return ok;
}

static bool conv_grad_input(const array *grad_x, const array *grad, const array *weight, const conv_params *p)
{
    if (winograd_pays_turned(grad_x, grad, weight, p)) return winograd_turned(grad_x, grad, weight, p);
    return below.conv_grad_input(grad_x, grad, weight, p);
}

static bool is_plain_1x1(const array *weight, const conv_params *p)
{
    bool plain = p->groups == 1;
    for (int d = 0; plain && d < p->spatial; d++)
        plain = weight->shape[2 + d] == 1 && p->stride[d] == 1 && p->padding[d] == 0;
    return plain;
}

static bool winograd_weight(const array *grad_weight, const array *grad, const array *x, const conv_params *p)
{
    stage sx = {0}, sg = {0};
    bool ok = stage_input(&sx, x, STAGE_CHANNELS_LAST) && stage_input(&sg, grad, STAGE_CHANNELS_LAST);
    if (ok) {
        winograd g = TIER(winograd_make)(x, grad, (int)grad_weight->shape[2], (int)p->stride[0], p->padding);
        ok = TIER(winograd_grad_weight)(&g, grad_weight, sg.a.data, sx.a.data);
    }
    stage_free(&sx);
    stage_free(&sg);
    return ok;
}

static bool conv_grad_weight(const array *grad_weight, const array *grad_bias, const array *grad, const array *x,
                             const conv_params *p)
{
    if (grad->shape[1] >= FEWEST_CHANNELS && winograd_pays(x, grad_weight, grad, p))
        return winograd_weight(grad_weight, grad, x, p) && (!grad_bias || conv_sum_bias(grad_bias, grad));
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
