/* ref_pad.c: padding and cropping, any dtype, any number of dimensions.

   Each mode maps an output coordinate to the input coordinate it shows, dimension by dimension: beyond the edges a
   constant shows nothing, reflect mirrors without repeating the edge, replicate repeats it, circular wraps around. The
   gradient adds up through the same map. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"

/* Which of `size` input coordinates the output coordinate `o` shows; -1: none. */
static int64_t source(int64_t o, int64_t before, int64_t size, pad_mode mode)
{
    int64_t i = o - before;
    if (i >= 0 && i < size) return i;
    switch (mode) {
    case PAD_CONSTANT:
        return -1;
    case PAD_REFLECT:
        return i < 0 ? -i : 2 * (size - 1) - i;
    case PAD_REPLICATE:
        return i < 0 ? 0 : size - 1;
    default:
        return (i % size + size) % size;
    }
}

/* Offset in x of what the output's row-major position `flat` shows; -1: nothing. */
static int64_t source_offset(const array *out, const array *x, const int64_t *before, pad_mode mode, int64_t flat)
{
    int64_t at = 0;
    for (int d = out->ndim - 1; d >= 0; d--) {
        int64_t i = source(flat % out->shape[d], before[d], x->shape[d], mode);
        if (i < 0) return -1;
        at += i * x->stride[d];
        flat /= out->shape[d];
    }
    return at;
}

static bool pad(const array *out, const array *x, const int64_t *before, pad_mode mode, double value)
{
    int64_t count = ref_count_from(out, 0);
    for (int64_t i = 0; i < count; i++) {
        int64_t from = source_offset(out, x, before, mode, i), to = ref_offset_from(out, 0, i);
        if (from >= 0) ref_move(out, to, x, from);
        else ref_set_f64(out, to, value);
    }
    return true;
}

static bool pad_grad(const array *grad_x, const array *grad, const int64_t *before, pad_mode mode)
{
    if (!ref_is_float("pad_grad", grad_x)) return false;
    int64_t count = ref_count_from(grad, 0);
    ref_zero(grad_x);
    for (int64_t i = 0; i < count; i++) {
        int64_t to = source_offset(grad, grad_x, before, mode, i);
        if (to >= 0) ref_set_f64(grad_x, to, ref_get_f64(grad_x, to) + ref_get_f64(grad, ref_offset_from(grad, 0, i)));
    }
    return true;
}

void ref_pad_fill(backend *b)
{
    b->pad = pad;
    b->pad_grad = pad_grad;
}
