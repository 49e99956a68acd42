/* circle.c: a small network learns whether a point lies inside a circle. */
#include <stdio.h>
#include <tessera/tessera.h>

int main(void)
{
    tsr_manual_seed(1);
    tsr_module *net = tsr_nn_sequence(tsr_nn_linear(2, 32, true), tsr_nn_silu(), tsr_nn_linear(32, 32, true),
                                      tsr_nn_silu(), tsr_nn_linear(32, 1, true));
    tsr_named_list parameters = {0};
    tsr_module_parameters(net, &parameters);
    tsr_optim *adam = tsr_optim_new(TSR_OPTIM_ADAM, &(tsr_optim_options){.lr = 3e-3});
    tsr_optim_add_group(adam, parameters.v, parameters.n, NULL);

    for (int step = 0; step <= 1000; step++) {
        tsr_mark scope = tsr_scope_open(); /* owns everything this step makes */
        tsr_tensor *points = tsr_randn(TSR_SHAPE(256, 2));
        tsr_tensor *radius = tsr_sum(tsr_square(points), .dim = TSR_DIMS(1), .keepdim = true);
        tsr_tensor *inside = tsr_to(tsr_lt(radius, tsr_scalar(1)), TSR_F32);
        tsr_tensor *logits = tsr_forward(net, points);
        tsr_tensor *loss = tsr_binary_cross_entropy_with_logits(logits, inside);

        tsr_optim_zero_grad(adam);
        tsr_backward(loss);
        tsr_optim_step(adam);
        if (step % 200 == 0) printf("step %4d  loss %.4f\n", step, tsr_item(loss));
        tsr_scope_close(scope);
    }
    tsr_optim_free(adam);
    tsr_named_list_free(&parameters);
    tsr_module_free(net);
    if (tsr_error_message()) fprintf(stderr, "circle: %s\n", tsr_error_message()); /* the first error, if any */
    return tsr_error_status() != TSR_OK;
}
