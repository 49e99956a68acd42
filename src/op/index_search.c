/* index_search.c: searching in sorted values, and counting. Values are compared as f64 when one side is floating, as i64
   otherwise, both exact for the dtypes they stand for; NaN is larger than everything. */
#include "op/index.h"
#include "op_gen.h"

#include <math.h>
#include <string.h>

/* ---- binary search ------------------------------------------------------------------------------------------------ */

/* A sorted run of f64 or i64 values: one of the two is NULL. */
typedef struct keys {
    const double *f;
    const int64_t *i;
} keys;

static bool less_f64(double a, double b) { return a < b || (isnan(b) && !isnan(a)); }

/* The first position whose key is not below value k of v; with `right`, above it. */
static int64_t find(keys sorted, int64_t n, keys v, int64_t k, bool right)
{
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t m = low + (high - low) / 2;
        bool before = sorted.f ? (right ? !less_f64(v.f[k], sorted.f[m]) : less_f64(sorted.f[m], v.f[k]))
                               : (right ? v.i[k] >= sorted.i[m] : sorted.i[m] < v.i[k]);
        if (before) low = m + 1;
        else high = m;
    }
    return low;
}

static tsr_dtype key_dtype(const tsr_tensor *a, const tsr_tensor *b)
{
    bool floating = tsr_dtype_is_floating((tsr_dtype)a->dtype) || tsr_dtype_is_floating((tsr_dtype)b->dtype);
    return floating ? TSR_F64 : TSR_I64;
}

/* t's values as contiguous keys; both pointers NULL on an error. */
static keys keys_of(tsr_tensor *t, tsr_dtype dtype)
{
    const void *data = tsr_const_data(op_as_contiguous(op_cast(t, dtype)));
    return dtype == TSR_F64 ? (keys){data, NULL} : (keys){NULL, data};
}

static bool has_keys(keys k) { return k.f || k.i; }

static keys keys_from(keys k, int64_t at) { return k.f ? (keys){k.f + at, NULL} : (keys){NULL, k.i + at}; }

/* ---- searchsorted ------------------------------------------------------------------------------------------------- */

static bool check_sequence(const op_ctx *c, const tsr_tensor *sequence, const tsr_tensor *input)
{
    bool ok = sequence->ndim == 1 || (sequence->ndim > 0 && sequence->ndim == input->ndim);
    for (int d = 0; ok && sequence->ndim > 1 && d < input->ndim - 1; d++) ok = sequence->shape[d] == input->shape[d];
    if (!ok)
        op_fail(c, "the sorted sequence %s must be 1-d, or agree with input %s in all but the last dimension",
                tensor_shape_text(sequence), tensor_shape_text(input));
    return ok;
}

static tsr_tensor *searched(const op_ctx *c, tsr_tensor *sequence, tsr_tensor *input, bool right, bool i32)
{
    tsr_dtype dtype = key_dtype(sequence, input);
    tsr_shape shape = op_shape(input);
    if (!check_sequence(c, sequence, input)) return NULL;
    keys sorted = keys_of(sequence, dtype), values = keys_of(input, dtype);
    tsr_tensor *out = region_empty(TSR_I64, &shape, input);
    int64_t *to = tsr_data(out);
    if (!to || !has_keys(sorted) || !has_keys(values)) return NULL;
    int64_t n = sequence->shape[sequence->ndim - 1], row = input->ndim ? input->shape[input->ndim - 1] : 1;
    for (int64_t i = 0; i < tensor_numel(input); i++) {
        int64_t at = sequence->ndim > 1 ? i / row * n : 0;
        to[i] = find(keys_from(sorted, at), n, values, i, right);
    }
    return i32 ? op_cast(out, TSR_I32) : out;
}

static bool read_side(const op_ctx *c, const char *side, bool right, bool *result)
{
    *result = right;
    if (!side) return true;
    *result = strcmp(side, "right") == 0;
    if (*result || !right) return true;
    op_fail(c, "side is \"left\" while right is true");
    return false;
}

/* The sequence in the order that sorts it. */
static tsr_tensor *in_order(const op_ctx *c, tsr_tensor *sequence, tsr_tensor *sorter)
{
    tsr_shape a = op_shape(sequence), b = op_shape(sorter);
    if (sorter->dtype != TSR_I64 || !region_same_shape(&a, &b))
        return op_fail(c, "sorter must be i64 and have the sequence's shape %s, not %s %s", shape_text(&a),
                       tsr_dtype_name((tsr_dtype)sorter->dtype), shape_text(&b));
    return tsr_gather(sequence, -1, sorter);
}

tsr_tensor *op_searchsorted(op_ctx *c, const tsr_searchsorted_args *a)
{
    bool right;
    if (!read_side(c, a->side, a->right, &right)) return NULL;
    tsr_tensor *sequence = a->sorter ? in_order(c, a->sorted_sequence, a->sorter) : a->sorted_sequence;
    return sequence ? searched(c, sequence, a->input, right, a->out_int32) : NULL;
}

tsr_tensor *op_bucketize(op_ctx *c, const tsr_bucketize_args *a)
{
    if (a->boundaries->ndim != 1) return op_fail(c, "boundaries must be 1-d, not %s", tensor_shape_text(a->boundaries));
    return searched(c, a->boundaries, a->input, a->right, a->out_int32);
}

/* ---- isin --------------------------------------------------------------------------------------------------------- */

static tsr_tensor *sorted_copy(tsr_tensor *t)
{
    tsr_shape shape = op_shape(t);
    tsr_tensor *values = region_empty((tsr_dtype)t->dtype, &shape, t), *index = region_empty(TSR_I64, &shape, t);
    if (!values || !index) return NULL;
    array v = array_of(values), i = array_of(index), in = array_of(t);
    return op_backend(t)->sort(&v, &i, &in, 0, false) ? values : NULL;
}

static bool is_key(keys sorted, int64_t n, keys v, int64_t k)
{
    int64_t at = find(sorted, n, v, k, false);
    return at < n && (sorted.f ? sorted.f[at] == v.f[k] : sorted.i[at] == v.i[k]);
}

tsr_tensor *op_isin(op_ctx *c, const tsr_isin_args *a)
{
    (void)c;
    tsr_dtype dtype = key_dtype(a->elements, a->test_elements);
    tsr_tensor *flat = region_flat(a->test_elements), *test = flat ? sorted_copy(flat) : NULL;
    if (!test) return NULL;
    keys sorted = keys_of(test, dtype), values = keys_of(a->elements, dtype);
    tsr_shape shape = op_shape(a->elements);
    tsr_tensor *out = region_empty(TSR_BOOL, &shape, a->elements);
    bool *to = tsr_data(out);
    if (!to || !has_keys(sorted) || !has_keys(values)) return NULL;
    for (int64_t i = 0; i < tensor_numel(out); i++) to[i] = is_key(sorted, test->shape[0], values, i) != a->invert;
    return out;
}

/* ---- bincount ----------------------------------------------------------------------------------------------------- */

/* What each place counts: its weight, or 1. */
static tsr_tensor *counted(const op_ctx *c, const tsr_bincount_args *a)
{
    tsr_shape shape = op_shape(a->input);
    if (!a->weights) return op_as_expanded(index_value(TSR_INT(1), TSR_I64), &shape);
    tsr_shape own = op_shape(a->weights);
    if (!region_same_shape(&own, &shape))
        return op_fail(c, "weights %s must have input's shape %s", shape_text(&own), shape_text(&shape));
    return op_cast(a->weights, op_is_float(a->weights) ? (tsr_dtype)a->weights->dtype : TSR_F64);
}

tsr_tensor *op_bincount(op_ctx *c, const tsr_bincount_args *a)
{
    int64_t low, high;
    if (a->input->ndim != 1 || tsr_dtype_is_floating((tsr_dtype)a->input->dtype) || a->input->dtype == TSR_BOOL)
        return op_fail(c, "input must be 1-d integers, not %s %s", tsr_dtype_name((tsr_dtype)a->input->dtype),
                       tensor_shape_text(a->input));
    if (a->minlength < 0) return op_fail(c, "minlength must be non-negative, not %lld", (long long)a->minlength);
    tsr_tensor *index = op_cast(a->input, TSR_I64), *weights = counted(c, a);
    if (!index || !weights) return NULL;
    array i = array_of(index), w = array_of(weights);
    if (!op_backend(index)->index_range(&i, &low, &high)) return NULL;
    if (low < 0) return op_fail(c, "input must not hold negative values, but it holds %lld", (long long)low);
    int64_t size = tsr_max_i64(high + 1, a->minlength);
    tsr_tensor *out = region_zeros((tsr_dtype)weights->dtype, &TSR_SHAPE(size), a->input);
    if (!out) return NULL;
    array o = array_of(out);
    return op_backend(out)->index_add(&o, &w, &i, 0, 1) ? out : NULL;
}
