/* ref_interp.c: resampling, forward and backward: forward gathers through the products of the three dimensions' taps
   (interp_taps.h), backward scatters through the same products. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"

#include "backend/cpu/interp_taps.h"

/* One output element: gather from `in` and return the sum, or scatter `value` into it. */
static double visit(const array *in, int64_t plane, const interp_taps t[3], const int64_t o[3], bool scatter,
                    double value)
{
    double sum = 0;
    for (int64_t i = t[0].start[o[0]]; i < t[0].start[o[0] + 1]; i++)
        for (int64_t j = t[1].start[o[1]]; j < t[1].start[o[1] + 1]; j++)
            for (int64_t k = t[2].start[o[2]]; k < t[2].start[o[2] + 1]; k++) {
                int64_t at = plane + t[0].index[i] * in->stride[2] + t[1].index[j] * in->stride[3] +
                             t[2].index[k] * in->stride[4];
                double weight = t[0].weight[i] * t[1].weight[j] * t[2].weight[k];
                if (scatter) ref_set_f64(in, at, ref_get_f64(in, at) + weight * value);
                else sum += weight * ref_get_f64(in, at);
            }
    return sum;
}

static void visit_all(const array *in, const array *out, const interp_taps t[3], bool scatter)
{
    int64_t positions = ref_count_from(out, 2);
    for (int64_t plane = 0; plane < out->shape[0] * out->shape[1]; plane++) {
        int64_t n = plane / out->shape[1], c = plane % out->shape[1];
        for (int64_t i = 0; i < positions; i++) {
            int64_t o[3] = {i / out->shape[4] / out->shape[3], i / out->shape[4] % out->shape[3], i % out->shape[4]};
            int64_t at = n * out->stride[0] + c * out->stride[1] + ref_offset_from(out, 2, i);
            double sum = visit(in, n * in->stride[0] + c * in->stride[1], t, o, scatter,
                               scatter ? ref_get_f64(out, at) : 0);
            if (!scatter) ref_set_f64(out, at, sum);
        }
    }
}

static bool resample(const array *in, const array *out, const interp_params *p, bool scatter)
{
    array a = spatial_as_5d(in), o = spatial_as_5d(out);
    interp_taps t[3];
    bool ok = interp_taps_make(t, &a, &o, p);
    if (ok && scatter) ref_zero(&a);
    if (ok) visit_all(&a, &o, t, scatter);
    interp_taps_free(t);
    return ok;
}

static bool interpolate(const array *out, const array *x, const interp_params *p)
{
    return ref_is_float("interpolate", x) && resample(x, out, p, false);
}

static bool interpolate_grad(const array *grad_x, const array *grad, const interp_params *p)
{
    return ref_is_float("interpolate_grad", grad_x) && resample(grad_x, grad, p, true);
}

void ref_interp_fill(backend *b)
{
    b->interpolate = interpolate;
    b->interpolate_grad = interpolate_grad;
}
