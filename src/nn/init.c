/* init.c: initial values of weights (torch.nn.init). */
#include <math.h>

#include "base/util.h"
#include "tessera/autograd.h"
#include "tessera/nn.h"

/* In-place operators on leaves that require a gradient are only allowed while nothing is recorded. */
static tsr_status finish(tsr_tensor *result, tsr_mark mark, bool grad_mode)
{
    tsr_set_grad_enabled(grad_mode);
    tsr_scope_close(mark);
    return result ? TSR_OK : tsr_error_status();
}

tsr_status tsr_init_uniform(tsr_tensor *t, double low, double high, tsr_generator *g)
{
    tsr_mark m = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    return finish(tsr_uniform_(t, .from = low, .to = high == 0 ? TSR_ZERO : high, .generator = g), m, was);
}

tsr_status tsr_init_normal(tsr_tensor *t, double mean, double std, tsr_generator *g)
{
    tsr_mark m = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    return finish(tsr_normal_(t, .mean = mean, .std = std == 0 ? TSR_ZERO : std, .generator = g), m, was);
}

tsr_status tsr_init_constant(tsr_tensor *t, double value)
{
    tsr_mark m = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    return finish(tsr_fill_(t, tsr_scalar(value)), m, was);
}

/* Weights are [out, in, receptive field...]. */
static tsr_status fans(const tsr_tensor *t, double *in, double *out)
{
    tsr_shape s = tsr_shape_of(t);
    double field = 1;
    if (s.n < 2)
        return tsr_fail(TSR_EINVAL,
                        "init: fan in and fan out cannot be computed for a tensor with fewer than 2 dimensions");
    for (int d = 2; d < s.n; d++) field *= (double)s.v[d];
    *in = (double)s.v[1] * field;
    *out = (double)s.v[0] * field;
    return TSR_OK;
}

static tsr_status kaiming_std(const tsr_tensor *t, double a, double *std)
{
    double in = 0, out = 0;
    TSR_TRY(fans(t, &in, &out));
    *std = sqrt(2 / (1 + a * a) / in);
    return TSR_OK;
}

static tsr_status xavier_std(const tsr_tensor *t, double gain, double *std)
{
    double in = 0, out = 0;
    TSR_TRY(fans(t, &in, &out));
    *std = gain * sqrt(2 / (in + out));
    return TSR_OK;
}

/* U(-b, b) has the standard deviation b / sqrt(3). */
static tsr_status uniform_of_std(tsr_tensor *t, double std, tsr_generator *g)
{
    return tsr_init_uniform(t, -sqrt(3) * std, sqrt(3) * std, g);
}

tsr_status tsr_init_kaiming_uniform(tsr_tensor *t, double a, tsr_generator *g)
{
    double std = 0;
    TSR_TRY(kaiming_std(t, a, &std));
    return uniform_of_std(t, std, g);
}

tsr_status tsr_init_kaiming_normal(tsr_tensor *t, double a, tsr_generator *g)
{
    double std = 0;
    TSR_TRY(kaiming_std(t, a, &std));
    return tsr_init_normal(t, 0, std, g);
}

tsr_status tsr_init_xavier_uniform(tsr_tensor *t, double gain, tsr_generator *g)
{
    double std = 0;
    TSR_TRY(xavier_std(t, gain, &std));
    return uniform_of_std(t, std, g);
}

tsr_status tsr_init_xavier_normal(tsr_tensor *t, double gain, tsr_generator *g)
{
    double std = 0;
    TSR_TRY(xavier_std(t, gain, &std));
    return tsr_init_normal(t, 0, std, g);
}
