/* conv_error.c: how far f32 convolutions are from f64's: Winograd's, or with TSR_EXACT_CONV=1 sums of products.

       cmake --build build --target bench && build/bench/conv_error

   One line for each shape: the largest and the root mean square of the errors of the result, of the input's gradient and of the
   weights', each relative to the root mean square of what is computed. Inputs are normal, weights too. */
#include <math.h>
#include <stdio.h>

#include "tessera/autograd.h"
#include "tessera/ops.h"
#include "tessera/runtime.h"

typedef struct shape {
    int64_t n, c, k, size, kernel, stride;
} shape;

static double number(tsr_tensor *t) { return t ? tsr_item(t) : NAN; }

static double rms(tsr_tensor *t) { return sqrt(number(tsr_mean(tsr_square(t)))); }

static void print_errors(const char *what, tsr_tensor *got, tsr_tensor *want)
{
    tsr_tensor *error = tsr_sub(tsr_to(got, TSR_F64), want);
    double scale = rms(want);
    printf("  %s max %.1e rms %.1e", what, number(tsr_amax(tsr_abs(error))) / scale, rms(error) / scale);
}

/* The result, and the gradients of input and weights for the gradient g of it. */
static bool convolve(tsr_tensor *x, tsr_tensor *w, tsr_tensor *g, int64_t stride, tsr_tensor *out[3])
{
    if (tsr_set_requires_grad(x, true) != TSR_OK || tsr_set_requires_grad(w, true) != TSR_OK) return false;
    out[0] = tsr_conv2d(x, w, .stride = {stride, stride}, .padding = {1, 1});
    return out[0] && tsr_grads(TSR_LIST(out[0]), TSR_LIST(x, w), out + 1, TSR_LIST(g)) == TSR_OK;
}

static bool compare(const shape *s)
{
    static const char *const names[] = {"result", "input", "weights"};
    int64_t side = (s->size + 2 - s->kernel) / s->stride + 1;
    tsr_tensor *x = tsr_randn(TSR_SHAPE(s->n, s->c, s->size, s->size)), *got[3], *want[3];
    tsr_tensor *w = tsr_randn(TSR_SHAPE(s->k, s->c, s->kernel, s->kernel));
    tsr_tensor *g = tsr_randn(TSR_SHAPE(s->n, s->k, side, side));
    if (!convolve(x, w, g, s->stride, got)) return false;
    if (!convolve(tsr_to(tsr_detach(x), TSR_F64), tsr_to(tsr_detach(w), TSR_F64), tsr_to(g, TSR_F64), s->stride, want))
        return false;
    printf("%lldx%lldx%lld, %lld channels to %lld, %lldx%lld weights, stride %lld:", (long long)s->n,
           (long long)s->size, (long long)s->size, (long long)s->c, (long long)s->k, (long long)s->kernel,
           (long long)s->kernel, (long long)s->stride);
    for (int i = 0; i < 3; i++) print_errors(names[i], tsr_detach(got[i]), tsr_detach(want[i]));
    printf("\n");
    return true;
}

int main(void)
{
    static const shape shapes[] = {{4, 32, 32, 32, 3, 1},   {4, 64, 64, 32, 3, 1},   {2, 128, 128, 16, 3, 1},
                                   {2, 256, 256, 16, 3, 1}, {1, 512, 512, 16, 3, 1}, {4, 128, 256, 16, 4, 1},
                                   {2, 256, 512, 8, 4, 1},  {4, 32, 32, 64, 3, 2},   {4, 128, 128, 32, 3, 2},
                                   {4, 64, 128, 32, 4, 2},  {4, 128, 256, 16, 4, 2}, {8, 256, 512, 16, 4, 2}};
    printf("%s kernels\n", tsr_isa());
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        tsr_mark m = tsr_scope_open();
        bool ok = compare(&shapes[i]);
        tsr_scope_close(m);
        if (ok) continue;
        fprintf(stderr, "conv_error: %s\n", tsr_error_message());
        return 1;
    }
    return 0;
}
