/* PyTorch's results (tests/data/layers.golden) against every tier that this machine has, in f64 and f32 and in every
   memory layout. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/arrays.h"

enum { MOST_ARRAYS = 16, MOST_NUMBERS = 16 };

typedef struct golden {
    char kernel[32];
    struct {
        char name[24];
        int count;
        double v[8];
    } number[MOST_NUMBERS];
    struct {
        char name[24];
        array a;
    } array[MOST_ARRAYS];
    int numbers, arrays;
} golden;

/* How the case is run: each array is brought into this dtype and layout. */
static tsr_dtype run_dtype;
static array_layout run_layout;
static const backend *table;

/* ---- the file ---- */

static void read_number(golden *g, char *line)
{
    int used, n = g->numbers++;
    assert_int_equal(sscanf(line, "%23s%n", g->number[n].name, &used), 1);
    for (line += used; sscanf(line, "%lf%n", &g->number[n].v[g->number[n].count], &used) == 1; line += used)
        g->number[n].count++;
}

static void read_array(golden *g, char *line)
{
    char kind[8];
    int used, ndim;
    int64_t shape[TSR_MAX_DIMS];
    assert_int_equal(sscanf(line, "%23s %7s %d%n", g->array[g->arrays].name, kind, &ndim, &used), 3);
    line += used;
    for (int d = 0; d < ndim; d++) shape[d] = strtoll(line, &line, 10);
    line = strchr(line, ':') + 1;
    array a = arrays_new(strcmp(kind, "i64") == 0 ? TSR_I64 : TSR_F64, LAYOUT_ROWS, ndim, shape);
    for (int64_t i = 0; i < arrays_count(&a); i++) arrays_set(&a, i, strtod(line, &line));
    g->array[g->arrays++].a = a;
}

/* The case that starts after the file's position; false at the end. */
static bool read_case(golden *g, FILE *file)
{
    static char line[1 << 17];
    memset(g, 0, sizeof *g);
    for (long at = ftell(file); fgets(line, sizeof line, file); at = ftell(file)) {
        if (strncmp(line, "case ", 5) == 0) {
            if (*g->kernel) {
                fseek(file, at, SEEK_SET);
                return true;
            }
            sscanf(line + 5, "%31s", g->kernel);
        }
        if (strncmp(line, "number ", 7) == 0) read_number(g, line + 7);
        if (strncmp(line, "array ", 6) == 0) read_array(g, line + 6);
    }
    return *g->kernel;
}

/* ---- reading a case ---- */

static double number(const golden *g, const char *name, int i)
{
    for (int n = 0; n < g->numbers; n++)
        if (strcmp(g->number[n].name, name) == 0) return g->number[n].v[i];
    fail_msg("%s: no number %s", g->kernel, name);
    return 0;
}

static int number_count(const golden *g, const char *name)
{
    for (int n = 0; n < g->numbers; n++)
        if (strcmp(g->number[n].name, name) == 0) return g->number[n].count;
    return 0;
}

static const array *find(const golden *g, const char *name)
{
    for (int n = 0; n < g->arrays; n++)
        if (strcmp(g->array[n].name, name) == 0) return &g->array[n].a;
    return NULL;
}

/* An array as this run wants it; the slot keeps it. NULL when the case has none. */
static const array *in_layout(const golden *g, const char *name, array_layout layout, array *slot)
{
    const array *a = find(g, name);
    if (!a) return NULL;
    *slot = arrays_copy(a, a->dtype == TSR_I64 ? TSR_I64 : run_dtype, layout);
    return slot;
}

static const array *in(const golden *g, const char *name, array *slot) { return in_layout(g, name, run_layout, slot); }

/* Room for a result, full of something else than it. */
static const array *room(const golden *g, const char *name, array *slot)
{
    const array *a = find(g, name);
    if (!a) return NULL;
    *slot = arrays_like(a, a->dtype == TSR_I64 ? TSR_I64 : run_dtype, run_layout);
    for (int64_t i = 0; i < arrays_count(slot); i++) arrays_set(slot, i, 77);
    return slot;
}

static void check(const golden *g, const char *name, const array *got)
{
    char what[128];
    double tolerance = run_dtype == TSR_F64 ? 1e-10 : 2e-5;
    snprintf(what, sizeof what, "%s of %s (%s, layout %d, %s)", name, g->kernel, table->name, (int)run_layout,
             tsr_dtype_name(run_dtype));
    if (got) arrays_expect_close(what, got, find(g, name), tolerance, tolerance);
}

/* ---- one function a kernel ---- */

static void run_conv(const golden *g)
{
    array s[12];
    const array *x = in(g, "x", &s[0]), *w = in(g, "weight", &s[1]), *b = in(g, "bias", &s[2]);
    const array *grad = in(g, "grad", &s[3]), *out = room(g, "out", &s[4]), *gx = room(g, "out_grad_x", &s[5]);
    const array *gw = room(g, "out_grad_weight", &s[6]), *gb = room(g, "out_grad_bias", &s[7]);
    conv_params p = {.spatial = x->ndim - 2, .groups = (int64_t)number(g, "groups", 0)};
    for (int d = 0; d < p.spatial; d++) {
        p.stride[d] = (int64_t)number(g, "stride", d);
        p.padding[d] = (int64_t)number(g, "padding", d);
        p.dilation[d] = (int64_t)number(g, "dilation", d);
    }
    assert_true(table->conv_forward(out, x, w, b, &p));
    assert_true(table->conv_grad_input(gx, grad, w, &p));
    assert_true(table->conv_grad_weight(gw, gb, grad, x, &p));
    check(g, "out", out);
    check(g, "out_grad_x", gx);
    check(g, "out_grad_weight", gw);
    check(g, "out_grad_bias", gb);
}

static pool_params pool_of(const golden *g, int spatial)
{
    pool_params p = {.spatial = spatial};
    for (int d = 0; d < spatial; d++) {
        p.kernel[d] = (int64_t)number(g, "kernel", d);
        p.stride[d] = (int64_t)number(g, "stride", d);
        p.padding[d] = (int64_t)number(g, "padding", d);
        p.dilation[d] = (int64_t)number(g, "dilation", d);
    }
    return p;
}

static void run_max_pool(const golden *g)
{
    array s[5];
    const array *x = in(g, "x", &s[0]), *grad = in(g, "grad", &s[1]), *out = room(g, "out", &s[2]);
    const array *index = room(g, "out_index", &s[3]), *gx = room(g, "out_grad_x", &s[4]);
    pool_params p = pool_of(g, x->ndim - 2);
    assert_true(table->max_pool(out, index, x, &p));
    assert_true(table->max_pool_grad(gx, grad, index, &p));
    check(g, "out", out);
    check(g, "out_index", index);
    check(g, "out_grad_x", gx);
    assert_true(table->max_pool(out, NULL, x, &p));
    check(g, "out", out);
}

static void run_avg_pool(const golden *g)
{
    array s[4];
    const array *x = in(g, "x", &s[0]), *grad = in(g, "grad", &s[1]);
    const array *out = room(g, "out", &s[2]), *gx = room(g, "out_grad_x", &s[3]);
    pool_params p = pool_of(g, x->ndim - 2);
    p.count_include_pad = number(g, "include", 0) != 0;
    p.divisor = (int64_t)number(g, "divisor", 0);
    assert_true(table->avg_pool(out, x, &p));
    assert_true(table->avg_pool_grad(gx, grad, &p));
    check(g, "out", out);
    check(g, "out_grad_x", gx);
}

static void run_adaptive_avg_pool(const golden *g)
{
    array s[4];
    const array *x = in(g, "x", &s[0]), *grad = in(g, "grad", &s[1]);
    const array *out = room(g, "out", &s[2]), *gx = room(g, "out_grad_x", &s[3]);
    assert_true(table->adaptive_avg_pool(out, x));
    assert_true(table->adaptive_avg_pool_grad(gx, grad));
    check(g, "out", out);
    check(g, "out_grad_x", gx);
}

static void run_group_norm(const golden *g)
{
    array s[12];
    const array *x = in(g, "x", &s[0]), *w = in(g, "weight", &s[1]), *b = in(g, "bias", &s[2]);
    const array *grad = in(g, "grad", &s[3]), *out = room(g, "out", &s[4]), *mean = room(g, "out_mean", &s[5]);
    const array *rstd = room(g, "out_rstd", &s[6]), *gx = room(g, "out_grad_x", &s[7]);
    const array *gw = room(g, "out_grad_weight", &s[8]), *gb = room(g, "out_grad_bias", &s[9]);
    norm_params p = {.groups = (int64_t)number(g, "groups", 0), .eps = number(g, "eps", 0)};
    p.silu = number(g, "silu", 0) != 0;
    assert_true(table->group_norm(out, mean, rstd, x, w, b, &p));
    check(g, "out", out);
    check(g, "out_mean", mean);
    check(g, "out_rstd", rstd);
    assert_true(table->group_norm_grad(gx, gw, gb, grad, x, mean, rstd, w, b, &p));
    check(g, "out_grad_x", gx);
    check(g, "out_grad_weight", gw);
    check(g, "out_grad_bias", gb);
}

static void run_layer_norm(const golden *g)
{
    array s[12];
    const array *x = in(g, "x", &s[0]), *w = in(g, "weight", &s[1]), *b = in(g, "bias", &s[2]);
    const array *grad = in(g, "grad", &s[3]), *out = room(g, "out", &s[4]), *gx = room(g, "out_grad_x", &s[5]);
    const array *gw = room(g, "out_grad_weight", &s[6]), *gb = room(g, "out_grad_bias", &s[7]);
    array mean = ARRAY(run_dtype, LAYOUT_ROWS, x->shape[0]), rstd = ARRAY(run_dtype, LAYOUT_ROWS, x->shape[0]);
    norm_params p = {.eps = number(g, "eps", 0)};
    assert_true(table->layer_norm(out, &mean, &rstd, x, w, b, &p));
    assert_true(table->layer_norm_grad(gx, gw, gb, grad, x, &mean, &rstd, w, &p));
    check(g, "out", out);
    check(g, "out_grad_x", gx);
    check(g, "out_grad_weight", gw);
    check(g, "out_grad_bias", gb);
}

static void run_batch_norm(const golden *g)
{
    array s[16];
    bool training = number(g, "training", 0) != 0;
    const array *x = in(g, "x", &s[0]), *w = in(g, "weight", &s[1]), *b = in(g, "bias", &s[2]);
    const array *grad = in(g, "grad", &s[3]), *out = room(g, "out", &s[4]), *gx = room(g, "out_grad_x", &s[5]);
    const array *gw = room(g, "out_grad_weight", &s[6]), *gb = room(g, "out_grad_bias", &s[7]);
    const array *mean = training ? room(g, "out_mean", &s[8]) : in(g, "mean", &s[8]);
    const array *var = training ? room(g, "out_var", &s[9]) : in(g, "var", &s[9]);
    if (training) {
        assert_true(table->batch_norm_stats(mean, var, x));
        check(g, "out_mean", mean);
        check(g, "out_var", var);
    }
    array rstd = arrays_like(var, run_dtype, run_layout), scale = arrays_like(var, run_dtype, run_layout);
    for (int64_t c = 0; c < arrays_count(var); c++) {
        arrays_set(&rstd, c, 1 / sqrt(arrays_get(var, c) + number(g, "eps", 0)));
        arrays_set(&scale, c, arrays_get(&rstd, c) * arrays_get(w, c));
    }
    assert_true(table->batch_norm_apply(out, x, mean, &scale, b));
    assert_true(table->batch_norm_grad(gx, gw, gb, grad, x, mean, &rstd, w, training));
    check(g, "out", out);
    check(g, "out_grad_x", gx);
    check(g, "out_grad_weight", gw);
    check(g, "out_grad_bias", gb);
}

static void run_interpolate(const golden *g)
{
    array s[4];
    const array *x = in(g, "x", &s[0]), *grad = in(g, "grad", &s[1]);
    const array *out = room(g, "out", &s[2]), *gx = room(g, "out_grad_x", &s[3]);
    interp_params p = {.mode = (int32_t)number(g, "mode", 0), .spatial = x->ndim - 2};
    p.align_corners = number(g, "align", 0) != 0;
    for (int d = 0; d < p.spatial; d++) p.scale[d] = number(g, "scale", d);
    assert_true(table->interpolate(out, x, &p));
    assert_true(table->interpolate_grad(gx, grad, &p));
    check(g, "out", out);
    check(g, "out_grad_x", gx);
}

static void run_pad(const golden *g)
{
    array s[4];
    const array *x = in(g, "x", &s[0]), *grad = in(g, "grad", &s[1]);
    const array *out = room(g, "out", &s[2]), *gx = room(g, "out_grad_x", &s[3]);
    pad_mode mode = (pad_mode)number(g, "mode", 0);
    int64_t before[TSR_MAX_DIMS];
    for (int d = 0; d < number_count(g, "before"); d++) before[d] = (int64_t)number(g, "before", d);
    assert_true(table->pad(out, x, before, mode, number(g, "value", 0)));
    assert_true(table->pad_grad(gx, grad, before, mode));
    check(g, "out", out);
    check(g, "out_grad_x", gx);
}

static void run_attention(const golden *g)
{
    array s[6];
    const array *q = in(g, "q", &s[0]), *k = in(g, "k", &s[1]), *v = in(g, "v", &s[2]), *mask = in(g, "mask", &s[3]);
    const array *out = room(g, "out", &s[4]), *lse = room(g, "out_lse", &s[5]);
    if (mask) { /* broadcast over heads, as the operator layer hands it on */
        s[3].shape[1] = q->shape[1];
        s[3].stride[1] = 0;
    }
    attention_params p = {.scale = number(g, "scale", 0), .causal = number(g, "causal", 0) != 0};
    assert_true(table->attention(out, lse, q, k, v, mask, &p));
    check(g, "out", out);
    check(g, "out_lse", lse);
}

static void run_nearest(const golden *g)
{
    array s[3];
    const array *x = in(g, "x", &s[0]), *codes = in(g, "codes", &s[1]), *index = room(g, "out_index", &s[2]);
    assert_true(table->nearest(index, x, codes));
    check(g, "out_index", index);
}

/* Contiguous by contract. */
static void run_adam_step(const golden *g)
{
    array s[6];
    const array *param = in_layout(g, "param", LAYOUT_ROWS, &s[0]), *grad = in_layout(g, "grad", LAYOUT_ROWS, &s[1]);
    const array *m = in_layout(g, "m", LAYOUT_ROWS, &s[2]), *v = in_layout(g, "v", LAYOUT_ROWS, &s[3]);
    const array *vmax = in_layout(g, "vmax", LAYOUT_ROWS, &s[4]);
    adam_params p = {.lr = number(g, "lr", 0), .beta1 = number(g, "beta1", 0), .beta2 = number(g, "beta2", 0)};
    p.eps = number(g, "eps", 0);
    p.weight_decay = number(g, "weight_decay", 0);
    p.bias1 = number(g, "bias1", 0);
    p.bias2 = number(g, "bias2", 0);
    p.decoupled = number(g, "decoupled", 0) != 0;
    p.maximize = number(g, "maximize", 0) != 0;
    assert_true(table->adam_step(param, grad, m, v, vmax, &p));
    check(g, "out_param", param);
    check(g, "out_m", m);
    check(g, "out_v", v);
    check(g, "out_vmax", vmax);
}

static void run_case(const golden *g)
{
    static const struct {
        const char *kernel;
        void (*run)(const golden *g);
    } kernels[] = {{"conv", run_conv},
                   {"max_pool", run_max_pool},
                   {"avg_pool", run_avg_pool},
                   {"adaptive_avg_pool", run_adaptive_avg_pool},
                   {"group_norm", run_group_norm},
                   {"layer_norm", run_layer_norm},
                   {"batch_norm", run_batch_norm},
                   {"interpolate", run_interpolate},
                   {"pad", run_pad},
                   {"attention", run_attention},
                   {"nearest", run_nearest},
                   {"adam_step", run_adam_step}};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i].kernel, g->kernel) == 0) {
            kernels[i].run(g);
            return;
        }
    fail_msg("no kernel %s", g->kernel);
}

static void replay(const char *isa)
{
    if (backend_select(isa) != TSR_OK) {
        tsr_error_clear();
        skip();
    }
    table = backend_of(TSR_CPU);
    FILE *file = fopen(TSR_SOURCE_DIR "/tests/data/layers.golden", "r");
    assert_non_null(file);
    static golden g;
    int cases = 0;
    for (; read_case(&g, file); cases++) {
        for (int run = 0; run < 2 * LAYOUT_COUNT; run++) {
            run_dtype = run % 2 ? TSR_F32 : TSR_F64;
            run_layout = (array_layout)(run / 2);
            run_case(&g);
        }
        arrays_free();
    }
    fclose(file);
    assert_int_equal(cases, 63);
}

static void the_reference_gives_what_pytorch_gives(void **state)
{
    (void)state;
    replay("reference");
}

static void the_baseline_tier_gives_what_pytorch_gives(void **state)
{
    (void)state;
    replay("baseline");
}

static void the_avx2_tier_gives_what_pytorch_gives(void **state)
{
    (void)state;
    replay("avx2");
}

static void the_avx512_tier_gives_what_pytorch_gives(void **state)
{
    (void)state;
    replay("avx512");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_gives_what_pytorch_gives),
        cmocka_unit_test(the_baseline_tier_gives_what_pytorch_gives),
        cmocka_unit_test(the_avx2_tier_gives_what_pytorch_gives),
        cmocka_unit_test(the_avx512_tier_gives_what_pytorch_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
