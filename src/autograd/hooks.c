/* hooks.c: functions that see gradients as they are computed.

   A hook of a leaf lives with the leaf; a hook of a recorded result lives in the node that made it, so that it fires for
   that history even if the tensor is written in place later. retain_grad is a hook that stores, of the tensor as it is
   last: it moves on to the node that wrote. Hooks of nodes lie in the same list.

   Lists are in the order of ids, which grow. A hook may remove hooks, itself too, and add some, so a walk finds each by the
   id of the one before: none is skipped, one that was removed is not called, and one that was added waits for the next
   run. */
#include <string.h>

#include "autograd/graph.h"

static int64_t next_id;

static int64_t new_id(void) { return __atomic_add_fetch(&next_id, 1, __ATOMIC_RELAXED); }

static bool add_node_hook(tsr_node *n, node_hook h)
{
    if (n->hooks.count == n->hooks.room && !tsr_grow(&n->hooks.v, n->hooks.count, &n->hooks.room, sizeof *n->hooks.v))
        return false;
    n->hooks.v[n->hooks.count++] = h;
    return true;
}

static bool add_leaf_hook(tsr_tensor *t, leaf_hook h)
{
    struct tsr_autograd *ag = autograd_of(t);
    if (!ag) return false;
    if (ag->hooks.count == ag->hooks.room &&
        !tsr_grow(&ag->hooks.v, ag->hooks.count, &ag->hooks.room, sizeof *ag->hooks.v))
        return false;
    ag->hooks.v[ag->hooks.count++] = h;
    return true;
}

int64_t tsr_register_hook(tsr_tensor *t, tsr_tensor_hook hook, void *user)
{
    if (!t || !hook || !autograd_requires_grad(t)) {
        tsr_fail(TSR_EINVAL, "register_hook: cannot register a hook on a tensor that doesn't require gradient");
        return -1;
    }
    int64_t id = new_id();
    tsr_node *fn = autograd_grad_fn(t);
    bool ok = fn ? add_node_hook(fn, (node_hook){id, HOOK_TENSOR, t->autograd->output, {.call = hook}, user})
                 : add_leaf_hook(t, (leaf_hook){.id = id, .call = hook, .user = user});
    return ok ? id : -1;
}

int64_t tsr_register_post_accumulate_grad_hook(tsr_tensor *leaf, tsr_post_accumulate_hook hook, void *user)
{
    if (!leaf || !hook || !leaf->requires_grad || !tsr_is_leaf(leaf)) {
        tsr_fail(TSR_EINVAL, "register_post_accumulate_grad_hook: only for leaf tensors that require gradient");
        return -1;
    }
    int64_t id = new_id();
    return add_leaf_hook(leaf, (leaf_hook){.id = id, .post = hook, .user = user}) ? id : -1;
}

static bool remove_node_hook(tsr_node *n, int64_t id)
{
    for (int64_t i = 0; n && i < n->hooks.count; i++) {
        if (n->hooks.v[i].id != id) continue;
        for (n->hooks.count--; i < n->hooks.count; i++) n->hooks.v[i] = n->hooks.v[i + 1];
        return true;
    }
    return false;
}

static bool remove_former_hook(struct tsr_autograd *ag, int64_t id)
{
    for (int64_t i = 0; i < ag->former.count; i++)
        if (remove_node_hook(ag->former.v[i], id)) return true;
    return false;
}

static bool remove_leaf_hook(struct tsr_autograd *ag, int64_t id)
{
    for (int64_t i = 0; ag && i < ag->hooks.count; i++) {
        if (ag->hooks.v[i].id != id) continue;
        for (ag->hooks.count--; i < ag->hooks.count; i++) ag->hooks.v[i] = ag->hooks.v[i + 1];
        return true;
    }
    return false;
}

tsr_status tsr_remove_hook(tsr_tensor *t, int64_t id)
{
    struct tsr_autograd *ag = t ? t->autograd : NULL;
    if (ag && (remove_leaf_hook(ag, id) || remove_node_hook(ag->grad_fn, id) || remove_former_hook(ag, id)))
        return TSR_OK;
    return tsr_fail(TSR_EINVAL, "remove_hook: the tensor has no hook %lld", (long long)id);
}

tsr_status tsr_retain_grad(tsr_tensor *t)
{
    if (!t || !autograd_requires_grad(t))
        return tsr_fail(TSR_EINVAL, "retain_grad: can't retain_grad on a tensor that has requires_grad=false");
    tsr_node *fn = autograd_grad_fn(t);
    if (!fn) return tsr_error_status(); /* leaves keep theirs anyway */
    struct tsr_autograd *ag = t->autograd;
    if (ag->retains_grad) return TSR_OK;
    if (!add_node_hook(fn, (node_hook){new_id(), HOOK_RETAIN_GRAD, ag->output, {NULL}, ag})) return tsr_error_status();
    ag->retains_grad = true;
    return TSR_OK;
}

static void drop_retained(const struct tsr_autograd *ag)
{
    tsr_node *n = ag->grad_fn;
    for (int64_t i = 0; n && i < n->hooks.count; i++)
        if (n->hooks.v[i].kind == HOOK_RETAIN_GRAD && n->hooks.v[i].user == ag) {
            remove_node_hook(n, n->hooks.v[i].id);
            return;
        }
}

/* A node that has hooks is kept when another takes its place. */
static bool keep_former(struct tsr_autograd *ag)
{
    if (!ag->grad_fn || ag->grad_fn->hooks.count == (int64_t)ag->retains_grad) return true;
    if (ag->former.count == ag->former.room &&
        !tsr_grow(&ag->former.v, ag->former.count, &ag->former.room, sizeof *ag->former.v))
        return false;
    ag->former.v[ag->former.count++] = node_retain(ag->grad_fn);
    return true;
}

bool hooks_follow(struct tsr_autograd *ag, tsr_node *n, int output)
{
    if (!keep_former(ag)) return false;
    if (!ag->retains_grad) return true;
    if (!add_node_hook(n, (node_hook){new_id(), HOOK_RETAIN_GRAD, output, {NULL}, ag})) return false;
    drop_retained(ag);
    return true;
}

void hooks_drop(struct tsr_autograd *ag)
{
    if (ag->retains_grad) drop_retained(ag);
    for (int64_t i = 0; i < ag->former.count; i++) node_release(ag->former.v[i]);
    tsr_free(ag->former.v);
}

/* ---- walking ---------------------------------------------------------------------------------------------------------- */

hook_walk hooks_walk(void) { return (hook_walk){.last = __atomic_load_n(&next_id, __ATOMIC_RELAXED)}; }

bool hooks_next_of_node(const tsr_node *n, hook_walk *w, node_hook *h)
{
    for (int64_t i = 0; i < n->hooks.count; i++) {
        if (n->hooks.v[i].id <= w->done) continue;
        *h = n->hooks.v[i];
        w->done = h->id;
        return h->id <= w->last;
    }
    return false;
}

bool hooks_next_of_leaf(const struct tsr_autograd *leaf, hook_walk *w, leaf_hook *h)
{
    for (int64_t i = 0; i < leaf->hooks.count; i++) {
        if (leaf->hooks.v[i].id <= w->done) continue;
        *h = leaf->hooks.v[i];
        w->done = h->id;
        return h->id <= w->last;
    }
    return false;
}

/* ---- hooks of nodes ------------------------------------------------------------------------------------------------ */

static int64_t register_on_node(tsr_node *n, node_hook h)
{
    h.id = new_id();
    return add_node_hook(n, h) ? h.id : -1;
}

int64_t tsr_node_register_prehook(tsr_node *n, tsr_node_pre_hook hook, void *user)
{
    if (n && hook) return register_on_node(n, (node_hook){.kind = HOOK_PRE, .pre = hook, .user = user});
    tsr_fail(TSR_EINVAL, "node_register_prehook: the %s is NULL", n ? "hook" : "node");
    return -1;
}

int64_t tsr_node_register_hook(tsr_node *n, tsr_node_hook hook, void *user)
{
    if (n && hook) return register_on_node(n, (node_hook){.kind = HOOK_POST, .post = hook, .user = user});
    tsr_fail(TSR_EINVAL, "node_register_hook: the %s is NULL", n ? "hook" : "node");
    return -1;
}

/* Ids of tensors' hooks are for tsr_remove_hook. */
static bool is_hook_of_node(const tsr_node *n, int64_t id)
{
    for (int64_t i = 0; n && i < n->hooks.count; i++)
        if (n->hooks.v[i].id == id) return n->hooks.v[i].kind >= HOOK_PRE;
    return false;
}

tsr_status tsr_node_remove_hook(tsr_node *n, int64_t id)
{
    if (is_hook_of_node(n, id) && remove_node_hook(n, id)) return TSR_OK;
    return tsr_fail(TSR_EINVAL, "node_remove_hook: the node has no hook %lld", (long long)id);
}

void grad_replace(tsr_tensor **at, tsr_tensor *by)
{
    tsr_tensor *old = *at;
    *at = tsr_keep(by);
    tsr_release(old);
}

static bool fits_output(tsr_node *n, int k, const tsr_tensor *g)
{
    const op_meta *m = &n->out_meta[k];
    if (!g || (g->dtype == m->dtype && tensor_has_shape(g, &m->shape))) return true;
    tsr_fail(TSR_EINVAL, "a pre-hook of %s replaced the gradient at index %d by %s %s where %s %s is needed",
             node_backward_name(n), k, tsr_dtype_name((tsr_dtype)g->dtype), tensor_shape_text(g),
             tsr_dtype_name(m->dtype), shape_text(&m->shape));
    return false;
}

/* The hook gets a list of its own: those in grad are counted references. */
static bool run_pre(tsr_node *n, node_hook h, tsr_tensor **grad, tsr_tensor **seen)
{
    memcpy(seen, grad, (size_t)n->n_out * sizeof *seen);
    h.pre(n, seen, n->n_out, h.user);
    bool ok = !tsr_error_pending();
    for (int k = 0; ok && k < n->n_out; k++) {
        if (seen[k] == grad[k]) continue;
        ok = fits_output(n, k, seen[k]);
        if (ok) grad_replace(&grad[k], seen[k]);
    }
    return ok;
}

bool hooks_run_pre(tsr_node *n, tsr_tensor **grad)
{
    bool ok = true;
    hook_walk w = hooks_walk();
    node_hook h;
    while (ok && hooks_next_of_node(n, &w, &h)) {
        if (h.kind != HOOK_PRE) continue;
        tsr_tensor **seen = tsr_alloc((size_t)n->n_out * sizeof *seen);
        ok = seen && run_pre(n, h, grad, seen);
        tsr_free(seen);
    }
    return ok;
}

bool hooks_has_post(const tsr_node *n)
{
    for (int64_t i = 0; i < n->hooks.count; i++)
        if (n->hooks.v[i].kind == HOOK_POST) return true;
    return false;
}

bool hooks_run_post(tsr_node *n, tsr_tensor **grad_in, tsr_tensor *const *grad)
{
    hook_walk w = hooks_walk();
    node_hook h;
    while (hooks_next_of_node(n, &w, &h)) {
        if (h.kind != HOOK_POST) continue;
        h.post(n, grad_in, n->n_in, grad, n->n_out, h.user);
        if (tsr_error_pending()) return false;
    }
    return true;
}
