/* onednn_conv.c: convolutions by oneDNN's primitives.

   Activations are given to it channels-last, which costs a few per cent against its own blocked layouts and saves every
   reordering between layers; arrays in another layout are copied. Weights are small: they are reordered into the layout
   that the primitive asks for at each call, and their gradient out of it. */
#include <omp.h>

#include "backend/cpu/onednn/onednn_plan.h"
#include "backend/cpu/onednn/onednn_private.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"

/* One call: the four operands in the layouts that oneDNN is given. Results are among them. */
typedef struct conv_call {
    stage src, weights, bias, dst;
} conv_call;

static void call_free(conv_call *c)
{
    stage_free(&c->src);
    stage_free(&c->weights);
    stage_free(&c->bias);
    stage_free(&c->dst);
}

static stage_layout weights_layout(const array *weight)
{
    return stage_has_layout(weight, STAGE_CHANNELS_LAST) ? STAGE_CHANNELS_LAST : STAGE_ROW_MAJOR;
}

static plan *plan_for(conv_kind kind, const array *src, const array *weight, bool has_bias, const array *dst,
                      const conv_params *p)
{
    plan_key k = {.kind = kind,
                  .spatial = p->spatial,
                  .has_bias = has_bias,
                  .weights_last = weights_layout(weight) == STAGE_CHANNELS_LAST,
                  .threads = omp_in_parallel() ? 1 : tsr_num_threads(),
                  .pictures = src->shape[0],
                  .inputs = src->shape[1],
                  .outputs = dst->shape[1],
                  .groups = p->groups};
    for (int d = 0; d < p->spatial; d++) {
        k.in[d] = src->shape[2 + d];
        k.out[d] = dst->shape[2 + d];
        k.kernel[d] = weight->shape[2 + d];
        k.stride[d] = p->stride[d];
        k.padding[d] = p->padding[d];
        k.dilation[d] = p->dilation[d];
    }
    return plan_get(&k);
}

static bool run_reorder(const plan *p, void *from, void *to, void *scratch)
{
    bool out = p->key.kind == CONV_BACKWARD_WEIGHTS;
    onednn_argument a[2] = {{DNNL_ARG_FROM, out ? &p->layouts.weights : &p->callers_weights, from},
                            {DNNL_ARG_TO, out ? &p->callers_weights : &p->layouts.weights, to}};
    return onednn_run(p->reorder, 2, a, scratch, p->reorder_scratch);
}

static bool run_conv(const plan *p, const conv_call *c, void *weights, void *scratch)
{
    static const int numbers[3][4] = {
        [CONV_FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS},
        [CONV_BACKWARD_DATA] = {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_BIAS},
        [CONV_BACKWARD_WEIGHTS] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_BIAS}};
    const int *number = numbers[p->key.kind];
    onednn_argument a[4] = {{number[0], &p->layouts.src, c->src.a.data},
                            {number[1], &p->layouts.weights, weights},
                            {number[2], &p->layouts.dst, c->dst.a.data},
                            {number[3], &p->layouts.bias, c->bias.a.data}};
    return onednn_run(p->conv, p->layouts.has_bias ? 4 : 3, a, scratch, p->conv_scratch);
}

static bool run_with(const plan *p, const conv_call *c, char *weights, char *scratch)
{
    void *callers = c->weights.a.data;
    if (!p->reorders) return run_conv(p, c, callers, scratch);
    if (p->key.kind == CONV_BACKWARD_WEIGHTS)
        return run_conv(p, c, weights, scratch) && run_reorder(p, weights, callers, scratch);
    return run_reorder(p, callers, weights, scratch) && run_conv(p, c, weights, scratch);
}

/* oneDNN itself fails only for lack of memory once a primitive exists. */
static taken run(const plan *p, const conv_call *c)
{
    size_t scratch_bytes = p->conv_scratch > p->reorder_scratch ? p->conv_scratch : p->reorder_scratch;
    char *weights = tsr_alloc(p->reorders ? layout_bytes(&p->layouts.weights) : 0), *scratch = tsr_alloc(scratch_bytes);
    bool memory = weights && scratch;
    bool ok = memory && run_with(p, c, weights, scratch);
    tsr_free(weights);
    tsr_free(scratch);
    if (memory && !ok) tsr_fail(TSR_ENOMEM, "convolution: oneDNN could not run it (no memory)");
    return ok ? TAKEN : TAKEN_BAD;
}

/* In three dimensions a sum has many terms, and single precision feels their order: conv_matmul.c takes it as PyTorch does. */
static bool left_to_matmul(const conv_params *p) { return p->spatial == 3; }

taken onednn_conv_forward(const array *out, const array *x, const array *weight, const array *bias,
                          const conv_params *p)
{
    if (left_to_matmul(p)) return NOT_TAKEN;
    plan *q = plan_for(CONV_FORWARD, x, weight, bias != NULL, out, p);
    if (!q) return TAKEN_BAD;
    taken t = q->usable ? TAKEN_BAD : NOT_TAKEN;
    conv_call c = {0};
    if (q->usable && stage_input(&c.src, x, STAGE_CHANNELS_LAST) &&
        stage_input(&c.weights, weight, weights_layout(weight)) && stage_input(&c.bias, bias, STAGE_ROW_MAJOR) &&
        stage_output(&c.dst, out, STAGE_CHANNELS_LAST))
        t = run(q, &c);
    if (t == TAKEN && !stage_deliver(&c.dst, out)) t = TAKEN_BAD;
    call_free(&c);
    plan_release(q);
    return t;
}

taken onednn_conv_grad_input(const array *grad_x, const array *grad, const array *weight, const conv_params *p)
{
    if (left_to_matmul(p)) return NOT_TAKEN;
    plan *q = plan_for(CONV_BACKWARD_DATA, grad_x, weight, false, grad, p);
    if (!q) return TAKEN_BAD;
    taken t = q->usable ? TAKEN_BAD : NOT_TAKEN;
    conv_call c = {0};
    if (q->usable && stage_input(&c.dst, grad, STAGE_CHANNELS_LAST) &&
        stage_input(&c.weights, weight, weights_layout(weight)) && stage_output(&c.src, grad_x, STAGE_CHANNELS_LAST))
        t = run(q, &c);
    if (t == TAKEN && !stage_deliver(&c.src, grad_x)) t = TAKEN_BAD;
    call_free(&c);
    plan_release(q);
    return t;
}

taken onednn_conv_grad_weight(const array *grad_weight, const array *grad_bias, const array *grad, const array *x,
                              const conv_params *p)
{
    plan *q = plan_for(CONV_BACKWARD_WEIGHTS, x, grad_weight, grad_bias != NULL, grad, p);
    if (!q) return TAKEN_BAD;
    taken t = q->usable ? TAKEN_BAD : NOT_TAKEN;
    conv_call c = {0};
    if (q->usable && stage_input(&c.src, x, STAGE_CHANNELS_LAST) && stage_input(&c.dst, grad, STAGE_CHANNELS_LAST) &&
        stage_output(&c.weights, grad_weight, weights_layout(grad_weight)) &&
        stage_output(&c.bias, grad_bias, STAGE_ROW_MAJOR))
        t = run(q, &c);
    if (t == TAKEN && !(stage_deliver(&c.weights, grad_weight) && stage_deliver(&c.bias, grad_bias))) t = TAKEN_BAD;
    call_free(&c);
    plan_release(q);
    return t;
}
