/* bench_layers.c: how fast the kernels of layers are on this machine.

       bench_layers [FILTER] [--isa reference|baseline|avx2|avx512] [--repeat N] [--cpu]

   One line for each kernel and shape whose name contains FILTER: the best and median of N runs in milliseconds, and GFLOP/s
   (convolutions count a direct convolution's work) or GB/s (each operand once) at the best. Shapes are those of the
   image models. Machines share their cores: compare only what was run side by side; where others compute at the same time,
   --cpu with TSR_NUM_THREADS=1 measures the processor's time instead of the clock's. */
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "tessera/runtime.h"

static const char *filter, *isa;
static int repeat = 15, matched;
static bool cpu_time;
static const backend *table;

/* ---- arrays ---- */

static void *owned[64];
static int owned_count;

static array make(tsr_dtype dtype, bool channels_last, int ndim, const int64_t *shape)
{
    array a = {.dtype = dtype, .ndim = ndim};
    int64_t step = 1;
    for (int i = 0; i < ndim; i++) {
        int d = ndim - 1 - i;
        if (channels_last && ndim > 2) d = i == 0 ? 1 : i < ndim - 1 ? ndim - i : 0;
        a.shape[d] = shape[d];
        a.stride[d] = step;
        step *= shape[d];
    }
    a.data = owned[owned_count++] = tsr_alloc((size_t)step * tsr_dtype_size(dtype));
    if (!a.data) exit(1);
    for (int64_t i = 0; i < step; i++) {
        double v = (double)(i * 2654435761u % 1000003) / 500001.5 - 1;
        if (dtype == TSR_F32) ((float *)a.data)[i] = (float)v;
        if (dtype == TSR_F64) ((double *)a.data)[i] = v;
        if (dtype == TSR_I64) ((int64_t *)a.data)[i] = 0;
    }
    return a;
}

#define SHAPE(...)                                                                                                     \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { __VA_ARGS__ }
#define F32(...) make(TSR_F32, true, SHAPE(__VA_ARGS__))
#define F64(...) make(TSR_F64, true, SHAPE(__VA_ARGS__))

static void free_all(void)
{
    while (owned_count > 0) tsr_free(owned[--owned_count]);
}

/* ---- timing ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(cpu_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef bool (*action)(void *user);

static void measure(const char *name, double work, const char *unit, action run, void *user)
{
    static double times[1000];
    if (filter && !strstr(name, filter)) return;
    matched++;
    bool ok = run(user);
    for (int i = 0; i < repeat; i++) {
        double start = now();
        ok = run(user) && ok;
        times[i] = now() - start;
    }
    qsort(times, (size_t)repeat, sizeof *times, by_value);
    printf("%-42s best %9.3f ms  median %9.3f ms  %8.1f %s%s\n", name, times[0] * 1e3, times[repeat / 2] * 1e3,
           work / times[0] * 1e-9, unit, ok ? "" : "  FAILED");
    fflush(stdout);
}

/* ---- kernels ---- */

typedef struct job {
    array a[10];
    conv_params conv;
    norm_params norm;
    pool_params pool;
    interp_params interp;
    attention_params attention;
    adam_params adam;
} job;

static bool run_forward(void *user)
{
    job *j = user;
    return table->conv_forward(&j->a[2], &j->a[0], &j->a[1], &j->a[3], &j->conv);
}

static bool run_grad_input(void *user)
{
    job *j = user;
    return table->conv_grad_input(&j->a[0], &j->a[2], &j->a[1], &j->conv);
}

static bool run_grad_weight(void *user)
{
    job *j = user;
    return table->conv_grad_weight(&j->a[1], &j->a[3], &j->a[2], &j->a[0], &j->conv);
}

static void bench_conv(tsr_dtype dtype, int64_t n, int64_t c, int64_t k, int64_t size, int64_t kernel, int64_t stride,
                       int64_t padding)
{
    char name[96];
    int64_t out = (size + 2 * padding - kernel) / stride + 1;
    job j = {.conv = {.spatial = 2, .stride = {stride, stride}, .padding = {padding, padding}, .dilation = {1, 1}}};
    j.conv.groups = 1;
    j.a[0] = make(dtype, true, SHAPE(n, c, size, size));
    j.a[1] = make(dtype, false, SHAPE(k, c, kernel, kernel));
    j.a[2] = make(dtype, true, SHAPE(n, k, out, out));
    j.a[3] = make(dtype, true, SHAPE(k));
    double work = 2.0 * (double)(n * k * c * out * out * kernel * kernel);
    const char *what[] = {"forward", "grad_input", "grad_weight"};
    action run[] = {run_forward, run_grad_input, run_grad_weight};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "conv%d%s %s %dx%d-%dx%d/%d", (int)kernel, dtype == TSR_F64 ? " f64" : "", what[i],
                 (int)n, (int)c, (int)k, (int)size, (int)stride);
        measure(name, work, "GFLOP/s", run[i], &j);
    }
    free_all();
}

static bool run_group_norm(void *user)
{
    job *j = user;
    return table->group_norm(&j->a[1], &j->a[4], &j->a[5], &j->a[0], &j->a[2], &j->a[3], &j->norm);
}

static bool run_group_norm_grad(void *user)
{
    job *j = user;
    return table->group_norm_grad(&j->a[6], &j->a[7], &j->a[8], &j->a[1], &j->a[0], &j->a[4], &j->a[5], &j->a[2],
                                  &j->a[3], &j->norm);
}

static void bench_group_norm(int64_t n, int64_t c, int64_t size)
{
    char name[96];
    job j = {.norm = {.groups = 32, .eps = 1e-6, .silu = true}};
    j.a[0] = F32(n, c, size, size);
    j.a[1] = F32(n, c, size, size);
    j.a[6] = F32(n, c, size, size);
    for (int i = 2; i <= 8; i++)
        if (i != 6) j.a[i] = i == 4 || i == 5 ? F32(n, 32) : F32(c);
    double bytes = 4.0 * (double)(n * c * size * size);
    snprintf(name, sizeof name, "group_norm+silu %dx%dx%d", (int)n, (int)c, (int)size);
    measure(name, 2 * bytes, "GB/s", run_group_norm, &j);
    snprintf(name, sizeof name, "group_norm_grad+silu %dx%dx%d", (int)n, (int)c, (int)size);
    measure(name, 3 * bytes, "GB/s", run_group_norm_grad, &j);
    free_all();
}

static bool run_layer_norm(void *user)
{
    job *j = user;
    return table->layer_norm(&j->a[1], &j->a[4], &j->a[5], &j->a[0], &j->a[2], &j->a[3], &j->norm);
}

static bool run_layer_norm_grad(void *user)
{
    job *j = user;
    return table->layer_norm_grad(&j->a[6], &j->a[7], &j->a[8], &j->a[1], &j->a[0], &j->a[4], &j->a[5], &j->a[2],
                                  &j->norm);
}

static void bench_layer_norm(int64_t rows, int64_t n)
{
    char name[96];
    job j = {.norm = {.eps = 1e-5}};
    for (int i = 0; i <= 8; i++) {
        bool matrix = i == 0 || i == 1 || i == 6;
        j.a[i] = matrix ? F32(rows, n) : i == 4 || i == 5 ? F32(rows) : F32(n);
    }
    double bytes = 4.0 * (double)(rows * n);
    snprintf(name, sizeof name, "layer_norm %dx%d", (int)rows, (int)n);
    measure(name, 2 * bytes, "GB/s", run_layer_norm, &j);
    snprintf(name, sizeof name, "layer_norm_grad %dx%d", (int)rows, (int)n);
    measure(name, 3 * bytes, "GB/s", run_layer_norm_grad, &j);
    free_all();
}

static bool run_batch_norm(void *user)
{
    job *j = user;
    return table->batch_norm_stats(&j->a[2], &j->a[3], &j->a[0]) &&
           table->batch_norm_apply(&j->a[1], &j->a[0], &j->a[2], &j->a[4], &j->a[5]);
}

static bool run_batch_norm_grad(void *user)
{
    job *j = user;
    return table->batch_norm_grad(&j->a[6], &j->a[7], &j->a[8], &j->a[1], &j->a[0], &j->a[2], &j->a[3], &j->a[4], true);
}

static void bench_batch_norm(int64_t n, int64_t c, int64_t size)
{
    char name[96];
    job j = {0};
    for (int i = 0; i <= 8; i++) j.a[i] = i == 0 || i == 1 || i == 6 ? F32(n, c, size, size) : F32(c);
    double bytes = 4.0 * (double)(n * c * size * size);
    snprintf(name, sizeof name, "batch_norm %dx%dx%d", (int)n, (int)c, (int)size);
    measure(name, 2 * bytes, "GB/s", run_batch_norm, &j);
    snprintf(name, sizeof name, "batch_norm_grad %dx%dx%d", (int)n, (int)c, (int)size);
    measure(name, 3 * bytes, "GB/s", run_batch_norm_grad, &j);
    free_all();
}

static bool run_attention(void *user)
{
    job *j = user;
    return table->attention(&j->a[3], NULL, &j->a[0], &j->a[1], &j->a[2], NULL, &j->attention);
}

static void bench_attention(int64_t n, int64_t heads, int64_t queries, int64_t keys, int64_t e, bool causal)
{
    char name[96];
    job j = {.attention = {.scale = 0.1, .causal = causal}};
    j.a[0] = make(TSR_F32, false, SHAPE(n, heads, queries, e));
    j.a[1] = make(TSR_F32, false, SHAPE(n, heads, keys, e));
    j.a[2] = make(TSR_F32, false, SHAPE(n, heads, keys, e));
    j.a[3] = make(TSR_F32, false, SHAPE(n, heads, queries, e));
    snprintf(name, sizeof name, "attention %dx%d %dx%d e %d%s", (int)n, (int)heads, (int)queries, (int)keys, (int)e,
             causal ? " causal" : "");
    measure(name, 4.0 * (double)(n * heads * queries * keys * e), "GFLOP/s", run_attention, &j);
    free_all();
}

static bool run_nearest(void *user)
{
    job *j = user;
    return table->nearest(&j->a[2], &j->a[0], &j->a[1]);
}

static void bench_nearest(int64_t rows, int64_t d, int64_t codes)
{
    char name[96];
    job j = {0};
    j.a[0] = F32(rows, d);
    j.a[1] = F32(codes, d);
    j.a[2] = make(TSR_I64, true, SHAPE(rows));
    snprintf(name, sizeof name, "nearest %dx%d of %d", (int)rows, (int)d, (int)codes);
    measure(name, 2.0 * (double)(rows * d * codes), "GFLOP/s", run_nearest, &j);
    free_all();
}

static bool run_adam(void *user)
{
    job *j = user;
    return table->adam_step(&j->a[0], &j->a[1], &j->a[2], &j->a[3], NULL, &j->adam);
}

static void bench_adam(int64_t n)
{
    char name[96];
    job j = {.adam = {1e-4, 0.5, 0.9, 1e-8, 0, 0.5, 0.1, false, false}};
    for (int i = 0; i < 4; i++) j.a[i] = F32(n);
    for (int64_t i = 0; i < n; i++) ((float *)j.a[3].data)[i] = 1;
    snprintf(name, sizeof name, "adam_step %d", (int)n);
    measure(name, 28.0 * (double)n, "GB/s", run_adam, &j);
    free_all();
}

static bool run_interpolate(void *user)
{
    job *j = user;
    return table->interpolate(&j->a[1], &j->a[0], &j->interp);
}

static bool run_interpolate_grad(void *user)
{
    job *j = user;
    return table->interpolate_grad(&j->a[0], &j->a[1], &j->interp);
}

static void bench_interpolate(int mode, int64_t n, int64_t c, int64_t size)
{
    char name[96];
    static const char *names[] = {"nearest", "linear", "bicubic", "area"};
    job j = {.interp = {.mode = mode, .spatial = 2, .scale = {2, 2}}};
    j.a[0] = F32(n, c, size, size);
    j.a[1] = F32(n, c, 2 * size, 2 * size);
    double bytes = 4.0 * 5 * (double)(n * c * size * size);
    snprintf(name, sizeof name, "interpolate x2 %s %dx%dx%d", names[mode], (int)n, (int)c, (int)size);
    measure(name, bytes, "GB/s", run_interpolate, &j);
    snprintf(name, sizeof name, "interpolate_grad x2 %s %dx%dx%d", names[mode], (int)n, (int)c, (int)size);
    measure(name, bytes, "GB/s", run_interpolate_grad, &j);
    free_all();
}

static bool run_pad(void *user)
{
    job *j = user;
    return table->pad(&j->a[1], &j->a[0], (int64_t[]){0, 0, 0, 0}, PAD_CONSTANT, 0);
}

static bool run_pad_grad(void *user)
{
    job *j = user;
    return table->pad_grad(&j->a[0], &j->a[1], (int64_t[]){0, 0, 0, 0}, PAD_CONSTANT);
}

static void bench_pad(int64_t n, int64_t c, int64_t size)
{
    char name[96];
    job j = {0};
    j.a[0] = F32(n, c, size, size);
    j.a[1] = F32(n, c, size + 1, size + 1);
    double bytes = 8.0 * (double)(n * c * size * size);
    snprintf(name, sizeof name, "pad %dx%dx%d", (int)n, (int)c, (int)size);
    measure(name, bytes, "GB/s", run_pad, &j);
    snprintf(name, sizeof name, "pad_grad %dx%dx%d", (int)n, (int)c, (int)size);
    measure(name, bytes, "GB/s", run_pad_grad, &j);
    free_all();
}

static bool run_max_pool(void *user)
{
    job *j = user;
    return table->max_pool(&j->a[1], &j->a[2], &j->a[0], &j->pool);
}

static bool run_max_pool_grad(void *user)
{
    job *j = user;
    return table->max_pool_grad(&j->a[0], &j->a[1], &j->a[2], &j->pool);
}

static bool run_avg_pool(void *user)
{
    job *j = user;
    return table->avg_pool(&j->a[1], &j->a[0], &j->pool);
}

static bool run_avg_pool_grad(void *user)
{
    job *j = user;
    return table->avg_pool_grad(&j->a[0], &j->a[1], &j->pool);
}

static void bench_pool(int64_t n, int64_t c, int64_t size)
{
    char name[96];
    job j = {.pool = {.spatial = 2, .kernel = {2, 2}, .stride = {2, 2}, .dilation = {1, 1}}};
    j.a[0] = F32(n, c, size, size);
    j.a[1] = F32(n, c, size / 2, size / 2);
    j.a[2] = make(TSR_I64, true, SHAPE(n, c, size / 2, size / 2));
    double bytes = 4.0 * 1.25 * (double)(n * c * size * size);
    const char *what[] = {"max_pool", "max_pool_grad", "avg_pool", "avg_pool_grad"};
    action run[] = {run_max_pool, run_max_pool_grad, run_avg_pool, run_avg_pool_grad};
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s %dx%dx%d", what[i], (int)n, (int)c, (int)size);
        measure(name, bytes, "GB/s", run[i], &j);
    }
    free_all();
}

/* ---- shapes ---- */

static void bench_convs(void)
{
    static const int64_t threes[][3] = {{8, 128, 32}, {16, 64, 32}, {4, 256, 16}, {2, 128, 64}, {16, 32, 64},
                                        {8, 64, 64},  {8, 128, 16}, {1, 512, 16}, {8, 128, 8}};
    for (size_t i = 0; i < sizeof threes / sizeof *threes; i++)
        bench_conv(TSR_F32, threes[i][0], threes[i][1], threes[i][1], threes[i][2], 3, 1, 1);
    bench_conv(TSR_F32, 16, 3, 32, 64, 3, 1, 1);
    bench_conv(TSR_F32, 16, 32, 3, 64, 3, 1, 1);
    bench_conv(TSR_F32, 8, 64, 128, 32, 3, 1, 1);
    bench_conv(TSR_F32, 8, 64, 64, 33, 3, 2, 0);
    bench_conv(TSR_F32, 8, 64, 128, 32, 4, 2, 1);
    bench_conv(TSR_F32, 16, 3, 64, 64, 4, 2, 1);
    bench_conv(TSR_F32, 8, 64, 128, 32, 1, 1, 0);
    bench_conv(TSR_F32, 16, 64, 64, 64, 1, 1, 0);
    bench_conv(TSR_F64, 4, 64, 64, 32, 3, 1, 1);
}

static void bench_others(void)
{
    bench_group_norm(8, 128, 32);
    bench_group_norm(16, 64, 32);
    bench_group_norm(16, 32, 64);
    bench_layer_norm(2048, 512);
    bench_batch_norm(16, 128, 16);
    bench_attention(8, 1, 256, 256, 128, false);
    bench_attention(8, 8, 256, 256, 64, true);
    bench_attention(8, 8, 1, 256, 64, false);
    bench_nearest(4096, 64, 1024);
    bench_nearest(512, 128, 1024);
    bench_adam(10000000);
    for (int mode = 0; mode < 3; mode++) bench_interpolate(mode, 8, 64, 32);
    bench_pad(8, 64, 32);
    bench_pool(8, 64, 64);
}

/* ---- arguments ---- */

static bool set_repeat(const char *text)
{
    long n = strtol(text, NULL, 10);
    if (n < 1 || n > 1000) return false;
    repeat = (int)n;
    return true;
}

/* False at the first that is wrong; scripts/bench_arguments.sh has the sentences. */
static bool parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *value = argv[i + 1]; /* NULL after the last */
        if (strcmp(a, "--cpu") == 0) cpu_time = true;
        else if (strcmp(a, "--isa") == 0 && value) isa = argv[++i];
        else if (strcmp(a, "--repeat") == 0 && value && set_repeat(value)) i++;
        else if (*a == '-' || filter) return false;
        else filter = a;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!parse(argc, argv)) {
        fprintf(stderr, "bench kernels: wrong arguments; ./run bench --help lists them\n");
        return 2;
    }
    if (tsr_set_isa(isa) != TSR_OK) {
        fprintf(stderr, "bench kernels: %s: %s\n", isa ? "--isa" : "TSR_ISA", tsr_error_message());
        return 2;
    }
    table = backend_of(TSR_CPU);
    printf("%s, %d threads\n", table->name, tsr_num_threads());
    bench_convs();
    bench_others();
    if (matched) return 0;
    fprintf(stderr, "bench kernels: no kernel has %s in its name\n", filter);
    return 2;
}
