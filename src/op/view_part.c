/* view_part.c: views of parts of a tensor, and lists of such views.

   A part is the input's storage with another offset and strides. Its derivative puts the gradient back over zeros: one
   internal operator, strided_move, does that for all regular parts, and its own derivative is itself with the two
   geometries exchanged. */
#include "op/region.h"
#include "op_gen.h"

#include <string.h>

/* ---- the derivative of a part --------------------------------------------------------------------------------------- */

/* One past the last element that a geometry touches; 0 when it has no elements, INT64_MAX when it cannot be counted. */
static int64_t end_of(const tsr_shape *size, const tsr_shape *stride, int64_t offset)
{
    int64_t n = shape_extent(size->n, size->v, stride->v), end;
    if (n == 0) return 0;
    return n < 0 || __builtin_add_overflow(offset, n, &end) ? INT64_MAX : end;
}

/* The position of each element of `size` in row-major order, i64. */
static tsr_tensor *positions(const tsr_shape *size, const tsr_shape *stride, int64_t offset)
{
    int64_t n = shape_numel(size->n, size->v), at[TSR_MAX_DIMS] = {0};
    tsr_tensor *t = tensor_empty(TSR_I64, 1, &n, TSR_CPU);
    int64_t *out = tsr_data(t);
    if (!out) return NULL;
    for (int64_t i = 0; i < n; i++) {
        out[i] = offset;
        for (int d = size->n - 1; d >= 0; d--) {
            offset += stride->v[d];
            if (++at[d] < size->v[d]) break;
            offset -= stride->v[d] * size->v[d];
            at[d] = 0;
        }
    }
    return t;
}

static bool add_at_positions(tsr_tensor *buffer, tsr_tensor *values, const tsr_shape *stride, int64_t offset)
{
    tsr_shape size = op_shape(values);
    tsr_tensor *index = positions(&size, stride, offset), *flat = region_flat(values);
    if (!index || !flat) return false;
    array out = array_of(buffer), src = array_of(flat), at = array_of(index);
    return op_backend(buffer)->index_add(&out, &src, &at, 0, 1);
}

/* Put values into the 1-d buffer of zeros; elements that coincide add up. */
static bool lay_out(tsr_tensor *buffer, tsr_tensor *values, const tsr_shape *stride, int64_t offset)
{
    tsr_tensor *place = tensor_wrap(buffer->storage, (tsr_dtype)buffer->dtype, values->ndim, values->shape, stride->v,
                                    offset);
    if (!place) return false;
    if (tensor_internal_overlap(place) == OVERLAP_NO) return op_copy(place, values);
    return add_at_positions(buffer, values, stride, offset);
}

tsr_tensor *op_strided_move(op_ctx *c, const tsr_strided_move_args *a)
{
    (void)c;
    tsr_shape size = op_shape(a->input);
    bool dense = a->out_offset == 0 && shape_is_contiguous(a->out_size.n, a->out_size.v, a->out_stride.v);
    int64_t n = tsr_max_i64(end_of(&size, &a->stride, a->offset), end_of(&a->out_size, &a->out_stride, a->out_offset));
    tsr_tensor *buffer = region_zeros((tsr_dtype)a->input->dtype, &TSR_SHAPE(n), a->input);
    if (!buffer || !lay_out(buffer, a->input, &a->stride, a->offset)) return NULL;
    if (dense && n == shape_numel(a->out_size.n, a->out_size.v)) return region_reshape(buffer, &a->out_size);
    return region_copy(tensor_wrap(buffer->storage, (tsr_dtype)buffer->dtype, a->out_size.n, a->out_size.v,
                                   a->out_stride.v, a->out_offset));
}

void op_strided_move_grad(op_ctx *c, const tsr_strided_move_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = tsr_strided_move(grad[0], a->out_stride, a->out_offset, op_input_meta(c, 0).shape, a->stride,
                                  a->offset);
}

/* The gradient of an input, taken as contiguous, of which a part was viewed; `part` has its shape and strides. */
static tsr_tensor *part_backward(op_ctx *c, tsr_tensor *grad, const tsr_shape *stride, int64_t offset)
{
    tsr_shape shape = op_input_meta(c, 0).shape, whole = {.n = shape.n};
    shape_contiguous_strides(shape.n, shape.v, whole.v);
    return tsr_strided_move(grad, *stride, offset, shape, whole, 0);
}

/* Strides of a contiguous tensor with the input's shape. */
static tsr_shape input_strides(const op_ctx *c, tsr_shape *shape)
{
    *shape = op_input_meta(c, 0).shape;
    tsr_shape stride = {.n = shape->n};
    shape_contiguous_strides(shape->n, shape->v, stride.v);
    return stride;
}

/* ---- slices ---------------------------------------------------------------------------------------------------------- */

typedef struct run {
    int dim;
    int64_t start, length;
} run;

/* Python's rules: negative counts from the end, out of range is cut. */
static int64_t slice_bound(tsr_number n, int64_t absent, int64_t size)
{
    if (!op_has(n)) return absent;
    int64_t i = op_i64(n);
    if (i < 0) i += size;
    return i < 0 ? 0 : tsr_min_i64(i, size);
}

/* The stride of every step-th element. Where that cannot be counted there is one element at most, and it matters not. */
static int64_t stepped(int64_t stride, int64_t step)
{
    int64_t wide;
    return __builtin_mul_overflow(stride, step, &wide) ? stride : wide;
}

static run slice_run(const tsr_slice_args *a, int dim, int64_t size)
{
    int64_t start = slice_bound(a->start, 0, size), end = slice_bound(a->end, size, size);
    return (run){dim, start, end > start ? (end - start - 1) / a->step + 1 : 0};
}

tsr_tensor *op_slice(op_ctx *c, const tsr_slice_args *a)
{
    int dim;
    tsr_tensor *t = a->input;
    if (t->ndim == 0) return op_fail(c, "a 0-d tensor cannot be sliced");
    if (!op_wrap_dim(c, a->dim, t->ndim, &dim)) return NULL;
    if (a->step < 1) return op_fail(c, "step must be positive, not %lld", (long long)a->step);
    run r = slice_run(a, dim, t->shape[dim]);
    tsr_shape shape = op_shape(t), stride = tsr_strides_of(t);
    shape.v[dim] = r.length;
    stride.v[dim] = stepped(stride.v[dim], a->step);
    return tensor_view(t, t->ndim, shape.v, stride.v, t->offset + r.start * t->stride[dim]);
}

void op_slice_grad(op_ctx *c, const tsr_slice_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_shape shape, stride = input_strides(c, &shape);
    int dim = (int)op_wrapped(a->dim, shape.n);
    int64_t offset = slice_run(a, dim, shape.v[dim]).start * stride.v[dim];
    stride.v[dim] = stepped(stride.v[dim], a->step);
    grad_in[0] = part_backward(c, grad[0], &stride, offset);
}

tsr_tensor *op_narrow(op_ctx *c, const tsr_narrow_args *a)
{
    int dim;
    if (a->input->ndim == 0) return op_fail(c, "cannot be applied to a 0-d tensor");
    if (!op_wrap_dim(c, a->dim, a->input->ndim, &dim)) return NULL;
    int64_t size = a->input->shape[dim], start = op_wrapped(a->start, size);
    if (a->length < 0) return op_fail(c, "length must be non-negative, not %lld", (long long)a->length);
    if (start < 0 || start > size - a->length)
        return op_fail(c, "start (%lld) + length (%lld) exceeds dimension %d of size %lld", (long long)a->start,
                       (long long)a->length, dim, (long long)size);
    return tsr_slice(a->input, .dim = dim, .start = TSR_INT(start), .end = TSR_INT(start + a->length));
}

tsr_tensor *op_select(op_ctx *c, const tsr_select_args *a)
{
    int dim;
    tsr_tensor *t = a->input;
    if (t->ndim == 0) return op_fail(c, "cannot be applied to a 0-d tensor");
    if (!op_wrap_dim(c, a->dim, t->ndim, &dim)) return NULL;
    int64_t size = t->shape[dim], index = op_wrapped(a->index, size);
    if (index < 0 || index >= size)
        return op_fail(c, "index %lld is out of range for dimension %d of size %lld in %s", (long long)a->index, dim,
                       (long long)size, tensor_shape_text(t));
    tsr_tensor *part = region_select(t, dim, index);
    return part ? tensor_view(t, part->ndim, part->shape, part->stride, part->offset) : NULL;
}

static tsr_shape without_dim(tsr_shape s, int dim)
{
    memmove(s.v + dim, s.v + dim + 1, (size_t)(s.n - dim - 1) * sizeof *s.v);
    s.v[--s.n] = 0; /* of no dimensions, a shape has only zeros */
    return s;
}

void op_select_grad(op_ctx *c, const tsr_select_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_shape shape, stride = input_strides(c, &shape);
    int dim = (int)op_wrapped(a->dim, shape.n);
    int64_t index = op_wrapped(a->index, shape.v[dim]), offset = index * stride.v[dim];
    stride = without_dim(stride, dim);
    grad_in[0] = part_backward(c, grad[0], &stride, offset);
}

/* ---- other regular parts --------------------------------------------------------------------------------------------- */

tsr_tensor *op_as_strided(op_ctx *c, const tsr_as_strided_args *a)
{
    int64_t offset = op_has(a->storage_offset) ? op_i64(a->storage_offset) : a->input->offset;
    if (a->size.n != a->stride.n)
        return op_fail(c, "size %s and stride %s have different lengths", shape_text(&a->size), shape_text(&a->stride));
    bool ok = offset >= 0 && offset <= INT64_MAX / 16; /* an empty view may lie beyond the storage's end */
    for (int d = 0; d < a->size.n; d++) ok = ok && a->size.v[d] >= 0 && a->stride.v[d] >= 0;
    if (!ok)
        return op_fail(c, "size %s, stride %s and storage_offset %lld must be from 0 and countable",
                       shape_text(&a->size), shape_text(&a->stride), (long long)offset);
    int64_t has = a->input->storage->bytes / (int64_t)tsr_dtype_size((tsr_dtype)a->input->dtype);
    if (end_of(&a->size, &a->stride, offset) > has)
        return op_fail(c, "size %s, stride %s and storage_offset %lld need more than the storage's %lld elements",
                       shape_text(&a->size), shape_text(&a->stride), (long long)offset, (long long)has);
    return tensor_view(a->input, a->size.n, a->size.v, a->stride.v, offset);
}

static bool is_expanded(const op_meta *m)
{
    for (int d = 0; d < m->shape.n; d++)
        if (m->shape.v[d] > 1 && m->stride.v[d] == 0) return true;
    return false;
}

/* How many elements of an expanded input lie where each one lies. They share what reaches the place. */
static tsr_tensor *sharers(const op_meta *m, int64_t offset)
{
    tsr_tensor *ones = tensor_empty(m->dtype, m->shape.n, m->shape.v, m->device);
    if (!ones || !op_fill_with(ones, 1)) return NULL;
    return tsr_strided_move(ones, m->stride, offset, m->shape, m->stride, offset);
}

void op_as_strided_grad(op_ctx *c, const tsr_as_strided_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    op_meta in = op_input_meta(c, 0);
    int64_t offset = op_has(a->storage_offset) ? op_i64(a->storage_offset) : in.offset;
    int64_t base = tsr_min_i64(offset, in.offset); /* what lies before both needs no room */
    tsr_tensor *g = tsr_strided_move(grad[0], a->stride, offset - base, in.shape, in.stride, in.offset - base);
    grad_in[0] = is_expanded(&in) ? tsr_div(g, sharers(&in, in.offset - base)) : g;
}

/* Shape, strides and offset (relative to the input's) of a diagonal view. */
typedef struct geometry {
    tsr_shape shape, stride;
    int64_t offset;
} geometry;

static geometry diagonal_of(tsr_shape shape, tsr_shape stride, int d1, int d2, int64_t offset)
{
    int64_t rows = shape.v[d1] + tsr_min_i64(offset, 0), columns = shape.v[d2] - tsr_max_i64(offset, 0);
    int64_t length = tsr_max_i64(0, tsr_min_i64(rows, columns)), step = stride.v[d1] + stride.v[d2];
    int64_t first = length == 0 ? 0 : offset < 0 ? -offset * stride.v[d1] : offset * stride.v[d2];
    int high = d1 > d2 ? d1 : d2, low = d1 > d2 ? d2 : d1;
    geometry g = {without_dim(without_dim(shape, high), low), without_dim(without_dim(stride, high), low), first};
    g.shape.v[g.shape.n++] = length;
    g.stride.v[g.stride.n++] = step;
    return g;
}

static bool diagonal_dims(const op_ctx *c, const tsr_diagonal_args *a, int ndim, int *d1, int *d2)
{
    if (ndim < 2) {
        op_fail(c, "input has %d dimensions, two or more are needed", ndim);
        return false;
    }
    if (!op_wrap_dim(c, a->dim1, ndim, d1) || !op_wrap_dim(c, a->dim2, ndim, d2)) return false;
    if (*d1 == *d2) op_fail(c, "diagonal dimensions cannot be identical (%d, %d)", *d1, *d2);
    return *d1 != *d2;
}

tsr_tensor *op_diagonal(op_ctx *c, const tsr_diagonal_args *a)
{
    int d1, d2;
    if (!diagonal_dims(c, a, a->input->ndim, &d1, &d2)) return NULL;
    geometry g = diagonal_of(op_shape(a->input), tsr_strides_of(a->input), d1, d2, a->offset);
    return tensor_view(a->input, g.shape.n, g.shape.v, g.stride.v, a->input->offset + g.offset);
}

void op_diagonal_grad(op_ctx *c, const tsr_diagonal_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    int d1, d2;
    tsr_shape shape, stride = input_strides(c, &shape);
    if (!diagonal_dims(c, a, shape.n, &d1, &d2)) return;
    geometry g = diagonal_of(shape, stride, d1, d2, a->offset);
    grad_in[0] = part_backward(c, grad[0], &g.stride, g.offset);
}

/* ---- windows --------------------------------------------------------------------------------------------------------- */

tsr_tensor *op_unfold(op_ctx *c, const tsr_unfold_args *a)
{
    int dim, n = a->input->ndim;
    if (!op_wrap_dim(c, a->dimension, n, &dim)) return NULL;
    int64_t length = n == 0 ? 1 : a->input->shape[dim];
    if (n == TSR_MAX_DIMS) return op_fail(c, "input %s has %d dimensions already", tensor_shape_text(a->input), n);
    if (a->size < 0 || a->size > length)
        return op_fail(c, "size %lld must lie in 0 .. %lld, the size of dimension %d", (long long)a->size,
                       (long long)length, dim);
    if (a->step < 1) return op_fail(c, "step must be positive, not %lld", (long long)a->step);
    tsr_shape shape = op_shape(a->input), stride = tsr_strides_of(a->input);
    shape.v[shape.n++] = a->size;
    stride.v[stride.n++] = n == 0 ? 1 : stride.v[dim];
    if (n > 0) {
        shape.v[dim] = (length - a->size) / a->step + 1;
        stride.v[dim] = stepped(stride.v[dim], a->step);
    }
    return tensor_view(a->input, shape.n, shape.v, stride.v, a->input->offset);
}

void op_unfold_grad(op_ctx *c, const tsr_unfold_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_shape shape = op_input_meta(c, 0).shape;
    int64_t dim = op_wrapped(a->dimension, shape.n);
    grad_in[0] = shape.n == 0 ? tsr_reshape(grad[0], shape)
                              : tsr_unfold_backward(grad[0], shape, dim, a->size, a->step);
}

/* out[.., start + i * step, ..] += grad[.., i, .., start], one position of the window after the other. */
tsr_tensor *op_unfold_backward(op_ctx *c, const tsr_unfold_backward_args *a)
{
    (void)c;
    int dim = (int)a->dimension, last = a->grad->ndim - 1;
    double one = 1;
    tsr_tensor *out = region_zeros((tsr_dtype)a->grad->dtype, &a->size, a->grad);
    for (int64_t k = 0; out && k < a->width; k++) {
        tsr_mark m = tsr_scope_open();
        tsr_tensor *place = region_slice(out, dim, k, a->grad->shape[dim], a->step);
        tsr_tensor *part = region_select(a->grad, last, k);
        bool ok = place && part;
        if (ok) {
            array p = array_of(place), g = array_of(part);
            ok = op_backend(out)->binary(B_ADD, &p, &p, &g, &one);
        }
        tsr_scope_close(m);
        if (!ok) return NULL;
    }
    return out;
}

void op_unfold_backward_grad(op_ctx *c, const tsr_unfold_backward_args *a, tsr_tensor *const *grad,
                             tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_unfold(grad[0], a->dimension, a->width, a->step);
}

/* ---- lists of parts -------------------------------------------------------------------------------------------------- */

static int64_t check_room(const op_ctx *c, int64_t count, int64_t room)
{
    if (count <= room) return count;
    op_fail(c, "the result has %lld tensors, there is room for %lld", (long long)count, (long long)room);
    return -1;
}

static tsr_tensor *piece(tsr_tensor *t, int dim, int64_t start, int64_t length)
{
    tsr_shape shape = op_shape(t);
    shape.v[dim] = length;
    return tensor_view(t, t->ndim, shape.v, t->stride, t->offset + start * t->stride[dim]);
}

/* Pieces of `size` indices each, the last ones cut at the end of the dimension. */
static int64_t equal_pieces(tsr_tensor *t, int dim, int64_t size, int64_t count, tsr_tensor **out)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t start = tsr_min_i64(i * size, t->shape[dim]), left = t->shape[dim] - start;
        if (!(out[i] = piece(t, dim, start, tsr_min_i64(size, left)))) return -1;
    }
    return count;
}

/* The gradients of n pieces joined; pieces without one count as zero. */
static void join_pieces(op_ctx *c, int64_t dim, int64_t n, tsr_tensor *const *grad, tsr_tensor **grad_in, bool stack)
{
    tsr_tensor **all = tsr_alloc_zeroed((size_t)n, sizeof *all);
    if (!all) return;
    for (int64_t i = 0; i < n; i++) all[i] = op_grad_or_zeros(c, grad, (int)i);
    tsr_tensors list = {all, n};
    grad_in[0] = stack ? tsr_stack(list, .dim = dim) : tsr_cat(list, .dim = dim);
    tsr_free(all);
}

static bool list_dim(const op_ctx *c, const tsr_tensor *t, int64_t dim, int *out)
{
    if (t->ndim == 0) {
        op_fail(c, "a 0-d tensor has no dimension to divide");
        return false;
    }
    return op_wrap_dim(c, dim, t->ndim, out);
}

int64_t op_unbind(op_ctx *c, const tsr_unbind_args *a, tsr_tensor **out, int64_t room)
{
    int dim;
    if (!list_dim(c, a->input, a->dim, &dim)) return -1;
    int64_t n = check_room(c, a->input->shape[dim], room);
    for (int64_t i = 0; i < n; i++) {
        tsr_tensor *part = region_select(a->input, dim, i);
        out[i] = part ? tensor_view(a->input, part->ndim, part->shape, part->stride, part->offset) : NULL;
        if (!out[i]) return -1;
    }
    return n;
}

void op_unbind_grad(op_ctx *c, const tsr_unbind_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_shape shape = op_input_meta(c, 0).shape;
    int64_t dim = op_wrapped(a->dim, shape.n);
    join_pieces(c, dim, shape.v[dim], grad, grad_in, true);
}

/* a is not negative. */
static int64_t ceil_div(int64_t a, int64_t b) { return a > 0 ? (a - 1) / b + 1 : 0; }

/* How chunk and split divide a dimension: the size of a piece, and how many. */
static int64_t chunk_size(int64_t length, int64_t chunks) { return tsr_max_i64(1, ceil_div(length, chunks)); }

static int64_t chunk_count(int64_t length, int64_t chunks)
{
    return length == 0 ? chunks : ceil_div(length, chunk_size(length, chunks));
}

static int64_t split_count(int64_t length, int64_t size)
{
    return size == 0 || length == 0 ? 1 : ceil_div(length, size);
}

int64_t op_chunk(op_ctx *c, const tsr_chunk_args *a, tsr_tensor **out, int64_t room)
{
    int dim;
    if (!list_dim(c, a->input, a->dim, &dim)) return -1;
    if (a->chunks < 1) {
        op_fail(c, "chunks must be at least 1, not %lld", (long long)a->chunks);
        return -1;
    }
    int64_t length = a->input->shape[dim], n = check_room(c, chunk_count(length, a->chunks), room);
    return n < 0 ? -1 : equal_pieces(a->input, dim, chunk_size(length, a->chunks), n, out);
}

void op_chunk_grad(op_ctx *c, const tsr_chunk_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_shape shape = op_input_meta(c, 0).shape;
    int64_t dim = op_wrapped(a->dim, shape.n);
    join_pieces(c, dim, chunk_count(shape.v[dim], a->chunks), grad, grad_in, false);
}

int64_t op_split(op_ctx *c, const tsr_split_args *a, tsr_tensor **out, int64_t room)
{
    int dim;
    if (!list_dim(c, a->input, a->dim, &dim)) return -1;
    int64_t length = a->input->shape[dim];
    if (a->split_size < 0 || (a->split_size == 0 && length > 0)) {
        op_fail(c, "split_size %lld cannot divide dimension %d of size %lld", (long long)a->split_size, dim,
                (long long)length);
        return -1;
    }
    int64_t n = check_room(c, split_count(length, a->split_size), room);
    return n < 0 ? -1 : equal_pieces(a->input, dim, a->split_size, n, out);
}

void op_split_grad(op_ctx *c, const tsr_split_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_shape shape = op_input_meta(c, 0).shape;
    int64_t dim = op_wrapped(a->dim, shape.n);
    join_pieces(c, dim, split_count(shape.v[dim], a->split_size), grad, grad_in, false);
}

static bool check_split_sizes(const op_ctx *c, const tsr_shape *sizes, int dim, int64_t length)
{
    int64_t sum = 0;
    bool ok = true;
    for (int i = 0; i < sizes->n; i++) {
        ok = ok && sizes->v[i] >= 0 && sizes->v[i] <= length;
        sum += ok ? sizes->v[i] : 0;
    }
    if (ok && sum == length) return true;
    op_fail(c, "split_sizes %s must be non-negative and sum to %lld, the size of dimension %d", shape_text(sizes),
            (long long)length, dim);
    return false;
}

int64_t op_split_sizes(op_ctx *c, const tsr_split_sizes_args *a, tsr_tensor **out, int64_t room)
{
    int dim;
    if (!list_dim(c, a->input, a->dim, &dim) || !check_split_sizes(c, &a->split_sizes, dim, a->input->shape[dim]))
        return -1;
    int64_t n = check_room(c, a->split_sizes.n, room), start = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!(out[i] = piece(a->input, dim, start, a->split_sizes.v[i]))) return -1;
        start += a->split_sizes.v[i];
    }
    return n;
}

void op_split_sizes_grad(op_ctx *c, const tsr_split_sizes_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    join_pieces(c, a->dim, a->split_sizes.n, grad, grad_in, false);
}

/* ---- tensor_split: slices, each recorded by itself -------------------------------------------------------------------- */

static int64_t sections(op_ctx *c, tsr_tensor *t, int dim, int64_t n, tsr_tensor **out, int64_t room)
{
    if (n < 1) {
        op_fail(c, "the number of sections must be at least 1, not %lld", (long long)n);
        return -1;
    }
    if (check_room(c, n, room) < 0) return -1;
    int64_t start = 0, base = t->shape[dim] / n, longer = t->shape[dim] % n;
    for (int64_t i = 0; i < n; i++) {
        int64_t end = start + base + (i < longer);
        if (!(out[i] = tsr_slice(t, .dim = dim, .start = TSR_INT(start), .end = TSR_INT(end)))) return -1;
        start = end;
    }
    return n;
}

static int64_t cuts(op_ctx *c, tsr_tensor *t, int dim, const int64_t *at, int64_t count, tsr_tensor **out, int64_t room)
{
    if (check_room(c, count + 1, room) < 0) return -1;
    for (int64_t i = 0; i <= count; i++) {
        tsr_number start = TSR_INT(i == 0 ? 0 : at[i - 1]), end = {0};
        if (i < count) end = TSR_INT(at[i]);
        if (!(out[i] = tsr_slice(t, .dim = dim, .start = start, .end = end))) return -1;
    }
    return count + 1;
}

int64_t op_tensor_split(op_ctx *c, const tsr_tensor_split_args *a, tsr_tensor **out, int64_t room)
{
    int dim;
    return list_dim(c, a->input, a->dim, &dim) ? sections(c, a->input, dim, a->sections, out, room) : -1;
}

int64_t op_tensor_split_indices(op_ctx *c, const tsr_tensor_split_indices_args *a, tsr_tensor **out, int64_t room)
{
    int dim;
    return list_dim(c, a->input, a->dim, &dim) ? cuts(c, a->input, dim, a->indices.v, a->indices.n, out, room) : -1;
}

int64_t op_tensor_split_tensor(op_ctx *c, const tsr_tensor_split_tensor_args *a, tsr_tensor **out, int64_t room)
{
    int dim;
    const tsr_tensor *at = a->indices_or_sections;
    if (!list_dim(c, a->input, a->dim, &dim)) return -1;
    if (at->dtype != TSR_I64 || at->ndim > 1) {
        op_fail(c, "indices_or_sections must be a 0-d or 1-d i64 tensor, not %s %s", tsr_dtype_name(at->dtype),
                tensor_shape_text(at));
        return -1;
    }
    if (at->ndim == 0) return sections(c, a->input, dim, tsr_item_int(at), out, room);
    const int64_t *values = tsr_const_data(op_as_contiguous(a->indices_or_sections));
    return values ? cuts(c, a->input, dim, values, at->shape[0], out, room) : -1;
}
