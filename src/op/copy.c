/* copy.c: operators that move values: casts, copies, fills. */
#include "op/pointwise.h"
#include "op_gen.h"

#include <string.h>

/* ---- copies ------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_to(op_ctx *c, const tsr_to_args *a)
{
    (void)c;
    bool same = a->input->dtype == a->dtype && !a->copy;
    return same ? a->input : tsr_to_copy(a->input, .dtype = a->dtype);
}

tsr_tensor *op_to_copy(op_ctx *c, const tsr_to_copy_args *a)
{
    tsr_dtype dtype = a->dtype ? a->dtype : (tsr_dtype)a->input->dtype;
    tsr_tensor *y = op_output(c, dtype, op_shape(a->input), a->input);
    return y && op_copy(y, a->input) ? y : NULL;
}

/* The engine casts gradients back. */
void op_to_copy_grad(op_ctx *c, const tsr_to_copy_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c, (void)a;
    grad_in[0] = grad[0];
}

typedef enum layout { LAYOUT_UNKNOWN, LAYOUT_PRESERVE, LAYOUT_CONTIGUOUS, LAYOUT_CHANNELS_LAST } layout;

static layout layout_named(const op_ctx *c, const char *name, const tsr_tensor *x)
{
    if (strcmp(name, "preserve") == 0) return LAYOUT_PRESERVE;
    if (strcmp(name, "contiguous") == 0) return LAYOUT_CONTIGUOUS;
    if (x->ndim == 4) return LAYOUT_CHANNELS_LAST;
    op_fail(c, "only a 4-d input can be channels-last, got %s", tensor_shape_text(x));
    return LAYOUT_UNKNOWN;
}

tsr_tensor *op_clone(op_ctx *c, const tsr_clone_args *a)
{
    tsr_tensor *x = a->input, *y = NULL;
    int64_t stride[TSR_MAX_DIMS];
    switch (layout_named(c, a->memory_format, x)) {
    case LAYOUT_PRESERVE:
        return op_output_copy(c, x);
    case LAYOUT_CONTIGUOUS:
        y = op_output(c, (tsr_dtype)x->dtype, op_shape(x), NULL);
        break;
    case LAYOUT_CHANNELS_LAST:
        shape_channels_last_strides(x->ndim, x->shape, stride);
        y = tensor_empty_strided((tsr_dtype)x->dtype, x->ndim, x->shape, stride, (tsr_device)x->storage->device);
        break;
    case LAYOUT_UNKNOWN:
        break;
    }
    return y && op_copy(y, x) ? y : NULL;
}

void op_clone_grad(op_ctx *c, const tsr_clone_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c, (void)a;
    grad_in[0] = grad[0];
}

tsr_tensor *op_contiguous(op_ctx *c, const tsr_contiguous_args *a)
{
    layout wanted = layout_named(c, a->memory_format, a->input);
    bool has_it = wanted == LAYOUT_PRESERVE || (wanted == LAYOUT_CONTIGUOUS && tsr_is_contiguous(a->input)) ||
                  (wanted == LAYOUT_CHANNELS_LAST && tsr_is_channels_last(a->input));
    if (wanted == LAYOUT_UNKNOWN) return NULL;
    return has_it ? a->input : tsr_clone(a->input, a->memory_format);
}

tsr_tensor *op_copy_(op_ctx *c, const tsr_copy__args *a)
{
    tsr_shape to = op_shape(a->input), from = op_shape(a->src), both;
    if (!shape_broadcast(c->info->name, &to, &from, &both)) return NULL;
    bool grows = both.n != to.n || memcmp(both.v, to.v, (size_t)to.n * sizeof *to.v) != 0;
    if (grows) return op_fail(c, "src %s does not broadcast to %s", shape_text(&from), shape_text(&to));
    tsr_tensor *src = op_as_expanded(a->src, &to);
    return src && op_copy(a->input, src) ? a->input : NULL;
}

void op_copy__grad(op_ctx *c, const tsr_copy__args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    if (op_needs(c, 1)) grad_in[1] = grad[0];
}

/* ---- fills --------------------------------------------------------------------------------------------------------- */

tsr_tensor *op_fill(op_ctx *c, const tsr_fill_args *a)
{
    tsr_shape shape = op_shape(a->input);
    if (a->value->ndim) return op_fail(c, "value must be 0-d, got %s", tensor_shape_text(a->value));
    if (op_is_float(a->value) && !pointwise_fits(c, TSR_FLOAT(tsr_item(a->value)), (tsr_dtype)a->input->dtype))
        return NULL;
    tsr_tensor *y = op_output(c, (tsr_dtype)a->input->dtype, shape, a->input);
    tsr_tensor *value = op_as_expanded(a->value, &shape);
    return y && value && op_copy(y, value) ? y : NULL;
}

void op_fill_grad(op_ctx *c, const tsr_fill_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    if (op_needs(c, 0)) grad_in[0] = tsr_zeros_like(grad[0]);
    if (op_needs(c, 1)) grad_in[1] = tsr_sum(grad[0]);
}

tsr_tensor *op_zero_(op_ctx *c, const tsr_zero__args *a)
{
    tsr_tensor *y = op_output(c, (tsr_dtype)a->input->dtype, op_shape(a->input), a->input);
    return pointwise_fill(y, TSR_INT(0));
}

void op_zero__grad(op_ctx *c, const tsr_zero__args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c, (void)a;
    grad_in[0] = tsr_zeros_like(grad[0]);
}
