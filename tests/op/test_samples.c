/* test_samples.c: what every operator must do, tried on the samples of its table entry.

   Each sample runs in f32 and f64, on inputs that are contiguous, transposed in memory, sliced (a step and an offset), and
   broadcast (stride 0), and with one size set to zero. In f64 its derivative is compared with central differences, and so
   is the derivative's. The fast kernels are compared with the reference ones, results and gradients. No tensor may be left
   over. One test a family (.def file); a failure names operator, sample and layout. TSR_SAMPLES=conv2d runs the operators
   whose name contains that alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "op/call_match.h"
#include "support/samples.h"
#include "tessera/autograd.h"
#include "tessera/memory.h"

enum { MAX_OUTPUTS = 64, CHECKED_OUTPUTS = 8, SEED = 3 };

typedef enum layout { CONTIGUOUS, TRANSPOSED, SLICED, EXPANDED, LAYOUTS } layout;
static const char *const layout_names[] = {"contiguous", "transposed", "sliced", "expanded"};

/* One operator on one sample in one layout. */
typedef struct trial {
    const op_info *info;
    const char *text;
    tsr_dtype dtype;
    sample sample;
    layout layout;
    tsr_tensor *leaves[SAMPLE_TENSORS]; /* those that want a gradient */
    int64_t leaf_count;
    int checked[CHECKED_OUTPUTS]; /* outputs that require a gradient */
    int64_t checked_count;
} trial;

static int failures;

static void report(const trial *t, const char *what, const char *format, ...) TSR_PRINTF(3, 4);
static void report(const trial *t, const char *what, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error("%s, sample \"%s\", %s, %s, %s: %s\n", t->info->name, t->text, tsr_dtype_name(t->dtype),
                layout_names[t->layout], what, text);
    failures++;
    tsr_error_clear();
}

static void report_error(const trial *t, const char *what)
{
    const char *message = tsr_error_message();
    report(t, what, "%s", message ? message : "failed without a message");
}

/* ---- layouts --------------------------------------------------------------------------------------------------------- */

/* The same values, stored with the dimensions in reverse order. */
static tsr_tensor *transposed(tsr_tensor *x)
{
    tsr_shape dims = {.n = tsr_ndim(x)};
    for (int32_t d = 0; d < dims.n; d++) dims.v[d] = dims.n - 1 - d;
    return tsr_permute(tsr_contiguous(tsr_permute(x, dims)), dims);
}

/* The same values as every second element, from the second on, of a larger tensor. */
static tsr_tensor *sliced(tsr_tensor *x)
{
    tsr_tensor *both = tsr_stack(TSR_LIST(x, x), .dim = -1);
    return tsr_select(both, -1, 1);
}

/* x's first entry along one dimension, repeated by a stride of 0: the last dimension, or the first for odd inputs. */
static tsr_tensor *expanded(tsr_tensor *x, int64_t number)
{
    tsr_shape shape = tsr_shape_of(x);
    if (shape.n == 0) return x;
    int32_t d = number % 2 ? 0 : shape.n - 1;
    return shape.v[d] == 0 ? x : tsr_expand(tsr_narrow(x, d, 0, 1), shape);
}

/* The tensor that is written in place must not be a leaf. */
static tsr_tensor *arrange(const trial *t, tsr_tensor *x, int64_t number)
{
    bool written = t->info->inplace && number == 0;
    if (written) x = tsr_clone(x);
    bool floating = tsr_dtype_is_floating(tsr_dtype_of(x));
    if (t->layout == TRANSPOSED && tsr_ndim(x) > 1) return transposed(x);
    if (t->layout == SLICED) return sliced(x);
    if (t->layout == EXPANDED && floating && !written) return expanded(x, number);
    return x;
}

/* Sorting and the like need values that differ; these need a matrix that can be inverted, and so no repeated rows, or have
   a kink where all values are equal. */
static bool may_expand(const trial *t)
{
    static const char *const regular[] = {"linalg.", "cholesky", "inv", "det", "slogdet", "solve", "svd", "qr", "std"};
    for (int64_t i = 0; i < t->sample.tensor_count; i++)
        if (t->sample.tensors[i].distinct) return false;
    for (const char *const *name = t->info->names; *name; name++)
        for (int64_t i = 0; i < TSR_COUNT(regular); i++)
            if (strstr(*name, regular[i])) return false;
    return true;
}

/* as_strided reads memory around its input, whose layout is the sample's business. */
static bool may_arrange(const trial *t)
{
    if (t->layout == CONTIGUOUS) return true;
    return strncmp(t->info->name, "as_strided", 10) != 0 && (t->layout != EXPANDED || may_expand(t));
}

/* Errors that are right: a view that the layout does not allow, an in-place result that does not fit its place. */
static bool is_refused_rightly(const trial *t)
{
    const char *message = tsr_error_message();
    if (!message) return false;
    if (t->layout != CONTIGUOUS && strstr(message, "use reshape instead")) return true;
    return t->info->inplace &&
           (strstr(message, "doesn't match the broadcast shape") || strstr(message, "can't be cast"));
}

/* ---- running --------------------------------------------------------------------------------------------------------- */

static int64_t run_matched(const op_info *info, const sample *s, tsr_tensor **outs)
{
    int64_t n = -1;
    op_match m;
    for (op_match_mode mode = OP_MATCH_PLAIN; mode <= OP_MATCH_BOTH; mode++) {
        bool fits = op_match_args(&m, info, s->args, s->count, mode);
        if (fits) n = op_run(info, m.args, outs, MAX_OUTPUTS);
        op_match_release(&m);
        if (fits) return n;
    }
    tsr_fail(TSR_EINVAL, "the sample does not fit %s: %s", info->schema, m.why);
    return -1;
}

/* Run the operator on `leaves` and the sample's other tensors, all arranged; the number of outputs, or -1. */
static int64_t run(trial *t, tsr_tensor *const *leaves, tsr_tensor **outs)
{
    sample *s = &t->sample;
    tsr_tensor *tensors[SAMPLE_TENSORS], *own[SAMPLE_TENSORS];
    int64_t leaf = 0;
    for (int64_t i = 0; i < s->tensor_count; i++) {
        own[i] = s->tensors[i].tensor;
        tensors[i] = arrange(t, s->tensors[i].wants_grad ? leaves[leaf++] : own[i], i);
    }
    sample_substitute(s, tensors);
    tsr_manual_seed(SEED);
    int64_t n = tsr_error_message() ? -1 : run_matched(t->info, s, outs);
    sample_substitute(s, own);
    return n;
}

/* The operator as gradcheck sees it: floating leaves in, differentiable outputs out. */
static bool run_checked(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    trial *t = user;
    tsr_tensor *outs[MAX_OUTPUTS];
    (void)n_in;
    if (run(t, in, outs) < 0) return false;
    for (int64_t i = 0; i < n_out; i++) out[i] = outs[t->checked[i]];
    return true;
}

static void find_leaves(trial *t, bool grad)
{
    t->leaf_count = 0;
    for (int64_t i = 0; i < t->sample.tensor_count; i++) {
        sample_tensor *x = &t->sample.tensors[i];
        if (!x->wants_grad) continue;
        tsr_set_requires_grad(x->tensor, grad);
        t->leaves[t->leaf_count++] = x->tensor;
    }
}

static void find_checked(trial *t, tsr_tensor *const *outs, int64_t n)
{
    t->checked_count = 0;
    for (int64_t i = 0; i < n && t->checked_count < CHECKED_OUTPUTS; i++)
        if (tsr_requires_grad(outs[i])) t->checked[t->checked_count++] = (int)i;
}

static bool has_floating(tsr_tensor *const *outs, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (tsr_dtype_is_floating(tsr_dtype_of(outs[i]))) return true;
    return false;
}

/* Does the sample run, and do its results require gradients exactly when they should? */
static bool check_run(trial *t)
{
    tsr_tensor *outs[MAX_OUTPUTS];
    int64_t n = run(t, t->leaves, outs);
    if (n < 0) {
        if (!is_refused_rightly(t)) report_error(t, "running");
        tsr_error_clear();
        return false;
    }
    find_checked(t, outs, n);
    bool differentiable = t->info->grad != OP_NONDIFF && t->leaf_count && has_floating(outs, n);
    if (differentiable && !t->checked_count) report(t, "running", "no result requires a gradient");
    if (t->info->grad == OP_NONDIFF && t->checked_count && !t->info->inplace)
        report(t, "running", "a result requires a gradient, though the table says `grad none`");
    return true;
}

static void check_derivatives(trial *t)
{
    tsr_tensors in = {t->leaves, t->leaf_count};
    if (!t->checked_count || !t->leaf_count || t->info->grad == OP_NONDIFF) return;
    if (tsr_gradcheck(run_checked, t, in, t->checked_count, NULL)) {
        report_error(t, "derivative");
        return;
    }
    if (tsr_gradgradcheck(run_checked, t, in, t->checked_count, NULL)) report_error(t, "second derivative");
}

/* ---- fast kernels against reference kernels ---------------------------------------------------------------------------- */

/* Everything one tier computes: outputs, then gradients, as f64 on the host. A missing gradient has the dtype 0. */
typedef struct values {
    double *v[MAX_OUTPUTS + SAMPLE_TENSORS];
    int64_t n[MAX_OUTPUTS + SAMPLE_TENSORS];
    tsr_dtype dtype[MAX_OUTPUTS + SAMPLE_TENSORS];
    tsr_shape shape[MAX_OUTPUTS + SAMPLE_TENSORS];
    int64_t count;
} values;

static void add_values(values *to, const tsr_tensor *x)
{
    int64_t n = x ? tsr_numel(x) : 0, i = to->count++;
    to->v[i] = malloc((size_t)n * sizeof(double) + 1);
    to->n[i] = n;
    to->dtype[i] = x ? tsr_dtype_of(x) : (tsr_dtype)0;
    to->shape[i] = x ? tsr_shape_of(x) : (tsr_shape){0};
    if (x) tsr_to_host(x, to->v[i], n, TSR_F64);
}

static void free_values(values *v)
{
    for (int64_t i = 0; i < v->count; i++) free(v->v[i]);
}

/* Gradients of the leaves from seeds that are the same for every tier: the cosine of each element's number. */
static bool add_gradients(trial *t, tsr_tensor *const *outs, values *to)
{
    tsr_tensor *roots[CHECKED_OUTPUTS], *seeds[CHECKED_OUTPUTS], *grads[SAMPLE_TENSORS] = {NULL};
    for (int64_t i = 0; i < t->checked_count; i++) {
        roots[i] = outs[t->checked[i]];
        int64_t n = tsr_numel(roots[i]);
        double *v = malloc((size_t)n * sizeof *v + 1);
        for (int64_t k = 0; k < n; k++) v[k] = cos((double)k + 1);
        seeds[i] = tsr_to(tsr_from_data(v, tsr_shape_of(roots[i]), TSR_F64), tsr_dtype_of(roots[i]));
        free(v);
    }
    if (tsr_grads(.outputs = {roots, t->checked_count}, .inputs = {t->leaves, t->leaf_count}, .grads = grads,
                  .grad_outputs = {seeds, t->checked_count}, .allow_unused = true))
        return false;
    for (int64_t i = 0; i < t->leaf_count; i++) add_values(to, grads[i]);
    return true;
}

static bool run_tier(trial *t, const char *isa, values *to)
{
    tsr_tensor *outs[MAX_OUTPUTS];
    *to = (values){0};
    tsr_mark mark = tsr_scope_open();
    bool good = backend_select(isa) == TSR_OK;
    int64_t n = good ? run(t, t->leaves, outs) : -1;
    for (int64_t i = 0; i < n; i++) add_values(to, outs[i]);
    good = n >= 0 && (!t->checked_count || !t->leaf_count || add_gradients(t, outs, to));
    backend_select(NULL);
    tsr_scope_close(mark);
    return good;
}

static bool agree(double a, double b, tsr_dtype dtype)
{
    double tolerance = dtype == TSR_F32 ? 3e-5 : dtype == TSR_F64 ? 1e-10 : 0;
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= tolerance * (1 + fabs(b));
}

/* Are there as many results and gradients, each there or not, of the same dtype and shape? */
static bool same_forms(const trial *t, const char *what, const values *a, const values *b)
{
    if (a->count != b->count) {
        report(t, what, "%lld results and gradients instead of %lld", (long long)a->count, (long long)b->count);
        return false;
    }
    for (int64_t i = 0; i < a->count; i++) {
        if (a->dtype[i] == b->dtype[i] && tsr_shape_equal(a->shape[i], b->shape[i])) continue;
        report(t, what, "result or gradient %lld is %s of %lld elements instead of %s of %lld, or has another shape",
               (long long)i, a->dtype[i] ? tsr_dtype_name(a->dtype[i]) : "missing", (long long)a->n[i],
               b->dtype[i] ? tsr_dtype_name(b->dtype[i]) : "missing", (long long)b->n[i]);
        return false;
    }
    return true;
}

static void compare_tiers(const trial *t, const values *fast, const values *reference)
{
    if (!same_forms(t, "fast kernels", fast, reference)) return;
    for (int64_t i = 0; i < fast->count; i++) {
        for (int64_t k = 0; k < fast->n[i]; k++) {
            if (agree(fast->v[i][k], reference->v[i][k], fast->dtype[i])) continue;
            report(t, "fast kernels", "result or gradient %lld, element %lld: %.9g, the reference kernels give %.9g",
                   (long long)i, (long long)k, fast->v[i][k], reference->v[i][k]);
            return;
        }
    }
}

/* oneDNN, which computes f32 convolutions, splits the sums of a weight's and a bias's gradient by the number of threads. */
static bool sums_split_by_threads(const trial *t) { return !strcmp(t->info->group, "conv") && t->dtype == TSR_F32; }

static void compare_threads(const trial *t, const values *three, const values *one)
{
    if (!same_forms(t, "three threads", three, one)) return;
    for (int64_t i = 0; i < one->count; i++)
        for (int64_t k = 0; k < one->n[i]; k++) {
            bool same = memcmp(&three->v[i][k], &one->v[i][k], sizeof(double)) == 0;
            if (same || (sums_split_by_threads(t) && agree(three->v[i][k], one->v[i][k], one->dtype[i]))) continue;
            report(t, "three threads", "result or gradient %lld, element %lld: %.17g, one thread gives %.17g",
                   (long long)i, (long long)k, three->v[i][k], one->v[i][k]);
            return;
        }
}

/* The same bits from three threads as from one. */
static void check_threads(trial *t, const values *one)
{
    values three;
    tsr_set_num_threads(3);
    if (run_tier(t, NULL, &three)) compare_threads(t, &three, one);
    else report_error(t, "three threads");
    free_values(&three);
    tsr_set_num_threads(1);
}

static void check_tiers(trial *t)
{
    values fast, reference;
    if (!run_tier(t, NULL, &fast)) report_error(t, "fast kernels");
    else if (!run_tier(t, "reference", &reference)) report_error(t, "reference kernels");
    else {
        compare_tiers(t, &fast, &reference);
        if (t->layout == CONTIGUOUS) check_threads(t, &fast);
        free_values(&reference);
    }
    free_values(&fast);
}

/* ---- one sample -------------------------------------------------------------------------------------------------------- */

static bool parse(trial *t, tsr_dtype dtype, int64_t empty)
{
    t->dtype = dtype;
    if (sample_parse(&t->sample, t->text, dtype, SEED, empty)) return true;
    report(t, "reading the sample", "%s", t->sample.problem);
    return false;
}

static void try_layout(trial *t, tsr_dtype dtype)
{
    int64_t alive = tsr_live_tensors();
    tsr_mark mark = tsr_scope_open();
    if (parse(t, dtype, -1) && may_arrange(t)) {
        find_leaves(t, t->info->grad != OP_NONDIFF);
        if (check_run(t)) {
            check_tiers(t);
            if (dtype == TSR_F64) check_derivatives(t);
        }
    }
    tsr_scope_close(mark);
    sample_free(&t->sample);
    if (tsr_live_tensors() != alive)
        report(t, "afterwards", "%lld tensors are left over", (long long)(tsr_live_tensors() - alive));
}

/* Sizes of zero where the first tensor's first size was: an error with a sentence, or results with gradients. */
static void try_empty(trial *t)
{
    tsr_mark mark = tsr_scope_open();
    t->layout = CONTIGUOUS;
    if (parse(t, TSR_F64, -1) && t->sample.tensor_count && tsr_ndim(t->sample.tensors[0].tensor) > 0) {
        int64_t size = tsr_size(t->sample.tensors[0].tensor, 0);
        tsr_tensor *outs[MAX_OUTPUTS];
        values v = {0};
        sample_free(&t->sample);
        parse(t, TSR_F64, size);
        find_leaves(t, t->info->grad != OP_NONDIFF);
        int64_t n = run(t, t->leaves, outs);
        if (n < 0 && !tsr_error_message()) report(t, "a size of zero", "failed without a message");
        if (n < 0) tsr_error_clear();
        else find_checked(t, outs, n);
        if (n >= 0 && t->checked_count && t->leaf_count && !add_gradients(t, outs, &v))
            report_error(t, "a size of zero");
        free_values(&v);
    }
    tsr_scope_close(mark);
    sample_free(&t->sample);
}

static void try_sample(const op_info *info, const char *text)
{
    trial t = {.info = info, .text = text};
    for (t.layout = CONTIGUOUS; t.layout < LAYOUTS; t.layout++) {
        try_layout(&t, TSR_F64);
        try_layout(&t, TSR_F32);
    }
    try_empty(&t);
}

/* ---- families ------------------------------------------------------------------------------------------------------------ */

static bool is_chosen(const op_info *info)
{
    const char *chosen = getenv("TSR_SAMPLES");
    return !info->internal && (!chosen || strstr(info->name, chosen));
}

static void every_sample_of_the_family_behaves(void **state)
{
    const char *group = *state;
    failures = 0;
    for (int64_t i = 0; i < op_registry_count; i++) {
        const op_info *info = op_registry[i];
        if (strcmp(info->group, group) || !is_chosen(info)) continue;
        for (const char *const *text = info->samples; *text; text++) try_sample(info, *text);
    }
    assert_int_equal(failures, 0);
}

int main(void)
{
    tsr_set_num_threads(1); /* the samples are small: threads would only wait for each other (but see check_threads) */
    struct CMUnitTest tests[64];
    size_t n = 0;
    for (int64_t i = 0; i < op_registry_count && n < 64; i++) {
        const char *group = op_registry[i]->group;
        if (n && !strcmp(tests[n - 1].name, group)) continue;
        tests[n++] = (struct CMUnitTest){group, every_sample_of_the_family_behaves, NULL, NULL, (void *)group};
    }
    return _cmocka_run_group_tests("samples", tests, n, NULL, NULL);
}
