/* onednn.c: puts oneDNN's convolutions into a table. What they do not take goes to the path through matrix products. */
#include "backend/cpu/onednn/onednn.h"

#include "backend/cpu/conv_matmul.h"
#include "backend/cpu/onednn/onednn_private.h"
#include "backend/cpu/stage.h"

static bool f32_and_not_empty(const array *a, const array *b)
{
    return a->dtype == TSR_F32 && array_numel(a) > 0 && array_numel(b) > 0;
}

static bool conv_forward(const array *out, const array *x, const array *weight, const array *bias, const conv_params *p)
{
    taken t = f32_and_not_empty(x, weight) && array_numel(out) > 0 ? onednn_conv_forward(out, x, weight, bias, p)
                                                                   : NOT_TAKEN;
    return t == NOT_TAKEN ? conv_matmul_forward(out, x, weight, bias, p) : t == TAKEN;
}

static bool conv_grad_input(const array *grad_x, const array *grad, const array *weight, const conv_params *p)
{
    taken t = f32_and_not_empty(grad, weight) && array_numel(grad_x) > 0
                  ? onednn_conv_grad_input(grad_x, grad, weight, p)
                  : NOT_TAKEN;
    return t == NOT_TAKEN ? conv_matmul_grad_input(grad_x, grad, weight, p) : t == TAKEN;
}

static bool conv_grad_weight(const array *grad_weight, const array *grad_bias, const array *grad, const array *x,
                             const conv_params *p)
{
    taken t = f32_and_not_empty(grad, x) && array_numel(grad_weight) > 0
                  ? onednn_conv_grad_weight(grad_weight, grad_bias, grad, x, p)
                  : NOT_TAKEN;
    return t == NOT_TAKEN ? conv_matmul_grad_weight(grad_weight, grad_bias, grad, x, p) : t == TAKEN;
}

void onednn_fill(backend *b)
{
    b->conv_forward = conv_forward;
    b->conv_grad_input = conv_grad_input;
    b->conv_grad_weight = conv_grad_weight;
}
