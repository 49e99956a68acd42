/* simd_pad.c: padding, cropping and their gradient, any dtype and layout, by copying and filling boxes.

   The input lands in a box of the output; what is left is, dimension by dimension, a slab before and one after the box.
   A constant fills the slabs. The other modes copy each coordinate of a slab from the one in the box that it shows, the
   innermost dimension first, so that the slabs of the next hold corners, too; their gradient goes the other way, and
   adds. Modes other than the constant that also crop are the reference's. */
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
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

/* ---- reflect, replicate, circular ------------------------------------------------------------------------------ */

/* The coordinate in a box of `size`, which begins at `before`, that coordinate o beside it shows. */
static int64_t shown(int64_t o, int64_t before, int64_t size, pad_mode mode)
{
    int64_t i = o - before;
    if (mode == PAD_REPLICATE) return before + (i < 0 ? 0 : size - 1);
    if (mode == PAD_REFLECT) return before + (i < 0 ? -i : 2 * (size - 1) - i);
    return before + (i % size + size) % size;
}

/* Coordinate `to` of the dimension becomes, or for a gradient gets added, what is at coordinate `from`. */
static bool move_slab(const array *a, int d, int64_t to, int64_t from, bool adds)
{
    static const double one[] = {1};
    array target = slab(a, d, to, 1), source = slab(a, d, from, 1);
    const backend *b = backend_of(TSR_CPU);
    return adds ? b->binary(B_ADD, &target, &target, &source, one) : b->copy(&target, &source);
}

/* The slabs of dimension d beside a box of `size`. */
static bool move_slabs(const array *a, int d, int64_t before, int64_t size, pad_mode mode, bool folds)
{
    for (int64_t o = 0; o < a->shape[d]; o++) {
        if (o == before) o += size;
        if (o >= a->shape[d]) break;
        int64_t s = shown(o, before, size, mode);
        if (!(folds ? move_slab(a, d, s, o, true) : move_slab(a, d, o, s, false))) return false;
    }
    return true;
}

/* The part of `a` where a box of x's shape begins at before[d] in dimensions [first, end). */
static array box_of(const array *a, const array *x, const int64_t *before, int first, int end)
{
    array box = *a;
    for (int d = first; d < end; d++) box = slab(&box, d, before[d], x->shape[d]);
    return box;
}

static bool pad_mirrored(const array *out, const array *x, const int64_t *before, pad_mode mode)
{
    array box = box_of(out, x, before, 0, out->ndim);
    bool ok = backend_of(TSR_CPU)->copy(&box, x);
    for (int d = out->ndim - 1; d >= 0 && ok; d--) {
        array rows = box_of(out, x, before, 0, d);
        ok = move_slabs(&rows, d, before[d], x->shape[d], mode, false);
    }
    return ok;
}

static bool fold_mirrored(const array *grad_x, const array *grad, const int64_t *before, pad_mode mode)
{
    array sum;
    bool ok = stage_room(&sum, grad, (tsr_dtype)grad->dtype, 0) && backend_of(TSR_CPU)->copy(&sum, grad);
    for (int d = 0; d < grad->ndim && ok; d++) {
        array rows = box_of(&sum, grad_x, before, 0, d);
        ok = move_slabs(&rows, d, before[d], grad_x->shape[d], mode, true);
    }
    array box = box_of(&sum, grad_x, before, 0, ok ? grad->ndim : 0);
    ok = ok && backend_of(TSR_CPU)->copy(grad_x, &box);
    tsr_free(sum.data);
    return ok;
}

/* Is x whole inside the padded array? */
static bool only_pads(const array *padded, const array *x, const int64_t *before)
{
    for (int d = 0; d < x->ndim; d++)
        if (before[d] < 0 || before[d] + x->shape[d] > padded->shape[d]) return false;
    return true;
}

static bool pad(const array *out, const array *x, const int64_t *before, pad_mode mode, double value)
{
    if (mode == PAD_CONSTANT) return copy_box(out, x, before, value);
    return only_pads(out, x, before) ? pad_mirrored(out, x, before, mode) : below.pad(out, x, before, mode, value);
}

/* The gradient crops what was padded, and has zeros where the input was cropped. */
static bool pad_grad(const array *grad_x, const array *grad, const int64_t *before, pad_mode mode)
{
    int64_t after[TSR_MAX_DIMS];
    bool real = grad->dtype == TSR_F32 || grad->dtype == TSR_F64;
    if (mode != PAD_CONSTANT && real && only_pads(grad, grad_x, before))
        return fold_mirrored(grad_x, grad, before, mode);
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
