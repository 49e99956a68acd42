/* autograd.c: the public face: what requires a gradient, grad mode, backward and grads. */
#include <string.h>

#include "autograd/graph.h"
#include "op/record.h"
#include "tensor/scope.h"

/* ---- grad mode ------------------------------------------------------------------------------------------------ */

static TSR_THREAD_LOCAL bool grad_disabled;

bool tsr_set_grad_enabled(bool enabled)
{
    bool was = !grad_disabled;
    grad_disabled = !enabled;
    return was;
}

bool tsr_is_grad_enabled(void) { return !grad_disabled && !storage_inference_mode(); }

bool record_grad_mode(void) { return tsr_is_grad_enabled(); }
bool record_set_grad_mode(bool enabled) { return tsr_set_grad_enabled(enabled); }

bool tsr_set_inference_mode(bool enabled) { return storage_set_inference_mode(enabled); }
bool tsr_is_inference_mode(void) { return storage_inference_mode(); }
bool tsr_is_inference(const tsr_tensor *t) { return t && t->storage->inference; }

/* ---- what requires a gradient ----------------------------------------------------------------------------------- */

bool tsr_requires_grad(const tsr_tensor *t) { return t && autograd_requires_grad(t); }

bool tsr_is_leaf(const tsr_tensor *t)
{
    if (!t || !autograd_requires_grad(t)) return true;
    return !autograd_is_stale(t) && !(t->autograd && t->autograd->grad_fn);
}

tsr_status tsr_set_requires_grad(tsr_tensor *t, bool requires_grad)
{
    if (!t)
        return tsr_error_pending() ? tsr_error_status() : tsr_fail(TSR_EINVAL, "set_requires_grad: the tensor is NULL");
    if (!tsr_is_leaf(t)) {
        if (requires_grad) return TSR_OK;
        return tsr_fail(TSR_ESTATE,
                        "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                        "variable in a subgraph that doesn't require differentiation use "
                        "var_no_grad = detach(var).");
    }
    if (requires_grad && !tsr_dtype_is_floating((tsr_dtype)t->dtype))
        return tsr_fail(TSR_EINVAL, "only Tensors of floating point dtype can require gradients, this one is %s",
                        tsr_dtype_name((tsr_dtype)t->dtype));
    if (requires_grad && t->storage->inference && !storage_inference_mode())
        return tsr_fail(TSR_ESTATE,
                        "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
    t->requires_grad = requires_grad;
    return TSR_OK;
}

const char *tsr_grad_fn_name(tsr_tensor *t)
{
    bool lost = t && autograd_is_stale(t) && t->view == VIEW_NO_GRAD; /* asking for its node would be an error */
    tsr_node *n = t && !lost ? autograd_grad_fn(t) : NULL;
    return n ? node_backward_name(n) : "";
}

/* ---- nodes ---------------------------------------------------------------------------------------------------------- */

tsr_node *tsr_grad_fn(tsr_tensor *t) { return t ? autograd_grad_fn(t) : NULL; }
tsr_node *tsr_node_keep(tsr_node *n) { return node_retain(n); }
void tsr_node_release(tsr_node *n) { node_release(n); }
const char *tsr_node_name(tsr_node *n) { return n ? node_backward_name(n) : ""; }
int64_t tsr_node_next_count(const tsr_node *n) { return n ? n->n_in : 0; }

tsr_node *tsr_node_next(tsr_node *n, int64_t i, int64_t *output)
{
    if (i < 0 || i >= tsr_node_next_count(n)) {
        tsr_fail(TSR_EINVAL, "node_next: there is no node %lld of %lld", (long long)i,
                 (long long)tsr_node_next_count(n));
        return NULL;
    }
    if (output) *output = n->edges[i].output;
    return n->edges[i].node;
}

/* ---- gradients ------------------------------------------------------------------------------------------------------ */

tsr_tensor *tsr_grad(tsr_tensor *t) { return t && t->autograd ? t->autograd->grad : NULL; }

tsr_status tsr_set_grad(tsr_tensor *t, tsr_tensor *grad)
{
    if (!t) return tsr_fail(TSR_EINVAL, "set_grad: the tensor is NULL");
    if (grad && !tensor_same_shape(t, grad))
        return tsr_fail(TSR_EINVAL, "assigned grad has data of a different size: %s for a tensor of shape %s",
                        tensor_shape_text(grad), tensor_shape_text(t));
    if (grad && grad->dtype != t->dtype)
        return tsr_fail(TSR_EINVAL, "assigned grad has dtype %s, the tensor %s", tsr_dtype_name((tsr_dtype)grad->dtype),
                        tsr_dtype_name((tsr_dtype)t->dtype));
    if (!grad && !t->autograd) return TSR_OK;
    struct tsr_autograd *ag = autograd_of(t);
    if (!ag) return tsr_error_status();
    tsr_tensor *old = ag->grad;
    ag->grad = tsr_keep(grad);
    tsr_release(old);
    return TSR_OK;
}

/* ---- backward ---------------------------------------------------------------------------------------------------------- */

/* The gradient to start from for each output: the one given, or 1. */
static bool make_seed(int64_t i, tsr_tensor *output, tsr_tensor *given, tsr_tensor **seed)
{
    if (!output || !autograd_requires_grad(output)) {
        if (!tsr_error_pending())
            tsr_fail(TSR_ESTATE, "element %lld of tensors does not require grad and does not have a grad_fn",
                     (long long)i);
        return false;
    }
    if (given && !tensor_same_shape(output, given)) {
        tsr_fail(TSR_EINVAL,
                 "Mismatch in shape: grad_output[%lld] has a shape of %s and output[%lld] has a shape of %s.",
                 (long long)i, tensor_shape_text(given), (long long)i, tensor_shape_text(output));
        return false;
    }
    if (!given && tensor_numel(output) != 1) {
        tsr_fail(TSR_EINVAL, "grad can be implicitly created only for scalar outputs, this one has shape %s",
                 tensor_shape_text(output));
        return false;
    }
    *seed = given && given->dtype == output->dtype ? given : NULL;
    if (given && !*seed) *seed = tsr_to(given, (tsr_dtype)output->dtype);
    if (!given) {
        *seed = tensor_empty_like(output, (tsr_dtype)output->dtype);
        if (*seed && !op_fill_with(*seed, 1)) *seed = NULL;
    }
    return *seed != NULL;
}

/* Runs the engine with seeds made for task->roots. */
static tsr_status run_with_seeds(engine_task *task, tsr_tensors given)
{
    if (tsr_error_pending()) return tsr_error_status();
    if (given.n > 0 && given.n != task->roots.n)
        return tsr_fail(TSR_EINVAL, "got %lld tensors and %lld gradients", (long long)task->roots.n,
                        (long long)given.n);
    tsr_mark m = tsr_scope_open();
    tsr_tensor **seeds = tsr_alloc_zeroed((size_t)task->roots.n + 1, sizeof *seeds);
    bool ok = seeds != NULL;
    for (int64_t i = 0; ok && i < task->roots.n; i++)
        ok = make_seed(i, task->roots.v[i], given.n > 0 ? given.v[i] : NULL, &seeds[i]);
    task->seeds = (tsr_tensors){seeds, task->roots.n};
    tsr_status status = ok ? engine_run(task) : tsr_error_status();
    tsr_free(seeds);
    tsr_scope_close(m);
    return status;
}

tsr_status tsr_backward_v(const tsr_backward_args *a)
{
    if (!a->output && !tsr_error_pending()) return tsr_fail(TSR_EINVAL, "backward: argument 'output' is NULL");
    for (int64_t i = 0; i < a->inputs.n; i++)
        if (!a->inputs.v[i] || !a->inputs.v[i]->requires_grad || !tsr_is_leaf(a->inputs.v[i]))
            return tsr_fail(TSR_EINVAL, "backward: input %lld is not a leaf that requires a gradient", (long long)i);
    engine_task task = {.roots = {&a->output, 1},
                        .inputs = a->inputs,
                        .create_graph = a->create_graph,
                        .retain_graph = a->retain_graph || a->create_graph};
    tsr_tensors given = {&a->gradient, a->gradient ? 1 : 0};
    return run_with_seeds(&task, given);
}

static tsr_status check_grads_inputs(const tsr_grads_args *a)
{
    if (a->inputs.n > 0 && !a->grads) return tsr_fail(TSR_EINVAL, "grads: no room for results was given");
    for (int64_t i = 0; i < a->outputs.n; i++)
        if (!a->outputs.v[i] && !tsr_error_pending())
            return tsr_fail(TSR_EINVAL, "grads: entry %lld of argument 'outputs' is NULL", (long long)i);
    for (int64_t i = 0; i < a->inputs.n; i++)
        if (!a->inputs.v[i] || !autograd_requires_grad(a->inputs.v[i]))
            return tsr_fail(TSR_EINVAL, "One of the differentiated Tensors does not require grad (input %lld)",
                            (long long)i);
    return TSR_OK;
}

static tsr_status check_used(const tsr_grads_args *a)
{
    for (int64_t i = 0; i < a->inputs.n && !a->allow_unused; i++)
        if (!a->grads[i])
            return tsr_fail(
                TSR_ESTATE,
                "One of the differentiated Tensors appears to not have been used in the graph (input %lld). "
                "Set allow_unused=true if this is the desired behavior.",
                (long long)i);
    return TSR_OK;
}

/* References that the engine captured become ordinary results, or are given back. */
static tsr_status hand_over(const tsr_grads_args *a, tsr_status status)
{
    if (status == TSR_OK) status = check_used(a);
    for (int64_t i = 0; i < a->inputs.n; i++) {
        tsr_tensor *g = a->grads[i];
        if (!g || (status == TSR_OK && scope_enrol(g))) continue;
        if (status == TSR_OK) status = tsr_error_status();
        tsr_release(g);
        a->grads[i] = NULL;
    }
    return status;
}

tsr_status tsr_grads_v(const tsr_grads_args *a)
{
    TSR_TRY(check_grads_inputs(a));
    if (a->inputs.n == 0) return TSR_OK;
    for (int64_t i = 0; i < a->inputs.n; i++) a->grads[i] = NULL;
    engine_task task = {.roots = a->outputs,
                        .inputs = a->inputs,
                        .grads = a->grads,
                        .create_graph = a->create_graph,
                        .retain_graph = a->retain_graph || a->create_graph};
    return hand_over(a, run_with_seeds(&task, a->grad_outputs));
}
