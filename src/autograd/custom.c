/* custom.c: functions of the user's own, with a derivative in C, and checkpointing, which is one of them.

   A custom function's run becomes a node like an operator's; the context it is given is the same one that operators use,
   with the list of outputs it marks. */
#include <string.h>

#include "autograd/graph.h"
#include "base/philox.h"
#include "base/profile.h"
#include "op/record.h"

/* What tsr_apply knows while forward runs; contexts of nested calls stack. */
typedef struct running {
    op_ctx *ctx;
    tsr_tensors in;
    tsr_tensor *dirty[8], *constant[8];
    int dirty_count, constant_count;
    struct {
        tsr_tensor *v[32];
        int count;
    } saved;
    struct running *outer;
} running;

static TSR_THREAD_LOCAL running *innermost;

static running *running_of(const tsr_ctx *ctx)
{
    for (running *r = innermost; r; r = r->outer)
        if (r->ctx == ctx) return r;
    tsr_fail(TSR_ESTATE, "custom function: this may only be called in forward");
    return NULL;
}

void tsr_ctx_save(tsr_ctx *ctx, tsr_tensor *t)
{
    running *r = running_of(ctx);
    if (!r || !t) return;
    if (r->saved.count == TSR_COUNT(r->saved.v)) tsr_fail(TSR_EINVAL, "custom function: more than 32 saved tensors");
    else r->saved.v[r->saved.count++] = t;
}

static void mark(tsr_tensor **list, int *count, tsr_tensor *t)
{
    if (*count == 8) tsr_fail(TSR_EINVAL, "custom function: more than 8 marked tensors");
    else list[(*count)++] = t;
}

void tsr_ctx_mark_dirty(tsr_ctx *ctx, tsr_tensor *input)
{
    running *r = running_of(ctx);
    if (r) mark(r->dirty, &r->dirty_count, input);
}

void tsr_ctx_mark_non_differentiable(tsr_ctx *ctx, tsr_tensor *output)
{
    running *r = running_of(ctx);
    if (r) mark(r->constant, &r->constant_count, output);
}

bool tsr_ctx_needs_grad(const tsr_ctx *ctx, int64_t i) { return op_needs(ctx, (int)i); }

tsr_tensor *tsr_ctx_saved(tsr_ctx *ctx, int64_t i)
{
    if (ctx->node->freed) return node_unpack(ctx->node, 0);
    if (i < 0 || i >= ctx->node->saved.count) {
        tsr_fail(TSR_EINVAL, "custom function %s: saved tensor %lld of %lld", node_name(ctx->node), (long long)i,
                 (long long)ctx->node->saved.count);
        return NULL;
    }
    return node_unpack(ctx->node, i);
}

static bool is_among(tsr_tensor *const *list, int64_t n, const tsr_tensor *t)
{
    for (int64_t i = 0; i < n; i++)
        if (list[i] == t) return true;
    return false;
}

static int64_t index_among(tsr_tensor *const *list, int64_t n, const tsr_tensor *t)
{
    for (int64_t i = 0; i < n; i++)
        if (list[i] == t) return i;
    return -1;
}

static tsr_node *make_node(const tsr_function *f, tsr_tensors in, int64_t n_out)
{
    tsr_node *n = node_new(NODE_CUSTOM, in.n, n_out);
    if (!n) return NULL;
    n->custom.f = f;
    bool ok = true;
    for (int64_t i = 0; ok && i < in.n; i++) ok = node_connect(n, i, in.v[i]);
    node_number(n);
    if (ok) return n;
    n->custom.f = NULL; /* user is still the caller's */
    node_release(n);
    return NULL;
}

static bool check_dirty(const running *r, tsr_tensor *const *outs, int64_t n_out)
{
    for (int i = 0; i < r->dirty_count; i++) {
        if (!is_among(r->in.v, r->in.n, r->dirty[i]) || !is_among(outs, n_out, r->dirty[i])) {
            tsr_fail(TSR_EINVAL, "custom function: a tensor marked dirty must be an input and an output");
            return false;
        }
        if (r->ctx->node && !record_check_inplace(r->dirty[i])) return false;
        if (!record_check_inference(r->dirty[i])) return false;
        if (r->ctx->node && r->dirty[i]->base) {
            tsr_fail(TSR_EINVAL, "custom function: writing a view in place is not recorded; write its base or a clone");
            return false;
        }
    }
    return true;
}

/* An output that is an input, unchanged, would give that tensor a new history. */
static bool alias_returned_inputs(const running *r, tsr_tensor **outs, int64_t n_out)
{
    for (int64_t i = 0; i < n_out; i++) {
        if (!is_among(r->in.v, r->in.n, outs[i]) || is_among(r->dirty, r->dirty_count, outs[i])) continue;
        if (!(outs[i] = tensor_alias(outs[i]))) return false;
    }
    return true;
}

static bool attach_outputs(const running *r, tsr_tensor **outs, int64_t n_out)
{
    tsr_node *n = r->ctx->node;
    bool ok = true;
    for (int64_t i = 0; n && ok && i < n_out; i++) {
        n->out_meta[i] = meta_of(outs[i]);
        bool differentiable = tsr_dtype_is_floating((tsr_dtype)outs[i]->dtype) &&
                              !is_among(r->constant, r->constant_count, outs[i]);
        if (differentiable) ok = autograd_attach(outs[i], n, (int)i);
    }
    for (int i = 0; n && ok && i < r->saved.count; i++)
        ok = node_save(n, r->saved.v[i], -1, (int)index_among(outs, n_out, r->saved.v[i]));
    return ok;
}

static bool run_forward(const tsr_function *f, void *user, running *r, tsr_tensor **outs, int64_t n_out)
{
    bool was = tsr_set_grad_enabled(false);
    r->outer = innermost;
    innermost = r;
    profile_frame frame = {.name = NULL};
    if (profile_on()) profile_enter(&frame, TSR_PROFILE_OPERATOR, f->name);
    bool ok = f->forward(r->ctx, r->in.v, r->in.n, outs, n_out, user);
    profile_leave(&frame);
    innermost = r->outer;
    tsr_set_grad_enabled(was);
    for (int64_t i = 0; ok && i < n_out; i++)
        if (!outs[i]) ok = false;
    if (!ok && !tsr_error_pending()) tsr_fail(TSR_EINVAL, "custom function %s: forward failed", f->name);
    return ok && !tsr_error_pending();
}

static tsr_status check_call(const tsr_function *f, const tsr_tensors *in, tsr_tensor *const *outs, int64_t n_out)
{
    if (!f || !f->forward) return tsr_fail(TSR_EINVAL, "apply: the function%s is NULL", f ? "'s forward" : "");
    if (in->n < 0 || (in->n > 0 && !in->v))
        return tsr_fail(TSR_EINVAL, "%s: there are %lld inputs at %s", f->name, (long long)in->n,
                        in->v ? "an address" : "NULL");
    if (n_out < 0 || (n_out > 0 && !outs))
        return tsr_fail(TSR_EINVAL, "%s: there is room for %lld outputs at %s", f->name, (long long)n_out,
                        outs ? "an address" : "NULL");
    return TSR_OK;
}

tsr_status tsr_apply(const tsr_function *f, void *user, tsr_tensors in, tsr_tensor **outs, int64_t n_out)
{
    op_ctx c = {0};
    running r = {.ctx = &c, .in = in};
    tsr_status possible = check_call(f, &in, outs, n_out);
    if (possible != TSR_OK) {
        if (f && f->drop) f->drop(user);
        return possible;
    }
    bool wanted = false, ok = !tsr_error_pending();
    for (int64_t i = 0; i < in.n; i++) wanted = wanted || (in.v[i] && autograd_requires_grad(in.v[i]));
    for (int64_t i = 0; i < n_out; i++) outs[i] = NULL;
    tsr_mark m = tsr_scope_open();
    if (ok && wanted && tsr_is_grad_enabled()) ok = (c.node = make_node(f, in, n_out)) != NULL;
    ok = ok && run_forward(f, user, &r, outs, n_out) && check_dirty(&r, outs, n_out) &&
         alias_returned_inputs(&r, outs, n_out);
    for (int i = 0; ok && i < r.dirty_count; i++) storage_wrote(r.dirty[i]->storage);
    ok = ok && attach_outputs(&r, outs, n_out);
    if (c.node) c.node->custom.user = user;
    bool kept = c.node != NULL;
    if (ok) tsr_scope_return_many(m, outs, n_out);
    else tsr_scope_close(m);
    node_release(c.node); /* frees user when nothing else holds the node */
    if (!kept && f->drop) f->drop(user);
    return ok ? TSR_OK : tsr_error_status();
}

/* ---- checkpointing -------------------------------------------------------------------------------------------------- */

typedef struct checkpoint {
    tsr_checkpoint_fn fn;
    void *user;
    tsr_rng_state rng;
    uint64_t draws; /* which random numbers the first run took */
    int64_t n_in, n_out;
} checkpoint;

/* Run the function; which random numbers it took, of any generator, but for those of checkpoints inside it, which see to
   theirs. */
static bool run_traced(const checkpoint *c, tsr_tensor *const *in, tsr_tensor **out, uint64_t *draws)
{
    uint64_t outer = tsr_exchange_trace(0);
    bool ok = c->fn(in, c->n_in, out, c->n_out, c->user) && !tsr_error_pending();
    *draws = tsr_exchange_trace(outer);
    return ok;
}

/* Writes that backward would not notice: it saves the inputs when the function has run. */
static bool left_inputs(tsr_tensor *const *in, int64_t n_in, const int64_t *versions)
{
    for (int64_t i = 0; i < n_in; i++) {
        if (in[i]->storage->version == versions[i]) continue;
        tsr_fail(
            TSR_EINVAL,
            "checkpoint: the function wrote its input %lld (%s %s) in place, which its second run would start from: "
            "let it write a clone()",
            (long long)i, tsr_dtype_name((tsr_dtype)in[i]->dtype), tensor_shape_text(in[i]));
        return false;
    }
    return true;
}

static bool checkpoint_forward(tsr_ctx *ctx, tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out,
                               void *user)
{
    checkpoint *c = user;
    int64_t versions[32];
    (void)n_out;
    for (int64_t i = 0; i < n_in; i++) {
        tsr_ctx_save(ctx, in[i]);
        versions[i] = in[i]->storage->version;
    }
    c->rng = tsr_generator_get_state(tsr_default_generator());
    return run_traced(c, in, out, &c->draws) && left_inputs(in, n_in, versions);
}

/* The second run, on detached inputs, with the random state of the first. */
static bool recompute(checkpoint *c, tsr_tensor **in, tsr_tensor **out)
{
    tsr_generator *g = tsr_default_generator();
    tsr_rng_state now = tsr_generator_get_state(g);
    tsr_generator_set_state(g, c->rng);
    bool was = tsr_set_grad_enabled(true);
    uint64_t draws;
    bool ok = run_traced(c, in, out, &draws);
    tsr_set_grad_enabled(was);
    tsr_generator_set_state(g, now);
    if (ok && draws != c->draws)
        tsr_fail(TSR_ESTATE, "checkpoint: the second run drew other random numbers than the first. The state of the "
                             "thread's generator is restored for it; other generators the function must set itself.");
    return ok && draws == c->draws;
}

static bool same_results(const tsr_node *n, tsr_tensor *const *out)
{
    for (int i = 0; i < n->n_out; i++) {
        if (!out[i]) {
            tsr_fail(TSR_ESTATE, "checkpoint: the second run gave no output %d", i);
            return false;
        }
        tsr_shape s = op_shape(out[i]);
        const op_meta *m = &n->out_meta[i];
        if (out[i]->dtype == m->dtype && tsr_shape_equal(s, m->shape)) continue;
        tsr_fail(TSR_ESTATE, "checkpoint: recomputed output %d is %s %s, the first run gave %s %s", i,
                 tsr_dtype_name((tsr_dtype)out[i]->dtype), shape_text(&s), tsr_dtype_name(m->dtype),
                 shape_text(&m->shape));
        return false;
    }
    return true;
}

static tsr_tensor *detached_input(tsr_ctx *ctx, int64_t i)
{
    tsr_tensor *saved = tsr_ctx_saved(ctx, i);
    tsr_tensor *t = saved ? tensor_alias(saved) : NULL;
    if (t) t->requires_grad = tsr_ctx_needs_grad(ctx, i);
    return t;
}

static void checkpoint_backward(tsr_ctx *ctx, tsr_tensor *const *grad, tsr_tensor **grad_in, void *user)
{
    checkpoint *c = user;
    tsr_tensor *in[32], *out[32] = {NULL}, *roots[32], *seeds[32];
    int64_t n_roots = 0;
    if (tsr_is_grad_enabled()) {
        tsr_fail(TSR_ESTATE, "checkpoint: create_graph is not supported through a checkpoint");
        return;
    }
    if (engine_is_partial()) {
        tsr_fail(TSR_ESTATE,
                 "checkpoint: cannot compute gradients of chosen inputs (grads, or backward with inputs) through a "
                 "checkpoint, which would accumulate into what its function uses besides; use backward without inputs");
        return;
    }
    for (int64_t i = 0; i < c->n_in; i++)
        if (!(in[i] = detached_input(ctx, i))) return;
    if (!recompute(c, in, out) || !same_results(ctx->node, out)) return;
    for (int64_t i = 0; i < c->n_out; i++)
        if (grad[i] && autograd_requires_grad(out[i])) roots[n_roots] = out[i], seeds[n_roots++] = grad[i];
    engine_task task = {.roots = {roots, n_roots}, .seeds = {seeds, n_roots}};
    if (engine_run(&task) != TSR_OK) return;
    for (int64_t i = 0; i < c->n_in; i++) grad_in[i] = tsr_grad(in[i]);
}

tsr_status tsr_checkpoint(tsr_checkpoint_fn fn, void *user, tsr_tensors in, tsr_tensor **outs, int64_t n_out)
{
    static const tsr_function f = {"checkpoint", checkpoint_forward, checkpoint_backward, tsr_free};
    bool any = false;
    for (int64_t i = 0; i < in.n; i++) {
        if (!in.v[i] && !tsr_error_pending()) tsr_fail(TSR_EINVAL, "checkpoint: input %lld is NULL", (long long)i);
        if (!in.v[i]) return tsr_error_status();
        any = any || autograd_requires_grad(in.v[i]);
    }
    if (in.n > 32 || n_out > 32) return tsr_fail(TSR_EINVAL, "checkpoint: at most 32 inputs and 32 outputs");
    if (!any && tsr_is_grad_enabled())
        tsr_warn("checkpoint: none of the inputs requires a gradient, so what is inside will get none");
    checkpoint *c = tsr_alloc(sizeof *c);
    if (!c) return TSR_ENOMEM;
    *c = (checkpoint){.fn = fn, .user = user, .n_in = in.n, .n_out = n_out};
    return tsr_apply(&f, c, in, outs, n_out);
}
