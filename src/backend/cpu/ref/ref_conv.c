/* ref_conv.c: convolution (cross-correlation) and its gradients, by the definition.

   All spatial dimensions are treated as three; those that are missing have size 1. Output position o and kernel tap r
   meet at input position o * stride - padding + r * dilation, and taps that fall outside read zero. Each of the three
   functions sums the terms of one element of its result at a time. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"

typedef struct geometry {
    int64_t stride[3], padding[3], dilation[3];
    int64_t kernel[3], in[3], out[3];
} geometry;

static geometry geometry_of(const array *x, const array *weight, const array *out, const conv_params *p)
{
    geometry g;
    spatial_as_3(g.stride, p->stride, p->spatial, 1);
    spatial_as_3(g.padding, p->padding, p->spatial, 0);
    spatial_as_3(g.dilation, p->dilation, p->spatial, 1);
    for (int d = 0; d < 3; d++) {
        g.kernel[d] = weight->shape[2 + d];
        g.in[d] = x->shape[2 + d];
        g.out[d] = out->shape[2 + d];
    }
    return g;
}

/* Where tap r of output position o reads along dimension d; -1 outside. */
static int64_t input_position(const geometry *g, int d, int64_t o, int64_t r)
{
    int64_t i = o * g->stride[d] - g->padding[d] + r * g->dilation[d];
    return i >= 0 && i < g->in[d] ? i : -1;
}

/* The output position whose tap r reads input position i; -1 when there is none. */
static int64_t output_position(const geometry *g, int d, int64_t i, int64_t r)
{
    int64_t o = i + g->padding[d] - r * g->dilation[d];
    if (o < 0 || o % g->stride[d]) return -1;
    o /= g->stride[d];
    return o < g->out[d] ? o : -1;
}

typedef int64_t (*meeting_point)(const geometry *g, int d, int64_t position, int64_t tap);

/* Sum over kernel taps of a[.., where the tap meets `at`] * w[.., tap]; the two offsets fix the other dimensions. */
static double sum_over_taps(const geometry *g, meeting_point meet, const int64_t at[3], const array *a, int64_t a_at,
                            const array *w, int64_t w_at)
{
    double sum = 0;
    for (int64_t r = 0; r < g->kernel[0]; r++) {
        int64_t i = meet(g, 0, at[0], r);
        for (int64_t s = 0; i >= 0 && s < g->kernel[1]; s++) {
            int64_t j = meet(g, 1, at[1], s);
            for (int64_t t = 0; j >= 0 && t < g->kernel[2]; t++) {
                int64_t k = meet(g, 2, at[2], t);
                if (k < 0) continue;
                sum += ref_get_f64(a, a_at + i * a->stride[2] + j * a->stride[3] + k * a->stride[4]) *
                       ref_get_f64(w, w_at + r * w->stride[2] + s * w->stride[3] + t * w->stride[4]);
            }
        }
    }
    return sum;
}

static void position_of(int64_t at[3], const array *a, int64_t flat)
{
    at[2] = flat % a->shape[4];
    at[1] = flat / a->shape[4] % a->shape[3];
    at[0] = flat / a->shape[4] / a->shape[3];
}

static bool conv_forward(const array *out, const array *x, const array *weight, const array *bias, const conv_params *p)
{
    if (!ref_is_float("conv_forward", out)) return false;
    array o = spatial_as_5d(out), a = spatial_as_5d(x), w = spatial_as_5d(weight);
    geometry g = geometry_of(&a, &w, &o, p);
    int64_t outs = w.shape[0] / p->groups, ins = w.shape[1], positions = ref_count_from(&o, 2), at[3];
    for (int64_t n = 0; n < o.shape[0]; n++)
        for (int64_t k = 0; k < o.shape[1]; k++)
            for (int64_t i = 0; i < positions; i++) {
                double sum = bias ? ref_get_f64(bias, k * bias->stride[0]) : 0;
                position_of(at, &o, i);
                for (int64_t c = 0; c < ins; c++)
                    sum += sum_over_taps(&g, input_position, at, &a,
                                         n * a.stride[0] + (k / outs * ins + c) * a.stride[1], &w,
                                         k * w.stride[0] + c * w.stride[1]);
                ref_set_f64(&o, n * o.stride[0] + k * o.stride[1] + ref_offset_from(&o, 2, i), sum);
            }
    return true;
}

static bool conv_grad_input(const array *grad_x, const array *grad, const array *weight, const conv_params *p)
{
    if (!ref_is_float("conv_grad_input", grad_x)) return false;
    array x = spatial_as_5d(grad_x), o = spatial_as_5d(grad), w = spatial_as_5d(weight);
    geometry g = geometry_of(&x, &w, &o, p);
    int64_t outs = w.shape[0] / p->groups, ins = w.shape[1], positions = ref_count_from(&x, 2), at[3];
    for (int64_t n = 0; n < x.shape[0]; n++)
        for (int64_t c = 0; c < x.shape[1]; c++)
            for (int64_t i = 0; i < positions; i++) {
                double sum = 0;
                position_of(at, &x, i);
                for (int64_t k = c / ins * outs; k < (c / ins + 1) * outs; k++)
                    sum += sum_over_taps(&g, output_position, at, &o, n * o.stride[0] + k * o.stride[1], &w,
                                         k * w.stride[0] + c % ins * w.stride[1]);
                ref_set_f64(&x, n * x.stride[0] + c * x.stride[1] + ref_offset_from(&x, 2, i), sum);
            }
    return true;
}

/* Sum over pictures and output positions of grad * (what `tap` reads there). */
static double weight_sum(const geometry *g, const array *o, int64_t k, const array *x, int64_t c, const int64_t tap[3])
{
    double sum = 0;
    for (int64_t n = 0; n < o->shape[0]; n++)
        for (int64_t d = 0; d < g->out[0]; d++) {
            int64_t i = input_position(g, 0, d, tap[0]);
            for (int64_t h = 0; i >= 0 && h < g->out[1]; h++) {
                int64_t j = input_position(g, 1, h, tap[1]);
                for (int64_t v = 0; j >= 0 && v < g->out[2]; v++) {
                    int64_t l = input_position(g, 2, v, tap[2]);
                    if (l < 0) continue;
                    sum += ref_get_f64(o, n * o->stride[0] + k * o->stride[1] + d * o->stride[2] + h * o->stride[3] +
                                              v * o->stride[4]) *
                           ref_get_f64(x, n * x->stride[0] + c * x->stride[1] + i * x->stride[2] + j * x->stride[3] +
                                              l * x->stride[4]);
                }
            }
        }
    return sum;
}

static void bias_sums(const array *grad_bias, const array *o)
{
    int64_t positions = ref_count_from(o, 2);
    for (int64_t k = 0; k < o->shape[1]; k++) {
        double sum = 0;
        for (int64_t n = 0; n < o->shape[0]; n++)
            for (int64_t i = 0; i < positions; i++)
                sum += ref_get_f64(o, n * o->stride[0] + k * o->stride[1] + ref_offset_from(o, 2, i));
        ref_set_f64(grad_bias, k * grad_bias->stride[0], sum);
    }
}

static bool conv_grad_weight(const array *grad_weight, const array *grad_bias, const array *grad, const array *x,
                             const conv_params *p)
{
    if (!ref_is_float("conv_grad_weight", grad_weight)) return false;
    array w = spatial_as_5d(grad_weight), o = spatial_as_5d(grad), a = spatial_as_5d(x);
    geometry g = geometry_of(&a, &w, &o, p);
    int64_t outs = w.shape[0] / p->groups, ins = w.shape[1], taps = ref_count_from(&w, 2), tap[3];
    for (int64_t k = 0; k < w.shape[0]; k++)
        for (int64_t c = 0; c < ins; c++)
            for (int64_t i = 0; i < taps; i++) {
                position_of(tap, &w, i);
                ref_set_f64(&w, k * w.stride[0] + c * w.stride[1] + ref_offset_from(&w, 2, i),
                            weight_sum(&g, &o, k, &a, k / outs * ins + c, tap));
            }
    if (grad_bias) bias_sums(grad_bias, &o);
    return true;
}

void ref_conv_fill(backend *b)
{
    b->conv_forward = conv_forward;
    b->conv_grad_input = conv_grad_input;
    b->conv_grad_weight = conv_grad_weight;
}
