/* conformance.c: replays recorded cases and compares.

   A case names an operator, its arguments, and the outputs and gradients that are to be expected (or that an error is).
   It passes when outputs agree in dtype, shape and value, and so do the gradients that come of the given gradients of the
   outputs. A case is unsupported only when its operator is not in the registry: arguments that a known operator does not
   take are a failure. The tolerance is that of the expected tensor's dtype.

   The factors of a decomposition are compared as far as they are determined (factor.h). Where a vector of ours points the
   other way, the gradient that it is given is turned around too, so that the input's gradient is the same. */
#include "conformance.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor.h"
#include "json_args.h"
#include "report.h"

enum { MAX_OUTPUTS = 64 };

typedef enum verdict { PASSED, FAILED, UNSUPPORTED } verdict;

/* One case being replayed. */
typedef struct replay {
    const json_t *spec;
    tsr_archive *archive;
    call_args args;
    tsr_tensor *outs[MAX_OUTPUTS];
    int64_t count;
    char reason[512];
} replay;

static bool differ(replay *r, const char *format, ...) TSR_PRINTF(2, 3);
static bool differ(replay *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->reason, sizeof r->reason, format, args);
    va_end(args);
    return false;
}

/* The pending error is why the case failed. */
static bool differ_by_error(replay *r)
{
    const char *message = tsr_error_message();
    differ(r, "%s", message ? message : "failed without a message");
    tsr_error_clear();
    return false;
}

/* ---- comparing two tensors ----------------------------------------------------------------------------------------- */

typedef struct tolerance {
    double absolute, relative;
} tolerance;

static tolerance tolerance_of(tsr_dtype dtype, bool gradient)
{
    if (dtype == TSR_F32) return (tolerance){1e-5, gradient ? 1e-4 : 1.3e-6};
    return (tolerance){1e-7, gradient ? 1e-6 : 1e-7};
}

static const char *describe(const tsr_tensor *t, char *buffer, size_t size)
{
    tsr_shape shape = tsr_shape_of(t);
    size_t n = (size_t)snprintf(buffer, size, "%s [", tsr_dtype_name(tsr_dtype_of(t)));
    for (int32_t i = 0; i < shape.n && n < size; i++)
        n += (size_t)snprintf(buffer + n, size - n, "%s%lld", i ? ", " : "", (long long)shape.v[i]);
    if (n < size) snprintf(buffer + n, size - n, "]");
    return buffer;
}

static bool same_shape(const tsr_tensor *a, const tsr_tensor *b)
{
    tsr_shape x = tsr_shape_of(a), y = tsr_shape_of(b);
    return x.n == y.n && !memcmp(x.v, y.v, (size_t)x.n * sizeof *x.v);
}

/* The elements as f64, to be freed; NULL: no memory. */
static double *elements_of(const tsr_tensor *t)
{
    int64_t n = tsr_numel(t);
    double *v = malloc((size_t)n * sizeof *v + 1);
    if (!v) tsr_fail(TSR_ENOMEM, "there is no memory for %lld elements", (long long)n);
    if (!v || tsr_to_host(t, v, n, TSR_F64) == TSR_OK) return v;
    free(v);
    return NULL;
}

/* A tensor of t's shape and dtype (f32 or f64) with the values v, which are overwritten. */
static tsr_tensor *from_elements(double *v, const tsr_tensor *t)
{
    float *narrow = (float *)v;
    if (tsr_dtype_of(t) == TSR_F32)
        for (int64_t i = 0; i < tsr_numel(t); i++) {
            float f = (float)v[i];
            memcpy(&narrow[i], &f, sizeof f);
        }
    return tsr_from_data(v, tsr_shape_of(t), tsr_dtype_of(t));
}

static bool close_enough(double got, double want, tolerance t)
{
    if (isnan(want)) return isnan(got);
    if (got == want) return true;
    return isfinite(want) && fabs(got - want) <= t.absolute + t.relative * fabs(want);
}

static bool same_values(replay *r, const char *what, const double *got, const double *want, int64_t n, tolerance t)
{
    for (int64_t i = 0; i < n; i++)
        if (!close_enough(got[i], want[i], t))
            return differ(r, "%s: element %lld is %.9g, expected %.9g", what, (long long)i, got[i], want[i]);
    return true;
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

/* Bring output i of a decomposition to the expected one as far as it is free; `seed` (may be NULL) turns with it. */
static void align_output(const replay *r, int64_t i, double *got, const double *want, double *seed)
{
    factor_vectors vectors = factor_of(text_of(r->spec, "op"), i);
    if (vectors == FACTOR_NONE) return;
    tsr_shape shape = tsr_shape_of(r->outs[i]), second = tsr_shape_of(r->outs[1]); /* S, R: the smaller size is last */
    int64_t determined = second.n ? second.v[second.n - 1] : 0;
    factor_align(got, want, seed, shape, vectors, determined);
}

/* Does `got` agree with the expected tensor in dtype, shape and values? `output` is its number, -1 for a gradient. */
static bool same_tensor(replay *r, const char *what, const tsr_tensor *got, const tsr_tensor *want, int64_t output)
{
    char a[256], b[256]; /* eight sizes of twenty digits */
    if (tsr_dtype_of(got) != tsr_dtype_of(want) || !same_shape(got, want))
        return differ(r, "%s is %s, expected %s", what, describe(got, a, sizeof a), describe(want, b, sizeof b));
    double *x = elements_of(got), *y = elements_of(want);
    if (x && y && output >= 0) align_output(r, output, x, y, NULL);
    bool same = x && y ? same_values(r, what, x, y, tsr_numel(got), tolerance_of(tsr_dtype_of(want), output < 0))
                       : differ_by_error(r);
    free(x);
    free(y);
    return same;
}

static bool all_zero(replay *r, const char *what, const tsr_tensor *got)
{
    double *x = elements_of(got);
    if (!x) return differ_by_error(r);
    bool zero = true;
    for (int64_t i = 0; i < tsr_numel(got) && zero; i++)
        zero = x[i] == 0 || differ(r, "%s: element %lld is %.9g, expected none or 0", what, (long long)i, x[i]);
    free(x);
    return zero;
}

/* ---- one case -------------------------------------------------------------------------------------------------------- */

static tsr_tensor *tensor_named(replay *r, const json_t *name)
{
    return tsr_archive_get_named(r->archive, json_string_value(name));
}

static bool check_outputs(replay *r)
{
    const json_t *expected = json_object_get(r->spec, "out");
    if (r->count != (int64_t)json_array_size(expected))
        return differ(r, "%lld outputs, expected %zu", (long long)r->count, json_array_size(expected));
    for (int64_t i = 0; i < r->count; i++) {
        char what[32];
        snprintf(what, sizeof what, "output %lld", (long long)i);
        tsr_tensor *want = tensor_named(r, json_array_get(expected, (size_t)i));
        if (!want) return differ_by_error(r);
        if (!same_tensor(r, what, r->outs[i], want, i)) return false;
    }
    return true;
}

/* The gradient for output i, turned around with the vectors of a decomposition's factor. */
static tsr_tensor *seed_for(replay *r, int64_t i, const json_t *name)
{
    tsr_tensor *seed = tensor_named(r, name), *turned = NULL;
    if (!seed || factor_of(text_of(r->spec, "op"), i) == FACTOR_NONE) return seed;
    tsr_tensor *want = tensor_named(r, json_array_get(json_object_get(r->spec, "out"), (size_t)i));
    double *s = elements_of(seed), *got = elements_of(r->outs[i]), *w = want ? elements_of(want) : NULL;
    if (s && got && w) {
        align_output(r, i, got, w, s);
        turned = from_elements(s, seed);
    }
    free(s), free(got), free(w);
    return turned;
}

/* The outputs that backward starts from, with their gradients; the number, or -1. */
static int64_t gather_seeds(replay *r, tsr_tensor **roots, tsr_tensor **seeds)
{
    const json_t *names = json_object_get(r->spec, "grad_out");
    int64_t n = 0;
    for (int64_t i = 0; i < r->count; i++) {
        const json_t *name = json_array_get(names, (size_t)i);
        if (!json_is_string(name)) continue;
        if (!tsr_requires_grad(r->outs[i])) {
            differ(r, "output %lld does not require a gradient", (long long)i);
            return -1;
        }
        roots[n] = r->outs[i];
        seeds[n] = seed_for(r, i, name);
        if (!seeds[n++]) {
            differ_by_error(r);
            return -1;
        }
    }
    return n;
}

static bool check_grad(replay *r, const char *input, const tsr_tensor *got, const json_t *expected)
{
    char what[160];
    snprintf(what, sizeof what, "gradient of %s", input);
    if (!json_is_string(expected)) return !got || all_zero(r, what, got);
    if (!got) return differ(r, "%s is missing", what);
    tsr_tensor *want = tensor_named(r, expected);
    return want ? same_tensor(r, what, got, want, -1) : differ_by_error(r);
}

static bool check_grads(replay *r)
{
    json_t *expected = json_object_get(r->spec, "grad_in");
    if (!json_object_size(expected)) return true;
    tsr_tensor *roots[MAX_OUTPUTS], *seeds[MAX_OUTPUTS], *inputs[MAX_OUTPUTS], *grads[MAX_OUTPUTS] = {NULL};
    int64_t n_roots = gather_seeds(r, roots, seeds), n = 0;
    if (n_roots < 0) return false;
    const char *name;
    json_t *value;
    json_object_foreach(expected, name, value)
    {
        const call_tensor *input = call_args_find(&r->args, name);
        if (!input || n == MAX_OUTPUTS)
            return differ(r, "the case asks for the gradient of %s, which it does not use", name);
        inputs[n++] = input->tensor;
    }
    if (tsr_grads(.outputs = {roots, n_roots}, .inputs = {inputs, n}, .grads = grads, .grad_outputs = {seeds, n_roots},
                  .allow_unused = true))
        return differ_by_error(r);
    n = 0;
    json_object_foreach(expected, name, value) if (!check_grad(r, name, grads[n++], value)) return false;
    return true;
}

/* PyTorch's own samples call these three with their first two arguments exchanged: where(self, condition, other),
   embedding(weight, input), einsum(operands, equation). */
static void restore_order(const char *op, call_args *a)
{
    if (a->count < 2 || a->v[0].name || a->v[1].name) return;
    const tsr_value first = a->v[0].value, second = a->v[1].value;
    bool tensors = first.kind == TSR_VALUE_TENSOR && second.kind == TSR_VALUE_TENSOR;
    bool exchanged = !strcmp(op, "where")    ? tensors && tsr_dtype_of(second.tensor) == TSR_BOOL
                     : !strcmp(op, "einsum") ? first.kind == TSR_VALUE_LIST && second.kind == TSR_VALUE_STRING
                     : !strcmp(op, "nn.functional.embedding")
                         ? tensors && tsr_dtype_is_floating(tsr_dtype_of(first.tensor))
                         : false;
    if (!exchanged) return;
    a->v[0].value = second;
    a->v[1].value = first;
}

/* The case in an open scope, after its operator is known. */
static bool run_case(replay *r)
{
    const char *op = text_of(r->spec, "op");
    bool error = json_is_true(json_object_get(r->spec, "error"));
    if (!call_args_read(&r->args, json_object_get(r->spec, "args"), json_object_get(r->spec, "kwargs"), r->archive,
                        TSR_DTYPE_DEFAULT))
        return differ_by_error(r);
    restore_order(op, &r->args);
    r->count = tsr_call(op, r->args.v, r->args.count, r->outs, MAX_OUTPUTS);
    if (error && r->count < 0) tsr_error_clear();
    if (error) return r->count < 0 || differ(r, "no error, where one is expected");
    return r->count < 0 ? differ_by_error(r) : check_outputs(r) && check_grads(r);
}

static verdict replay_case(const json_t *spec, tsr_archive *archive, replay *r)
{
    *r = (replay){.spec = spec, .archive = archive};
    if (tsr_op_find(text_of(spec, "op"), 0) < 0) return UNSUPPORTED;
    tsr_mark mark = tsr_scope_open();
    bool passed = run_case(r);
    call_args_free(&r->args);
    tsr_scope_close(mark);
    return passed ? PASSED : FAILED;
}

/* ---- the folder ------------------------------------------------------------------------------------------------------ */

/* The report: {"passed": n, ..., "operators": {NAME: {"passed": n, ..., "reason": TEXT}}} */
static void count_one(json_t *counts, const char *key)
{
    json_object_set_new(counts, key, json_integer(json_integer_value(json_object_get(counts, key)) + 1));
}

static json_t *new_counts(void) { return json_pack("{s:i, s:i, s:i}", "passed", 0, "failed", 0, "unsupported", 0); }

static void record(json_t *report, const replay *r, verdict v)
{
    static const char *const keys[] = {[PASSED] = "passed", [FAILED] = "failed", [UNSUPPORTED] = "unsupported"};
    json_t *operators = json_object_get(report, "operators");
    const char *op = text_of(r->spec, "op");
    json_t *counts = json_object_get(operators, op);
    if (!counts) {
        counts = new_counts();
        json_object_set_new(operators, op, counts);
    }
    count_one(report, keys[v]);
    count_one(counts, keys[v]);
    if (v == FAILED && !json_object_get(counts, "reason"))
        json_object_set_new(counts, "reason", json_sprintf("%s: %s", text_of(r->spec, "id"), r->reason));
}

static int64_t count_of(const json_t *counts, const char *key)
{
    return json_integer_value(json_object_get(counts, key));
}

static void print_report(const json_t *report)
{
    const char *op;
    json_t *counts;
    json_object_foreach(json_object_get(report, "operators"), op, counts)
    {
        const char *reason = text_of(counts, "reason");
        if (count_of(counts, "unsupported")) {
            printf("%-40s unsupported (%lld cases)\n", op, (long long)count_of(counts, "unsupported"));
            continue;
        }
        printf("%-40s %lld passed", op, (long long)count_of(counts, "passed"));
        if (*reason) printf(", %lld FAILED; %s", (long long)count_of(counts, "failed"), reason);
        printf("\n");
    }
    printf("%lld passed, %lld failed, %lld unsupported\n", (long long)count_of(report, "passed"),
           (long long)count_of(report, "failed"), (long long)count_of(report, "unsupported"));
}

/* Replay each line; false and a sentence on stderr when a line is not a case. */
static bool replay_lines(FILE *f, const char *path, tsr_archive *archive, json_t *report)
{
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    for (int64_t number = 1; good && getline(&line, &room, f) > 0; number++) {
        json_error_t error;
        replay r;
        json_t *spec = json_loads(line, 0, &error);
        good = spec && json_is_string(json_object_get(spec, "op"));
        if (good) record(report, &r, replay_case(spec, archive, &r));
        else fprintf(stderr, "tessera call: %s, line %lld, is not a case\n", path, (long long)number);
        json_decref(spec);
    }
    free(line);
    return good;
}

static int replay_files(const char *cases, const char *tensors, bool json)
{
    FILE *f = fopen(cases, "r");
    if (!f) {
        fprintf(stderr, "tessera call: %s cannot be read: %s\n", cases, strerror(errno));
        return 1;
    }
    tsr_archive *archive = tsr_archive_open(tensors);
    if (!archive) report_error("call");
    json_t *report = new_counts();
    json_object_set_new(report, "operators", json_object());
    bool good = archive && replay_lines(f, cases, archive, report);
    if (good && json) {
        json_dumpf(report, stdout, JSON_COMPACT);
        printf("\n");
    } else if (good) print_report(report);
    int status = !good || count_of(report, "failed");
    json_decref(report);
    tsr_archive_close(archive);
    fclose(f);
    return status;
}

int conformance_check(const char *folder, bool json)
{
    size_t size = strlen(folder) + 32;
    char *cases = malloc(size), *tensors = malloc(size);
    int status = 1;
    if (cases && tensors) {
        snprintf(cases, size, "%s/cases.jsonl", folder);
        snprintf(tensors, size, "%s/tensors.safetensors", folder);
        status = replay_files(cases, tensors, json);
    } else fprintf(stderr, "tessera call: there is no memory\n");
    free(cases);
    free(tensors);
    return status;
}
