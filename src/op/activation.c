/* activation.c: activation functions. Each has a kernel for itself and one for its gradient; activation_grad makes the
   second an operator of its own, whose derivative is the second derivative of the activation, from one table. */
#include "op/pointwise.h"
#include "op_gen.h"

#include <math.h>
#include <string.h>

/* ---- slopes of slopes ---------------------------------------------------------------------------------------------- */

/* f'' at x (or, for functions known by their output, the derivative of f' with respect to the output y). */
typedef tsr_tensor *(*second_derivative)(tsr_tensor *x, const double *p);

/* s (1 - s) for s = sigmoid(x), which is the logistic function's own slope */
static tsr_tensor *logistic_slope(tsr_tensor *s) { return tsr_mul(s, tsr_rsub(s, tsr_scalar(1))); }

/* f' = y (1 - y) */
static tsr_tensor *sigmoid_second(tsr_tensor *y, const double *p)
{
    (void)p;
    return op_shift(op_scale(y, -2), 1);
}

/* f' = 1 - y^2 */
static tsr_tensor *tanh_second(tsr_tensor *y, const double *p)
{
    (void)p;
    return op_scale(y, -2);
}

/* f'' = s (1 - s) (2 + x (1 - 2 s)) */
static tsr_tensor *silu_second(tsr_tensor *x, const double *p)
{
    tsr_tensor *s = tsr_sigmoid(x);
    (void)p;
    return tsr_mul(logistic_slope(s), op_shift(tsr_mul(x, op_shift(op_scale(s, -2), 1)), 2));
}

/* f'' = phi(x) (2 - x^2), phi the normal density */
static tsr_tensor *gelu_second(tsr_tensor *x, const double *p)
{
    tsr_tensor *x2 = tsr_square(x), *density = op_scale(tsr_exp(op_scale(x2, -0.5)), 0.39894228040143267794);
    (void)p;
    return tsr_mul(density, tsr_rsub(x2, tsr_scalar(2)));
}

/* With t = tanh(u), u = k (x + c x^3): f'' = (1 - t^2) (u' + x / 2 (u'' - 2 t u'^2)) */
static tsr_tensor *gelu_tanh_second(tsr_tensor *x, const double *p)
{
    const double k = 0.79788456080286535588, c = 0.044715; /* k = sqrt(2 / pi) */
    tsr_tensor *x2 = tsr_square(x), *du = op_shift(op_scale(x2, 3 * k * c), k), *ddu = op_scale(x, 6 * k * c);
    tsr_tensor *t = tsr_tanh(tsr_mul(x, op_shift(op_scale(x2, k * c), k)));
    tsr_tensor *bend = tsr_sub(ddu, op_scale(tsr_mul(t, tsr_square(du)), 2));
    (void)p;
    return tsr_mul(tsr_rsub(tsr_square(t), tsr_scalar(1)), tsr_add(du, tsr_mul(op_scale(x, 0.5), bend)));
}

/* With t = tanh(softplus(x)), s = sigmoid(x): f'' = (1 - t^2) (2 s + x (s (1 - s) - 2 t s^2)) */
static tsr_tensor *mish_second(tsr_tensor *x, const double *p)
{
    tsr_tensor *s = tsr_sigmoid(x), *t = tsr_tanh(tsr_softplus(x));
    tsr_tensor *bend = tsr_sub(logistic_slope(s), op_scale(tsr_mul(t, tsr_square(s)), 2));
    (void)p;
    return tsr_mul(tsr_rsub(tsr_square(t), tsr_scalar(1)), tsr_add(op_scale(s, 2), tsr_mul(x, bend)));
}

/* f'' = alpha scale k^2 exp(k x) below 0; p = {alpha, scale, k} */
static tsr_tensor *elu_second(tsr_tensor *x, const double *p)
{
    tsr_tensor *below = tsr_clamp(x, .max = TSR_FLOAT(0)); /* exp of a large x would overflow */
    tsr_tensor *curve = op_scale(tsr_exp(op_scale(below, p[2])), p[0] * p[1] * p[2] * p[2]);
    return op_masked(tsr_le(x, tsr_scalar(0)), curve);
}

/* f'' = beta s (1 - s), s = sigmoid(beta x), up to the threshold; p = {beta, threshold} */
static tsr_tensor *softplus_second(tsr_tensor *x, const double *p)
{
    tsr_tensor *u = op_scale(x, p[0]);
    return op_masked(tsr_le(u, tsr_scalar(p[1])), op_scale(logistic_slope(tsr_sigmoid(u)), p[0]));
}

static tsr_tensor *logsigmoid_second(tsr_tensor *x, const double *p)
{
    (void)p;
    return tsr_neg(logistic_slope(tsr_sigmoid(x)));
}

/* f' = x / 3 + 1 / 2 between -3 and 3 */
static tsr_tensor *hardswish_second(tsr_tensor *x, const double *p)
{
    (void)p;
    return op_masked(tsr_lt(tsr_abs(x), tsr_scalar(3)), op_shift(tsr_zeros_like(x), 1.0 / 3));
}

/* NULL: the slope is constant in pieces. */
static const second_derivative seconds[B_COUNT] = {
    [B_SIGMOID_GRAD] = sigmoid_second,
    [B_TANH_GRAD] = tanh_second,
    [B_SILU_GRAD] = silu_second,
    [B_GELU_GRAD] = gelu_second,
    [B_MISH_GRAD] = mish_second,
    [B_GELU_TANH_GRAD] = gelu_tanh_second,
    [B_ELU_GRAD] = elu_second,
    [B_SOFTPLUS_GRAD] = softplus_second,
    [B_LOGSIGMOID_GRAD] = logsigmoid_second,
    [B_HARDSWISH_GRAD] = hardswish_second,
};

/* ---- the gradient as an operator ------------------------------------------------------------------------------------ */

static tsr_tensor *slope(tsr_tensor *grad, tsr_tensor *at, binary_code code, const double *p)
{
    tsr_floats numbers = {.n = 3, .v = {p ? p[0] : 0, p ? p[1] : 0, p ? p[2] : 0}};
    return tsr_activation_grad(grad, at, code, numbers);
}

tsr_tensor *op_activation_grad(op_ctx *c, const tsr_activation_grad_args *a)
{
    tsr_dtype dtype = op_result_type(a->grad, a->at);
    return pointwise_binary(c, (binary_code)a->code, a->grad, a->at, dtype, dtype, a->p.v);
}

void op_activation_grad_grad(op_ctx *c, const tsr_activation_grad_args *a, tsr_tensor *const *grad,
                             tsr_tensor **grad_in)
{
    second_derivative second = seconds[a->code];
    if (op_needs(c, 0)) grad_in[0] = slope(grad[0], a->at, (binary_code)a->code, a->p.v);
    if (op_needs(c, 1) && second) grad_in[1] = tsr_mul(tsr_mul(grad[0], a->grad), second(a->at, a->p.v));
}

/* ---- activations with kernels ---------------------------------------------------------------------------------------- */

static bool refuse_integer(const op_ctx *c, const tsr_tensor *x)
{
    if (op_is_float(x)) return false;
    op_fail(c, "needs an f32 or f64 input, got %s", tsr_dtype_name(x->dtype));
    return true;
}

static tsr_tensor *float_only(op_ctx *c, unary_code code, tsr_tensor *x, const double *p)
{
    return refuse_integer(c, x) ? NULL : pointwise_float(c, code, x, p);
}

#define FORWARD(name, call)                                                                                            \
    tsr_tensor *op_##name(op_ctx *c, const tsr_##name##_args *a) { return call; }

#define DERIVATIVE(name, at, code, p)                                                                                  \
    void op_##name##_grad(op_ctx *c, const tsr_##name##_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)        \
    {                                                                                                                  \
        (void)c, (void)a;                                                                                              \
        grad_in[0] = slope(grad[0], at, code, p);                                                                      \
    }

#define PARAMETERS(...) ((const double[3]){__VA_ARGS__})

FORWARD(sigmoid, pointwise_float(c, U_SIGMOID, a->input, NULL))
DERIVATIVE(sigmoid, op_result(c, 0), B_SIGMOID_GRAD, NULL)
FORWARD(tanh, pointwise_float(c, U_TANH, a->input, NULL))
DERIVATIVE(tanh, op_result(c, 0), B_TANH_GRAD, NULL)
DERIVATIVE(relu, op_result(c, 0), B_RELU_GRAD, NULL)
FORWARD(silu, float_only(c, U_SILU, a->input, NULL))
DERIVATIVE(silu, a->input, B_SILU_GRAD, NULL)
FORWARD(mish, float_only(c, U_MISH, a->input, NULL))
DERIVATIVE(mish, a->input, B_MISH_GRAD, NULL)
FORWARD(logsigmoid, float_only(c, U_LOGSIGMOID, a->input, NULL))
DERIVATIVE(logsigmoid, a->input, B_LOGSIGMOID_GRAD, NULL)
FORWARD(hardsigmoid, float_only(c, U_HARDSIGMOID, a->input, NULL))
DERIVATIVE(hardsigmoid, a->input, B_HARDSIGMOID_GRAD, NULL)
FORWARD(hardswish, float_only(c, U_HARDSWISH, a->input, NULL))
DERIVATIVE(hardswish, a->input, B_HARDSWISH_GRAD, NULL)
FORWARD(leaky_relu, float_only(c, U_LEAKY_RELU, a->input, PARAMETERS(a->negative_slope)))
DERIVATIVE(leaky_relu, a->input, B_LEAKY_RELU_GRAD, PARAMETERS(a->negative_slope))
FORWARD(softplus, float_only(c, U_SOFTPLUS, a->input, PARAMETERS(a->beta, a->threshold)))
DERIVATIVE(softplus, a->input, B_SOFTPLUS_GRAD, PARAMETERS(a->beta, a->threshold))

/* {alpha, scale, input scale}; the constants of the self-normalising one to double precision */
#define SELU PARAMETERS(1.6732632423543772848, 1.0507009873554804934, 1)
FORWARD(elu, float_only(c, U_ELU, a->input, PARAMETERS(a->alpha, 1, 1)))
DERIVATIVE(elu, a->input, B_ELU_GRAD, PARAMETERS(a->alpha, 1, 1))
FORWARD(selu, float_only(c, U_ELU, a->input, SELU))
DERIVATIVE(selu, a->input, B_ELU_GRAD, SELU)
DERIVATIVE(celu, a->input, B_ELU_GRAD, PARAMETERS(a->alpha, 1, 1 / a->alpha))

tsr_tensor *op_celu(op_ctx *c, const tsr_celu_args *a)
{
    if (a->alpha == 0) return op_fail(c, "alpha must not be 0");
    return float_only(c, U_ELU, a->input, PARAMETERS(a->alpha, 1, 1 / a->alpha));
}

tsr_tensor *op_gelu(op_ctx *c, const tsr_gelu_args *a)
{
    bool by_tanh = strcmp(a->approximate, "tanh") == 0;
    return float_only(c, by_tanh ? U_GELU_TANH : U_GELU, a->input, NULL);
}

void op_gelu_grad(op_ctx *c, const tsr_gelu_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    bool by_tanh = strcmp(a->approximate, "tanh") == 0;
    grad_in[0] = slope(grad[0], a->input, by_tanh ? B_GELU_TANH_GRAD : B_GELU_GRAD, NULL);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------ */

static bool refuse_bool(const op_ctx *c, const tsr_tensor *x)
{
    if (x->dtype != TSR_BOOL) return false;
    op_fail(c, "not defined for a bool tensor");
    return true;
}

tsr_tensor *op_relu(op_ctx *c, const tsr_relu_args *a)
{
    if (refuse_bool(c, a->input)) return NULL;
    tsr_dtype dtype = (tsr_dtype)a->input->dtype;
    return pointwise_unary(c, U_RELU, a->input, dtype, dtype, NULL);
}

static tsr_tensor *limited(op_ctx *c, tsr_tensor *x, double low, double high)
{
    tsr_dtype dtype = (tsr_dtype)x->dtype;
    return refuse_bool(c, x) ? NULL : pointwise_unary(c, U_CLAMP, x, dtype, dtype, PARAMETERS(low, high));
}

/* Unlike clamp, these have derivative 0 at the bounds, and 1 at NaN. */
static tsr_tensor *between(tsr_tensor *x, tsr_tensor *grad, double low, double high)
{
    return op_unmasked(tsr_logical_or(tsr_le(x, tsr_scalar(low)), tsr_ge(x, tsr_scalar(high))), grad);
}

FORWARD(relu6, limited(c, a->input, 0, 6))
FORWARD(hardtanh, limited(c, a->input, a->min_val, a->max_val))

void op_relu6_grad(op_ctx *c, const tsr_relu6_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = between(a->input, grad[0], 0, 6);
}

void op_hardtanh_grad(op_ctx *c, const tsr_hardtanh_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = between(a->input, grad[0], a->min_val, a->max_val);
}

tsr_tensor *op_threshold(op_ctx *c, const tsr_threshold_args *a)
{
    if (refuse_bool(c, a->input)) return NULL;
    tsr_dtype dtype = (tsr_dtype)a->input->dtype;
    return pointwise_unary(c, U_THRESHOLD, a->input, dtype, dtype, PARAMETERS(a->threshold, a->value));
}

void op_threshold_grad(op_ctx *c, const tsr_threshold_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = op_unmasked(tsr_le(a->input, tsr_scalar(a->threshold)), grad[0]);
}

/* ---- from other operators ----------------------------------------------------------------------------------------------- */

FORWARD(softsign, refuse_bool(c, a->input) ? NULL : pointwise_float(c, U_SOFTSIGN, a->input, NULL))

void op_softsign_grad(op_ctx *c, const tsr_softsign_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_div(grad[0], tsr_square(op_shift(tsr_abs(a->input), 1)));
}

tsr_tensor *op_tanhshrink(op_ctx *c, const tsr_tanhshrink_args *a)
{
    (void)c;
    return tsr_sub(a->input, tsr_tanh(a->input));
}

/* As x's elements are: a threshold between two of them would be another in kernels of f64. */
static double rounded(const tsr_tensor *x, double threshold)
{
    return x->dtype == TSR_F64 ? threshold : (double)(float)threshold;
}

FORWARD(hardshrink, float_only(c, U_HARDSHRINK, a->input, PARAMETERS(rounded(a->input, a->lambd))))

/* Both shrinks move what is further than lambd from 0 by a constant. */
static tsr_tensor *beyond(tsr_tensor *x, tsr_tensor *grad, double lambd)
{
    return op_unmasked(tsr_le(tsr_abs(x), tsr_scalar(lambd)), grad);
}

void op_hardshrink_grad(op_ctx *c, const tsr_hardshrink_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = beyond(a->input, grad[0], a->lambd);
}

tsr_tensor *op_softshrink(op_ctx *c, const tsr_softshrink_args *a)
{
    if (refuse_integer(c, a->input)) return NULL;
    if (!(a->lambd >= 0 && a->lambd < INFINITY))
        return op_fail(c, "lambd must be a number of at least 0, got %g", a->lambd);
    return pointwise_float(c, U_SOFTSHRINK, a->input, PARAMETERS(rounded(a->input, a->lambd)));
}

void op_softshrink_grad(op_ctx *c, const tsr_softshrink_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = beyond(a->input, grad[0], a->lambd);
}

tsr_tensor *op_prelu_each(op_ctx *c, const tsr_prelu_each_args *a)
{
    tsr_dtype dtype = op_result_type(a->input, a->weight);
    return pointwise_binary(c, B_PRELU, a->input, a->weight, dtype, dtype, NULL);
}

void op_prelu_each_grad(op_ctx *c, const tsr_prelu_each_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *positive = tsr_gt(a->input, tsr_scalar(0));
    if (op_needs(c, 0)) grad_in[0] = tsr_where(positive, grad[0], tsr_mul(grad[0], a->weight));
    if (op_needs(c, 1)) grad_in[1] = tsr_mul(grad[0], op_unmasked(positive, a->input)); /* also where x is infinite */
}

/* The weight with its one dimension where the input has channels. */
tsr_tensor *op_prelu(op_ctx *c, const tsr_prelu_args *a)
{
    tsr_tensor *x = a->input, *w = a->weight;
    int64_t channels = x->ndim > 1 ? x->shape[1] : 1;
    if (w->ndim > 1 || (tensor_numel(w) != 1 && tensor_numel(w) != channels))
        return op_fail(c, "weight %s must hold 1 number or one for each of the %lld channels of input %s",
                       tensor_shape_text(w), (long long)channels, tensor_shape_text(x));
    tsr_shape shape = {.n = x->ndim};
    for (int d = 0; d < x->ndim; d++) shape.v[d] = d == 1 ? tensor_numel(w) : 1;
    if (tensor_numel(w) == 1 || x->ndim < 2) shape = TSR_SCALAR_SHAPE;
    return tsr_prelu_each(x, tsr_reshape(w, shape));
}

tsr_tensor *op_glu(op_ctx *c, const tsr_glu_args *a)
{
    int dim;
    if (refuse_integer(c, a->input)) return NULL;
    if (a->input->ndim == 0) return op_fail(c, "a 0-d input cannot be halved");
    if (!op_wrap_dim(c, op_i64(a->dim), a->input->ndim, &dim)) return NULL;
    int64_t size = a->input->shape[dim];
    if (size % 2) return op_fail(c, "dimension %d of %s must have an even size", dim, tensor_shape_text(a->input));
    tsr_tensor *value = tsr_narrow(a->input, dim, 0, size / 2), *gate = tsr_narrow(a->input, dim, size / 2, size / 2);
    return tsr_mul(value, tsr_sigmoid(gate));
}
