/* onednn_plan.h: convolution primitives, made once for each shape and kept. */
#ifndef ONEDNN_PLAN_H
#define ONEDNN_PLAN_H

#include "backend/cpu/onednn/onednn_api.h"

/* Everything that a primitive depends on. All members are int64_t, so that keys can be compared as bytes. */
typedef struct plan_key {
    int64_t kind, spatial, has_bias, weights_last, threads;
    int64_t pictures, inputs, outputs, groups;
    int64_t in[3], out[3], kernel[3], stride[3], padding[3], dilation[3];
} plan_key;

typedef struct plan {
    plan_key key;
    bool usable; /* false: oneDNN has nothing fast for it, and that is worth remembering too */
    conv_layouts layouts;
    layout callers_weights; /* as the caller has them; equal to layouts.weights where no reorder is needed */
    bool reorders;
    dnnl_primitive_t conv, reorder;
    size_t conv_scratch, reorder_scratch;
    int64_t users, last_used; /* of the cache */
} plan;

/* The plan for the key, from the cache or new; NULL without memory. Give it back with plan_release. */
plan *plan_get(const plan_key *key);
void plan_release(plan *p);

#endif
