/* conv_matmul.h: convolutions through the table's matrix product, f32 and f64, any layout, groups and dilation. */
#ifndef CONV_MATMUL_H
#define CONV_MATMUL_H

#include "backend/backend.h"

bool conv_matmul_forward(const array *out, const array *x, const array *weight, const array *bias,
                         const conv_params *p);
bool conv_matmul_grad_input(const array *grad_x, const array *grad, const array *weight, const conv_params *p);
bool conv_matmul_grad_weight(const array *grad_weight, const array *grad_bias, const array *grad, const array *x,
                             const conv_params *p);

/* grad_bias [K] = the sums of grad [N, K, ...] over all but K. */
bool conv_sum_bias(const array *grad_bias, const array *grad);

#endif
