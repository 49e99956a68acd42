/* onnx_rules.h: how ONNX's operators are made of ours, one rule an operator, in tables by family. */
#ifndef ONNX_RULES_H
#define ONNX_RULES_H

#include "onnx_step.h"

typedef struct onnx_rule {
    const char *onnx; /* operator of ONNX */
    const char *ours; /* our operator, when the rule serves several */
    void (*apply)(onnx_step *s);
} onnx_rule;

/* Each ends with a rule without a name. */
extern const onnx_rule onnx_pointwise_rules[], onnx_reduce_rules[], onnx_layer_rules[], onnx_shape_rules[],
    onnx_index_rules[];

#endif
