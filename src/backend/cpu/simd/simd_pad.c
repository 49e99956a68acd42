/* simd_pad.c: constant padding, cropping and their gradient, any dtype and layout, by copying and filling boxes.

   The input lands in a box of the output; what is left is, dimension by dimension, a slab before and one after the box.
   Other modes are the reference's. */
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/stage.h"
#include "base/util.h"

static backend below;

/* The part of a with coordinates [first, first + size) in dimension d. */
static array slab(const array *a, int d, int64_t first, int64_t size)
{
    array s = *a;
    s.data = (char *)a->data + first * a->stride[d] * (int64_t)tsr_dtype_size((tsr_dtype)a->dtype);
    s.shape[d] = size;
    return s;
}

static bool fill(const array *a, double value)
{
    return array_numel(a) == 0 || backend_of(TSR_CPU)->fill(a, value, tsr_i64_of_f64(value));
}

/* Copy the common box of `to` and `from` (which begins at `before` in `to`), and fill the rest of `to`. */
static bool copy_box(const array *to, const array *from, const int64_t *before, double value)
{
    array box = *to, source = *from;
    for (int d = 0; d < to->ndim; d++) {
        int64_t first = tsr_max_i64(before[d], 0), last = tsr_min_i64(before[d] + from->shape[d], to->shape[d]);
        if (last < first) last = first = tsr_min_i64(first, to->shape[d]);
        array low = slab(&box, d, 0, first), high = slab(&box, d, last, to->shape[d] - last);
        if (!fill(&low, value) || !fill(&high, value)) return false;
        box = slab(&box, d, first, last - first);
        source = slab(&source, d, first - before[d], last - first);
    }
    return array_numel(&box) == 0 || backend_of(TSR_CPU)->copy(&box, &source);
}

static bool pad(const array *out, const array *x, const int64_t *before, pad_mode mode, double value)
{
    return mode == PAD_CONSTANT ? copy_box(out, x, before, value) : below.pad(out, x, before, mode, value);
}

/* The gradient crops what was padded, and has zeros where the input was cropped. */
static bool pad_grad(const array *grad_x, const array *grad, const int64_t *before, pad_mode mode)
{
    int64_t after[TSR_MAX_DIMS];
    if (mode != PAD_CONSTANT) return below.pad_grad(grad_x, grad, before, mode);
    for (int d = 0; d < grad->ndim; d++) after[d] = -before[d];
    return copy_box(grad_x, grad, after, 0);
}

void TIER(simd_pad_fill)(backend *b)
{
    if (b->pad != pad) below = *b;
    b->pad = pad;
    b->pad_grad = pad_grad;
}
