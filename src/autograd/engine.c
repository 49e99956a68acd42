/* engine.c: runs backward.

   The graph is a DAG of nodes, newest last. We count, from the roots, how many gradients each node waits for, then take
   ready nodes from a heap ordered by sequence number, leaves first: data-parallel training starts its reductions from
   leaf accumulation, so a leaf that is ready must not wait behind older interior nodes. Recursion was rejected: a graph
   of a million nodes is ordinary in recurrent models, and the C stack is not ours.

   What a run knows of a node (gradients collected so far, how many are to come) is kept in a table of the run's own,
   not in the node, so that a derivative may itself run backward over the same nodes. When gradients of chosen inputs are
   asked for, only nodes on a way to one of them are run. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/graph.h"
#include "base/profile.h"

typedef struct visit {
    tsr_node *node;
    tsr_tensor **grad; /* [n_out], references; allocated when the first arrives */
    int32_t waiting;
    bool needed;
} visit;

typedef struct engine {
    const engine_task *task;
    visit *visits;
    int64_t count, room;
    int32_t *table; /* open addressing: index of a visit + 1, 0 empty */
    int64_t table_size;
    int64_t *heap; /* visits that are ready */
    int64_t heap_count, heap_room;
    node_edge *targets; /* the edges of task->inputs */
} engine;

/* ---- the table of visits ------------------------------------------------------------------------------------------- */

static uint64_t hash_pointer(const void *p)
{
    uint64_t x = (uint64_t)(uintptr_t)p >> 6;
    return x * 0x9E3779B97F4A7C15u;
}

static int32_t *find_slot(const engine *e, const tsr_node *n)
{
    uint64_t mask = (uint64_t)e->table_size - 1;
    for (uint64_t at = hash_pointer(n) >> 20 & mask;; at = (at + 1) & mask)
        if (e->table[at] == 0 || e->visits[e->table[at] - 1].node == n) return &e->table[at];
}

static bool grow_table(engine *e)
{
    int32_t *old = e->table;
    e->table_size = e->table_size ? e->table_size * 2 : 64;
    e->table = tsr_alloc_zeroed((size_t)e->table_size, sizeof *e->table);
    if (!e->table) {
        e->table = old;
        e->table_size /= 2;
        return false;
    }
    for (int64_t i = 0; i < e->count; i++) *find_slot(e, e->visits[i].node) = (int32_t)(i + 1);
    tsr_free(old);
    return true;
}

/* The index of n's visit, or -1. */
static int64_t lookup(const engine *e, const tsr_node *n) { return e->table ? *find_slot(e, n) - 1 : -1; }

static int64_t visit_of(engine *e, tsr_node *n)
{
    if (2 * e->count >= e->table_size && !grow_table(e)) return -1;
    int32_t *slot = find_slot(e, n);
    if (*slot) return *slot - 1;
    if (e->count == e->room && !tsr_grow(&e->visits, e->count, &e->room, sizeof *e->visits)) return -1;
    e->visits[e->count] = (visit){.node = node_retain(n)};
    *slot = (int32_t)++e->count;
    return e->count - 1;
}

/* ---- preparing ------------------------------------------------------------------------------------------------------- */

/* Visit everything reachable; the list of visits is its own queue. */
static bool discover(engine *e)
{
    for (int64_t i = 0; i < e->count; i++) {
        tsr_node *n = e->visits[i].node;
        for (int k = 0; k < n->n_in; k++) {
            if (!n->edges[k].node) continue;
            int64_t next = visit_of(e, n->edges[k].node);
            if (next < 0) return false;
            e->visits[next].waiting++;
        }
    }
    return true;
}

static int by_sequence(const void *a, const void *b)
{
    const visit *x = *(visit *const *)a, *y = *(visit *const *)b;
    return (x->node->sequence > y->node->sequence) - (x->node->sequence < y->node->sequence);
}

/* A node is needed if it is a target or leads to one. Edges go to nodes made earlier, so one sweep in order of age will
   do; accumulators, the oldest in this sense, have no edges. */
static bool mark_needed(engine *e)
{
    int64_t targets = e->task->inputs.n;
    visit **order = tsr_alloc((size_t)e->count * sizeof *order);
    if (!order) return false;
    for (int64_t i = 0; i < targets; i++) {
        int64_t v = lookup(e, e->targets[i].node);
        if (v >= 0) e->visits[v].needed = true;
    }
    for (int64_t i = 0; i < e->count; i++) order[i] = &e->visits[i];
    qsort(order, (size_t)e->count, sizeof *order, by_sequence);
    for (int64_t i = 0; i < e->count; i++) {
        tsr_node *n = order[i]->node;
        for (int k = 0; k < n->n_in && !order[i]->needed; k++)
            if (n->edges[k].node) order[i]->needed = e->visits[lookup(e, n->edges[k].node)].needed;
    }
    tsr_free(order);
    return true;
}

/* ---- the heap: highest sequence first ----------------------------------------------------------------------------------- */

static uint64_t priority(const engine *e, int64_t i) { return e->visits[e->heap[i]].node->sequence; }

static void swap_heap(engine *e, int64_t a, int64_t b)
{
    int64_t t = e->heap[a];
    e->heap[a] = e->heap[b];
    e->heap[b] = t;
}

static bool push(engine *e, int64_t v)
{
    if (e->heap_count == e->heap_room && !tsr_grow(&e->heap, e->heap_count, &e->heap_room, sizeof *e->heap))
        return false;
    int64_t i = e->heap_count++;
    e->heap[i] = v;
    for (; i > 0 && priority(e, (i - 1) / 2) < priority(e, i); i = (i - 1) / 2) swap_heap(e, i, (i - 1) / 2);
    return true;
}

static int64_t pop(engine *e)
{
    int64_t top = e->heap[0], i = 0;
    e->heap[0] = e->heap[--e->heap_count];
    for (;;) {
        int64_t best = i;
        for (int64_t k = 2 * i + 1; k <= 2 * i + 2 && k < e->heap_count; k++)
            if (priority(e, k) > priority(e, best)) best = k;
        if (best == i) return top;
        swap_heap(e, i, best);
        i = best;
    }
}

/* ---- gradients on their way ------------------------------------------------------------------------------------------------ */

/* A gradient may have been computed in a broadcast shape or a wider dtype: bring it to what the input was. */
static tsr_tensor *fit_gradient(tsr_node *n, int k, tsr_tensor *g)
{
    const op_meta *m = &n->in_meta[k];
    tsr_shape shape = op_shape(g), full;
    if (!tsr_shape_equal(shape, m->shape)) {
        bool fits = shape.n >= m->shape.n && shape_broadcast("backward", &m->shape, &shape, &full) &&
                    tsr_shape_equal(full, shape);
        if (!fits) {
            tsr_error_clear();
            tsr_fail(
                TSR_EINVAL,
                "Function %s returned an invalid gradient at index %d - got %s but expected shape compatible with %s",
                node_backward_name(n), k, shape_text(&shape), shape_text(&m->shape));
            return NULL;
        }
        g = op_sum_to(g, &m->shape);
    }
    return g && g->dtype != m->dtype ? tsr_to(g, m->dtype) : g;
}

/* Sum into the buffer. In place only when nobody else can see the tensor that is there. */
static bool collect(engine *e, visit *v, int output, tsr_tensor *g)
{
    if (!v->grad && !(v->grad = tsr_alloc_zeroed((size_t)v->node->n_out, sizeof *v->grad))) return false;
    tsr_tensor **at = &v->grad[output];
    if (!*at) {
        *at = tsr_keep(g);
        return true;
    }
    bool ours = (*at)->refs == 1 && !(*at)->base && (*at)->storage->refs == 1 && !(*at)->storage->borrowed;
    if (ours && !e->task->create_graph && tensor_internal_overlap(*at) == OVERLAP_NO) return tsr_add_(*at, g) != NULL;
    tsr_tensor *sum = tsr_keep(tsr_add(*at, g));
    tsr_release(*at);
    *at = sum;
    return sum != NULL;
}

static bool deliver(engine *e, tsr_node *n, tsr_tensor **grad_in)
{
    for (int k = 0; k < n->n_in; k++) {
        if (!n->edges[k].node) continue;
        int64_t v = lookup(e, n->edges[k].node);
        bool wanted = e->task->inputs.n == 0 || e->visits[v].needed;
        if (grad_in && grad_in[k] && wanted) {
            tsr_tensor *g = fit_gradient(n, k, grad_in[k]);
            if (!g || !collect(e, &e->visits[v], n->edges[k].output, g)) return false;
        }
        if (--e->visits[v].waiting == 0 && wanted && !push(e, v)) return false;
    }
    return true;
}

/* ---- running a node -------------------------------------------------------------------------------------------------------------- */

/* Threads that run backward at the same time may share leaves. */
static pthread_mutex_t grad_lock = PTHREAD_MUTEX_INITIALIZER;

static void retain_grads(const tsr_node *n, tsr_tensor *const *grad)
{
    for (int64_t h = 0; h < n->hooks.count; h++) {
        const node_hook *hook = &n->hooks.v[h];
        if (hook->kind != HOOK_RETAIN_GRAD || !grad[hook->output]) continue;
        struct tsr_autograd *ag = hook->user;
        pthread_mutex_lock(&grad_lock);
        tsr_tensor *old = ag->grad;
        ag->grad = tsr_keep(grad[hook->output]);
        pthread_mutex_unlock(&grad_lock);
        tsr_release(old);
    }
}

static bool run_hook(tsr_tensor_hook call, void *user, tsr_tensor **g)
{
    tsr_tensor *replaced = call(*g, user);
    if (tsr_error_pending()) return false;
    if (replaced && replaced != *g) grad_replace(g, replaced);
    return true;
}

static bool run_leaf_hooks(const struct tsr_autograd *ag, tsr_tensor **g)
{
    hook_walk w = hooks_walk();
    leaf_hook h;
    while (*g && hooks_next_of_leaf(ag, &w, &h))
        if (h.call && !run_hook(h.call, h.user, g)) return false;
    return true;
}

/* Those of the tensors whose gradients these are. */
static bool run_tensor_hooks(const tsr_node *n, tsr_tensor **grad)
{
    if (n->kind == NODE_ACCUMULATE) return run_leaf_hooks(n->accumulate.leaf->autograd, grad);
    hook_walk w = hooks_walk();
    node_hook h;
    while (hooks_next_of_node(n, &w, &h)) {
        tsr_tensor **g = &grad[h.output];
        if (h.kind == HOOK_TENSOR && *g && !run_hook(h.call, h.user, g)) return false;
    }
    return true;
}

static bool capture(engine *e, const visit *v)
{
    if (!e->task->grads) return true;
    for (int64_t i = 0; i < e->task->inputs.n; i++) {
        if (e->targets[i].node != v->node || !v->grad) continue;
        e->task->grads[i] = tsr_keep(v->grad[e->targets[i].output]);
    }
    return true;
}

/* A leaf steals its first gradient when nobody else holds it and the layout is its own. */
static bool may_steal(const tsr_tensor *leaf, const tsr_tensor *g, bool create_graph)
{
    if (create_graph || g->refs != 1 || g->base || g->storage->refs != 1 || g->storage->borrowed || g->requires_grad)
        return false;
    for (int d = 0; d < leaf->ndim; d++)
        if (leaf->shape[d] != 1 && g->stride[d] != leaf->stride[d]) return false;
    return shape_is_dense(g->ndim, g->shape, g->stride);
}

static tsr_tensor *copy_for_leaf(const tsr_tensor *leaf, tsr_tensor *g)
{
    tsr_tensor *copy = tensor_empty_like(leaf, (tsr_dtype)leaf->dtype);
    return copy ? tsr_copy_(copy, g) : NULL;
}

/* With `keep`, what the leaf steals stays in the buffer too, for hooks to see. */
static bool accumulate_locked(tsr_tensor *leaf, tsr_tensor **buffer, bool create_graph, bool keep)
{
    struct tsr_autograd *ag = leaf->autograd;
    tsr_tensor *g = *buffer;
    if (ag->grad && !create_graph) return tsr_add_(ag->grad, g) != NULL;
    if (!ag->grad && may_steal(leaf, g, create_graph)) {
        ag->grad = g;
        *buffer = keep ? tsr_keep(g) : NULL;
        return true;
    }
    tsr_tensor *sum = tsr_keep(ag->grad ? tsr_add(ag->grad, g) : copy_for_leaf(leaf, g));
    if (!sum) return false;
    tsr_release(ag->grad);
    ag->grad = sum;
    return true;
}

static bool accumulate(tsr_tensor *leaf, tsr_tensor **buffer, bool create_graph, bool keep)
{
    pthread_mutex_lock(&grad_lock);
    bool ok = accumulate_locked(leaf, buffer, create_graph, keep);
    pthread_mutex_unlock(&grad_lock);
    return ok;
}

static bool run_leaf(engine *e, tsr_node *n, tsr_tensor **buffer)
{
    tsr_tensor *leaf = n->accumulate.leaf;
    struct tsr_autograd *ag = leaf->autograd;
    if (!accumulate(leaf, buffer, e->task->create_graph, hooks_has_post(n))) return false;
    hook_walk w = hooks_walk();
    leaf_hook h;
    while (hooks_next_of_leaf(ag, &w, &h))
        if (h.post) h.post(leaf, h.user);
    return !tsr_error_pending();
}

static bool is_target_only(const engine *e, const visit *v)
{
    if (!e->task->grads) return false;
    for (int k = 0; k < v->node->n_in; k++) {
        int64_t next = v->node->edges[k].node ? lookup(e, v->node->edges[k].node) : -1;
        if (next >= 0 && e->visits[next].needed) return false;
    }
    return true;
}

static void drop_buffers(visit *v)
{
    for (int k = 0; v->grad && k < v->node->n_out; k++) tsr_release(v->grad[k]);
    tsr_free(v->grad);
    v->grad = NULL;
}

/* Are there gradients, and does the task want more of the node than those? */
static bool is_to_run(const engine *e, const visit *v)
{
    if (!v->grad) return false;
    if (v->node->kind == NODE_ACCUMULATE) return !e->task->grads;
    return v->node->n_in > 0 && !is_target_only(e, v);
}

static bool has_gradient(const visit *v)
{
    for (int k = 0; v->grad && k < v->node->n_out; k++)
        if (v->grad[k]) return true;
    return false;
}

/* The node itself, between its hooks. */
static bool run_node(engine *e, tsr_node *n, tsr_tensor **grad, tsr_tensor **grad_in)
{
    if (n->kind == NODE_ACCUMULATE) {
        if (!run_leaf(e, n, &grad[0])) return false;
    } else {
        node_apply(n, grad, grad_in);
        if (tsr_error_pending()) return false;
        if (!e->task->retain_graph) node_free_saved(n);
    }
    return hooks_run_post(n, grad_in, grad) && anomaly_check(n, grad_in);
}

/* Time the node, if the profiler is on, under its derivative's name; having no memory for that is not an error here. */
static void enter_profile(profile_frame *f, tsr_node *n)
{
    bool pending = tsr_error_pending();
    *f = (profile_frame){.name = NULL};
    if (!profile_on()) return;
    const char *name = node_backward_name(n);
    if (!pending) tsr_error_clear();
    profile_enter(f, TSR_PROFILE_DERIVATIVE, name);
}

/* What hooks of tensors made of a gradient is captured; what hooks of the node make of it is retained. */
static bool run_visit(engine *e, int64_t i)
{
    visit *v = &e->visits[i]; /* visits do not move any more */
    tsr_node *n = v->node;
    tsr_tensor **grad_in = NULL;
    profile_frame f;
    enter_profile(&f, n);
    tsr_mark m = tsr_scope_open();
    bool to_run = is_to_run(e, v);
    bool ok = (!v->grad || run_tensor_hooks(n, v->grad)) && capture(e, v);
    ok = ok && (!to_run || hooks_run_pre(n, v->grad));
    if (ok && v->grad) retain_grads(n, v->grad);
    if (ok && to_run && has_gradient(v)) {
        grad_in = tsr_alloc_zeroed((size_t)n->n_in + 1, sizeof *grad_in);
        ok = grad_in && run_node(e, n, v->grad, grad_in);
    }
    ok = ok && deliver(e, n, grad_in);
    drop_buffers(v); /* not before: a derivative may hand its gradient on as it is */
    tsr_free(grad_in);
    tsr_scope_close(m);
    profile_leave(&f);
    return ok;
}

/* ---- a whole run --------------------------------------------------------------------------------------------------------------------- */

static bool seed_roots(engine *e)
{
    for (int64_t i = 0; i < e->task->roots.n; i++) {
        node_edge edge;
        if (!autograd_edge(e->task->roots.v[i], &edge)) return false;
        int64_t v = edge.node ? visit_of(e, edge.node) : -1;
        node_release(edge.node);
        if (v < 0 || !collect(e, &e->visits[v], edge.output, e->task->seeds.v[i])) return false;
    }
    return true;
}

static bool find_targets(engine *e)
{
    if (e->task->inputs.n == 0) return true;
    e->targets = tsr_alloc_zeroed((size_t)e->task->inputs.n, sizeof *e->targets);
    for (int64_t i = 0; e->targets && i < e->task->inputs.n; i++)
        if (!autograd_edge(e->task->inputs.v[i], &e->targets[i])) return false;
    return e->targets != NULL;
}

/* Roots that other roots lead to are not ready at once. */
static bool push_ready(engine *e, int64_t roots)
{
    for (int64_t i = 0; i < roots; i++)
        if (e->visits[i].waiting == 0 && (e->task->inputs.n == 0 || e->visits[i].needed) && !push(e, i)) return false;
    return true;
}

static void engine_free(engine *e)
{
    for (int64_t i = 0; i < e->count; i++) {
        drop_buffers(&e->visits[i]);
        node_release(e->visits[i].node);
    }
    for (int64_t i = 0; e->targets && i < e->task->inputs.n; i++) node_release(e->targets[i].node);
    tsr_free(e->targets);
    tsr_free(e->visits);
    tsr_free(e->table);
    tsr_free(e->heap);
}

static TSR_THREAD_LOCAL const engine_task *running;

bool engine_is_partial(void) { return running && running->inputs.n > 0; }

tsr_status engine_run(const engine_task *task)
{
    engine e = {.task = task};
    const engine_task *outer = running;
    running = task;
    profile_frame f;
    profile_enter_range(&f, "backward");
    bool was = tsr_set_grad_enabled(task->create_graph);
    tsr_mark m = tsr_scope_open();
    bool ok = find_targets(&e) && seed_roots(&e);
    int64_t roots = e.count;
    ok = ok && discover(&e) && (task->inputs.n == 0 || mark_needed(&e)) && push_ready(&e, roots);
    while (ok && e.heap_count > 0) ok = run_visit(&e, pop(&e));
    engine_free(&e);
    running = outer;
    tsr_scope_close(m);
    tsr_set_grad_enabled(was);
    profile_leave(&f);
    if (ok) return TSR_OK;
    return tsr_error_pending() ? tsr_error_status() : tsr_fail(TSR_ESTATE, "backward failed");
}
