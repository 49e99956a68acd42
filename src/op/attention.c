/* attention.c: scaled dot-product attention.

   The kernel computes a row of scores, its softmax and the weighted sum of values without keeping the weights; all it
   leaves for the derivative is each row's log-sum-exp, from which the weights are computed again. Where the weights
   themselves are needed (dropout, or when they are asked for) attention is made of operators. */
#include <math.h>

#include "base/profile.h"
#include "op/pointwise.h"
#include "op/record.h"
#include "op/region.h"
#include "op_gen.h"

/* ---- checks ------------------------------------------------------------------------------------------------------- */

static int64_t last_size(const tsr_tensor *t, int from_end) { return t->shape[t->ndim - from_end]; }

static bool check_factors(const op_ctx *c, const tsr_tensor *q, const tsr_tensor *k, const tsr_tensor *v)
{
    bool ok = op_is_float(q) && q->dtype == k->dtype && q->dtype == v->dtype;
    if (!ok) {
        op_fail(c, "query is %s, key %s, value %s: one dtype, f32 or f64, is needed",
                tsr_dtype_name((tsr_dtype)q->dtype), tsr_dtype_name((tsr_dtype)k->dtype),
                tsr_dtype_name((tsr_dtype)v->dtype));
        return false;
    }
    ok = q->ndim >= 2 && k->ndim >= 2 && v->ndim >= 2 && last_size(q, 1) == last_size(k, 1) &&
         last_size(k, 2) == last_size(v, 2);
    if (!ok)
        op_fail(c, "query %s, key %s and value %s must be [.., L, E], [.., S, E] and [.., S, V]", tensor_shape_text(q),
                tensor_shape_text(k), tensor_shape_text(v));
    return ok;
}

static bool check_mask(const op_ctx *c, const tsr_tensor *mask, const tsr_tensor *q, bool causal)
{
    if (!mask) return true;
    if (causal) op_fail(c, "attn_mask must not be given when is_causal is true");
    else if (mask->dtype != TSR_BOOL && mask->dtype != q->dtype)
        op_fail(c, "attn_mask must be bool or query's dtype %s, not %s", tsr_dtype_name((tsr_dtype)q->dtype),
                tsr_dtype_name((tsr_dtype)mask->dtype));
    else return true;
    return false;
}

static double default_scale(const tsr_tensor *q) { return 1 / sqrt((double)tsr_max_i64(1, last_size(q, 1))); }

/* ---- made of operators -------------------------------------------------------------------------------------------- */

/* True where query i may not see key j. */
static tsr_tensor *hidden_keys(int64_t queries, int64_t keys)
{
    tsr_tensor *all = tsr_ones(TSR_SHAPE(queries, keys), .dtype = TSR_BOOL);
    return tsr_triu(all, .diagonal = 1);
}

/* q has been scaled. */
static tsr_tensor *scores_of(tsr_tensor *q, tsr_tensor *k, tsr_tensor *mask, bool causal)
{
    tsr_tensor *scores = tsr_matmul(q, tsr_transpose(k, -2, -1));
    if (!scores) return NULL;
    if (causal) return tsr_masked_fill(scores, hidden_keys(last_size(q, 2), last_size(k, 2)), TSR_FLOAT(-INFINITY));
    if (!mask) return scores;
    if (mask->dtype != TSR_BOOL) return tsr_add(scores, mask);
    return tsr_masked_fill(scores, tsr_logical_not(mask), TSR_FLOAT(-INFINITY));
}

bool op_scaled_dot_product_attention_weights(op_ctx *c, const tsr_scaled_dot_product_attention_weights_args *a,
                                             tsr_tensor **out)
{
    if (!check_factors(c, a->query, a->key, a->value) || !check_mask(c, a->attn_mask, a->query, a->is_causal))
        return false;
    /* divided, not multiplied by the inverse, as PyTorch 1.13 does: large scores feel the difference */
    tsr_tensor *q = tsr_div(a->query, tsr_scalar(1 / default_scale(a->query)));
    tsr_tensor *scores = scores_of(q, a->key, a->attn_mask, a->is_causal);
    tsr_tensor *weights = tsr_softmax(scores, -1);
    if (a->dropout_p > 0) weights = tsr_dropout(weights, a->dropout_p);
    out[0] = tsr_matmul(weights, a->value);
    out[1] = weights;
    return out[0] && out[1];
}

static tsr_tensor *with_dropout(const tsr_scaled_dot_product_attention_args *a, double scale)
{
    tsr_tensor *scores = scores_of(op_scale(a->query, scale), a->key, a->attn_mask, a->is_causal);
    return tsr_matmul(tsr_dropout(tsr_softmax(scores, -1), a->dropout_p), a->value);
}

tsr_tensor *op_scaled_dot_product_attention(op_ctx *c, const tsr_scaled_dot_product_attention_args *a)
{
    if (!check_factors(c, a->query, a->key, a->value) || !check_mask(c, a->attn_mask, a->query, a->is_causal))
        return NULL;
    if (a->dropout_p < 0 || a->dropout_p > 1)
        return op_fail(c, "dropout_p must lie between 0 and 1, but is %g", a->dropout_p);
    double scale = op_has(a->scale) ? op_f64(a->scale) : default_scale(a->query);
    if (a->dropout_p > 0) return with_dropout(a, scale);
    return tsr_attention(a->query, a->key, a->value, a->attn_mask, a->is_causal, scale != 0 ? scale : TSR_ZERO);
}

/* ---- the kernel --------------------------------------------------------------------------------------------------- */

/* The leading dimensions that all factors (and the mask) broadcast to. */
static bool leading_shape(const op_ctx *c, const tsr_attention_args *a, tsr_shape *lead)
{
    const tsr_tensor *all[4] = {a->query, a->key, a->value, a->mask};
    *lead = (tsr_shape){0};
    for (int i = 0; i < 4; i++) {
        if (!all[i] || all[i]->ndim < 2) continue;
        tsr_shape own = op_shape(all[i]);
        own.n -= 2;
        if (!shape_broadcast(c->info->name, lead, &own, lead)) return false;
    }
    return true;
}

/* t expanded to lead + [rows, columns] and read as 4-d; only more than two leading dimensions can need a copy. */
static tsr_tensor *as_4d(tsr_tensor *t, const tsr_shape *lead, int64_t rows, int64_t columns)
{
    tsr_shape full = *lead;
    full.v[full.n++] = rows;
    full.v[full.n++] = columns;
    t = op_as_expanded(t, &full);
    if (lead->n > 2) {
        int64_t heads = lead->v[lead->n - 1];
        t = region_reshape(op_as_contiguous(t), &TSR_SHAPE(region_count(lead, 0, lead->n - 1), heads, rows, columns));
    }
    while (t && t->ndim < 4) t = region_unsqueeze(t, 0);
    return t;
}

/* The mask as numbers to be added. */
static tsr_tensor *additive(tsr_tensor *mask, tsr_dtype dtype)
{
    if (mask->dtype != TSR_BOOL) return mask;
    tsr_shape shape = op_shape(mask);
    tsr_tensor *zeros = region_zeros(dtype, &shape, mask);
    return zeros ? tsr_masked_fill(zeros, tsr_logical_not(mask), TSR_FLOAT(-INFINITY)) : NULL;
}

/* So many products for each pair that is looked at: a causal query i sees the keys up to i. q and k are 4-d. */
static void count_flops(const tsr_tensor *q, const tsr_tensor *k, bool causal, int64_t products)
{
    int64_t heads = q->shape[0] * q->shape[1], l = last_size(q, 2), s = last_size(k, 2), n = tsr_min_i64(l, s);
    int64_t pairs = causal ? n * (n + 1) / 2 + (l - n) * s : l * s;
    profile_count_flops(2 * heads * pairs * products);
}

tsr_tensor *op_attention(op_ctx *c, const tsr_attention_args *a)
{
    tsr_shape lead;
    tsr_dtype dtype = (tsr_dtype)a->query->dtype;
    if (!leading_shape(c, a, &lead)) return NULL;
    if (lead.n + 2 > TSR_MAX_DIMS) return op_fail(c, "the factors have more than %d dimensions", TSR_MAX_DIMS);
    int64_t l = last_size(a->query, 2), s = last_size(a->key, 2), e = last_size(a->query, 1),
            v = last_size(a->value, 1);
    tsr_shape shape = lead, scores = lead;
    shape.v[shape.n++] = scores.v[scores.n++] = l;
    shape.v[shape.n++] = v;
    scores.v[scores.n++] = s;
    tsr_tensor *out = op_output(c, dtype, shape, NULL), *mask = a->mask ? additive(a->mask, dtype) : NULL, *lse = NULL;
    if (a->mask) {
        tsr_shape own = op_shape(a->mask), both;
        if (!shape_broadcast(c->info->name, &own, &scores, &both) || !region_same_shape(&both, &scores))
            return tsr_error_pending() ? NULL
                                       : op_fail(c, "attn_mask %s does not broadcast to the scores' shape %s",
                                                 shape_text(&own), shape_text(&scores));
        mask = as_4d(mask, &lead, l, s);
    }
    tsr_tensor *q = as_4d(a->query, &lead, l, e), *k = as_4d(a->key, &lead, s, e), *x = as_4d(a->value, &lead, s, v);
    tsr_tensor *o = as_4d(out, &lead, l, v);
    if (!q || !k || !x || !o || (a->mask && !mask)) return NULL;
    if (op_recording(c)) {
        lse = region_empty(dtype, &TSR_SHAPE(o->shape[0], o->shape[1], l), out);
        if (!lse) return NULL;
        op_save(c, lse);
    }
    attention_params p = {.scale = a->scale, .causal = a->causal};
    array ao = array_of(o), aq = array_of(q), ak = array_of(k), ax = array_of(x), am = {0}, al = {0};
    if (mask) am = array_of(mask);
    if (lse) al = array_of(lse);
    if (tensor_numel(out) == 0) return out;
    count_flops(q, k, a->causal, e + v);
    return op_backend(out)->attention(&ao, lse ? &al : NULL, &aq, &ak, &ax, mask ? &am : NULL, &p) ? out : NULL;
}

/* ---- the derivative ------------------------------------------------------------------------------------------------ */

/* The weights again. exp(scores - lse) is quick, but lse is a constant there: where the gradient's own graph is wanted it
   is a softmax, with rows that see nothing kept away from 0 / 0. */
static tsr_tensor *weights_again(op_ctx *c, const tsr_attention_args *a)
{
    tsr_shape rows = op_output_meta(c, 0).shape;
    rows.v[rows.n - 1] = 1;
    tsr_tensor *scores = scores_of(op_scale(a->query, a->scale), a->key, a->mask, a->causal);
    tsr_tensor *lse = tsr_reshape(op_saved(c, 0), rows);
    if (!record_grad_mode()) return tsr_exp(tsr_sub(scores, lse));
    tsr_tensor *blind = tsr_eq(lse, tsr_scalar(INFINITY));
    return tsr_masked_fill(tsr_softmax(tsr_masked_fill(scores, blind, TSR_INT(0)), -1), blind, TSR_INT(0));
}

enum { QUERY, KEY, VALUE, MASK };

/* With operators, so that it has a derivative too, and the mask can have a gradient. */
static void grad_by_operators(op_ctx *c, const tsr_attention_args *a, tsr_tensor *grad, tsr_tensor **grad_in)
{
    tsr_tensor *weights = weights_again(c, a);
    if (op_needs(c, VALUE)) grad_in[VALUE] = tsr_matmul(tsr_transpose(weights, -2, -1), grad);
    if (!op_needs(c, QUERY) && !op_needs(c, KEY) && !op_needs(c, MASK)) return;
    tsr_tensor *g = tsr_matmul(grad, tsr_transpose(a->value, -2, -1));
    tsr_tensor *mean = tsr_sum(tsr_mul(g, weights), .dim = TSR_DIMS(-1), .keepdim = true);
    tsr_tensor *scores = tsr_mul(weights, tsr_sub(g, mean));
    if (op_needs(c, QUERY)) grad_in[QUERY] = op_scale(tsr_matmul(scores, a->key), a->scale);
    if (op_needs(c, KEY)) grad_in[KEY] = op_scale(tsr_matmul(tsr_transpose(scores, -2, -1), a->query), a->scale);
    if (op_needs(c, MASK)) grad_in[MASK] = scores;
}

/* Where the gradient of a factor goes: in the factor's own layout where that is possible, so that undoing the views which
   made heads of it moves nothing. */
static tsr_tensor *factor_grad(const tsr_tensor *factor, const tsr_shape *lead)
{
    tsr_shape full = *lead;
    full.v[full.n++] = last_size(factor, 2);
    full.v[full.n++] = last_size(factor, 1);
    if (lead->n <= 2 && tensor_has_shape(factor, &full)) return tensor_empty_like(factor, (tsr_dtype)factor->dtype);
    return region_empty((tsr_dtype)factor->dtype, &full, factor);
}

/* The scores again, the gradients of scores, and the sums that make the factors' gradients of them. */
static int64_t grad_products(op_ctx *c, const tsr_attention_args *a)
{
    int64_t e = last_size(a->query, 1), v = last_size(a->value, 1);
    bool query = op_needs(c, QUERY), key = op_needs(c, KEY), value = op_needs(c, VALUE);
    return e * (1 + query + key) + v * ((query || key) + value);
}

static void grad_by_kernel(op_ctx *c, const tsr_attention_args *a, tsr_tensor *grad, tsr_tensor **grad_in)
{
    tsr_tensor *factor[3] = {a->query, a->key, a->value}, *in[3], *out[3] = {0};
    array ai[3], ao[3], ag, al, am = {0};
    tsr_shape lead;
    if (!leading_shape(c, a, &lead)) return;
    int64_t l = last_size(a->query, 2), s = last_size(a->key, 2);
    for (int i = 0; i < 3; i++) {
        int64_t rows = last_size(factor[i], 2), columns = last_size(factor[i], 1);
        if (op_needs(c, i) && !(grad_in[i] = factor_grad(factor[i], &lead))) return;
        if (grad_in[i] && !(out[i] = as_4d(grad_in[i], &lead, rows, columns))) return;
        if (!(in[i] = as_4d(factor[i], &lead, rows, columns))) return;
        ai[i] = array_of(in[i]);
        if (out[i]) ao[i] = array_of(out[i]);
    }
    tsr_tensor *g = as_4d(grad, &lead, l, last_size(a->value, 1)), *lse = op_saved(c, 0);
    tsr_tensor *mask = a->mask ? as_4d(additive(a->mask, (tsr_dtype)a->query->dtype), &lead, l, s) : NULL;
    if (!g || !lse || (a->mask && !mask)) return;
    ag = array_of(g), al = array_of(lse);
    if (mask) am = array_of(mask);
    attention_params p = {.scale = a->scale, .causal = a->causal};
    count_flops(in[QUERY], in[KEY], a->causal, grad_products(c, a));
    op_backend(grad)->attention_grad(out[0] ? &ao[0] : NULL, out[1] ? &ao[1] : NULL, out[2] ? &ao[2] : NULL, &ag, &al,
                                     &ai[0], &ai[1], &ai[2], mask ? &am : NULL, &p);
}

void op_attention_grad(op_ctx *c, const tsr_attention_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (record_grad_mode() || op_needs(c, MASK)) grad_by_operators(c, a, grad[0], grad_in);
    else grad_by_kernel(c, a, grad[0], grad_in);
}
