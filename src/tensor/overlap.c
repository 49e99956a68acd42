/* overlap.c: does writing to a tensor touch an element twice, or an element that is also read?

   A tensor overlaps itself when two different indices give one address: sum_d stride[d] * k[d] = 0 has a solution with
   |k[d]| < shape[d], not all zero. Dense tensors never do, a dimension of stride 0 always does; in between we search.
   Dimensions are sorted by stride; if each stride exceeds the reach of all smaller ones, no solution exists (the common
   case, O(n)). Otherwise a bounded depth-first search over the differences decides, largest stride first, cutting where
   the remaining dimensions cannot bring the sum back to 0. It gives up after a fixed number of steps.

   Two tensors share an element when indices into each give the same address. Counting b's indices from their ends makes
   that one sum of strides times bounded counts which must hit a target, and dimensions of equal strides become one. */
#include <string.h>

#include "base/util.h"
#include "tensor/tensor_impl.h"

enum { SEARCH_LIMIT = 200000 };

typedef struct search {
    int n;
    int64_t stride[TSR_MAX_DIMS], span[TSR_MAX_DIMS]; /* span: size - 1; sorted by stride, largest first */
    int64_t reach[TSR_MAX_DIMS + 1];                  /* reach[i] = sum of stride * span from i on */
    int steps;
} search;

static void search_init(search *s, const tsr_tensor *t)
{
    memset(s, 0, sizeof *s);
    for (int d = 0; d < t->ndim; d++) {
        if (t->shape[d] == 1) continue;
        int at = s->n++;
        for (; at > 0 && s->stride[at - 1] < t->stride[d]; at--) {
            s->stride[at] = s->stride[at - 1];
            s->span[at] = s->span[at - 1];
        }
        s->stride[at] = t->stride[d];
        s->span[at] = t->shape[d] - 1;
    }
    for (int i = s->n - 1; i >= 0; i--) s->reach[i] = s->reach[i + 1] + s->stride[i] * s->span[i];
}

/* Is there k[i..] with sum stride * k = -sum, not all zero unless `nonzero` already? 1 yes, 0 no, -1 gave up. The depth
   is at most 8. */
static int search_from(search *s, int i, int64_t sum, bool nonzero)
{
    if (++s->steps > SEARCH_LIMIT) return -1;
    if (i == s->n) return sum == 0 && nonzero;
    if (sum > s->reach[i] || sum < -s->reach[i]) return 0;
    /* by symmetry the first nonzero difference can be taken positive */
    int64_t low = nonzero ? -s->span[i] : 0;
    for (int64_t k = low; k <= s->span[i]; k++) {
        int64_t next = sum + k * s->stride[i];
        if (next > s->reach[i + 1]) break;
        if (next < -s->reach[i + 1]) continue;
        int found = search_from(s, i + 1, next, nonzero || k != 0);
        if (found != 0) return found;
    }
    return 0;
}

overlap tensor_internal_overlap(const tsr_tensor *t)
{
    search s;
    if (tensor_numel(t) <= 1) return OVERLAP_NO;
    search_init(&s, t);
    bool clear = true;
    for (int i = 0; i < s.n; i++) {
        if (s.stride[i] == 0) return OVERLAP_YES;
        clear = clear && s.stride[i] > s.reach[i + 1];
    }
    if (clear) return OVERLAP_NO;
    int found = search_from(&s, 0, 0, false);
    return found < 0 ? OVERLAP_TOO_HARD : found ? OVERLAP_YES : OVERLAP_NO;
}

static void byte_range(const tsr_tensor *t, int64_t *low, int64_t *high)
{
    int64_t size = (int64_t)tsr_dtype_size((tsr_dtype)t->dtype), last = t->offset;
    for (int d = 0; d < t->ndim; d++) last += (t->shape[d] - 1) * t->stride[d];
    *low = t->offset * size;
    *high = (last + 1) * size;
}

typedef struct sums {
    int n;
    int64_t stride[2 * TSR_MAX_DIMS], span[2 * TSR_MAX_DIMS]; /* strides distinct, largest first */
    int64_t reach[2 * TSR_MAX_DIMS + 1];
    int steps;
} sums;

static void sums_add(sums *s, int64_t stride, int64_t span)
{
    int at = 0;
    if (stride == 0 || span == 0) return;
    while (at < s->n && s->stride[at] > stride) at++;
    if (at == s->n || s->stride[at] != stride) {
        size_t behind = (size_t)(s->n++ - at) * sizeof *s->stride;
        memmove(s->stride + at + 1, s->stride + at, behind);
        memmove(s->span + at + 1, s->span + at, behind);
        s->stride[at] = stride;
        s->span[at] = 0;
    }
    s->span[at] += span;
}

/* Are there counts k[i..], 0 <= k <= span, whose sum of stride * k is `left`? 1 yes, 0 no, -1 gave up. */
static int sums_hit(sums *s, int i, int64_t left)
{
    if (++s->steps > SEARCH_LIMIT) return -1;
    if (left < 0 || left > s->reach[i]) return 0;
    if (i == s->n) return left == 0;
    int64_t most = tsr_min_i64(left / s->stride[i], s->span[i]);
    for (int64_t k = most; k >= 0 && left - k * s->stride[i] <= s->reach[i + 1]; k--) {
        int found = sums_hit(s, i + 1, left - k * s->stride[i]);
        if (found != 0) return found;
    }
    return 0;
}

/* Do tensors of one dtype and storage have an element in common? As sums_hit says it. */
static int have_common_element(const tsr_tensor *a, const tsr_tensor *b)
{
    sums s = {.n = 0};
    int64_t target = b->offset - a->offset;
    for (int d = 0; d < a->ndim; d++) sums_add(&s, a->stride[d], a->shape[d] - 1);
    for (int d = 0; d < b->ndim; d++) {
        sums_add(&s, b->stride[d], b->shape[d] - 1);
        target += b->stride[d] * (b->shape[d] - 1);
    }
    for (int i = s.n - 1; i >= 0; i--) s.reach[i] = s.reach[i + 1] + s.stride[i] * s.span[i];
    return sums_hit(&s, 0, target);
}

static bool same_geometry(const tsr_tensor *a, const tsr_tensor *b)
{
    if (a->ndim != b->ndim || a->offset != b->offset || a->dtype != b->dtype) return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != b->shape[d] || (a->shape[d] != 1 && a->stride[d] != b->stride[d])) return false;
    return true;
}

pair_overlap tensor_pair_overlap(const tsr_tensor *a, const tsr_tensor *b)
{
    int64_t a0, a1, b0, b1;
    if (a == b) return PAIR_FULL;
    if (a->storage != b->storage || tensor_numel(a) == 0 || tensor_numel(b) == 0) return PAIR_NONE;
    if (same_geometry(a, b)) return PAIR_FULL;
    byte_range(a, &a0, &a1);
    byte_range(b, &b0, &b1);
    if (a1 <= b0 || b1 <= a0) return PAIR_NONE;
    if (a0 == b0 && a1 == b1 && shape_is_contiguous(a->ndim, a->shape, a->stride) &&
        shape_is_contiguous(b->ndim, b->shape, b->stride) && a->dtype == b->dtype)
        return PAIR_FULL;
    int common = a->dtype == b->dtype ? have_common_element(a, b) : -1;
    return common < 0 ? PAIR_TOO_HARD : common ? PAIR_PARTIAL : PAIR_NONE;
}

bool tensor_check_written(const tsr_tensor *written)
{
    if (tensor_internal_overlap(written) != OVERLAP_YES) return true;
    tsr_fail(TSR_EINVAL,
             "unsupported operation: more than one element of the written-to tensor refers to a single memory "
             "location. Please clone() the tensor before performing the operation.");
    return false;
}

bool tensor_check_no_partial_overlap(const tsr_tensor *written, const tsr_tensor *input)
{
    if (tensor_pair_overlap(written, input) != PAIR_PARTIAL) return true;
    tsr_fail(TSR_EINVAL,
             "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
             "single memory location. Please clone() the tensor before performing the operation.");
    return false;
}
