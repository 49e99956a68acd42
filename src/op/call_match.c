/* call_match.c: fitting values to parameters, as PyTorch's argument parser does.

   Values by position come first, then those by keyword. Each is converted into the field of its parameter; what was left
   out stays zero, which is every field's word for "the default". A value of zero must then be written as TSR_ZERO or
   TSR_ZERO_INT. Besides the parameters of the schema, a few keywords that PyTorch's functions share are understood. */
#include "op/call_match.h"

#include <stdio.h>
#include <string.h>

static bool refuse(op_match *m, const char *format, ...) TSR_PRINTF(2, 3);
static bool refuse(op_match *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(m->why, sizeof m->why, format, args);
    va_end(args);
    return false;
}

/* ---- one value into one field ------------------------------------------------------------------------------------ */

static const char *describe_value(const tsr_value *v)
{
    static const char *const words[] = {
        [TSR_VALUE_NONE] = "None",     [TSR_VALUE_TENSOR] = "a tensor",       [TSR_VALUE_INT] = "an integer",
        [TSR_VALUE_FLOAT] = "a float", [TSR_VALUE_BOOL] = "a bool",           [TSR_VALUE_STRING] = "a text",
        [TSR_VALUE_DTYPE] = "a dtype", [TSR_VALUE_GENERATOR] = "a generator", [TSR_VALUE_LIST] = "a list"};
    return (unsigned)v->kind < sizeof words / sizeof *words ? words[v->kind] : "a value of unknown kind";
}

static const char *describe_param(const op_param *p)
{
    static const char *const words[] = {[OP_TENSOR] = "a tensor",
                                        [OP_TENSORS] = "a list of tensors",
                                        [OP_INT] = "an integer",
                                        [OP_FLOAT] = "a number",
                                        [OP_BOOL] = "a bool",
                                        [OP_FLAG] = "a bool",
                                        [OP_NUMBER] = "a number",
                                        [OP_SHAPE] = "up to 8 integers",
                                        [OP_INTS] = "an integer for each dimension",
                                        [OP_FLOATS] = "up to 8 numbers",
                                        [OP_STRING] = "a text",
                                        [OP_DTYPE] = "a dtype",
                                        [OP_GENERATOR] = "a generator"};
    return words[p->kind];
}

static bool is_number(const tsr_value *v)
{
    return v->kind == TSR_VALUE_INT || v->kind == TSR_VALUE_FLOAT || v->kind == TSR_VALUE_BOOL;
}

static double number_of(const tsr_value *v) { return v->kind == TSR_VALUE_FLOAT ? v->f : (double)v->i; }

static tsr_number to_number(const tsr_value *v)
{
    if (v->kind == TSR_VALUE_FLOAT) return TSR_FLOAT(v->f);
    if (v->kind == TSR_VALUE_BOOL) return (tsr_number){TSR_NUMBER_BOOL, v->i != 0, 0};
    return TSR_INT(v->i);
}

/* A zero that is not to be read as "left out". */
static int64_t explicit_int(const op_param *p, int64_t i) { return i == 0 && p->has_default ? TSR_ZERO_INT : i; }
static double explicit_float(const op_param *p, double f) { return f == 0 && p->has_default ? TSR_ZERO : f; }

static bool put_tensor(op_match *m, const tsr_value *v, tsr_tensor **field)
{
    if (v->kind == TSR_VALUE_TENSOR) {
        *field = v->tensor;
        return true;
    }
    if (!is_number(v) || !(m->mode & OP_MATCH_NUMBERS) || m->made_count == OP_MATCH_PARAMS) return false;
    tsr_tensor *t = op_number_tensor(to_number(v));
    if (!t) return false;
    *field = m->made[m->made_count++] = tensor_unscope(t);
    return true;
}

/* Room for n more entries of tensor lists. All lists of a call share one block, allocated for the longest case. */
static tsr_tensor **take_entries(op_match *m, int64_t n)
{
    tsr_tensor **taken = m->entries + m->entry_count;
    m->entry_count += n;
    return taken;
}

static bool put_tensors(op_match *m, const op_param *p, tsr_value_list list, tsr_tensors *field)
{
    tsr_tensor **entries = take_entries(m, list.n);
    for (int64_t i = 0; i < list.n; i++) {
        if (list.v[i].kind == TSR_VALUE_NONE && p->optional) continue;
        if (list.v[i].kind != TSR_VALUE_TENSOR) return false;
        entries[i] = list.v[i].tensor;
    }
    *field = (tsr_tensors){entries, list.n};
    return true;
}

static bool put_shape(tsr_value_list list, tsr_shape *field)
{
    if (list.n > TSR_MAX_DIMS) return false;
    field->n = (int32_t)list.n;
    for (int64_t i = 0; i < list.n; i++) {
        if (list.v[i].kind != TSR_VALUE_INT) return false;
        field->v[i] = list.v[i].i;
    }
    return true;
}

static bool put_floats(tsr_value_list list, tsr_floats *field)
{
    if (list.n > TSR_MAX_DIMS) return false;
    field->n = (int32_t)list.n;
    for (int64_t i = 0; i < list.n; i++) {
        if (!is_number(&list.v[i])) return false;
        field->v[i] = number_of(&list.v[i]);
    }
    return true;
}

/* K integers, or one for all, or none when they may be left out. None among them stays zero: adaptive_avg_pool2d's
   "as the input". */
static bool put_ints(const op_param *p, tsr_value_list list, int64_t *field)
{
    if (list.n == 0 && p->has_default) return true;
    if (list.n != p->count && list.n != 1) return false;
    for (int i = 0; i < p->count; i++) {
        const tsr_value *v = &list.v[list.n == 1 ? 0 : i];
        if (v->kind == TSR_VALUE_NONE) continue;
        if (v->kind != TSR_VALUE_INT) return false;
        field[i] = explicit_int(p, v->i);
    }
    return true;
}

/* A value that is not a list is read as a list of one. */
static tsr_value_list as_list(const tsr_value *v)
{
    return v->kind == TSR_VALUE_LIST ? v->list : (tsr_value_list){v, 1};
}

static bool put_dtype(const tsr_value *v, tsr_dtype *field)
{
    if (v->kind == TSR_VALUE_STRING) *field = tsr_dtype_from_name(v->string);
    else if (v->kind == TSR_VALUE_DTYPE) *field = v->dtype;
    return *field != TSR_DTYPE_DEFAULT;
}

static bool put_number(const op_param *p, const tsr_value *v, tsr_number *field)
{
    if (!is_number(v) || (p->is_int && v->kind != TSR_VALUE_INT)) return false;
    *field = to_number(v);
    return true;
}

static bool put_int(const op_param *p, const tsr_value *v, int64_t *field)
{
    if (v->kind != TSR_VALUE_INT) return false;
    *field = explicit_int(p, v->i);
    return true;
}

static bool put_float(const op_param *p, const tsr_value *v, double *field)
{
    if (!is_number(v)) return false;
    *field = explicit_float(p, number_of(v));
    return true;
}

static bool put_bool(const op_param *p, const tsr_value *v, void *field)
{
    if (v->kind != TSR_VALUE_BOOL) return false;
    if (p->kind == OP_BOOL) *(bool *)field = v->i != 0;
    else *(tsr_flag *)field = v->i ? TSR_YES : TSR_NO;
    return true;
}

static bool put_string(const tsr_value *v, const char **field)
{
    if (v->kind != TSR_VALUE_STRING) return false;
    *field = v->string;
    return true;
}

static bool put_generator(const tsr_value *v, tsr_generator **field)
{
    if (v->kind != TSR_VALUE_GENERATOR) return false;
    *field = v->generator;
    return true;
}

/* A tensor without dimensions as the number that it holds, where one is expected: narrow(x, 0, start, 2) with a tensor
   `start`. Tensors that require a gradient are not, since the gradient would be lost. */
static bool to_plain_number(const op_match *m, const op_param *p, const tsr_value *v, tsr_value *number)
{
    bool wanted = p->kind == OP_INT || p->kind == OP_FLOAT || p->kind == OP_NUMBER;
    if (!(m->mode & OP_MATCH_NUMBERS) || !wanted || v->kind != TSR_VALUE_TENSOR || !v->tensor) return false;
    if (v->tensor->ndim > 0 || v->tensor->requires_grad) return false;
    if (op_is_float(v->tensor)) *number = (tsr_value){.kind = TSR_VALUE_FLOAT, .f = tsr_item(v->tensor)};
    else *number = (tsr_value){.kind = TSR_VALUE_INT, .i = tsr_item_int(v->tensor)};
    return true;
}

/* Convert v into the zeroed field; false when the kinds do not fit. None for a parameter that has a default leaves it
   out: PyTorch's Python functions have many `stride=None` where a number could stand. */
static bool put_value(op_match *m, const op_param *p, const tsr_value *v, void *field)
{
    tsr_value number;
    if (v->kind == TSR_VALUE_NONE && p->has_default) return true;
    if (to_plain_number(m, p, v, &number)) v = &number;
    switch (p->kind) {
    case OP_TENSOR:
        return put_tensor(m, v, field);
    case OP_TENSORS:
        return v->kind == TSR_VALUE_LIST && put_tensors(m, p, v->list, field);
    case OP_INT:
        return put_int(p, v, field);
    case OP_FLOAT:
        return put_float(p, v, field);
    case OP_BOOL:
    case OP_FLAG:
        return put_bool(p, v, field);
    case OP_NUMBER:
        return put_number(p, v, field);
    case OP_SHAPE:
        return put_shape(as_list(v), field);
    case OP_INTS:
        return put_ints(p, as_list(v), field);
    case OP_FLOATS:
        return put_floats(as_list(v), field);
    case OP_STRING:
        return put_string(v, field);
    case OP_DTYPE:
        return put_dtype(v, field);
    case OP_GENERATOR:
        return put_generator(v, field);
    }
    return false;
}

static bool give(op_match *m, int param, const tsr_value *v)
{
    const op_param *p = &m->info->params[param];
    if (m->given[param]) return refuse(m, "argument '%s' is given twice", p->name);
    m->given[param] = true;
    if (put_value(m, p, v, m->args + p->offset)) return true;
    return refuse(m, "argument '%s' takes %s%s, not %s", p->name, describe_param(p), p->optional ? " or None" : "",
                  describe_value(v));
}

/* tensordot(a, b, ([0, 1], [2, 0])), or dims=: one value for NAME_a and NAME_b. */
static bool is_pair(const op_info *info, int param, const tsr_value *v)
{
    bool pair = v->kind == TSR_VALUE_LIST && v->list.n == 2 && v->list.v[0].kind == TSR_VALUE_LIST;
    if (!pair || param < 0 || param + 1 >= info->param_count) return false;
    const char *end = strrchr(info->params[param].name, '_');
    return end && !strcmp(end, "_a") && info->params[param].kind == OP_SHAPE &&
           info->params[param + 1].kind == OP_SHAPE;
}

static bool give_pair(op_match *m, int param, const tsr_value *v)
{
    return give(m, param, &v->list.v[0]) && give(m, param + 1, &v->list.v[1]);
}

/* ---- values by position -------------------------------------------------------------------------------------------- */

/* How many values from args[0] on can be read as one list for p: integers for a shape, tensors for a list of tensors. */
static int64_t spread_length(const op_param *p, const tsr_arg *args, int64_t count)
{
    tsr_value_kind kind = p->kind == OP_SHAPE ? TSR_VALUE_INT : TSR_VALUE_TENSOR;
    int64_t n = 0;
    if (p->kind != OP_SHAPE && p->kind != OP_TENSORS) return 0;
    while (n < count && !args[n].name && args[n].value.kind == kind) n++;
    return n;
}

static bool give_spread(op_match *m, int param, const tsr_arg *args, int64_t n)
{
    const op_param *p = &m->info->params[param];
    void *field = m->args + p->offset;
    m->given[param] = true;
    if (p->kind == OP_TENSORS) {
        tsr_tensor **entries = take_entries(m, n);
        for (int64_t i = 0; i < n; i++) entries[i] = args[i].value.tensor;
        *(tsr_tensors *)field = (tsr_tensors){entries, n};
        return true;
    }
    tsr_shape *shape = field;
    if (n > TSR_MAX_DIMS) return refuse(m, "argument '%s' takes up to 8 integers, not %lld", p->name, (long long)n);
    shape->n = (int32_t)n;
    for (int64_t i = 0; i < n; i++) shape->v[i] = args[i].value.i;
    return true;
}

/* Give the values by position; the number of values taken, or -1. */
static int64_t give_positions(op_match *m, const tsr_arg *args, int64_t count)
{
    int param = 0;
    int64_t i = 0;
    for (; i < count && !args[i].name; param++) {
        if (param == m->info->param_count) {
            refuse(m, "takes %d argument%s, not %lld", m->info->param_count, m->info->param_count == 1 ? "" : "s",
                   (long long)count);
            return -1;
        }
        if (m->info->params[param].keyword_only) {
            refuse(m, "argument '%s' is given by name", m->info->params[param].name);
            return -1;
        }
        if (is_pair(m->info, param, &args[i].value)) {
            if (!give_pair(m, param++, &args[i++].value)) return -1;
            continue;
        }
        int64_t n = m->mode & OP_MATCH_SPREAD ? spread_length(&m->info->params[param], args + i, count - i) : 0;
        bool good = n ? give_spread(m, param, args + i, n) : give(m, param, &args[i].value);
        if (!good) return -1;
        i += n ? n : 1;
    }
    return i;
}

/* ---- values by keyword --------------------------------------------------------------------------------------------- */

static int find_param(const op_info *info, const char *name)
{
    for (int i = 0; i < info->param_count; i++)
        if (!strcmp(info->params[i].name, name)) return i;
    return -1;
}

/* The parameter that a keyword means, by its name or by one that PyTorch takes for it; -1 when there is none. */
static int param_of(const op_info *info, const char *name)
{
    int found = find_param(info, name);
    if (found >= 0) return found;
    if (!strcmp(name, "input") || !strcmp(name, "self"))
        return info->param_count && info->params[0].kind == OP_TENSOR ? 0 : -1;
    if (!strcmp(name, "axis")) return find_param(info, "dim");
    if (!strcmp(name, "keepdims")) return find_param(info, "keepdim");
    return -1;
}

/* Keywords that say what is so anyhow: with these values they change nothing. */
static bool says_nothing(const tsr_arg *a)
{
    static const char *const none[] = {"out",          "layout", "memory_format", "names",
                                       "size_average", "reduce", "pin_memory"};
    static const char *const no[] = {"inplace", "pin_memory", "non_blocking", "return_indices", "as_tuple"};
    const tsr_value *v = &a->value;
    for (int64_t i = 0; v->kind == TSR_VALUE_NONE && i < TSR_COUNT(none); i++)
        if (!strcmp(a->name, none[i])) return true;
    for (int64_t i = 0; v->kind == TSR_VALUE_BOOL && !v->i && i < TSR_COUNT(no); i++)
        if (!strcmp(a->name, no[i])) return true;
    if (strcmp(a->name, "device")) return false;
    return v->kind == TSR_VALUE_NONE || (v->kind == TSR_VALUE_STRING && !strcmp(v->string, "cpu"));
}

static bool give_keyword(op_match *m, const tsr_arg *a)
{
    char first[64];
    int param = param_of(m->info, a->name);
    if (param >= 0) return give(m, param, &a->value);
    snprintf(first, sizeof first, "%s_a", a->name);
    param = find_param(m->info, first);
    if (is_pair(m->info, param, &a->value)) return give_pair(m, param, &a->value);
    if (says_nothing(a)) return true;
    if (!strcmp(a->name, "requires_grad") && a->value.kind == TSR_VALUE_BOOL) {
        m->requires_grad = a->value.i != 0;
        return true;
    }
    return refuse(m, "there is no argument '%s'", a->name);
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* Room for the entries of every tensor list among the values, however they are read. */
static bool prepare_entries(op_match *m, const tsr_arg *args, int64_t count)
{
    int64_t most = count;
    bool lists = false;
    for (int i = 0; i < m->info->param_count; i++) lists |= m->info->params[i].kind == OP_TENSORS;
    for (int64_t i = 0; i < count; i++)
        if (args[i].value.kind == TSR_VALUE_LIST) most += args[i].value.list.n;
    if (lists) m->entries = tsr_alloc_zeroed((size_t)most + 1, sizeof *m->entries);
    return !lists || m->entries;
}

static bool nothing_missing(op_match *m)
{
    for (int i = 0; i < m->info->param_count; i++)
        if (!m->given[i] && !m->info->params[i].has_default)
            return refuse(m, "argument '%s' is missing", m->info->params[i].name);
    return true;
}

bool op_match_args(op_match *m, const op_info *info, const tsr_arg *args, int64_t count, op_match_mode mode)
{
    *m = (op_match){.info = info, .mode = mode};
    if (info->args_size > sizeof m->args || info->param_count > OP_MATCH_PARAMS)
        return refuse(m, "has more arguments than a call by name can carry");
    if (!prepare_entries(m, args, count)) return false;
    int64_t i = give_positions(m, args, count);
    if (i < 0) return false;
    for (; i < count; i++) {
        if (!args[i].name) return refuse(m, "an argument by position comes after '%s'", args[i - 1].name);
        if (!give_keyword(m, &args[i])) return false;
    }
    return nothing_missing(m);
}

void op_match_release(op_match *m)
{
    for (int i = 0; i < m->made_count; i++) tsr_release(m->made[i]);
    tsr_free(m->entries);
    m->entries = NULL;
    m->made_count = 0;
}
