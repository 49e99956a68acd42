/* gradcheck.c: derivatives against central differences.

   For every output element and every input element, (f(x + eps) - f(x - eps)) / 2 eps is compared with what backward
   gives when it starts from that output element alone. Inputs may have any strides; their elements are varied in place
   through the storage, so views of a common base should not be passed twice. */
#include <math.h>
#include <string.h>

#include "autograd/graph.h"

enum { MAX_TENSORS = 16 };

typedef struct gradcheck {
    tsr_checkpoint_fn fn;
    void *user;
    tsr_tensors in;
    int64_t n_out;
    double eps, atol, rtol;
    const char *what;
} gradcheck;

/* The address of element i, in row-major order, of an f64 tensor. */
static double *element(tsr_tensor *t, int64_t i)
{
    int64_t at = t->offset;
    for (int d = t->ndim - 1; d >= 0; d--) {
        at += i % t->shape[d] * t->stride[d];
        i /= t->shape[d];
    }
    return (double *)t->storage->data + at;
}

static bool is_varied(const tsr_tensor *t)
{
    return t && t->dtype == TSR_F64 && autograd_requires_grad(t) && tensor_numel(t) > 0;
}

static bool evaluate(const gradcheck *g, tsr_tensor **out)
{
    memset(out, 0, (size_t)g->n_out * sizeof *out);
    if (!g->fn(g->in.v, g->in.n, out, g->n_out, g->user) || tsr_error_pending()) {
        if (!tsr_error_pending()) tsr_fail(TSR_EINVAL, "%s: the function failed", g->what);
        return false;
    }
    return true;
}

/* All elements of all floating outputs, one after the other; the count, or -1. */
static int64_t flatten_outputs(const gradcheck *g, tsr_tensor *const *out, double *values, int64_t room)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n_out; i++) {
        if (!tsr_dtype_is_floating(tsr_dtype_of(out[i]))) continue;
        int64_t count = tsr_numel(out[i]);
        if (values && (n + count > room || tsr_to_host(out[i], values + n, count, TSR_F64) != TSR_OK)) return -1;
        n += count;
    }
    return n;
}

/* out[o] at x + eps and x - eps, for all o. */
static bool differences(const gradcheck *g, double *x, double *numeric, double *scratch, int64_t n)
{
    double saved = *x;
    bool was = tsr_set_grad_enabled(false), ok = true;
    for (int side = 0; ok && side < 2; side++) {
        tsr_tensor *out[MAX_TENSORS];
        tsr_mark m = tsr_scope_open();
        *x = saved + (side ? -g->eps : g->eps);
        ok = evaluate(g, out) && flatten_outputs(g, out, side ? scratch : numeric, n) == n;
        tsr_scope_close(m);
    }
    *x = saved;
    tsr_set_grad_enabled(was);
    for (int64_t o = 0; ok && o < n; o++) numeric[o] = (numeric[o] - scratch[o]) / (2 * g->eps);
    return ok;
}

/* Row o of the Jacobian for every varied input, into analytic[input][o * numel ..]. */
static bool analytic_row(const gradcheck *g, tsr_tensor *output, int64_t within, int64_t row, double **analytic)
{
    tsr_tensor *inputs[MAX_TENSORS], *grads[MAX_TENSORS];
    int64_t k = 0;
    if (!autograd_requires_grad(output)) return true;
    tsr_tensor *seed = tensor_empty(TSR_F64, output->ndim, output->shape, TSR_CPU);
    if (!seed || !op_fill_with(seed, 0)) return false;
    *element(seed, within) = 1;
    for (int64_t i = 0; i < g->in.n; i++)
        if (is_varied(g->in.v[i])) inputs[k++] = g->in.v[i];
    if (tsr_grads(.outputs = {&output, 1}, .inputs = {inputs, k}, .grads = grads, .grad_outputs = {&seed, 1},
                  .retain_graph = true, .allow_unused = true) != TSR_OK)
        return false;
    k = 0;
    for (int64_t i = 0; i < g->in.n; i++) {
        if (!is_varied(g->in.v[i])) continue;
        int64_t n = tensor_numel(g->in.v[i]);
        tsr_tensor *grad = grads[k++];
        if (grad && tsr_to_host(grad, analytic[i] + row * n, n, TSR_F64) != TSR_OK) return false;
    }
    return true;
}

static bool analytic_rows(const gradcheck *g, double **analytic)
{
    tsr_tensor *out[MAX_TENSORS];
    tsr_mark m = tsr_scope_open();
    int64_t row = 0;
    bool was = tsr_set_grad_enabled(true);
    bool ok = evaluate(g, out);
    for (int64_t i = 0; ok && i < g->n_out; i++) {
        if (!tsr_dtype_is_floating(tsr_dtype_of(out[i]))) continue;
        for (int64_t e = 0; ok && e < tsr_numel(out[i]); e++, row++) {
            tsr_mark inner = tsr_scope_open();
            ok = analytic_row(g, out[i], e, row, analytic);
            tsr_scope_close(inner);
        }
    }
    tsr_set_grad_enabled(was);
    tsr_scope_close(m);
    return ok;
}

static bool compare(const gradcheck *g, int64_t input, int64_t x, const double *numeric, const double *analytic,
                    int64_t rows, int64_t numel)
{
    for (int64_t o = 0; o < rows; o++) {
        double a = analytic[o * numel + x], n = numeric[o];
        if (fabs(a - n) <= g->atol + g->rtol * fabs(n) || (isnan(a) && isnan(n))) continue;
        tsr_fail(TSR_ENUMERIC,
                 "%s: d output element %lld / d input %lld element %lld: numerical %.10g, analytical %.10g", g->what,
                 (long long)o, (long long)input, (long long)x, n, a);
        return false;
    }
    return true;
}

static bool check_input(const gradcheck *g, int64_t i, const double *analytic, int64_t rows)
{
    int64_t numel = tensor_numel(g->in.v[i]);
    double *numeric = tsr_alloc(2 * (size_t)rows * sizeof *numeric + 1);
    bool ok = numeric != NULL;
    for (int64_t x = 0; ok && x < numel; x++)
        ok = differences(g, element(g->in.v[i], x), numeric, numeric + rows, rows) &&
             compare(g, i, x, numeric, analytic, rows, numel);
    tsr_free(numeric);
    return ok;
}

static int64_t count_rows(const gradcheck *g)
{
    tsr_tensor *out[MAX_TENSORS];
    tsr_mark m = tsr_scope_open();
    int64_t rows = evaluate(g, out) ? flatten_outputs(g, out, NULL, 0) : -1;
    tsr_scope_close(m);
    return rows;
}

static tsr_status run_check(const gradcheck *g)
{
    double *analytic[MAX_TENSORS] = {NULL};
    if (tsr_error_pending()) return tsr_error_status();
    if (g->in.n > MAX_TENSORS || g->n_out > MAX_TENSORS)
        return tsr_fail(TSR_EINVAL, "%s: at most %d inputs and outputs", g->what, MAX_TENSORS);
    int64_t rows = count_rows(g);
    bool ok = rows >= 0;
    for (int64_t i = 0; ok && i < g->in.n; i++)
        if (is_varied(g->in.v[i])) {
            analytic[i] = tsr_alloc_zeroed((size_t)(rows * tensor_numel(g->in.v[i])) + 1, sizeof(double));
            ok = analytic[i] != NULL;
        }
    ok = ok && analytic_rows(g, analytic);
    for (int64_t i = 0; ok && i < g->in.n; i++)
        if (analytic[i]) ok = check_input(g, i, analytic[i], rows);
    for (int64_t i = 0; i < MAX_TENSORS; i++) tsr_free(analytic[i]);
    return ok ? TSR_OK : tsr_error_status();
}

static gradcheck with_options(const tsr_gradcheck_options *o)
{
    gradcheck g = {.eps = 1e-6, .atol = 1e-5, .rtol = 1e-3};
    if (o && o->eps > 0) g.eps = o->eps;
    if (o && o->atol > 0) g.atol = o->atol;
    if (o && o->rtol > 0) g.rtol = o->rtol;
    return g;
}

tsr_status tsr_gradcheck(tsr_checkpoint_fn fn, void *user, tsr_tensors in, int64_t n_out,
                         const tsr_gradcheck_options *options)
{
    gradcheck g = with_options(options);
    g.fn = fn, g.user = user, g.in = in, g.n_out = n_out, g.what = "gradcheck";
    return run_check(&g);
}

/* ---- second derivatives: gradcheck of the function (inputs, output gradients) -> input gradients ------------------- */

typedef struct second {
    tsr_checkpoint_fn fn;
    void *user;
    int64_t n_in, n_out;
} second;

static bool first_gradients(tsr_tensor *const *in, int64_t n_in, tsr_tensor **grads, int64_t n_grads, void *user)
{
    const second *s = user;
    tsr_tensor *out[MAX_TENSORS], *roots[MAX_TENSORS], *seeds[MAX_TENSORS], *inputs[MAX_TENSORS];
    int64_t n_roots = 0, n_inputs = 0, seed = s->n_in;
    (void)n_in;
    bool was = tsr_set_grad_enabled(true);
    bool ok = s->fn(in, s->n_in, out, s->n_out, s->user);
    for (int64_t i = 0; ok && i < s->n_out; i++) {
        if (!tsr_dtype_is_floating(tsr_dtype_of(out[i]))) continue;
        if (autograd_requires_grad(out[i])) roots[n_roots] = out[i], seeds[n_roots++] = in[seed];
        seed++;
    }
    for (int64_t i = 0; i < s->n_in; i++)
        if (is_varied(in[i])) inputs[n_inputs++] = in[i];
    ok = ok && tsr_grads(.outputs = {roots, n_roots}, .inputs = {inputs, n_inputs}, .grads = grads,
                         .grad_outputs = {seeds, n_roots}, .create_graph = true, .allow_unused = true) == TSR_OK;
    for (int64_t i = 0; ok && i < n_grads; i++)
        if (!grads[i]) ok = (grads[i] = tsr_zeros(op_shape(inputs[i]), .dtype = TSR_F64)) != NULL;
    tsr_set_grad_enabled(was);
    return ok;
}

/* A seed like the output, with values of no particular structure. */
static tsr_tensor *random_seed(const tsr_tensor *like)
{
    tsr_tensor *t = tensor_empty(TSR_F64, like->ndim, like->shape, TSR_CPU);
    for (int64_t i = 0; t && i < tensor_numel(t); i++) *element(t, i) = 0.3 + sin(1.0 + 2.7 * (double)i);
    if (t) t->requires_grad = true;
    return t;
}

tsr_status tsr_gradgradcheck(tsr_checkpoint_fn fn, void *user, tsr_tensors in, int64_t n_out,
                             const tsr_gradcheck_options *options)
{
    tsr_tensor *all[2 * MAX_TENSORS], *out[MAX_TENSORS];
    int64_t n = 0, varied = 0;
    gradcheck g = with_options(options);
    second s = {fn, user, in.n, n_out};
    if (in.n + n_out > MAX_TENSORS) return tsr_fail(TSR_EINVAL, "gradgradcheck: too many tensors");
    tsr_mark m = tsr_scope_open();
    for (; n < in.n; n++) {
        all[n] = in.v[n];
        varied += is_varied(in.v[n]);
    }
    bool ok = !tsr_error_pending() && fn(in.v, in.n, out, n_out, user) && !tsr_error_pending();
    for (int64_t i = 0; ok && i < n_out; i++)
        if (tsr_dtype_is_floating(tsr_dtype_of(out[i]))) ok = (all[n++] = random_seed(out[i])) != NULL;
    g.fn = first_gradients, g.user = &s, g.in = (tsr_tensors){all, n}, g.n_out = varied, g.what = "gradgradcheck";
    tsr_status status = !ok ? tsr_error_status() : varied > 0 ? run_check(&g) : TSR_OK;
    tsr_scope_close(m);
    return status;
}
