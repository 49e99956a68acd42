/* cmd_call.c: `tessera call`: an operator by name on tensors from a file, or the replay of recorded cases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "conformance.h"
#include "json_args.h"

static const char help[] =
    "usage: tessera call OP [--in TENSORS] [--args JSON] [--out RESULT.safetensors] [--seed N] [--dtype f32|f64] "
    "[--grad]\n"
    "       tessera call --check FOLDER [--json]\n"
    "\n"
    "Run the operator OP, by its public name (`tessera ops` lists them).\n"
    "\n"
    "  --in TENSORS   a .safetensors, .npz or .npy file that the arguments name tensors of\n"
    "  --args JSON    a list of arguments, or {\"args\": [...], \"kwargs\": {...}}. A tensor is {\"tensor\": NAME}, "
    "with\n"
    "                 \"requires_grad\": true for its gradient; {\"dtype\": \"F32\"} is a dtype\n"
    "  --out FILE     write the outputs as out.0, out.1, ...; without it they are printed\n"
    "  --seed N       of the random numbers (0)\n"
    "  --dtype T      convert floating tensors of TENSORS to this dtype\n"
    "  --grad         also write grad.0, grad.1, ...: the gradient of the sum of the outputs for each tensor that\n"
    "                 requires it, in order of appearance\n"
    "  --check FOLDER replay cases.jsonl with tensors.safetensors; exit status 1 when one fails\n"
    "\n"
    "example: tessera call softmax --in x.npy --args '[{\"tensor\": \"\"}, -1]'\n"
    "example: tessera call randn --args '[[2, 3]]' --seed 7 --out r.safetensors\n";

typedef struct options {
    const char *op, *in, *args, *out, *check;
    uint64_t seed;
    tsr_dtype dtype;
    bool grad, json;
} options;

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "tessera call: %s%s; `tessera call --help` says more\n", what, value);
    return 2;
}

/* The option's place for a text, or NULL. */
static const char **text_option(options *o, const char *name)
{
    if (!strcmp(name, "--in")) return &o->in;
    if (!strcmp(name, "--args")) return &o->args;
    if (!strcmp(name, "--out")) return &o->out;
    if (!strcmp(name, "--check")) return &o->check;
    return NULL;
}

static int read_seed(options *o, const char *text)
{
    char *end;
    o->seed = strtoull(text, &end, 10);
    return end == text || *end ? usage_error("--seed takes a whole number, not ", text) : 0;
}

static int read_dtype(options *o, const char *text)
{
    o->dtype = tsr_dtype_from_name(text);
    return o->dtype == TSR_F32 || o->dtype == TSR_F64 ? 0 : usage_error("--dtype is f32 or f64, not ", text);
}

/* One option that takes a value. */
static int read_valued(options *o, const char *name, const char *value)
{
    const char **text = text_option(o, name);
    if (!text && strcmp(name, "--seed") && strcmp(name, "--dtype")) return usage_error("unknown option ", name);
    if (!value) return usage_error("a value is missing after ", name);
    if (text) *text = value;
    else return strcmp(name, "--seed") ? read_dtype(o, value) : read_seed(o, value);
    return 0;
}

static int read_options(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--grad")) o->grad = true;
        else if (!strcmp(argv[i], "--json")) o->json = true;
        else if (argv[i][0] == '-') {
            int status = read_valued(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
            if (status) return status;
            i++;
        } else if (!o->op) o->op = argv[i];
        else return usage_error("one operator is called, and then comes ", argv[i]);
    }
    if (!o->op && !o->check) return usage_error("the operator's name is missing", "");
    return o->op && o->check ? usage_error("--check replays a folder and takes no operator, but there is ", o->op) : 0;
}

/* ---- the call --------------------------------------------------------------------------------------------------------- */

enum { MAX_OUTPUTS = 1024 };

static int failed(void)
{
    const char *message = tsr_error_message();
    fprintf(stderr, "tessera call: %s\n", message ? message : "failed without a message");
    return 1;
}

/* A results file being put together. */
typedef struct results {
    tsr_named v[2 * MAX_OUTPUTS];
    char names[2 * MAX_OUTPUTS][32];
    int64_t n;
} results;

static void add_result(results *r, const char *kind, int64_t i, tsr_tensor *t)
{
    if (!t || r->n == 2 * MAX_OUTPUTS) return;
    snprintf(r->names[r->n], sizeof *r->names, "%s.%lld", kind, (long long)i);
    r->v[r->n] = (tsr_named){r->names[r->n], t};
    r->n++;
}

/* Backward from the sum of all outputs that have a gradient; then the gradients of the inputs that asked. */
static bool add_grads(results *r, const call_args *a, tsr_tensor **outs, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!tsr_requires_grad(outs[i])) continue;
        tsr_tensor *sum = NULL;
        tsr_arg arg = {NULL, {.kind = TSR_VALUE_TENSOR, .tensor = outs[i]}};
        if (tsr_call("sum", &arg, 1, &sum, 1) < 0 || tsr_backward(sum, .retain_graph = true)) return false;
    }
    int64_t n = 0;
    for (int64_t i = 0; i < a->tensor_count; i++)
        if (a->tensors[i].requires_grad) add_result(r, "grad", n++, tsr_grad(a->tensors[i].tensor));
    return true;
}

static void print_results(const results *r)
{
    for (int64_t i = 0; i < r->n; i++) {
        if (r->n > 1) printf("%s\n", r->v[i].name);
        tsr_print(r->v[i].tensor, stdout);
        printf("\n");
    }
}

static int call_with(const options *o, call_args *a)
{
    static tsr_tensor *outs[MAX_OUTPUTS];
    static results r;
    int64_t count = tsr_call(o->op, a->v, a->count, outs, MAX_OUTPUTS);
    if (count < 0) return failed();
    for (int64_t i = 0; i < count; i++) add_result(&r, "out", i, outs[i]);
    if (o->grad && !add_grads(&r, a, outs, count)) return failed();
    if (!o->out) print_results(&r);
    else if (tsr_save_safetensors(o->out, r.v, r.n, NULL, 0)) return failed();
    return 0;
}

/* With the JSON and the archive read: convert the arguments, call, release. */
static int call_op(const options *o, const json_t *json, tsr_archive *archive)
{
    call_args a;
    const json_t *positional = json_is_array(json) ? json : json_object_get(json, "args");
    tsr_mark mark = tsr_scope_open();
    tsr_manual_seed(o->seed);
    bool good = call_args_read(&a, positional, json_object_get(json, "kwargs"), archive, o->dtype);
    int status = good ? call_with(o, &a) : failed();
    call_args_free(&a);
    tsr_scope_close(mark);
    return status;
}

static int read_and_call(const options *o)
{
    json_error_t error;
    json_t *json = json_loads(o->args ? o->args : "[]", 0, &error);
    if (!json) {
        fprintf(stderr, "tessera call: --args is not JSON: %s, at column %d\n", error.text, error.column);
        return 2;
    }
    tsr_archive *archive = o->in ? tsr_archive_open(o->in) : NULL;
    int status = o->in && !archive ? failed() : call_op(o, json, archive);
    tsr_archive_close(archive);
    json_decref(json);
    return status;
}

int cmd_call(int argc, char **argv)
{
    options o = {0};
    if (argc > 1 && !strcmp(argv[1], "--help")) {
        fputs(help, stdout);
        return 0;
    }
    int status = read_options(&o, argc, argv);
    if (status) return status;
    return o.check ? conformance_check(o.check, o.json) : read_and_call(&o);
}
