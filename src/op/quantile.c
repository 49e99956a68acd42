/* quantile.c: quantiles: sort, then take or mix the two values next to the place q (n - 1). A row with a NaN, which is
   sorted last, gives NaN: its place is moved there. */
#include <math.h>
#include <string.h>

#include "op/pointwise.h"
#include "op/region.h"
#include "op_gen.h"

/* How the values below and above the place are mixed. */
typedef enum mix { MIX_LINEAR, MIX_LOWER, MIX_HIGHER, MIX_MIDPOINT, MIX_NEAREST } mix;

static mix mix_named(const char *name)
{
    static const char *const names[] = {"linear", "lower", "higher", "midpoint", "nearest"};
    mix m = MIX_LINEAR;
    while (m < MIX_NEAREST && strcmp(names[m], name) != 0) m++;
    return m;
}

/* input with the dimension that is reduced as the last; all of it when none is given. */
static tsr_tensor *reduced_last(tsr_tensor *input, bool all, int dim)
{
    if (all || input->ndim == 0) return tsr_reshape(input, TSR_SHAPE(-1));
    return tsr_movedim(input, TSR_DIMS(dim), TSR_DIMS(-1));
}

/* The sorted rows at the places in `at` (of sorted's rank, last size 1, integral floats), or at the end where `bad`. */
static tsr_tensor *take(tsr_tensor *sorted, tsr_tensor *at, tsr_tensor *bad)
{
    int64_t last = sorted->shape[sorted->ndim - 1] - 1;
    tsr_tensor *index = tsr_to(tsr_where(bad, tsr_full_like(at, TSR_FLOAT((double)last)), at), TSR_I64);
    return tsr_gather(sorted, -1, index);
}

/* One quantile of each row: last size 1. q is 0-d; linear interpolation is differentiable by it. */
static tsr_tensor *quantile_of(tsr_tensor *sorted, tsr_tensor *bad, tsr_tensor *q, mix m)
{
    tsr_tensor *like = tsr_narrow(sorted, -1, 0, 1);
    tsr_tensor *place = tsr_expand_as(op_scale(q, (double)(sorted->shape[sorted->ndim - 1] - 1)), like);
    tsr_tensor *fixed = tsr_detach(place), *low = m == MIX_HIGHER    ? tsr_ceil(fixed)
                                                  : m == MIX_NEAREST ? tsr_round(fixed)
                                                                     : tsr_floor(fixed);
    tsr_tensor *below = take(sorted, low, bad);
    if (m != MIX_LINEAR && m != MIX_MIDPOINT) return below;
    tsr_tensor *above = take(sorted, tsr_ceil(fixed), bad);
    return tsr_lerp(below, above, m == MIX_LINEAR ? tsr_sub(place, low) : tsr_full_like(like, TSR_FLOAT(0.5)));
}

typedef struct call {
    tsr_tensor *input;
    bool all, keepdim;
    int dim;
    mix mix;
    tsr_tensor *sorted, *bad; /* rows in order, for all quantiles; whether a row ends in a NaN */
} call;

static bool sort_rows(call *k)
{
    k->sorted = tsr_sort(reduced_last(k->input, k->all, k->dim), TSR_INT(-1)).values;
    if (!k->sorted) return false;
    k->bad = tsr_isnan(tsr_narrow(k->sorted, -1, k->sorted->shape[k->sorted->ndim - 1] - 1, 1));
    return k->bad != NULL;
}

static bool read_call(const op_ctx *c, tsr_tensor *input, tsr_number dim, bool keepdim, const char *interpolation,
                      call *k)
{
    *k = (call){.input = input, .all = !op_has(dim), .keepdim = keepdim, .mix = mix_named(interpolation)};
    if (!k->all && !op_wrap_dim(c, op_i64(dim), input->ndim, &k->dim)) return false;
    if (op_is_float(input) && tensor_numel(input) > 0) return sort_rows(k);
    op_fail(c, "input must be f32 or f64 and not empty, not %s %s", tsr_dtype_name((tsr_dtype)input->dtype),
            tensor_shape_text(input));
    return false;
}

/* The shape of one quantile. */
static tsr_shape result_shape(const call *k)
{
    tsr_shape in = op_shape(k->input), out = {0};
    for (int d = 0; d < in.n; d++) {
        bool reduced = k->all || d == k->dim;
        if (!reduced || k->keepdim) out.v[out.n++] = reduced ? 1 : in.v[d];
    }
    return out;
}

static tsr_tensor *one_quantile(const op_ctx *c, const call *k, tsr_tensor *q)
{
    double value = q ? tsr_item(q) : NAN;
    if (!(value >= 0 && value <= 1)) return op_fail(c, "q must lie between 0 and 1, but is %g", value);
    return tsr_reshape(quantile_of(k->sorted, k->bad, q, k->mix), result_shape(k));
}

/* [0, ...]: none of the medians. */
static tsr_tensor *no_quantile(const op_ctx *c, const call *k)
{
    tsr_tensor *median = one_quantile(c, k, tsr_full(TSR_SCALAR_SHAPE, TSR_FLOAT(0.5), (tsr_dtype)k->input->dtype));
    return tsr_narrow(tsr_unsqueeze(median, 0), 0, 0, 0);
}

tsr_tensor *op_quantile(op_ctx *c, const tsr_quantile_args *a)
{
    call k;
    if (!read_call(c, a->input, a->dim, a->keepdim, a->interpolation, &k)) return NULL;
    return one_quantile(c, &k, tsr_full(TSR_SCALAR_SHAPE, TSR_FLOAT(a->q), .dtype = (tsr_dtype)a->input->dtype));
}

tsr_tensor *op_quantile_tensor(op_ctx *c, const tsr_quantile_tensor_args *a)
{
    call k;
    int64_t n = tensor_numel(a->q);
    if (!read_call(c, a->input, a->dim, a->keepdim, a->interpolation, &k)) return NULL;
    if (a->q->ndim > 1 || a->q->dtype != a->input->dtype)
        return op_fail(c, "q must be 0-d or 1-d and of input's dtype %s, not %s %s",
                       tsr_dtype_name((tsr_dtype)a->input->dtype), tsr_dtype_name((tsr_dtype)a->q->dtype),
                       tensor_shape_text(a->q));
    if (n == 0) return no_quantile(c, &k);
    tsr_tensor **each = tsr_alloc_zeroed((size_t)n, sizeof *each), *flat = tsr_reshape(a->q, TSR_SHAPE(n)), *out = NULL;
    for (int64_t i = 0; each && flat && i < n; i++)
        if (!(each[i] = one_quantile(c, &k, tsr_select(flat, 0, i)))) break;
    if (each && flat && each[n - 1]) out = a->q->ndim == 0 ? each[0] : tsr_stack((tsr_tensors){each, n});
    tsr_free(each);
    return out;
}
