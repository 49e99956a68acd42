/* onnx_pointwise.c: rules for operators element by element, with broadcasting, and for casts. */
#include "onnx_rules.h"

#include <math.h>
#include <string.h>

static void unary(onnx_step *s) { s->out[0] = CALL(s->ours, TENSOR(s->in[0])); }

/* Before version 7, the second input's first dimension could be laid upon `axis` of the first input. */
static tsr_tensor *laid_upon(const onnx_step *s)
{
    tsr_shape shape = tsr_shape_of(s->in[1]);
    int64_t axis = onnx_int(s->node, "axis", -1);
    if (s->opset >= 7 || axis < 0) return s->in[1];
    while (shape.n + axis < tsr_ndim(s->in[0]) && shape.n < TSR_MAX_DIMS) shape.v[shape.n++] = 1;
    return reshaped(s->in[1], shape.v, shape.n);
}

static void binary(onnx_step *s) { s->out[0] = CALL(s->ours, TENSOR(s->in[0]), TENSOR(laid_upon(s))); }

/* Of integers, ONNX's quotient is cut towards 0. */
static void divide(onnx_step *s)
{
    if (is_real(s->in[0])) binary(s);
    else s->out[0] = CALL("div", TENSOR(s->in[0]), TENSOR(s->in[1]), KEY("rounding_mode", TEXT("trunc")));
}

/* ONNX's result has the type of the base. */
static void power(onnx_step *s)
{
    s->out[0] = converted(CALL("pow", TENSOR(s->in[0]), TENSOR(laid_upon(s))), tsr_dtype_of(s->in[0]));
}

static void modulo(onnx_step *s)
{
    s->out[0] = CALL(onnx_int(s->node, "fmod", 0) ? "fmod" : "remainder", TENSOR(s->in[0]), TENSOR(s->in[1]));
}

/* Max, Min, Sum of any number of tensors. */
static void fold(onnx_step *s)
{
    s->out[0] = CALL("clone", TENSOR(s->in[0]));
    for (int32_t i = 1; i < count_inputs(s); i++) s->out[0] = CALL(s->ours, TENSOR(s->out[0]), TENSOR(s->in[i]));
}

static void mean_of_many(onnx_step *s)
{
    fold(s);
    s->out[0] = CALL("div", TENSOR(s->out[0]), INT(count_inputs(s)));
}

/* The bound as input i, or as an attribute (before version 11); NULL: none. */
static tsr_tensor *bound(onnx_step *s, const char *attribute, int32_t i)
{
    if (!onnx_has(s->node, attribute)) return s->in[i];
    return number_like(s->in[0], onnx_float(s->node, attribute, 0));
}

static void clip(onnx_step *s)
{
    tsr_tensor *least = bound(s, "min", 1), *most = bound(s, "max", 2);
    if (!least && !most) s->out[0] = CALL("clone", TENSOR(s->in[0]));
    else s->out[0] = CALL("clamp.tensor", TENSOR(s->in[0]), TENSOR_OR_NONE(least), TENSOR_OR_NONE(most));
}

static void where(onnx_step *s) { s->out[0] = CALL("where", TENSOR(s->in[0]), TENSOR(s->in[1]), TENSOR(s->in[2])); }

static void is_infinite(onnx_step *s)
{
    bool negative = onnx_int(s->node, "detect_negative", 1), positive = onnx_int(s->node, "detect_positive", 1);
    tsr_tensor *infinite = s->out[0] = CALL("isinf", TENSOR(s->in[0]));
    if (negative && positive) return;
    if (!negative && !positive) {
        decline(s, "IsInf that detects nothing");
        return;
    }
    tsr_tensor *side = CALL(negative ? "lt" : "gt", TENSOR(s->in[0]), INT(0));
    s->out[0] = CALL("logical_and", TENSOR(infinite), TENSOR(side));
}

/* ---- activations --------------------------------------------------------------------------------------------------- */

/* Elu, Celu, LeakyRelu, ThresholdedRelu: one number, which they call alpha. */
static void with_alpha(onnx_step *s)
{
    double alpha = onnx_float(s->node, "alpha", strcmp(s->ours, "leaky_relu") ? 1 : 0.01);
    if (!strcmp(s->ours, "threshold")) s->out[0] = CALL(s->ours, TENSOR(s->in[0]), FLOAT(alpha), FLOAT(0));
    else s->out[0] = CALL(s->ours, TENSOR(s->in[0]), FLOAT(alpha));
}

/* Ours is Klambauer's; of another alpha and gamma it is a multiple of ELU. */
static void selu(onnx_step *s)
{
    const double alpha = 1.67326319217681884765625, gamma = 1.05070102214813232421875;
    double a = onnx_float(s->node, "alpha", alpha), g = onnx_float(s->node, "gamma", gamma);
    bool klambauer = fabs(a - alpha) < 1e-6 && fabs(g - gamma) < 1e-6;
    if (klambauer) unary(s);
    else s->out[0] = CALL("mul", TENSOR(CALL("elu", TENSOR(s->in[0]), FLOAT(a))), FLOAT(g));
}

/* clip(alpha x + beta, 0, 1) by ours, which is clip(x / 6 + 1 / 2, 0, 1). */
static void hard_sigmoid(onnx_step *s)
{
    double alpha = onnx_float(s->node, "alpha", 0.2), beta = onnx_float(s->node, "beta", 0.5);
    tsr_tensor *x = CALL("mul", TENSOR(s->in[0]), FLOAT(6 * alpha));
    s->out[0] = CALL("hardsigmoid", TENSOR(CALL("add", TENSOR(x), FLOAT(6 * beta - 3))));
}

static void shrink(onnx_step *s)
{
    double lambda = onnx_float(s->node, "lambd", 0.5), bias = onnx_float(s->node, "bias", 0);
    if (bias != 0 && bias != lambda) {
        decline(s, "Shrink with a bias that is neither 0 nor lambd");
        return;
    }
    s->out[0] = CALL(bias != 0 ? "softshrink" : "hardshrink", TENSOR(s->in[0]), FLOAT(lambda));
}

/* Ours has one slope for all, or one a channel; ONNX broadcasts from the last dimension since version 7. */
static void prelu(onnx_step *s)
{
    tsr_shape slope = tsr_shape_of(s->in[1]), x = tsr_shape_of(s->in[0]);
    int64_t n = tsr_numel(s->in[1]);
    int32_t from_end = x.n - 1;
    bool channels = s->opset < 7 ? slope.n == 1
                                 : from_end >= 1 && slope.n >= from_end && slope.v[slope.n - from_end] == n;
    if (n != 1 && !(channels && x.n > 1 && x.v[1] == n)) {
        decline(s, "PRelu with slopes that are not one a channel");
        return;
    }
    s->out[0] = CALL("prelu", TENSOR(s->in[0]), TENSOR(reshaped(s->in[1], &n, 1)));
}

/* ---- casts --------------------------------------------------------------------------------------------------------- */

static void cast(onnx_step *s)
{
    int64_t type = onnx_int(s->node, "to", 0);
    tsr_dtype dtype = onnx_dtype(type);
    if (dtype == TSR_DTYPE_DEFAULT) {
        decline(s, "elements of type %s", onnx_type_name(type));
        return;
    }
    s->out[0] = converted(s->in[0], dtype);
}

static void cast_like(onnx_step *s) { s->out[0] = converted(s->in[0], tsr_dtype_of(s->in[1])); }

const onnx_rule onnx_pointwise_rules[] = {
    {"Abs", "abs", unary},
    {"Neg", "neg", unary},
    {"Sign", "sign", unary},
    {"Exp", "exp", unary},
    {"Log", "log", unary},
    {"Sqrt", "sqrt", unary},
    {"Reciprocal", "reciprocal", unary},
    {"Floor", "floor", unary},
    {"Ceil", "ceil", unary},
    {"Round", "round", unary},
    {"Sin", "sin", unary},
    {"Cos", "cos", unary},
    {"Tan", "tan", unary},
    {"Asin", "asin", unary},
    {"Acos", "acos", unary},
    {"Atan", "atan", unary},
    {"Sinh", "sinh", unary},
    {"Cosh", "cosh", unary},
    {"Asinh", "asinh", unary},
    {"Acosh", "acosh", unary},
    {"Atanh", "atanh", unary},
    {"Erf", "erf", unary},
    {"Not", "logical_not", unary},
    {"IsNaN", "isnan", unary},
    {"IsInf", NULL, is_infinite},
    {"Add", "add", binary},
    {"Sub", "sub", binary},
    {"Mul", "mul", binary},
    {"Div", "div", divide},
    {"Pow", NULL, power},
    {"Mod", NULL, modulo},
    {"And", "logical_and", binary},
    {"Or", "logical_or", binary},
    {"Xor", "logical_xor", binary},
    {"Equal", "eq", binary},
    {"Greater", "gt", binary},
    {"GreaterOrEqual", "ge", binary},
    {"Less", "lt", binary},
    {"LessOrEqual", "le", binary},
    {"Max", "maximum", fold},
    {"Min", "minimum", fold},
    {"Sum", "add", fold},
    {"Mean", "add", mean_of_many},
    {"Clip", NULL, clip},
    {"Where", NULL, where},
    {"Relu", "relu", unary},
    {"Sigmoid", "sigmoid", unary},
    {"Tanh", "tanh", unary},
    {"Softplus", "softplus", unary},
    {"Softsign", "softsign", unary},
    {"HardSwish", "hardswish", unary},
    {"Mish", "mish", unary},
    {"Elu", "elu", with_alpha},
    {"Celu", "celu", with_alpha},
    {"LeakyRelu", "leaky_relu", with_alpha},
    {"ThresholdedRelu", "threshold", with_alpha},
    {"Selu", "selu", selu},
    {"HardSigmoid", NULL, hard_sigmoid},
    {"Shrink", NULL, shrink},
    {"PRelu", NULL, prelu},
    {"Identity", "clone", unary},
    {"Cast", NULL, cast},
    {"CastLike", NULL, cast_like},
    {NULL, NULL, NULL},
};
