/* apply.c: runs the derivative of one node.

   An operator's derivative gets its argument struct back with saved tensors in their places. A write to a view
   (CopySlices) hands the part of the gradient that belongs to the view to the derivative of the operator that wrote it,
   and puts the result in its place. */
#include <string.h>

#include "autograd/graph.h"
#include "op/op_args.h"

typedef struct filler {
    tsr_node *node;
    int i;
    bool ok;
} filler;

static void fill_saved(tsr_tensor **slot, int param, int index, void *user)
{
    filler *f = user;
    int i = f->i++;
    (void)param;
    (void)index;
    for (int64_t k = 0; f->ok && k < f->node->saved.count; k++) {
        if (f->node->saved.v[k].input != i) continue;
        *slot = node_unpack(f->node, k);
        f->ok = *slot != NULL;
    }
}

/* The derivative of a write that leaves nothing of what was there (x.eq_(y)). */
static void apply_overwrite(const tsr_node *n, tsr_tensor **grad_in)
{
    grad_in[0] = tsr_zeros(n->in_meta[0].shape, .dtype = n->in_meta[0].dtype);
}

/* The arguments are filled in a copy: other threads may run the same node. */
static void apply_operator(tsr_node *n, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    op_ctx c = {.info = n->op.info, .node = n};
    filler f = {.node = n};
    _Alignas(16) unsigned char args[OP_ARGS_ROOM];
    if (n->freed && n->had_saved) {
        node_unpack(n, 0); /* says that the graph was freed */
        return;
    }
    if (!n->op.info->backward) {
        apply_overwrite(n, grad_in);
        return;
    }
    memcpy(args, n->op.args, n->op.info->args_size);
    f.ok = op_own_lists(n->op.info, args);
    if (f.ok) op_each_tensor(n->op.info, args, fill_saved, &f);
    if (f.ok) n->op.info->backward(&c, args, grad, grad_in);
    op_free_lists(n->op.info, args);
}

static void apply_custom(tsr_node *n, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    op_ctx c = {.node = n};
    n->custom.f->backward(&c, grad, grad_in, n->custom.user);
}

static tsr_tensor *slice_of(tsr_tensor *t, const op_meta *base, const op_meta *view)
{
    return tsr_as_strided(t, view->shape, view->stride, .storage_offset = TSR_INT(view->offset - base->offset));
}

/* The base's gradient, laid out as the base is, with the written part replaced by what the write's derivative says. */
static void apply_copy_slices(tsr_node *n, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    const op_meta *base = &n->out_meta[0], *view = &n->slices.view;
    tsr_tensor *whole = tensor_empty_strided((tsr_dtype)grad[0]->dtype, base->shape.n, base->shape.v, base->stride.v,
                                             TSR_CPU);
    if (!whole || !tsr_copy_(whole, grad[0])) return;
    tsr_tensor *slice = slice_of(whole, base, view);
    tsr_tensor *part = tsr_clone(slice);
    if (!part) return;
    node_apply(n->slices.inner, &part, grad_in);
    if (tsr_error_pending()) return;
    tsr_tensor *before = grad_in[0] ? op_sum_to(grad_in[0], &view->shape) : NULL;
    bool ok = before ? tsr_copy_(slice, before) != NULL : tsr_zero_(slice) != NULL;
    grad_in[0] = ok ? whole : NULL;
}

void node_apply(tsr_node *n, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    switch ((node_kind)n->kind) {
    case NODE_OPERATOR:
        apply_operator(n, grad, grad_in);
        break;
    case NODE_CUSTOM:
        apply_custom(n, grad, grad_in);
        break;
    case NODE_COPY_SLICES:
        apply_copy_slices(n, grad, grad_in);
        break;
    case NODE_ACCUMULATE:
        break;
    }
}
