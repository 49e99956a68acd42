/* graph.c: nodes: making them, saving tensors in them, taking them apart.

   Taking a node apart may drop the last reference of the nodes before it, a million deep. So a node whose count reaches
   zero is put on a list of the thread, and only the outermost call empties it. */
#include "autograd/graph.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "op/op_args.h"

static uint64_t next_sequence;

static TSR_THREAD_LOCAL struct graveyard {
    tsr_node *first; /* linked through the edges pointer, which a dead node no longer needs: see bury */
    bool digging;
} graveyard;

op_meta meta_of(const tsr_tensor *t)
{
    op_meta m = {.dtype = (tsr_dtype)t->dtype, .device = (tsr_device)t->storage->device, .offset = t->offset};
    m.shape.n = m.stride.n = t->ndim;
    memcpy(m.shape.v, t->shape, sizeof m.shape.v);
    memcpy(m.stride.v, t->stride, sizeof m.stride.v);
    return m;
}

/* The node and its arrays are one block. */
tsr_node *node_new(node_kind kind, int64_t n_in, int64_t n_out)
{
    size_t edges = (size_t)n_in * sizeof(node_edge), in = (size_t)n_in * sizeof(op_meta);
    size_t out = (size_t)n_out * sizeof(op_meta);
    tsr_node *n = tsr_alloc(sizeof *n + edges + in + out);
    if (!n) return NULL;
    memset(n, 0, sizeof *n + edges);
    n->refs = 1;
    n->kind = (uint8_t)kind;
    n->n_in = (int32_t)n_in;
    n->n_out = (int32_t)n_out;
    n->edges = (node_edge *)(n + 1);
    n->in_meta = (op_meta *)((char *)n->edges + edges);
    n->out_meta = (op_meta *)((char *)n->in_meta + in);
    n->sequence = UINT64_MAX;
    n->place = anomaly_place();
    return n;
}

void node_number(tsr_node *n) { n->sequence = __atomic_add_fetch(&next_sequence, 1, __ATOMIC_RELAXED); }

tsr_node *node_retain(tsr_node *n)
{
    if (n) __atomic_add_fetch(&n->refs, 1, __ATOMIC_RELAXED);
    return n;
}

/* ---- accumulators ------------------------------------------------------------------------------------------------ */

/* Threads that use one leaf share its accumulator. The leaf's pointer is not a reference: it may lead to a node that
   another thread is about to free, which it cannot do before it has the lock. */
static pthread_mutex_t accumulator_lock = PTHREAD_MUTEX_INITIALIZER;

static bool retain_living(tsr_node *n)
{
    int32_t refs = n ? __atomic_load_n(&n->refs, __ATOMIC_RELAXED) : 0;
    while (refs > 0)
        if (__atomic_compare_exchange_n(&n->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
    return false;
}

tsr_node *node_accumulator(tsr_tensor *leaf)
{
    struct tsr_autograd *ag = autograd_of(leaf);
    if (!ag) return NULL;
    pthread_mutex_lock(&accumulator_lock);
    tsr_node *n = ag->accumulator;
    if (!retain_living(n) && (n = node_new(NODE_ACCUMULATE, 0, 1))) {
        n->accumulate.leaf = tsr_keep(leaf);
        n->out_meta[0] = meta_of(leaf);
        ag->accumulator = n;
    }
    pthread_mutex_unlock(&accumulator_lock);
    return n;
}

static void leave_leaf(tsr_node *n)
{
    tsr_tensor *leaf = n->accumulate.leaf;
    pthread_mutex_lock(&accumulator_lock);
    if (leaf && leaf->autograd->accumulator == n) leaf->autograd->accumulator = NULL;
    pthread_mutex_unlock(&accumulator_lock);
    tsr_release(leaf);
}

/* ---- taking apart --------------------------------------------------------------------------------------------- */

static void drop_saved(tsr_node *n)
{
    for (int64_t i = 0; i < n->saved.count; i++) {
        tsr_release(n->saved.v[i].t);
        packed_free(n->saved.v[i].packed);
    }
    tsr_free(n->saved.v);
    n->saved = (saved_list){0};
}

void node_free_saved(tsr_node *n)
{
    if (n->kind == NODE_COPY_SLICES) node_free_saved(n->slices.inner);
    if (n->saved.count > 0) n->had_saved = true;
    drop_saved(n);
    n->freed = true;
}

static void free_args(const op_info *info, void *args)
{
    for (int i = 0; args && i < info->param_count; i++) {
        void *field = (char *)args + info->params[i].offset;
        if (info->params[i].kind == OP_STRING) tsr_free((void *)(uintptr_t) * (const char **)field);
    }
    if (args) op_free_lists(info, args);
    tsr_free(args);
}

static void take_apart(tsr_node *n)
{
    drop_saved(n);
    for (int i = 0; i < n->n_in; i++) node_release(n->edges[i].node);
    switch ((node_kind)n->kind) {
    case NODE_OPERATOR:
        free_args(n->op.info, n->op.args);
        break;
    case NODE_CUSTOM:
        if (n->custom.f && n->custom.f->drop) n->custom.f->drop(n->custom.user);
        break;
    case NODE_ACCUMULATE:
        leave_leaf(n);
        break;
    case NODE_COPY_SLICES:
        node_release(n->slices.inner);
        break;
    }
    tsr_free(n->title);
    tsr_free(n->place);
    tsr_free(n->hooks.v);
    tsr_free(n);
}

/* A dead node's hooks.room holds the link: it has no further use, and every node has it. */
static void bury(tsr_node *n)
{
    n->hooks.room = (int64_t)(intptr_t)graveyard.first;
    graveyard.first = n;
}

void node_release(tsr_node *n)
{
    if (!n || __atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    bury(n);
    if (graveyard.digging) return;
    graveyard.digging = true;
    while (graveyard.first) {
        tsr_node *next = graveyard.first;
        graveyard.first = (tsr_node *)(intptr_t)next->hooks.room;
        take_apart(next);
    }
    graveyard.digging = false;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

const char *node_name(const tsr_node *n)
{
    switch ((node_kind)n->kind) {
    case NODE_OPERATOR:
        return n->op.info->name;
    case NODE_CUSTOM:
        return n->custom.f->name;
    case NODE_ACCUMULATE:
        return "AccumulateGrad";
    case NODE_COPY_SLICES:
        return "CopySlices";
    }
    return "";
}

/* PyTorch's names: leaky_relu is LeakyReluBackward0. */
static void spell_backward_name(const char *name, char *text, size_t room)
{
    size_t at = 0;
    bool upper = true;
    for (; *name && *name != '.' && at < room - sizeof "Backward0"; name++) {
        if (*name != '_') text[at++] = (char)(upper && *name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
        upper = *name == '_';
    }
    snprintf(text + at, room - at, "Backward0");
}

/* Made once and kept by the node, so that it lives as long; threads that are first together agree on one. */
const char *node_backward_name(tsr_node *n)
{
    char text[96], *kept = __atomic_load_n(&n->title, __ATOMIC_ACQUIRE), *made;
    if (n->kind != NODE_OPERATOR || kept) return kept ? kept : node_name(n);
    spell_backward_name(node_name(n), text, sizeof text);
    if (!(made = tsr_strdup(text))) return node_name(n);
    if (__atomic_compare_exchange_n(&n->title, &kept, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return made;
    tsr_free(made);
    return kept;
}

/* ---- saved tensors ------------------------------------------------------------------------------------------------ */

/* An alias of t as it is now. What is saved must not be t itself where t's node leads or may yet lead to this one: an
   output's does, and an input's does after t.add_(f(t)). Only leaves that require a gradient are never written so. */
static tsr_tensor *alias_of(tsr_tensor *t, bool is_output)
{
    if (t->requires_grad && tsr_is_leaf(t)) return tsr_keep(t);
    node_edge edge;
    tsr_tensor *alias = tensor_unscope(tensor_alias(t));
    if (!alias || is_output) return alias;
    alias->wrapped_number = t->wrapped_number;
    bool ok = autograd_edge(t, &edge) && (!edge.node || autograd_attach(alias, edge.node, edge.output));
    node_release(edge.node);
    if (ok) return alias;
    tsr_release(alias);
    return NULL;
}

bool node_save(tsr_node *n, tsr_tensor *t, int input, int output)
{
    if (!t) return true;
    if (t->storage->inference) {
        tsr_fail(TSR_ESTATE,
                 "%s: Inference tensors cannot be saved for backward. To work around you can make a clone to "
                 "get a normal tensor and use it in autograd.",
                 node_name(n));
        return false;
    }
    if (n->saved.count == n->saved.room && !tsr_grow(&n->saved.v, n->saved.count, &n->saved.room, sizeof *n->saved.v))
        return false;
    node_saved s = {.version = t->storage->version, .input = input, .output = output};
    if (saved_hooks_are_on()) s.packed = packed_make(n, t, output >= 0);
    else s.t = alias_of(t, output >= 0);
    if (!s.t && !s.packed) return false;
    n->saved.v[n->saved.count++] = s;
    return true;
}

static const char *torch_type_name(tsr_dtype d)
{
    static const char *const names[TSR_DTYPE_COUNT] = {
        [TSR_DTYPE_DEFAULT] = "Tensor", [TSR_F32] = "FloatTensor", [TSR_F64] = "DoubleTensor",
        [TSR_I64] = "LongTensor",       [TSR_I32] = "IntTensor",   [TSR_U8] = "ByteTensor",
        [TSR_BOOL] = "BoolTensor",      [TSR_F16] = "HalfTensor",  [TSR_BF16] = "BFloat16Tensor"};
    return names[d];
}

static void fail_modified(tsr_node *n, const node_saved *s)
{
    char origin[160] = "";
    struct tsr_autograd *ag = s->t->autograd;
    if (s->output >= 0)
        snprintf(origin, sizeof origin, ", which is output %d of %s,", s->output, node_backward_name(n));
    else if (ag && ag->grad_fn)
        snprintf(origin, sizeof origin, ", which is output %d of %s,", ag->output, node_backward_name(ag->grad_fn));
    tsr_fail(
        TSR_ESTATE,
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        "[torch.%s %s]%s is at version %lld; expected version %lld instead. Hint: the derivative of '%s' needs its "
        "value; use an out-of-place operation or clone() the tensor before it is written.",
        torch_type_name((tsr_dtype)s->t->dtype), tensor_shape_text(s->t), origin, (long long)s->t->storage->version,
        (long long)s->version, node_name(n));
}

tsr_tensor *node_unpack(tsr_node *n, int64_t i)
{
    if (n->freed) {
        tsr_fail(
            TSR_ESTATE,
            "Trying to backward through the graph a second time (or directly access saved tensors after they have "
            "already been freed). Saved intermediate values of the graph are freed when you call backward or grads. "
            "Specify retain_graph=true if you need to backward through the graph a second time.");
        return NULL;
    }
    node_saved *s = &n->saved.v[i];
    if (s->packed) return packed_unpack(n, s->packed, s->output);
    if (s->t->storage->version != s->version) {
        fail_modified(n, s);
        return NULL;
    }
    if (s->output < 0) return s->t;
    tsr_tensor *t = tensor_alias(s->t);
    return t && autograd_attach(t, n, s->output) ? t : NULL;
}
