/* record.c: how an operator's run becomes a node, and how a write through a view becomes history of its base.

   A view that is written in place cannot simply get a new node: its base and its other views changed as well. The write
   is recorded on the base as CopySlices, which lets the write's derivative act on the part of the gradient that belongs
   to the view. Views learn of it lazily: one whose storage version moved since its node was made gets a new node, an
   as_strided of the base's present history. */
#include "op/record.h"

#include <string.h>

#include "autograd/graph.h"
#include "op/op_args.h"
#include "op_gen.h"

/* ---- a tensor's autograd part --------------------------------------------------------------------------------------- */

static void release_autograd(struct tsr_autograd *ag)
{
    hooks_drop(ag);
    tsr_release(ag->grad);
    node_release(ag->grad_fn);
    tsr_free(ag->hooks.v);
    tsr_free(ag);
}

struct tsr_autograd *autograd_of(tsr_tensor *t)
{
    struct tsr_autograd *ag = __atomic_load_n(&t->autograd, __ATOMIC_ACQUIRE), *made;
    if (ag) return ag;
    __atomic_store_n(&tsr_autograd_release, release_autograd, __ATOMIC_RELAXED);
    __atomic_store_n(&tsr_autograd_name, tsr_grad_fn_name, __ATOMIC_RELAXED);
    if (!(made = tsr_alloc_zeroed(1, sizeof *made))) return NULL;
    if (__atomic_compare_exchange_n(&t->autograd, &ag, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return made;
    tsr_free(made); /* another thread that shares t was first */
    return ag;
}

bool autograd_is_stale(const tsr_tensor *t)
{
    return t->base && t->base->requires_grad && t->view_version != t->storage->version &&
           tsr_dtype_is_floating((tsr_dtype)t->dtype);
}

/* A view made while nothing was recorded has no history, although its base does, until the base is written. */
bool autograd_requires_grad(const tsr_tensor *t) { return t->requires_grad || autograd_is_stale(t); }

bool record_requires_grad(const tsr_tensor *t) { return autograd_requires_grad(t); }

bool autograd_attach(tsr_tensor *t, tsr_node *n, int output)
{
    struct tsr_autograd *ag = autograd_of(t);
    if (!ag || !hooks_follow(ag, n, output)) return false;
    tsr_node *old = ag->grad_fn;
    ag->grad_fn = node_retain(n);
    node_release(old);
    ag->output = output;
    t->view_version = t->storage->version;
    t->requires_grad = true;
    return true;
}

static tsr_node *as_strided_of_base(tsr_tensor *view)
{
    tsr_as_strided_args a = {.input = view->base, .storage_offset = TSR_INT(view->offset)};
    a.size.n = a.stride.n = view->ndim;
    memcpy(a.size.v, view->shape, sizeof a.size.v);
    memcpy(a.stride.v, view->stride, sizeof a.stride.v);
    tsr_node *n = record_begin(&op_info_as_strided, &a);
    if (n) n->out_meta[0] = meta_of(view);
    return n;
}

tsr_node *autograd_grad_fn(tsr_tensor *t)
{
    if (!autograd_is_stale(t)) return t->autograd ? t->autograd->grad_fn : NULL;
    if (t->view == VIEW_NO_GRAD) {
        tsr_fail(TSR_ESTATE,
                 "A view was created in no_grad mode and its base or another view of its base has been modified "
                 "inplace since. Given that this use case is ambiguous and error-prone, it is forbidden: make the view "
                 "again, with grad mode enabled if its gradient is wanted, or use its detach().");
        return NULL;
    }
    tsr_node *n = as_strided_of_base(t);
    bool ok = n && autograd_attach(t, n, 0);
    node_release(n);
    return ok ? t->autograd->grad_fn : NULL;
}

bool autograd_edge(tsr_tensor *t, node_edge *edge)
{
    *edge = (node_edge){NULL, 0};
    if (!autograd_requires_grad(t)) return true;
    tsr_node *fn = autograd_grad_fn(t);
    if (tsr_error_pending() && !fn) return false;
    if (fn) *edge = (node_edge){node_retain(fn), t->autograd->output};
    else edge->node = node_accumulator(t);
    return edge->node != NULL;
}

bool node_connect(tsr_node *n, int64_t i, tsr_tensor *input)
{
    n->in_meta[i] = input ? meta_of(input) : (op_meta){0};
    return !input || autograd_edge(input, &n->edges[i]);
}

/* ---- an operator's node ---------------------------------------------------------------------------------------------- */

typedef struct recorder {
    tsr_node *node;
    const op_info *info;
    int i;
    bool ok;
    int first_of[64]; /* the first tensor input of each parameter that has one */
} recorder;

static void connect_input(tsr_tensor **slot, int param, int index, void *user)
{
    recorder *r = user;
    if (index == 0 && param < 64) r->first_of[param] = r->i;
    r->ok = r->ok && node_connect(r->node, r->i++, *slot);
}

static bool wants_saving(const recorder *r, const op_param *p)
{
    if (!p->saved) return false;
    if (p->saved_if < 0) return true;
    return r->node->edges[r->first_of[p->saved_if]].node;
}

/* What an in-place operator is about to overwrite, with the history it has now. */
static tsr_tensor *copy_before_write(tsr_tensor *t)
{
    node_edge edge;
    tsr_tensor *copy = tensor_empty_like(t, (tsr_dtype)t->dtype);
    if (!copy || !op_copy(copy, t) || !autograd_edge(t, &edge)) return NULL;
    bool ok = !edge.node || autograd_attach(copy, edge.node, edge.output);
    node_release(edge.node);
    return ok ? copy : NULL;
}

static void save_input(tsr_tensor **slot, int param, int index, void *user)
{
    recorder *r = user;
    int i = r->i++;
    (void)index;
    if (!r->ok || !*slot || !wants_saving(r, &r->info->params[param])) return;
    tsr_tensor *t = r->info->inplace && param == 0 ? copy_before_write(*slot) : *slot;
    r->ok = t && node_save(r->node, t, i, -1);
}

/* Texts and lists in the arguments belong to the caller: the node needs its own. All fields are visited, also when there is
   no memory: what is the caller's must not be freed with the node. */
static bool own_args(tsr_node *n)
{
    bool ok = true;
    for (int i = 0; i < n->op.info->param_count; i++) {
        void *field = (char *)n->op.args + n->op.info->params[i].offset;
        op_param_kind kind = n->op.info->params[i].kind;
        if (kind == OP_TENSOR) *(tsr_tensor **)field = NULL;
        if (kind == OP_GENERATOR) *(tsr_generator **)field = NULL;
        if (kind == OP_STRING && *(char **)field) ok = (*(char **)field = tsr_strdup(*(char **)field)) && ok;
    }
    return op_own_lists(n->op.info, n->op.args) && ok;
}

tsr_node *record_begin(const op_info *info, const void *args)
{
    void *scratch = (void *)(uintptr_t)args; /* visited, not written */
    int inputs = op_count_tensors(info, args);
    int outputs = info->outputs < 0 ? 0 : info->outputs; /* a list's count is known when it is there */
    tsr_node *n = node_new(NODE_OPERATOR, inputs, outputs);
    if (!n) return NULL;
    n->op.info = info;
    recorder r = {.node = n, .info = info, .ok = true};
    op_each_tensor(info, scratch, connect_input, &r);
    node_number(n);
    r.i = 0;
    if (r.ok) op_each_tensor(info, scratch, save_input, &r);
    if (r.ok) r.ok = (n->op.args = tsr_alloc(info->args_size)) != NULL;
    if (r.ok) {
        memcpy(n->op.args, args, info->args_size);
        r.ok = own_args(n);
    }
    if (r.ok) return n;
    record_abandon(n);
    return NULL;
}

void record_abandon(tsr_node *n) { node_release(n); }

/* For operators that return a list the node's outputs were not known at first. */
static tsr_node *with_outputs(tsr_node *n, int64_t count)
{
    tsr_node *m = node_new(NODE_OPERATOR, n->n_in, count);
    if (m) {
        m->op = n->op;
        m->sequence = n->sequence;
        m->saved = n->saved;
        n->saved = (saved_list){0};
        n->op.args = NULL;
        memcpy(m->edges, n->edges, (size_t)n->n_in * sizeof *n->edges);
        memcpy(m->in_meta, n->in_meta, (size_t)n->n_in * sizeof *n->in_meta);
        memset(n->edges, 0, (size_t)n->n_in * sizeof *n->edges);
    }
    node_release(n);
    return m;
}

bool record_outputs(tsr_node *n, tsr_tensor **out, int64_t count)
{
    if (n->n_out != count && !(n = with_outputs(n, count))) return false;
    bool ok = true;
    for (int64_t i = 0; ok && i < count; i++) {
        n->out_meta[i] = meta_of(out[i]);
        if (n->op.info->saves_result) ok = node_save(n, out[i], -1, (int)i);
        if (ok && tsr_dtype_is_floating((tsr_dtype)out[i]->dtype)) ok = autograd_attach(out[i], n, (int)i);
    }
    node_release(n);
    return ok;
}

/* ---- in place ---------------------------------------------------------------------------------------------------------- */

static bool fail_view(const tsr_tensor *t)
{
    if (t->view == VIEW_NO_GRAD)
        tsr_fail(
            TSR_ESTATE,
            "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that this "
            "use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the "
            "view and the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) "
            "or both outside (if you want the inplace to be tracked).");
    else
        tsr_fail(
            TSR_ESTATE,
            "Output %d of %s is a view and is being modified inplace. This view is the output of a function that "
            "returns multiple views. Such functions do not allow the output views to be modified inplace. You should "
            "replace the inplace operation by an out-of-place one.",
            t->autograd ? t->autograd->output : 0,
            t->autograd && t->autograd->grad_fn ? node_backward_name(t->autograd->grad_fn) : "a function");
    return false;
}

bool record_check_inplace(tsr_tensor *t)
{
    if (t->base && t->view != VIEW_PLAIN) return fail_view(t);
    if (t->base && tsr_is_leaf(t->base) && t->base->requires_grad) {
        tsr_fail(TSR_ESTATE, "a view of a leaf Variable that requires grad is being used in an in-place operation.");
        return false;
    }
    if (!t->base && t->requires_grad && tsr_is_leaf(t)) {
        tsr_fail(TSR_ESTATE, "a leaf Variable that requires grad is being used in an in-place operation.");
        return false;
    }
    return true;
}

bool record_check_inference(const tsr_tensor *t)
{
    if (!t->storage->inference || storage_inference_mode()) return true;
    tsr_fail(TSR_ESTATE,
             "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to "
             "get a normal tensor before doing inplace update.");
    return false;
}

/* CopySlices: input 0 is the base before the write, the others are the operator's inputs after its first. */
static tsr_node *copy_slices(tsr_node *inner, tsr_tensor *view)
{
    tsr_node *n = node_new(NODE_COPY_SLICES, inner->n_in, 1);
    if (!n) return NULL;
    n->slices.inner = node_retain(inner);
    n->slices.view = meta_of(view);
    n->out_meta[0] = meta_of(view->base);
    for (int i = 1; i < inner->n_in; i++) {
        n->edges[i] = (node_edge){node_retain(inner->edges[i].node), inner->edges[i].output};
        n->in_meta[i] = inner->in_meta[i];
    }
    bool ok = node_connect(n, 0, view->base);
    node_number(n);
    if (ok) return n;
    node_release(n);
    return NULL;
}

bool record_rebase(tsr_node *n, tsr_tensor *written)
{
    n->out_meta[0] = meta_of(written);
    bool ok = !n->op.info->saves_result || node_save(n, written, -1, 0);
    if (ok && written->base) {
        tsr_node *slices = copy_slices(n, written);
        ok = slices && autograd_attach(written->base, slices, 0);
        node_release(slices);
    } else if (ok) {
        ok = autograd_attach(written, n, 0);
    }
    node_release(n);
    return ok;
}

/* ---- services for operators' code ---------------------------------------------------------------------------------------- */

void op_save(op_ctx *c, tsr_tensor *t)
{
    if (c->node) node_save(c->node, t, -1, -1);
}

bool op_recording(const op_ctx *c) { return c->node != NULL; }

bool op_needs(const op_ctx *c, int i) { return c->node && i < c->node->n_in && c->node->edges[i].node; }

/* Intermediates come after saved inputs and before results. */
tsr_tensor *op_saved(op_ctx *c, int i)
{
    for (int64_t k = 0; k < c->node->saved.count; k++)
        if (c->node->saved.v[k].input < 0 && c->node->saved.v[k].output < 0 && i-- == 0) return node_unpack(c->node, k);
    if (c->node->freed) node_unpack(c->node, 0); /* says so */
    return NULL;
}

tsr_tensor *op_result(op_ctx *c, int i)
{
    for (int64_t k = 0; k < c->node->saved.count; k++)
        if (c->node->saved.v[k].output == i) return node_unpack(c->node, k);
    if (c->node->freed) node_unpack(c->node, 0);
    return NULL;
}

op_meta op_input_meta(const op_ctx *c, int i) { return c->node->in_meta[i]; }
op_meta op_output_meta(const op_ctx *c, int i) { return c->node->out_meta[i]; }
int op_input_count(const op_ctx *c) { return c->node->n_in; }

tsr_tensor *op_grad_or_zeros(op_ctx *c, tsr_tensor *const *grad, int i)
{
    if (grad[i]) return grad[i];
    op_meta m = c->node->out_meta[i];
    return tsr_zeros(m.shape, .dtype = m.dtype);
}
