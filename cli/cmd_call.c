/* cmd_call.c: `tessera call`: an operator by name on tensors from a file, or the replay of recorded cases. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "conformance.h"
#include "json_args.h"
#include "options.h"
#include "report.h"

typedef struct call_options {
    const char *in, *args, *out, *check;
    int64_t seed;
    int dtype;
    bool grad, json;
} call_options;

static const option table[] = {
    {"in", OPTION_TEXT, offsetof(call_options, in), "FILE",
     "the .safetensors, .npz or .npy file that arguments name tensors of", 0, 0, NULL, NULL},
    {"args", OPTION_TEXT, offsetof(call_options, args), "JSON",
     "the arguments: a list, or {\"args\": [...], \"kwargs\": {...}}", 0, 0, NULL, NULL},
    {"out", OPTION_TEXT, offsetof(call_options, out), "FILE",
     "write the results as out.0, out.1, ... of a safetensors file; without it they are printed", 0, 0, NULL, NULL},
    {"seed", OPTION_INT, offsetof(call_options, seed), "N", "of the random numbers", 0, 9e15, NULL, NULL},
    {"dtype", OPTION_CHOICE, offsetof(call_options, dtype), "f32|f64", "convert the floating tensors of --in to it", 0,
     0, NULL, NULL},
    {"grad", OPTION_FLAG, offsetof(call_options, grad), "",
     "also give grad.0, grad.1, ...: the gradient of the sum of the results for each tensor with \"requires_grad\"", 0,
     0, NULL, NULL},
    {"check", OPTION_TEXT, offsetof(call_options, check), "FOLDER",
     "instead: replay cases.jsonl with tensors.safetensors and compare", 0, 0, NULL, NULL},
    {"json", OPTION_FLAG, offsetof(call_options, json), "", "with --check: the counts as JSON", 0, 0, NULL, NULL},
};
static const option_group groups[] = {{"options", table, sizeof table / sizeof *table, 0}};
static const option_set set = {
    .command = "call",
    .operands = "[OP]",
    .min_operands = 0,
    .max_operands = 1,
    .summary = "Run the operator OP, by its public name (`tessera ops` lists them). A tensor among the arguments is "
               "{\"tensor\": NAME}, with \"requires_grad\": true for its gradient; {\"dtype\": \"F32\"} is a dtype, "
               "{\"float\": \"inf\"} a number that JSON cannot write.",
    .example = "  tessera call softmax --in x.npy --args '[{\"tensor\": \"\"}, -1]'\n"
               "  tessera call randn --args '[[2, 3]]' --seed 7 --out r.safetensors\n",
    .groups = groups,
    .group_count = 1};

/* ---- the call --------------------------------------------------------------------------------------------------------- */

enum { MAX_OUTPUTS = 1024 };

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

static int call_with(const call_options *o, const char *op, call_args *a)
{
    static tsr_tensor *outs[MAX_OUTPUTS];
    static results r;
    int64_t count = tsr_call(op, a->v, a->count, outs, MAX_OUTPUTS);
    if (count < 0) return report_error("call");
    for (int64_t i = 0; i < count; i++) add_result(&r, "out", i, outs[i]);
    if (o->grad && !add_grads(&r, a, outs, count)) return report_error("call");
    if (!o->out) print_results(&r);
    else if (tsr_save_safetensors(o->out, r.v, r.n, NULL, 0)) return report_error("call");
    return 0;
}

/* With the JSON and the archive read: convert the arguments, call, release. */
static int call_op(const call_options *o, const char *op, const json_t *json, tsr_archive *archive, tsr_dtype cast)
{
    call_args a = {0};
    const json_t *positional = json_is_array(json) ? json : json_object_get(json, "args");
    tsr_mark mark = tsr_scope_open();
    tsr_manual_seed((uint64_t)o->seed);
    bool good = call_args_check_object(json) &&
                call_args_read(&a, positional, json_object_get(json, "kwargs"), archive, cast);
    int status = good ? call_with(o, op, &a) : report_error("call");
    call_args_free(&a);
    tsr_scope_close(mark);
    return status;
}

static int read_and_call(const call_options *o, const char *op, tsr_dtype cast)
{
    json_error_t error;
    json_t *json = json_loads(o->args ? o->args : "[]", 0, &error);
    if (!json) return report_usage("call", "--args is not JSON: %s, at column %d", error.text, error.column);
    tsr_archive *archive = o->in ? tsr_archive_open(o->in) : NULL;
    int status = o->in && !archive ? report_error("call") : call_op(o, op, json, archive, cast);
    tsr_archive_close(archive);
    json_decref(json);
    return status;
}

int cmd_call(int argc, char **argv)
{
    call_options o = {0};
    parsed_line line;
    int status = options_parse(&set, argc, argv, &o, &line);
    if (status != OPTIONS_GO_ON) return status;
    if (!o.check == !line.operand_count)
        return report_usage("call", o.check ? "--check replays a folder and takes no operator"
                                            : "the operator's name is missing");
    if (o.check) return conformance_check(o.check, o.json);
    tsr_dtype cast = !options_given(&set, &line, "dtype") ? TSR_DTYPE_DEFAULT : o.dtype ? TSR_F64 : TSR_F32;
    return read_and_call(&o, line.operands[0], cast);
}
