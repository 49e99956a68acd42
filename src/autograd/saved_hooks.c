/* saved_hooks.c: what the user keeps in place of tensors that are saved for backward: in half precision, in a file.

   While hooks are on the thread's stack, a node holds what `pack` returned instead of the tensor. The tensor's history is
   kept beside it, so that what `unpack` gives back leads to where the tensor led, and its derivative has one. Versions
   are not compared: what was packed is out of reach of writes in place. */
#include "autograd/graph.h"

typedef struct level {
    const tsr_saved_tensor_hooks *hooks;
    void *user;
} level;

static TSR_THREAD_LOCAL struct {
    level *v;
    int64_t count, room;
} stack;

struct packed_tensor {
    level by;
    void *data;
    node_edge edge; /* where the tensor's gradient goes; none for the node's own results */
    op_meta meta;
    bool wrapped_number;
};

tsr_status tsr_push_saved_tensor_hooks(const tsr_saved_tensor_hooks *hooks, void *user)
{
    if (!hooks || !hooks->pack || !hooks->unpack)
        return tsr_fail(TSR_EINVAL, "push_saved_tensor_hooks: %s is NULL",
                        !hooks        ? "the struct of hooks"
                        : hooks->pack ? "unpack"
                                      : "pack");
    if (stack.count == stack.room && !tsr_grow(&stack.v, stack.count, &stack.room, sizeof *stack.v))
        return tsr_error_status();
    stack.v[stack.count++] = (level){hooks, user};
    return TSR_OK;
}

tsr_status tsr_pop_saved_tensor_hooks(void)
{
    if (stack.count == 0) return tsr_fail(TSR_ESTATE, "pop_saved_tensor_hooks: none were pushed in this thread");
    if (--stack.count > 0) return TSR_OK;
    tsr_free(stack.v);
    stack.v = NULL;
    stack.room = 0;
    return TSR_OK;
}

bool saved_hooks_are_on(void) { return stack.count > 0; }

void packed_free(packed_tensor *p)
{
    if (!p) return;
    if (p->data && p->by.hooks->drop) p->by.hooks->drop(p->data, p->by.user);
    node_release(p->edge.node);
    tsr_free(p);
}

/* The hook gets an alias without history: what is packed must not lead back to the node. */
static bool call_pack(const tsr_node *n, packed_tensor *p, const tsr_tensor *t)
{
    int64_t version = t->storage->version;
    bool pending = tsr_error_pending(), was = tsr_set_grad_enabled(false);
    tsr_mark m = tsr_scope_open();
    tsr_tensor *alias = tensor_alias(t);
    p->data = alias ? p->by.hooks->pack(alias, p->by.user) : NULL;
    tsr_scope_close(m);
    tsr_set_grad_enabled(was);
    if (!pending && tsr_error_pending()) return false;
    if (t->storage->version != version)
        tsr_fail(
            TSR_ESTATE,
            "A saved tensor pack hook is modifying its input in place (a tensor that %s saves). Tensors provided as "
            "input to pack hook can not be modified by in-place operations: work on a clone().",
            node_name(n));
    else if (!p->data)
        tsr_fail(TSR_ESTATE, "saved tensor hooks: pack returned NULL for the %s %s that %s saves",
                 tsr_dtype_name((tsr_dtype)t->dtype), tensor_shape_text(t), node_name(n));
    return p->data && t->storage->version == version;
}

packed_tensor *packed_make(const tsr_node *n, tsr_tensor *t, bool is_output)
{
    packed_tensor *p = tsr_alloc_zeroed(1, sizeof *p);
    if (!p) return NULL;
    p->by = stack.v[stack.count - 1];
    p->meta = meta_of(t);
    p->wrapped_number = t->wrapped_number;
    bool ok = (is_output || autograd_edge(t, &p->edge)) && call_pack(n, p, t);
    if (ok) return p;
    packed_free(p);
    return NULL;
}

static bool is_as_packed(const tsr_node *n, const packed_tensor *p, const tsr_tensor *got)
{
    if (tsr_error_pending()) return false;
    if (!got) {
        tsr_fail(TSR_ESTATE, "saved tensor hooks: unpack returned NULL for a tensor that %s saved", node_name(n));
        return false;
    }
    if (got->dtype == p->meta.dtype && tensor_has_shape(got, &p->meta.shape)) return true;
    tsr_fail(TSR_EINVAL, "saved tensor hooks: unpack returned %s %s for the %s %s that %s saved",
             tsr_dtype_name((tsr_dtype)got->dtype), tensor_shape_text(got), tsr_dtype_name(p->meta.dtype),
             shape_text(&p->meta.shape), node_name(n));
    return false;
}

tsr_tensor *packed_unpack(tsr_node *n, const packed_tensor *p, int output)
{
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *got = p->by.hooks->unpack(p->data, p->by.user);
    tsr_set_grad_enabled(was);
    tsr_tensor *t = is_as_packed(n, p, got) ? tensor_alias(got) : NULL;
    if (!t) return NULL;
    t->wrapped_number = p->wrapped_number;
    if (output >= 0) return autograd_attach(t, n, output) ? t : NULL;
    return !p->edge.node || autograd_attach(t, p->edge.node, p->edge.output) ? t : NULL;
}
