/* ref_adam.c: one step of Adam (Kingma and Ba 2015), AdamW (decoupled decay) or AMSGrad (vmax given) over one
   parameter. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"

#include <math.h>

static bool adam_step(const array *param, const array *grad, const array *m, const array *v, const array *vmax,
                      const adam_params *p)
{
    if (!ref_is_float("adam_step", param)) return false;
    int64_t n = ref_count_from(param, 0);
    for (int64_t i = 0; i < n; i++) {
        double x = ref_get_f64(param, i), g = ref_get_f64(grad, i);
        if (p->maximize) g = -g;
        if (p->decoupled) x -= p->lr * p->weight_decay * x;
        else g += p->weight_decay * x;
        double first = p->beta1 * ref_get_f64(m, i) + (1 - p->beta1) * g;
        double second = p->beta2 * ref_get_f64(v, i) + (1 - p->beta2) * g * g;
        ref_set_f64(m, i, first);
        ref_set_f64(v, i, second);
        if (vmax) {
            second = fmax(second, ref_get_f64(vmax, i));
            ref_set_f64(vmax, i, second);
        }
        ref_set_f64(param, i, x - p->lr / p->bias1 * first / (sqrt(second / p->bias2) + p->eps));
    }
    return true;
}

void ref_adam_fill(backend *b) { b->adam_step = adam_step; }
