/* ops.h: every operator. Made by tools/genops from the tables src/op/NAME.def: change those, not this file.

   Results are owned by the innermost scope (tensor.h). An operation that is given NULL returns NULL; on an error
   it returns NULL and the sentence is in tsr_error_message. Many take optional arguments, which can be named:

       y = tsr_conv2d(x, w, .padding = {1, 1});

   An argument that is left out, or is zero, has the default that its schema names; where zero itself is meant,
   TSR_ZERO and TSR_ZERO_INT say it. These are C macros over functions named with _v, which take the address of a
   struct: in C++ and from other languages, fill the struct (the rest zero) and call those. Functions that return
   a list store it at `out`, which has `room` entries, and return its length, or -1. NAME_ writes its result into
   its first argument. Beside a field stands its default when that is not zero, absent or "no". */
/* clang-format off */
#ifndef TESSERA_OPS_H
#define TESSERA_OPS_H

#include "tessera/call.h"
#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- activation -------------------------------------------------------------------------------------------------- */

/**
 * sigmoid(Tensor input) -> Tensor
 *
 * Logistic function, 1 / (1 + exp(-x)).
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: sigmoid, nn.functional.sigmoid, special.expit. Takes all. Differentiable. In place: tsr_sigmoid_.
 */
TSR_API tsr_tensor *tsr_sigmoid(tsr_tensor *input);
TSR_API tsr_tensor *tsr_sigmoid_(tsr_tensor *input);

/**
 * tanh(Tensor input) -> Tensor
 *
 * Hyperbolic tangent.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: tanh, nn.functional.tanh. Takes all. Differentiable. In place: tsr_tanh_.
 */
TSR_API tsr_tensor *tsr_tanh(tsr_tensor *input);
TSR_API tsr_tensor *tsr_tanh_(tsr_tensor *input);

/**
 * relu(Tensor input) -> Tensor
 *
 * max(x, 0); the derivative at 0 is 0 (torch.nn.functional.relu).
 *
 * Returns  same shape, dtype and layout.
 * Errors   bool, f16 or bf16 input.
 *
 * By name: nn.functional.relu, relu. Takes number. Differentiable. In place: tsr_relu_.
 */
TSR_API tsr_tensor *tsr_relu(tsr_tensor *input);
TSR_API tsr_tensor *tsr_relu_(tsr_tensor *input);

/**
 * relu6(Tensor input) -> Tensor
 *
 * min(max(x, 0), 6); the derivative at 0 and 6 is 0.
 *
 * Returns  input's shape and dtype.
 * Errors   bool, f16 or bf16 input.
 *
 * By name: nn.functional.relu6. Takes number. Differentiable. In place: tsr_relu6_.
 */
TSR_API tsr_tensor *tsr_relu6(tsr_tensor *input);
TSR_API tsr_tensor *tsr_relu6_(tsr_tensor *input);

/**
 * leaky_relu(Tensor input, float negative_slope=0.01) -> Tensor
 *
 * x where positive, negative_slope * x elsewhere (torch.nn.functional.leaky_relu).
 *
 * Returns  same shape, dtype and layout.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.leaky_relu, leaky_relu. Takes float. Differentiable. In place: tsr_leaky_relu_.
 */
typedef struct tsr_leaky_relu_args {
    tsr_tensor *input;
    double negative_slope; /* default 0.01 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_leaky_relu_args;
TSR_API tsr_tensor *tsr_leaky_relu_v(const tsr_leaky_relu_args *args);
TSR_API tsr_tensor *tsr_leaky_relu__v(const tsr_leaky_relu_args *args);

/**
 * prelu(Tensor input, Tensor weight) -> Tensor
 *
 * x where positive, weight * x elsewhere (torch.nn.functional.prelu). weight: one number, or one for each channel
 * (dimension 1; an input with fewer than two dimensions has one channel).
 *
 * Returns  input's shape and dtype.
 * Errors   weight has more than one dimension or another number of channels.
 *
 * By name: nn.functional.prelu, prelu. Takes float. Differentiable.
 */
TSR_API tsr_tensor *tsr_prelu(tsr_tensor *input, tsr_tensor *weight);

/**
 * elu(Tensor input, float alpha=1.0) -> Tensor
 *
 * x where positive, alpha (exp(x) - 1) elsewhere (Clevert et al. 2015).
 *
 * Returns  same shape, dtype and layout.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.elu. Takes float. Differentiable. In place: tsr_elu_.
 */
typedef struct tsr_elu_args {
    tsr_tensor *input;
    double alpha; /* default 1.0 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_elu_args;
TSR_API tsr_tensor *tsr_elu_v(const tsr_elu_args *args);
TSR_API tsr_tensor *tsr_elu__v(const tsr_elu_args *args);

/**
 * selu(Tensor input) -> Tensor
 *
 * Scaled ELU, scale * elu(x, alpha) with the constants of Klambauer et al. 2017, which keep mean 0 and variance 1.
 *
 * Returns  input's shape and dtype.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.selu, selu. Takes float. Differentiable. In place: tsr_selu_.
 */
TSR_API tsr_tensor *tsr_selu(tsr_tensor *input);
TSR_API tsr_tensor *tsr_selu_(tsr_tensor *input);

/**
 * celu(Tensor input, float alpha=1.0) -> Tensor
 *
 * max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (Barron 2017).
 *
 * Returns  input's shape and dtype.
 * Errors   alpha is 0; input of another dtype than f32 and f64.
 *
 * By name: nn.functional.celu, celu. Takes float. Differentiable. In place: tsr_celu_.
 */
typedef struct tsr_celu_args {
    tsr_tensor *input;
    double alpha; /* default 1.0 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_celu_args;
TSR_API tsr_tensor *tsr_celu_v(const tsr_celu_args *args);
TSR_API tsr_tensor *tsr_celu__v(const tsr_celu_args *args);

/**
 * silu(Tensor input) -> Tensor
 *
 * x times the logistic function of x, also called swish (Elfwing et al. 2017).
 *
 * Returns  same shape, dtype and layout.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.silu. Takes float. Differentiable. In place: tsr_silu_.
 */
TSR_API tsr_tensor *tsr_silu(tsr_tensor *input);
TSR_API tsr_tensor *tsr_silu_(tsr_tensor *input);

/**
 * gelu(Tensor input, *, str approximate="none") -> Tensor
 *
 * x times the normal distribution function of x (Hendrycks and Gimpel 2016); approximate="tanh" takes 0.5 x (1 +
 * tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
 *
 * Returns  input's shape and dtype.
 * Errors   approximate is another word than "none" and "tanh"; input of another dtype than f32 and f64.
 *
 * By name: nn.functional.gelu. Takes float. Differentiable.
 */
typedef struct tsr_gelu_args {
    tsr_tensor *input;
    const char *approximate; /* "none" */
    int end_;
} tsr_gelu_args;
TSR_API tsr_tensor *tsr_gelu_v(const tsr_gelu_args *args);

/**
 * mish(Tensor input) -> Tensor
 *
 * x tanh(softplus(x)) (Misra 2019).
 *
 * Returns  input's shape and dtype.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.mish. Takes float. Differentiable. In place: tsr_mish_.
 */
TSR_API tsr_tensor *tsr_mish(tsr_tensor *input);
TSR_API tsr_tensor *tsr_mish_(tsr_tensor *input);

/**
 * softplus(Tensor input, float beta=1.0, float threshold=20.0) -> Tensor
 *
 * log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold (torch.nn.functional.softplus).
 *
 * Returns  input's shape and dtype.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.softplus. Takes float. Differentiable.
 */
typedef struct tsr_softplus_args {
    tsr_tensor *input;
    double beta; /* default 1.0 when 0; TSR_ZERO: 0 */
    double threshold; /* default 20.0 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_softplus_args;
TSR_API tsr_tensor *tsr_softplus_v(const tsr_softplus_args *args);

/**
 * softsign(Tensor input) -> Tensor
 *
 * x / (1 + |x|).
 *
 * Returns  input's shape; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: nn.functional.softsign. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_softsign(tsr_tensor *input);

/**
 * hardsigmoid(Tensor input) -> Tensor
 *
 * min(max(x + 3, 0), 6) / 6 (Howard et al. 2019).
 *
 * Returns  input's shape and dtype.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.hardsigmoid. Takes float. Differentiable. In place: tsr_hardsigmoid_.
 */
TSR_API tsr_tensor *tsr_hardsigmoid(tsr_tensor *input);
TSR_API tsr_tensor *tsr_hardsigmoid_(tsr_tensor *input);

/**
 * hardswish(Tensor input) -> Tensor
 *
 * x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019).
 *
 * Returns  input's shape and dtype.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.hardswish. Takes float. Differentiable. In place: tsr_hardswish_.
 */
TSR_API tsr_tensor *tsr_hardswish(tsr_tensor *input);
TSR_API tsr_tensor *tsr_hardswish_(tsr_tensor *input);

/**
 * hardtanh(Tensor input, float min_val=-1.0, float max_val=1.0) -> Tensor
 *
 * x limited to [min_val, max_val]; the derivative is 0 at and outside the bounds (torch.nn.functional.hardtanh).
 *
 * Returns  input's shape and dtype.
 * Errors   bool, f16 or bf16 input.
 *
 * By name: nn.functional.hardtanh. Takes number. Differentiable. In place: tsr_hardtanh_.
 */
typedef struct tsr_hardtanh_args {
    tsr_tensor *input;
    double min_val; /* default -1.0 when 0; TSR_ZERO: 0 */
    double max_val; /* default 1.0 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_hardtanh_args;
TSR_API tsr_tensor *tsr_hardtanh_v(const tsr_hardtanh_args *args);
TSR_API tsr_tensor *tsr_hardtanh__v(const tsr_hardtanh_args *args);

/**
 * tanhshrink(Tensor input) -> Tensor
 *
 * x - tanh(x).
 *
 * Returns  input's shape; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: nn.functional.tanhshrink. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_tanhshrink(tsr_tensor *input);

/**
 * hardshrink(Tensor input, float lambd=0.5) -> Tensor
 *
 * x where |x| is above lambd, 0 elsewhere.
 *
 * Returns  input's shape and dtype.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.hardshrink, hardshrink. Takes float. Differentiable.
 */
typedef struct tsr_hardshrink_args {
    tsr_tensor *input;
    double lambd; /* default 0.5 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_hardshrink_args;
TSR_API tsr_tensor *tsr_hardshrink_v(const tsr_hardshrink_args *args);

/**
 * softshrink(Tensor input, float lambd=0.5) -> Tensor
 *
 * x moved by lambd towards 0, and 0 where |x| is at most lambd.
 *
 * Returns  input's shape and dtype.
 * Errors   lambd is negative; input of another dtype than f32 and f64.
 *
 * By name: nn.functional.softshrink. Takes float. Differentiable.
 */
typedef struct tsr_softshrink_args {
    tsr_tensor *input;
    double lambd; /* default 0.5 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_softshrink_args;
TSR_API tsr_tensor *tsr_softshrink_v(const tsr_softshrink_args *args);

/**
 * threshold(Tensor input, float threshold, float value) -> Tensor
 *
 * x where it is above the threshold, `value` elsewhere (torch.nn.functional.threshold).
 *
 * Returns  input's shape and dtype.
 * Errors   bool, f16 or bf16 input.
 *
 * By name: nn.functional.threshold, threshold. Takes number. Differentiable. In place: tsr_threshold_.
 */
TSR_API tsr_tensor *tsr_threshold(tsr_tensor *input, double threshold, double value);
TSR_API tsr_tensor *tsr_threshold_(tsr_tensor *input, double threshold, double value);

/**
 * logsigmoid(Tensor input) -> Tensor
 *
 * log(1 / (1 + exp(-x))), without overflow.
 *
 * Returns  input's shape and dtype.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: nn.functional.logsigmoid. Takes float. Differentiable.
 */
TSR_API tsr_tensor *tsr_logsigmoid(tsr_tensor *input);

/**
 * glu(Tensor input, int? dim=-1) -> Tensor
 *
 * The first half of `dim` times the logistic function of the second (Dauphin et al. 2016).
 *
 * Returns  input's shape with `dim` halved.
 * Errors   the size of `dim` is odd; a 0-d input; another dtype than f32 and f64.
 *
 * By name: nn.functional.glu, glu. Takes float. Differentiable.
 */
typedef struct tsr_glu_args {
    tsr_tensor *input;
    tsr_number dim; /* -1 */
    int end_;
} tsr_glu_args;
TSR_API tsr_tensor *tsr_glu_v(const tsr_glu_args *args);

#ifndef __cplusplus
#define tsr_leaky_relu(...) tsr_leaky_relu_v(&(tsr_leaky_relu_args){__VA_ARGS__, .end_ = 0})
#define tsr_leaky_relu_(...) tsr_leaky_relu__v(&(tsr_leaky_relu_args){__VA_ARGS__, .end_ = 0})
#define tsr_elu(...) tsr_elu_v(&(tsr_elu_args){__VA_ARGS__, .end_ = 0})
#define tsr_elu_(...) tsr_elu__v(&(tsr_elu_args){__VA_ARGS__, .end_ = 0})
#define tsr_celu(...) tsr_celu_v(&(tsr_celu_args){__VA_ARGS__, .end_ = 0})
#define tsr_celu_(...) tsr_celu__v(&(tsr_celu_args){__VA_ARGS__, .end_ = 0})
#define tsr_gelu(...) tsr_gelu_v(&(tsr_gelu_args){__VA_ARGS__, .end_ = 0})
#define tsr_softplus(...) tsr_softplus_v(&(tsr_softplus_args){__VA_ARGS__, .end_ = 0})
#define tsr_hardtanh(...) tsr_hardtanh_v(&(tsr_hardtanh_args){__VA_ARGS__, .end_ = 0})
#define tsr_hardtanh_(...) tsr_hardtanh__v(&(tsr_hardtanh_args){__VA_ARGS__, .end_ = 0})
#define tsr_hardshrink(...) tsr_hardshrink_v(&(tsr_hardshrink_args){__VA_ARGS__, .end_ = 0})
#define tsr_softshrink(...) tsr_softshrink_v(&(tsr_softshrink_args){__VA_ARGS__, .end_ = 0})
#define tsr_glu(...) tsr_glu_v(&(tsr_glu_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- adam -------------------------------------------------------------------------------------------------------- */

/* ---- attention --------------------------------------------------------------------------------------------------- */

/**
 * scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0,
 *     bool is_causal=False, float? scale=None) -> Tensor
 *
 * softmax(query key^T scale + attn_mask) value, torch.nn.functional.scaled_dot_product_attention (Vaswani et al. 2017).
 *
 * query      [.., L, E]
 * key        [.., S, E]
 * value      [.., S, V]; the leading dimensions are broadcast
 * attn_mask  broadcasts to [.., L, S]: bool (true: may be seen) or input's dtype (added to the scores)
 * dropout_p  the probability with which a weight becomes zero
 * is_causal  query i sees keys 0 to i; not together with attn_mask
 * scale      1 / sqrt(E) when left out
 *
 * Returns  [.., L, V]; rows that see no key are zero.
 * Errors   dtypes that differ or are no floats; fewer than two dimensions, features or rows that do not fit, leading
 *          dimensions or a mask that do not broadcast; attn_mask with is_causal; dropout_p outside [0, 1].
 *
 * By name: nn.functional.scaled_dot_product_attention. Takes float. Differentiable.
 */
typedef struct tsr_scaled_dot_product_attention_args {
    tsr_tensor *query;
    tsr_tensor *key;
    tsr_tensor *value;
    tsr_tensor *attn_mask;
    double dropout_p; /* 0.0 */
    bool is_causal;
    tsr_number scale;
    int end_;
} tsr_scaled_dot_product_attention_args;
TSR_API tsr_tensor *tsr_scaled_dot_product_attention_v(const tsr_scaled_dot_product_attention_args *args);

/**
 * scaled_dot_product_attention_weights(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float
 *     dropout_p=0.0, bool need_attn_weights=True, bool is_causal=False) -> (Tensor output, Tensor weights)
 *
 * scaled_dot_product_attention that returns the weights too, as in PyTorch 1.13,
 * torch.nn.functional._scaled_dot_product_attention.
 *
 * need_attn_weights  accepted; the weights are returned in any case
 *
 * Returns  the output [.., L, V] and the weights [.., L, S].
 * Errors   those of scaled_dot_product_attention.
 *
 * By name: nn.functional._scaled_dot_product_attention. Takes float. Differentiable.
 */
typedef struct tsr_scaled_dot_product_attention_weights_args {
    tsr_tensor *query;
    tsr_tensor *key;
    tsr_tensor *value;
    tsr_tensor *attn_mask;
    double dropout_p; /* 0.0 */
    tsr_flag need_attn_weights; /* True */
    bool is_causal;
    int end_;
} tsr_scaled_dot_product_attention_weights_args;
typedef struct tsr_scaled_dot_product_attention_weights_result {
    tsr_tensor *output, *weights;
} tsr_scaled_dot_product_attention_weights_result;
TSR_API tsr_scaled_dot_product_attention_weights_result tsr_scaled_dot_product_attention_weights_v(const tsr_scaled_dot_product_attention_weights_args *args);

#ifndef __cplusplus
#define tsr_scaled_dot_product_attention(...) tsr_scaled_dot_product_attention_v(&(tsr_scaled_dot_product_attention_args){__VA_ARGS__, .end_ = 0})
#define tsr_scaled_dot_product_attention_weights(...) tsr_scaled_dot_product_attention_weights_v(&(tsr_scaled_dot_product_attention_weights_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- binary ------------------------------------------------------------------------------------------------------ */

/**
 * add(Tensor input, Tensor other, *, Scalar alpha=1) -> Tensor
 *
 * input + alpha * other; of booleans, or.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; a floating alpha with integer operands; f16 or bf16 operands.
 *
 * By name: add. Takes all. Differentiable. In place: tsr_add_.
 */
typedef struct tsr_add_args {
    tsr_tensor *input;
    tsr_tensor *other;
    tsr_number alpha; /* 1 */
    int end_;
} tsr_add_args;
TSR_API tsr_tensor *tsr_add_v(const tsr_add_args *args);
TSR_API tsr_tensor *tsr_add__v(const tsr_add_args *args);

/**
 * sub(Tensor input, Tensor other, *, Scalar alpha=1) -> Tensor
 *
 * input - alpha * other.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; a bool operand; a floating alpha with integer operands; f16 or bf16
 *          operands.
 *
 * By name: sub, subtract. Takes number. Differentiable. In place: tsr_sub_.
 */
typedef struct tsr_sub_args {
    tsr_tensor *input;
    tsr_tensor *other;
    tsr_number alpha; /* 1 */
    int end_;
} tsr_sub_args;
TSR_API tsr_tensor *tsr_sub_v(const tsr_sub_args *args);
TSR_API tsr_tensor *tsr_sub__v(const tsr_sub_args *args);

/**
 * rsub(Tensor input, Tensor other, Scalar alpha=1) -> Tensor
 *
 * other - alpha * input.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; a bool operand; input is a plain number; a floating alpha with integer
 *          operands.
 *
 * By name: rsub. Takes number. Differentiable.
 */
typedef struct tsr_rsub_args {
    tsr_tensor *input;
    tsr_tensor *other;
    tsr_number alpha; /* 1 */
    int end_;
} tsr_rsub_args;
TSR_API tsr_tensor *tsr_rsub_v(const tsr_rsub_args *args);

/**
 * mul(Tensor input, Tensor other) -> Tensor
 *
 * input * other; of booleans, and.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; f16 or bf16 operands.
 *
 * By name: mul, multiply. Takes all. Differentiable. In place: tsr_mul_.
 */
TSR_API tsr_tensor *tsr_mul(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_mul_(tsr_tensor *input, tsr_tensor *other);

/**
 * div(Tensor input, Tensor other, *, str? rounding_mode=None) -> Tensor
 *
 * input / other; rounding_mode "floor" or "trunc" rounds the quotient down or towards 0 (with derivative 0).
 *
 * Returns  the operands' broadcast shape; without rounding, f32 of integers, with it, the promoted dtype.
 * Errors   shapes that do not broadcast; another mode; an integer divided by 0 with rounding.
 *
 * By name: div, divide, true_divide. Takes all. Differentiable. In place: tsr_div_.
 */
typedef struct tsr_div_args {
    tsr_tensor *input;
    tsr_tensor *other;
    const char *rounding_mode;
    int end_;
} tsr_div_args;
TSR_API tsr_tensor *tsr_div_v(const tsr_div_args *args);
TSR_API tsr_tensor *tsr_div__v(const tsr_div_args *args);

/**
 * floor_divide(Tensor input, Tensor other) -> Tensor
 *
 * The quotient rounded down, as div with rounding_mode "floor".
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; bool operands; an integer divided by 0.
 *
 * By name: floor_divide. Takes number. Not differentiable. In place: tsr_floor_divide_.
 */
TSR_API tsr_tensor *tsr_floor_divide(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_floor_divide_(tsr_tensor *input, tsr_tensor *other);

/**
 * remainder(Tensor input, Tensor other) -> Tensor
 *
 * input - other * floor(input / other): the remainder with the divisor's sign, as Python's %.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; bool operands; an integer modulo 0; two plain numbers.
 *
 * By name: remainder. Takes number. Differentiable. In place: tsr_remainder_.
 */
TSR_API tsr_tensor *tsr_remainder(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_remainder_(tsr_tensor *input, tsr_tensor *other);

/**
 * fmod(Tensor input, Tensor other) -> Tensor
 *
 * input - other * trunc(input / other): the remainder with the dividend's sign, as C's fmod.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; bool operands; an integer modulo 0; input is a plain number.
 *
 * By name: fmod. Takes number. Differentiable. In place: tsr_fmod_.
 */
TSR_API tsr_tensor *tsr_fmod(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_fmod_(tsr_tensor *input, tsr_tensor *other);

/**
 * pow(Tensor input, Tensor exponent) -> Tensor
 *
 * input to the power of exponent. With exponent 0 the derivative is 0, as is that to the exponent where input is 0
 * and exponent is not negative.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; bool operands; an integer to a negative plain number; two plain numbers.
 *
 * By name: pow. Takes number. Differentiable. In place: tsr_pow_.
 */
TSR_API tsr_tensor *tsr_pow(tsr_tensor *input, tsr_tensor *exponent);
TSR_API tsr_tensor *tsr_pow_(tsr_tensor *input, tsr_tensor *exponent);

/**
 * atan2(Tensor input, Tensor other) -> Tensor
 *
 * The angle of the point (other, input), in [-pi, pi].
 *
 * Returns  the operands' broadcast shape and promoted dtype, f32 of integers.
 * Errors   shapes that do not broadcast; a plain number.
 *
 * By name: atan2, arctan2. Takes all. Differentiable. In place: tsr_atan2_.
 */
TSR_API tsr_tensor *tsr_atan2(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_atan2_(tsr_tensor *input, tsr_tensor *other);

/**
 * hypot(Tensor input, Tensor other) -> Tensor
 *
 * sqrt(input^2 + other^2), without overflow.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; integer operands; a plain number.
 *
 * By name: hypot. Takes float. Differentiable. In place: tsr_hypot_.
 */
TSR_API tsr_tensor *tsr_hypot(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_hypot_(tsr_tensor *input, tsr_tensor *other);

/**
 * maximum(Tensor input, Tensor other) -> Tensor
 *
 * The larger one of two elements; NaN when either is. Where they are equal each gets half of the gradient.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; a plain number (clamp takes numbers).
 *
 * By name: maximum. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_maximum(tsr_tensor *input, tsr_tensor *other);

/**
 * minimum(Tensor input, Tensor other) -> Tensor
 *
 * The smaller one of two elements; NaN when either is. Where they are equal each gets half of the gradient.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; a plain number (clamp takes numbers).
 *
 * By name: minimum. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_minimum(tsr_tensor *input, tsr_tensor *other);

/**
 * logaddexp(Tensor input, Tensor other) -> Tensor
 *
 * log(exp(input) + exp(other)), without overflow.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; integer operands; a plain number.
 *
 * By name: logaddexp. Takes float. Differentiable.
 */
TSR_API tsr_tensor *tsr_logaddexp(tsr_tensor *input, tsr_tensor *other);

/**
 * xlogy(Tensor input, Tensor other) -> Tensor
 *
 * input * log(other), 0 where input is 0, NaN where other is.
 *
 * Returns  the operands' broadcast shape and promoted dtype, f32 of integers.
 * Errors   shapes that do not broadcast; two plain numbers.
 *
 * By name: xlogy, special.xlogy. Takes all. Differentiable. In place: tsr_xlogy_.
 */
TSR_API tsr_tensor *tsr_xlogy(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_xlogy_(tsr_tensor *input, tsr_tensor *other);

/**
 * lerp(Tensor input, Tensor end, Tensor weight) -> Tensor
 *
 * input + weight * (end - input), exact at weights 0 and 1. The operands broadcast; weight may be a number.
 *
 * Returns  the operands' broadcast shape and their dtype.
 * Errors   shapes that do not broadcast; integer operands; input and end of different dtypes.
 *
 * By name: lerp. Takes float. Differentiable. In place: tsr_lerp_.
 */
TSR_API tsr_tensor *tsr_lerp(tsr_tensor *input, tsr_tensor *end, tsr_tensor *weight);
TSR_API tsr_tensor *tsr_lerp_(tsr_tensor *input, tsr_tensor *end, tsr_tensor *weight);

/**
 * addcmul(Tensor input, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor
 *
 * input + value * tensor1 * tensor2.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; bool operands; a floating value with integers.
 *
 * By name: addcmul. Takes number. Differentiable. In place: tsr_addcmul_.
 */
typedef struct tsr_addcmul_args {
    tsr_tensor *input;
    tsr_tensor *tensor1;
    tsr_tensor *tensor2;
    tsr_number value; /* 1 */
    int end_;
} tsr_addcmul_args;
TSR_API tsr_tensor *tsr_addcmul_v(const tsr_addcmul_args *args);
TSR_API tsr_tensor *tsr_addcmul__v(const tsr_addcmul_args *args);

/**
 * addcdiv(Tensor input, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor
 *
 * input + value * tensor1 / tensor2.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; integer operands.
 *
 * By name: addcdiv. Takes float. Differentiable. In place: tsr_addcdiv_.
 */
typedef struct tsr_addcdiv_args {
    tsr_tensor *input;
    tsr_tensor *tensor1;
    tsr_tensor *tensor2;
    tsr_number value; /* 1 */
    int end_;
} tsr_addcdiv_args;
TSR_API tsr_tensor *tsr_addcdiv_v(const tsr_addcdiv_args *args);
TSR_API tsr_tensor *tsr_addcdiv__v(const tsr_addcdiv_args *args);

/**
 * clamp(Tensor input, Scalar? min=None, Scalar? max=None) -> Tensor
 *
 * input limited to [min, max], max where min is above it; NaN stays. The derivative is 1 at the bounds.
 *
 * Returns  input's shape; a floating bound makes integers f32, and bool becomes i64.
 * Errors   both bounds are absent; f16 or bf16 input.
 *
 * By name: clamp, clip. Takes number. Differentiable. In place: tsr_clamp_.
 */
typedef struct tsr_clamp_args {
    tsr_tensor *input;
    tsr_number min;
    tsr_number max;
    int end_;
} tsr_clamp_args;
TSR_API tsr_tensor *tsr_clamp_v(const tsr_clamp_args *args);
TSR_API tsr_tensor *tsr_clamp__v(const tsr_clamp_args *args);

/**
 * clamp.tensor(Tensor input, Tensor? min=None, Tensor? max=None) -> Tensor
 *
 * The same with a bound for each element; where a bound is taken it gets the gradient.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; both bounds are absent; bool operands with two bounds.
 *
 * By name: clamp, clip. Takes all. Differentiable. In place: tsr_clamp_tensor_.
 */
typedef struct tsr_clamp_tensor_args {
    tsr_tensor *input;
    tsr_tensor *min;
    tsr_tensor *max;
    int end_;
} tsr_clamp_tensor_args;
TSR_API tsr_tensor *tsr_clamp_tensor_v(const tsr_clamp_tensor_args *args);
TSR_API tsr_tensor *tsr_clamp_tensor__v(const tsr_clamp_tensor_args *args);

/**
 * clamp_min(Tensor input, Tensor min) -> Tensor
 *
 * clamp with a lower bound alone, a tensor.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; a plain number, for which there is clamp.
 *
 * By name: clamp_min. Takes all. Differentiable. In place: tsr_clamp_min_.
 */
TSR_API tsr_tensor *tsr_clamp_min(tsr_tensor *input, tsr_tensor *min);
TSR_API tsr_tensor *tsr_clamp_min_(tsr_tensor *input, tsr_tensor *min);

/**
 * clamp_max(Tensor input, Tensor max) -> Tensor
 *
 * clamp with an upper bound alone, a tensor.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; a plain number, for which there is clamp.
 *
 * By name: clamp_max. Takes all. Differentiable. In place: tsr_clamp_max_.
 */
TSR_API tsr_tensor *tsr_clamp_max(tsr_tensor *input, tsr_tensor *max);
TSR_API tsr_tensor *tsr_clamp_max_(tsr_tensor *input, tsr_tensor *max);

/**
 * where(Tensor condition, Tensor input, Tensor other) -> Tensor
 *
 * input where the condition holds, other elsewhere.
 *
 * Returns  the broadcast shape of all three; the promoted dtype of input and other.
 * Errors   shapes that do not broadcast; a condition that is neither bool nor u8.
 *
 * By name: where. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_where(tsr_tensor *condition, tsr_tensor *input, tsr_tensor *other);

/**
 * nan_to_num(Tensor input, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor
 *
 * input with NaN and the infinities replaced; absent: 0, and the dtype's largest and smallest number.
 *
 * Returns  same shape, dtype and layout; the derivative is 0 where something was replaced.
 * Errors   none of its own.
 *
 * By name: nan_to_num. Takes all. Differentiable. In place: tsr_nan_to_num_.
 */
typedef struct tsr_nan_to_num_args {
    tsr_tensor *input;
    tsr_number nan;
    tsr_number posinf;
    tsr_number neginf;
    int end_;
} tsr_nan_to_num_args;
TSR_API tsr_tensor *tsr_nan_to_num_v(const tsr_nan_to_num_args *args);
TSR_API tsr_tensor *tsr_nan_to_num__v(const tsr_nan_to_num_args *args);

#ifndef __cplusplus
#define tsr_add(...) tsr_add_v(&(tsr_add_args){__VA_ARGS__, .end_ = 0})
#define tsr_add_(...) tsr_add__v(&(tsr_add_args){__VA_ARGS__, .end_ = 0})
#define tsr_sub(...) tsr_sub_v(&(tsr_sub_args){__VA_ARGS__, .end_ = 0})
#define tsr_sub_(...) tsr_sub__v(&(tsr_sub_args){__VA_ARGS__, .end_ = 0})
#define tsr_rsub(...) tsr_rsub_v(&(tsr_rsub_args){__VA_ARGS__, .end_ = 0})
#define tsr_div(...) tsr_div_v(&(tsr_div_args){__VA_ARGS__, .end_ = 0})
#define tsr_div_(...) tsr_div__v(&(tsr_div_args){__VA_ARGS__, .end_ = 0})
#define tsr_addcmul(...) tsr_addcmul_v(&(tsr_addcmul_args){__VA_ARGS__, .end_ = 0})
#define tsr_addcmul_(...) tsr_addcmul__v(&(tsr_addcmul_args){__VA_ARGS__, .end_ = 0})
#define tsr_addcdiv(...) tsr_addcdiv_v(&(tsr_addcdiv_args){__VA_ARGS__, .end_ = 0})
#define tsr_addcdiv_(...) tsr_addcdiv__v(&(tsr_addcdiv_args){__VA_ARGS__, .end_ = 0})
#define tsr_clamp(...) tsr_clamp_v(&(tsr_clamp_args){__VA_ARGS__, .end_ = 0})
#define tsr_clamp_(...) tsr_clamp__v(&(tsr_clamp_args){__VA_ARGS__, .end_ = 0})
#define tsr_clamp_tensor(...) tsr_clamp_tensor_v(&(tsr_clamp_tensor_args){__VA_ARGS__, .end_ = 0})
#define tsr_clamp_tensor_(...) tsr_clamp_tensor__v(&(tsr_clamp_tensor_args){__VA_ARGS__, .end_ = 0})
#define tsr_nan_to_num(...) tsr_nan_to_num_v(&(tsr_nan_to_num_args){__VA_ARGS__, .end_ = 0})
#define tsr_nan_to_num_(...) tsr_nan_to_num__v(&(tsr_nan_to_num_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- compare ----------------------------------------------------------------------------------------------------- */

/**
 * eq(Tensor input, Tensor other) -> Tensor
 *
 * Element by element: equal (input == other).
 *
 * Returns  bool, of the broadcast shape; compared in the promoted dtype.
 * Errors   shapes that do not broadcast; input is a plain number.
 *
 * By name: eq. Takes all. Not differentiable. In place: tsr_eq_.
 */
TSR_API tsr_tensor *tsr_eq(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_eq_(tsr_tensor *input, tsr_tensor *other);

/**
 * ne(Tensor input, Tensor other) -> Tensor
 *
 * Element by element: not equal (input != other).
 *
 * Returns  bool, of the broadcast shape; compared in the promoted dtype.
 * Errors   shapes that do not broadcast; input is a plain number.
 *
 * By name: ne, not_equal. Takes all. Not differentiable. In place: tsr_ne_.
 */
TSR_API tsr_tensor *tsr_ne(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_ne_(tsr_tensor *input, tsr_tensor *other);

/**
 * lt(Tensor input, Tensor other) -> Tensor
 *
 * Element by element: input less than other (input < other).
 *
 * Returns  bool, of the broadcast shape; compared in the promoted dtype.
 * Errors   shapes that do not broadcast; input is a plain number.
 *
 * By name: lt, less. Takes all. Not differentiable. In place: tsr_lt_.
 */
TSR_API tsr_tensor *tsr_lt(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_lt_(tsr_tensor *input, tsr_tensor *other);

/**
 * le(Tensor input, Tensor other) -> Tensor
 *
 * Element by element: input at most other (input <= other).
 *
 * Returns  bool, of the broadcast shape; compared in the promoted dtype.
 * Errors   shapes that do not broadcast; input is a plain number.
 *
 * By name: le, less_equal. Takes all. Not differentiable. In place: tsr_le_.
 */
TSR_API tsr_tensor *tsr_le(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_le_(tsr_tensor *input, tsr_tensor *other);

/**
 * gt(Tensor input, Tensor other) -> Tensor
 *
 * Element by element: input greater than other (input > other).
 *
 * Returns  bool, of the broadcast shape; compared in the promoted dtype.
 * Errors   shapes that do not broadcast; input is a plain number.
 *
 * By name: gt, greater. Takes all. Not differentiable. In place: tsr_gt_.
 */
TSR_API tsr_tensor *tsr_gt(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_gt_(tsr_tensor *input, tsr_tensor *other);

/**
 * ge(Tensor input, Tensor other) -> Tensor
 *
 * Element by element: input at least other (input >= other).
 *
 * Returns  bool, of the broadcast shape; compared in the promoted dtype.
 * Errors   shapes that do not broadcast; input is a plain number.
 *
 * By name: ge, greater_equal. Takes all. Not differentiable. In place: tsr_ge_.
 */
TSR_API tsr_tensor *tsr_ge(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_ge_(tsr_tensor *input, tsr_tensor *other);

/**
 * logical_and(Tensor input, Tensor other) -> Tensor
 *
 * True where both operands are nonzero.
 *
 * Returns  bool, of the broadcast shape.
 * Errors   shapes that do not broadcast; a plain number.
 *
 * By name: logical_and. Takes all. Not differentiable. In place: tsr_logical_and_.
 */
TSR_API tsr_tensor *tsr_logical_and(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_logical_and_(tsr_tensor *input, tsr_tensor *other);

/**
 * logical_or(Tensor input, Tensor other) -> Tensor
 *
 * True where an operand is nonzero.
 *
 * Returns  bool, of the broadcast shape.
 * Errors   shapes that do not broadcast; a plain number.
 *
 * By name: logical_or. Takes all. Not differentiable. In place: tsr_logical_or_.
 */
TSR_API tsr_tensor *tsr_logical_or(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_logical_or_(tsr_tensor *input, tsr_tensor *other);

/**
 * logical_xor(Tensor input, Tensor other) -> Tensor
 *
 * True where exactly one operand is nonzero.
 *
 * Returns  bool, of the broadcast shape.
 * Errors   shapes that do not broadcast; a plain number.
 *
 * By name: logical_xor. Takes all. Not differentiable. In place: tsr_logical_xor_.
 */
TSR_API tsr_tensor *tsr_logical_xor(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_logical_xor_(tsr_tensor *input, tsr_tensor *other);

/**
 * logical_not(Tensor input) -> Tensor
 *
 * True where input is 0.
 *
 * Returns  bool, input's shape.
 * Errors   none of its own.
 *
 * By name: logical_not. Takes all. Not differentiable. In place: tsr_logical_not_.
 */
TSR_API tsr_tensor *tsr_logical_not(tsr_tensor *input);
TSR_API tsr_tensor *tsr_logical_not_(tsr_tensor *input);

/**
 * bitwise_and(Tensor input, Tensor other) -> Tensor
 *
 * And of the bits of integers, or of booleans.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; floating operands.
 *
 * By name: bitwise_and. Takes i64, i32, u8, bool. Not differentiable. In place: tsr_bitwise_and_.
 */
TSR_API tsr_tensor *tsr_bitwise_and(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_bitwise_and_(tsr_tensor *input, tsr_tensor *other);

/**
 * bitwise_or(Tensor input, Tensor other) -> Tensor
 *
 * Or of the bits of integers, or of booleans.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; floating operands.
 *
 * By name: bitwise_or. Takes i64, i32, u8, bool. Not differentiable. In place: tsr_bitwise_or_.
 */
TSR_API tsr_tensor *tsr_bitwise_or(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_bitwise_or_(tsr_tensor *input, tsr_tensor *other);

/**
 * bitwise_xor(Tensor input, Tensor other) -> Tensor
 *
 * Exclusive or of the bits of integers, or of booleans.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   shapes that do not broadcast; floating operands.
 *
 * By name: bitwise_xor. Takes i64, i32, u8, bool. Not differentiable. In place: tsr_bitwise_xor_.
 */
TSR_API tsr_tensor *tsr_bitwise_xor(tsr_tensor *input, tsr_tensor *other);
TSR_API tsr_tensor *tsr_bitwise_xor_(tsr_tensor *input, tsr_tensor *other);

/**
 * bitwise_not(Tensor input) -> Tensor
 *
 * The bits of integers inverted, or booleans.
 *
 * Returns  same shape and dtype.
 * Errors   floating input.
 *
 * By name: bitwise_not. Takes i64, i32, u8, bool. Not differentiable. In place: tsr_bitwise_not_.
 */
TSR_API tsr_tensor *tsr_bitwise_not(tsr_tensor *input);
TSR_API tsr_tensor *tsr_bitwise_not_(tsr_tensor *input);

/**
 * isnan(Tensor input) -> Tensor
 *
 * True where input is not a number.
 *
 * Returns  bool, input's shape.
 * Errors   none of its own.
 *
 * By name: isnan. Takes all. Not differentiable.
 */
TSR_API tsr_tensor *tsr_isnan(tsr_tensor *input);

/**
 * isinf(Tensor input) -> Tensor
 *
 * True where input is infinite.
 *
 * Returns  bool, input's shape.
 * Errors   none of its own.
 *
 * By name: isinf. Takes all. Not differentiable.
 */
TSR_API tsr_tensor *tsr_isinf(tsr_tensor *input);

/**
 * isfinite(Tensor input) -> Tensor
 *
 * True where input is neither infinite nor NaN.
 *
 * Returns  bool, input's shape.
 * Errors   none of its own.
 *
 * By name: isfinite. Takes all. Not differentiable.
 */
TSR_API tsr_tensor *tsr_isfinite(tsr_tensor *input);

/**
 * isclose(Tensor input, Tensor other, float rtol=1e-5, float atol=1e-8, bool equal_nan=False) -> Tensor
 *
 * True where |input - other| <= atol + rtol * |other|, or both are the same infinity, or, with equal_nan, both NaN.
 *
 * Returns  bool, of the broadcast shape.
 * Errors   shapes that do not broadcast; different dtypes; a negative tolerance; a plain number.
 *
 * By name: isclose. Takes all. Not differentiable.
 */
typedef struct tsr_isclose_args {
    tsr_tensor *input;
    tsr_tensor *other;
    double rtol; /* default 1e-5 when 0; TSR_ZERO: 0 */
    double atol; /* default 1e-8 when 0; TSR_ZERO: 0 */
    bool equal_nan;
    int end_;
} tsr_isclose_args;
TSR_API tsr_tensor *tsr_isclose_v(const tsr_isclose_args *args);

/**
 * allclose(Tensor input, Tensor other, float rtol=1e-5, float atol=1e-8, bool equal_nan=False) -> Tensor
 *
 * Whether isclose holds everywhere.
 *
 * Returns  bool, 0-d (tsr_item reads it).
 * Errors   those of isclose.
 *
 * By name: allclose. Takes all. Not differentiable.
 */
typedef struct tsr_allclose_args {
    tsr_tensor *input;
    tsr_tensor *other;
    double rtol; /* default 1e-5 when 0; TSR_ZERO: 0 */
    double atol; /* default 1e-8 when 0; TSR_ZERO: 0 */
    bool equal_nan;
    int end_;
} tsr_allclose_args;
TSR_API tsr_tensor *tsr_allclose_v(const tsr_allclose_args *args);

/**
 * equal(Tensor input, Tensor other) -> Tensor
 *
 * Whether both have the same shape and, in their promoted dtype, the same elements (NaN equals nothing).
 *
 * Returns  bool, 0-d.
 * Errors   none of its own.
 *
 * By name: equal. Takes all. Not differentiable.
 */
TSR_API tsr_tensor *tsr_equal(tsr_tensor *input, tsr_tensor *other);

#ifndef __cplusplus
#define tsr_isclose(...) tsr_isclose_v(&(tsr_isclose_args){__VA_ARGS__, .end_ = 0})
#define tsr_allclose(...) tsr_allclose_v(&(tsr_allclose_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- conv -------------------------------------------------------------------------------------------------------- */

/**
 * conv1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1] padding=0, int[1] dilation=1, int
 *     groups=1) -> Tensor
 *
 * 1-d convolution (cross-correlation), torch.nn.functional.conv1d.
 *
 * input    [N, C, L] or [C, L]
 * weight   [K, C / groups, R], input's dtype
 * bias     [K] or none
 * stride, padding, dilation  as conv2d
 *
 * Returns  [N, K, Lo] or [K, Lo].
 * Errors   those of conv2d.
 *
 * By name: nn.functional.conv1d, conv1d. Takes float. Differentiable.
 */
typedef struct tsr_conv1d_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int64_t stride[1]; /* 1 */
    int64_t padding[1];
    int64_t dilation[1]; /* 1 */
    int64_t groups; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_conv1d_args;
TSR_API tsr_tensor *tsr_conv1d_v(const tsr_conv1d_args *args);

/**
 * conv1d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, str padding="valid", int[1]
 *     dilation=1, int groups=1) -> Tensor
 *
 * conv1d with padding by name: "valid" (none) or "same" (as long as the input; stride 1), torch.nn.functional.conv1d.
 *
 * Returns  [N, K, Lo] or [K, Lo].
 * Errors   another word; "same" with a stride other than 1; those of conv1d.
 *
 * By name: nn.functional.conv1d, conv1d. Takes float. Differentiable.
 */
typedef struct tsr_conv1d_padding_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int64_t stride[1]; /* 1 */
    const char *padding; /* "valid" */
    int64_t dilation[1]; /* 1 */
    int64_t groups; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_conv1d_padding_args;
TSR_API tsr_tensor *tsr_conv1d_padding_v(const tsr_conv1d_padding_args *args);

/**
 * conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0, int[2] dilation=1, int
 *     groups=1) -> Tensor
 *
 * 2-d convolution (cross-correlation), torch.nn.functional.conv2d.
 *
 * input    [N, C, H, W] or [C, H, W], any strides (channels-last is fastest)
 * weight   [K, C / groups, R, S], input's dtype
 * bias     [K] or none
 * stride, dilation  {rows, columns}
 * padding  {rows, columns} of zeros on either side
 *
 * Twice differentiable.
 *
 * Returns  [N, K, Ho, Wo], Ho = (H + 2 padding - dilation (R - 1) - 1) / stride + 1, channels-last; or [K, Ho, Wo].
 * Errors   dtypes or channels that disagree, or are no floats; another number of dimensions; groups does not divide
 *          the channels; a kernel larger than the padded input; a stride or dilation below 1; a negative padding.
 *
 * By name: nn.functional.conv2d, conv2d. Takes float. Differentiable.
 */
typedef struct tsr_conv2d_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int64_t stride[2]; /* 1 */
    int64_t padding[2];
    int64_t dilation[2]; /* 1 */
    int64_t groups; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_conv2d_args;
TSR_API tsr_tensor *tsr_conv2d_v(const tsr_conv2d_args *args);

/**
 * conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, str padding="valid", int[2]
 *     dilation=1, int groups=1) -> Tensor
 *
 * conv2d with padding by name: "valid" (none) or "same" (as large as the input; stride 1), torch.nn.functional.conv2d.
 *
 * Returns  [N, K, Ho, Wo] or [K, Ho, Wo].
 * Errors   another word; "same" with a stride other than 1; those of conv2d.
 *
 * By name: nn.functional.conv2d, conv2d. Takes float. Differentiable.
 */
typedef struct tsr_conv2d_padding_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int64_t stride[2]; /* 1 */
    const char *padding; /* "valid" */
    int64_t dilation[2]; /* 1 */
    int64_t groups; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_conv2d_padding_args;
TSR_API tsr_tensor *tsr_conv2d_padding_v(const tsr_conv2d_padding_args *args);

/**
 * conv3d(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=1, int[3] padding=0, int[3] dilation=1, int
 *     groups=1) -> Tensor
 *
 * 3-d convolution (cross-correlation), torch.nn.functional.conv3d.
 *
 * input    [N, C, D, H, W] or [C, D, H, W]
 * weight   [K, C / groups, Q, R, S], input's dtype
 * bias     [K] or none
 * stride, padding, dilation  as conv2d
 *
 * Returns  [N, K, Do, Ho, Wo] or [K, Do, Ho, Wo].
 * Errors   those of conv2d.
 *
 * By name: nn.functional.conv3d, conv3d. Takes float. Differentiable.
 */
typedef struct tsr_conv3d_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int64_t stride[3]; /* 1 */
    int64_t padding[3];
    int64_t dilation[3]; /* 1 */
    int64_t groups; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_conv3d_args;
TSR_API tsr_tensor *tsr_conv3d_v(const tsr_conv3d_args *args);

/**
 * conv3d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=1, str padding="valid", int[3]
 *     dilation=1, int groups=1) -> Tensor
 *
 * conv3d with padding by name: "valid" (none) or "same" (as large as the input; stride 1), torch.nn.functional.conv3d.
 *
 * Returns  [N, K, Do, Ho, Wo] or [K, Do, Ho, Wo].
 * Errors   another word; "same" with a stride other than 1; those of conv3d.
 *
 * By name: nn.functional.conv3d, conv3d. Takes float. Differentiable.
 */
typedef struct tsr_conv3d_padding_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int64_t stride[3]; /* 1 */
    const char *padding; /* "valid" */
    int64_t dilation[3]; /* 1 */
    int64_t groups; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_conv3d_padding_args;
TSR_API tsr_tensor *tsr_conv3d_padding_v(const tsr_conv3d_padding_args *args);

/**
 * conv_transpose1d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1] padding=0, int[1]
 *     output_padding=0, int groups=1, int[1] dilation=1) -> Tensor
 *
 * 1-d transposed convolution, torch.nn.functional.conv_transpose1d. See conv_transpose2d.
 *
 * Returns  [N, K, Lo] or [K, Lo].
 * Errors   those of conv_transpose2d.
 *
 * By name: nn.functional.conv_transpose1d, conv_transpose1d. Takes float. Differentiable.
 */
typedef struct tsr_conv_transpose1d_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int64_t stride[1]; /* 1 */
    int64_t padding[1];
    int64_t output_padding[1];
    int64_t groups; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int64_t dilation[1]; /* 1 */
    int end_;
} tsr_conv_transpose1d_args;
TSR_API tsr_tensor *tsr_conv_transpose1d_v(const tsr_conv_transpose1d_args *args);

/**
 * conv_transpose2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0, int[2]
 *     output_padding=0, int groups=1, int[2] dilation=1) -> Tensor
 *
 * 2-d transposed convolution: the derivative of conv2d by its input, torch.nn.functional.conv_transpose2d.
 *
 * input    [N, C, H, W] or [C, H, W]
 * weight   [C, K / groups, R, S], input's dtype
 * bias     [K] or none
 * padding  of the convolution that this one is the derivative of
 * output_padding  rows and columns added on the high side; below stride or dilation
 *
 * Returns  [N, K, Ho, Wo], Ho = (H - 1) stride - 2 padding + dilation (R - 1) + output_padding + 1, channels-last.
 * Errors   dtypes or channels that disagree, or are no floats; another number of dimensions; groups does not divide
 *          the channels; output_padding not below stride or dilation; a result of size below 1; a stride or dilation
 *          below 1; a negative padding.
 *
 * By name: nn.functional.conv_transpose2d, conv_transpose2d. Takes float. Differentiable.
 */
typedef struct tsr_conv_transpose2d_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int64_t stride[2]; /* 1 */
    int64_t padding[2];
    int64_t output_padding[2];
    int64_t groups; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int64_t dilation[2]; /* 1 */
    int end_;
} tsr_conv_transpose2d_args;
TSR_API tsr_tensor *tsr_conv_transpose2d_v(const tsr_conv_transpose2d_args *args);

/**
 * conv_transpose3d(Tensor input, Tensor weight, Tensor? bias=None, int[3] stride=1, int[3] padding=0, int[3]
 *     output_padding=0, int groups=1, int[3] dilation=1) -> Tensor
 *
 * 3-d transposed convolution, torch.nn.functional.conv_transpose3d. See conv_transpose2d.
 *
 * Returns  [N, K, Do, Ho, Wo] or [K, Do, Ho, Wo].
 * Errors   those of conv_transpose2d.
 *
 * By name: nn.functional.conv_transpose3d, conv_transpose3d. Takes float. Differentiable.
 */
typedef struct tsr_conv_transpose3d_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int64_t stride[3]; /* 1 */
    int64_t padding[3];
    int64_t output_padding[3];
    int64_t groups; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int64_t dilation[3]; /* 1 */
    int end_;
} tsr_conv_transpose3d_args;
TSR_API tsr_tensor *tsr_conv_transpose3d_v(const tsr_conv_transpose3d_args *args);

#ifndef __cplusplus
#define tsr_conv1d(...) tsr_conv1d_v(&(tsr_conv1d_args){__VA_ARGS__, .end_ = 0})
#define tsr_conv1d_padding(...) tsr_conv1d_padding_v(&(tsr_conv1d_padding_args){__VA_ARGS__, .end_ = 0})
#define tsr_conv2d(...) tsr_conv2d_v(&(tsr_conv2d_args){__VA_ARGS__, .end_ = 0})
#define tsr_conv2d_padding(...) tsr_conv2d_padding_v(&(tsr_conv2d_padding_args){__VA_ARGS__, .end_ = 0})
#define tsr_conv3d(...) tsr_conv3d_v(&(tsr_conv3d_args){__VA_ARGS__, .end_ = 0})
#define tsr_conv3d_padding(...) tsr_conv3d_padding_v(&(tsr_conv3d_padding_args){__VA_ARGS__, .end_ = 0})
#define tsr_conv_transpose1d(...) tsr_conv_transpose1d_v(&(tsr_conv_transpose1d_args){__VA_ARGS__, .end_ = 0})
#define tsr_conv_transpose2d(...) tsr_conv_transpose2d_v(&(tsr_conv_transpose2d_args){__VA_ARGS__, .end_ = 0})
#define tsr_conv_transpose3d(...) tsr_conv_transpose3d_v(&(tsr_conv_transpose3d_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- copy -------------------------------------------------------------------------------------------------------- */

/**
 * to(Tensor input, dtype dtype, bool copy=False) -> Tensor
 *
 * input as another dtype; input itself when it has that dtype already, unless copy is asked for.
 * Floats become integers by truncation, and true where they are not 0. The gradient is cast back.
 *
 * Returns  input's shape and layout, of the dtype given.
 * Errors   no dtype is given.
 *
 * By name: to, type. Takes all. Differentiable.
 */
typedef struct tsr_to_args {
    tsr_tensor *input;
    tsr_dtype dtype;
    bool copy;
    int end_;
} tsr_to_args;
TSR_API tsr_tensor *tsr_to_v(const tsr_to_args *args);

/**
 * clone(Tensor input, *, str memory_format="preserve") -> Tensor
 *
 * A copy in memory of its own. memory_format is "preserve" (input's layout where it is dense), "contiguous"
 * (row-major) or "channels_last" (4-d).
 *
 * Returns  input's shape and dtype.
 * Errors   another word; "channels_last" of an input that is not 4-d.
 *
 * By name: clone. Takes all. Differentiable.
 */
typedef struct tsr_clone_args {
    tsr_tensor *input;
    const char *memory_format; /* "preserve" */
    int end_;
} tsr_clone_args;
TSR_API tsr_tensor *tsr_clone_v(const tsr_clone_args *args);

/**
 * contiguous(Tensor input, *, str memory_format="contiguous") -> Tensor
 *
 * input itself when its elements lie in memory as memory_format ("contiguous", "channels_last") says, else such a
 * copy.
 *
 * Returns  input's shape and dtype.
 * Errors   those of clone.
 *
 * By name: contiguous. Takes all. Differentiable.
 */
typedef struct tsr_contiguous_args {
    tsr_tensor *input;
    const char *memory_format; /* "contiguous" */
    int end_;
} tsr_contiguous_args;
TSR_API tsr_tensor *tsr_contiguous_v(const tsr_contiguous_args *args);

/**
 * copy_(Tensor input, Tensor src, bool non_blocking=False) -> Tensor
 *
 * Write src's values, broadcast to input's shape and cast to its dtype, into input. non_blocking changes nothing here.
 *
 * Returns  input.
 * Errors   src does not broadcast to input's shape; elements of input overlap in memory.
 *
 * By name: copy_. Takes all. Differentiable.
 */
typedef struct tsr_copy__args {
    tsr_tensor *input;
    tsr_tensor *src;
    bool non_blocking;
    int end_;
} tsr_copy__args;
TSR_API tsr_tensor *tsr_copy__v(const tsr_copy__args *args);

/**
 * fill(Tensor input, Tensor value) -> Tensor
 *
 * input's shape and dtype, every element `value`: a number or a 0-d tensor, which gets the sum of the gradient. The
 * derivative with respect to input is 0.
 *
 * Returns  input's shape and dtype.
 * Errors   value has dimensions.
 *
 * By name: fill. Takes all. Differentiable. In place: tsr_fill_.
 */
TSR_API tsr_tensor *tsr_fill(tsr_tensor *input, tsr_tensor *value);
TSR_API tsr_tensor *tsr_fill_(tsr_tensor *input, tsr_tensor *value);

/**
 * zero_(Tensor input) -> Tensor
 *
 * Write 0 into every element.
 *
 * Returns  input.
 * Errors   input cannot be written: it is a leaf that requires a gradient.
 *
 * By name: zero_. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_zero_(tsr_tensor *input);

#ifndef __cplusplus
#define tsr_to(...) tsr_to_v(&(tsr_to_args){__VA_ARGS__, .end_ = 0})
#define tsr_clone(...) tsr_clone_v(&(tsr_clone_args){__VA_ARGS__, .end_ = 0})
#define tsr_contiguous(...) tsr_contiguous_v(&(tsr_contiguous_args){__VA_ARGS__, .end_ = 0})
#define tsr_copy_(...) tsr_copy__v(&(tsr_copy__args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- create ------------------------------------------------------------------------------------------------------ */

/**
 * empty(int[] size, *, dtype? dtype=None) -> Tensor
 *
 * Memory that is not initialised.
 *
 * Returns  [size], row-major; dtype f32 unless given.
 * Errors   a negative size, or more elements than memory can hold.
 *
 * By name: empty. Takes all. Not differentiable.
 */
typedef struct tsr_empty_args {
    tsr_shape size;
    tsr_dtype dtype;
    int end_;
} tsr_empty_args;
TSR_API tsr_tensor *tsr_empty_v(const tsr_empty_args *args);

/**
 * zeros(int[] size, *, dtype? dtype=None) -> Tensor
 *
 * Zeros.
 *
 * Returns  [size], row-major; dtype f32 unless given.
 * Errors   a negative size, or more elements than memory can hold.
 *
 * By name: zeros. Takes all. Not differentiable.
 */
typedef struct tsr_zeros_args {
    tsr_shape size;
    tsr_dtype dtype;
    int end_;
} tsr_zeros_args;
TSR_API tsr_tensor *tsr_zeros_v(const tsr_zeros_args *args);

/**
 * ones(int[] size, *, dtype? dtype=None) -> Tensor
 *
 * Ones.
 *
 * Returns  [size], row-major; dtype f32 unless given.
 * Errors   a negative size, or more elements than memory can hold.
 *
 * By name: ones. Takes all. Not differentiable.
 */
typedef struct tsr_ones_args {
    tsr_shape size;
    tsr_dtype dtype;
    int end_;
} tsr_ones_args;
TSR_API tsr_tensor *tsr_ones_v(const tsr_ones_args *args);

/**
 * full(int[] size, Scalar fill_value, *, dtype? dtype=None) -> Tensor
 *
 * One value everywhere.
 *
 * Returns  [size], row-major; unless given, dtype f32, i64 or bool as the value is.
 * Errors   a negative size, or more elements than memory can hold.
 *
 * By name: full. Takes all. Not differentiable.
 */
typedef struct tsr_full_args {
    tsr_shape size;
    tsr_number fill_value;
    tsr_dtype dtype;
    int end_;
} tsr_full_args;
TSR_API tsr_tensor *tsr_full_v(const tsr_full_args *args);

/**
 * eye(int n, int? m=None, *, dtype? dtype=None) -> Tensor
 *
 * Ones on the diagonal, zeros elsewhere.
 *
 * Returns  [n, m], m = n unless given; dtype f32 unless given.
 * Errors   a negative size.
 *
 * By name: eye. Takes all. Not differentiable.
 */
typedef struct tsr_eye_args {
    int64_t n;
    tsr_number m;
    tsr_dtype dtype;
    int end_;
} tsr_eye_args;
TSR_API tsr_tensor *tsr_eye_v(const tsr_eye_args *args);

/**
 * arange(Scalar end, *, dtype? dtype=None) -> Tensor
 *
 * 0, 1, ... up to but without `end`.
 *
 * Returns  1-d; dtype i64, or f32 for a floating end, unless given.
 * Errors   an end that is below 0 or not finite.
 *
 * By name: arange. Takes number. Not differentiable.
 */
typedef struct tsr_arange_args {
    tsr_number end;
    tsr_dtype dtype;
    int end_;
} tsr_arange_args;
TSR_API tsr_tensor *tsr_arange_v(const tsr_arange_args *args);

/**
 * arange.start(Scalar start, Scalar end, Scalar step=1, *, dtype? dtype=None) -> Tensor
 *
 * start, start + step, ... up to but without `end`: ceil((end - start) / step) elements.
 *
 * Returns  1-d; dtype i64 when all numbers are integers, else f32, unless given.
 * Errors   step 0; bounds that are not finite; a step that leads away from the end.
 *
 * By name: arange. Takes number. Not differentiable.
 */
typedef struct tsr_arange_start_args {
    tsr_number start;
    tsr_number end;
    tsr_number step; /* 1 */
    tsr_dtype dtype;
    int end_;
} tsr_arange_start_args;
TSR_API tsr_tensor *tsr_arange_start_v(const tsr_arange_start_args *args);

/**
 * linspace(Scalar start, Scalar end, int steps, *, dtype? dtype=None) -> Tensor
 *
 * `steps` numbers at equal distance from start to end, both included; of an integer dtype
 * from the whole part of the one to that of the other.
 *
 * Returns  [steps]; dtype f32 unless given.
 * Errors   steps is negative.
 *
 * By name: linspace. Takes number. Not differentiable.
 */
typedef struct tsr_linspace_args {
    tsr_number start;
    tsr_number end;
    int64_t steps;
    tsr_dtype dtype;
    int end_;
} tsr_linspace_args;
TSR_API tsr_tensor *tsr_linspace_v(const tsr_linspace_args *args);

/**
 * empty_like(Tensor input, *, dtype? dtype=None) -> Tensor
 *
 * Memory that is not initialised, of input's shape, layout and, unless given, dtype.
 *
 * Returns  input's shape and layout; input's dtype unless given.
 * Errors   none of its own.
 *
 * By name: empty_like. Takes all. Not differentiable.
 */
typedef struct tsr_empty_like_args {
    tsr_tensor *input;
    tsr_dtype dtype;
    int end_;
} tsr_empty_like_args;
TSR_API tsr_tensor *tsr_empty_like_v(const tsr_empty_like_args *args);

/**
 * zeros_like(Tensor input, *, dtype? dtype=None) -> Tensor
 *
 * Zeros of input's shape, layout and, unless given, dtype.
 *
 * Returns  input's shape and layout; input's dtype unless given.
 * Errors   none of its own.
 *
 * By name: zeros_like. Takes all. Not differentiable.
 */
typedef struct tsr_zeros_like_args {
    tsr_tensor *input;
    tsr_dtype dtype;
    int end_;
} tsr_zeros_like_args;
TSR_API tsr_tensor *tsr_zeros_like_v(const tsr_zeros_like_args *args);

/**
 * ones_like(Tensor input, *, dtype? dtype=None) -> Tensor
 *
 * Ones of input's shape, layout and, unless given, dtype.
 *
 * Returns  input's shape and layout; input's dtype unless given.
 * Errors   none of its own.
 *
 * By name: ones_like. Takes all. Not differentiable.
 */
typedef struct tsr_ones_like_args {
    tsr_tensor *input;
    tsr_dtype dtype;
    int end_;
} tsr_ones_like_args;
TSR_API tsr_tensor *tsr_ones_like_v(const tsr_ones_like_args *args);

/**
 * full_like(Tensor input, Scalar fill_value, *, dtype? dtype=None) -> Tensor
 *
 * One value everywhere, of input's shape, layout and, unless given, dtype.
 *
 * Returns  input's shape and layout; input's dtype unless given.
 * Errors   none of its own.
 *
 * By name: full_like. Takes all. Not differentiable.
 */
typedef struct tsr_full_like_args {
    tsr_tensor *input;
    tsr_number fill_value;
    tsr_dtype dtype;
    int end_;
} tsr_full_like_args;
TSR_API tsr_tensor *tsr_full_like_v(const tsr_full_like_args *args);

/**
 * new_empty(Tensor input, int[] size, *, dtype? dtype=None) -> Tensor
 *
 * Memory that is not initialised.
 *
 * Returns  [size], row-major; dtype input's unless given.
 * Errors   a negative size, or more elements than memory can hold.
 *
 * By name: new_empty. Takes all. Not differentiable.
 */
typedef struct tsr_new_empty_args {
    tsr_tensor *input;
    tsr_shape size;
    tsr_dtype dtype;
    int end_;
} tsr_new_empty_args;
TSR_API tsr_tensor *tsr_new_empty_v(const tsr_new_empty_args *args);

/**
 * new_zeros(Tensor input, int[] size, *, dtype? dtype=None) -> Tensor
 *
 * Zeros.
 *
 * Returns  [size], row-major; dtype input's unless given.
 * Errors   a negative size, or more elements than memory can hold.
 *
 * By name: new_zeros. Takes all. Not differentiable.
 */
typedef struct tsr_new_zeros_args {
    tsr_tensor *input;
    tsr_shape size;
    tsr_dtype dtype;
    int end_;
} tsr_new_zeros_args;
TSR_API tsr_tensor *tsr_new_zeros_v(const tsr_new_zeros_args *args);

/**
 * new_ones(Tensor input, int[] size, *, dtype? dtype=None) -> Tensor
 *
 * Ones.
 *
 * Returns  [size], row-major; dtype input's unless given.
 * Errors   a negative size, or more elements than memory can hold.
 *
 * By name: new_ones. Takes all. Not differentiable.
 */
typedef struct tsr_new_ones_args {
    tsr_tensor *input;
    tsr_shape size;
    tsr_dtype dtype;
    int end_;
} tsr_new_ones_args;
TSR_API tsr_tensor *tsr_new_ones_v(const tsr_new_ones_args *args);

/**
 * new_full(Tensor input, int[] size, Scalar fill_value, *, dtype? dtype=None) -> Tensor
 *
 * One value everywhere.
 *
 * Returns  [size], row-major; dtype input's unless given.
 * Errors   a negative size, or more elements than memory can hold.
 *
 * By name: new_full. Takes all. Not differentiable.
 */
typedef struct tsr_new_full_args {
    tsr_tensor *input;
    tsr_shape size;
    tsr_number fill_value;
    tsr_dtype dtype;
    int end_;
} tsr_new_full_args;
TSR_API tsr_tensor *tsr_new_full_v(const tsr_new_full_args *args);

/**
 * one_hot(Tensor input, int num_classes=-1) -> Tensor
 *
 * 1 at each class index, 0 elsewhere. input: i64 class indices of any shape.
 *
 * Returns  [input's shape, num_classes], i64; num_classes -1 means the largest index plus 1.
 * Errors   another dtype; an index outside [0, num_classes).
 *
 * By name: nn.functional.one_hot. Takes i64. Not differentiable.
 */
typedef struct tsr_one_hot_args {
    tsr_tensor *input;
    int64_t num_classes; /* default -1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_one_hot_args;
TSR_API tsr_tensor *tsr_one_hot_v(const tsr_one_hot_args *args);

/**
 * tril(Tensor input, int diagonal=0) -> Tensor
 *
 * The lower triangle of matrices [.., m, n]: elements with column - row <= diagonal, zero elsewhere.
 *
 * Returns  input's shape, dtype and layout.
 * Errors   fewer than two dimensions.
 *
 * By name: tril. Takes all. Differentiable. In place: tsr_tril_.
 */
typedef struct tsr_tril_args {
    tsr_tensor *input;
    int64_t diagonal;
    int end_;
} tsr_tril_args;
TSR_API tsr_tensor *tsr_tril_v(const tsr_tril_args *args);
TSR_API tsr_tensor *tsr_tril__v(const tsr_tril_args *args);

/**
 * triu(Tensor input, int diagonal=0) -> Tensor
 *
 * The upper triangle of matrices [.., m, n]: elements with column - row >= diagonal, zero elsewhere.
 *
 * Returns  input's shape, dtype and layout.
 * Errors   fewer than two dimensions.
 *
 * By name: triu. Takes all. Differentiable. In place: tsr_triu_.
 */
typedef struct tsr_triu_args {
    tsr_tensor *input;
    int64_t diagonal;
    int end_;
} tsr_triu_args;
TSR_API tsr_tensor *tsr_triu_v(const tsr_triu_args *args);
TSR_API tsr_tensor *tsr_triu__v(const tsr_triu_args *args);

#ifndef __cplusplus
#define tsr_empty(...) tsr_empty_v(&(tsr_empty_args){__VA_ARGS__, .end_ = 0})
#define tsr_zeros(...) tsr_zeros_v(&(tsr_zeros_args){__VA_ARGS__, .end_ = 0})
#define tsr_ones(...) tsr_ones_v(&(tsr_ones_args){__VA_ARGS__, .end_ = 0})
#define tsr_full(...) tsr_full_v(&(tsr_full_args){__VA_ARGS__, .end_ = 0})
#define tsr_eye(...) tsr_eye_v(&(tsr_eye_args){__VA_ARGS__, .end_ = 0})
#define tsr_arange(...) tsr_arange_v(&(tsr_arange_args){__VA_ARGS__, .end_ = 0})
#define tsr_arange_start(...) tsr_arange_start_v(&(tsr_arange_start_args){__VA_ARGS__, .end_ = 0})
#define tsr_linspace(...) tsr_linspace_v(&(tsr_linspace_args){__VA_ARGS__, .end_ = 0})
#define tsr_empty_like(...) tsr_empty_like_v(&(tsr_empty_like_args){__VA_ARGS__, .end_ = 0})
#define tsr_zeros_like(...) tsr_zeros_like_v(&(tsr_zeros_like_args){__VA_ARGS__, .end_ = 0})
#define tsr_ones_like(...) tsr_ones_like_v(&(tsr_ones_like_args){__VA_ARGS__, .end_ = 0})
#define tsr_full_like(...) tsr_full_like_v(&(tsr_full_like_args){__VA_ARGS__, .end_ = 0})
#define tsr_new_empty(...) tsr_new_empty_v(&(tsr_new_empty_args){__VA_ARGS__, .end_ = 0})
#define tsr_new_zeros(...) tsr_new_zeros_v(&(tsr_new_zeros_args){__VA_ARGS__, .end_ = 0})
#define tsr_new_ones(...) tsr_new_ones_v(&(tsr_new_ones_args){__VA_ARGS__, .end_ = 0})
#define tsr_new_full(...) tsr_new_full_v(&(tsr_new_full_args){__VA_ARGS__, .end_ = 0})
#define tsr_one_hot(...) tsr_one_hot_v(&(tsr_one_hot_args){__VA_ARGS__, .end_ = 0})
#define tsr_tril(...) tsr_tril_v(&(tsr_tril_args){__VA_ARGS__, .end_ = 0})
#define tsr_tril_(...) tsr_tril__v(&(tsr_tril_args){__VA_ARGS__, .end_ = 0})
#define tsr_triu(...) tsr_triu_v(&(tsr_triu_args){__VA_ARGS__, .end_ = 0})
#define tsr_triu_(...) tsr_triu__v(&(tsr_triu_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- fold -------------------------------------------------------------------------------------------------------- */

/**
 * im2col(Tensor input, int[2] kernel_size, int[2] dilation=1, int[2] padding=0, int[2] stride=1) -> Tensor
 *
 * All blocks of an image, each as a column, torch.nn.functional.unfold.
 *
 * input    [N, C, H, W] or [C, H, W]
 *
 * Returns  [N, C R S, blocks] (without N for a 3-d input), R and S the kernel's size.
 * Errors   input is neither 3-d nor 4-d; a kernel, dilation or stride below 1; a negative padding; a kernel that
 *          does not fit.
 *
 * By name: nn.functional.unfold. Takes float. Differentiable.
 */
typedef struct tsr_im2col_args {
    tsr_tensor *input;
    int64_t kernel_size[2];
    int64_t dilation[2]; /* 1 */
    int64_t padding[2];
    int64_t stride[2]; /* 1 */
    int end_;
} tsr_im2col_args;
TSR_API tsr_tensor *tsr_im2col_v(const tsr_im2col_args *args);

/**
 * fold(Tensor input, int[2] output_size, int[2] kernel_size, int[2] dilation=1, int[2] padding=0, int[2] stride=1) ->
 *     Tensor
 *
 * Columns put back as blocks of an image, where they overlap added up, torch.nn.functional.fold: the derivative of
 * nn.functional.unfold.
 *
 * input        [N, C R S, blocks]
 * output_size  {H, W}
 *
 * Returns  [N, C, H, W].
 * Errors   input of another dtype than f32 and f64, or whose sizes do not fit the output and the kernel; a kernel,
 *          dilation or stride below 1; a negative padding.
 *
 * By name: nn.functional.fold. Takes float. Differentiable.
 */
typedef struct tsr_fold_args {
    tsr_tensor *input;
    int64_t output_size[2];
    int64_t kernel_size[2];
    int64_t dilation[2]; /* 1 */
    int64_t padding[2];
    int64_t stride[2]; /* 1 */
    int end_;
} tsr_fold_args;
TSR_API tsr_tensor *tsr_fold_v(const tsr_fold_args *args);

#ifndef __cplusplus
#define tsr_im2col(...) tsr_im2col_v(&(tsr_im2col_args){__VA_ARGS__, .end_ = 0})
#define tsr_fold(...) tsr_fold_v(&(tsr_fold_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- grid -------------------------------------------------------------------------------------------------------- */

/**
 * grid_sample(Tensor input, Tensor grid, str mode="bilinear", str padding_mode="zeros", bool? align_corners=None) ->
 *     Tensor
 *
 * input read at the positions `grid`, torch.nn.functional.grid_sample.
 *
 * input          [N, C, H, W] or [N, C, D, H, W]
 * grid           [N, Ho, Wo, 2] or [N, Do, Ho, Wo, 3]: x, y (and z) in [-1, 1]
 * mode           "bilinear" (trilinear of a 5-d input), "nearest", "bicubic" (4-d input)
 * padding_mode   what lies outside: "zeros", "border" (the nearest pixel), "reflection"
 * align_corners  -1 and 1 are the centres of the corner pixels instead of their outer borders
 *
 * Returns  [N, C, Ho, Wo] or [N, C, Do, Ho, Wo].
 * Errors   shapes, dtypes or batch sizes that do not fit; input without pixels; another mode; "bicubic" of a 5-d
 *          input.
 *
 * By name: nn.functional.grid_sample, grid_sampler. Takes float. Differentiable.
 */
typedef struct tsr_grid_sample_args {
    tsr_tensor *input;
    tsr_tensor *grid;
    const char *mode; /* "bilinear" */
    const char *padding_mode; /* "zeros" */
    tsr_flag align_corners;
    int end_;
} tsr_grid_sample_args;
TSR_API tsr_tensor *tsr_grid_sample_v(const tsr_grid_sample_args *args);

/**
 * affine_grid(Tensor theta, int[] size, bool? align_corners=None) -> Tensor
 *
 * The positions at which grid_sample reads for an affine map of the output, torch.nn.functional.affine_grid.
 *
 * theta    [N, 2, 3] for images, [N, 3, 4] for volumes
 * size     the output's: [N, C, H, W] or [N, C, D, H, W]
 *
 * Returns  [N, H, W, 2] or [N, D, H, W, 3].
 * Errors   theta and size that do not fit; no pixels.
 *
 * By name: nn.functional.affine_grid. Takes float. Differentiable.
 */
typedef struct tsr_affine_grid_args {
    tsr_tensor *theta;
    tsr_shape size;
    tsr_flag align_corners;
    int end_;
} tsr_affine_grid_args;
TSR_API tsr_tensor *tsr_affine_grid_v(const tsr_affine_grid_args *args);

#ifndef __cplusplus
#define tsr_grid_sample(...) tsr_grid_sample_v(&(tsr_grid_sample_args){__VA_ARGS__, .end_ = 0})
#define tsr_affine_grid(...) tsr_affine_grid_v(&(tsr_affine_grid_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- index ------------------------------------------------------------------------------------------------------- */

/**
 * gather(Tensor input, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor
 *
 * out[i][j] = input[index[i][j]][j] for dim 0, and so on, torch.gather.
 *
 * index        i64, as many dimensions as input, in the others than dim not larger than it; values in [0, input's size)
 * sparse_grad  accepted and ignored: gradients are dense
 *
 * Returns  index's shape, input's dtype.
 * Errors   an index out of range; an index of another dtype, number of dimensions, or larger than input in another
 *          dimension than dim.
 *
 * By name: gather. Takes all. Differentiable.
 */
typedef struct tsr_gather_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_tensor *index;
    bool sparse_grad;
    int end_;
} tsr_gather_args;
TSR_API tsr_tensor *tsr_gather_v(const tsr_gather_args *args);

/**
 * scatter(Tensor input, int dim, Tensor index, Tensor src, *, str? reduce=None) -> Tensor
 *
 * A copy of input with out[index[i][j]][j] = src[i][j] for dim 0, and so on, torch.scatter.
 *
 * index    i64, values in [0, input's size); not larger than src, nor than input in the other dimensions
 * src      input's dtype
 * reduce   "add" or "multiply" combines with what is there (not differentiable; scatter_reduce is)
 *
 * Where an index is there twice the later value in row-major order stays.
 *
 * Returns  input's shape and dtype.
 * Errors   an index out of range; an index of another dtype, or that does not fit input or src; src of another
 *          dtype; another word for reduce; a gradient with reduce.
 *
 * By name: scatter. Takes all. Differentiable. In place: tsr_scatter_.
 */
typedef struct tsr_scatter_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_tensor *index;
    tsr_tensor *src;
    const char *reduce;
    int end_;
} tsr_scatter_args;
TSR_API tsr_tensor *tsr_scatter_v(const tsr_scatter_args *args);
TSR_API tsr_tensor *tsr_scatter__v(const tsr_scatter_args *args);

/**
 * scatter.value(Tensor input, int dim, Tensor index, Scalar value, *, str? reduce=None) -> Tensor
 *
 * scatter of one number, torch.scatter.
 *
 * Returns  input's shape and dtype.
 * Errors   those of scatter.
 *
 * By name: scatter. Takes all. Differentiable. In place: tsr_scatter_value_.
 */
typedef struct tsr_scatter_value_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_tensor *index;
    tsr_number value;
    const char *reduce;
    int end_;
} tsr_scatter_value_args;
TSR_API tsr_tensor *tsr_scatter_value_v(const tsr_scatter_value_args *args);
TSR_API tsr_tensor *tsr_scatter_value__v(const tsr_scatter_value_args *args);

/**
 * scatter_add(Tensor input, int dim, Tensor index, Tensor src) -> Tensor
 *
 * A copy of input with src[i][j] added to out[index[i][j]][j] for dim 0, and so on; repeated indices add up, in order,
 * torch.scatter_add.
 *
 * Returns  input's shape and dtype.
 * Errors   those of scatter.
 *
 * By name: scatter_add. Takes number. Differentiable. In place: tsr_scatter_add_.
 */
TSR_API tsr_tensor *tsr_scatter_add(tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_tensor *src);
TSR_API tsr_tensor *tsr_scatter_add_(tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_tensor *src);

/**
 * scatter_reduce(Tensor input, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor
 *
 * scatter with a reduction of all that meets in an element, torch.scatter_reduce.
 *
 * reduce        "sum", "prod", "mean", "amax", "amin"
 * include_self  whether input's values take part where an index points
 *
 * The gradient of amax and amin is divided evenly among equals.
 *
 * Returns  input's shape and dtype.
 * Errors   another word for reduce; those of scatter.
 *
 * By name: scatter_reduce. Takes number. Differentiable. In place: tsr_scatter_reduce_.
 */
typedef struct tsr_scatter_reduce_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_tensor *index;
    tsr_tensor *src;
    const char *reduce;
    tsr_flag include_self; /* True */
    int end_;
} tsr_scatter_reduce_args;
TSR_API tsr_tensor *tsr_scatter_reduce_v(const tsr_scatter_reduce_args *args);
TSR_API tsr_tensor *tsr_scatter_reduce__v(const tsr_scatter_reduce_args *args);

/**
 * index_select(Tensor input, int dim, Tensor index) -> Tensor
 *
 * The indices `index` of a dimension, torch.index_select.
 *
 * index    0-d or 1-d, i64 or i32, values in [0, size)
 *
 * Returns  input's shape with dim as long as index; input's dtype.
 * Errors   an index out of range; index of another dtype or with more dimensions.
 *
 * By name: index_select. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_index_select(tsr_tensor *input, int64_t dim, tsr_tensor *index);

/**
 * index_add(Tensor input, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor
 *
 * A copy of input with alpha source[.., i, ..] added at index[i]; repeated indices add up, in order, torch.index_add.
 *
 * index    0-d or 1-d, i64 or i32, values in [0, size)
 * source   input's dtype and shape, but for `dim`: as long as index
 *
 * Returns  input's shape and dtype.
 * Errors   an index out of range; index of another dtype or with more dimensions; source of another dtype or shape.
 *
 * By name: index_add. Takes number. Differentiable. In place: tsr_index_add_.
 */
typedef struct tsr_index_add_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_tensor *index;
    tsr_tensor *source;
    tsr_number alpha; /* 1 */
    int end_;
} tsr_index_add_args;
TSR_API tsr_tensor *tsr_index_add_v(const tsr_index_add_args *args);
TSR_API tsr_tensor *tsr_index_add__v(const tsr_index_add_args *args);

/**
 * index_copy(Tensor input, int dim, Tensor index, Tensor source) -> Tensor
 *
 * A copy of input with source[.., i, ..] at index[i]; of repeated indices the last stays, torch.index_copy.
 *
 * index    0-d or 1-d, i64 or i32, values in [0, size)
 * source   input's dtype and shape, but for `dim`: as long as index
 *
 * Returns  input's shape and dtype.
 * Errors   an index out of range; index of another dtype or with more dimensions; source of another dtype or shape.
 *
 * By name: index_copy. Takes all. Differentiable. In place: tsr_index_copy_.
 */
TSR_API tsr_tensor *tsr_index_copy(tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_tensor *source);
TSR_API tsr_tensor *tsr_index_copy_(tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_tensor *source);

/**
 * index_fill(Tensor input, int dim, Tensor index, Scalar value) -> Tensor
 *
 * A copy of input with a number at the indices `index` of a dimension, torch.index_fill.
 *
 * Returns  input's shape and dtype.
 * Errors   an index out of range; index of another dtype or with more dimensions.
 *
 * By name: index_fill. Takes all. Differentiable. In place: tsr_index_fill_.
 */
TSR_API tsr_tensor *tsr_index_fill(tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_number value);
TSR_API tsr_tensor *tsr_index_fill_(tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_number value);

/**
 * index_fill.tensor(Tensor input, int dim, Tensor index, Tensor value) -> Tensor
 *
 * index_fill with the value of a 0-d tensor, torch.index_fill.
 *
 * Returns  input's shape and dtype.
 * Errors   those of index_fill; value is not 0-d.
 *
 * By name: index_fill. Takes all. Differentiable. In place: tsr_index_fill_tensor_.
 */
TSR_API tsr_tensor *tsr_index_fill_tensor(tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_tensor *value);
TSR_API tsr_tensor *tsr_index_fill_tensor_(tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_tensor *value);

/**
 * index(Tensor input, Tensor?[] indices) -> Tensor
 *
 * input[i, j, ...] with tensors as indices, torch.Tensor's advanced indexing.
 *
 * indices  for each leading dimension i64 (broadcast with each other; negative values count from the end), a bool or u8
 *          mask over one or more dimensions, or none for all of it
 *
 * Returns  the indices' broadcast shape where the first of them stands, or in front when they are not neighbours.
 * Errors   an index out of range; masks of the wrong shape; indices that do not broadcast.
 *
 * By name: index. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_index(tsr_tensor *input, tsr_tensors indices);

/**
 * index_put(Tensor input, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor
 *
 * A copy of input with input[i, j, ...] = values, torch.Tensor.index_put.
 *
 * indices     as for `index`
 * values      input's dtype; broadcast to the shape that `index` would return
 * accumulate  add instead; repeated indices add up
 *
 * Returns  input's shape and dtype.
 * Errors   those of index; values of another dtype, or that do not broadcast.
 *
 * By name: index_put. Takes all. Differentiable. In place: tsr_index_put_.
 */
typedef struct tsr_index_put_args {
    tsr_tensor *input;
    tsr_tensors indices;
    tsr_tensor *values;
    bool accumulate;
    int end_;
} tsr_index_put_args;
TSR_API tsr_tensor *tsr_index_put_v(const tsr_index_put_args *args);
TSR_API tsr_tensor *tsr_index_put__v(const tsr_index_put_args *args);

/**
 * take(Tensor input, Tensor index) -> Tensor
 *
 * The elements of the flattened input at `index`, in index's shape, torch.take.
 *
 * index    i64; negative counts from the end
 *
 * Returns  index's shape, input's dtype.
 * Errors   an index out of range; index is not i64.
 *
 * By name: take. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_take(tsr_tensor *input, tsr_tensor *index);

/**
 * take_along_dim(Tensor input, Tensor indices, int? dim=None) -> Tensor
 *
 * gather with input and indices broadcast in the other dimensions, torch.take_along_dim.
 *
 * dim      absent: of the flattened input
 *
 * Returns  the broadcast shape, indices' size in dim; input's dtype.
 * Errors   an index out of range; indices that are not i64, or have another number of dimensions, or do not
 *          broadcast.
 *
 * By name: take_along_dim. Takes all. Differentiable.
 */
typedef struct tsr_take_along_dim_args {
    tsr_tensor *input;
    tsr_tensor *indices;
    tsr_number dim;
    int end_;
} tsr_take_along_dim_args;
TSR_API tsr_tensor *tsr_take_along_dim_v(const tsr_take_along_dim_args *args);

/**
 * masked_fill(Tensor input, Tensor mask, Scalar value) -> Tensor
 *
 * A number where the mask holds, input elsewhere, torch.masked_fill; of integers its whole part.
 *
 * mask     bool; broadcast with input
 *
 * Returns  the broadcast shape, input's dtype.
 * Errors   shapes that do not broadcast; a mask that is not bool; a value that input's dtype cannot hold.
 *
 * By name: masked_fill. Takes all. Differentiable. In place: tsr_masked_fill_.
 */
TSR_API tsr_tensor *tsr_masked_fill(tsr_tensor *input, tsr_tensor *mask, tsr_number value);
TSR_API tsr_tensor *tsr_masked_fill_(tsr_tensor *input, tsr_tensor *mask, tsr_number value);

/**
 * masked_fill.tensor(Tensor input, Tensor mask, Tensor value) -> Tensor
 *
 * masked_fill with the value of a 0-d tensor, torch.masked_fill.
 *
 * Returns  the broadcast shape, input's dtype.
 * Errors   those of masked_fill; value is not 0-d.
 *
 * By name: masked_fill. Takes all. Differentiable. In place: tsr_masked_fill_tensor_.
 */
TSR_API tsr_tensor *tsr_masked_fill_tensor(tsr_tensor *input, tsr_tensor *mask, tsr_tensor *value);
TSR_API tsr_tensor *tsr_masked_fill_tensor_(tsr_tensor *input, tsr_tensor *mask, tsr_tensor *value);

/**
 * masked_select(Tensor input, Tensor mask) -> Tensor
 *
 * The elements where the mask holds, 1-d, in row-major order, torch.masked_select.
 *
 * mask     bool; broadcast with input
 *
 * Returns  1-d, input's dtype.
 * Errors   shapes that do not broadcast; a mask that is not bool.
 *
 * By name: masked_select. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_masked_select(tsr_tensor *input, tsr_tensor *mask);

/**
 * masked_scatter(Tensor input, Tensor mask, Tensor source) -> Tensor
 *
 * A copy of input in which the elements where the mask holds are, in order, the first of `source`, torch.masked_scatter.
 *
 * mask     bool; broadcast with input
 * source   input's dtype; at least as many elements as the mask has true ones
 *
 * Returns  the broadcast shape, input's dtype.
 * Errors   shapes that do not broadcast; a mask that is not bool; source of another dtype, or with too few elements.
 *
 * By name: masked_scatter. Takes all. Differentiable. In place: tsr_masked_scatter_.
 */
TSR_API tsr_tensor *tsr_masked_scatter(tsr_tensor *input, tsr_tensor *mask, tsr_tensor *source);
TSR_API tsr_tensor *tsr_masked_scatter_(tsr_tensor *input, tsr_tensor *mask, tsr_tensor *source);

/**
 * nonzero(Tensor input) -> Tensor
 *
 * The indices of the elements that are not zero, torch.nonzero.
 *
 * Returns  i64 [count, dimensions], in row-major order.
 * Errors   none of its own.
 *
 * By name: nonzero, argwhere. Takes all. Not differentiable.
 */
TSR_API tsr_tensor *tsr_nonzero(tsr_tensor *input);

/**
 * nonzero.as_tuple(Tensor input, bool as_tuple=True) -> Tensor[]
 *
 * nonzero as one i64 vector for each dimension (one for a 0-d input), torch.nonzero with as_tuple.
 *
 * Returns  as many i64 vectors [count] as input has dimensions.
 * Errors   as_tuple is false; less room than that.
 *
 * By name: nonzero. Takes all. Not differentiable.
 */
typedef struct tsr_nonzero_as_tuple_args {
    tsr_tensor *input;
    tsr_flag as_tuple; /* True */
    int end_;
} tsr_nonzero_as_tuple_args;
TSR_API int64_t tsr_nonzero_as_tuple_v(const tsr_nonzero_as_tuple_args *args, tsr_tensor **out, int64_t room);

/**
 * where.condition(Tensor condition) -> Tensor[]
 *
 * nonzero.as_tuple, torch.where with a condition only.
 *
 * Returns  as many i64 vectors [count] as condition has dimensions.
 * Errors   less room than that.
 *
 * By name: where. Takes all. Not differentiable.
 */
TSR_API int64_t tsr_where_condition(tsr_tensor **out, int64_t room, tsr_tensor *condition);

/**
 * embedding(Tensor input, Tensor weight, int? padding_idx=None) -> Tensor
 *
 * The rows of weight at the indices input, torch.nn.functional.embedding.
 *
 * input        i64 or i32, values in [0, rows)
 * weight       [rows, features]
 * padding_idx  a row that receives no gradient; negative counts from the end
 *
 * Returns  input's shape with `features` added.
 * Errors   an index out of range or of another dtype; weight is not 2-d; padding_idx is no row; an input of 8
 *          dimensions.
 *
 * By name: nn.functional.embedding, embedding. Takes float. Differentiable.
 */
typedef struct tsr_embedding_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_number padding_idx;
    int end_;
} tsr_embedding_args;
TSR_API tsr_tensor *tsr_embedding_v(const tsr_embedding_args *args);

/**
 * isin(Tensor elements, Tensor test_elements, *, bool assume_unique=False, bool invert=False) -> Tensor
 *
 * Which elements are among test_elements, bool, torch.isin.
 *
 * assume_unique  accepted and ignored
 * invert         which are not
 *
 * Returns  bool, elements' shape.
 * Errors   none of its own.
 *
 * By name: isin. Takes number. Not differentiable.
 */
typedef struct tsr_isin_args {
    tsr_tensor *elements;
    tsr_tensor *test_elements;
    bool assume_unique;
    bool invert;
    int end_;
} tsr_isin_args;
TSR_API tsr_tensor *tsr_isin_v(const tsr_isin_args *args);

/**
 * searchsorted(Tensor sorted_sequence, Tensor input, *, bool out_int32=False, bool right=False, str? side=None,
 *     Tensor? sorter=None) -> Tensor
 *
 * For each value the index in a sorted sequence where it would be inserted, torch.searchsorted.
 *
 * sorted_sequence  ascending along the last dimension: 1-d, or input's shape but for the last dimension
 * right            the last such index instead of the first; the same as side "right" (side "left": the first)
 * sorter           i64, sorted_sequence's shape: the order that sorts it
 * out_int32        i32 instead of i64
 *
 * Returns  input's shape, i64 (i32 with out_int32).
 * Errors   shapes that do not fit; another word for side, or "left" with right; a sorter of another dtype or shape.
 *
 * By name: searchsorted. Takes number. Not differentiable.
 */
typedef struct tsr_searchsorted_args {
    tsr_tensor *sorted_sequence;
    tsr_tensor *input;
    bool out_int32;
    bool right;
    const char *side;
    tsr_tensor *sorter;
    int end_;
} tsr_searchsorted_args;
TSR_API tsr_tensor *tsr_searchsorted_v(const tsr_searchsorted_args *args);

/**
 * bucketize(Tensor input, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor
 *
 * searchsorted with the arguments exchanged and 1-d boundaries, torch.bucketize.
 *
 * Returns  input's shape, i64 (i32 with out_int32).
 * Errors   boundaries are not 1-d.
 *
 * By name: bucketize. Takes number. Not differentiable.
 */
typedef struct tsr_bucketize_args {
    tsr_tensor *input;
    tsr_tensor *boundaries;
    bool out_int32;
    bool right;
    int end_;
} tsr_bucketize_args;
TSR_API tsr_tensor *tsr_bucketize_v(const tsr_bucketize_args *args);

/**
 * bincount(Tensor input, Tensor? weights=None, int minlength=0) -> Tensor
 *
 * How often each value from 0 on is there, or the sum of the weights of its places, torch.bincount.
 *
 * input    1-d, integers, not negative
 * weights  input's shape
 *
 * Returns  [max(input) + 1 or minlength, the larger]: i64, or the weights' dtype (f64 for integers).
 * Errors   input of floats, not 1-d or with a negative value; weights of another shape; a negative minlength.
 *
 * By name: bincount. Takes i64, i32, u8. Not differentiable.
 */
typedef struct tsr_bincount_args {
    tsr_tensor *input;
    tsr_tensor *weights;
    int64_t minlength;
    int end_;
} tsr_bincount_args;
TSR_API tsr_tensor *tsr_bincount_v(const tsr_bincount_args *args);

#ifndef __cplusplus
#define tsr_gather(...) tsr_gather_v(&(tsr_gather_args){__VA_ARGS__, .end_ = 0})
#define tsr_scatter(...) tsr_scatter_v(&(tsr_scatter_args){__VA_ARGS__, .end_ = 0})
#define tsr_scatter_(...) tsr_scatter__v(&(tsr_scatter_args){__VA_ARGS__, .end_ = 0})
#define tsr_scatter_value(...) tsr_scatter_value_v(&(tsr_scatter_value_args){__VA_ARGS__, .end_ = 0})
#define tsr_scatter_value_(...) tsr_scatter_value__v(&(tsr_scatter_value_args){__VA_ARGS__, .end_ = 0})
#define tsr_scatter_reduce(...) tsr_scatter_reduce_v(&(tsr_scatter_reduce_args){__VA_ARGS__, .end_ = 0})
#define tsr_scatter_reduce_(...) tsr_scatter_reduce__v(&(tsr_scatter_reduce_args){__VA_ARGS__, .end_ = 0})
#define tsr_index_add(...) tsr_index_add_v(&(tsr_index_add_args){__VA_ARGS__, .end_ = 0})
#define tsr_index_add_(...) tsr_index_add__v(&(tsr_index_add_args){__VA_ARGS__, .end_ = 0})
#define tsr_index_put(...) tsr_index_put_v(&(tsr_index_put_args){__VA_ARGS__, .end_ = 0})
#define tsr_index_put_(...) tsr_index_put__v(&(tsr_index_put_args){__VA_ARGS__, .end_ = 0})
#define tsr_take_along_dim(...) tsr_take_along_dim_v(&(tsr_take_along_dim_args){__VA_ARGS__, .end_ = 0})
#define tsr_nonzero_as_tuple(out, room, ...) tsr_nonzero_as_tuple_v(&(tsr_nonzero_as_tuple_args){__VA_ARGS__, .end_ = 0}, out, room)
#define tsr_embedding(...) tsr_embedding_v(&(tsr_embedding_args){__VA_ARGS__, .end_ = 0})
#define tsr_isin(...) tsr_isin_v(&(tsr_isin_args){__VA_ARGS__, .end_ = 0})
#define tsr_searchsorted(...) tsr_searchsorted_v(&(tsr_searchsorted_args){__VA_ARGS__, .end_ = 0})
#define tsr_bucketize(...) tsr_bucketize_v(&(tsr_bucketize_args){__VA_ARGS__, .end_ = 0})
#define tsr_bincount(...) tsr_bincount_v(&(tsr_bincount_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- interpolate ------------------------------------------------------------------------------------------------- */

/**
 * interpolate(Tensor input, int[]? size=None, float[]? scale_factor=None, str mode="nearest", bool?
 *     align_corners=None, bool? recompute_scale_factor=None, bool antialias=False) -> Tensor
 *
 * Resampling to another size, torch.nn.functional.interpolate.
 *
 * input          [N, C, 1 to 3 spatial dimensions]
 * size           one for each spatial dimension, or one for all
 * scale_factor   instead of size: output / input, likewise; the size is rounded down
 * mode           "nearest", "linear" (3-d input), "bilinear" (4-d), "bicubic" (4-d), "trilinear" (5-d), "area"
 * align_corners  for the linear modes and bicubic: the corner pixels coincide instead of the borders
 * recompute_scale_factor  take output / input for coordinates instead of scale_factor
 *
 * Returns  channels-last when input is.
 * Errors   neither or both of size and scale_factor; a mode that does not go with the input; antialias.
 *
 * By name: nn.functional.interpolate, interpolate. Takes float. Differentiable.
 */
typedef struct tsr_interpolate_args {
    tsr_tensor *input;
    tsr_shape size;
    tsr_floats scale_factor;
    const char *mode; /* "nearest" */
    tsr_flag align_corners;
    tsr_flag recompute_scale_factor;
    bool antialias;
    int end_;
} tsr_interpolate_args;
TSR_API tsr_tensor *tsr_interpolate_v(const tsr_interpolate_args *args);

#ifndef __cplusplus
#define tsr_interpolate(...) tsr_interpolate_v(&(tsr_interpolate_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- linalg ------------------------------------------------------------------------------------------------------ */

/**
 * linalg_cholesky(Tensor input, bool upper=False) -> Tensor
 *
 * L, lower triangular, with input = L L^T (or upper triangular with input = U^T U), torch.linalg.cholesky.
 *
 * input    [.., n, n], symmetric and positive definite; only one triangle is read
 *
 * Returns  [.., n, n], the triangle asked for.
 * Errors   input of another dtype than f32 and f64, or no square matrices; a matrix that is not positive definite.
 *
 * By name: linalg.cholesky, cholesky. Takes float. Differentiable.
 */
typedef struct tsr_linalg_cholesky_args {
    tsr_tensor *input;
    bool upper;
    int end_;
} tsr_linalg_cholesky_args;
TSR_API tsr_tensor *tsr_linalg_cholesky_v(const tsr_linalg_cholesky_args *args);

/**
 * linalg_inv(Tensor input) -> Tensor
 *
 * The inverse of each matrix, torch.linalg.inv.
 *
 * Returns  [.., n, n].
 * Errors   input of another dtype than f32 and f64, or no square matrices; a singular matrix.
 *
 * By name: linalg.inv, inverse. Takes float. Differentiable.
 */
TSR_API tsr_tensor *tsr_linalg_inv(tsr_tensor *input);

/**
 * linalg_det(Tensor input) -> Tensor
 *
 * The determinant of each matrix, torch.linalg.det. The gradient of a singular matrix is right, too; its own gradient
 * needs an invertible one.
 *
 * Returns  input's leading dimensions.
 * Errors   input of another dtype than f32 and f64, or no square matrices; in its second derivative, a singular
 *          matrix.
 *
 * By name: linalg.det, det. Takes float. Differentiable.
 */
TSR_API tsr_tensor *tsr_linalg_det(tsr_tensor *input);

/**
 * linalg_slogdet(Tensor input) -> (Tensor sign, Tensor logabsdet)
 *
 * The sign of each determinant and the logarithm of its magnitude, torch.linalg.slogdet; 0 and -inf where it is 0.
 *
 * Returns  two tensors of input's leading dimensions.
 * Errors   input of another dtype than f32 and f64, or no square matrices; in its derivative, a singular matrix.
 *
 * By name: linalg.slogdet, slogdet. Takes float. Differentiable.
 */
typedef struct tsr_linalg_slogdet_result {
    tsr_tensor *sign, *logabsdet;
} tsr_linalg_slogdet_result;
TSR_API tsr_linalg_slogdet_result tsr_linalg_slogdet(tsr_tensor *input);

/**
 * linalg_solve(Tensor input, Tensor B, *, bool left=True) -> Tensor
 *
 * X with input X = B (or X input = B), torch.linalg.solve.
 *
 * input    [.., n, n]
 * B        [.., n, k], or vectors [.., n]; leading dimensions are broadcast
 *
 * Returns  B's shape, its leading dimensions broadcast with input's.
 * Errors   dtypes that differ; sizes that do not fit; input without square matrices; vectors with left false; a
 *          singular matrix.
 *
 * By name: linalg.solve. Takes float. Differentiable.
 */
typedef struct tsr_linalg_solve_args {
    tsr_tensor *input;
    tsr_tensor *B;
    tsr_flag left; /* True */
    int end_;
} tsr_linalg_solve_args;
TSR_API tsr_tensor *tsr_linalg_solve_v(const tsr_linalg_solve_args *args);

/**
 * linalg_solve_triangular(Tensor input, Tensor B, *, bool upper, bool left=True, bool unitriangular=False) -> Tensor
 *
 * X with A X = B (or X A = B) for triangular A, torch.linalg.solve_triangular.
 *
 * input          [.., n, n], of which one triangle is read
 * B              [.., n, k]; leading dimensions are broadcast
 * unitriangular  the diagonal counts as ones and is not read
 *
 * Returns  B's shape, its leading dimensions broadcast with input's.
 * Errors   dtypes that differ; sizes that do not fit; input without square matrices.
 *
 * By name: linalg.solve_triangular. Takes float. Differentiable.
 */
typedef struct tsr_linalg_solve_triangular_args {
    tsr_tensor *input;
    tsr_tensor *B;
    bool upper;
    tsr_flag left; /* True */
    bool unitriangular;
    int end_;
} tsr_linalg_solve_triangular_args;
TSR_API tsr_tensor *tsr_linalg_solve_triangular_v(const tsr_linalg_solve_triangular_args *args);

/**
 * linalg_qr(Tensor input, str mode="reduced") -> (Tensor Q, Tensor R)
 *
 * Q orthogonal and R upper triangular with input = Q R, torch.linalg.qr.
 *
 * mode     "reduced": Q [.., m, k], R [.., k, n] with k = min(m, n); "complete": Q [.., m, m], R [.., m, n]
 *
 * Returns  Q and R, of the sizes above.
 * Errors   input of another dtype than f32 and f64, or without matrices; another mode; a derivative in mode
 *          "complete" of tall matrices.
 *
 * By name: linalg.qr, qr. Takes float. Differentiable.
 */
typedef struct tsr_linalg_qr_args {
    tsr_tensor *input;
    const char *mode; /* "reduced" */
    int end_;
} tsr_linalg_qr_args;
typedef struct tsr_linalg_qr_result {
    tsr_tensor *Q, *R;
} tsr_linalg_qr_result;
TSR_API tsr_linalg_qr_result tsr_linalg_qr_v(const tsr_linalg_qr_args *args);

/**
 * linalg_svd(Tensor input, bool full_matrices=True) -> (Tensor U, Tensor S, Tensor Vh)
 *
 * The singular value decomposition, input = U diag(S) Vh, S descending, torch.linalg.svd.
 *
 * full_matrices  U [.., m, m] and Vh [.., n, n] instead of [.., m, k] and [.., k, n]
 *
 * The gradient is defined where singular values are distinct (and not zero for other than square matrices), for losses
 * that do not depend on the vectors' signs.
 *
 * Returns  U, S [.., k] and Vh, k = min(m, n).
 * Errors   input of another dtype than f32 and f64, or without matrices.
 *
 * By name: linalg.svd. Takes float. Differentiable.
 */
typedef struct tsr_linalg_svd_args {
    tsr_tensor *input;
    tsr_flag full_matrices; /* True */
    int end_;
} tsr_linalg_svd_args;
typedef struct tsr_linalg_svd_result {
    tsr_tensor *U, *S, *Vh;
} tsr_linalg_svd_result;
TSR_API tsr_linalg_svd_result tsr_linalg_svd_v(const tsr_linalg_svd_args *args);

/**
 * svd(Tensor input, bool some=True) -> (Tensor U, Tensor S, Tensor V)
 *
 * linalg.svd that returns V instead of its transpose, and by default the reduced form, torch.svd.
 *
 * Returns  U, S and V.
 * Errors   those of linalg.svd.
 *
 * By name: svd. Takes float. Differentiable.
 */
typedef struct tsr_svd_args {
    tsr_tensor *input;
    tsr_flag some; /* True */
    int end_;
} tsr_svd_args;
typedef struct tsr_svd_result {
    tsr_tensor *U, *S, *V;
} tsr_svd_result;
TSR_API tsr_svd_result tsr_svd_v(const tsr_svd_args *args);

#ifndef __cplusplus
#define tsr_linalg_cholesky(...) tsr_linalg_cholesky_v(&(tsr_linalg_cholesky_args){__VA_ARGS__, .end_ = 0})
#define tsr_linalg_solve(...) tsr_linalg_solve_v(&(tsr_linalg_solve_args){__VA_ARGS__, .end_ = 0})
#define tsr_linalg_solve_triangular(...) tsr_linalg_solve_triangular_v(&(tsr_linalg_solve_triangular_args){__VA_ARGS__, .end_ = 0})
#define tsr_linalg_qr(...) tsr_linalg_qr_v(&(tsr_linalg_qr_args){__VA_ARGS__, .end_ = 0})
#define tsr_linalg_svd(...) tsr_linalg_svd_v(&(tsr_linalg_svd_args){__VA_ARGS__, .end_ = 0})
#define tsr_svd(...) tsr_svd_v(&(tsr_svd_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- loss -------------------------------------------------------------------------------------------------------- */

/**
 * l1_loss(Tensor input, Tensor target, str reduction="mean") -> Tensor
 *
 * |input - target|.
 *
 * Returns  0-d; with reduction "none", the broadcast shape.
 * Errors   shapes that do not broadcast; another reduction; integer operands.
 *
 * By name: nn.functional.l1_loss. Takes float. Differentiable.
 */
typedef struct tsr_l1_loss_args {
    tsr_tensor *input;
    tsr_tensor *target;
    const char *reduction; /* "mean" */
    int end_;
} tsr_l1_loss_args;
TSR_API tsr_tensor *tsr_l1_loss_v(const tsr_l1_loss_args *args);

/**
 * mse_loss(Tensor input, Tensor target, str reduction="mean") -> Tensor
 *
 * (input - target)^2.
 *
 * Returns  0-d; with reduction "none", the broadcast shape.
 * Errors   shapes that do not broadcast; another reduction; integer operands.
 *
 * By name: nn.functional.mse_loss. Takes float. Differentiable.
 */
typedef struct tsr_mse_loss_args {
    tsr_tensor *input;
    tsr_tensor *target;
    const char *reduction; /* "mean" */
    int end_;
} tsr_mse_loss_args;
TSR_API tsr_tensor *tsr_mse_loss_v(const tsr_mse_loss_args *args);

/**
 * smooth_l1_loss(Tensor input, Tensor target, str reduction="mean", float beta=1.0) -> Tensor
 *
 * With d = |input - target|: d^2 / (2 beta) below beta, d - beta / 2 from there on (Girshick 2015); l1_loss with
 * beta 0.
 *
 * Returns  0-d; with reduction "none", the broadcast shape.
 * Errors   shapes that do not broadcast; another reduction; beta is negative.
 *
 * By name: nn.functional.smooth_l1_loss. Takes float. Differentiable.
 */
typedef struct tsr_smooth_l1_loss_args {
    tsr_tensor *input;
    tsr_tensor *target;
    const char *reduction; /* "mean" */
    double beta; /* default 1.0 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_smooth_l1_loss_args;
TSR_API tsr_tensor *tsr_smooth_l1_loss_v(const tsr_smooth_l1_loss_args *args);

/**
 * huber_loss(Tensor input, Tensor target, str reduction="mean", float delta=1.0) -> Tensor
 *
 * With d = |input - target|: d^2 / 2 up to delta, delta (d - delta / 2) above (Huber 1964).
 *
 * Returns  0-d; with reduction "none", the broadcast shape.
 * Errors   shapes that do not broadcast; another reduction; delta is not positive.
 *
 * By name: nn.functional.huber_loss. Takes float. Differentiable.
 */
typedef struct tsr_huber_loss_args {
    tsr_tensor *input;
    tsr_tensor *target;
    const char *reduction; /* "mean" */
    double delta; /* default 1.0 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_huber_loss_args;
TSR_API tsr_tensor *tsr_huber_loss_v(const tsr_huber_loss_args *args);

/**
 * binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, str reduction="mean") -> Tensor
 *
 * -weight (target log(input) + (1 - target) log(1 - input)), the logarithms not below -100. input holds
 * probabilities; target has its shape; weight broadcasts to it.
 *
 * Returns  0-d; with reduction "none", input's shape.
 * Errors   another reduction; different shapes; an input outside [0, 1].
 *
 * By name: nn.functional.binary_cross_entropy. Takes float. Differentiable.
 */
typedef struct tsr_binary_cross_entropy_args {
    tsr_tensor *input;
    tsr_tensor *target;
    tsr_tensor *weight;
    const char *reduction; /* "mean" */
    int end_;
} tsr_binary_cross_entropy_args;
TSR_API tsr_tensor *tsr_binary_cross_entropy_v(const tsr_binary_cross_entropy_args *args);

/**
 * binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight=None, str reduction="mean", Tensor?
 *     pos_weight=None) -> Tensor
 *
 * binary_cross_entropy of sigmoid(input), without overflow; pos_weight, which broadcasts, multiplies the first term.
 *
 * Returns  0-d; with reduction "none", input's shape.
 * Errors   another reduction; different shapes.
 *
 * By name: nn.functional.binary_cross_entropy_with_logits. Takes float. Differentiable.
 */
typedef struct tsr_binary_cross_entropy_with_logits_args {
    tsr_tensor *input;
    tsr_tensor *target;
    tsr_tensor *weight;
    const char *reduction; /* "mean" */
    tsr_tensor *pos_weight;
    int end_;
} tsr_binary_cross_entropy_with_logits_args;
TSR_API tsr_tensor *tsr_binary_cross_entropy_with_logits_v(const tsr_binary_cross_entropy_with_logits_args *args);

/**
 * kl_div(Tensor input, Tensor target, str reduction="mean", bool log_target=False) -> Tensor
 *
 * target (log(target) - input), where input holds log-probabilities, and target too with log_target. reduction
 * "batchmean" divides the sum by the size of dimension 0.
 *
 * Returns  0-d; with reduction "none", the broadcast shape.
 * Errors   shapes that do not broadcast; another reduction.
 *
 * By name: nn.functional.kl_div. Takes float. Differentiable.
 */
typedef struct tsr_kl_div_args {
    tsr_tensor *input;
    tsr_tensor *target;
    const char *reduction; /* "mean" */
    bool log_target;
    int end_;
} tsr_kl_div_args;
TSR_API tsr_tensor *tsr_kl_div_v(const tsr_kl_div_args *args);

/**
 * gaussian_nll_loss(Tensor input, Tensor target, Tensor var, bool full=False, float eps=1e-6, str reduction="mean")
 *     -> Tensor
 *
 * (log(v) + (input - target)^2 / v) / 2 with v = max(var, eps), plus log(2 pi) / 2 with `full` (Nix and Weigend
 * 1994). var has input's shape, or lacks its last dimension or has it of size 1. The gradient passes the limit eps
 * unchanged.
 *
 * Returns  0-d; with reduction "none", input's shape.
 * Errors   another reduction; eps is not positive; var of another shape or with a negative entry.
 *
 * By name: nn.functional.gaussian_nll_loss. Takes float. Differentiable.
 */
typedef struct tsr_gaussian_nll_loss_args {
    tsr_tensor *input;
    tsr_tensor *target;
    tsr_tensor *var;
    bool full;
    double eps; /* default 1e-6 when 0; TSR_ZERO: 0 */
    const char *reduction; /* "mean" */
    int end_;
} tsr_gaussian_nll_loss_args;
TSR_API tsr_tensor *tsr_gaussian_nll_loss_v(const tsr_gaussian_nll_loss_args *args);

/**
 * nll_loss(Tensor input, Tensor target, Tensor? weight=None, int ignore_index=-100, str reduction="mean") -> Tensor
 *
 * -weight[target] input[.., target, ..], where input [N, C, ...] or [C] holds log-probabilities and target [N, ...]
 * or [] class indices (i64). Targets that are ignore_index count nothing; the mean is over the weights of the
 * others. weight: [C].
 *
 * Returns  0-d; with reduction "none", target's shape.
 * Errors   another reduction; shapes that do not fit; a target that is not i64 or outside [0, C).
 *
 * By name: nn.functional.nll_loss. Takes float. Differentiable.
 */
typedef struct tsr_nll_loss_args {
    tsr_tensor *input;
    tsr_tensor *target;
    tsr_tensor *weight;
    int64_t ignore_index; /* default -100 when 0; TSR_ZERO_INT: 0 */
    const char *reduction; /* "mean" */
    int end_;
} tsr_nll_loss_args;
TSR_API tsr_tensor *tsr_nll_loss_v(const tsr_nll_loss_args *args);

/**
 * cross_entropy(Tensor input, Tensor target, Tensor? weight=None, int ignore_index=-100, str reduction="mean", float
 *     label_smoothing=0.0) -> Tensor
 *
 * nll_loss of log_softmax(input) along the classes, dimension 1 (0 for a 1-d input); or, for a floating target of
 * input's shape, -weight target log_softmax(input) summed over the classes, its mean taken over all but the classes.
 * label_smoothing mixes the target with the uniform distribution (Szegedy et al. 2016).
 *
 * Returns  0-d; with reduction "none", input's shape without the classes.
 * Errors   those of nll_loss; label_smoothing outside [0, 1].
 *
 * By name: nn.functional.cross_entropy. Takes float. Differentiable.
 */
typedef struct tsr_cross_entropy_args {
    tsr_tensor *input;
    tsr_tensor *target;
    tsr_tensor *weight;
    int64_t ignore_index; /* default -100 when 0; TSR_ZERO_INT: 0 */
    const char *reduction; /* "mean" */
    double label_smoothing; /* 0.0 */
    int end_;
} tsr_cross_entropy_args;
TSR_API tsr_tensor *tsr_cross_entropy_v(const tsr_cross_entropy_args *args);

/**
 * cosine_similarity(Tensor x1, Tensor x2, int? dim=1, float eps=1e-8) -> Tensor
 *
 * The cosine of the angle between x1 and x2 along dim, their norms taken not below eps.
 *
 * Returns  the broadcast shape without dim.
 * Errors   shapes that do not broadcast; dim is none of it; integer operands.
 *
 * By name: nn.functional.cosine_similarity, cosine_similarity. Takes float. Differentiable.
 */
typedef struct tsr_cosine_similarity_args {
    tsr_tensor *x1;
    tsr_tensor *x2;
    tsr_number dim; /* 1 */
    double eps; /* default 1e-8 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_cosine_similarity_args;
TSR_API tsr_tensor *tsr_cosine_similarity_v(const tsr_cosine_similarity_args *args);

/**
 * normalize(Tensor input, float p=2.0, int? dim=1, float eps=1e-12) -> Tensor
 *
 * input divided by its norm of order p along dim, taken not below eps.
 *
 * Returns  input's shape and dtype.
 * Errors   dim is none of input's; an integer input.
 *
 * By name: nn.functional.normalize. Takes float. Differentiable.
 */
typedef struct tsr_normalize_args {
    tsr_tensor *input;
    double p; /* default 2.0 when 0; TSR_ZERO: 0 */
    tsr_number dim; /* 1 */
    double eps; /* default 1e-12 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_normalize_args;
TSR_API tsr_tensor *tsr_normalize_v(const tsr_normalize_args *args);

#ifndef __cplusplus
#define tsr_l1_loss(...) tsr_l1_loss_v(&(tsr_l1_loss_args){__VA_ARGS__, .end_ = 0})
#define tsr_mse_loss(...) tsr_mse_loss_v(&(tsr_mse_loss_args){__VA_ARGS__, .end_ = 0})
#define tsr_smooth_l1_loss(...) tsr_smooth_l1_loss_v(&(tsr_smooth_l1_loss_args){__VA_ARGS__, .end_ = 0})
#define tsr_huber_loss(...) tsr_huber_loss_v(&(tsr_huber_loss_args){__VA_ARGS__, .end_ = 0})
#define tsr_binary_cross_entropy(...) tsr_binary_cross_entropy_v(&(tsr_binary_cross_entropy_args){__VA_ARGS__, .end_ = 0})
#define tsr_binary_cross_entropy_with_logits(...) tsr_binary_cross_entropy_with_logits_v(&(tsr_binary_cross_entropy_with_logits_args){__VA_ARGS__, .end_ = 0})
#define tsr_kl_div(...) tsr_kl_div_v(&(tsr_kl_div_args){__VA_ARGS__, .end_ = 0})
#define tsr_gaussian_nll_loss(...) tsr_gaussian_nll_loss_v(&(tsr_gaussian_nll_loss_args){__VA_ARGS__, .end_ = 0})
#define tsr_nll_loss(...) tsr_nll_loss_v(&(tsr_nll_loss_args){__VA_ARGS__, .end_ = 0})
#define tsr_cross_entropy(...) tsr_cross_entropy_v(&(tsr_cross_entropy_args){__VA_ARGS__, .end_ = 0})
#define tsr_cosine_similarity(...) tsr_cosine_similarity_v(&(tsr_cosine_similarity_args){__VA_ARGS__, .end_ = 0})
#define tsr_normalize(...) tsr_normalize_v(&(tsr_normalize_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- matrix ------------------------------------------------------------------------------------------------------ */

/**
 * bmm(Tensor input, Tensor mat2) -> Tensor
 *
 * The matrix product of each pair, torch.bmm.
 *
 * input    [b, m, k]
 * mat2     [b, k, n], input's dtype
 *
 * Returns  [b, m, n].
 * Errors   operands of different dtypes, or that are not 3-d; sizes that do not fit.
 *
 * By name: bmm. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_bmm(tsr_tensor *input, tsr_tensor *mat2);

/**
 * mm(Tensor input, Tensor mat2) -> Tensor
 *
 * The product of two matrices, torch.mm.
 *
 * input    [m, k]
 * mat2     [k, n], input's dtype
 *
 * Returns  [m, n].
 * Errors   operands of different dtypes, or that are not 2-d; sizes that do not fit.
 *
 * By name: mm. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_mm(tsr_tensor *input, tsr_tensor *mat2);

/**
 * mv(Tensor input, Tensor vec) -> Tensor
 *
 * The product of a matrix and a vector, torch.mv.
 *
 * Returns  [m], of a matrix [m, k] and a vector [k].
 * Errors   operands of different dtypes; no matrix and vector, or sizes that do not fit.
 *
 * By name: mv. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_mv(tsr_tensor *input, tsr_tensor *vec);

/**
 * dot(Tensor input, Tensor tensor) -> Tensor
 *
 * The inner product of two vectors, 0-d, torch.dot.
 *
 * Returns  0-d.
 * Errors   operands of different dtypes; no vectors, or lengths that differ.
 *
 * By name: dot, vdot. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_dot(tsr_tensor *input, tsr_tensor *tensor);

/**
 * outer(Tensor input, Tensor vec2) -> Tensor
 *
 * The matrix of all products of two vectors' elements, torch.outer.
 *
 * Returns  [m, n] of vectors [m] and [n].
 * Errors   operands that are no vectors.
 *
 * By name: outer, ger. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_outer(tsr_tensor *input, tsr_tensor *vec2);

/**
 * matmul(Tensor input, Tensor other) -> Tensor
 *
 * The matrix product of the last two dimensions, the others broadcast, torch.matmul.
 *
 * A vector on the left is a row, one on the right a column; that dimension is dropped from the result.
 *
 * Returns  [.., m, n].
 * Errors   operands of different dtypes; a 0-d operand; sizes that do not fit, leading dimensions that do not
 *          broadcast.
 *
 * By name: matmul. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_matmul(tsr_tensor *input, tsr_tensor *other);

/**
 * addmm(Tensor input, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor
 *
 * beta input + alpha mat1 mat2, torch.addmm.
 *
 * input    broadcast to [m, n]; not read when beta is 0
 * mat1     [m, k]
 * mat2     [k, n]
 *
 * Returns  [m, n].
 * Errors   those of mm; input does not broadcast to the product's shape; a fractional beta or
 *          alpha of integers.
 *
 * By name: addmm. Takes number. Differentiable. In place: tsr_addmm_.
 */
typedef struct tsr_addmm_args {
    tsr_tensor *input;
    tsr_tensor *mat1;
    tsr_tensor *mat2;
    tsr_number beta; /* 1 */
    tsr_number alpha; /* 1 */
    int end_;
} tsr_addmm_args;
TSR_API tsr_tensor *tsr_addmm_v(const tsr_addmm_args *args);
TSR_API tsr_tensor *tsr_addmm__v(const tsr_addmm_args *args);

/**
 * addmv(Tensor input, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor
 *
 * beta input + alpha mat vec, torch.addmv.
 *
 * input    broadcast to [m]; not read when beta is 0
 *
 * Returns  [m].
 * Errors   those of mv; input does not broadcast to the product's shape; a fractional beta or
 *          alpha of integers.
 *
 * By name: addmv. Takes number. Differentiable. In place: tsr_addmv_.
 */
typedef struct tsr_addmv_args {
    tsr_tensor *input;
    tsr_tensor *mat;
    tsr_tensor *vec;
    tsr_number beta; /* 1 */
    tsr_number alpha; /* 1 */
    int end_;
} tsr_addmv_args;
TSR_API tsr_tensor *tsr_addmv_v(const tsr_addmv_args *args);
TSR_API tsr_tensor *tsr_addmv__v(const tsr_addmv_args *args);

/**
 * addr(Tensor input, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor
 *
 * beta input + alpha outer(vec1, vec2), torch.addr.
 *
 * input    broadcast to [m, n]; not read when beta is 0
 *
 * Returns  [m, n].
 * Errors   those of outer; input does not broadcast to the product's shape; a fractional beta or
 *          alpha of integers.
 *
 * By name: addr. Takes number. Differentiable. In place: tsr_addr_.
 */
typedef struct tsr_addr_args {
    tsr_tensor *input;
    tsr_tensor *vec1;
    tsr_tensor *vec2;
    tsr_number beta; /* 1 */
    tsr_number alpha; /* 1 */
    int end_;
} tsr_addr_args;
TSR_API tsr_tensor *tsr_addr_v(const tsr_addr_args *args);
TSR_API tsr_tensor *tsr_addr__v(const tsr_addr_args *args);

/**
 * baddbmm(Tensor input, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor
 *
 * beta input + alpha batch1 batch2 for each pair, torch.baddbmm.
 *
 * input    broadcast to [b, m, n]; not read when beta is 0
 *
 * Returns  [b, m, n].
 * Errors   those of bmm; input does not broadcast to the product's shape; a fractional beta or
 *          alpha of integers.
 *
 * By name: baddbmm. Takes number. Differentiable. In place: tsr_baddbmm_.
 */
typedef struct tsr_baddbmm_args {
    tsr_tensor *input;
    tsr_tensor *batch1;
    tsr_tensor *batch2;
    tsr_number beta; /* 1 */
    tsr_number alpha; /* 1 */
    int end_;
} tsr_baddbmm_args;
TSR_API tsr_tensor *tsr_baddbmm_v(const tsr_baddbmm_args *args);
TSR_API tsr_tensor *tsr_baddbmm__v(const tsr_baddbmm_args *args);

/**
 * linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor
 *
 * input weight^T + bias, torch.nn.functional.linear.
 *
 * input    [.., features]
 * weight   [outputs, features], input's dtype; or, with f32 input and where it needs no gradient, bf16 or f16
 * bias     [outputs], input's dtype
 *
 * Returns  [.., outputs].
 * Errors   dtypes that differ; weight is not 1-d or 2-d, or bias not [outputs]; sizes that do not fit.
 *
 * By name: nn.functional.linear, linear. Takes float. Differentiable.
 */
typedef struct tsr_linear_args {
    tsr_tensor *input;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int end_;
} tsr_linear_args;
TSR_API tsr_tensor *tsr_linear_v(const tsr_linear_args *args);

/**
 * bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor
 *
 * out[.., k] = input1 weight[k] input2 + bias[k], torch.nn.functional.bilinear.
 *
 * weight   [outputs, features of input1, features of input2]
 *
 * Returns  [.., outputs].
 * Errors   sizes that do not fit.
 *
 * By name: nn.functional.bilinear, bilinear. Takes float. Differentiable.
 */
typedef struct tsr_bilinear_args {
    tsr_tensor *input1;
    tsr_tensor *input2;
    tsr_tensor *weight;
    tsr_tensor *bias;
    int end_;
} tsr_bilinear_args;
TSR_API tsr_tensor *tsr_bilinear_v(const tsr_bilinear_args *args);

/**
 * einsum(str equation, Tensor[] operands) -> Tensor
 *
 * Sums of products over named dimensions, torch.einsum.
 *
 * equation  letters for each operand's dimensions, separated by commas; a letter that is repeated within an operand takes
 *           its diagonal; `...` stands for dimensions that are broadcast; after `->` the result's dimensions, which are
 *           otherwise the letters that occur once, in alphabetical order
 *
 * Returns  the dimensions that the equation says.
 * Errors   an equation with other characters, or that names a result's letter twice or one that no operand has; a
 *          letter with two sizes; an operand whose dimensions the equation does not count; no operands.
 *
 * By name: einsum. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_einsum(const char *equation, tsr_tensors operands);

/**
 * einsum.operands(Tensor[] operands, str equation) -> Tensor
 *
 * einsum with the operands first.
 *
 * Returns  the dimensions that the equation says.
 * Errors   those of einsum.
 *
 * By name: einsum. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_einsum_operands(tsr_tensors operands, const char *equation);

/**
 * tensordot(Tensor a, Tensor b, int dims=2) -> Tensor
 *
 * The sum of products over the last `dims` dimensions of a and the first of b, torch.tensordot.
 *
 * Returns  a's first dimensions, then b's last.
 * Errors   dims below 0 or more than a or b has; sizes that differ.
 *
 * By name: tensordot. Takes number. Differentiable.
 */
typedef struct tsr_tensordot_args {
    tsr_tensor *a;
    tsr_tensor *b;
    int64_t dims; /* default 2 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_tensordot_args;
TSR_API tsr_tensor *tsr_tensordot_v(const tsr_tensordot_args *args);

/**
 * tensordot.dims(Tensor a, Tensor b, int[] dims_a, int[] dims_b) -> Tensor
 *
 * The sum of products over pairs of dimensions, those of a that are left and then those of b, torch.tensordot.
 *
 * Returns  the dimensions that are left.
 * Errors   lists of different lengths; sizes that differ; a dimension that is not there or twice in a list; more
 *          than 8 dimensions.
 *
 * By name: tensordot. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_tensordot_dims(tsr_tensor *a, tsr_tensor *b, tsr_shape dims_a, tsr_shape dims_b);

/**
 * cdist(Tensor x1, Tensor x2, float p=2, str? compute_mode=None) -> Tensor
 *
 * Distances between each row of x1 and each row of x2, in the p-norm, torch.cdist.
 *
 * x1       [.., rows, features]
 * x2       [.., other rows, features]
 * p        0 (differing places; NaN where one is NaN), 1, 2, inf, or any positive number
 * compute_mode  accepted as in PyTorch; the differences are computed in each
 *
 * Returns  [.., rows, other rows]; the gradient of a distance of zero is zero.
 * Errors   x1 and x2 without two dimensions or as many features; leading dimensions that do not broadcast; p is
 *          negative; another compute_mode.
 *
 * By name: cdist. Takes float. Differentiable.
 */
typedef struct tsr_cdist_args {
    tsr_tensor *x1;
    tsr_tensor *x2;
    double p; /* default 2 when 0; TSR_ZERO: 0 */
    const char *compute_mode;
    int end_;
} tsr_cdist_args;
TSR_API tsr_tensor *tsr_cdist_v(const tsr_cdist_args *args);

/**
 * nearest_code(Tensor input, Tensor codes) -> Tensor
 *
 * For each row the index of the nearest code in Euclidean distance, the first of equals: vector quantization.
 *
 * input    [rows, features]
 * codes    [count, features], input's dtype, at least one
 *
 * Returns  i64 [rows].
 * Errors   dtypes that differ, operands that are not 2-d, features that differ, no codes.
 *
 * By name: nearest_code. Takes float. Not differentiable.
 */
TSR_API tsr_tensor *tsr_nearest_code(tsr_tensor *input, tsr_tensor *codes);

#ifndef __cplusplus
#define tsr_addmm(...) tsr_addmm_v(&(tsr_addmm_args){__VA_ARGS__, .end_ = 0})
#define tsr_addmm_(...) tsr_addmm__v(&(tsr_addmm_args){__VA_ARGS__, .end_ = 0})
#define tsr_addmv(...) tsr_addmv_v(&(tsr_addmv_args){__VA_ARGS__, .end_ = 0})
#define tsr_addmv_(...) tsr_addmv__v(&(tsr_addmv_args){__VA_ARGS__, .end_ = 0})
#define tsr_addr(...) tsr_addr_v(&(tsr_addr_args){__VA_ARGS__, .end_ = 0})
#define tsr_addr_(...) tsr_addr__v(&(tsr_addr_args){__VA_ARGS__, .end_ = 0})
#define tsr_baddbmm(...) tsr_baddbmm_v(&(tsr_baddbmm_args){__VA_ARGS__, .end_ = 0})
#define tsr_baddbmm_(...) tsr_baddbmm__v(&(tsr_baddbmm_args){__VA_ARGS__, .end_ = 0})
#define tsr_linear(...) tsr_linear_v(&(tsr_linear_args){__VA_ARGS__, .end_ = 0})
#define tsr_bilinear(...) tsr_bilinear_v(&(tsr_bilinear_args){__VA_ARGS__, .end_ = 0})
#define tsr_tensordot(...) tsr_tensordot_v(&(tsr_tensordot_args){__VA_ARGS__, .end_ = 0})
#define tsr_cdist(...) tsr_cdist_v(&(tsr_cdist_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- norm -------------------------------------------------------------------------------------------------------- */

/**
 * group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-5) -> Tensor
 *
 * Each group of channels of each sample shifted and scaled to mean 0 and variance 1, torch.nn.functional.group_norm
 * (Wu and He 2018).
 *
 * input       [N, C, ...]
 * num_groups  divides C
 * weight      [C]: multiplies the result
 * bias        [C]: is added to the result
 *
 * Returns  input's shape and layout.
 * Errors   input of another dtype than f32 and f64; fewer than two dimensions; num_groups does not divide C; weight
 *          or bias of another shape or dtype.
 *
 * By name: nn.functional.group_norm, group_norm. Takes float. Differentiable.
 */
typedef struct tsr_group_norm_args {
    tsr_tensor *input;
    int64_t num_groups;
    tsr_tensor *weight;
    tsr_tensor *bias;
    double eps; /* default 1e-5 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_group_norm_args;
TSR_API tsr_tensor *tsr_group_norm_v(const tsr_group_norm_args *args);

/**
 * group_norm_silu(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-5) -> Tensor
 *
 * silu(group_norm(input)) in one pass.
 *
 * Returns  input's shape and layout.
 * Errors   those of group_norm.
 *
 * By name: nn.functional.group_norm_silu. Takes float. Differentiable.
 */
typedef struct tsr_group_norm_silu_args {
    tsr_tensor *input;
    int64_t num_groups;
    tsr_tensor *weight;
    tsr_tensor *bias;
    double eps; /* default 1e-5 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_group_norm_silu_args;
TSR_API tsr_tensor *tsr_group_norm_silu_v(const tsr_group_norm_silu_args *args);

/**
 * layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-5) -> Tensor
 *
 * The last dimensions of each sample shifted and scaled to mean 0 and variance 1, torch.nn.functional.layer_norm
 * (Ba et al. 2016).
 *
 * normalized_shape  input's last sizes
 * weight, bias      of that shape
 *
 * Returns  input's shape, row-major.
 * Errors   input of another dtype than f32 and f64; input does not end in normalized_shape; a weight or bias of
 *          another shape or dtype.
 *
 * By name: nn.functional.layer_norm, layer_norm. Takes float. Differentiable.
 */
typedef struct tsr_layer_norm_args {
    tsr_tensor *input;
    tsr_shape normalized_shape;
    tsr_tensor *weight;
    tsr_tensor *bias;
    double eps; /* default 1e-5 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_layer_norm_args;
TSR_API tsr_tensor *tsr_layer_norm_v(const tsr_layer_norm_args *args);

/**
 * batch_norm(Tensor input, Tensor? running_mean=None, Tensor? running_var=None, Tensor? weight=None, Tensor?
 *     bias=None, bool training=False, float momentum=0.1, float eps=1e-5) -> Tensor
 *
 * Each channel shifted and scaled to mean 0 and variance 1 over the batch, torch.nn.functional.batch_norm
 * (Ioffe and Szegedy 2015).
 *
 * input         [N, C, ...]
 * running_mean, running_var  [C]: used when not training; when training they move by `momentum` towards the batch's
 *               mean and unbiased variance, in place
 * weight, bias  [C] or none
 *
 * Returns  input's shape and layout.
 * Errors   input of another dtype than f32 and f64; fewer than two dimensions; training with one value for each
 *          channel; not training without running statistics; weight, bias or statistics of another shape or dtype;
 *          running statistics that require a gradient.
 *
 * By name: nn.functional.batch_norm, batch_norm. Takes float. Differentiable.
 */
typedef struct tsr_batch_norm_args {
    tsr_tensor *input;
    tsr_tensor *running_mean;
    tsr_tensor *running_var;
    tsr_tensor *weight;
    tsr_tensor *bias;
    bool training;
    double momentum; /* default 0.1 when 0; TSR_ZERO: 0 */
    double eps; /* default 1e-5 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_batch_norm_args;
TSR_API tsr_tensor *tsr_batch_norm_v(const tsr_batch_norm_args *args);

/**
 * instance_norm(Tensor input, Tensor? running_mean=None, Tensor? running_var=None, Tensor? weight=None, Tensor?
 *     bias=None, bool use_input_stats=True, float momentum=0.1, float eps=1e-5) -> Tensor
 *
 * Each channel of each sample shifted and scaled to mean 0 and variance 1, torch.nn.functional.instance_norm.
 *
 * running_mean, running_var  [C]: move, in place, by `momentum` towards the statistics averaged over the batch; used
 *                  instead of input's own when use_input_stats is false
 *
 * Returns  input's shape and layout.
 * Errors   input of another dtype than f32 and f64; fewer than three dimensions; one value for each channel of a
 *          sample; weight or bias of another shape or dtype.
 *
 * By name: nn.functional.instance_norm, instance_norm. Takes float. Differentiable.
 */
typedef struct tsr_instance_norm_args {
    tsr_tensor *input;
    tsr_tensor *running_mean;
    tsr_tensor *running_var;
    tsr_tensor *weight;
    tsr_tensor *bias;
    tsr_flag use_input_stats; /* True */
    double momentum; /* default 0.1 when 0; TSR_ZERO: 0 */
    double eps; /* default 1e-5 when 0; TSR_ZERO: 0 */
    int end_;
} tsr_instance_norm_args;
TSR_API tsr_tensor *tsr_instance_norm_v(const tsr_instance_norm_args *args);

/**
 * rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor
 *
 * The last dimensions of each sample divided by their root mean square, torch.nn.functional.rms_norm (Zhang and Sennrich
 * 2019).
 *
 * eps      added to the mean square; absent: the dtype's machine epsilon
 *
 * Returns  input's shape, row-major.
 * Errors   input of another dtype than f32 and f64; input does not end in normalized_shape; a weight or bias of
 *          another shape or dtype.
 *
 * By name: nn.functional.rms_norm, rms_norm. Takes float. Differentiable.
 */
typedef struct tsr_rms_norm_args {
    tsr_tensor *input;
    tsr_shape normalized_shape;
    tsr_tensor *weight;
    tsr_number eps;
    int end_;
} tsr_rms_norm_args;
TSR_API tsr_tensor *tsr_rms_norm_v(const tsr_rms_norm_args *args);

#ifndef __cplusplus
#define tsr_group_norm(...) tsr_group_norm_v(&(tsr_group_norm_args){__VA_ARGS__, .end_ = 0})
#define tsr_group_norm_silu(...) tsr_group_norm_silu_v(&(tsr_group_norm_silu_args){__VA_ARGS__, .end_ = 0})
#define tsr_layer_norm(...) tsr_layer_norm_v(&(tsr_layer_norm_args){__VA_ARGS__, .end_ = 0})
#define tsr_batch_norm(...) tsr_batch_norm_v(&(tsr_batch_norm_args){__VA_ARGS__, .end_ = 0})
#define tsr_instance_norm(...) tsr_instance_norm_v(&(tsr_instance_norm_args){__VA_ARGS__, .end_ = 0})
#define tsr_rms_norm(...) tsr_rms_norm_v(&(tsr_rms_norm_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- pad --------------------------------------------------------------------------------------------------------- */

/**
 * pad(Tensor input, int[] pad, str mode="constant", float? value=None) -> Tensor
 *
 * More (or, where negative, fewer) elements around the last dimensions, torch.nn.functional.pad.
 *
 * pad      {before, after} of the last dimension, then of the one before it, and so on; at most four dimensions
 * mode     "constant" (any dimensions), "reflect" (the edge is not repeated), "replicate", "circular": of the last one to
 *          three dimensions of an input that has one or two more
 * value    of "constant"; 0 when left out
 *
 * Returns  channels-last when input is.
 * Errors   another mode; an odd number of pads, or more than input has dimensions; a size that becomes negative;
 *          pads not below the size ("reflect") or above it ("circular").
 *
 * By name: nn.functional.pad. Takes all. Differentiable.
 */
typedef struct tsr_pad_args {
    tsr_tensor *input;
    tsr_shape pad;
    const char *mode; /* "constant" */
    tsr_number value;
    int end_;
} tsr_pad_args;
TSR_API tsr_tensor *tsr_pad_v(const tsr_pad_args *args);

#ifndef __cplusplus
#define tsr_pad(...) tsr_pad_v(&(tsr_pad_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- pool -------------------------------------------------------------------------------------------------------- */

/**
 * max_pool1d(Tensor input, int[1] kernel_size, int[1] stride=-1, int[1] padding=0, int[1] dilation=1, bool
 *     ceil_mode=False) -> Tensor
 *
 * The largest of each window, torch.nn.functional.max_pool1d. See max_pool2d.
 *
 * input    [N, C, L] or [C, L]
 *
 * Returns  [N, C, Lo] or [C, Lo].
 * Errors   those of max_pool2d.
 *
 * By name: nn.functional.max_pool1d, max_pool1d. Takes float. Differentiable.
 */
typedef struct tsr_max_pool1d_args {
    tsr_tensor *input;
    int64_t kernel_size[1];
    int64_t stride[1]; /* -1 */
    int64_t padding[1];
    int64_t dilation[1]; /* 1 */
    bool ceil_mode;
    int end_;
} tsr_max_pool1d_args;
TSR_API tsr_tensor *tsr_max_pool1d_v(const tsr_max_pool1d_args *args);

/**
 * max_pool1d.return_indices(Tensor input, int[1] kernel_size, int[1] stride=-1, int[1] padding=0, int[1] dilation=1,
 *     bool ceil_mode=False, bool return_indices=True) -> (Tensor output, Tensor indices)
 *
 * max_pool1d and where each value came from, i64, torch.nn.functional.max_pool1d.
 *
 * Returns  two tensors as max_pool1d.
 * Errors   return_indices is false; those of max_pool2d.
 *
 * By name: nn.functional.max_pool1d, max_pool1d. Takes float. Differentiable.
 */
typedef struct tsr_max_pool1d_return_indices_args {
    tsr_tensor *input;
    int64_t kernel_size[1];
    int64_t stride[1]; /* -1 */
    int64_t padding[1];
    int64_t dilation[1]; /* 1 */
    bool ceil_mode;
    tsr_flag return_indices; /* True */
    int end_;
} tsr_max_pool1d_return_indices_args;
typedef struct tsr_max_pool1d_return_indices_result {
    tsr_tensor *output, *indices;
} tsr_max_pool1d_return_indices_result;
TSR_API tsr_max_pool1d_return_indices_result tsr_max_pool1d_return_indices_v(const tsr_max_pool1d_return_indices_args *args);

/**
 * max_pool2d(Tensor input, int[2] kernel_size, int[2] stride=-1, int[2] padding=0, int[2] dilation=1, bool
 *     ceil_mode=False) -> Tensor
 *
 * The largest of each window, torch.nn.functional.max_pool2d.
 *
 * input     [N, C, H, W] or [C, H, W]
 * stride    left out (or -1): kernel_size
 * padding   at most half of the kernel on either side; never chosen
 * dilation  the distance of the elements of a window
 * ceil_mode whether a last window may reach past the padded input
 *
 * Returns  [N, C, Ho, Wo] or [C, Ho, Wo], Ho = (H + 2 padding - dilation (R - 1) - 1) / stride + 1, rounded down, or
 *          up with ceil_mode.
 * Errors   input of another dtype than f32 and f64, with other dimensions, or with a size of 0 after the batch; a
 *          window that does not fit; a stride or dilation below 1; a padding that is negative or more than half of
 *          the kernel.
 *
 * By name: nn.functional.max_pool2d, max_pool2d. Takes float. Differentiable.
 */
typedef struct tsr_max_pool2d_args {
    tsr_tensor *input;
    int64_t kernel_size[2];
    int64_t stride[2]; /* -1 */
    int64_t padding[2];
    int64_t dilation[2]; /* 1 */
    bool ceil_mode;
    int end_;
} tsr_max_pool2d_args;
TSR_API tsr_tensor *tsr_max_pool2d_v(const tsr_max_pool2d_args *args);

/**
 * max_pool2d.return_indices(Tensor input, int[2] kernel_size, int[2] stride=-1, int[2] padding=0, int[2] dilation=1,
 *     bool ceil_mode=False, bool return_indices=True) -> (Tensor output, Tensor indices)
 *
 * max_pool2d and where each value came from: its flat position in the picture, i64, torch.nn.functional.max_pool2d.
 *
 * Returns  two tensors as max_pool2d.
 * Errors   return_indices is false; those of max_pool2d.
 *
 * By name: nn.functional.max_pool2d, max_pool2d. Takes float. Differentiable.
 */
typedef struct tsr_max_pool2d_return_indices_args {
    tsr_tensor *input;
    int64_t kernel_size[2];
    int64_t stride[2]; /* -1 */
    int64_t padding[2];
    int64_t dilation[2]; /* 1 */
    bool ceil_mode;
    tsr_flag return_indices; /* True */
    int end_;
} tsr_max_pool2d_return_indices_args;
typedef struct tsr_max_pool2d_return_indices_result {
    tsr_tensor *output, *indices;
} tsr_max_pool2d_return_indices_result;
TSR_API tsr_max_pool2d_return_indices_result tsr_max_pool2d_return_indices_v(const tsr_max_pool2d_return_indices_args *args);

/**
 * max_pool3d(Tensor input, int[3] kernel_size, int[3] stride=-1, int[3] padding=0, int[3] dilation=1, bool
 *     ceil_mode=False) -> Tensor
 *
 * The largest of each window, torch.nn.functional.max_pool3d. See max_pool2d.
 *
 * input    [N, C, D, H, W] or [C, D, H, W]
 *
 * Returns  [N, C, Do, Ho, Wo] or [C, Do, Ho, Wo].
 * Errors   those of max_pool2d.
 *
 * By name: nn.functional.max_pool3d, max_pool3d. Takes float. Differentiable.
 */
typedef struct tsr_max_pool3d_args {
    tsr_tensor *input;
    int64_t kernel_size[3];
    int64_t stride[3]; /* -1 */
    int64_t padding[3];
    int64_t dilation[3]; /* 1 */
    bool ceil_mode;
    int end_;
} tsr_max_pool3d_args;
TSR_API tsr_tensor *tsr_max_pool3d_v(const tsr_max_pool3d_args *args);

/**
 * avg_pool1d(Tensor input, int[1] kernel_size, int[1] stride=-1, int[1] padding=0, bool ceil_mode=False, bool
 *     count_include_pad=True) -> Tensor
 *
 * The mean of each window, torch.nn.functional.avg_pool1d. See avg_pool2d.
 *
 * Returns  [N, C, Lo] or [C, Lo].
 * Errors   those of avg_pool2d.
 *
 * By name: nn.functional.avg_pool1d, avg_pool1d. Takes float. Differentiable.
 */
typedef struct tsr_avg_pool1d_args {
    tsr_tensor *input;
    int64_t kernel_size[1];
    int64_t stride[1]; /* -1 */
    int64_t padding[1];
    bool ceil_mode;
    tsr_flag count_include_pad; /* True */
    int end_;
} tsr_avg_pool1d_args;
TSR_API tsr_tensor *tsr_avg_pool1d_v(const tsr_avg_pool1d_args *args);

/**
 * avg_pool2d(Tensor input, int[2] kernel_size, int[2] stride=-1, int[2] padding=0, bool ceil_mode=False, bool
 *     count_include_pad=True, int? divisor_override=None) -> Tensor
 *
 * The mean of each window, torch.nn.functional.avg_pool2d.
 *
 * input     [N, C, H, W] or [C, H, W]
 * stride    left out (or -1): kernel_size
 * padding   zeros on either side, at most half of the kernel
 * ceil_mode whether a last window may reach past the padded input
 * count_include_pad  whether the zeros count
 * divisor_override   what the sum is divided by instead; not 0
 *
 * Returns  [N, C, Ho, Wo] or [C, Ho, Wo], as max_pool2d.
 * Errors   divisor_override is 0; those of max_pool2d.
 *
 * By name: nn.functional.avg_pool2d, avg_pool2d. Takes float. Differentiable.
 */
typedef struct tsr_avg_pool2d_args {
    tsr_tensor *input;
    int64_t kernel_size[2];
    int64_t stride[2]; /* -1 */
    int64_t padding[2];
    bool ceil_mode;
    tsr_flag count_include_pad; /* True */
    tsr_number divisor_override;
    int end_;
} tsr_avg_pool2d_args;
TSR_API tsr_tensor *tsr_avg_pool2d_v(const tsr_avg_pool2d_args *args);

/**
 * avg_pool3d(Tensor input, int[3] kernel_size, int[3] stride=-1, int[3] padding=0, bool ceil_mode=False, bool
 *     count_include_pad=True, int? divisor_override=None) -> Tensor
 *
 * The mean of each window, torch.nn.functional.avg_pool3d. See avg_pool2d.
 *
 * Returns  [N, C, Do, Ho, Wo] or [C, Do, Ho, Wo].
 * Errors   those of avg_pool2d.
 *
 * By name: nn.functional.avg_pool3d, avg_pool3d. Takes float. Differentiable.
 */
typedef struct tsr_avg_pool3d_args {
    tsr_tensor *input;
    int64_t kernel_size[3];
    int64_t stride[3]; /* -1 */
    int64_t padding[3];
    bool ceil_mode;
    tsr_flag count_include_pad; /* True */
    tsr_number divisor_override;
    int end_;
} tsr_avg_pool3d_args;
TSR_API tsr_tensor *tsr_avg_pool3d_v(const tsr_avg_pool3d_args *args);

/**
 * adaptive_avg_pool1d(Tensor input, int[1] output_size) -> Tensor
 *
 * Means over windows that divide the input into output_size pieces, torch.nn.functional.adaptive_avg_pool1d.
 *
 * Returns  [N, C, output_size] or [C, output_size].
 * Errors   input of another dtype than f32 and f64, with other dimensions, or without pixels; a negative
 *          output_size.
 *
 * By name: nn.functional.adaptive_avg_pool1d, adaptive_avg_pool1d. Takes float. Differentiable.
 */
typedef struct tsr_adaptive_avg_pool1d_args {
    tsr_tensor *input;
    int64_t output_size[1];
    int end_;
} tsr_adaptive_avg_pool1d_args;
TSR_API tsr_tensor *tsr_adaptive_avg_pool1d_v(const tsr_adaptive_avg_pool1d_args *args);

/**
 * adaptive_avg_pool2d(Tensor input, int[2] output_size) -> Tensor
 *
 * Means over windows that divide the input into output_size pieces, torch.nn.functional.adaptive_avg_pool2d.
 *
 * input        [N, C, H, W] or [C, H, W]
 * output_size  {rows, columns}; 0 (by name: None) keeps input's size
 *
 * Returns  [N, C, rows, columns] or [C, rows, columns].
 * Errors   input of another dtype than f32 and f64, with other dimensions, or without pixels; a negative
 *          output_size.
 *
 * By name: nn.functional.adaptive_avg_pool2d, adaptive_avg_pool2d. Takes float. Differentiable.
 */
typedef struct tsr_adaptive_avg_pool2d_args {
    tsr_tensor *input;
    int64_t output_size[2];
    int end_;
} tsr_adaptive_avg_pool2d_args;
TSR_API tsr_tensor *tsr_adaptive_avg_pool2d_v(const tsr_adaptive_avg_pool2d_args *args);

#ifndef __cplusplus
#define tsr_max_pool1d(...) tsr_max_pool1d_v(&(tsr_max_pool1d_args){__VA_ARGS__, .end_ = 0})
#define tsr_max_pool1d_return_indices(...) tsr_max_pool1d_return_indices_v(&(tsr_max_pool1d_return_indices_args){__VA_ARGS__, .end_ = 0})
#define tsr_max_pool2d(...) tsr_max_pool2d_v(&(tsr_max_pool2d_args){__VA_ARGS__, .end_ = 0})
#define tsr_max_pool2d_return_indices(...) tsr_max_pool2d_return_indices_v(&(tsr_max_pool2d_return_indices_args){__VA_ARGS__, .end_ = 0})
#define tsr_max_pool3d(...) tsr_max_pool3d_v(&(tsr_max_pool3d_args){__VA_ARGS__, .end_ = 0})
#define tsr_avg_pool1d(...) tsr_avg_pool1d_v(&(tsr_avg_pool1d_args){__VA_ARGS__, .end_ = 0})
#define tsr_avg_pool2d(...) tsr_avg_pool2d_v(&(tsr_avg_pool2d_args){__VA_ARGS__, .end_ = 0})
#define tsr_avg_pool3d(...) tsr_avg_pool3d_v(&(tsr_avg_pool3d_args){__VA_ARGS__, .end_ = 0})
#define tsr_adaptive_avg_pool1d(...) tsr_adaptive_avg_pool1d_v(&(tsr_adaptive_avg_pool1d_args){__VA_ARGS__, .end_ = 0})
#define tsr_adaptive_avg_pool2d(...) tsr_adaptive_avg_pool2d_v(&(tsr_adaptive_avg_pool2d_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- random ------------------------------------------------------------------------------------------------------ */

/**
 * rand(int[] size, *, dtype? dtype=None, Generator? generator=None) -> Tensor
 *
 * Uniform numbers in [0, 1).
 *
 * Returns  [size]; dtype f32 unless given.
 * Errors   an integer dtype.
 *
 * By name: rand. Takes float. Not differentiable.
 */
typedef struct tsr_rand_args {
    tsr_shape size;
    tsr_dtype dtype;
    tsr_generator *generator;
    int end_;
} tsr_rand_args;
TSR_API tsr_tensor *tsr_rand_v(const tsr_rand_args *args);

/**
 * randn(int[] size, *, dtype? dtype=None, Generator? generator=None) -> Tensor
 *
 * Normal numbers of mean 0 and variance 1.
 *
 * Returns  [size]; dtype f32 unless given.
 * Errors   an integer dtype.
 *
 * By name: randn. Takes float. Not differentiable.
 */
typedef struct tsr_randn_args {
    tsr_shape size;
    tsr_dtype dtype;
    tsr_generator *generator;
    int end_;
} tsr_randn_args;
TSR_API tsr_tensor *tsr_randn_v(const tsr_randn_args *args);

/**
 * randint(int high, int[] size, *, dtype? dtype=None, Generator? generator=None) -> Tensor
 *
 * Whole numbers in [0, high), each as likely.
 *
 * Returns  [size]; dtype i64 unless given.
 * Errors   high is below 1.
 *
 * By name: randint. Takes number. Not differentiable.
 */
typedef struct tsr_randint_args {
    int64_t high;
    tsr_shape size;
    tsr_dtype dtype;
    tsr_generator *generator;
    int end_;
} tsr_randint_args;
TSR_API tsr_tensor *tsr_randint_v(const tsr_randint_args *args);

/**
 * randint.low(int low, int high, int[] size, *, dtype? dtype=None, Generator? generator=None) -> Tensor
 *
 * Whole numbers in [low, high), each as likely.
 *
 * Returns  [size]; dtype i64 unless given.
 * Errors   high is not above low.
 *
 * By name: randint. Takes number. Not differentiable.
 */
typedef struct tsr_randint_low_args {
    int64_t low;
    int64_t high;
    tsr_shape size;
    tsr_dtype dtype;
    tsr_generator *generator;
    int end_;
} tsr_randint_low_args;
TSR_API tsr_tensor *tsr_randint_low_v(const tsr_randint_low_args *args);

/**
 * rand_like(Tensor input, *, dtype? dtype=None, Generator? generator=None) -> Tensor
 *
 * Uniform numbers in [0, 1) of input's shape and, unless given, dtype.
 *
 * Returns  input's shape; input's dtype unless given.
 * Errors   an integer dtype.
 *
 * By name: rand_like. Takes float. Not differentiable.
 */
typedef struct tsr_rand_like_args {
    tsr_tensor *input;
    tsr_dtype dtype;
    tsr_generator *generator;
    int end_;
} tsr_rand_like_args;
TSR_API tsr_tensor *tsr_rand_like_v(const tsr_rand_like_args *args);

/**
 * randn_like(Tensor input, *, dtype? dtype=None, Generator? generator=None) -> Tensor
 *
 * Normal numbers of input's shape and, unless given, dtype.
 *
 * Returns  input's shape; input's dtype unless given.
 * Errors   an integer dtype.
 *
 * By name: randn_like. Takes float. Not differentiable.
 */
typedef struct tsr_randn_like_args {
    tsr_tensor *input;
    tsr_dtype dtype;
    tsr_generator *generator;
    int end_;
} tsr_randn_like_args;
TSR_API tsr_tensor *tsr_randn_like_v(const tsr_randn_like_args *args);

/**
 * randint_like(Tensor input, int low, int high, *, dtype? dtype=None, Generator? generator=None) -> Tensor
 *
 * Whole numbers in [low, high) of input's shape and, unless given, dtype.
 *
 * Returns  input's shape; input's dtype unless given.
 * Errors   high is not above low.
 *
 * By name: randint_like. Takes number. Not differentiable.
 */
typedef struct tsr_randint_like_args {
    tsr_tensor *input;
    int64_t low;
    int64_t high;
    tsr_dtype dtype;
    tsr_generator *generator;
    int end_;
} tsr_randint_like_args;
TSR_API tsr_tensor *tsr_randint_like_v(const tsr_randint_like_args *args);

/**
 * randperm(int n, *, dtype? dtype=None, Generator? generator=None) -> Tensor
 *
 * 0 .. n - 1 in random order, each order as likely.
 *
 * Returns  [n]; dtype i64 unless given.
 * Errors   n is negative.
 *
 * By name: randperm. Takes number. Not differentiable.
 */
typedef struct tsr_randperm_args {
    int64_t n;
    tsr_dtype dtype;
    tsr_generator *generator;
    int end_;
} tsr_randperm_args;
TSR_API tsr_tensor *tsr_randperm_v(const tsr_randperm_args *args);

/**
 * normal(float mean, float std, int[] size, *, dtype? dtype=None, Generator? generator=None) -> Tensor
 *
 * Normal numbers of the mean and standard deviation given.
 *
 * Returns  [size]; dtype f32 unless given.
 * Errors   std is negative; an integer dtype.
 *
 * By name: normal. Takes float. Not differentiable.
 */
typedef struct tsr_normal_args {
    double mean;
    double std;
    tsr_shape size;
    tsr_dtype dtype;
    tsr_generator *generator;
    int end_;
} tsr_normal_args;
TSR_API tsr_tensor *tsr_normal_v(const tsr_normal_args *args);

/**
 * bernoulli(Tensor input, *, Generator? generator=None) -> Tensor
 *
 * 1 with the probability that input's element gives, else 0.
 *
 * Returns  input's shape and dtype.
 * Errors   a probability outside [0, 1]; integer input.
 *
 * By name: bernoulli. Takes float. Not differentiable.
 */
typedef struct tsr_bernoulli_args {
    tsr_tensor *input;
    tsr_generator *generator;
    int end_;
} tsr_bernoulli_args;
TSR_API tsr_tensor *tsr_bernoulli_v(const tsr_bernoulli_args *args);

/**
 * bernoulli.p(Tensor input, float p, *, Generator? generator=None) -> Tensor
 *
 * 1 with probability p, else 0, of input's shape and dtype.
 *
 * Returns  input's shape and dtype.
 * Errors   p outside [0, 1].
 *
 * By name: bernoulli. Takes all. Not differentiable.
 */
typedef struct tsr_bernoulli_p_args {
    tsr_tensor *input;
    double p;
    tsr_generator *generator;
    int end_;
} tsr_bernoulli_p_args;
TSR_API tsr_tensor *tsr_bernoulli_p_v(const tsr_bernoulli_p_args *args);

/**
 * multinomial(Tensor input, int num_samples, bool replacement=False, *, Generator? generator=None) -> Tensor
 *
 * Category indices drawn with probabilities in proportion to the weights. input: weights [n] or [rows, n].
 *
 * Returns  [num_samples] or [rows, num_samples], i64.
 * Errors   a negative or non-finite weight, a row of zeros, num_samples below 1 or, without replacement, above the
 *          number of nonzero weights in a row.
 *
 * By name: multinomial. Takes float. Not differentiable.
 */
typedef struct tsr_multinomial_args {
    tsr_tensor *input;
    int64_t num_samples;
    bool replacement;
    tsr_generator *generator;
    int end_;
} tsr_multinomial_args;
TSR_API tsr_tensor *tsr_multinomial_v(const tsr_multinomial_args *args);

/**
 * uniform_(Tensor input, float from=0.0, float to=1.0, *, Generator? generator=None) -> Tensor
 *
 * Write uniform numbers in [from, to).
 *
 * Returns  input; its old values get no gradient.
 * Errors   to is below from; an integer dtype.
 *
 * By name: uniform_. Takes float. Differentiable.
 */
typedef struct tsr_uniform__args {
    tsr_tensor *input;
    double from; /* 0.0 */
    double to; /* default 1.0 when 0; TSR_ZERO: 0 */
    tsr_generator *generator;
    int end_;
} tsr_uniform__args;
TSR_API tsr_tensor *tsr_uniform__v(const tsr_uniform__args *args);

/**
 * normal_(Tensor input, float mean=0.0, float std=1.0, *, Generator? generator=None) -> Tensor
 *
 * Write normal numbers of the mean and standard deviation given.
 *
 * Returns  input; its old values get no gradient.
 * Errors   std is negative; an integer dtype.
 *
 * By name: normal_. Takes float. Differentiable.
 */
typedef struct tsr_normal__args {
    tsr_tensor *input;
    double mean; /* 0.0 */
    double std; /* default 1.0 when 0; TSR_ZERO: 0 */
    tsr_generator *generator;
    int end_;
} tsr_normal__args;
TSR_API tsr_tensor *tsr_normal__v(const tsr_normal__args *args);

/**
 * bernoulli_(Tensor input, float p=0.5, *, Generator? generator=None) -> Tensor
 *
 * Write 1 with probability p, else 0.
 *
 * Returns  input; its old values get no gradient.
 * Errors   p outside [0, 1].
 *
 * By name: bernoulli_. Takes all. Differentiable.
 */
typedef struct tsr_bernoulli__args {
    tsr_tensor *input;
    double p; /* default 0.5 when 0; TSR_ZERO: 0 */
    tsr_generator *generator;
    int end_;
} tsr_bernoulli__args;
TSR_API tsr_tensor *tsr_bernoulli__v(const tsr_bernoulli__args *args);

/**
 * dropout(Tensor input, float p=0.5, bool training=True, Generator? generator=None) -> Tensor
 *
 * Zeros each element with probability p and divides the rest by 1 - p (Srivastava et al. 2014); input itself when
 * not training.
 *
 * Returns  input's shape and dtype.
 * Errors   p outside [0, 1]; integer input.
 *
 * By name: nn.functional.dropout, dropout. Takes float. Differentiable. In place: tsr_dropout_.
 */
typedef struct tsr_dropout_args {
    tsr_tensor *input;
    double p; /* default 0.5 when 0; TSR_ZERO: 0 */
    tsr_flag training; /* True */
    tsr_generator *generator;
    int end_;
} tsr_dropout_args;
TSR_API tsr_tensor *tsr_dropout_v(const tsr_dropout_args *args);
TSR_API tsr_tensor *tsr_dropout__v(const tsr_dropout_args *args);

/**
 * dropout2d(Tensor input, float p=0.5, bool training=True, Generator? generator=None) -> Tensor
 *
 * dropout of whole channels: [N, C, ...] draws one number for each of N and C.
 *
 * Returns  input's shape and dtype.
 * Errors   those of dropout; fewer than two dimensions.
 *
 * By name: nn.functional.dropout2d, nn.functional.dropout1d, nn.functional.dropout3d, feature_dropout. Takes float.
 * Differentiable. In place: tsr_dropout2d_.
 */
typedef struct tsr_dropout2d_args {
    tsr_tensor *input;
    double p; /* default 0.5 when 0; TSR_ZERO: 0 */
    tsr_flag training; /* True */
    tsr_generator *generator;
    int end_;
} tsr_dropout2d_args;
TSR_API tsr_tensor *tsr_dropout2d_v(const tsr_dropout2d_args *args);
TSR_API tsr_tensor *tsr_dropout2d__v(const tsr_dropout2d_args *args);

#ifndef __cplusplus
#define tsr_rand(...) tsr_rand_v(&(tsr_rand_args){__VA_ARGS__, .end_ = 0})
#define tsr_randn(...) tsr_randn_v(&(tsr_randn_args){__VA_ARGS__, .end_ = 0})
#define tsr_randint(...) tsr_randint_v(&(tsr_randint_args){__VA_ARGS__, .end_ = 0})
#define tsr_randint_low(...) tsr_randint_low_v(&(tsr_randint_low_args){__VA_ARGS__, .end_ = 0})
#define tsr_rand_like(...) tsr_rand_like_v(&(tsr_rand_like_args){__VA_ARGS__, .end_ = 0})
#define tsr_randn_like(...) tsr_randn_like_v(&(tsr_randn_like_args){__VA_ARGS__, .end_ = 0})
#define tsr_randint_like(...) tsr_randint_like_v(&(tsr_randint_like_args){__VA_ARGS__, .end_ = 0})
#define tsr_randperm(...) tsr_randperm_v(&(tsr_randperm_args){__VA_ARGS__, .end_ = 0})
#define tsr_normal(...) tsr_normal_v(&(tsr_normal_args){__VA_ARGS__, .end_ = 0})
#define tsr_bernoulli(...) tsr_bernoulli_v(&(tsr_bernoulli_args){__VA_ARGS__, .end_ = 0})
#define tsr_bernoulli_p(...) tsr_bernoulli_p_v(&(tsr_bernoulli_p_args){__VA_ARGS__, .end_ = 0})
#define tsr_multinomial(...) tsr_multinomial_v(&(tsr_multinomial_args){__VA_ARGS__, .end_ = 0})
#define tsr_uniform_(...) tsr_uniform__v(&(tsr_uniform__args){__VA_ARGS__, .end_ = 0})
#define tsr_normal_(...) tsr_normal__v(&(tsr_normal__args){__VA_ARGS__, .end_ = 0})
#define tsr_bernoulli_(...) tsr_bernoulli__v(&(tsr_bernoulli__args){__VA_ARGS__, .end_ = 0})
#define tsr_dropout(...) tsr_dropout_v(&(tsr_dropout_args){__VA_ARGS__, .end_ = 0})
#define tsr_dropout_(...) tsr_dropout__v(&(tsr_dropout_args){__VA_ARGS__, .end_ = 0})
#define tsr_dropout2d(...) tsr_dropout2d_v(&(tsr_dropout2d_args){__VA_ARGS__, .end_ = 0})
#define tsr_dropout2d_(...) tsr_dropout2d__v(&(tsr_dropout2d_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- reduce ------------------------------------------------------------------------------------------------------ */

/**
 * sum(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor
 *
 * Sum over dim.
 *
 * Returns  input's shape without dim (1 there with keepdim); the dtype given, else i64 for integers and bool; an
 *          empty sum is 0.
 * Errors   a dim that input lacks, or twice; f16 or bf16 input.
 *
 * By name: sum. Takes all. Differentiable.
 */
typedef struct tsr_sum_args {
    tsr_tensor *input;
    tsr_shape dim;
    bool keepdim;
    tsr_dtype dtype;
    int end_;
} tsr_sum_args;
TSR_API tsr_tensor *tsr_sum_v(const tsr_sum_args *args);

/**
 * nansum(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor
 *
 * Sum over dim in which NaN counts as 0.
 *
 * Returns  input's shape without dim (1 there with keepdim); the dtype given, else i64 for integers and bool; an
 *          empty sum is 0.
 * Errors   a dim that input lacks, or twice; f16 or bf16 input.
 *
 * By name: nansum. Takes all. Differentiable.
 */
typedef struct tsr_nansum_args {
    tsr_tensor *input;
    tsr_shape dim;
    bool keepdim;
    tsr_dtype dtype;
    int end_;
} tsr_nansum_args;
TSR_API tsr_tensor *tsr_nansum_v(const tsr_nansum_args *args);

/**
 * mean(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor
 *
 * Mean over dim; NaN of nothing.
 *
 * Returns  input's shape without dim (1 there with keepdim); input's dtype or the one given.
 * Errors   a dim that input lacks, or twice; an integer input without a floating dtype.
 *
 * By name: mean. Takes float. Differentiable.
 */
typedef struct tsr_mean_args {
    tsr_tensor *input;
    tsr_shape dim;
    bool keepdim;
    tsr_dtype dtype;
    int end_;
} tsr_mean_args;
TSR_API tsr_tensor *tsr_mean_v(const tsr_mean_args *args);

/**
 * prod(Tensor input, int? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor
 *
 * Product over one dimension, or all. The derivative is right where elements are 0, too.
 *
 * Returns  input's shape without dim (1 there with keepdim); the dtype given, else i64 for integers and bool; an
 *          empty product is 1.
 * Errors   a dim that input lacks; f16 or bf16 input.
 *
 * By name: prod. Takes all. Differentiable.
 */
typedef struct tsr_prod_args {
    tsr_tensor *input;
    tsr_number dim;
    bool keepdim;
    tsr_dtype dtype;
    int end_;
} tsr_prod_args;
TSR_API tsr_tensor *tsr_prod_v(const tsr_prod_args *args);

/**
 * any(Tensor input, int? dim=None, bool keepdim=False) -> Tensor
 *
 * Whether an element is not 0, over one dimension or all.
 *
 * Returns  input's shape without dim (1 there with keepdim); bool, u8 for u8; of nothing false.
 * Errors   a dim that input lacks.
 *
 * By name: any. Takes all. Not differentiable.
 */
typedef struct tsr_any_args {
    tsr_tensor *input;
    tsr_number dim;
    bool keepdim;
    int end_;
} tsr_any_args;
TSR_API tsr_tensor *tsr_any_v(const tsr_any_args *args);

/**
 * any.dims(Tensor input, int[] dim, bool keepdim=False) -> Tensor
 *
 * Whether an element is not 0, over several dimensions, torch.any.
 *
 * Returns  input's shape without dim (1 there with keepdim); bool, u8 for u8; of nothing false; over an empty list of
 *          dimensions, whether each element is not 0.
 * Errors   a dim that input lacks, or twice.
 *
 * By name: any. Takes all. Not differentiable.
 */
typedef struct tsr_any_dims_args {
    tsr_tensor *input;
    tsr_shape dim;
    bool keepdim;
    int end_;
} tsr_any_dims_args;
TSR_API tsr_tensor *tsr_any_dims_v(const tsr_any_dims_args *args);

/**
 * all(Tensor input, int? dim=None, bool keepdim=False) -> Tensor
 *
 * Whether no element is 0, over one dimension or all.
 *
 * Returns  input's shape without dim (1 there with keepdim); bool, u8 for u8; of nothing true.
 * Errors   a dim that input lacks.
 *
 * By name: all. Takes all. Not differentiable.
 */
typedef struct tsr_all_args {
    tsr_tensor *input;
    tsr_number dim;
    bool keepdim;
    int end_;
} tsr_all_args;
TSR_API tsr_tensor *tsr_all_v(const tsr_all_args *args);

/**
 * all.dims(Tensor input, int[] dim, bool keepdim=False) -> Tensor
 *
 * Whether no element is 0, over several dimensions, torch.all.
 *
 * Returns  input's shape without dim (1 there with keepdim); bool, u8 for u8; of nothing true; over an empty list of
 *          dimensions, whether each element is not 0.
 * Errors   a dim that input lacks, or twice.
 *
 * By name: all. Takes all. Not differentiable.
 */
typedef struct tsr_all_dims_args {
    tsr_tensor *input;
    tsr_shape dim;
    bool keepdim;
    int end_;
} tsr_all_dims_args;
TSR_API tsr_tensor *tsr_all_dims_v(const tsr_all_dims_args *args);

/**
 * logsumexp(Tensor input, int[] dim, bool keepdim=False) -> Tensor
 *
 * log of the sum of exp over dim, without overflow; -inf of nothing. Integers are computed in f32.
 *
 * Returns  input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks, or twice; f16 or bf16 input.
 *
 * By name: logsumexp, special.logsumexp. Takes all. Differentiable.
 */
typedef struct tsr_logsumexp_args {
    tsr_tensor *input;
    tsr_shape dim;
    bool keepdim;
    int end_;
} tsr_logsumexp_args;
TSR_API tsr_tensor *tsr_logsumexp_v(const tsr_logsumexp_args *args);

/**
 * linalg_vector_norm(Tensor input, Scalar ord=2, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor
 *
 * (sum of |x|^ord)^(1 / ord) over dim; ord inf and -inf are the largest and smallest |x|, ord 0 counts what is not
 * 0. The derivative at 0 is 0.
 *
 * Returns  input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks, or twice; integer input; order inf, -inf or below 0 of nothing.
 *
 * By name: linalg.vector_norm. Takes float. Differentiable.
 */
typedef struct tsr_linalg_vector_norm_args {
    tsr_tensor *input;
    tsr_number ord; /* 2 */
    tsr_shape dim;
    bool keepdim;
    tsr_dtype dtype;
    int end_;
} tsr_linalg_vector_norm_args;
TSR_API tsr_tensor *tsr_linalg_vector_norm_v(const tsr_linalg_vector_norm_args *args);

/**
 * norm(Tensor input, Scalar? p=None, int[]? dim=None, bool keepdim=False, dtype? dtype=None) -> Tensor
 *
 * linalg.vector_norm, of order 2 unless given.
 *
 * Returns  input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks, or twice; integer input; order inf, -inf or below 0 of nothing.
 *
 * By name: norm. Takes float. Differentiable.
 */
typedef struct tsr_norm_args {
    tsr_tensor *input;
    tsr_number p;
    tsr_shape dim;
    bool keepdim;
    tsr_dtype dtype;
    int end_;
} tsr_norm_args;
TSR_API tsr_tensor *tsr_norm_v(const tsr_norm_args *args);

/**
 * norm.name(Tensor input, str p="fro", int[]? dim=None, bool keepdim=False, dtype? dtype=None) -> Tensor
 *
 * The norm by name: "fro", the root of the sum of squares, or "nuc", the sum of the singular values of matrices in
 * two dimensions.
 *
 * Returns  input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks, or twice; integer input; another name; "nuc" of other than two dimensions.
 *
 * By name: norm. Takes float. Differentiable.
 */
typedef struct tsr_norm_name_args {
    tsr_tensor *input;
    const char *p; /* "fro" */
    tsr_shape dim;
    bool keepdim;
    tsr_dtype dtype;
    int end_;
} tsr_norm_name_args;
TSR_API tsr_tensor *tsr_norm_name_v(const tsr_norm_name_args *args);

/**
 * max(Tensor input) -> Tensor
 *
 * The largest element, 0-d; NaN if there is one. Equal largest ones share the gradient.
 *
 * Returns  0-d, input's dtype.
 * Errors   no elements.
 *
 * By name: max. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_max(tsr_tensor *input);

/**
 * max.dim(Tensor input, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)
 *
 * The largest elements along dim and their positions (i64), the first of equal ones; NaN is largest. The gradient
 * goes to that position.
 *
 * Returns  two tensors, input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks; dim has no elements.
 *
 * By name: max. Takes all. Differentiable.
 */
typedef struct tsr_max_dim_args {
    tsr_tensor *input;
    int64_t dim;
    bool keepdim;
    int end_;
} tsr_max_dim_args;
typedef struct tsr_max_dim_result {
    tsr_tensor *values, *indices;
} tsr_max_dim_result;
TSR_API tsr_max_dim_result tsr_max_dim_v(const tsr_max_dim_args *args);

/**
 * max.other(Tensor input, Tensor other) -> Tensor
 *
 * maximum.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   those of maximum.
 *
 * By name: max. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_max_other(tsr_tensor *input, tsr_tensor *other);

/**
 * min(Tensor input) -> Tensor
 *
 * The smallest element, 0-d; NaN if there is one. Equal smallest ones share the gradient.
 *
 * Returns  0-d, input's dtype.
 * Errors   no elements.
 *
 * By name: min. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_min(tsr_tensor *input);

/**
 * min.dim(Tensor input, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)
 *
 * The smallest elements along dim and their positions (i64), the first of equal ones; NaN is smallest. The gradient
 * goes to that position.
 *
 * Returns  two tensors, input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks; dim has no elements.
 *
 * By name: min. Takes all. Differentiable.
 */
typedef struct tsr_min_dim_args {
    tsr_tensor *input;
    int64_t dim;
    bool keepdim;
    int end_;
} tsr_min_dim_args;
typedef struct tsr_min_dim_result {
    tsr_tensor *values, *indices;
} tsr_min_dim_result;
TSR_API tsr_min_dim_result tsr_min_dim_v(const tsr_min_dim_args *args);

/**
 * min.other(Tensor input, Tensor other) -> Tensor
 *
 * minimum.
 *
 * Returns  the operands' broadcast shape and promoted dtype.
 * Errors   those of minimum.
 *
 * By name: min. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_min_other(tsr_tensor *input, tsr_tensor *other);

/**
 * amax(Tensor input, int[]? dim=None, bool keepdim=False) -> Tensor
 *
 * The largest elements over dim; NaN if there is one. Equal largest ones share the gradient.
 *
 * Returns  input's shape without dim (1 there with keepdim), input's dtype.
 * Errors   a dim that input lacks, or twice; nothing to reduce.
 *
 * By name: amax. Takes all. Differentiable.
 */
typedef struct tsr_amax_args {
    tsr_tensor *input;
    tsr_shape dim;
    bool keepdim;
    int end_;
} tsr_amax_args;
TSR_API tsr_tensor *tsr_amax_v(const tsr_amax_args *args);

/**
 * amin(Tensor input, int[]? dim=None, bool keepdim=False) -> Tensor
 *
 * The smallest elements over dim; NaN if there is one. Equal smallest ones share the gradient.
 *
 * Returns  input's shape without dim (1 there with keepdim), input's dtype.
 * Errors   a dim that input lacks, or twice; nothing to reduce.
 *
 * By name: amin. Takes all. Differentiable.
 */
typedef struct tsr_amin_args {
    tsr_tensor *input;
    tsr_shape dim;
    bool keepdim;
    int end_;
} tsr_amin_args;
TSR_API tsr_tensor *tsr_amin_v(const tsr_amin_args *args);

/**
 * aminmax(Tensor input, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)
 *
 * amin and amax of one dimension, or all.
 *
 * Returns  two tensors, input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks; nothing to reduce.
 *
 * By name: aminmax. Takes all. Differentiable.
 */
typedef struct tsr_aminmax_args {
    tsr_tensor *input;
    tsr_number dim;
    bool keepdim;
    int end_;
} tsr_aminmax_args;
typedef struct tsr_aminmax_result {
    tsr_tensor *min, *max;
} tsr_aminmax_result;
TSR_API tsr_aminmax_result tsr_aminmax_v(const tsr_aminmax_args *args);

/**
 * argmax(Tensor input, int? dim=None, bool keepdim=False) -> Tensor
 *
 * The position of the largest element along dim, or in the flattened input; the first of equal ones; NaN is largest.
 *
 * Returns  i64, input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks; nothing to reduce.
 *
 * By name: argmax. Takes all. Not differentiable.
 */
typedef struct tsr_argmax_args {
    tsr_tensor *input;
    tsr_number dim;
    bool keepdim;
    int end_;
} tsr_argmax_args;
TSR_API tsr_tensor *tsr_argmax_v(const tsr_argmax_args *args);

/**
 * argmin(Tensor input, int? dim=None, bool keepdim=False) -> Tensor
 *
 * The position of the smallest element along dim, or in the flattened input; the first of equal ones; NaN is smallest.
 *
 * Returns  i64, input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks; nothing to reduce.
 *
 * By name: argmin. Takes all. Not differentiable.
 */
typedef struct tsr_argmin_args {
    tsr_tensor *input;
    tsr_number dim;
    bool keepdim;
    int end_;
} tsr_argmin_args;
TSR_API tsr_tensor *tsr_argmin_v(const tsr_argmin_args *args);

/**
 * median(Tensor input) -> Tensor
 *
 * The middle element in order, the lower one of two; NaN if there is one, or of nothing. Equal ones share the gradient.
 *
 * Returns  0-d, input's dtype.
 * Errors   integers of which there are none.
 *
 * By name: median. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_median(tsr_tensor *input);

/**
 * median.dim(Tensor input, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)
 *
 * The middle elements along dim, the lower one of two, and their positions (i64); NaN if there is one. The gradient
 * goes to that position.
 *
 * Returns  two tensors, input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks; dim has no elements.
 *
 * By name: median. Takes number. Differentiable.
 */
typedef struct tsr_median_dim_args {
    tsr_tensor *input;
    int64_t dim;
    bool keepdim;
    int end_;
} tsr_median_dim_args;
typedef struct tsr_median_dim_result {
    tsr_tensor *values, *indices;
} tsr_median_dim_result;
TSR_API tsr_median_dim_result tsr_median_dim_v(const tsr_median_dim_args *args);

/**
 * kthvalue(Tensor input, int k, int? dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)
 *
 * The k-th smallest elements along dim, counted from 1, and their positions (i64); NaN is largest. The gradient goes
 * to that position.
 *
 * Returns  two tensors, input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks; k is not in [1, dim's size].
 *
 * By name: kthvalue. Takes number. Differentiable.
 */
typedef struct tsr_kthvalue_args {
    tsr_tensor *input;
    int64_t k;
    tsr_number dim; /* -1 */
    bool keepdim;
    int end_;
} tsr_kthvalue_args;
typedef struct tsr_kthvalue_result {
    tsr_tensor *values, *indices;
} tsr_kthvalue_result;
TSR_API tsr_kthvalue_result tsr_kthvalue_v(const tsr_kthvalue_args *args);

/**
 * var(Tensor input, int[]? dim=None, bool unbiased=True, bool keepdim=False, *, Scalar? correction=None) -> Tensor
 *
 * The sum of squared deviations from the mean, divided by the number of elements less correction: 1 unless unbiased
 * is false or correction is given.
 *
 * Returns  input's shape without dim (1 there with keepdim), input's dtype.
 * Errors   a dim that input lacks, or twice; input of another dtype than f32 and f64.
 *
 * By name: var. Takes float. Differentiable.
 */
typedef struct tsr_var_args {
    tsr_tensor *input;
    tsr_shape dim;
    tsr_flag unbiased; /* True */
    bool keepdim;
    tsr_number correction;
    int end_;
} tsr_var_args;
TSR_API tsr_tensor *tsr_var_v(const tsr_var_args *args);

/**
 * var.unbiased(Tensor input, bool unbiased) -> Tensor
 *
 * var of all elements.
 *
 * Returns  0-d, input's dtype.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: var. Takes float. Differentiable.
 */
TSR_API tsr_tensor *tsr_var_unbiased(tsr_tensor *input, bool unbiased);

/**
 * std(Tensor input, int[]? dim=None, bool unbiased=True, bool keepdim=False, *, Scalar? correction=None) -> Tensor
 *
 * The square root of var; its derivative is 0 where it is 0.
 *
 * Returns  input's shape without dim (1 there with keepdim), input's dtype.
 * Errors   a dim that input lacks, or twice; input of another dtype than f32 and f64.
 *
 * By name: std. Takes float. Differentiable.
 */
typedef struct tsr_std_args {
    tsr_tensor *input;
    tsr_shape dim;
    tsr_flag unbiased; /* True */
    bool keepdim;
    tsr_number correction;
    int end_;
} tsr_std_args;
TSR_API tsr_tensor *tsr_std_v(const tsr_std_args *args);

/**
 * std.unbiased(Tensor input, bool unbiased) -> Tensor
 *
 * std of all elements.
 *
 * Returns  0-d, input's dtype.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: std. Takes float. Differentiable.
 */
TSR_API tsr_tensor *tsr_std_unbiased(tsr_tensor *input, bool unbiased);

/**
 * var_mean(Tensor input, int[]? dim=None, bool unbiased=True, bool keepdim=False, *, Scalar? correction=None) ->
 *     (Tensor var, Tensor mean)
 *
 * var and mean.
 *
 * Returns  two tensors, input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks, or twice; input of another dtype than f32 and f64.
 *
 * By name: var_mean. Takes float. Differentiable.
 */
typedef struct tsr_var_mean_args {
    tsr_tensor *input;
    tsr_shape dim;
    tsr_flag unbiased; /* True */
    bool keepdim;
    tsr_number correction;
    int end_;
} tsr_var_mean_args;
typedef struct tsr_var_mean_result {
    tsr_tensor *var, *mean;
} tsr_var_mean_result;
TSR_API tsr_var_mean_result tsr_var_mean_v(const tsr_var_mean_args *args);

/**
 * var_mean.unbiased(Tensor input, bool unbiased) -> (Tensor var, Tensor mean)
 *
 * var and mean of all elements.
 *
 * Returns  two 0-d tensors.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: var_mean. Takes float. Differentiable.
 */
typedef struct tsr_var_mean_unbiased_result {
    tsr_tensor *var, *mean;
} tsr_var_mean_unbiased_result;
TSR_API tsr_var_mean_unbiased_result tsr_var_mean_unbiased(tsr_tensor *input, bool unbiased);

/**
 * std_mean(Tensor input, int[]? dim=None, bool unbiased=True, bool keepdim=False, *, Scalar? correction=None) ->
 *     (Tensor std, Tensor mean)
 *
 * std and mean.
 *
 * Returns  two tensors, input's shape without dim (1 there with keepdim).
 * Errors   a dim that input lacks, or twice; input of another dtype than f32 and f64.
 *
 * By name: std_mean. Takes float. Differentiable.
 */
typedef struct tsr_std_mean_args {
    tsr_tensor *input;
    tsr_shape dim;
    tsr_flag unbiased; /* True */
    bool keepdim;
    tsr_number correction;
    int end_;
} tsr_std_mean_args;
typedef struct tsr_std_mean_result {
    tsr_tensor *std, *mean;
} tsr_std_mean_result;
TSR_API tsr_std_mean_result tsr_std_mean_v(const tsr_std_mean_args *args);

/**
 * std_mean.unbiased(Tensor input, bool unbiased) -> (Tensor std, Tensor mean)
 *
 * std and mean of all elements.
 *
 * Returns  two 0-d tensors.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: std_mean. Takes float. Differentiable.
 */
typedef struct tsr_std_mean_unbiased_result {
    tsr_tensor *std, *mean;
} tsr_std_mean_unbiased_result;
TSR_API tsr_std_mean_unbiased_result tsr_std_mean_unbiased(tsr_tensor *input, bool unbiased);

#ifndef __cplusplus
#define tsr_sum(...) tsr_sum_v(&(tsr_sum_args){__VA_ARGS__, .end_ = 0})
#define tsr_nansum(...) tsr_nansum_v(&(tsr_nansum_args){__VA_ARGS__, .end_ = 0})
#define tsr_mean(...) tsr_mean_v(&(tsr_mean_args){__VA_ARGS__, .end_ = 0})
#define tsr_prod(...) tsr_prod_v(&(tsr_prod_args){__VA_ARGS__, .end_ = 0})
#define tsr_any(...) tsr_any_v(&(tsr_any_args){__VA_ARGS__, .end_ = 0})
#define tsr_any_dims(...) tsr_any_dims_v(&(tsr_any_dims_args){__VA_ARGS__, .end_ = 0})
#define tsr_all(...) tsr_all_v(&(tsr_all_args){__VA_ARGS__, .end_ = 0})
#define tsr_all_dims(...) tsr_all_dims_v(&(tsr_all_dims_args){__VA_ARGS__, .end_ = 0})
#define tsr_logsumexp(...) tsr_logsumexp_v(&(tsr_logsumexp_args){__VA_ARGS__, .end_ = 0})
#define tsr_linalg_vector_norm(...) tsr_linalg_vector_norm_v(&(tsr_linalg_vector_norm_args){__VA_ARGS__, .end_ = 0})
#define tsr_norm(...) tsr_norm_v(&(tsr_norm_args){__VA_ARGS__, .end_ = 0})
#define tsr_norm_name(...) tsr_norm_name_v(&(tsr_norm_name_args){__VA_ARGS__, .end_ = 0})
#define tsr_max_dim(...) tsr_max_dim_v(&(tsr_max_dim_args){__VA_ARGS__, .end_ = 0})
#define tsr_min_dim(...) tsr_min_dim_v(&(tsr_min_dim_args){__VA_ARGS__, .end_ = 0})
#define tsr_amax(...) tsr_amax_v(&(tsr_amax_args){__VA_ARGS__, .end_ = 0})
#define tsr_amin(...) tsr_amin_v(&(tsr_amin_args){__VA_ARGS__, .end_ = 0})
#define tsr_aminmax(...) tsr_aminmax_v(&(tsr_aminmax_args){__VA_ARGS__, .end_ = 0})
#define tsr_argmax(...) tsr_argmax_v(&(tsr_argmax_args){__VA_ARGS__, .end_ = 0})
#define tsr_argmin(...) tsr_argmin_v(&(tsr_argmin_args){__VA_ARGS__, .end_ = 0})
#define tsr_median_dim(...) tsr_median_dim_v(&(tsr_median_dim_args){__VA_ARGS__, .end_ = 0})
#define tsr_kthvalue(...) tsr_kthvalue_v(&(tsr_kthvalue_args){__VA_ARGS__, .end_ = 0})
#define tsr_var(...) tsr_var_v(&(tsr_var_args){__VA_ARGS__, .end_ = 0})
#define tsr_std(...) tsr_std_v(&(tsr_std_args){__VA_ARGS__, .end_ = 0})
#define tsr_var_mean(...) tsr_var_mean_v(&(tsr_var_mean_args){__VA_ARGS__, .end_ = 0})
#define tsr_std_mean(...) tsr_std_mean_v(&(tsr_std_mean_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- scan -------------------------------------------------------------------------------------------------------- */

/**
 * cumsum(Tensor input, int dim, *, dtype? dtype=None) -> Tensor
 *
 * Sums of the elements up to each along dim.
 *
 * Returns  input's shape; dtype i64 for integers and bool unless given.
 * Errors   a dim that input lacks; dtype bool; in place, another dtype than input's.
 *
 * By name: cumsum. Takes all. Differentiable. In place: tsr_cumsum_.
 */
typedef struct tsr_cumsum_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_dtype dtype;
    int end_;
} tsr_cumsum_args;
TSR_API tsr_tensor *tsr_cumsum_v(const tsr_cumsum_args *args);
TSR_API tsr_tensor *tsr_cumsum__v(const tsr_cumsum_args *args);

/**
 * cumprod(Tensor input, int dim, *, dtype? dtype=None) -> Tensor
 *
 * Products of the elements up to each along dim. The derivative is right where elements are 0, too.
 *
 * Returns  input's shape; dtype i64 for integers and bool unless given.
 * Errors   a dim that input lacks; dtype bool; in place, another dtype than input's.
 *
 * By name: cumprod. Takes all. Differentiable. In place: tsr_cumprod_.
 */
typedef struct tsr_cumprod_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_dtype dtype;
    int end_;
} tsr_cumprod_args;
TSR_API tsr_tensor *tsr_cumprod_v(const tsr_cumprod_args *args);
TSR_API tsr_tensor *tsr_cumprod__v(const tsr_cumprod_args *args);

/**
 * cummax(Tensor input, int dim) -> (Tensor values, Tensor indices)
 *
 * The largest elements up to each along dim, and their positions (i64), the last of equal ones; NaN is largest.
 * The gradient goes to those positions.
 *
 * Returns  two tensors of input's shape.
 * Errors   a dim that input lacks.
 *
 * By name: cummax. Takes number. Differentiable.
 */
typedef struct tsr_cummax_result {
    tsr_tensor *values, *indices;
} tsr_cummax_result;
TSR_API tsr_cummax_result tsr_cummax(tsr_tensor *input, int64_t dim);

/**
 * cummin(Tensor input, int dim) -> (Tensor values, Tensor indices)
 *
 * The smallest elements up to each along dim, and their positions (i64), the last of equal ones; NaN is smallest.
 * The gradient goes to those positions.
 *
 * Returns  two tensors of input's shape.
 * Errors   a dim that input lacks.
 *
 * By name: cummin. Takes number. Differentiable.
 */
typedef struct tsr_cummin_result {
    tsr_tensor *values, *indices;
} tsr_cummin_result;
TSR_API tsr_cummin_result tsr_cummin(tsr_tensor *input, int64_t dim);

/**
 * diff(Tensor input, int n=1, int? dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor
 *
 * Differences of neighbours along dim, taken n times (xor for bool), after prepend and append were joined to input.
 *
 * Returns  input's shape with dim shorter by n (0 at least).
 * Errors   a 0-d input; n is negative; a dim that input lacks; prepend or append that do not fit.
 *
 * By name: diff. Takes all. Differentiable.
 */
typedef struct tsr_diff_args {
    tsr_tensor *input;
    int64_t n; /* default 1 when 0; TSR_ZERO_INT: 0 */
    tsr_number dim; /* -1 */
    tsr_tensor *prepend;
    tsr_tensor *append;
    int end_;
} tsr_diff_args;
TSR_API tsr_tensor *tsr_diff_v(const tsr_diff_args *args);

#ifndef __cplusplus
#define tsr_cumsum(...) tsr_cumsum_v(&(tsr_cumsum_args){__VA_ARGS__, .end_ = 0})
#define tsr_cumsum_(...) tsr_cumsum__v(&(tsr_cumsum_args){__VA_ARGS__, .end_ = 0})
#define tsr_cumprod(...) tsr_cumprod_v(&(tsr_cumprod_args){__VA_ARGS__, .end_ = 0})
#define tsr_cumprod_(...) tsr_cumprod__v(&(tsr_cumprod_args){__VA_ARGS__, .end_ = 0})
#define tsr_diff(...) tsr_diff_v(&(tsr_diff_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- shape ------------------------------------------------------------------------------------------------------- */

/**
 * cat(Tensor[] tensors, int dim=0) -> Tensor
 *
 * The tensors joined along a dimension, torch.cat.
 *
 * tensors  one or more whose shapes agree except in `dim`; 1-d tensors without elements are skipped
 *
 * Returns  the dtype that all promote to; channels-last when all inputs are.
 * Errors   no tensors; a 0-d one; shapes that differ in another dimension than dim; a dim that they lack.
 *
 * By name: cat, concat, concatenate. Takes all. Differentiable.
 */
typedef struct tsr_cat_args {
    tsr_tensors tensors;
    int64_t dim;
    int end_;
} tsr_cat_args;
TSR_API tsr_tensor *tsr_cat_v(const tsr_cat_args *args);

/**
 * stack(Tensor[] tensors, int dim=0) -> Tensor
 *
 * Tensors of one shape joined along a new dimension `dim`, torch.stack.
 *
 * Returns  the tensors' shape with a new dimension of their number; the dtype that all promote to.
 * Errors   no tensors; shapes that differ; 8 dimensions already; a dim that the result lacks.
 *
 * By name: stack. Takes all. Differentiable.
 */
typedef struct tsr_stack_args {
    tsr_tensors tensors;
    int64_t dim;
    int end_;
} tsr_stack_args;
TSR_API tsr_tensor *tsr_stack_v(const tsr_stack_args *args);

/**
 * repeat(Tensor input, int[] repeats) -> Tensor
 *
 * The tensor copied repeats[d] times along each dimension, torch.Tensor.repeat.
 *
 * repeats  at least as many as input has dimensions; further ones come in front
 *
 * Returns  sizes repeats[d] times input's.
 * Errors   fewer repeats than dimensions; a negative one.
 *
 * By name: repeat. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_repeat(tsr_tensor *input, tsr_shape repeats);

/**
 * tile(Tensor input, int[] dims) -> Tensor
 *
 * repeat, where `dims` may be shorter than input's shape: ones are put in front, torch.tile.
 *
 * Returns  sizes dims[d] times input's.
 * Errors   a negative number.
 *
 * By name: tile. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_tile(tsr_tensor *input, tsr_shape dims);

/**
 * repeat_interleave(Tensor input, int repeats, int? dim=None) -> Tensor
 *
 * Each element `repeats` times in a row along a dimension, or of the flattened input, torch.repeat_interleave.
 *
 * Returns  input's shape with dim `repeats` times as long, or 1-d.
 * Errors   repeats is negative; a dim that input lacks.
 *
 * By name: repeat_interleave. Takes all. Differentiable.
 */
typedef struct tsr_repeat_interleave_args {
    tsr_tensor *input;
    int64_t repeats;
    tsr_number dim;
    int end_;
} tsr_repeat_interleave_args;
TSR_API tsr_tensor *tsr_repeat_interleave_v(const tsr_repeat_interleave_args *args);

/**
 * repeat_interleave.tensor(Tensor input, Tensor repeats, int? dim=None) -> Tensor
 *
 * Index i of a dimension (or of the flattened input) repeats[i] times, torch.repeat_interleave.
 *
 * repeats  i64 or i32, not negative; one value for each index, or one for all
 *
 * Returns  input's shape with dim as long as the sum of repeats, or 1-d.
 * Errors   repeats that are of another dtype, negative, or not one for each index; a dim that input lacks.
 *
 * By name: repeat_interleave. Takes all. Differentiable.
 */
typedef struct tsr_repeat_interleave_tensor_args {
    tsr_tensor *input;
    tsr_tensor *repeats;
    tsr_number dim;
    int end_;
} tsr_repeat_interleave_tensor_args;
TSR_API tsr_tensor *tsr_repeat_interleave_tensor_v(const tsr_repeat_interleave_tensor_args *args);

/**
 * flip(Tensor input, int[] dims) -> Tensor
 *
 * A copy with the order reversed along `dims`, torch.flip.
 *
 * Returns  input's shape and dtype.
 * Errors   a dim that input lacks, or twice.
 *
 * By name: flip. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_flip(tsr_tensor *input, tsr_shape dims);

/**
 * roll(Tensor input, int[] shifts, int[] dims) -> Tensor
 *
 * A copy with the elements moved by shifts[i] along dims[i], those that leave coming in on the other side, torch.roll.
 *
 * Returns  input's shape and dtype.
 * Errors   shifts and dims of different lengths; a dim that input lacks.
 *
 * By name: roll. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_roll(tsr_tensor *input, tsr_shape shifts, tsr_shape dims);

/**
 * roll.flat(Tensor input, int[] shifts) -> Tensor
 *
 * roll of the flattened input, in input's shape, torch.roll.
 *
 * Returns  input's shape and dtype.
 * Errors   other than one shift.
 *
 * By name: roll. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_roll_flat(tsr_tensor *input, tsr_shape shifts);

/**
 * rot90(Tensor input, int k=1, int[]? dims=None) -> Tensor
 *
 * A copy turned by 90 degrees k times in the plane of two dimensions, from the first to the second, torch.rot90.
 *
 * dims     two different dimensions; absent: [0, 1]
 *
 * Returns  input's shape, the two sizes exchanged for odd k.
 * Errors   fewer than two dimensions; dims that are not two different ones of them.
 *
 * By name: rot90. Takes all. Differentiable.
 */
typedef struct tsr_rot90_args {
    tsr_tensor *input;
    int64_t k; /* default 1 when 0; TSR_ZERO_INT: 0 */
    tsr_shape dims;
    int end_;
} tsr_rot90_args;
TSR_API tsr_tensor *tsr_rot90_v(const tsr_rot90_args *args);

/**
 * diag(Tensor input, int diagonal=0) -> Tensor
 *
 * A square matrix with the vector on a diagonal, or a copy of a matrix's diagonal, torch.diag.
 *
 * Returns  a matrix, or 1-d.
 * Errors   input is neither 1-d nor 2-d.
 *
 * By name: diag. Takes all. Differentiable.
 */
typedef struct tsr_diag_args {
    tsr_tensor *input;
    int64_t diagonal;
    int end_;
} tsr_diag_args;
TSR_API tsr_tensor *tsr_diag_v(const tsr_diag_args *args);

/**
 * diag_embed(Tensor input, int offset=0, int dim1=-2, int dim2=-1) -> Tensor
 *
 * Zeros with the last dimension of input on the diagonals of the new dimensions dim1 and dim2, torch.diag_embed.
 *
 * Returns  one dimension more than input.
 * Errors   a 0-d input, or one of 8 dimensions; dim1 is dim2, or the result lacks one.
 *
 * By name: diag_embed. Takes all. Differentiable.
 */
typedef struct tsr_diag_embed_args {
    tsr_tensor *input;
    int64_t offset;
    int64_t dim1; /* default -2 when 0; TSR_ZERO_INT: 0 */
    int64_t dim2; /* default -1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_diag_embed_args;
TSR_API tsr_tensor *tsr_diag_embed_v(const tsr_diag_embed_args *args);

/**
 * trace(Tensor input) -> Tensor
 *
 * The sum of a matrix's diagonal, torch.trace.
 *
 * Returns  0-d; i64 for integers.
 * Errors   input is no matrix.
 *
 * By name: trace. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_trace(tsr_tensor *input);

/**
 * select_scatter(Tensor input, Tensor src, int dim, int index) -> Tensor
 *
 * A copy of input with `src` at one index of a dimension, torch.select_scatter.
 *
 * Returns  input's shape and dtype.
 * Errors   src has another shape than the part it replaces; those of select.
 *
 * By name: select_scatter. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_select_scatter(tsr_tensor *input, tsr_tensor *src, int64_t dim, int64_t index);

/**
 * slice_scatter(Tensor input, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor
 *
 * A copy of input with `src` at input[start:end:step] of a dimension, torch.slice_scatter.
 *
 * Returns  input's shape and dtype.
 * Errors   src has another shape than the part it replaces; those of slice.
 *
 * By name: slice_scatter. Takes all. Differentiable.
 */
typedef struct tsr_slice_scatter_args {
    tsr_tensor *input;
    tsr_tensor *src;
    int64_t dim;
    tsr_number start;
    tsr_number end;
    int64_t step; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_slice_scatter_args;
TSR_API tsr_tensor *tsr_slice_scatter_v(const tsr_slice_scatter_args *args);

/**
 * diagonal_scatter(Tensor input, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor
 *
 * A copy of input with `src` on a diagonal, torch.diagonal_scatter.
 *
 * Returns  input's shape and dtype.
 * Errors   src has another shape than the part it replaces; those of diagonal.
 *
 * By name: diagonal_scatter. Takes all. Differentiable.
 */
typedef struct tsr_diagonal_scatter_args {
    tsr_tensor *input;
    tsr_tensor *src;
    int64_t offset;
    int64_t dim1;
    int64_t dim2; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_diagonal_scatter_args;
TSR_API tsr_tensor *tsr_diagonal_scatter_v(const tsr_diagonal_scatter_args *args);

/**
 * pixel_shuffle(Tensor input, int upscale_factor) -> Tensor
 *
 * [.., C r r, H, W] to [.., C, H r, W r]: blocks of r r channels become r by r pixels, torch.nn.functional.pixel_shuffle
 * (Shi et al. 2016).
 *
 * Returns  [.., C, H r, W r].
 * Errors   fewer than three dimensions; a factor below 1; channels that r r does not divide.
 *
 * By name: nn.functional.pixel_shuffle, pixel_shuffle. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_pixel_shuffle(tsr_tensor *input, int64_t upscale_factor);

/**
 * pixel_unshuffle(Tensor input, int downscale_factor) -> Tensor
 *
 * The inverse of pixel_shuffle, torch.nn.functional.pixel_unshuffle.
 *
 * Returns  [.., C r r, H / r, W / r].
 * Errors   fewer than three dimensions; a factor below 1, or that does not divide height and width.
 *
 * By name: nn.functional.pixel_unshuffle, pixel_unshuffle. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_pixel_unshuffle(tsr_tensor *input, int64_t downscale_factor);

#ifndef __cplusplus
#define tsr_cat(...) tsr_cat_v(&(tsr_cat_args){__VA_ARGS__, .end_ = 0})
#define tsr_stack(...) tsr_stack_v(&(tsr_stack_args){__VA_ARGS__, .end_ = 0})
#define tsr_repeat_interleave(...) tsr_repeat_interleave_v(&(tsr_repeat_interleave_args){__VA_ARGS__, .end_ = 0})
#define tsr_repeat_interleave_tensor(...) tsr_repeat_interleave_tensor_v(&(tsr_repeat_interleave_tensor_args){__VA_ARGS__, .end_ = 0})
#define tsr_rot90(...) tsr_rot90_v(&(tsr_rot90_args){__VA_ARGS__, .end_ = 0})
#define tsr_diag(...) tsr_diag_v(&(tsr_diag_args){__VA_ARGS__, .end_ = 0})
#define tsr_diag_embed(...) tsr_diag_embed_v(&(tsr_diag_embed_args){__VA_ARGS__, .end_ = 0})
#define tsr_slice_scatter(...) tsr_slice_scatter_v(&(tsr_slice_scatter_args){__VA_ARGS__, .end_ = 0})
#define tsr_diagonal_scatter(...) tsr_diagonal_scatter_v(&(tsr_diagonal_scatter_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- softmax ----------------------------------------------------------------------------------------------------- */

/**
 * softmax(Tensor input, int dim, dtype? dtype=None) -> Tensor
 *
 * exp(x) divided by its sum along dim, without overflow (torch.nn.functional.softmax); cast to dtype first when given.
 *
 * Returns  input's shape.
 * Errors   a dim that input lacks; an integer input without a floating dtype.
 *
 * By name: softmax, nn.functional.softmax, special.softmax. Takes float. Differentiable.
 */
typedef struct tsr_softmax_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_dtype dtype;
    int end_;
} tsr_softmax_args;
TSR_API tsr_tensor *tsr_softmax_v(const tsr_softmax_args *args);

/**
 * log_softmax(Tensor input, int dim, dtype? dtype=None) -> Tensor
 *
 * The logarithm of softmax, accurate where that is near 0 or 1 (torch.nn.functional.log_softmax).
 *
 * Returns  input's shape.
 * Errors   a dim that input lacks; an integer input without a floating dtype.
 *
 * By name: log_softmax, nn.functional.log_softmax, special.log_softmax. Takes float. Differentiable.
 */
typedef struct tsr_log_softmax_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_dtype dtype;
    int end_;
} tsr_log_softmax_args;
TSR_API tsr_tensor *tsr_log_softmax_v(const tsr_log_softmax_args *args);

/**
 * softmin(Tensor input, int dim, dtype? dtype=None) -> Tensor
 *
 * softmax of -input.
 *
 * Returns  input's shape.
 * Errors   those of softmax.
 *
 * By name: nn.functional.softmin. Takes float. Differentiable.
 */
typedef struct tsr_softmin_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_dtype dtype;
    int end_;
} tsr_softmin_args;
TSR_API tsr_tensor *tsr_softmin_v(const tsr_softmin_args *args);

/**
 * gumbel_softmax(Tensor logits, float tau=1.0, bool hard=False, int? dim=-1, Generator? generator=None) -> Tensor
 *
 * A sample of the relaxed categorical distribution: softmax((logits + Gumbel noise) / tau) (Jang et al. 2017). With
 * hard the result is one-hot, with the soft sample's gradient.
 *
 * Returns  logits' shape.
 * Errors   tau is not positive; a dim that logits lacks; logits of another dtype than f32 and f64.
 *
 * By name: nn.functional.gumbel_softmax. Takes float. Differentiable.
 */
typedef struct tsr_gumbel_softmax_args {
    tsr_tensor *logits;
    double tau; /* default 1.0 when 0; TSR_ZERO: 0 */
    bool hard;
    tsr_number dim; /* -1 */
    tsr_generator *generator;
    int end_;
} tsr_gumbel_softmax_args;
TSR_API tsr_tensor *tsr_gumbel_softmax_v(const tsr_gumbel_softmax_args *args);

#ifndef __cplusplus
#define tsr_softmax(...) tsr_softmax_v(&(tsr_softmax_args){__VA_ARGS__, .end_ = 0})
#define tsr_log_softmax(...) tsr_log_softmax_v(&(tsr_log_softmax_args){__VA_ARGS__, .end_ = 0})
#define tsr_softmin(...) tsr_softmin_v(&(tsr_softmin_args){__VA_ARGS__, .end_ = 0})
#define tsr_gumbel_softmax(...) tsr_gumbel_softmax_v(&(tsr_gumbel_softmax_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- sort -------------------------------------------------------------------------------------------------------- */

/**
 * sort(Tensor input, int? dim=-1, bool descending=False, *, bool? stable=None) -> (Tensor values, Tensor indices)
 *
 * The values of a dimension in order, and where they were (i64), torch.sort. Always stable; NaN is the largest.
 *
 * Returns  two tensors of input's shape.
 * Errors   a dim that input lacks.
 *
 * By name: sort. Takes all. Differentiable.
 */
typedef struct tsr_sort_args {
    tsr_tensor *input;
    tsr_number dim; /* -1 */
    bool descending;
    tsr_flag stable;
    int end_;
} tsr_sort_args;
typedef struct tsr_sort_result {
    tsr_tensor *values, *indices;
} tsr_sort_result;
TSR_API tsr_sort_result tsr_sort_v(const tsr_sort_args *args);

/**
 * topk(Tensor input, int k, int? dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)
 *
 * The k largest (or smallest) values of a dimension, and where they were (i64), torch.topk.
 *
 * sorted   accepted; the result is in order in any case
 *
 * Returns  two tensors, input's shape with dim of size k.
 * Errors   k outside [0, dim's size]; a dim that input lacks.
 *
 * By name: topk. Takes number. Differentiable.
 */
typedef struct tsr_topk_args {
    tsr_tensor *input;
    int64_t k;
    tsr_number dim; /* -1 */
    tsr_flag largest; /* True */
    tsr_flag sorted; /* True */
    int end_;
} tsr_topk_args;
typedef struct tsr_topk_result {
    tsr_tensor *values, *indices;
} tsr_topk_result;
TSR_API tsr_topk_result tsr_topk_v(const tsr_topk_args *args);

/**
 * argsort(Tensor input, int? dim=-1, bool descending=False, *, bool? stable=None) -> Tensor
 *
 * The indices that sort a dimension, i64, torch.argsort. Always stable; NaN is the largest.
 *
 * Returns  i64, input's shape.
 * Errors   a dim that input lacks.
 *
 * By name: argsort. Takes all. Not differentiable.
 */
typedef struct tsr_argsort_args {
    tsr_tensor *input;
    tsr_number dim; /* -1 */
    bool descending;
    tsr_flag stable;
    int end_;
} tsr_argsort_args;
TSR_API tsr_tensor *tsr_argsort_v(const tsr_argsort_args *args);

/**
 * msort(Tensor input) -> Tensor
 *
 * The values of the first dimension in order, torch.msort.
 *
 * Returns  input's shape and dtype.
 * Errors   none of its own.
 *
 * By name: msort. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_msort(tsr_tensor *input);

/**
 * quantile(Tensor input, float q, int? dim=None, bool keepdim=False, *, str interpolation="linear") -> Tensor
 *
 * The value below which the share q of a dimension's values (or of all) lies, torch.quantile.
 *
 * q              in [0, 1]
 * interpolation  between the two values next to it: "linear", "lower", "higher", "midpoint", "nearest"
 *
 * Returns  input's dtype; NaN where a NaN is among the values.
 * Errors   input of another dtype than f32 and f64, or empty; q outside [0, 1]; another interpolation; a dim that
 *          input lacks.
 *
 * By name: quantile. Takes float. Differentiable.
 */
typedef struct tsr_quantile_args {
    tsr_tensor *input;
    double q;
    tsr_number dim;
    bool keepdim;
    const char *interpolation; /* "linear" */
    int end_;
} tsr_quantile_args;
TSR_API tsr_tensor *tsr_quantile_v(const tsr_quantile_args *args);

/**
 * quantile.tensor(Tensor input, Tensor q, int? dim=None, bool keepdim=False, *, str interpolation="linear") -> Tensor
 *
 * quantile for several shares, a 1-d tensor of input's dtype: they are the first dimension of the result, torch.quantile.
 *
 * Returns  q's length, which may be 0, then what quantile returns; without it for a 0-d q.
 * Errors   those of quantile; q of another dtype, or with more than one dimension.
 *
 * By name: quantile. Takes float. Differentiable.
 */
typedef struct tsr_quantile_tensor_args {
    tsr_tensor *input;
    tsr_tensor *q;
    tsr_number dim;
    bool keepdim;
    const char *interpolation; /* "linear" */
    int end_;
} tsr_quantile_tensor_args;
TSR_API tsr_tensor *tsr_quantile_tensor_v(const tsr_quantile_tensor_args *args);

#ifndef __cplusplus
#define tsr_sort(...) tsr_sort_v(&(tsr_sort_args){__VA_ARGS__, .end_ = 0})
#define tsr_topk(...) tsr_topk_v(&(tsr_topk_args){__VA_ARGS__, .end_ = 0})
#define tsr_argsort(...) tsr_argsort_v(&(tsr_argsort_args){__VA_ARGS__, .end_ = 0})
#define tsr_quantile(...) tsr_quantile_v(&(tsr_quantile_args){__VA_ARGS__, .end_ = 0})
#define tsr_quantile_tensor(...) tsr_quantile_tensor_v(&(tsr_quantile_tensor_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- unary ------------------------------------------------------------------------------------------------------- */

/**
 * abs(Tensor input) -> Tensor
 *
 * |x|; the derivative at 0 is 0.
 *
 * Returns  same shape, dtype and layout as input.
 * Errors   bool, f16 or bf16 input.
 *
 * By name: abs, absolute. Takes number. Differentiable. In place: tsr_abs_.
 */
TSR_API tsr_tensor *tsr_abs(tsr_tensor *input);
TSR_API tsr_tensor *tsr_abs_(tsr_tensor *input);

/**
 * neg(Tensor input) -> Tensor
 *
 * -x.
 *
 * Returns  same shape, dtype and layout as input.
 * Errors   bool, f16 or bf16 input.
 *
 * By name: neg, negative. Takes number. Differentiable. In place: tsr_neg_.
 */
TSR_API tsr_tensor *tsr_neg(tsr_tensor *input);
TSR_API tsr_tensor *tsr_neg_(tsr_tensor *input);

/**
 * sign(Tensor input) -> Tensor
 *
 * -1, 0 or 1; derivative 0.
 *
 * Returns  same shape, dtype and layout as input.
 * Errors   f16 or bf16 input.
 *
 * By name: sign, sgn. Takes all. Differentiable. In place: tsr_sign_.
 */
TSR_API tsr_tensor *tsr_sign(tsr_tensor *input);
TSR_API tsr_tensor *tsr_sign_(tsr_tensor *input);

/**
 * square(Tensor input) -> Tensor
 *
 * x * x.
 *
 * Returns  same shape, dtype and layout as input.
 * Errors   f16 or bf16 input.
 *
 * By name: square. Takes all. Differentiable. In place: tsr_square_.
 */
TSR_API tsr_tensor *tsr_square(tsr_tensor *input);
TSR_API tsr_tensor *tsr_square_(tsr_tensor *input);

/**
 * exp(Tensor input) -> Tensor
 *
 * e to the power of x.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: exp. Takes all. Differentiable. In place: tsr_exp_.
 */
TSR_API tsr_tensor *tsr_exp(tsr_tensor *input);
TSR_API tsr_tensor *tsr_exp_(tsr_tensor *input);

/**
 * exp2(Tensor input) -> Tensor
 *
 * 2 to the power of x.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: exp2, special.exp2. Takes all. Differentiable. In place: tsr_exp2_.
 */
TSR_API tsr_tensor *tsr_exp2(tsr_tensor *input);
TSR_API tsr_tensor *tsr_exp2_(tsr_tensor *input);

/**
 * expm1(Tensor input) -> Tensor
 *
 * exp(x) - 1, accurate near 0.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: expm1, special.expm1. Takes all. Differentiable. In place: tsr_expm1_.
 */
TSR_API tsr_tensor *tsr_expm1(tsr_tensor *input);
TSR_API tsr_tensor *tsr_expm1_(tsr_tensor *input);

/**
 * log(Tensor input) -> Tensor
 *
 * Natural logarithm: -inf at 0, NaN below.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: log. Takes all. Differentiable. In place: tsr_log_.
 */
TSR_API tsr_tensor *tsr_log(tsr_tensor *input);
TSR_API tsr_tensor *tsr_log_(tsr_tensor *input);

/**
 * log2(Tensor input) -> Tensor
 *
 * Logarithm to base 2.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: log2. Takes all. Differentiable. In place: tsr_log2_.
 */
TSR_API tsr_tensor *tsr_log2(tsr_tensor *input);
TSR_API tsr_tensor *tsr_log2_(tsr_tensor *input);

/**
 * log10(Tensor input) -> Tensor
 *
 * Logarithm to base 10.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: log10. Takes all. Differentiable. In place: tsr_log10_.
 */
TSR_API tsr_tensor *tsr_log10(tsr_tensor *input);
TSR_API tsr_tensor *tsr_log10_(tsr_tensor *input);

/**
 * log1p(Tensor input) -> Tensor
 *
 * log(1 + x), accurate near 0.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: log1p, special.log1p. Takes all. Differentiable. In place: tsr_log1p_.
 */
TSR_API tsr_tensor *tsr_log1p(tsr_tensor *input);
TSR_API tsr_tensor *tsr_log1p_(tsr_tensor *input);

/**
 * sqrt(Tensor input) -> Tensor
 *
 * Square root; NaN below 0.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: sqrt. Takes all. Differentiable. In place: tsr_sqrt_.
 */
TSR_API tsr_tensor *tsr_sqrt(tsr_tensor *input);
TSR_API tsr_tensor *tsr_sqrt_(tsr_tensor *input);

/**
 * rsqrt(Tensor input) -> Tensor
 *
 * 1 / sqrt(x).
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: rsqrt. Takes all. Differentiable. In place: tsr_rsqrt_.
 */
TSR_API tsr_tensor *tsr_rsqrt(tsr_tensor *input);
TSR_API tsr_tensor *tsr_rsqrt_(tsr_tensor *input);

/**
 * reciprocal(Tensor input) -> Tensor
 *
 * 1 / x.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: reciprocal. Takes all. Differentiable. In place: tsr_reciprocal_.
 */
TSR_API tsr_tensor *tsr_reciprocal(tsr_tensor *input);
TSR_API tsr_tensor *tsr_reciprocal_(tsr_tensor *input);

/**
 * sin(Tensor input) -> Tensor
 *
 * Sine of x in radians.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: sin. Takes all. Differentiable. In place: tsr_sin_.
 */
TSR_API tsr_tensor *tsr_sin(tsr_tensor *input);
TSR_API tsr_tensor *tsr_sin_(tsr_tensor *input);

/**
 * cos(Tensor input) -> Tensor
 *
 * Cosine of x in radians.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: cos. Takes all. Differentiable. In place: tsr_cos_.
 */
TSR_API tsr_tensor *tsr_cos(tsr_tensor *input);
TSR_API tsr_tensor *tsr_cos_(tsr_tensor *input);

/**
 * tan(Tensor input) -> Tensor
 *
 * Tangent of x in radians.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: tan. Takes all. Differentiable. In place: tsr_tan_.
 */
TSR_API tsr_tensor *tsr_tan(tsr_tensor *input);
TSR_API tsr_tensor *tsr_tan_(tsr_tensor *input);

/**
 * asin(Tensor input) -> Tensor
 *
 * Inverse sine; NaN outside [-1, 1].
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: asin, arcsin. Takes all. Differentiable. In place: tsr_asin_.
 */
TSR_API tsr_tensor *tsr_asin(tsr_tensor *input);
TSR_API tsr_tensor *tsr_asin_(tsr_tensor *input);

/**
 * acos(Tensor input) -> Tensor
 *
 * Inverse cosine; NaN outside [-1, 1].
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: acos, arccos. Takes all. Differentiable. In place: tsr_acos_.
 */
TSR_API tsr_tensor *tsr_acos(tsr_tensor *input);
TSR_API tsr_tensor *tsr_acos_(tsr_tensor *input);

/**
 * atan(Tensor input) -> Tensor
 *
 * Inverse tangent, in (-pi/2, pi/2).
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: atan, arctan. Takes all. Differentiable. In place: tsr_atan_.
 */
TSR_API tsr_tensor *tsr_atan(tsr_tensor *input);
TSR_API tsr_tensor *tsr_atan_(tsr_tensor *input);

/**
 * sinh(Tensor input) -> Tensor
 *
 * Hyperbolic sine.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: sinh. Takes all. Differentiable. In place: tsr_sinh_.
 */
TSR_API tsr_tensor *tsr_sinh(tsr_tensor *input);
TSR_API tsr_tensor *tsr_sinh_(tsr_tensor *input);

/**
 * cosh(Tensor input) -> Tensor
 *
 * Hyperbolic cosine.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: cosh. Takes all. Differentiable. In place: tsr_cosh_.
 */
TSR_API tsr_tensor *tsr_cosh(tsr_tensor *input);
TSR_API tsr_tensor *tsr_cosh_(tsr_tensor *input);

/**
 * asinh(Tensor input) -> Tensor
 *
 * Inverse hyperbolic sine.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: asinh, arcsinh. Takes all. Differentiable. In place: tsr_asinh_.
 */
TSR_API tsr_tensor *tsr_asinh(tsr_tensor *input);
TSR_API tsr_tensor *tsr_asinh_(tsr_tensor *input);

/**
 * acosh(Tensor input) -> Tensor
 *
 * Inverse hyperbolic cosine; NaN below 1.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: acosh, arccosh. Takes all. Differentiable. In place: tsr_acosh_.
 */
TSR_API tsr_tensor *tsr_acosh(tsr_tensor *input);
TSR_API tsr_tensor *tsr_acosh_(tsr_tensor *input);

/**
 * atanh(Tensor input) -> Tensor
 *
 * Inverse hyperbolic tangent; NaN outside [-1, 1].
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: atanh, arctanh. Takes all. Differentiable. In place: tsr_atanh_.
 */
TSR_API tsr_tensor *tsr_atanh(tsr_tensor *input);
TSR_API tsr_tensor *tsr_atanh_(tsr_tensor *input);

/**
 * erf(Tensor input) -> Tensor
 *
 * Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: erf, special.erf. Takes all. Differentiable. In place: tsr_erf_.
 */
TSR_API tsr_tensor *tsr_erf(tsr_tensor *input);
TSR_API tsr_tensor *tsr_erf_(tsr_tensor *input);

/**
 * erfc(Tensor input) -> Tensor
 *
 * 1 - erf(x), accurate for large x.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: erfc, special.erfc. Takes all. Differentiable. In place: tsr_erfc_.
 */
TSR_API tsr_tensor *tsr_erfc(tsr_tensor *input);
TSR_API tsr_tensor *tsr_erfc_(tsr_tensor *input);

/**
 * erfinv(Tensor input) -> Tensor
 *
 * Inverse of erf: infinite at -1 and 1, NaN beyond.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: erfinv, special.erfinv. Takes all. Differentiable. In place: tsr_erfinv_.
 */
TSR_API tsr_tensor *tsr_erfinv(tsr_tensor *input);
TSR_API tsr_tensor *tsr_erfinv_(tsr_tensor *input);

/**
 * lgamma(Tensor input) -> Tensor
 *
 * Logarithm of the absolute value of the gamma function.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: lgamma, special.gammaln. Takes all. Differentiable. In place: tsr_lgamma_.
 */
TSR_API tsr_tensor *tsr_lgamma(tsr_tensor *input);
TSR_API tsr_tensor *tsr_lgamma_(tsr_tensor *input);

/**
 * digamma(Tensor input) -> Tensor
 *
 * Derivative of lgamma.
 *
 * Returns  same shape and layout; f32 for integers and bool.
 * Errors   f16 or bf16 input.
 *
 * By name: digamma, special.digamma, special.psi. Takes all. Differentiable. In place: tsr_digamma_.
 */
TSR_API tsr_tensor *tsr_digamma(tsr_tensor *input);
TSR_API tsr_tensor *tsr_digamma_(tsr_tensor *input);

/**
 * floor(Tensor input) -> Tensor
 *
 * Largest integer not above x; integers stay as they are; derivative 0.
 *
 * Returns  same shape, dtype and layout as input.
 * Errors   bool input.
 *
 * By name: floor. Takes number. Differentiable. In place: tsr_floor_.
 */
TSR_API tsr_tensor *tsr_floor(tsr_tensor *input);
TSR_API tsr_tensor *tsr_floor_(tsr_tensor *input);

/**
 * ceil(Tensor input) -> Tensor
 *
 * Smallest integer not below x; integers stay as they are; derivative 0.
 *
 * Returns  same shape, dtype and layout as input.
 * Errors   bool input.
 *
 * By name: ceil. Takes number. Differentiable. In place: tsr_ceil_.
 */
TSR_API tsr_tensor *tsr_ceil(tsr_tensor *input);
TSR_API tsr_tensor *tsr_ceil_(tsr_tensor *input);

/**
 * trunc(Tensor input) -> Tensor
 *
 * x without its fraction; integers stay as they are; derivative 0.
 *
 * Returns  same shape, dtype and layout as input.
 * Errors   bool input.
 *
 * By name: trunc, fix. Takes number. Differentiable. In place: tsr_trunc_.
 */
TSR_API tsr_tensor *tsr_trunc(tsr_tensor *input);
TSR_API tsr_tensor *tsr_trunc_(tsr_tensor *input);

/**
 * frac(Tensor input) -> Tensor
 *
 * x - trunc(x), with x's sign.
 *
 * Returns  same shape, dtype and layout as input.
 * Errors   input of another dtype than f32 and f64.
 *
 * By name: frac. Takes float. Differentiable. In place: tsr_frac_.
 */
TSR_API tsr_tensor *tsr_frac(tsr_tensor *input);
TSR_API tsr_tensor *tsr_frac_(tsr_tensor *input);

/**
 * round(Tensor input, *, int decimals=0) -> Tensor
 *
 * Nearest integer, halves to the even one; with decimals, nearest multiple of 10^-decimals. Integers stay as they are.
 *
 * Returns  same shape, dtype and layout as input; derivative 0.
 * Errors   bool input; decimals with an integer input.
 *
 * By name: round. Takes number. Differentiable. In place: tsr_round_.
 */
typedef struct tsr_round_args {
    tsr_tensor *input;
    int64_t decimals;
    int end_;
} tsr_round_args;
TSR_API tsr_tensor *tsr_round_v(const tsr_round_args *args);
TSR_API tsr_tensor *tsr_round__v(const tsr_round_args *args);

/**
 * logit(Tensor input, float? eps=None) -> Tensor
 *
 * log(x / (1 - x)), the inverse of sigmoid; with eps, x is first clamped to [eps, 1 - eps].
 *
 * Returns  same shape; f32 for integers and bool; NaN outside [0, 1] without eps. The derivative is 0 where x was
 *          clamped.
 * Errors   f16 or bf16 input.
 *
 * By name: logit, special.logit. Takes all. Differentiable. In place: tsr_logit_.
 */
typedef struct tsr_logit_args {
    tsr_tensor *input;
    tsr_number eps;
    int end_;
} tsr_logit_args;
TSR_API tsr_tensor *tsr_logit_v(const tsr_logit_args *args);
TSR_API tsr_tensor *tsr_logit__v(const tsr_logit_args *args);

#ifndef __cplusplus
#define tsr_round(...) tsr_round_v(&(tsr_round_args){__VA_ARGS__, .end_ = 0})
#define tsr_round_(...) tsr_round__v(&(tsr_round_args){__VA_ARGS__, .end_ = 0})
#define tsr_logit(...) tsr_logit_v(&(tsr_logit_args){__VA_ARGS__, .end_ = 0})
#define tsr_logit_(...) tsr_logit__v(&(tsr_logit_args){__VA_ARGS__, .end_ = 0})
#endif

/* ---- view -------------------------------------------------------------------------------------------------------- */

/**
 * view(Tensor input, int[] size) -> Tensor
 *
 * The same elements in another shape, sharing memory, torch.Tensor.view.
 *
 * size     the new sizes; one may be -1 and is inferred
 *
 * Returns  a view of the new shape.
 * Errors   the number of elements differs; the shape needs elements that do not lie evenly in memory (use reshape).
 *
 * By name: view. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_view(tsr_tensor *input, tsr_shape size);

/**
 * view_as(Tensor input, Tensor other) -> Tensor
 *
 * view to the shape of `other`, torch.Tensor.view_as.
 *
 * Returns  a view of other's shape.
 * Errors   those of view.
 *
 * By name: view_as. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_view_as(tsr_tensor *input, tsr_tensor *other);

/**
 * reshape(Tensor input, int[] shape) -> Tensor
 *
 * The same elements, in row-major order, in another shape, torch.reshape.
 *
 * shape    the new sizes; one may be -1 and is inferred
 *
 * Returns  a view where memory allows, else a copy.
 * Errors   the number of elements differs; more than one -1.
 *
 * By name: reshape. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_reshape(tsr_tensor *input, tsr_shape shape);

/**
 * reshape_as(Tensor input, Tensor other) -> Tensor
 *
 * reshape to the shape of `other`, torch.Tensor.reshape_as.
 *
 * Returns  a view of other's shape where memory allows, else a copy.
 * Errors   the number of elements differs.
 *
 * By name: reshape_as. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_reshape_as(tsr_tensor *input, tsr_tensor *other);

/**
 * permute(Tensor input, int[] dims) -> Tensor
 *
 * A view with its dimensions in another order, torch.permute.
 *
 * dims     each dimension once; negative ones count from the end
 *
 * Returns  a view.
 * Errors   dims that are not each dimension once.
 *
 * By name: permute. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_permute(tsr_tensor *input, tsr_shape dims);

/**
 * transpose(Tensor input, int dim0, int dim1) -> Tensor
 *
 * A view with two dimensions exchanged, torch.transpose.
 *
 * Returns  a view.
 * Errors   a dimension that input lacks.
 *
 * By name: transpose, swapaxes, swapdims. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_transpose(tsr_tensor *input, int64_t dim0, int64_t dim1);

/**
 * t(Tensor input) -> Tensor
 *
 * The transpose of a matrix; vectors and 0-d tensors are returned as they are, torch.t.
 *
 * Returns  a view.
 * Errors   more than two dimensions.
 *
 * By name: t. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_t(tsr_tensor *input);

/**
 * expand(Tensor input, int[] size) -> Tensor
 *
 * A view in which dimensions of size 1 are repeated without copying, torch.Tensor.expand, torch.broadcast_to.
 *
 * size     the new sizes; -1 keeps a size; further dimensions may be added in front
 *
 * Returns  a view of the new shape.
 * Errors   a size other than 1 would change. Writing to the result in place is refused; clone it first.
 *
 * By name: expand, broadcast_to. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_expand(tsr_tensor *input, tsr_shape size);

/**
 * expand_as(Tensor input, Tensor other) -> Tensor
 *
 * expand to the shape of `other`, torch.Tensor.expand_as.
 *
 * Returns  a view of other's shape.
 * Errors   those of expand.
 *
 * By name: expand_as. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_expand_as(tsr_tensor *input, tsr_tensor *other);

/**
 * unsqueeze(Tensor input, int dim) -> Tensor
 *
 * A view with a dimension of size 1 inserted at `dim`, torch.unsqueeze.
 *
 * Returns  a view.
 * Errors   8 dimensions already; a dim that the result lacks.
 *
 * By name: unsqueeze. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_unsqueeze(tsr_tensor *input, int64_t dim);

/**
 * squeeze(Tensor input) -> Tensor
 *
 * A view without the dimensions of size 1, torch.squeeze.
 *
 * Returns  a view.
 * Errors   none of its own.
 *
 * By name: squeeze. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_squeeze(tsr_tensor *input);

/**
 * squeeze.dim(Tensor input, int dim) -> Tensor
 *
 * A view without dimension `dim` if its size is 1, torch.squeeze.
 *
 * Returns  a view.
 * Errors   a dim that input lacks.
 *
 * By name: squeeze. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_squeeze_dim(tsr_tensor *input, int64_t dim);

/**
 * squeeze.dims(Tensor input, int[] dim) -> Tensor
 *
 * A view without those of several dimensions whose size is 1, torch.squeeze.
 *
 * Returns  a view.
 * Errors   a dim that input lacks, or twice.
 *
 * By name: squeeze. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_squeeze_dims(tsr_tensor *input, tsr_shape dim);

/**
 * flatten(Tensor input, int start_dim=0, int end_dim=-1) -> Tensor
 *
 * Dimensions start_dim to end_dim joined into one, torch.flatten.
 *
 * Returns  a view where memory allows, else a copy; a 0-d input becomes 1-d.
 * Errors   start_dim comes after end_dim; a dimension that input lacks.
 *
 * By name: flatten. Takes all. Differentiable.
 */
typedef struct tsr_flatten_args {
    tsr_tensor *input;
    int64_t start_dim;
    int64_t end_dim; /* default -1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_flatten_args;
TSR_API tsr_tensor *tsr_flatten_v(const tsr_flatten_args *args);

/**
 * unflatten(Tensor input, int dim, int[] sizes) -> Tensor
 *
 * A view with dimension `dim` split into several, torch.Tensor.unflatten.
 *
 * sizes    their product is the dimension's size; one may be -1
 *
 * Returns  a view.
 * Errors   sizes that are empty or whose product is not dim's size; a 0-d input; more than 8 dimensions.
 *
 * By name: unflatten. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_unflatten(tsr_tensor *input, int64_t dim, tsr_shape sizes);

/**
 * movedim(Tensor input, int[] source, int[] destination) -> Tensor
 *
 * A view with the dimensions `source` moved to the places `destination`, the others in order, torch.movedim.
 *
 * Returns  a view.
 * Errors   lists of different lengths; a dimension that input lacks, or twice in a list.
 *
 * By name: movedim, moveaxis. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_movedim(tsr_tensor *input, tsr_shape source, tsr_shape destination);

/**
 * narrow(Tensor input, int dim, int start, int length) -> Tensor
 *
 * A view of `length` indices of a dimension, from `start`, torch.narrow.
 *
 * start    negative counts from the end
 *
 * Returns  a view.
 * Errors   a 0-d input; a part that leaves the dimension; a negative length.
 *
 * By name: narrow. Takes all. Differentiable.
 */
TSR_API tsr_tensor *tsr_narrow(tsr_tensor *input, int64_t dim, int64_t start, int64_t length);

/**
 * slice(Tensor input, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor
 *
 * A view of input[start:end:step] in dimension `dim`, with Python's rules for slices.
 *
 * start, end  may be out of range and negative; absent means the end of the dimension
 * step        at least 1
 *
 * Returns  a view.
 * Errors   a 0-d input; a step below 1; a dim that input lacks.
 *
 * By name: slice. Takes all. Differentiable. A view.
 */
typedef struct tsr_slice_args {
    tsr_tensor *input;
    int64_t dim;
    tsr_number start;
    tsr_number end;
    int64_t step; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_slice_args;
TSR_API tsr_tensor *tsr_slice_v(const tsr_slice_args *args);

/**
 * select(Tensor input, int dim, int index) -> Tensor
 *
 * A view of one index of a dimension, which is dropped, torch.select.
 *
 * index    negative counts from the end
 *
 * Returns  a view.
 * Errors   a 0-d input; an index out of range; a dim that input lacks.
 *
 * By name: select. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_select(tsr_tensor *input, int64_t dim, int64_t index);

/**
 * as_strided(Tensor input, int[] size, int[] stride, int? storage_offset=None) -> Tensor
 *
 * A view of the storage with any shape and strides, torch.as_strided.
 *
 * stride          in elements, at least 0
 * storage_offset  in elements from the storage's start; absent: input's
 *
 * Returns  a view.
 * Errors   the view would leave the storage; size and stride of different lengths, or negative.
 *
 * By name: as_strided. Takes all. Differentiable. A view.
 */
typedef struct tsr_as_strided_args {
    tsr_tensor *input;
    tsr_shape size;
    tsr_shape stride;
    tsr_number storage_offset;
    int end_;
} tsr_as_strided_args;
TSR_API tsr_tensor *tsr_as_strided_v(const tsr_as_strided_args *args);

/**
 * diagonal(Tensor input, int offset=0, int dim1=0, int dim2=1) -> Tensor
 *
 * A view of the diagonals of dimensions dim1 and dim2, as the last dimension, torch.diagonal.
 *
 * offset   0 the main diagonal; above 0 above it, below 0 below it
 *
 * Returns  a view, the diagonals in its last dimension.
 * Errors   fewer than two dimensions; dim1 is dim2, or input lacks one.
 *
 * By name: diagonal. Takes all. Differentiable. A view.
 */
typedef struct tsr_diagonal_args {
    tsr_tensor *input;
    int64_t offset;
    int64_t dim1;
    int64_t dim2; /* default 1 when 0; TSR_ZERO_INT: 0 */
    int end_;
} tsr_diagonal_args;
TSR_API tsr_tensor *tsr_diagonal_v(const tsr_diagonal_args *args);

/**
 * unfold(Tensor input, int dimension, int size, int step) -> Tensor
 *
 * A view of all windows of `size` elements, `step` apart, of a dimension; a window's elements are the last dimension,
 * torch.Tensor.unfold. (nn.functional.unfold is im2col.)
 *
 * Returns  a view with one dimension more.
 * Errors   size outside 0 to the dimension's; a step below 1; 8 dimensions already.
 *
 * By name: unfold. Takes all. Differentiable. A view.
 */
TSR_API tsr_tensor *tsr_unfold(tsr_tensor *input, int64_t dimension, int64_t size, int64_t step);

/**
 * unbind(Tensor input, int dim=0) -> Tensor[]
 *
 * Views of each index of a dimension, torch.unbind.
 *
 * Returns  views, as many as the dimension's size.
 * Errors   a 0-d input; less room than that; a dim that input lacks.
 *
 * By name: unbind. Takes all. Differentiable. A view.
 */
typedef struct tsr_unbind_args {
    tsr_tensor *input;
    int64_t dim;
    int end_;
} tsr_unbind_args;
TSR_API int64_t tsr_unbind_v(const tsr_unbind_args *args, tsr_tensor **out, int64_t room);

/**
 * chunk(Tensor input, int chunks, int dim=0) -> Tensor[]
 *
 * Views of at most `chunks` equal pieces of a dimension (the last may be shorter), torch.chunk.
 *
 * Returns  views, `chunks` at most.
 * Errors   a 0-d input; chunks below 1; less room than there are; a dim that input lacks.
 *
 * By name: chunk. Takes all. Differentiable. A view.
 */
typedef struct tsr_chunk_args {
    tsr_tensor *input;
    int64_t chunks;
    int64_t dim;
    int end_;
} tsr_chunk_args;
TSR_API int64_t tsr_chunk_v(const tsr_chunk_args *args, tsr_tensor **out, int64_t room);

/**
 * split(Tensor input, int split_size, int dim=0) -> Tensor[]
 *
 * Views of pieces of `split_size` indices of a dimension (the last may be shorter), torch.split.
 *
 * Returns  views.
 * Errors   a 0-d input; a negative split_size, or 0 of a dimension that is not empty; less room than there are.
 *
 * By name: split. Takes all. Differentiable. A view.
 */
typedef struct tsr_split_args {
    tsr_tensor *input;
    int64_t split_size;
    int64_t dim;
    int end_;
} tsr_split_args;
TSR_API int64_t tsr_split_v(const tsr_split_args *args, tsr_tensor **out, int64_t room);

/**
 * split.sizes(Tensor input, int[] split_sizes, int dim=0) -> Tensor[]
 *
 * Views of pieces of a dimension with the sizes given, at most 8, torch.split_with_sizes.
 *
 * split_sizes  their sum is the dimension's size
 *
 * Returns  as many views as sizes.
 * Errors   a 0-d input; a negative size, or another sum; less room than there are.
 *
 * By name: split, split_with_sizes. Takes all. Differentiable. A view.
 */
typedef struct tsr_split_sizes_args {
    tsr_tensor *input;
    tsr_shape split_sizes;
    int64_t dim;
    int end_;
} tsr_split_sizes_args;
TSR_API int64_t tsr_split_sizes_v(const tsr_split_sizes_args *args, tsr_tensor **out, int64_t room);

/**
 * tensor_split(Tensor input, int sections, int dim=0) -> Tensor[]
 *
 * Views of `sections` pieces of a dimension, of which the first ones are one longer, torch.tensor_split.
 *
 * Returns  `sections` views.
 * Errors   a 0-d input; sections below 1; less room than that.
 *
 * By name: tensor_split. Takes all. Differentiable.
 */
typedef struct tsr_tensor_split_args {
    tsr_tensor *input;
    int64_t sections;
    int64_t dim;
    int end_;
} tsr_tensor_split_args;
TSR_API int64_t tsr_tensor_split_v(const tsr_tensor_split_args *args, tsr_tensor **out, int64_t room);

/**
 * tensor_split.indices(Tensor input, int[] indices, int dim=0) -> Tensor[]
 *
 * Views of a dimension cut at `indices`, torch.tensor_split.
 *
 * Returns  one view more than indices.
 * Errors   a 0-d input; less room than that.
 *
 * By name: tensor_split. Takes all. Differentiable.
 */
typedef struct tsr_tensor_split_indices_args {
    tsr_tensor *input;
    tsr_shape indices;
    int64_t dim;
    int end_;
} tsr_tensor_split_indices_args;
TSR_API int64_t tsr_tensor_split_indices_v(const tsr_tensor_split_indices_args *args, tsr_tensor **out, int64_t room);

/**
 * tensor_split.tensor(Tensor input, Tensor indices_or_sections, int dim=0) -> Tensor[]
 *
 * tensor_split where a 0-d or 1-d i64 tensor holds the number of sections or the indices.
 *
 * Returns  views, as tensor_split.
 * Errors   those of tensor_split; a tensor that is not i64, or has more than one dimension.
 *
 * By name: tensor_split. Takes all. Differentiable.
 */
typedef struct tsr_tensor_split_tensor_args {
    tsr_tensor *input;
    tsr_tensor *indices_or_sections;
    int64_t dim;
    int end_;
} tsr_tensor_split_tensor_args;
TSR_API int64_t tsr_tensor_split_tensor_v(const tsr_tensor_split_tensor_args *args, tsr_tensor **out, int64_t room);

/**
 * detach(Tensor input) -> Tensor
 *
 * A tensor that shares memory and the count of writes with input but has no history, torch.Tensor.detach.
 *
 * Returns  a view without history.
 * Errors   none of its own.
 *
 * By name: detach. Takes all. Not differentiable.
 */
TSR_API tsr_tensor *tsr_detach(tsr_tensor *input);

/**
 * sum_to_size(Tensor input, int[] size) -> Tensor
 *
 * The sum over what broadcasting `size` to input's shape would repeat, torch.Tensor.sum_to_size.
 *
 * Returns  the size given.
 * Errors   size does not broadcast to input's shape.
 *
 * By name: sum_to_size. Takes number. Differentiable.
 */
TSR_API tsr_tensor *tsr_sum_to_size(tsr_tensor *input, tsr_shape size);

#ifndef __cplusplus
#define tsr_flatten(...) tsr_flatten_v(&(tsr_flatten_args){__VA_ARGS__, .end_ = 0})
#define tsr_slice(...) tsr_slice_v(&(tsr_slice_args){__VA_ARGS__, .end_ = 0})
#define tsr_as_strided(...) tsr_as_strided_v(&(tsr_as_strided_args){__VA_ARGS__, .end_ = 0})
#define tsr_diagonal(...) tsr_diagonal_v(&(tsr_diagonal_args){__VA_ARGS__, .end_ = 0})
#define tsr_unbind(out, room, ...) tsr_unbind_v(&(tsr_unbind_args){__VA_ARGS__, .end_ = 0}, out, room)
#define tsr_chunk(out, room, ...) tsr_chunk_v(&(tsr_chunk_args){__VA_ARGS__, .end_ = 0}, out, room)
#define tsr_split(out, room, ...) tsr_split_v(&(tsr_split_args){__VA_ARGS__, .end_ = 0}, out, room)
#define tsr_split_sizes(out, room, ...) tsr_split_sizes_v(&(tsr_split_sizes_args){__VA_ARGS__, .end_ = 0}, out, room)
#define tsr_tensor_split(out, room, ...) tsr_tensor_split_v(&(tsr_tensor_split_args){__VA_ARGS__, .end_ = 0}, out, room)
#define tsr_tensor_split_indices(out, room, ...) tsr_tensor_split_indices_v(&(tsr_tensor_split_indices_args){__VA_ARGS__, .end_ = 0}, out, room)
#define tsr_tensor_split_tensor(out, room, ...) tsr_tensor_split_tensor_v(&(tsr_tensor_split_tensor_args){__VA_ARGS__, .end_ = 0}, out, room)
#endif

#ifdef __cplusplus
}
#endif
#endif
