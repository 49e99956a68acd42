/* module.c: a module and a function of one's own, trained, saved, and loaded into a new model.

   The module is a residual block, x + f(x). The function rounds in the forward pass and is the identity for gradients (the
   straight-through estimator, Bengio et al. 2013), which no chain of operators is. */
#include <stdio.h>
#include <tessera/tessera.h>

/* ---- a function ------------------------------------------------------------------------------------------------------ */

static bool round_forward(tsr_ctx *ctx, tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out,
                          void *user)
{
    (void)ctx, (void)n_in, (void)n_out, (void)user;
    return (out[0] = tsr_round(in[0])) != NULL;
}

static void round_backward(tsr_ctx *ctx, tsr_tensor *const *grad_out, tsr_tensor **grad_in, void *user)
{
    (void)ctx, (void)user;
    grad_in[0] = grad_out[0];
}

static const tsr_function straight_through_round = {"StraightThroughRound", round_forward, round_backward, NULL};

static tsr_tensor *round_through(tsr_tensor *x)
{
    tsr_tensor *y = NULL;
    tsr_apply(&straight_through_round, NULL, (tsr_tensors){&x, 1}, &y, 1);
    return y;
}

/* ---- a module -------------------------------------------------------------------------------------------------------- */

static tsr_tensor *residual_forward(tsr_module *m, tsr_tensor *x)
{
    return tsr_add(x, tsr_forward(tsr_module_child(m, "body"), x));
}

static const tsr_module_type residual_type = {"Residual", 0, residual_forward, NULL};

static tsr_module *residual(int64_t width)
{
    tsr_module *m = tsr_module_new(&residual_type);
    tsr_module_add_child(m, "body", tsr_nn_sequence(tsr_nn_linear(width, width, true), tsr_nn_silu()));
    return m;
}

/* ---- training, saving, loading --------------------------------------------------------------------------------------- */

static tsr_module *new_net(void)
{
    return tsr_nn_sequence(tsr_nn_linear(1, 16, true), residual(16), residual(16), tsr_nn_linear(16, 1, true));
}

static double train(tsr_module *net, int steps)
{
    tsr_named_list parameters = {0};
    tsr_schedule schedule = {.kind = TSR_SCHEDULE_COSINE, .warmup = 20, .total = steps};
    tsr_module_parameters(net, &parameters);
    tsr_optim *adamw = tsr_optim_new(TSR_OPTIM_ADAMW, &(tsr_optim_options){.lr = 1e-2, .weight_decay = 1e-4});
    tsr_optim_add_group(adamw, parameters.v, parameters.n, NULL);
    double last = 0;
    for (int step = 0; step < steps && tsr_error_status() == TSR_OK; step++) {
        tsr_mark scope = tsr_scope_open();
        tsr_tensor *x = tsr_mul(tsr_rand(TSR_SHAPE(128, 1)), tsr_scalar(4));
        tsr_tensor *loss = tsr_mse_loss(round_through(tsr_forward(net, x)), tsr_floor(x)); /* learn to round down */
        tsr_optim_zero_grad(adamw);
        tsr_backward(loss);
        tsr_clip_grad_norm(parameters.v, parameters.n, 1, NULL);
        tsr_optim_set_lr(adamw, -1, 1e-2 * tsr_schedule_factor(&schedule, step));
        tsr_optim_step(adamw);
        last = loss ? tsr_item(loss) : 0;
        tsr_scope_close(scope);
    }
    tsr_optim_free(adamw);
    tsr_named_list_free(&parameters);
    return last;
}

static tsr_status save(tsr_module *net, const char *path)
{
    tsr_named_list state = {0};
    tsr_status status = tsr_module_state_dict(net, &state);
    if (status == TSR_OK) status = tsr_save_safetensors(path, state.v, state.n, NULL, 0); /* whole, or not at all */
    tsr_named_list_free(&state);
    return status;
}

static tsr_status load(tsr_module *net, const char *path)
{
    tsr_named_list state = {0};
    tsr_entry entry;
    tsr_mark scope = tsr_scope_open();
    tsr_archive *file = tsr_archive_open(path); /* mapped: tensors are read when they are asked for */
    for (int64_t i = 0; i < tsr_archive_count(file) && tsr_archive_entry(file, i, &entry); i++)
        tsr_named_list_add(&state, entry.name, tsr_archive_get(file, i));
    tsr_status status = tsr_error_status();
    if (status == TSR_OK) status = tsr_module_load_state_dict(net, state.v, state.n, true, NULL);
    tsr_named_list_free(&state);
    tsr_scope_close(scope);
    tsr_archive_close(file);
    return status;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "module.safetensors";
    tsr_manual_seed(1);
    tsr_module *net = new_net(), *again = new_net();
    printf("loss after 600 steps: %.4f\n", train(net, 600));
    if (save(net, path) == TSR_OK && load(again, path) == TSR_OK) {
        tsr_mark scope = tsr_scope_open();
        tsr_tensor *x = tsr_from_data((float[]){0.5f, 1.5f, 2.5f, 3.5f}, TSR_SHAPE(4, 1), TSR_F32);
        tsr_print(tsr_squeeze(tsr_detach(round_through(tsr_forward(again, x)))), stdout);
        tsr_scope_close(scope);
    }
    tsr_module_free(net);
    tsr_module_free(again);
    if (tsr_error_message()) fprintf(stderr, "module: %s\n", tsr_error_message());
    return tsr_error_status() != TSR_OK;
}
