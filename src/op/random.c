/* random.c: random tensors. The kernels turn (seed, block) into numbers; here we take as many blocks from the generator as
   a kernel uses (backend.h), so that the next call starts after them. */
#include "op/pointwise.h"
#include "op_gen.h"

#include <math.h>

/* ---- blocks ---------------------------------------------------------------------------------------------------------- */

static tsr_rng_state take(tsr_generator *g, int64_t elements, int64_t per_block)
{
    return tsr_generator_take(g, (uint64_t)((elements + per_block - 1) / per_block));
}

/* Uniform and normal numbers of f32 come four to a block, others two. */
static tsr_rng_state take_reals(tsr_generator *g, const tsr_tensor *t)
{
    return take(g, tensor_numel(t), t->dtype == TSR_F32 ? 4 : 2);
}

/* ---- fills: NULL passes through -------------------------------------------------------------------------------------- */

static bool floating(const op_ctx *c, tsr_dtype dtype)
{
    if (dtype == TSR_F32 || dtype == TSR_F64) return true;
    op_fail(c, "random real numbers are f32 or f64, not %s", tsr_dtype_name(dtype));
    return false;
}

static tsr_tensor *fill_uniform(op_ctx *c, tsr_tensor *t, double low, double high, tsr_generator *g)
{
    if (!t || !floating(c, (tsr_dtype)t->dtype)) return NULL;
    array dst = array_of(t);
    return op_backend(t)->random_uniform(&dst, low, high, take_reals(g, t)) ? t : NULL;
}

static tsr_tensor *fill_normal(op_ctx *c, tsr_tensor *t, double mean, double std, tsr_generator *g)
{
    if (!t || !floating(c, (tsr_dtype)t->dtype)) return NULL;
    if (!(std >= 0)) return op_fail(c, "std must not be negative, got %g", std);
    array dst = array_of(t);
    return op_backend(t)->random_normal(&dst, mean, std, take_reals(g, t)) ? t : NULL;
}

/* Whole numbers are drawn as i64 and cast. */
static tsr_tensor *integers(op_ctx *c, tsr_shape size, int64_t low, int64_t high, tsr_dtype dtype, tsr_generator *g)
{
    if (high <= low) return op_fail(c, "high %lld must be above low %lld", (long long)high, (long long)low);
    tsr_tensor *t = tsr_empty(size, TSR_I64);
    if (!t) return NULL;
    array dst = array_of(t);
    bool ok = op_backend(t)->random_integer(&dst, low, high, take(g, tensor_numel(t), 2));
    return ok ? op_cast(t, dtype) : NULL;
}

static tsr_tensor *bernoulli(tsr_tensor *out, tsr_tensor *p, tsr_generator *g)
{
    if (!out || !p) return NULL;
    array dst = array_of(out), probability = array_of(p);
    return op_backend(out)->random_bernoulli(&dst, &probability, take(g, tensor_numel(out), 2)) ? out : NULL;
}

/* One probability for all elements: an array of stride 0. */
static tsr_tensor *bernoulli_of(const op_ctx *c, tsr_tensor *out, double p, tsr_generator *g)
{
    if (!out) return NULL;
    if (!(p >= 0 && p <= 1)) return op_fail(c, "p must lie in [0, 1], got %g", p);
    tsr_shape shape = op_shape(out);
    return bernoulli(out, op_as_expanded(tsr_full(TSR_SCALAR_SHAPE, TSR_FLOAT(p), TSR_F64), &shape), g);
}

/* ---- the operators ----------------------------------------------------------------------------------------------------- */

static tsr_dtype dtype_or(tsr_dtype given, tsr_dtype otherwise) { return given ? given : otherwise; }

tsr_tensor *op_rand(op_ctx *c, const tsr_rand_args *a)
{
    return fill_uniform(c, tsr_empty(a->size, dtype_or(a->dtype, TSR_F32)), 0, 1, a->generator);
}

tsr_tensor *op_randn(op_ctx *c, const tsr_randn_args *a)
{
    return fill_normal(c, tsr_empty(a->size, dtype_or(a->dtype, TSR_F32)), 0, 1, a->generator);
}

tsr_tensor *op_normal(op_ctx *c, const tsr_normal_args *a)
{
    return fill_normal(c, tsr_empty(a->size, dtype_or(a->dtype, TSR_F32)), a->mean, a->std, a->generator);
}

tsr_tensor *op_rand_like(op_ctx *c, const tsr_rand_like_args *a)
{
    return fill_uniform(c, tsr_empty_like(a->input, a->dtype), 0, 1, a->generator);
}

tsr_tensor *op_randn_like(op_ctx *c, const tsr_randn_like_args *a)
{
    return fill_normal(c, tsr_empty_like(a->input, a->dtype), 0, 1, a->generator);
}

tsr_tensor *op_randint(op_ctx *c, const tsr_randint_args *a)
{
    return integers(c, a->size, 0, a->high, dtype_or(a->dtype, TSR_I64), a->generator);
}

tsr_tensor *op_randint_low(op_ctx *c, const tsr_randint_low_args *a)
{
    return integers(c, a->size, a->low, a->high, dtype_or(a->dtype, TSR_I64), a->generator);
}

tsr_tensor *op_randint_like(op_ctx *c, const tsr_randint_like_args *a)
{
    tsr_dtype dtype = dtype_or(a->dtype, (tsr_dtype)a->input->dtype);
    return integers(c, op_shape(a->input), a->low, a->high, dtype, a->generator);
}

tsr_tensor *op_randperm(op_ctx *c, const tsr_randperm_args *a)
{
    if (a->n < 0) return op_fail(c, "n must not be negative, got %lld", (long long)a->n);
    tsr_tensor *t = tsr_empty(TSR_SHAPE(a->n), TSR_I64);
    if (!t) return NULL;
    array dst = array_of(t);
    if (!op_backend(t)->random_permutation(&dst, take(a->generator, a->n, 1))) return NULL;
    return op_cast(t, dtype_or(a->dtype, TSR_I64));
}

tsr_tensor *op_bernoulli(op_ctx *c, const tsr_bernoulli_args *a)
{
    tsr_tensor *p = a->input;
    if (!floating(c, (tsr_dtype)p->dtype)) return NULL;
    tsr_tensor *valid = tsr_logical_and(tsr_ge(p, tsr_scalar(0)), tsr_le(p, tsr_scalar(1)));
    if (!tsr_item_int(tsr_all(valid))) return op_fail(c, "probabilities must lie in [0, 1]");
    return bernoulli(tsr_empty_like(p), p, a->generator);
}

tsr_tensor *op_bernoulli_p(op_ctx *c, const tsr_bernoulli_p_args *a)
{
    return bernoulli_of(c, tsr_empty_like(a->input), a->p, a->generator);
}

/* Can as many as `draws` categories be drawn from each row? */
static bool check_weights(const op_ctx *c, tsr_tensor *p, int64_t draws, bool replacement)
{
    int64_t categories = p->shape[p->ndim - 1];
    if (draws < 1) return op_fail(c, "num_samples must be at least 1, got %lld", (long long)draws), false;
    if (tensor_numel(p) == 0) return op_fail(c, "there are no weights in %s", tensor_shape_text(p)), false;
    tsr_tensor *valid = tsr_logical_and(tsr_isfinite(p), tsr_ge(p, tsr_scalar(0)));
    if (!tsr_item_int(tsr_all(valid))) return op_fail(c, "weights must be finite and not negative"), false;
    int64_t least = tsr_item_int(tsr_amin(tsr_sum(tsr_ne(p, tsr_scalar(0)), TSR_DIMS(-1))));
    int64_t wanted = replacement ? 1 : draws;
    if (least >= wanted) return true;
    op_fail(c, "a row of %s has %lld of %lld weights that are not 0, too few to draw %lld%s", tensor_shape_text(p),
            (long long)least, (long long)categories, (long long)draws, replacement ? "" : " without replacement");
    return false;
}

tsr_tensor *op_multinomial(op_ctx *c, const tsr_multinomial_args *a)
{
    tsr_tensor *p = a->input;
    if (!floating(c, (tsr_dtype)p->dtype)) return NULL;
    if (p->ndim != 1 && p->ndim != 2) return op_fail(c, "weights must be 1-d or 2-d, got %s", tensor_shape_text(p));
    if (!check_weights(c, p, a->num_samples, a->replacement)) return NULL;
    bool single = p->ndim == 1;
    tsr_tensor *rows = single ? tsr_unsqueeze(p, 0) : p;
    tsr_tensor *out = rows ? tsr_empty(TSR_SHAPE(rows->shape[0], a->num_samples), TSR_I64) : NULL;
    if (!out) return NULL;
    int64_t blocks = rows->shape[0] * (a->replacement ? a->num_samples : rows->shape[1]);
    array dst = array_of(out), weights = array_of(rows);
    if (!op_backend(p)->multinomial(&dst, &weights, a->replacement, take(a->generator, blocks, 1))) return NULL;
    return single ? tsr_reshape(out, TSR_SHAPE(-1)) : out;
}

/* ---- in place: what was there gets no gradient ---------------------------------------------------------------------------- */

#define NO_DERIVATIVE(name)                                                                                            \
    void op_##name##_grad(op_ctx *c, const tsr_##name##_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)        \
    {                                                                                                                  \
        (void)c, (void)a, (void)grad, (void)grad_in;                                                                   \
    }

tsr_tensor *op_uniform_(op_ctx *c, const tsr_uniform__args *a)
{
    if (!(a->to >= a->from)) return op_fail(c, "to %g must not be below from %g", a->to, a->from);
    return fill_uniform(c, a->input, a->from, a->to, a->generator);
}

NO_DERIVATIVE(uniform_)

tsr_tensor *op_normal_(op_ctx *c, const tsr_normal__args *a)
{
    return fill_normal(c, a->input, a->mean, a->std, a->generator);
}

NO_DERIVATIVE(normal_)

tsr_tensor *op_bernoulli_(op_ctx *c, const tsr_bernoulli__args *a)
{
    return bernoulli_of(c, a->input, a->p, a->generator);
}

NO_DERIVATIVE(bernoulli_)

/* ---- dropout -------------------------------------------------------------------------------------------------------------- */

/* input where a number drawn into `draw`, which broadcasts to input, is below the chance to stay. The derivative keeps one
   byte for each. */
static tsr_tensor *dropped(op_ctx *c, tsr_tensor *x, tsr_tensor *draw, double p, tsr_generator *g)
{
    if (!floating(c, (tsr_dtype)x->dtype)) return NULL;
    if (!(p >= 0 && p <= 1)) return op_fail(c, "p must lie in [0, 1], got %g", p);
    tsr_tensor *stays = tsr_lt(fill_uniform(c, draw, 0, 1, g), tsr_scalar(1 - p));
    return op_masked(stays, p < 1 ? op_scale(x, 1 / (1 - p)) : x);
}

tsr_tensor *op_dropout(op_ctx *c, const tsr_dropout_args *a)
{
    if (!op_flag(a->training)) return a->input;
    return dropped(c, a->input, tsr_empty_like(a->input), a->p, a->generator);
}

tsr_tensor *op_dropout2d(op_ctx *c, const tsr_dropout2d_args *a)
{
    tsr_shape shape = op_shape(a->input);
    if (shape.n < 2) return op_fail(c, "needs [N, C, ...], got %s", shape_text(&shape));
    if (!op_flag(a->training)) return a->input;
    for (int d = 2; d < shape.n; d++) shape.v[d] = 1;
    return dropped(c, a->input, tsr_empty(shape, (tsr_dtype)a->input->dtype), a->p, a->generator);
}
