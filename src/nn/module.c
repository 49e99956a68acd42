/* module.c: trees of modules: names, parameters, buffers, children, modes.

   A module owns its children and references of its tensors. Names are kept as they were given and joined when they are
   asked for, since a tree may be moved into another. */
#include "nn/module_impl.h"

#include <string.h>

#include "base/alloc.h"
#include "base/util.h"
#include "tensor/tensor_impl.h"
#include "tessera/autograd.h"

tsr_module *tsr_module_new(const tsr_module_type *type)
{
    if (!type) {
        tsr_fail(TSR_EINVAL, "module_new: the type is NULL");
        return NULL;
    }
    tsr_module *m = tsr_alloc_zeroed(1, sizeof *m);
    if (!m) return NULL;
    m->type = type;
    m->training = true;
    m->state = tsr_alloc_zeroed(1, type->state_size);
    if (m->state) return m;
    tsr_free(m);
    return NULL;
}

void tsr_module_free(tsr_module *m)
{
    if (!m) return;
    for (int64_t i = 0; i < m->children.count; i++) {
        tsr_module_free(m->children.v[i].module);
        tsr_free(m->children.v[i].name);
    }
    for (int64_t i = 0; i < m->tensors.count; i++) {
        tsr_release(m->tensors.v[i].tensor);
        tsr_free(m->tensors.v[i].name);
    }
    if (m->type->drop) m->type->drop(m->state);
    tsr_free(m->children.v);
    tsr_free(m->tensors.v);
    tsr_free(m->state);
    tsr_free(m);
}

void *tsr_module_state(tsr_module *m) { return m ? m->state : NULL; }
const tsr_module_type *tsr_module_type_of(const tsr_module *m) { return m ? m->type : NULL; }

/* ---- adding ----------------------------------------------------------------------------------------------------- */

/* What NULL was given to a function; quiet while an error is pending, which then was the cause. */
static bool are_given(const tsr_module *m, const char *name, const void *added, const char *function)
{
    if (m && name && added) return true;
    if (!tsr_error_pending())
        tsr_fail(TSR_EINVAL, "module_add_%s: the %s is NULL", function, !m ? "module" : !name ? "name" : function);
    return false;
}

static module_tensor *find_tensor(tsr_module *m, const char *name, size_t length)
{
    for (int64_t i = 0; i < m->tensors.count; i++)
        if (!strncmp(m->tensors.v[i].name, name, length) && m->tensors.v[i].name[length] == 0) return &m->tensors.v[i];
    return NULL;
}

static tsr_module *find_child(tsr_module *m, const char *name, size_t length)
{
    for (int64_t i = 0; i < m->children.count; i++)
        if (!strncmp(m->children.v[i].name, name, length) && m->children.v[i].name[length] == 0)
            return m->children.v[i].module;
    return NULL;
}

static bool name_is_free(tsr_module *m, const char *name)
{
    size_t length = strlen(name);
    if (length > 0 && !strchr(name, '.') && !find_tensor(m, name, length) && !find_child(m, name, length)) return true;
    tsr_fail(TSR_EINVAL, "%s: '%s' is not a new name without dots", m->type->name, name);
    return false;
}

static tsr_tensor *add_tensor(tsr_module *m, const char *name, tsr_tensor *t, bool parameter, bool persistent)
{
    if (!name_is_free(m, name)) return NULL;
    if (m->tensors.count == m->tensors.room &&
        !tsr_grow(&m->tensors.v, m->tensors.count, &m->tensors.room, sizeof *m->tensors.v))
        return NULL;
    char *copy = tsr_strdup(name);
    if (!copy) return NULL;
    m->tensors.v[m->tensors.count++] = (module_tensor){copy, tsr_keep(t), parameter, persistent};
    return t;
}

tsr_tensor *tsr_module_add_parameter(tsr_module *m, const char *name, tsr_tensor *t)
{
    if (!are_given(m, name, t, "parameter")) return NULL;
    if (!tsr_is_leaf(t)) {
        tsr_fail(TSR_EINVAL,
                 "%s: parameter '%s' is not a leaf: it is the result of a recorded operation; detach it first",
                 m->type->name, name);
        return NULL;
    }
    if (tsr_set_requires_grad(t, true) != TSR_OK) return NULL;
    return add_tensor(m, name, t, true, true);
}

tsr_tensor *tsr_module_add_buffer(tsr_module *m, const char *name, tsr_tensor *t, bool persistent)
{
    return are_given(m, name, t, "buffer") ? add_tensor(m, name, t, false, persistent) : NULL;
}

tsr_module *tsr_module_add_child(tsr_module *m, const char *name, tsr_module *child)
{
    bool ok = are_given(m, name, child, "child") && name_is_free(m, name) &&
              (m->children.count < m->children.room ||
               tsr_grow(&m->children.v, m->children.count, &m->children.room, sizeof *m->children.v));
    char *copy = ok ? tsr_strdup(name) : NULL;
    if (!copy) {
        tsr_module_free(child);
        return NULL;
    }
    m->children.v[m->children.count++] = (module_child){copy, child};
    return child;
}

/* ---- looking up --------------------------------------------------------------------------------------------------- */

tsr_module *tsr_module_child(tsr_module *m, const char *name)
{
    for (const char *dot; m && (dot = strchr(name, '.')); name = dot + 1) m = find_child(m, name, (size_t)(dot - name));
    return m ? find_child(m, name, strlen(name)) : NULL;
}

tsr_tensor *tsr_module_tensor(tsr_module *m, const char *name)
{
    for (const char *dot; m && (dot = strchr(name, '.')); name = dot + 1) m = find_child(m, name, (size_t)(dot - name));
    module_tensor *t = m ? find_tensor(m, name, strlen(name)) : NULL;
    return t ? t->tensor : NULL;
}

int64_t tsr_module_child_count(const tsr_module *m) { return m ? m->children.count : 0; }

tsr_module *tsr_module_child_at(tsr_module *m, int64_t i)
{
    return m && i >= 0 && i < m->children.count ? m->children.v[i].module : NULL;
}

/* ---- walking --------------------------------------------------------------------------------------------------------- */

static tsr_status walk(tsr_module *m, tsr_text *prefix, module_visitor visit, void *user)
{
    size_t length = prefix->length;
    for (int pass = 0; pass < 2; pass++) /* parameters before buffers */
        for (int64_t i = 0; i < m->tensors.count; i++) {
            if (m->tensors.v[i].parameter != (pass == 0)) continue;
            tsr_text_add(prefix, "%s", m->tensors.v[i].name);
            tsr_status status = prefix->failed ? TSR_ENOMEM : visit(tsr_text_get(prefix), &m->tensors.v[i], user);
            prefix->length = length;
            TSR_TRY(status);
        }
    for (int64_t i = 0; i < m->children.count; i++) {
        tsr_text_add(prefix, "%s.", m->children.v[i].name);
        tsr_status status = prefix->failed ? TSR_ENOMEM : walk(m->children.v[i].module, prefix, visit, user);
        prefix->length = length;
        TSR_TRY(status);
    }
    return TSR_OK;
}

tsr_status module_each(tsr_module *m, module_visitor visit, void *user)
{
    tsr_text prefix = {0};
    if (!m) return tsr_error_pending() ? tsr_error_status() : tsr_fail(TSR_EINVAL, "the module is NULL");
    tsr_status status = walk(m, &prefix, visit, user);
    tsr_text_free(&prefix);
    return status;
}

static bool holds(const tsr_named_list *list, const tsr_tensor *t)
{
    for (int64_t i = 0; i < list->n; i++)
        if (list->v[i].tensor == t) return true;
    return false;
}

static tsr_status add_if_parameter(const char *name, module_tensor *t, void *user)
{
    return t->parameter && !holds(user, t->tensor) ? tsr_named_list_add(user, name, t->tensor) : TSR_OK;
}

static tsr_status add_if_saved(const char *name, module_tensor *t, void *user)
{
    return t->persistent ? tsr_named_list_add(user, name, t->tensor) : TSR_OK;
}

tsr_status tsr_module_parameters(tsr_module *m, tsr_named_list *out) { return module_each(m, add_if_parameter, out); }
tsr_status tsr_module_state_dict(tsr_module *m, tsr_named_list *out) { return module_each(m, add_if_saved, out); }

int64_t tsr_module_parameter_count(tsr_module *m)
{
    tsr_named_list list = {0};
    int64_t n = 0;
    if (tsr_module_parameters(m, &list) == TSR_OK)
        for (int64_t i = 0; i < list.n; i++) n += tsr_numel(list.v[i].tensor);
    tsr_named_list_free(&list);
    return n;
}

/* ---- modes ------------------------------------------------------------------------------------------------------------- */

void tsr_module_train(tsr_module *m, bool training)
{
    if (!m) return;
    m->training = training;
    for (int64_t i = 0; i < m->children.count; i++) tsr_module_train(m->children.v[i].module, training);
}

bool tsr_module_is_training(const tsr_module *m) { return m && m->training; }

static tsr_status set_requires_grad(const char *name, module_tensor *t, void *user)
{
    (void)name;
    return t->parameter ? tsr_set_requires_grad(t->tensor, *(const bool *)user) : TSR_OK;
}

tsr_status tsr_module_requires_grad(tsr_module *m, bool requires_grad)
{
    return module_each(m, set_requires_grad, &requires_grad);
}

static tsr_status drop_grad(const char *name, module_tensor *t, void *user)
{
    (void)name;
    (void)user;
    return t->parameter ? tsr_set_grad(t->tensor, NULL) : TSR_OK;
}

void tsr_module_zero_grad(tsr_module *m) { module_each(m, drop_grad, NULL); }

/* ---- conversion -------------------------------------------------------------------------------------------------------- */

/* Everything is converted before anything is replaced, so that no module is left half converted. */
typedef struct conversion {
    tsr_dtype dtype;
    tsr_module *linear_of; /* only weights of this module's Linear layers; NULL: everything */
    tsr_named_list made; /* for each tensor and then its gradient: the converted one, or NULL where nothing is to do */
    int64_t next;
} conversion;

static bool is_linear_weight(tsr_module *m, const char *name)
{
    static const char weight[] = ".weight";
    char owner[256];
    size_t end = strlen(name), own = sizeof weight - 1;
    if (!strcmp(name, weight + 1)) return !strcmp(m->type->name, "Linear");
    if (end <= own || strcmp(name + end - own, weight) != 0 || end - own >= sizeof owner) return false;
    memcpy(owner, name, end - own);
    owner[end - own] = '\0';
    tsr_module *layer = tsr_module_child(m, owner);
    return layer && !strcmp(layer->type->name, "Linear");
}

static tsr_tensor *converted(tsr_tensor *t, tsr_dtype dtype)
{
    if (!t || !tsr_dtype_is_floating(tsr_dtype_of(t)) || tsr_dtype_of(t) == dtype) return NULL;
    return tsr_to(t, dtype);
}

static tsr_status convert(const char *name, module_tensor *t, void *user)
{
    conversion *c = user;
    bool left = c->linear_of && !is_linear_weight(c->linear_of, name);
    TSR_TRY(tsr_named_list_add(&c->made, name, left ? NULL : converted(t->tensor, c->dtype)));
    TSR_TRY(tsr_named_list_add(&c->made, name, left ? NULL : converted(tsr_grad(t->tensor), c->dtype)));
    return tsr_error_status();
}

/* The handle stays and gets the other's elements: whoever borrowed it, or shares it, sees the converted tensor. */
static void exchange_elements(tsr_tensor *t, tsr_tensor *other)
{
    tsr_tensor was = *t;
    other->storage->version = was.storage->version + 1;
    t->dtype = other->dtype;
    t->storage = other->storage;
    t->offset = other->offset;
    memcpy(t->stride, other->stride, sizeof t->stride);
    t->base = NULL;
    other->dtype = was.dtype;
    other->storage = was.storage;
    other->base = was.base; /* released with it */
}

static tsr_status put_converted(const char *name, module_tensor *t, void *user)
{
    conversion *c = user;
    (void)name;
    tsr_tensor *values = c->made.v[c->next++].tensor, *grad = c->made.v[c->next++].tensor;
    if (!values || tsr_dtype_of(t->tensor) == c->dtype) return TSR_OK; /* shared, and done under its first name */
    exchange_elements(t->tensor, values);
    return grad ? tsr_set_grad(t->tensor, grad) : TSR_OK;
}

static tsr_status run_conversion(tsr_module *m, conversion *c)
{
    bool was = tsr_set_grad_enabled(false);
    tsr_mark mark = tsr_scope_open();
    tsr_status status = module_each(m, convert, c);
    if (status == TSR_OK) status = module_each(m, put_converted, c);
    tsr_scope_close(mark);
    tsr_set_grad_enabled(was);
    tsr_named_list_free(&c->made);
    return status;
}

tsr_status tsr_module_to(tsr_module *m, tsr_dtype dtype)
{
    if (dtype != TSR_F32 && dtype != TSR_F64)
        return tsr_fail(TSR_EINVAL, "module_to: %s is not f32 or f64", tsr_dtype_name(dtype));
    return run_conversion(m, &(conversion){.dtype = dtype});
}

tsr_status tsr_module_linear_to(tsr_module *m, tsr_dtype dtype)
{
    if (dtype != TSR_F32 && dtype != TSR_BF16 && dtype != TSR_F16)
        return tsr_fail(TSR_EINVAL, "module_linear_to: %s is not f32, bf16 or f16", tsr_dtype_name(dtype));
    return run_conversion(m, &(conversion){.dtype = dtype, .linear_of = m});
}

tsr_tensor *tsr_forward(tsr_module *m, tsr_tensor *input)
{
    if (!m || !input) {
        if (!tsr_error_pending()) tsr_fail(TSR_EINVAL, "forward: the %s is NULL", m ? "input" : "module");
        return NULL;
    }
    if (!m->type->forward) {
        tsr_fail(TSR_EINVAL, "%s has no forward of one tensor", m->type->name);
        return NULL;
    }
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *result = m->type->forward(m, input);
    if (!result && !tsr_error_pending()) tsr_fail(TSR_EINVAL, "%s: forward returned NULL", m->type->name);
    return tsr_scope_return(mark, result);
}

tsr_tensor *tsr_forward_owned(tsr_module *m, tsr_tensor *input)
{
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *result = tsr_keep(tsr_forward(m, input));
    tsr_scope_close(mark);
    tsr_release(input);
    return result;
}
