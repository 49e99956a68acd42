/* op_args.c: defaults and tensors of any operator's argument struct.

   A field that is zero was left out, because callers write struct literals. Where zero is a sensible value of its own,
   TSR_ZERO (the negative zero) and TSR_ZERO_INT say it. Required parameters are taken as they are. */
#include "op/op_args.h"

#include <math.h>
#include <string.h>

static int64_t int_or_default(int64_t given, const op_param *p)
{
    if (given == TSR_ZERO_INT) return 0;
    return given ? given : (int64_t)p->default_number;
}

/* The default of a Scalar, of the kind that its text is written in. */
static tsr_number default_number(const op_param *p)
{
    const char *text = p->default_text;
    if (!text[1]) return TSR_INT((int64_t)p->default_number); /* a digit, as most are */
    if (!strcmp(text, "None")) return (tsr_number){0};
    if (!strcmp(text, "True") || !strcmp(text, "False"))
        return (tsr_number){TSR_NUMBER_BOOL, (int64_t)p->default_number, 0};
    if (strpbrk(text, ".enN")) return TSR_FLOAT(p->default_number); /* 1.0, 1e-3, inf, nan */
    return TSR_INT((int64_t)p->default_number);
}

void op_apply_default(const op_param *p, void *field)
{
    if (!p->has_default) return;
    switch (p->kind) {
    case OP_INT:
        *(int64_t *)field = int_or_default(*(int64_t *)field, p);
        break;
    case OP_INTS:
        for (int i = 0; i < p->count; i++) ((int64_t *)field)[i] = int_or_default(((int64_t *)field)[i], p);
        break;
    case OP_FLOAT:
        *(double *)field = tsr_or_default(*(double *)field, p->default_number);
        break;
    case OP_FLAG:
        if (!p->optional && *(tsr_flag *)field == TSR_FLAG_DEFAULT)
            *(tsr_flag *)field = p->default_number != 0 ? TSR_YES : TSR_NO;
        break;
    case OP_NUMBER:
        if (((tsr_number *)field)->kind == TSR_NUMBER_NONE) *(tsr_number *)field = default_number(p);
        break;
    case OP_STRING:
        if (!p->optional && !*(const char **)field) *(const char **)field = p->default_text;
        break;
    default:
        break; /* absent is NULL, n = 0 or false already */
    }
}

void op_each_tensor(const op_info *info, void *args, op_tensor_visitor visit, void *user)
{
    for (int i = 0; i < info->param_count; i++) {
        void *field = (char *)args + info->params[i].offset;
        if (info->params[i].kind == OP_TENSOR) visit((tsr_tensor **)field, i, 0, user);
        if (info->params[i].kind != OP_TENSORS) continue;
        const tsr_tensors *list = (const tsr_tensors *)field;
        for (int64_t k = 0; k < list->n; k++) visit((tsr_tensor **)&list->v[k], i, (int)k, user);
    }
}

bool op_own_lists(const op_info *info, void *args)
{
    bool ok = true;
    for (int i = 0; i < info->param_count; i++) {
        if (info->params[i].kind != OP_TENSORS) continue;
        tsr_tensors *list = (tsr_tensors *)((char *)args + info->params[i].offset);
        ok = (list->v = tsr_alloc_zeroed((size_t)list->n + 1, sizeof(tsr_tensor *))) && ok;
    }
    return ok;
}

void op_free_lists(const op_info *info, void *args)
{
    for (int i = 0; i < info->param_count; i++)
        if (info->params[i].kind == OP_TENSORS)
            tsr_free((void *)(uintptr_t)((tsr_tensors *)((char *)args + info->params[i].offset))->v);
}

int op_count_tensors(const op_info *info, const void *args)
{
    int count = 0;
    for (int i = 0; i < info->param_count; i++) {
        const void *field = (const char *)args + info->params[i].offset;
        if (info->params[i].kind == OP_TENSOR) count++;
        if (info->params[i].kind == OP_TENSORS) count += (int)((const tsr_tensors *)field)->n;
    }
    return count;
}
