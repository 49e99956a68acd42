/* onednn_private.h: oneDNN's kernels, for onednn.c. Each says whether it took the call. */
#ifndef ONEDNN_PRIVATE_H
#define ONEDNN_PRIVATE_H

#include "backend/backend.h"

typedef enum taken {
    TAKEN,     /* done */
    TAKEN_BAD, /* no memory; the error is set */
    NOT_TAKEN  /* oneDNN has nothing fast for it */
} taken;

/* f32 arrays that are not empty. */
taken onednn_conv_forward(const array *out, const array *x, const array *weight, const array *bias,
                          const conv_params *p);
taken onednn_conv_grad_input(const array *grad_x, const array *grad, const array *weight, const conv_params *p);
taken onednn_conv_grad_weight(const array *grad_weight, const array *grad_bias, const array *grad, const array *x,
                              const conv_params *p);

#endif
