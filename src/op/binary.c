/* binary.c: functions of two and three numbers: arithmetic, limits, choices.

   A function checks which operands may be plain numbers, finds the dtype it is computed in and calls a kernel. Of
   booleans, + is or, * is and, larger is or, smaller is and, as in PyTorch. */
#include "op/pointwise.h"
#include "op_gen.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef tsr_tensor *const *gradients;

/* ---- arithmetic --------------------------------------------------------------------------------------------------- */

static tsr_tensor *promoted(op_ctx *c, binary_code code, tsr_tensor *x, tsr_tensor *y, const double *p)
{
    tsr_dtype dtype = op_result_type(x, y);
    return pointwise_binary(c, code, x, y, dtype, dtype, p);
}

static tsr_tensor *in_float(op_ctx *c, binary_code code, tsr_tensor *x, tsr_tensor *y)
{
    tsr_dtype dtype = op_float_type(op_result_type(x, y));
    return pointwise_binary(c, code, x, y, dtype, dtype, NULL);
}

static tsr_tensor *float_only(op_ctx *c, binary_code code, tsr_tensor *x, tsr_tensor *y)
{
    tsr_dtype dtype = op_result_type(x, y);
    if (!pointwise_numbers(c, NUMBERS_NONE, x, y)) return NULL;
    if (!tsr_dtype_is_floating(dtype)) return op_fail(c, "needs floating operands, got %s", tsr_dtype_name(dtype));
    return pointwise_binary(c, code, x, y, dtype, dtype, NULL);
}

/* A function that is a logical one of two booleans. */
static tsr_tensor *or_logical(op_ctx *c, binary_code code, binary_code of_bools, tsr_tensor *x, tsr_tensor *y,
                              const double *p)
{
    return promoted(c, op_result_type(x, y) == TSR_BOOL ? of_bools : code, x, y, p);
}

static tsr_tensor *scaled(tsr_tensor *t, tsr_number factor)
{
    return op_f64(factor) == 1 ? t : op_scale(t, op_f64(factor));
}

tsr_tensor *op_add(op_ctx *c, const tsr_add_args *a)
{
    double alpha = op_f64(a->alpha);
    if (!pointwise_factor(c, "alpha", a->alpha, op_result_type(a->input, a->other))) return NULL;
    return or_logical(c, B_ADD, B_LOGICAL_OR, a->input, a->other, &alpha);
}

void op_add_grad(op_ctx *c, const tsr_add_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = grad[0];
    if (op_needs(c, 1)) grad_in[1] = scaled(grad[0], a->alpha);
}

static tsr_tensor *subtract(op_ctx *c, tsr_tensor *x, tsr_tensor *y, tsr_number alpha)
{
    double factor = op_f64(alpha);
    tsr_dtype dtype = op_result_type(x, y);
    if (x->dtype == TSR_BOOL || y->dtype == TSR_BOOL)
        return op_fail(c, "subtraction of a bool tensor is not defined; logical_xor and logical_not are");
    if (!pointwise_factor(c, "alpha", alpha, dtype)) return NULL;
    return pointwise_binary(c, B_SUB, x, y, dtype, dtype, &factor);
}

tsr_tensor *op_sub(op_ctx *c, const tsr_sub_args *a) { return subtract(c, a->input, a->other, a->alpha); }

void op_sub_grad(op_ctx *c, const tsr_sub_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = grad[0];
    if (op_needs(c, 1)) grad_in[1] = op_scale(grad[0], -op_f64(a->alpha));
}

tsr_tensor *op_rsub(op_ctx *c, const tsr_rsub_args *a)
{
    if (!pointwise_numbers(c, NUMBERS_RIGHT, a->input, a->other)) return NULL;
    return subtract(c, a->other, a->input, a->alpha);
}

void op_rsub_grad(op_ctx *c, const tsr_rsub_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = op_scale(grad[0], -op_f64(a->alpha));
    if (op_needs(c, 1)) grad_in[1] = grad[0];
}

tsr_tensor *op_mul(op_ctx *c, const tsr_mul_args *a)
{
    return or_logical(c, B_MUL, B_LOGICAL_AND, a->input, a->other, NULL);
}

void op_mul_grad(op_ctx *c, const tsr_mul_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_mul(grad[0], a->other);
    if (op_needs(c, 1)) grad_in[1] = tsr_mul(grad[0], a->input);
}

/* ---- division ------------------------------------------------------------------------------------------------------- */

/* Integer division by zero has no answer; of floats it is infinite or NaN. */
static tsr_tensor *divide_whole(op_ctx *c, binary_code code, tsr_tensor *x, tsr_tensor *y)
{
    tsr_dtype dtype = op_result_type(x, y);
    if (dtype == TSR_BOOL) return op_fail(c, "not defined for bool tensors");
    if (!tsr_dtype_is_floating(dtype) && tsr_item_int(tsr_all(y)) == 0) return op_fail(c, "integer division by zero");
    return pointwise_binary(c, code, x, y, dtype, dtype, NULL);
}

tsr_tensor *op_div(op_ctx *c, const tsr_div_args *a)
{
    const char *mode = a->rounding_mode;
    if (!mode) return in_float(c, B_DIV, a->input, a->other);
    return divide_whole(c, strcmp(mode, "floor") == 0 ? B_DIV_FLOOR : B_DIV_TRUNC, a->input, a->other);
}

void op_div_grad(op_ctx *c, const tsr_div_args *a, gradients grad, tsr_tensor **grad_in)
{
    tsr_tensor *share = a->rounding_mode ? tsr_zeros_like(grad[0]) : tsr_div(grad[0], a->other);
    if (op_needs(c, 0)) grad_in[0] = share;
    if (!op_needs(c, 1)) return;
    grad_in[1] = a->rounding_mode ? share : tsr_neg(tsr_mul(share, tsr_div(a->input, a->other)));
}

tsr_tensor *op_floor_divide(op_ctx *c, const tsr_floor_divide_args *a)
{
    return divide_whole(c, B_DIV_FLOOR, a->input, a->other);
}

tsr_tensor *op_remainder(op_ctx *c, const tsr_remainder_args *a)
{
    if (!pointwise_numbers(c, NUMBERS_ONE, a->input, a->other)) return NULL;
    return divide_whole(c, B_REMAINDER, a->input, a->other);
}

void op_remainder_grad(op_ctx *c, const tsr_remainder_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = grad[0];
    if (op_needs(c, 1)) grad_in[1] = tsr_neg(tsr_mul(grad[0], tsr_div(a->input, a->other, "floor")));
}

tsr_tensor *op_fmod(op_ctx *c, const tsr_fmod_args *a)
{
    if (!pointwise_numbers(c, NUMBERS_RIGHT, a->input, a->other)) return NULL;
    return divide_whole(c, B_FMOD, a->input, a->other);
}

void op_fmod_grad(op_ctx *c, const tsr_fmod_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = grad[0];
    if (op_needs(c, 1)) grad_in[1] = tsr_neg(tsr_mul(grad[0], tsr_div(a->input, a->other, "trunc")));
}

/* ---- powers and logarithms --------------------------------------------------------------------------------------------- */

/* The powers that have kernels of their own; -1 otherwise. */
static int special_power(const tsr_tensor *exponent, tsr_dtype dtype)
{
    double e = exponent->wrapped_number ? tsr_item(exponent) : 0;
    if (e == 2) return U_SQUARE;
    if (!tsr_dtype_is_floating(dtype)) return -1;
    return e == 0.5 ? U_SQRT : e == -0.5 ? U_RSQRT : e == -1 ? U_RECIPROCAL : -1;
}

tsr_tensor *op_pow(op_ctx *c, const tsr_pow_args *a)
{
    if (!pointwise_numbers(c, NUMBERS_ONE, a->input, a->exponent)) return NULL;
    tsr_dtype dtype = op_result_type(a->input, a->exponent);
    if (dtype == TSR_BOOL) return op_fail(c, "not defined for bool tensors");
    bool integral = !tsr_dtype_is_floating(dtype);
    if (integral && a->exponent->wrapped_number && tsr_item_int(a->exponent) < 0)
        return op_fail(c, "integers have no power of %lld", (long long)tsr_item_int(a->exponent));
    int special = special_power(a->exponent, dtype);
    if (special >= 0) return pointwise_unary(c, (unary_code)special, a->input, dtype, dtype, NULL);
    return pointwise_binary(c, B_POW, a->input, a->exponent, dtype, dtype, NULL);
}

/* e x^(e - 1), which is 0 for e = 0 even where x is 0 */
static tsr_tensor *power_slope(tsr_tensor *x, tsr_tensor *e)
{
    if (e->wrapped_number) {
        double n = tsr_item(e);
        return n == 0 ? tsr_zeros_like(x) : n == 2 ? op_scale(x, 2) : op_scale(tsr_pow(x, tsr_scalar(n - 1)), n);
    }
    return op_unmasked(tsr_eq(e, tsr_scalar(0)), tsr_mul(e, tsr_pow(x, op_shift(e, -1))));
}

/* x^e log(x), which is 0 for x = 0 and e >= 0 */
static tsr_tensor *exponent_slope(tsr_tensor *x, tsr_tensor *e)
{
    tsr_tensor *limit = tsr_logical_and(tsr_ge(e, tsr_scalar(0)), tsr_logical_not(x));
    return op_unmasked(limit, tsr_mul(tsr_pow(x, e), tsr_log(x)));
}

void op_pow_grad(op_ctx *c, const tsr_pow_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_mul(grad[0], power_slope(a->input, a->exponent));
    if (op_needs(c, 1)) grad_in[1] = tsr_mul(grad[0], exponent_slope(a->input, a->exponent));
}

tsr_tensor *op_logaddexp(op_ctx *c, const tsr_logaddexp_args *a)
{
    return float_only(c, B_LOGADDEXP, a->input, a->other);
}

void op_logaddexp_grad(op_ctx *c, const tsr_logaddexp_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_mul(grad[0], tsr_sigmoid(tsr_sub(a->input, a->other)));
    if (op_needs(c, 1)) grad_in[1] = tsr_mul(grad[0], tsr_sigmoid(tsr_sub(a->other, a->input)));
}

tsr_tensor *op_xlogy(op_ctx *c, const tsr_xlogy_args *a)
{
    return pointwise_numbers(c, NUMBERS_ONE, a->input, a->other) ? in_float(c, B_XLOGY, a->input, a->other) : NULL;
}

void op_xlogy_grad(op_ctx *c, const tsr_xlogy_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) {
        tsr_tensor *positive = a->other->dtype == TSR_BOOL ? a->other : tsr_relu(a->other); /* also a plain number */
        tsr_tensor *no_log = tsr_logical_not(positive);
        tsr_tensor *flat = tsr_logical_and(tsr_logical_not(a->input), no_log);
        grad_in[0] = op_unmasked(flat, tsr_mul(grad[0], tsr_log(a->other)));
    }
    if (op_needs(c, 1)) grad_in[1] = tsr_mul(grad[0], tsr_div(a->input, a->other));
}

/* ---- plane geometry ----------------------------------------------------------------------------------------------------- */

tsr_tensor *op_atan2(op_ctx *c, const tsr_atan2_args *a)
{
    return pointwise_numbers(c, NUMBERS_NONE, a->input, a->other) ? in_float(c, B_ATAN2, a->input, a->other) : NULL;
}

void op_atan2_grad(op_ctx *c, const tsr_atan2_args *a, gradients grad, tsr_tensor **grad_in)
{
    tsr_tensor *share = tsr_div(grad[0], tsr_add(tsr_square(a->input), tsr_square(a->other)));
    if (op_needs(c, 0)) grad_in[0] = tsr_mul(share, a->other);
    if (op_needs(c, 1)) grad_in[1] = tsr_neg(tsr_mul(share, a->input));
}

tsr_tensor *op_hypot(op_ctx *c, const tsr_hypot_args *a) { return float_only(c, B_HYPOT, a->input, a->other); }

void op_hypot_grad(op_ctx *c, const tsr_hypot_args *a, gradients grad, tsr_tensor **grad_in)
{
    tsr_tensor *share = tsr_div(grad[0], op_result(c, 0));
    if (op_needs(c, 0)) grad_in[0] = tsr_mul(share, a->input);
    if (op_needs(c, 1)) grad_in[1] = tsr_mul(share, a->other);
}

/* ---- larger and smaller --------------------------------------------------------------------------------------------------- */

tsr_tensor *op_maximum(op_ctx *c, const tsr_maximum_args *a)
{
    if (!pointwise_numbers(c, NUMBERS_NONE, a->input, a->other)) return NULL;
    return or_logical(c, B_MAXIMUM, B_LOGICAL_OR, a->input, a->other, NULL);
}

tsr_tensor *op_minimum(op_ctx *c, const tsr_minimum_args *a)
{
    if (!pointwise_numbers(c, NUMBERS_NONE, a->input, a->other)) return NULL;
    return or_logical(c, B_MINIMUM, B_LOGICAL_AND, a->input, a->other, NULL);
}

/* The gradient of the larger one of x and y to x: half of it where they are equal, none where x is smaller. */
static tsr_tensor *larger_share(tsr_tensor *grad, tsr_tensor *x, tsr_tensor *y)
{
    return op_unmasked(tsr_lt(x, y), tsr_where(tsr_eq(x, y), op_scale(grad, 0.5), grad));
}

static tsr_tensor *smaller_share(tsr_tensor *grad, tsr_tensor *x, tsr_tensor *y)
{
    return op_unmasked(tsr_gt(x, y), tsr_where(tsr_eq(x, y), op_scale(grad, 0.5), grad));
}

void op_maximum_grad(op_ctx *c, const tsr_maximum_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = larger_share(grad[0], a->input, a->other);
    if (op_needs(c, 1)) grad_in[1] = larger_share(grad[0], a->other, a->input);
}

void op_minimum_grad(op_ctx *c, const tsr_minimum_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = smaller_share(grad[0], a->input, a->other);
    if (op_needs(c, 1)) grad_in[1] = smaller_share(grad[0], a->other, a->input);
}

/* ---- blends ------------------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_lerp(op_ctx *c, const tsr_lerp_args *a)
{
    tsr_dtype dtype = op_result_type(a->input, a->end);
    if (!tsr_dtype_is_floating(dtype) || a->input->dtype != a->end->dtype)
        return op_fail(c, "input and end must have one floating dtype, got %s and %s", tsr_dtype_name(a->input->dtype),
                       tsr_dtype_name(a->end->dtype));
    return pointwise_ternary(c, T_LERP, (tsr_tensor *[]){a->input, a->end, a->weight}, dtype, NULL);
}

void op_lerp_grad(op_ctx *c, const tsr_lerp_args *a, gradients grad, tsr_tensor **grad_in)
{
    tsr_tensor *to_end = op_needs(c, 0) || op_needs(c, 1) ? tsr_mul(grad[0], a->weight) : NULL;
    if (op_needs(c, 0)) grad_in[0] = tsr_sub(grad[0], to_end);
    if (op_needs(c, 1)) grad_in[1] = to_end;
    if (op_needs(c, 2)) grad_in[2] = tsr_mul(grad[0], tsr_sub(a->end, a->input));
}

static tsr_tensor *add_combined(op_ctx *c, ternary_code code, tsr_tensor *const *in, tsr_number value, bool floats)
{
    tsr_dtype dtype = op_result_type_of((const tsr_tensor *const *)in, 3);
    double factor = op_f64(value);
    if (dtype == TSR_BOOL || (floats && !tsr_dtype_is_floating(dtype)))
        return op_fail(c, "not defined for %s tensors", tsr_dtype_name(dtype));
    return pointwise_factor(c, "value", value, dtype) ? pointwise_ternary(c, code, in, dtype, &factor) : NULL;
}

tsr_tensor *op_addcmul(op_ctx *c, const tsr_addcmul_args *a)
{
    return add_combined(c, T_ADDCMUL, (tsr_tensor *[]){a->input, a->tensor1, a->tensor2}, a->value, false);
}

void op_addcmul_grad(op_ctx *c, const tsr_addcmul_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = grad[0];
    if (op_needs(c, 1)) grad_in[1] = scaled(tsr_mul(grad[0], a->tensor2), a->value);
    if (op_needs(c, 2)) grad_in[2] = scaled(tsr_mul(grad[0], a->tensor1), a->value);
}

tsr_tensor *op_addcdiv(op_ctx *c, const tsr_addcdiv_args *a)
{
    return add_combined(c, T_ADDCDIV, (tsr_tensor *[]){a->input, a->tensor1, a->tensor2}, a->value, true);
}

void op_addcdiv_grad(op_ctx *c, const tsr_addcdiv_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = grad[0];
    if (!op_needs(c, 1) && !op_needs(c, 2)) return;
    tsr_tensor *share = scaled(tsr_div(grad[0], a->tensor2), a->value);
    if (op_needs(c, 1)) grad_in[1] = share;
    if (op_needs(c, 2)) grad_in[2] = tsr_neg(tsr_mul(share, tsr_div(a->tensor1, a->tensor2)));
}

/* ---- limits -------------------------------------------------------------------------------------------------------------------- */

static tsr_tensor *no_bound(const op_ctx *c) { return op_fail(c, "at least one of min and max must be given"); }

static void bounds_of(const tsr_clamp_args *a, double *p)
{
    p[0] = op_has(a->min) ? op_f64(a->min) : -INFINITY;
    p[1] = op_has(a->max) ? op_f64(a->max) : INFINITY;
}

tsr_tensor *op_clamp(op_ctx *c, const tsr_clamp_args *a)
{
    double p[2];
    tsr_dtype dtype = (tsr_dtype)a->input->dtype;
    bool floating = a->min.kind == TSR_NUMBER_FLOAT || a->max.kind == TSR_NUMBER_FLOAT;
    if (!op_has(a->min) && !op_has(a->max)) return no_bound(c);
    if (dtype == TSR_BOOL) dtype = TSR_I64;
    if (floating) dtype = op_float_type(dtype);
    bounds_of(a, p);
    return pointwise_unary(c, U_CLAMP, a->input, dtype, dtype, p);
}

void op_clamp_grad(op_ctx *c, const tsr_clamp_args *a, gradients grad, tsr_tensor **grad_in)
{
    tsr_floats p = {.n = 2};
    (void)c;
    bounds_of(a, p.v);
    grad_in[0] = tsr_activation_grad(grad[0], a->input, B_CLAMP_GRAD, p);
}

static tsr_tensor *at_least(op_ctx *c, tsr_tensor *x, tsr_tensor *min)
{
    return or_logical(c, B_MAXIMUM, B_LOGICAL_OR, x, min, NULL);
}

static tsr_tensor *at_most(op_ctx *c, tsr_tensor *x, tsr_tensor *max)
{
    return or_logical(c, B_MINIMUM, B_LOGICAL_AND, x, max, NULL);
}

tsr_tensor *op_clamp_tensor(op_ctx *c, const tsr_clamp_tensor_args *a)
{
    if (!a->min && !a->max) return no_bound(c);
    if (!a->max) return at_least(c, a->input, a->min);
    if (!a->min) return at_most(c, a->input, a->max);
    tsr_tensor *in[3] = {a->input, a->min, a->max};
    tsr_dtype dtype = op_result_type_of((const tsr_tensor *const *)in, 3);
    if (dtype == TSR_BOOL) return op_fail(c, "not defined for bool tensors with two bounds");
    return pointwise_ternary(c, T_CLAMP, in, dtype, NULL);
}

/* Who gave the value gets the gradient; max, when the bounds cross; nobody, where one of them is NaN. */
void op_clamp_tensor_grad(op_ctx *c, const tsr_clamp_tensor_args *a, gradients grad, tsr_tensor **grad_in)
{
    tsr_tensor *x = a->input, *low = a->min, *high = a->max;
    if (op_needs(c, 0)) {
        tsr_tensor *above = low ? tsr_ge(x, low) : NULL, *below = high ? tsr_le(x, high) : NULL;
        tsr_tensor *inside = above && below ? tsr_logical_and(above, below) : above ? above : below;
        grad_in[0] = op_masked(inside, grad[0]);
    }
    if (low && op_needs(c, 1)) {
        tsr_tensor *under = tsr_lt(x, low);
        grad_in[1] = op_masked(high ? tsr_logical_and(under, tsr_lt(low, high)) : under, grad[0]);
    }
    if (high && op_needs(c, 2)) {
        tsr_tensor *over = tsr_gt(x, high);
        grad_in[2] = op_masked(low ? tsr_logical_or(over, tsr_lt(high, low)) : over, grad[0]);
    }
}

tsr_tensor *op_clamp_min(op_ctx *c, const tsr_clamp_min_args *a)
{
    return pointwise_numbers(c, NUMBERS_NONE, a->input, a->min) ? at_least(c, a->input, a->min) : NULL;
}

void op_clamp_min_grad(op_ctx *c, const tsr_clamp_min_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = op_masked(tsr_ge(a->input, a->min), grad[0]);
    if (op_needs(c, 1)) grad_in[1] = op_masked(tsr_lt(a->input, a->min), grad[0]);
}

tsr_tensor *op_clamp_max(op_ctx *c, const tsr_clamp_max_args *a)
{
    return pointwise_numbers(c, NUMBERS_NONE, a->input, a->max) ? at_most(c, a->input, a->max) : NULL;
}

void op_clamp_max_grad(op_ctx *c, const tsr_clamp_max_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = op_masked(tsr_le(a->input, a->max), grad[0]);
    if (op_needs(c, 1)) grad_in[1] = op_masked(tsr_gt(a->input, a->max), grad[0]);
}

/* ---- choices ---------------------------------------------------------------------------------------------------------------------- */

tsr_tensor *op_where(op_ctx *c, const tsr_where_args *a)
{
    bool bytes = a->condition->dtype == TSR_U8; /* which were booleans once */
    tsr_tensor *in[3] = {bytes ? op_cast(a->condition, TSR_BOOL) : a->condition, a->input, a->other};
    if (!in[0]) return NULL;
    if (in[0]->dtype != TSR_BOOL)
        return op_fail(c, "the condition must be a bool tensor, got %s", tsr_dtype_name(a->condition->dtype));
    return pointwise_ternary(c, T_WHERE, in, op_result_type(a->input, a->other), NULL);
}

void op_where_grad(op_ctx *c, const tsr_where_args *a, gradients grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 1)) grad_in[1] = op_masked(a->condition, grad[0]);
    if (op_needs(c, 2)) grad_in[2] = op_unmasked(a->condition, grad[0]);
}

tsr_tensor *op_nan_to_num(op_ctx *c, const tsr_nan_to_num_args *a)
{
    double most = a->input->dtype == TSR_F32 ? FLT_MAX : DBL_MAX;
    double p[3] = {op_has(a->nan) ? op_f64(a->nan) : 0, op_has(a->posinf) ? op_f64(a->posinf) : most,
                   op_has(a->neginf) ? op_f64(a->neginf) : -most};
    tsr_dtype dtype = (tsr_dtype)a->input->dtype;
    if (!op_is_float(a->input)) return op_output_copy(c, a->input);
    return pointwise_unary(c, U_NAN_TO_NUM, a->input, dtype, dtype, p);
}

void op_nan_to_num_grad(op_ctx *c, const tsr_nan_to_num_args *a, gradients grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = op_masked(tsr_isfinite(a->input), grad[0]);
}
