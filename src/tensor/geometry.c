/* geometry.c: arithmetic on shapes and strides, without tensors' memory.

   Sizes of 1 have no stride worth looking at and empty tensors are always contiguous, as in PyTorch; every test of
   layout here skips them. */
#include <stdio.h>
#include <string.h>

#include "base/thread_room.h"
#include "base/util.h"
#include "tensor/tensor_impl.h"

int shape_wrap_dim(const char *op, int64_t dim, int ndim)
{
    int64_t range = ndim > 0 ? ndim : 1;
    if (dim < -range || dim >= range) {
        tsr_fail(TSR_EINVAL, "%s: Dimension out of range (expected to be in range of [%lld, %lld], but got %lld)", op,
                 (long long)-range, (long long)(range - 1), (long long)dim);
        return -1;
    }
    return (int)(dim < 0 ? dim + range : dim);
}

void shape_contiguous_strides(int ndim, const int64_t *shape, int64_t *stride)
{
    int64_t step = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        stride[d] = step;
        step = shape_mul(step, tsr_max_i64(shape[d], 1)); /* empty tensors may have other sizes of any size */
    }
}

void shape_channels_last_strides(int ndim, const int64_t *shape, int64_t *stride)
{
    stride[1] = 1;
    int64_t step = tsr_max_i64(shape[1], 1);
    for (int d = ndim - 1; d >= 2; d--) {
        stride[d] = step;
        step = shape_mul(step, tsr_max_i64(shape[d], 1));
    }
    stride[0] = step;
}

static bool is_empty(int ndim, const int64_t *shape)
{
    for (int d = 0; d < ndim; d++)
        if (shape[d] == 0) return true;
    return false;
}

/* True when `stride` equals `want` wherever a stride matters. */
static bool strides_agree(int ndim, const int64_t *shape, const int64_t *stride, const int64_t *want)
{
    for (int d = 0; d < ndim; d++)
        if (shape[d] != 1 && stride[d] != want[d]) return false;
    return true;
}

bool shape_is_contiguous(int ndim, const int64_t *shape, const int64_t *stride)
{
    int64_t step = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        if (shape[d] == 1) continue;
        if (stride[d] != step) return is_empty(ndim, shape);
        step = shape_mul(step, tsr_max_i64(shape[d], 1));
    }
    return true;
}

bool shape_is_channels_last(int ndim, const int64_t *shape, const int64_t *stride)
{
    int64_t want[TSR_MAX_DIMS];
    if (ndim != 4 || is_empty(ndim, shape)) return false;
    shape_channels_last_strides(ndim, shape, want);
    return strides_agree(ndim, shape, stride, want);
}

bool shape_is_dense(int ndim, const int64_t *shape, const int64_t *stride)
{
    int order[TSR_MAX_DIMS], n = 0;
    if (is_empty(ndim, shape)) return true;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] == 1) continue;
        int at = n++;
        for (; at > 0 && stride[order[at - 1]] > stride[d]; at--) order[at] = order[at - 1];
        order[at] = d;
    }
    int64_t step = 1;
    for (int i = 0; i < n; i++) {
        if (stride[order[i]] != step) return false;
        step *= shape[order[i]];
    }
    return true;
}

int64_t shape_numel(int ndim, const int64_t *shape)
{
    int64_t n = 1;
    bool negative = false, empty = false, large = false;
    for (int d = 0; d < ndim; d++) {
        negative |= shape[d] < 0;
        empty |= shape[d] == 0;
        large |= __builtin_mul_overflow(n, shape[d], &n) || n > INT64_MAX / 16;
    }
    return negative || (large && !empty) ? -1 : empty ? 0 : n;
}

int64_t shape_extent(int ndim, const int64_t *shape, const int64_t *stride)
{
    int64_t last = 0, reach;
    if (is_empty(ndim, shape)) return 0;
    for (int d = 0; d < ndim; d++)
        if (__builtin_mul_overflow(shape[d] - 1, stride[d], &reach) || __builtin_add_overflow(last, reach, &last))
            return -1;
    return last < INT64_MAX ? last + 1 : -1;
}

bool shape_broadcast(const char *op, const tsr_shape *a, const tsr_shape *b, tsr_shape *out)
{
    tsr_shape r = {.n = a->n > b->n ? a->n : b->n};
    for (int i = 1; i <= r.n; i++) {
        int64_t x = i <= a->n ? a->v[a->n - i] : 1, y = i <= b->n ? b->v[b->n - i] : 1;
        if (x != y && x != 1 && y != 1) {
            tsr_fail(TSR_EINVAL,
                     "%s: The size of tensor a (%lld) must match the size of tensor b (%lld) at non-singleton "
                     "dimension %d (shapes %s and %s)",
                     op, (long long)x, (long long)y, r.n - i, shape_text(a), shape_text(b));
            return false;
        }
        r.v[r.n - i] = x == 1 ? y : x;
    }
    *out = r;
    return true;
}

void shape_expand_strides(const tsr_tensor *t, const tsr_shape *to, int64_t *stride)
{
    int lead = to->n - t->ndim;
    for (int d = 0; d < to->n; d++) {
        bool own = d >= lead && t->shape[d - lead] == to->v[d];
        stride[d] = own ? t->stride[d - lead] : 0;
    }
}

/* Walks t's dimensions from the last, gathering runs that lie contiguously in memory, and cuts the new shape's
   dimensions out of each run. */
bool shape_view_strides(const tsr_tensor *t, int ndim, const int64_t *shape, int64_t *stride)
{
    if (is_empty(t->ndim, t->shape) || t->ndim == 0) {
        shape_contiguous_strides(ndim, shape, stride);
        return true;
    }
    int v = ndim - 1;
    int64_t base = t->stride[t->ndim - 1], run = 1, cut = 1;
    for (int d = t->ndim - 1; d >= 0; d--) {
        run *= t->shape[d];
        bool ends = d == 0 || (t->shape[d - 1] != 1 && t->stride[d - 1] != run * base);
        if (!ends) continue;
        while (v >= 0 && (cut < run || shape[v] == 1)) {
            stride[v] = cut * base;
            cut *= shape[v--];
        }
        if (cut != run) return false;
        if (d > 0) base = t->stride[d - 1], run = cut = 1;
    }
    return v == -1;
}

bool shape_infer(const char *op, int64_t numel, tsr_shape *shape)
{
    int hole = -1;
    int64_t known = 1;
    for (int d = 0; d < shape->n; d++) {
        if (shape->v[d] == -1 && hole >= 0) {
            tsr_fail(TSR_EINVAL, "%s: only one dimension can be inferred, shape %s has two -1", op, shape_text(shape));
            return false;
        }
        if (shape->v[d] == -1) hole = d;
        else if (shape->v[d] < 0) {
            tsr_fail(TSR_EINVAL, "%s: invalid shape dimension %lld", op, (long long)shape->v[d]);
            return false;
        } else if (__builtin_mul_overflow(known, shape->v[d], &known)) known = INT64_MAX;
    }
    if (hole >= 0 && known == 0) {
        tsr_fail(TSR_EINVAL,
                 "%s: cannot reshape tensor of %lld elements into shape %s because the unspecified dimension "
                 "size -1 can be any value and is ambiguous",
                 op, (long long)numel, shape_text(shape));
        return false;
    }
    if (hole >= 0 && numel % known == 0) shape->v[hole] = numel / known;
    else if (hole >= 0 || known != numel) {
        tsr_fail(TSR_EINVAL, "%s: shape '%s' is invalid for input of size %lld", op, shape_text(shape),
                 (long long)numel);
        return false;
    }
    return true;
}

/* Messages may name several shapes at once, so the texts rotate through a few buffers. */
const char *shape_text(const tsr_shape *s)
{
    _Static_assert(TSR_SCRATCH_ROOM >= TSR_MAX_DIMS * 21 + 4, "room for the longest shape");
    tsr_thread_room *texts = tsr_get_thread_room();
    if (!texts) return "[...]";
    char *out = texts->scratch[texts->next_scratch++ % TSR_SCRATCH_TEXTS];
    size_t at = 0, room = TSR_SCRATCH_ROOM;
    at += (size_t)snprintf(out + at, room - at, "[");
    for (int d = 0; d < s->n && d < TSR_MAX_DIMS; d++)
        at += (size_t)snprintf(out + at, room - at, d ? ", %lld" : "%lld", (long long)s->v[d]);
    snprintf(out + at, room - at, "]");
    return out;
}

const char *tensor_shape_text(const tsr_tensor *t)
{
    if (!t) return "none";
    tsr_shape s = {.n = t->ndim};
    memcpy(s.v, t->shape, sizeof s.v);
    return shape_text(&s);
}
