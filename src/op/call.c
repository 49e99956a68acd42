/* call.c: operators by name, and the registry as bindings and tools see it.

   Names are found by bisection in the sorted table that genops makes (op_names); overloads of a name are tried in the
   order of their table. Operators marked internal are not to be seen here. */
#include <stdio.h>
#include <string.h>

#include "op/call_match.h"
#include "op/op_args.h"

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* Index of the first entry of op_names that is not before `name`. */
static int64_t lower_bound(const char *name)
{
    int64_t low = 0, high = op_name_count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(op_names[middle].name, name) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* The overloads of a name: op_names[*first] and so on. How many; internal operators do not count. */
static int64_t find_overloads(const char *name, int64_t *first)
{
    *first = lower_bound(name);
    int64_t n = 0;
    while (*first + n < op_name_count && !strcmp(op_names[*first + n].name, name)) n++;
    return n && op_names[*first].info->internal ? 0 : n;
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot[1] ? dot + 1 : name;
}

/* The known name that is nearest to an unknown one, by its last part alone (torch.relu has the wrong place) or, of equals,
   as a whole; NULL when none is near. */
static const char *nearest_name(const char *name)
{
    const char *best = NULL;
    int64_t limit = ((int64_t)strlen(last_part(name)) + 2) / 3, least = 256 * (limit + 1);
    for (int64_t i = 0; i < op_name_count; i++) {
        if (op_names[i].info->internal) continue;
        int64_t whole = tsr_edit_distance(name, op_names[i].name);
        int64_t part = tsr_edit_distance(last_part(name), last_part(op_names[i].name));
        int64_t distance = 256 * tsr_min_i64(whole, part) + tsr_min_i64(whole, 255);
        if (distance < least) least = distance, best = op_names[i].name;
    }
    return best;
}

static int64_t fail_unknown(const char *name)
{
    const char *near = nearest_name(name);
    if (near) tsr_fail(TSR_EINVAL, "there is no operator '%s'; did you mean '%s'?", name, near);
    else tsr_fail(TSR_EINVAL, "there is no operator '%s'; `tessera ops` lists those there are", name);
    return -1;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static bool require_grad(tsr_tensor **outs, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (!op_is_float(outs[i])) {
            tsr_fail(TSR_EINVAL, "only tensors of floating point dtype can require gradients, not %s",
                     tsr_dtype_name((tsr_dtype)outs[i]->dtype));
            return false;
        }
        outs[i]->requires_grad = true;
    }
    return true;
}

static int64_t run_match(const op_match *m, tsr_tensor **outs, int64_t room)
{
    int64_t n = op_run(m->info, m->args, outs, room);
    if (n < 0 || !m->requires_grad || require_grad(outs, n)) return n;
    for (int64_t i = 0; i < n; i++) tsr_release(tensor_unscope(outs[i]));
    return -1;
}

/* What speaks against an overload: the reason found when numbers may stand for tensors, which is the widest reading. */
static const char *reason(op_match *m, const op_info *info, const tsr_arg *args, int64_t count)
{
    op_match_args(m, info, args, count, OP_MATCH_NUMBERS);
    op_match_release(m);
    return m->why;
}

static int64_t fail_no_overload(const char *name, int64_t first, int64_t n, const tsr_arg *args, int64_t count)
{
    op_match m;
    tsr_text text = {0};
    for (int64_t i = 0; i < n && n > 1; i++) {
        const op_info *info = op_names[first + i].info;
        tsr_text_add(&text, "\n  %s: %s", info->schema, reason(&m, info, args, count));
    }
    const op_info *only = op_names[first].info;
    if (n == 1) tsr_fail(TSR_EINVAL, "%s: %s; it is %s", name, reason(&m, only, args, count), only->schema);
    else tsr_fail(TSR_EINVAL, "%s: the arguments fit none of its forms:%s", name, tsr_text_get(&text));
    tsr_text_free(&text);
    return -1;
}

int64_t tsr_call(const char *name, const tsr_arg *args, int64_t count, tsr_tensor **outs, int64_t room)
{
    int64_t first, n = name ? find_overloads(name, &first) : 0;
    if (!name || count < 0 || (count > 0 && !args)) {
        tsr_fail(TSR_EINVAL, "call: %s", name ? "the arguments are NULL" : "the name is NULL");
        return -1;
    }
    if (!n) return fail_unknown(name);
    for (op_match_mode mode = OP_MATCH_PLAIN; mode <= OP_MATCH_BOTH; mode++) {
        for (int64_t i = 0; i < n; i++) {
            op_match m;
            bool fits = op_match_args(&m, op_names[first + i].info, args, count, mode);
            int64_t result = fits ? run_match(&m, outs, room) : -1;
            op_match_release(&m);
            if (fits || tsr_error_status() == TSR_ENOMEM) return result;
        }
    }
    return fail_no_overload(name, first, n, args, count);
}

/* ---- the registry -------------------------------------------------------------------------------------------------- */

/* The i-th operator that is not internal; NULL when out of range. */
static const op_info *public_op(int64_t i)
{
    for (int64_t k = 0; i >= 0 && k < op_registry_count; k++)
        if (!op_registry[k]->internal && i-- == 0) return op_registry[k];
    return NULL;
}

int64_t tsr_op_count(void)
{
    int64_t n = 0;
    for (int64_t k = 0; k < op_registry_count; k++) n += !op_registry[k]->internal;
    return n;
}

bool tsr_op_describe(int64_t i, tsr_op_description *out)
{
    static const char *const derivatives[] = {[OP_DIFF] = "yes", [OP_COMPOSITE] = "composite", [OP_NONDIFF] = "none"};
    const op_info *info = public_op(i);
    if (!info) return false;
    *out = (tsr_op_description){.name = info->name,
                                .names = info->names,
                                .group = info->group,
                                .schema = info->schema,
                                .doc = info->doc,
                                .dtypes = info->dtypes,
                                .derivative = derivatives[info->grad],
                                .samples = info->samples,
                                .inplace = info->inplace,
                                .view = info->view,
                                .inplace_name = info->inplace_name,
                                .param_count = info->param_count,
                                .output_count = info->outputs,
                                .outputs = info->output_names,
                                .c_name = info->c_name,
                                .prototype = info->prototype,
                                .example = info->example};
    return true;
}

bool tsr_op_describe_param(int64_t i, int64_t k, tsr_op_param_description *out)
{
    const op_info *info = public_op(i);
    if (!info || k < 0 || k >= info->param_count) return false;
    const op_param *p = &info->params[k];
    *out = (tsr_op_param_description){p->name, p->type, p->c_type, p->default_text, p->keyword_only, p->values};
    return true;
}

static bool is_among(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (!strcmp(*names, name)) return true;
    return false;
}

static bool answers_to(const op_info *info, const char *name)
{
    return !strcmp(info->name, name) || is_among(info->names, name);
}

int64_t tsr_op_find(const char *name, int64_t from)
{
    int64_t index = 0;
    for (int64_t k = 0; k < op_registry_count; k++) {
        if (op_registry[k]->internal) continue;
        if (index >= from && answers_to(op_registry[k], name)) return index;
        index++;
    }
    return -1;
}

bool tsr_class_describe(int64_t i, tsr_class_description *out)
{
    if (i < 0 || i >= op_class_count) return false;
    *out = op_classes[i];
    return true;
}

int64_t tsr_class_find(const char *name)
{
    for (int64_t i = 0; i < op_class_count; i++)
        if (is_among(op_classes[i].names, name)) return i;
    return -1;
}
