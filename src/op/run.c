/* run.c: what is common to all operators.

   Every public function ends up in op_run with its argument struct. Here NULL is refused, defaults are applied, results
   are recorded if anything needs a gradient, in-place writes are checked and counted, and intermediate tensors are
   released; an operator's own code only checks its arguments and calls kernels. Inside that code grad mode is off, so
   operators may use each other freely; composite operators run with grad mode as it is, since they are recorded through
   their parts. */
#include "op/op.h"
#include "op/op_args.h"
#include "op/profile_call.h"
#include "op/record.h"
#include "tessera/observe.h"

#include <string.h>

static TSR_THREAD_LOCAL struct {
    tsr_op_observer call;
    void *user;
} observer;

void tsr_set_op_observer(tsr_op_observer call, void *user)
{
    observer.call = call;
    observer.user = user;
}

/* ---- arguments -------------------------------------------------------------------------------------------------- */

typedef struct scan {
    const op_info *info;
    tsr_tensor *first; /* tensor input 0 */
    int missing;       /* a required parameter that is NULL, or -1 */
    bool requires_grad;
} scan;

/* What is NULL where it may be is taken as the result of a part that failed while an error is pending. */
static void scan_tensor(scan *s, tsr_tensor *t, int param, int64_t index)
{
    if (!t) {
        bool absent = s->info->params[param].optional && !tsr_error_pending();
        if (!absent && s->missing < 0) s->missing = param;
        return;
    }
    if (param == 0 && index == 0) s->first = t;
    s->requires_grad = s->requires_grad || t->requires_grad || (t->base && record_requires_grad(t));
}

/* A bare number where a list belongs, or TSR_INT(number), lands in the first member of the field's struct. Those are laid
   out so that this is not what anyone means, but for a bare 0, which looks as if nothing was given. */

static bool refuse(const op_info *info, const op_param *p, const char *format, ...) TSR_PRINTF(3, 4);
static bool refuse(const op_info *info, const op_param *p, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tsr_fail(TSR_EINVAL, "%s: argument '%s' %s", info->name, p->name, text);
    return false;
}

/* Lists of fixed room come from the caller with a count, which must not lead beyond them. */
static bool check_count(const op_info *info, const op_param *p, int64_t n)
{
    if (n >= 0 && n <= TSR_MAX_DIMS) return true;
    return refuse(info, p, "has %lld entries; 0 to %d are possible", (long long)n, TSR_MAX_DIMS);
}

static bool check_shape(const op_info *info, const op_param *p, const tsr_shape *s)
{
    tsr_shape bare = *s;
    for (int d = 0; s->n == 0 && d < TSR_MAX_DIMS; d++)
        if (s->v[d] != 0) bare.n = d + 1;
    if (bare.n == s->n) return check_count(info, p, s->n);
    const char *text = shape_text(&bare); /* in brackets */
    int length = (int)strlen(text) - 2;
    return refuse(info, p, "has values but no count: write TSR_%s(%.*s), not %.*s",
                  strstr(p->name, "dim") ? "DIMS" : "SHAPE", length, text + 1, length, text + 1);
}

static bool check_floats(const op_info *info, const op_param *p, const tsr_floats *f)
{
    for (int d = 0; f->n == 0 && d < TSR_MAX_DIMS; d++)
        if (f->v[d] != 0)
            return refuse(info, p, "has values but no count: write TSR_FLOATS(%g), not %g", f->v[d], f->v[d]);
    return check_count(info, p, f->n);
}

/* int[2]: a bare 2 is {2, 0}. Where 0 stands for a default that is not 0, either all entries are left out or none. */
static bool check_ints(const op_info *info, const op_param *p, const int64_t *v)
{
    if (p->optional || !p->has_default || p->default_number == 0) return true;
    for (int i = 1; i < p->count; i++)
        if ((v[i] == 0) != (v[0] == 0))
            return refuse(info, p, "is %lld, then %lld: write all %d entries, {%lld, ...}, not a bare number",
                          (long long)v[0], (long long)v[i], p->count, (long long)v[0]);
    return true;
}

static bool check_list(const op_info *info, const op_param *p, const tsr_tensors *list)
{
    if (list->n == 0 || (list->n > 0 && list->v)) return true;
    return refuse(info, p, "has %lld entries at %s", (long long)list->n, list->v ? "an address" : "NULL");
}

static bool check_number(const op_info *info, const op_param *p, const tsr_number *n)
{
    if (n->kind == TSR_NUMBER_INT || n->kind == TSR_NUMBER_FLOAT || n->kind == TSR_NUMBER_BOOL) return true;
    if (n->kind != TSR_NUMBER_NONE)
        return refuse(info, p, "must be given as TSR_INT(%lld) or TSR_FLOAT(x), not as a bare number",
                      (long long)(intptr_t)n->kind);
    if (n->i != 0 || n->f != 0)
        return refuse(info, p, "has a value but no kind: write TSR_INT(2) or TSR_FLOAT(0.5), not bare numbers");
    if (p->optional || p->has_default) return true;
    return refuse(info, p, "is required: write TSR_INT(2) or TSR_FLOAT(0.5)");
}

static bool is_among(const char *const *words, const char *text)
{
    while (*words && strcmp(*words, text) != 0) words++;
    return *words != NULL;
}

static bool refuse_word(const op_info *info, const op_param *p, const char *text)
{
    tsr_text known = {0};
    for (const char *const *w = p->values; *w; w++)
        tsr_text_add(&known, "%s\"%s\"", w == p->values ? "" : w[1] ? ", " : " or ", *w);
    refuse(info, p, "must be %s%s, not \"%.80s\"", p->optional ? "None, " : "", tsr_text_get(&known), text);
    tsr_text_free(&known);
    return false;
}

static bool check_string(const op_info *info, const op_param *p, const char *text)
{
    if (!text) return p->optional || p->has_default || refuse(info, p, "is NULL");
    return !p->values || is_among(p->values, text) || refuse_word(info, p, text);
}

static bool check_field(const op_info *info, const op_param *p, const void *field)
{
    switch (p->kind) {
    case OP_SHAPE:
        return check_shape(info, p, field);
    case OP_FLOATS:
        return check_floats(info, p, field);
    case OP_INTS:
        return check_ints(info, p, field);
    case OP_TENSORS:
        return check_list(info, p, field);
    case OP_NUMBER:
        return check_number(info, p, field);
    case OP_STRING:
        return check_string(info, p, *(const char *const *)field);
    default:
        return true;
    }
}

/* Checks args and completes them in `copy`: the one pass over the parameters that every call makes. An expression of which
   a part failed arrives here as a NULL argument: the first error is the one to keep. */
static bool take_args(const op_info *info, const void *args, void *copy, scan *s)
{
    *s = (scan){.info = info, .missing = -1};
    memcpy(copy, args, info->args_size);
    for (int i = 0; i < info->param_count; i++) {
        const op_param *p = &info->params[i];
        void *field = (char *)copy + p->offset;
        if (p->kind == OP_TENSOR) {
            scan_tensor(s, *(tsr_tensor **)field, i, 0);
            continue;
        }
        if (!check_field(info, p, field)) return false;
        op_apply_default(p, field);
        if (p->kind != OP_TENSORS) continue;
        const tsr_tensors *list = field;
        for (int64_t k = 0; k < list->n; k++) scan_tensor(s, list->v[k], i, k);
    }
    if (s->missing < 0) return true;
    if (!tsr_error_pending())
        tsr_fail(TSR_EINVAL, "%s: argument '%s' is NULL", info->name, info->params[s->missing].name);
    return false;
}

/* ---- in place --------------------------------------------------------------------------------------------------- */

/* Writing one value everywhere is safe however often an element is hit. */
static bool writes_one_value(const op_info *info)
{
    return !strcmp(info->name, "fill_") || !strcmp(info->name, "zero_");
}

/* Does it read each element of its inputs just before it writes the one at the same place? */
static bool is_elementwise(const op_info *info)
{
    static const char *const groups[] = {"activation", "adam", "binary", "compare", "copy", "unary"};
    for (int64_t i = 0; i < TSR_COUNT(groups); i++)
        if (!strcmp(info->group, groups[i])) return true;
    return false;
}

typedef struct reads {
    const op_info *info;
    tsr_tensor *dest;
    bool elementwise, ok;
} reads;

/* An input that shares memory with the destination must be the same elements or none. Where that is undecided, or elements
   are read again after others were written, the input is copied first, which is always right. */
static void check_read(tsr_tensor **slot, int param, int index, void *user)
{
    reads *r = user;
    (void)index;
    if (!*slot || param == 0 || !r->ok) return;
    r->ok = tensor_check_no_partial_overlap(r->dest, *slot);
    pair_overlap shared = r->ok ? tensor_pair_overlap(r->dest, *slot) : PAIR_NONE;
    if (shared == PAIR_NONE || (shared == PAIR_FULL && r->elementwise)) return;
    if (r->info->params[param].kind == OP_TENSORS) { /* the list is the caller's: it cannot take a copy */
        tsr_fail(TSR_EINVAL,
                 "%s: an entry of '%s' may share memory with the written-to tensor. Please clone() it first.",
                 r->info->name, r->info->params[param].name);
        r->ok = false;
    } else {
        tsr_tensor *copy = tensor_empty((tsr_dtype)(*slot)->dtype, (*slot)->ndim, (*slot)->shape, TSR_CPU);
        r->ok = copy && op_copy(copy, *slot);
        if (r->ok) *slot = copy;
    }
}

/* Checks, and puts copies into args where they are needed. */
static bool prepare_inplace(const op_info *info, void *args, tsr_tensor *dest, bool recording)
{
    if (tsr_error_pending()) return false;
    if (recording && !record_check_inplace(dest)) return false;
    if (!record_check_inference(dest)) return false;
    if (!writes_one_value(info) && !tensor_check_written(dest)) return false;
    reads r = {info, dest, is_elementwise(info), true};
    op_each_tensor(info, args, check_read, &r);
    return r.ok;
}

static bool may_cast(tsr_dtype from, tsr_dtype to)
{
    if (tsr_dtype_is_floating(from)) return tsr_dtype_is_floating(to);
    return from == TSR_BOOL || to != TSR_BOOL;
}

static bool fits_inplace(const op_ctx *c, tsr_dtype dtype, const tsr_shape *shape)
{
    const tsr_tensor *d = c->dest;
    if (!tensor_has_shape(d, shape)) {
        op_fail(c, "output with shape %s doesn't match the broadcast shape %s", tensor_shape_text(d),
                shape_text(shape));
        return false;
    }
    if (may_cast(dtype, (tsr_dtype)d->dtype)) return true;
    op_fail(c, "result type %s can't be cast to the desired output type %s", tsr_dtype_name(dtype),
            tsr_dtype_name((tsr_dtype)d->dtype));
    return false;
}

/* The forward code may have computed into a tensor of its own: another dtype, or a composite. */
static bool finish_inplace(op_ctx *c, tsr_tensor **out)
{
    if (out[0] == c->dest) return true;
    tsr_shape shape = op_shape(out[0]);
    if (!fits_inplace(c, (tsr_dtype)out[0]->dtype, &shape) || !op_copy(c->dest, out[0])) return false;
    out[0] = c->dest;
    return true;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void mark_views(const op_info *info, const tsr_tensor *input, bool grad_mode, tsr_tensor **out, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (!out[i]->base) continue;
        if (input->base && input->view != VIEW_PLAIN) out[i]->view = input->view;
        else if (!grad_mode) out[i]->view = VIEW_NO_GRAD;
        else if (info->outputs < 0) out[i]->view = VIEW_MULTI_OUTPUT;
    }
}

static int64_t run_composite(const op_info *info, void *args, tsr_tensor **out, int64_t room)
{
    op_ctx c = {.info = info};
    return info->forward(&c, args, out, room);
}

/* x.f_() of a composite f: compute, then copy into x, which is itself a recorded in-place operator. */
static int64_t run_composite_inplace(const op_info *info, void *args, tsr_tensor *dest, tsr_tensor **out)
{
    op_ctx c = {.info = info, .dest = dest};
    if (tsr_error_pending() || info->forward(&c, args, out, 1) != 1) return -1;
    tsr_shape shape = op_shape(out[0]);
    if (out[0] != dest && !fits_inplace(&c, (tsr_dtype)out[0]->dtype, &shape)) return -1;
    out[0] = out[0] == dest ? dest : tsr_copy_(dest, out[0]);
    return out[0] ? 1 : -1;
}

/* x.eq_(y): nothing of what x was is left, and its history must say so: a node whose derivative is 0. */
static bool overwrites_history(const op_info *info, const tsr_tensor *written)
{
    return info->inplace && record_requires_grad(written);
}

static int64_t run_leaf(const op_info *info, void *args, const scan *s, bool pending, tsr_tensor **out, int64_t room)
{
    bool grad_mode = record_grad_mode();
    bool differentiable = info->grad == OP_DIFF ? s->requires_grad : overwrites_history(info, s->first);
    bool recording = grad_mode && differentiable;
    op_ctx c = {.info = info, .dest = info->inplace ? s->first : NULL};
    _Alignas(16) unsigned char own[OP_ARGS_ROOM]; /* recorded is what the caller gave: copies have no history */
    if (c.dest) {
        memcpy(own, args, info->args_size);
        bool history = s->requires_grad || (c.dest->base && record_requires_grad(c.dest->base));
        if (!prepare_inplace(info, own, c.dest, grad_mode && history)) return -1;
    }
    if (recording && !(c.node = record_begin(info, args))) return -1;

    bool was = record_set_grad_mode(false);
    const char *caller = backend_set_caller(info->name);
    int64_t n = info->forward(&c, c.dest ? own : args, out, room);
    backend_set_caller(caller);
    bool ok = n >= 0 && (!c.dest || finish_inplace(&c, out));
    if (!pending && tsr_error_pending()) ok = false; /* what the derivative needs could not be kept */
    record_set_grad_mode(was);
    if (c.dest && n >= 0) storage_wrote(c.dest->storage);
    if (!ok) {
        record_abandon(c.node);
        return -1;
    }
    if (info->view) mark_views(info, s->first, grad_mode, out, n);
    if (c.node && !(c.dest ? record_rebase(c.node, c.dest) : record_outputs(c.node, out, n))) return -1;
    return n;
}

static int64_t run(const op_info *info, const void *args, tsr_tensor **out, int64_t room)
{
    _Alignas(16) unsigned char copy[OP_ARGS_ROOM];
    scan s;
    if (info->args_size > sizeof copy) {
        tsr_fail(TSR_EINVAL, "%s: argument struct of %zu bytes", info->name, info->args_size);
        return -1;
    }
    if (!take_args(info, args, copy, &s)) return -1;

    if (observer.call) observer.call(info->name, false, NULL, 0, observer.user);
    bool pending = tsr_error_pending();
    tsr_mark m = tsr_scope_open();
    int64_t n = info->grad != OP_COMPOSITE ? run_leaf(info, copy, &s, pending, out, room)
                : info->inplace            ? run_composite_inplace(info, copy, s.first, out)
                                           : run_composite(info, copy, out, room);
    if (n < 0) {
        tsr_scope_close(m);
        if (!pending) tsr_error_name(info->name); /* what failed may be another operator that this one is made of */
        return -1;
    }
    if (info->inplace) tsr_scope_close(m); /* the result is the caller's own tensor: no new reference */
    else tsr_scope_return_many(m, out, n);
    for (int64_t i = 0; i < n; i++)
        if (!out[i]) return -1;
    if (observer.call) observer.call(info->name, true, out, n, observer.user);
    return n;
}

/* Apart, so that the way without the profiler is a comparison and a jump. */
static __attribute__((noinline, cold)) int64_t run_profiled(const op_info *info, const void *args, tsr_tensor **out,
                                                            int64_t room)
{
    profile_frame f;
    profile_enter(&f, TSR_PROFILE_OPERATOR, info->name);
    int64_t n = run(info, args, out, room);
    profile_end(&f);
    profile_record_call(&f, info, args, out, n);
    return n;
}

int64_t op_run(const op_info *info, const void *args, tsr_tensor **out, int64_t room)
{
    return profile_on() ? run_profiled(info, args, out, room) : run(info, args, out, room);
}

/* ---- services for forward code ------------------------------------------------------------------------------------ */

tsr_tensor *op_fail(const op_ctx *c, const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tsr_fail(TSR_EINVAL, "%s: %s", c->info->name, text);
    return NULL;
}

tsr_shape op_shape(const tsr_tensor *t) { return tsr_shape_of(t); }

tsr_tensor *op_output(op_ctx *c, tsr_dtype dtype, tsr_shape shape, const tsr_tensor *like)
{
    if (c->dest) {
        if (!fits_inplace(c, dtype, &shape)) return NULL;
        if (c->dest->dtype == dtype) return c->dest;
    }
    if (like && tensor_has_shape(like, &shape)) return tensor_empty_like(like, dtype);
    return tensor_empty(dtype, shape.n, shape.v, TSR_CPU);
}

tsr_tensor *op_output_copy(op_ctx *c, tsr_tensor *t)
{
    tsr_tensor *out = op_output(c, (tsr_dtype)t->dtype, op_shape(t), t);
    if (!out || out == t) return out;
    return op_copy(out, t) ? out : NULL;
}

tsr_tensor *op_cast(tsr_tensor *t, tsr_dtype dtype)
{
    if (!t || t->dtype == dtype) return t;
    tsr_tensor *out = tensor_empty_like(t, dtype);
    return out && op_copy(out, t) ? out : NULL;
}

tsr_tensor *op_as_contiguous(tsr_tensor *t)
{
    if (!t || shape_is_contiguous(t->ndim, t->shape, t->stride)) return t;
    tsr_tensor *out = tensor_empty((tsr_dtype)t->dtype, t->ndim, t->shape, (tsr_device)t->storage->device);
    return out && op_copy(out, t) ? out : NULL;
}

tsr_tensor *op_as_expanded(tsr_tensor *t, const tsr_shape *to)
{
    int64_t stride[TSR_MAX_DIMS];
    if (!t || tensor_has_shape(t, to)) return t;
    shape_expand_strides(t, to, stride);
    return tensor_wrap(t->storage, (tsr_dtype)t->dtype, to->n, to->v, stride, t->offset);
}

bool op_copy(tsr_tensor *dst, const tsr_tensor *src)
{
    if (!dst || !src) return false; /* their maker has said why */
    array d = array_of(dst), s = array_of(src);
    return op_backend(dst)->copy(&d, &s);
}

bool op_fill_with(tsr_tensor *dst, double value)
{
    array d = array_of(dst);
    return op_backend(dst)->fill(&d, value, tsr_i64_of_f64(value));
}

tsr_tensor *op_number_tensor(tsr_number n)
{
    if (n.kind == TSR_NUMBER_FLOAT) return tsr_scalar(n.f);
    tsr_tensor *t = tsr_scalar_int(n.i);
    if (!t || n.kind != TSR_NUMBER_BOOL) return t;
    tsr_tensor *b = op_cast(t, TSR_BOOL);
    if (b) b->wrapped_number = true;
    return b;
}

/* ---- type promotion ------------------------------------------------------------------------------------------------- */

/* Operands fall into three classes: with dimensions, without, and plain numbers. A weaker class, whatever the order of the
   operands, only counts when it is of a higher kind (bool < integer < floating); a plain float then brings f32, PyTorch's
   default dtype. */
static int operand_class(const tsr_tensor *t) { return t->wrapped_number ? 0 : t->ndim == 0 ? 1 : 2; }

/* Of a class without operands: below all. */
static int kind_of(tsr_dtype d)
{
    return d == TSR_DTYPE_DEFAULT ? -1 : tsr_dtype_is_floating(d) ? 2 : d == TSR_BOOL ? 0 : 1;
}

static tsr_dtype stronger(tsr_dtype strong, tsr_dtype weak) { return kind_of(weak) > kind_of(strong) ? weak : strong; }

tsr_dtype op_result_type_of(const tsr_tensor *const *operands, int n)
{
    tsr_dtype of_class[3] = {TSR_DTYPE_DEFAULT, TSR_DTYPE_DEFAULT, TSR_DTYPE_DEFAULT};
    for (int i = 0; i < n; i++) {
        tsr_dtype d = (tsr_dtype)operands[i]->dtype, *so_far = &of_class[operand_class(operands[i])];
        if (operands[i]->wrapped_number && tsr_dtype_is_floating(d)) d = TSR_F32;
        *so_far = *so_far == TSR_DTYPE_DEFAULT ? d : tsr_promote_types(*so_far, d);
    }
    return stronger(of_class[2], stronger(of_class[1], of_class[0]));
}

/* ---- dimensions ------------------------------------------------------------------------------------------------------ */

bool op_wrap_dim(const op_ctx *c, int64_t dim, int ndim, int *out)
{
    *out = shape_wrap_dim(c->info->name, dim, ndim);
    return *out >= 0;
}

bool op_dim_mask(const op_ctx *c, const tsr_shape *dims, int ndim, uint32_t *mask)
{
    *mask = 0;
    if (dims->n == 0) *mask = (1u << ndim) - 1;
    for (int i = 0; i < dims->n; i++) {
        int d;
        if (!op_wrap_dim(c, dims->v[i], ndim, &d)) return false;
        if (*mask & (1u << d)) {
            op_fail(c, "dim %d appears multiple times in the list of dims", d);
            return false;
        }
        *mask |= 1u << d;
    }
    return true;
}

tsr_tensor *op_sum_to(tsr_tensor *t, const tsr_shape *shape)
{
    uint32_t lead = t ? (uint32_t)(t->ndim - shape->n) : 0;
    tsr_shape dims = {0};
    if (!t || tensor_has_shape(t, shape)) return t;
    for (int d = 0; d < t->ndim; d++) {
        bool added = d < (int)lead;
        if (added || (shape->v[d - (int)lead] == 1 && t->shape[d] != 1)) dims.v[dims.n++] = d;
    }
    if (dims.n > 0) t = tsr_sum(t, .dim = dims, .keepdim = true);
    return lead > 0 ? tsr_reshape(t, *shape) : t;
}
