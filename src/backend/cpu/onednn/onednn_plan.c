/* onednn_plan.c: the cache of convolution primitives.

   Making a primitive compiles code and costs up to a millisecond, so plans are kept by shape, at most PLANS of them; the
   one unused for longest goes first. A plan in use is never destroyed: when all are, the new one is not kept. Lookup is
   a scan under a lock, which costs less than the smallest convolution. */
#include "backend/cpu/onednn/onednn_plan.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"

enum { PLANS = 192 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static plan *cache[PLANS];
static int64_t clock_now;

/* ---- layouts ---- */

/* Dense [.., C, spatial] of `lead` leading sizes, channels last or row-major. */
static bool dense_layout(layout *l, int ndim, const dnnl_dims_t dims, int channel, bool channels_last)
{
    dnnl_dims_t strides;
    int64_t step = 1;
    if (channels_last) {
        strides[channel] = step;
        step *= dims[channel];
    }
    for (int d = ndim - 1; d >= 0; d--) {
        if (channels_last && d == channel) continue;
        strides[d] = step;
        step *= dims[d];
    }
    return layout_strided(l, ndim, dims, strides);
}

static bool activation_layout(layout *l, const plan_key *k, int64_t channels, const int64_t *size)
{
    dnnl_dims_t dims = {k->pictures, channels};
    for (int d = 0; d < k->spatial; d++) dims[2 + d] = size[d];
    return dense_layout(l, (int)k->spatial + 2, dims, 1, true);
}

/* [groups, K / groups, C / groups, ...], without the first where there is one group. */
static bool weights_layouts(plan *p)
{
    const plan_key *k = &p->key;
    dnnl_dims_t dims;
    int n = 0;
    if (k->groups > 1) dims[n++] = k->groups;
    dims[n++] = k->outputs / k->groups;
    dims[n++] = k->inputs / k->groups;
    int channel = n - 1;
    for (int d = 0; d < k->spatial; d++) dims[n++] = k->kernel[d];
    return dense_layout(&p->callers_weights, n, dims, channel, k->weights_last) &&
           layout_any(&p->layouts.weights, n, dims);
}

static bool make_layouts(plan *p)
{
    dnnl_dims_t channels = {p->key.outputs}, one = {1};
    p->layouts.has_bias = p->key.has_bias;
    return activation_layout(&p->layouts.src, &p->key, p->key.inputs, p->key.in) &&
           activation_layout(&p->layouts.dst, &p->key, p->key.outputs, p->key.out) &&
           layout_strided(&p->layouts.bias, 1, channels, one) && weights_layouts(p);
}

/* ---- primitives ---- */

static dnnl_primitive_desc_t describe(plan *p)
{
    const plan_key *k = &p->key;
    dnnl_dims_t strides, dilates, before, after;
    for (int d = 0; d < k->spatial; d++) {
        strides[d] = k->stride[d];
        dilates[d] = k->dilation[d] - 1;
        before[d] = k->padding[d];
        after[d] = (k->out[d] - 1) * k->stride[d] + (k->kernel[d] - 1) * k->dilation[d] + 1 - k->in[d] - k->padding[d];
    }
    return conv_describe((conv_kind)k->kind, &p->layouts, strides, dilates, before, after);
}

static bool make_primitive(dnnl_primitive_t *primitive, size_t *scratch, dnnl_primitive_desc_t d)
{
    if (!d) return false;
    *scratch = describe_scratch_bytes(d);
    bool ok = dnnl_primitive_create(primitive, d) == dnnl_success;
    dnnl_primitive_desc_destroy(d);
    return ok;
}

static bool make_reorder(plan *p)
{
    bool out = p->key.kind == CONV_BACKWARD_WEIGHTS;
    const layout *from = out ? &p->layouts.weights : &p->callers_weights;
    const layout *to = out ? &p->callers_weights : &p->layouts.weights;
    p->reorders = !layout_equal(from, to);
    return !p->reorders || make_primitive(&p->reorder, &p->reorder_scratch, reorder_describe(from, to));
}

static bool make_conv(plan *p)
{
    if (!make_layouts(p)) return false;
    dnnl_primitive_desc_t d = describe(p);
    if (!d || describe_is_reference(d)) {
        if (d) dnnl_primitive_desc_destroy(d);
        return false;
    }
    layout_free(&p->layouts.weights);
    bool ok = conv_weights_layout(&p->layouts.weights, d, (conv_kind)p->key.kind);
    return make_primitive(&p->conv, &p->conv_scratch, d) && ok && make_reorder(p);
}

static plan *plan_new(const plan_key *key)
{
    plan *p = tsr_alloc_zeroed(1, sizeof *p);
    if (!p) return NULL;
    p->key = *key;
    p->usable = make_conv(p);
    return p;
}

static void plan_free(plan *p)
{
    if (p->conv) dnnl_primitive_destroy(p->conv);
    if (p->reorder) dnnl_primitive_destroy(p->reorder);
    layout *l[] = {&p->layouts.src, &p->layouts.weights, &p->layouts.bias, &p->layouts.dst, &p->callers_weights};
    for (int i = 0; i < 5; i++) layout_free(l[i]);
    tsr_free(p);
}

/* ---- the cache; the lock is held ---- */

static plan *find(const plan_key *key)
{
    for (int i = 0; i < PLANS; i++)
        if (cache[i] && memcmp(&cache[i]->key, key, sizeof *key) == 0) return cache[i];
    return NULL;
}

/* A free place, or that of the plan unused for longest; NULL when all are in use. */
static plan **place(void)
{
    plan **oldest = NULL;
    for (int i = 0; i < PLANS; i++) {
        if (!cache[i]) return &cache[i];
        if (cache[i]->users == 1 && (!oldest || cache[i]->last_used < (*oldest)->last_used)) oldest = &cache[i];
    }
    return oldest;
}

static void release(plan *p)
{
    if (--p->users == 0) plan_free(p);
}

/* The cache counts as one user. */
static void keep(plan *p)
{
    plan **at = place();
    if (!at) return;
    if (*at) release(*at);
    *at = p;
    p->users++;
}

plan *plan_get(const plan_key *key)
{
    pthread_mutex_lock(&lock);
    plan *p = find(key);
    if (!p && (p = plan_new(key))) keep(p);
    if (p) {
        p->users++;
        p->last_used = ++clock_now;
    }
    pthread_mutex_unlock(&lock);
    return p;
}

void plan_release(plan *p)
{
    pthread_mutex_lock(&lock);
    release(p);
    pthread_mutex_unlock(&lock);
}
