/* job_operators.c: single operators, called as a program calls them: through the public functions and autograd.

   Backward alone is measured on a graph that is kept: x's or w's gradient of one recorded convolution. PyTorch's side does the
   same, so that both pay for their engine. */
#include "jobs.h"

#include <stdio.h>
#include <stdlib.h>

#include "tessera/autograd.h"
#include "tessera/ops.h"
#include "tessera/optim.h"

/* ---- shared ----------------------------------------------------------------------------------------------------- */

/* Gradients of j->t[0 .. n) for the gradient `seed` of y; the first is returned. */
static tsr_tensor *first_gradient(job *j, tsr_tensor *y, tsr_tensor *seed, int n)
{
    tsr_tensor *grads[JOB_TENSORS];
    tsr_status status = tsr_grads(TSR_LIST(y), {j->t, n}, grads, .grad_outputs = TSR_LIST(seed));
    return status == TSR_OK ? grads[0] : NULL;
}

static bool want_grads(job *j, int n)
{
    for (int i = 0; i < n; i++)
        if (!job_wants_grad(j, i)) return false;
    return true;
}

/* ---- convolutions: N x C x H, or N x C x K x H ------------------------------------------------------------------ */

static tsr_tensor *conv_forward(job *j)
{
    int64_t s = j->kind->stride, p = j->kind->padding;
    return tsr_conv2d(j->t[0], j->t[1], j->t[2], .stride = {s, s}, .padding = {p, p});
}

static bool conv_setup(job *j)
{
    int64_t c = j->n[1], k = j->count > 3 ? j->n[2] : c, h = j->n[j->count - 1], r = j->kind->kernel;
    return job_picture(j, 0, TSR_SHAPE(j->n[0], c, h, h)) && job_operand(j, 1, TSR_SHAPE(k, c, r, r)) &&
           job_operand(j, 2, TSR_SHAPE(k));
}

/* t[3]: the result, recorded from operand `wanted` alone; t[4]: its gradient. */
static bool conv_record(job *j, int wanted)
{
    if (!conv_setup(j) || !job_wants_grad(j, wanted)) return false;
    j->t[3] = tsr_keep(conv_forward(j));
    return j->t[3] && job_picture(j, 4, tsr_shape_of(j->t[3]));
}

static tsr_tensor *conv_gradient(job *j, int wanted)
{
    tsr_tensor *grad = NULL;
    tsr_status status = tsr_grads(TSR_LIST(j->t[3]), TSR_LIST(j->t[wanted]), &grad, .grad_outputs = TSR_LIST(j->t[4]),
                                  .retain_graph = true);
    return status == TSR_OK ? grad : NULL;
}

static bool conv_setup_input(job *j) { return conv_record(j, 0); }
static bool conv_setup_weight(job *j) { return conv_record(j, 1); }
static tsr_tensor *conv_grad_input(job *j) { return conv_gradient(j, 0); }
static tsr_tensor *conv_grad_weight(job *j) { return conv_gradient(j, 1); }

/* ---- group norm and SiLU: N x C x H ----------------------------------------------------------------------------- */

static bool group_norm_setup(job *j)
{
    tsr_shape shape = TSR_SHAPE(j->n[0], j->n[1], j->n[2], j->n[2]);
    return job_picture(j, 0, shape) && job_operand(j, 1, TSR_SHAPE(j->n[1])) && job_operand(j, 2, TSR_SHAPE(j->n[1])) &&
           job_picture(j, 3, shape);
}

static bool group_norm_setup_grad(job *j) { return group_norm_setup(j) && want_grads(j, 3); }
static tsr_tensor *group_norm_silu(job *j) { return tsr_group_norm_silu(j->t[0], 32, j->t[1], j->t[2], .eps = 1e-6); }
static tsr_tensor *group_norm_both(job *j) { return first_gradient(j, group_norm_silu(j), j->t[3], 3); }

/* ---- layer norm, GELU: rows x features -------------------------------------------------------------------------- */

static bool rows_setup(job *j)
{
    tsr_shape shape = TSR_SHAPE(j->n[0], j->n[1]);
    return job_operand(j, 0, shape) && job_operand(j, 1, TSR_SHAPE(j->n[1])) && job_operand(j, 2, TSR_SHAPE(j->n[1])) &&
           job_operand(j, 3, shape);
}

static bool layer_norm_setup_grad(job *j) { return rows_setup(j) && want_grads(j, 3); }
static tsr_tensor *layer_norm(job *j) { return tsr_layer_norm(j->t[0], TSR_SHAPE(j->n[1]), j->t[1], j->t[2]); }
static tsr_tensor *layer_norm_both(job *j) { return first_gradient(j, layer_norm(j), j->t[3], 3); }

static bool gelu_setup_grad(job *j) { return rows_setup(j) && want_grads(j, 1); }
static tsr_tensor *gelu(job *j) { return tsr_gelu(j->t[0]); }
static tsr_tensor *gelu_both(job *j) { return first_gradient(j, gelu(j), j->t[3], 1); }

/* ---- linear: rows x inputs x outputs ---------------------------------------------------------------------------- */

static bool linear_setup(job *j)
{
    return job_operand(j, 0, TSR_SHAPE(j->n[0], j->n[1])) && job_operand(j, 1, TSR_SHAPE(j->n[2], j->n[1])) &&
           job_operand(j, 2, TSR_SHAPE(j->n[2])) && job_operand(j, 3, TSR_SHAPE(j->n[0], j->n[2]));
}

static bool linear_setup_grad(job *j) { return linear_setup(j) && want_grads(j, 3); }
static tsr_tensor *linear(job *j) { return tsr_linear(j->t[0], j->t[1], j->t[2]); }
static tsr_tensor *linear_both(job *j) { return first_gradient(j, linear(j), j->t[3], 3); }

/* ---- attention: N x heads x positions x features of a head ------------------------------------------------------ */

static bool attention_setup(job *j)
{
    for (int i = 0; i < 4; i++)
        if (!job_operand(j, i, TSR_SHAPE(j->n[0], j->n[1], j->n[2], j->n[3]))) return false;
    return true;
}

static bool attention_setup_grad(job *j) { return attention_setup(j) && want_grads(j, 3); }
static tsr_tensor *attend(job *j, bool causal)
{
    return tsr_scaled_dot_product_attention(j->t[0], j->t[1], j->t[2], .is_causal = causal);
}
static tsr_tensor *attention(job *j) { return attend(j, false); }
static tsr_tensor *attention_causal(job *j) { return attend(j, true); }
static tsr_tensor *attention_both(job *j) { return first_gradient(j, attend(j, false), j->t[3], 3); }
static tsr_tensor *attention_causal_both(job *j) { return first_gradient(j, attend(j, true), j->t[3], 3); }

/* ---- nearest code: rows x features x codes ---------------------------------------------------------------------- */

static bool nearest_setup(job *j)
{
    return job_operand(j, 0, TSR_SHAPE(j->n[0], j->n[1])) && job_operand(j, 1, TSR_SHAPE(j->n[2], j->n[1]));
}

static tsr_tensor *nearest(job *j) { return tsr_nearest_code(j->t[0], j->t[1]); }

/* ---- Adam: parameters x elements -------------------------------------------------------------------------------- */

typedef struct adam_state {
    tsr_optim *optim;
    tsr_tensor *parameter; /* the first, borrowed */
} adam_state;

static bool add_parameter(tsr_optim *o, job *j, int64_t i)
{
    char name[24];
    snprintf(name, sizeof name, "p%lld", (long long)i);
    tsr_tensor *p = tsr_clone(j->t[0]);
    return p && tsr_set_requires_grad(p, true) == TSR_OK && tsr_set_grad(p, tsr_clone(j->t[1])) == TSR_OK &&
           tsr_optim_add_group(o, &(tsr_named){name, p}, 1, NULL) >= 0 && (i > 0 || (j->t[2] = tsr_keep(p)));
}

static bool adam_setup(job *j)
{
    tsr_optim *o = j->state = tsr_optim_new(TSR_OPTIM_ADAM,
                                            &(tsr_optim_options){.lr = 1e-4, .beta1 = 0.5, .beta2 = 0.9});
    if (!o || !job_operand(j, 0, TSR_SHAPE(j->n[1])) || !job_operand(j, 1, TSR_SHAPE(j->n[1]))) return false;
    for (int64_t i = 0; i < j->n[0]; i++)
        if (!add_parameter(o, j, i)) return false;
    return true;
}

static tsr_tensor *adam(job *j) { return tsr_optim_step(j->state) == TSR_OK ? j->t[2] : NULL; }
static void adam_drop(job *j) { tsr_optim_free(j->state); }

/* ---- overhead: four operations on so many elements -------------------------------------------------------------- */

static bool chain_setup(job *j)
{
    for (int i = 0; i < 3; i++)
        if (!job_operand(j, i, TSR_SHAPE(j->n[0]))) return false;
    return true;
}

static bool chain_setup_grad(job *j) { return chain_setup(j) && want_grads(j, 3); }

static tsr_tensor *chain(job *j) { return tsr_sum(tsr_sigmoid(tsr_add(tsr_mul(j->t[0], j->t[1]), j->t[2]))); }

static tsr_tensor *chain_both(job *j)
{
    tsr_tensor *grads[3];
    return tsr_grads(TSR_LIST(chain(j)), {j->t, 3}, grads) == TSR_OK ? grads[0] : NULL;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

#define PART(label, setup, run, records, size, step, pad)                                                              \
    {                                                                                                                  \
        label, setup, run, .grad = records, .kernel = size, .stride = step, .padding = pad                             \
    }
#define CONV(label, ...)                                                                                               \
    PART(label ".forward", conv_setup, conv_forward, false, __VA_ARGS__),                                              \
        PART(label ".grad_input", conv_setup_input, conv_grad_input, true, __VA_ARGS__),                               \
        PART(label ".grad_weight", conv_setup_weight, conv_grad_weight, true, __VA_ARGS__)

const job_kind operator_kinds[] = {
    CONV("conv3", 3, 1, 1),
    CONV("conv1", 1, 1, 0),
    CONV("conv3s2", 3, 2, 0),
    CONV("conv4s2", 4, 2, 1),
    {"group_norm_silu.forward", .setup = group_norm_setup, .run = group_norm_silu},
    {"group_norm_silu.both", group_norm_setup_grad, group_norm_both, .grad = true},
    {"layer_norm.forward", .setup = rows_setup, .run = layer_norm},
    {"layer_norm.both", layer_norm_setup_grad, layer_norm_both, .grad = true},
    {"gelu.forward", .setup = rows_setup, .run = gelu},
    {"gelu.both", gelu_setup_grad, gelu_both, .grad = true},
    {"linear.forward", .setup = linear_setup, .run = linear},
    {"linear.both", linear_setup_grad, linear_both, .grad = true},
    {"attention.forward", .setup = attention_setup, .run = attention},
    {"attention.both", attention_setup_grad, attention_both, .grad = true},
    {"attention_causal.forward", .setup = attention_setup, .run = attention_causal},
    {"attention_causal.both", attention_setup_grad, attention_causal_both, .grad = true},
    {"nearest", .setup = nearest_setup, .run = nearest},
    {"adam", adam_setup, adam, adam_drop, .grad = true},
    {"chain.forward", chain_setup, chain, .inner = 1000},
    {"chain.both", chain_setup_grad, chain_both, .grad = true, .inner = 1000},
    {0},
};
