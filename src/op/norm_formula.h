/* norm_formula.h: the gradients of normalisation written with operators. The kernels are faster, but what they compute is
   not recorded: when a graph of the gradient itself is wanted, these are used instead. */
#ifndef OP_NORM_FORMULA_H
#define OP_NORM_FORMULA_H

#include "op/op.h"

/* Rows [r, n] standardised: h = (x - mean) rstd. */
typedef struct norm_rows {
    tsr_tensor *h, *rstd; /* [r, n], [r, 1] */
} norm_rows;
norm_rows norm_rows_of(tsr_tensor *rows, double eps);
/* The gradient of the rows when u is that of h: rstd (u - mean(u) - h mean(u h)). */
tsr_tensor *norm_rows_backward(tsr_tensor *u, norm_rows r);

/* The same of group norm, with SiLU after it or not, for [N, C, ...]; layer norm over the last dimensions; batch norm, where
   mean and rstd [C] are constants unless training. grad_in has room for the gradients of input, weight, bias. */
typedef struct norm_call {
    tsr_tensor *input, *weight, *bias; /* the last two may be NULL */
    tsr_tensor *mean, *rstd;           /* as the kernels left them */
    int64_t groups;
    double eps;
    bool silu, training;
} norm_call;
void norm_group_formula(const norm_call *k, tsr_tensor *grad, tsr_tensor *grad_in[3]);
void norm_layer_formula(const norm_call *k, int kept, tsr_tensor *grad, tsr_tensor *grad_in[3]);
void norm_batch_formula(const norm_call *k, tsr_tensor *grad, tsr_tensor *grad_in[3]);

/* A vector of channels in a shape that broadcasts to t, which is [N, C, ...]. */
tsr_tensor *norm_per_channel(tsr_tensor *vector, const tsr_tensor *t);

/* The sum over all dimensions but the channels of [N, C, ...]: the gradient of a bias, also a convolution's. */
tsr_tensor *norm_channel_sum(tsr_tensor *t);

/* running = (1 - momentum) running + momentum value, in place; nothing when there is no running statistic. Values that
   require no gradient only. */
bool norm_follow(tsr_tensor *running, tsr_tensor *value, double momentum);

#endif
