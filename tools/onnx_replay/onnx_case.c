/* onnx_case.c: see onnx_case.h.

   A graph's nodes come in an order in which each one's inputs are known, so they are run as they stand; tensors are kept by
   name until the set is done. A case is unsupported when a rule is missing or declines, or when types of elements are not
   ours; whatever else goes wrong, an error of ours included, is a failure. */
#include "onnx_case.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "onnx_rules.h"

enum { MAX_NAMES = 1024, MAX_FILES = 256, MAX_PATH = 4096 };

/* A case at work. Files stay in memory to its end: everything read from them points into them. */
typedef struct replay {
    const char *folder;
    onnx_outcome *outcome;
    onnx_model model;
    wire_bytes names[MAX_NAMES];
    tsr_tensor *tensors[MAX_NAMES];
    int32_t n_names, n_files;
    uint8_t *files[MAX_FILES];
} replay;

/* Settle the verdict; always false, for `return settle(...)`. */
static bool settle(replay *r, onnx_verdict verdict, const char *format, ...) TSR_PRINTF(3, 4);
static bool settle(replay *r, onnx_verdict verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->outcome->reason, sizeof r->outcome->reason, format, args);
    va_end(args);
    r->outcome->verdict = verdict;
    return false;
}

static bool settle_by_error(replay *r)
{
    settle(r, ONNX_FAILED, "%s", tsr_error_message() ? tsr_error_message() : "an operator gave nothing");
    tsr_error_clear();
    return false;
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

/* Read a file of the case's folder whole. False when there is none, or more than there is room for. */
static bool read_file(replay *r, const char *name, wire_bytes *out)
{
    char path[MAX_PATH];
    struct stat about;
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    FILE *f = r->n_files < MAX_FILES ? fopen(path, "rb") : NULL;
    if (!f) return false;
    uint8_t *bytes = fstat(fileno(f), &about) ? NULL : malloc((size_t)about.st_size + 1);
    size_t n = bytes ? fread(bytes, 1, (size_t)about.st_size, f) : 0;
    fclose(f);
    if (!bytes) return false;
    r->files[r->n_files++] = bytes;
    *out = (wire_bytes){bytes, n};
    return true;
}

static bool set_exists(const replay *r, int set)
{
    char path[MAX_PATH];
    struct stat about;
    snprintf(path, sizeof path, "%s/test_data_set_%d", r->folder, set);
    return !stat(path, &about);
}

/* "input" or "output" number i of a set, as the graph declares it. False after settling. */
static bool read_tensor(replay *r, int set, const char *what, int i, const onnx_value *value, tsr_tensor **out)
{
    char name[96];
    wire_bytes file;
    if (!value->is_tensor) return settle(r, ONNX_UNSUPPORTED, "sequences and optionals");
    if (onnx_dtype(value->type) == TSR_DTYPE_DEFAULT)
        return settle(r, ONNX_UNSUPPORTED, "elements of type %s", onnx_type_name(value->type));
    snprintf(name, sizeof name, "test_data_set_%d/%s_%d.pb", set, what, i);
    if (!read_file(r, name, &file)) return settle(r, ONNX_FAILED, "%s cannot be read", name);
    *out = onnx_tensor(file, value->type);
    return *out || settle_by_error(r);
}

/* ---- tensors by name ----------------------------------------------------------------------------------------------- */

static bool keep_name(replay *r, wire_bytes name, tsr_tensor *t)
{
    if (r->n_names == MAX_NAMES) return settle(r, ONNX_UNSUPPORTED, "a graph of more than %d tensors", MAX_NAMES);
    r->names[r->n_names] = name;
    r->tensors[r->n_names++] = t;
    return true;
}

static tsr_tensor *find_name(const replay *r, wire_bytes name)
{
    for (int32_t i = r->n_names - 1; i >= 0; i--)
        if (wire_same(r->names[i], name)) return r->tensors[i];
    return NULL;
}

static bool load_initializers(replay *r)
{
    wire_bytes rest = r->model.graph, message, name;
    while (onnx_next_initializer(&rest, &message, &name)) {
        int64_t type = onnx_tensor_type(message);
        if (onnx_dtype(type) == TSR_DTYPE_DEFAULT)
            return settle(r, ONNX_UNSUPPORTED, "elements of type %s", onnx_type_name(type));
        tsr_tensor *t = onnx_tensor(message, 0);
        if (!t) return settle_by_error(r);
        if (!keep_name(r, name, t)) return false;
    }
    return true;
}

/* Old models declare their initializers as inputs too: the test data has none for these. */
static bool load_inputs(replay *r, int set)
{
    wire_bytes rest = r->model.graph;
    onnx_value value;
    for (int i = 0; onnx_next_input(&rest, &value);) {
        tsr_tensor *t;
        if (find_name(r, value.name)) continue;
        if (!read_tensor(r, set, "input", i++, &value, &t) || !keep_name(r, value.name, t)) return false;
    }
    return true;
}

/* ---- nodes --------------------------------------------------------------------------------------------------------- */

static const onnx_rule *find_rule(wire_bytes op)
{
    static const onnx_rule *const families[] = {onnx_pointwise_rules, onnx_reduce_rules, onnx_layer_rules,
                                                onnx_shape_rules, onnx_index_rules};
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (const onnx_rule *rule = families[f]; rule->onnx; rule++)
            if (wire_is(op, rule->onnx)) return rule;
    return NULL;
}

static bool is_half(const tsr_tensor *t) { return t && (tsr_dtype_of(t) == TSR_F16 || tsr_dtype_of(t) == TSR_BF16); }

/* The node's inputs by name. A name that nothing has made yet is an error of the file. */
static bool find_inputs(replay *r, onnx_step *s)
{
    bool stores = wire_is(s->node->op, "Cast") || wire_is(s->node->op, "CastLike") || wire_is(s->node->op, "Identity");
    for (int32_t i = 0; i < s->node->n_inputs; i++) {
        s->in[i] = s->node->inputs[i].n ? find_name(r, s->node->inputs[i]) : NULL;
        if (s->node->inputs[i].n && !s->in[i]) return settle(r, ONNX_FAILED, "a node's input is not in the graph");
        if (is_half(s->in[i]) && !stores) return settle(r, ONNX_UNSUPPORTED, "arithmetic of half precision");
    }
    bool needs_input = !wire_is(s->node->op, "Constant");
    return s->in[0] || !needs_input || settle(r, ONNX_FAILED, "a node without an input");
}

static bool keep_outputs(replay *r, const onnx_step *s)
{
    for (int32_t i = 0; i < s->node->n_outputs; i++) {
        if (!wants_output(s, i)) continue;
        if (!s->out[i] || tsr_error_message()) return settle_by_error(r);
        if (!keep_name(r, s->node->outputs[i], s->out[i])) return false;
    }
    return true;
}

static bool run_node(replay *r, const onnx_node *node)
{
    const onnx_rule *rule = node->domain.n ? NULL : find_rule(node->op);
    if (!rule) return settle(r, ONNX_UNSUPPORTED, "no such operator here");
    onnx_step s = {.node = node, .opset = r->model.opset, .ours = rule->ours};
    if (!find_inputs(r, &s)) return false;
    rule->apply(&s);
    if (!s.declined[0]) return keep_outputs(r, &s);
    tsr_error_clear();
    return settle(r, ONNX_UNSUPPORTED, "%s", s.declined);
}

static bool run_nodes(replay *r)
{
    wire_bytes rest = r->model.graph;
    onnx_node node;
    while (onnx_next_node(&rest, &node))
        if (!run_node(r, &node)) return false;
    return true;
}

/* ---- comparing ----------------------------------------------------------------------------------------------------- */

/* Expected values were computed by numpy in the output's type, by formulas of its own: a few roundings apart. */
static bool close_enough(double got, double want, tsr_dtype dtype)
{
    double relative = dtype == TSR_F64 ? 1e-7 : 1e-5, absolute = dtype == TSR_F64 ? 1e-7 : 1e-6;
    if (!tsr_dtype_is_floating(dtype) || got == want) return got == want;
    if (isnan(want)) return isnan(got);
    return isfinite(want) && fabs(got - want) <= absolute + relative * fabs(want);
}

static bool same_values(replay *r, int output, const double *got, const double *want, int64_t n, tsr_dtype dtype)
{
    for (int64_t i = 0; i < n; i++)
        if (!close_enough(got[i], want[i], dtype))
            return settle(r, ONNX_FAILED, "output %d: element %lld is %.9g, expected %.9g", output, (long long)i,
                          got[i], want[i]);
    return true;
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

static bool same_tensor(replay *r, int output, const tsr_tensor *got, const tsr_tensor *want)
{
    char a[256], b[256];
    int64_t n = tsr_numel(want);
    tsr_dtype dtype = tsr_dtype_of(want);
    if (tsr_dtype_of(got) != dtype || !tsr_shape_equal(tsr_shape_of(got), tsr_shape_of(want)))
        return settle(r, ONNX_FAILED, "output %d is %s, expected %s", output, describe(got, a, sizeof a),
                      describe(want, b, sizeof b));
    double *v = malloc(2 * (size_t)n * sizeof *v + 1);
    if (!v) return settle(r, ONNX_FAILED, "there is no memory for %lld elements", (long long)n);
    bool read = tsr_to_host(got, v, n, TSR_F64) == TSR_OK && tsr_to_host(want, v + n, n, TSR_F64) == TSR_OK;
    bool same = read ? same_values(r, output, v, v + n, n, dtype) : settle_by_error(r);
    free(v);
    return same;
}

static bool check_outputs(replay *r, int set)
{
    wire_bytes rest = r->model.graph;
    onnx_value value;
    for (int i = 0; onnx_next_output(&rest, &value); i++) {
        tsr_tensor *want, *got = find_name(r, value.name);
        if (!read_tensor(r, set, "output", i, &value, &want)) return false;
        if (!got) return settle(r, ONNX_FAILED, "output %d is not in the graph", i);
        if (!same_tensor(r, i, got, want)) return false;
    }
    return true;
}

/* ---- the case ------------------------------------------------------------------------------------------------------ */

static bool run_set(replay *r, int set)
{
    tsr_mark mark = tsr_scope_open();
    r->n_names = 0;
    bool passed = load_initializers(r) && load_inputs(r, set) && run_nodes(r) && check_outputs(r, set);
    tsr_scope_close(mark);
    return passed;
}

/* What the case is counted under. */
static void name_case(replay *r)
{
    wire_bytes rest = r->model.graph;
    onnx_node node = {.n_inputs = 0};
    bool single = onnx_count_nodes(r->model.graph) == 1 && onnx_next_node(&rest, &node);
    if (single) snprintf(r->outcome->op, sizeof r->outcome->op, "%.*s", (int)node.op.n, (const char *)node.op.p);
    else snprintf(r->outcome->op, sizeof r->outcome->op, "(graphs)");
}

static void run_case(replay *r)
{
    wire_bytes file;
    snprintf(r->outcome->op, sizeof r->outcome->op, "(unreadable)");
    if (!read_file(r, "model.onnx", &file) || !onnx_read_model(file, &r->model)) {
        settle(r, ONNX_FAILED, "model.onnx is not a model");
        return;
    }
    name_case(r);
    if (!set_exists(r, 0)) {
        settle(r, ONNX_UNSUPPORTED, "no test data beside the model");
        return;
    }
    for (int set = 0; set_exists(r, set); set++)
        if (!run_set(r, set)) return;
    r->outcome->verdict = ONNX_PASSED;
}

void onnx_replay_case(const char *folder, onnx_outcome *out)
{
    *out = (onnx_outcome){.verdict = ONNX_FAILED};
    replay *r = calloc(1, sizeof *r);
    if (!r) return;
    r->folder = folder;
    r->outcome = out;
    run_case(r);
    for (int32_t i = 0; i < r->n_files; i++) free(r->files[i]);
    free(r);
}
