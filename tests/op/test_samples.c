/* test_samples.c: what every operator must do, tried on the samples of its table entry.

   Each sample runs in f32 and f64, on inputs that are contiguous, transposed in memory, sliced (a step and an offset), and
   broadcast (stride 0), and, for each size in it, with that size set to zero. In f64 its derivative is compared with
   central differences, and so is the derivative's. The fast kernels are compared with the reference ones, results and
   gradients. No tensor may be left over. One test a family (.def file); a failure names operator, sample and layout.
   TSR_SAMPLES=conv2d runs the operators whose name contains that alone. */
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

enum { MAX_OUTPUTS = 64, CHECKED_OUTPUTS = 8, MAX_SIZES = 16, SEED = 3 };

typedef enum layout { CONTIGUOUS, TRANSPOSED, SLICED, EXPANDED, EMPTY, LAYOUTS } layout;
static const char *const layout_names[] = {"contiguous", "transposed", "sliced", "expanded", "empty"};

/* One operator on one sample in one layout. */
typedef struct trial {
    const op_info *info;
    const char *text;
    tsr_dtype dtype;
    sample sample;
    layout layout;
    int64_t empty;                      /* EMPTY: dimensions of this size have size 0; otherwise -1 */
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
    if (t->layout == EMPTY) print_error("  (sizes of %lld are 0)\n", (long long)t->empty);
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
    if (t->layout == TRANSPOSED && tsr_ndim(x) > 1) return transposed(x);
    if (t->layout == SLICED) return sliced(x);
    if (t->layout == EXPANDED && !written) return expanded(x, number);
    return x;
}

/* Is `name` among the words, or the form of one that writes in place? */
static bool is_among(const char *words, const char *name)
{
    char plain[64];
    size_t n = 0;
    for (const char *c = name; *c && n + 1 < sizeof plain; c++) /* scatter_.value is of scatter.value */
        if (!(*c == '_' && (!c[1] || c[1] == '.'))) plain[n++] = *c;
    plain[n] = 0;
    for (const char *at = words; (at = strstr(at, plain)); at += n)
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return true;
    return false;
}

/* Sorting and the like need values that differ; these need a matrix that can be inverted, and so no repeated rows, or have
   a kink where all values are equal. */
static bool may_expand(const trial *t)
{
    static const char regular[] = "linalg_cholesky linalg_inv linalg_det linalg_slogdet linalg_solve linalg_qr "
                                  "linalg_svd linalg_solve_triangular svd std std.unbiased std_mean std_mean.unbiased";
    for (int64_t i = 0; i < t->sample.tensor_count; i++)
        if (t->sample.tensors[i].distinct) return false;
    return !is_among(regular, t->info->name);
}

/* as_strided reads memory around its input, whose layout is the sample's business. */
static bool may_arrange(const trial *t)
{
    if (t->layout == CONTIGUOUS) return true;
    return strncmp(t->info->name, "as_strided", 10) != 0 && (t->layout != EXPANDED || may_expand(t));
}

/* What says no to a size of zero, and has to: PyTorch says no as well, or the sample's other arguments do not fit any more.
   Anything else that refuses a size of zero is a fault. */
static const struct {
    const char *names, *says, *why;
} refusals[] = {
    {"amax amin aminmax argmax argmin max max.dim min min.dim median.dim", "no elements to choose from",
     "there is no largest of nothing"},
    {"linalg_vector_norm", "has nothing to take the norm of order inf of", "the same"},
    {"kthvalue topk", "the size of dimension", "k is larger than the dimension"},
    {"quantile quantile.tensor", "and not empty", "there is no quantile of nothing"},
    {"multinomial", "there are no weights", "there is nothing to draw"},
    {"one_hot", "does not say how many classes", "the number of classes was to be the largest index and 1"},
    {"nearest_code", "one code or more", "no code is the nearest"},
    {"adaptive_avg_pool1d adaptive_avg_pool2d", "without a size of 0", "a mean of no pixels"},
    {"avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool1d.return_indices max_pool2d max_pool2d.return_indices "
     "max_pool3d",
     "without a size of 0", "PyTorch wants channels and pixels, too"},
    {"grid_sample", "from H or D on not 0", "no pixels to read"},
    {"fold", "for an output of", "the sizes are an argument, too"},
    {"affine_grid", "do not fit", "the sizes are an argument, too"},
    {"interpolate", "must be greater than 0", "no pixels, or the size asked for is another argument"},
    {"pad", "does not fit dimension", "nothing to reflect, repeat or go around"},
    {"conv1d conv2d conv3d conv1d.padding conv2d.padding conv3d.padding im2col", "does not fit input",
     "the kernel is larger than the input, or has no size"},
    {"conv1d conv2d conv3d", "channels, input",
     "channels / groups and the batch or the output have one size in the sample"},
    {"conv_transpose1d conv_transpose2d conv_transpose3d", "would give a size of",
     "the result has no pixels, or the kernel has no size"},
    {"cross_entropy nll_loss", "is outside the", "the targets are of the classes that were there"},
    {"embedding gather index index_add index_copy index_fill index_fill.tensor index_put index_select scatter "
     "scatter.value scatter_add scatter_reduce select select_scatter take take_along_dim",
     "out of", "the indices are of elements that were there"},
    {"embedding", "is not a row", "the same"},
    {"narrow", "exceeds dimension", "the same"},
    {"unfold", "the size of dimension", "the same"},
    {"split.sizes", "sum to", "the sizes are an argument, too"},
    {"diagonal_scatter slice_scatter", "shape of the part it replaces", "src has another size by now"},
    {"scatter", "does not fit src", "the same"},
    {"masked_scatter", "but the mask has", "the same"},
    {"expand expand_as", "cannot be expanded", "the shape is an argument, too"},
    {"sum_to_size", "is not expandable", "the same"},
    {"layer_norm rms_norm", "is not how the shape of input", "the same"},
    {"view view_as reshape reshape_as unflatten", "is invalid for input of size", "the same"},
    {"prelu", "must hold 1 number", "weight has another size by now"},
    {"quantile.tensor", "of input's dtype", "q would have to be a vector of its own size"},
    {"add addcdiv addcmul baddbmm clamp.tensor div index masked_select matmul maximum mul rsub "
     "scaled_dot_product_attention take_along_dim where",
     "must match the size of tensor b", "the sample broadcasts a size of 1 along another one, or the other way round"},
};

static bool refuses_nothing_rightly(const trial *t, const char *message)
{
    for (int64_t i = 0; i < TSR_COUNT(refusals); i++)
        if (is_among(refusals[i].names, t->info->name) && strstr(message, refusals[i].says)) return true;
    return false;
}

/* Errors that are right: a view that the layout does not allow, an in-place result that does not fit its place. */
static bool is_refused_rightly(const trial *t)
{
    const char *message = tsr_error_message();
    if (!message) return false;
    if (t->layout != CONTIGUOUS && strstr(message, "use reshape instead")) return true;
    if (t->layout == EMPTY && refuses_nothing_rightly(t, message)) return true;
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

/* ---- nothing ------------------------------------------------------------------------------------------------------------ */

/* What PyTorch computes from no elements, where it is not 0: the product's unit, a mean's 0 / 0, the logarithm of 0. */
static double value_of_nothing(const op_info *info)
{
    static const struct {
        const char *names;
        double value;
    } others[] = {
        {"all all.dims allclose linalg_det new_ones prod", 1},
        {"mean median std std.unbiased std_mean std_mean.unbiased var var.unbiased var_mean var_mean.unbiased", NAN},
        {"binary_cross_entropy binary_cross_entropy_with_logits gaussian_nll_loss huber_loss kl_div "
         "l1_loss "
         "mse_loss nll_loss smooth_l1_loss",
         NAN},
        {"logsumexp", -INFINITY},
    };
    for (int64_t i = 0; i < TSR_COUNT(others); i++)
        if (is_among(others[i].names, info->name)) return others[i].value;
    return 0;
}

/* Other arguments decide, or which size is 0: the value to fill with (or none), a reduction, shapes that differ; or two
   results are not the same. */
static bool is_decided_elsewhere(const trial *t)
{
    if (!strcmp(t->info->group, "loss") && strchr(t->text, '"')) return true;
    return is_among("cross_entropy equal linalg_slogdet new_empty new_full pad scaled_dot_product_attention_weights",
                    t->info->name);
}

/* Where all tensors are empty, and a result is not, its elements can only be what the operator makes of nothing. */
static void check_nothing(trial *t)
{
    tsr_tensor *outs[MAX_OUTPUTS];
    double want = value_of_nothing(t->info), got;
    if (is_decided_elsewhere(t)) return;
    for (int64_t i = 0; i < t->sample.tensor_count; i++)
        if (tsr_numel(t->sample.tensors[i].tensor) > 0) return;
    int64_t n = t->sample.tensor_count ? run(t, t->leaves, outs) : 0;
    for (int64_t i = 0; i < n; i++) {
        if (tsr_numel(outs[i]) == 0) continue;
        tsr_tensor *flat = tsr_reshape(tsr_detach(outs[i]), TSR_SHAPE(-1));
        for (int64_t k = 0; k < tsr_numel(flat); k++) {
            tsr_to_host(tsr_narrow(flat, 0, k, 1), &got, 1, TSR_F64);
            if (!agree(got, want, TSR_F64)) report(t, "nothing", "result %lld is %g, not %g", (long long)i, got, want);
        }
    }
}

/* ---- one sample -------------------------------------------------------------------------------------------------------- */

static bool parse(trial *t, tsr_dtype dtype)
{
    t->dtype = dtype;
    if (sample_parse(&t->sample, t->text, dtype, SEED, t->empty)) return true;
    report(t, "reading the sample", "%s", t->sample.problem);
    return false;
}

static void try_layout(trial *t, tsr_dtype dtype)
{
    int64_t alive = tsr_live_tensors();
    tsr_mark mark = tsr_scope_open();
    if (parse(t, dtype) && may_arrange(t)) {
        find_leaves(t, t->info->grad != OP_NONDIFF);
        if (check_run(t)) {
            check_tiers(t);
            if (dtype == TSR_F64) check_derivatives(t);
            if (t->layout == EMPTY) check_nothing(t);
        }
    }
    tsr_scope_close(mark);
    sample_free(&t->sample);
    if (tsr_live_tensors() != alive)
        report(t, "afterwards", "%lld tensors are left over", (long long)(tsr_live_tensors() - alive));
}

/* Every size that a tensor of the sample has, each once; at most MAX_SIZES. */
static int64_t find_sizes(trial *t, int64_t *sizes)
{
    int64_t n = 0;
    tsr_mark mark = tsr_scope_open();
    bool read = parse(t, TSR_F32);
    for (int64_t i = 0; read && i < t->sample.tensor_count; i++) {
        tsr_shape shape = tsr_shape_of(t->sample.tensors[i].tensor);
        for (int32_t d = 0; d < shape.n && n < MAX_SIZES; d++) {
            int64_t known = 0;
            while (known < n && sizes[known] != shape.v[d]) known++;
            if (known == n && shape.v[d] > 0) sizes[n++] = shape.v[d];
        }
    }
    tsr_scope_close(mark);
    sample_free(&t->sample);
    return n;
}

static void try_both_dtypes(trial *t)
{
    try_layout(t, TSR_F64);
    try_layout(t, TSR_F32);
}

static void try_sample(const op_info *info, const char *text)
{
    trial t = {.info = info, .text = text, .empty = -1};
    int64_t sizes[MAX_SIZES];
    for (t.layout = CONTIGUOUS; t.layout < EMPTY; t.layout++) try_both_dtypes(&t);
    int64_t n = find_sizes(&t, sizes);
    for (int64_t i = 0; i < n; i++) {
        t.empty = sizes[i];
        try_both_dtypes(&t);
    }
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
