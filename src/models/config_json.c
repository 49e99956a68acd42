/* config_json.c: see config_json.h.

   Reading goes into a copy of the struct, which replaces the caller's only when all of the text was understood: a typing
   error in a key must not train another model than the one meant. */
#include "config_json.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MAX_CONFIG_SIZE = 1024 };

static const config_field *find_field(const config_type *t, const char *parent, const char *name)
{
    for (const config_field *f = t->fields; f < t->fields + t->count; f++) {
        bool same_parent = parent ? f->parent && !strcmp(f->parent, parent) : !f->parent;
        if (same_parent && !strcmp(f->name, name)) return f;
    }
    return NULL;
}

static bool read_ints(const json_t *value, tsr_shape *out)
{
    size_t n = json_array_size(value);
    if (!json_is_array(value) || n > TSR_MAX_DIMS) return false;
    out->n = (int32_t)n;
    for (size_t i = 0; i < n; i++) {
        if (!json_is_integer(json_array_get(value, i))) return false;
        out->v[i] = json_integer_value(json_array_get(value, i));
    }
    return true;
}

/* False when the value has another type than the field. */
static bool read_field(const config_field *f, const json_t *value, void *config)
{
    void *at = (char *)config + f->offset;
    switch (f->kind) {
    case CONFIG_INT:
        return json_is_integer(value) && (*(int64_t *)at = json_integer_value(value), true);
    case CONFIG_FLOAT:
        return json_is_number(value) && (*(double *)at = json_number_value(value), true);
    case CONFIG_BOOL:
        return json_is_boolean(value) && (*(bool *)at = json_is_true(value), true);
    case CONFIG_INTS:
        return read_ints(value, at);
    case CONFIG_OBJECT:
        *(bool *)at = json_is_object(value);
        return json_is_object(value) || json_is_null(value);
    }
    return false;
}

static tsr_status read_object(const config_type *t, const char *parent, json_t *object, void *config)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const config_field *f = find_field(t, parent, key);
        if (!f)
            return tsr_fail(TSR_EFORMAT, "%s configuration: unknown key '%s%s%s'", t->what, parent ? parent : "",
                            parent ? "." : "", key);
        if (!read_field(f, value, config))
            return tsr_fail(TSR_EFORMAT, "%s configuration: '%s' has a value of the wrong type", t->what, key);
        if (f->kind != CONFIG_OBJECT || !json_is_object(value)) continue;
        tsr_status status = read_object(t, f->name, value, config);
        if (status != TSR_OK) return status;
    }
    return TSR_OK;
}

tsr_status config_read(const config_type *t, const char *json, void *config)
{
    _Alignas(16) char copy[MAX_CONFIG_SIZE];
    json_error_t error;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (!root || !json_is_object(root) || t->size > sizeof copy) {
        tsr_status status = root ? tsr_fail(TSR_EFORMAT, "%s configuration: not a JSON object", t->what)
                                 : tsr_fail(TSR_EFORMAT, "%s configuration, line %d: %s", t->what, error.line,
                                            error.text);
        json_decref(root);
        return status;
    }
    memcpy(copy, config, t->size);
    tsr_status status = read_object(t, NULL, root, copy);
    if (status == TSR_OK) memcpy(config, copy, t->size);
    json_decref(root);
    return status;
}

static json_t *write_object(const config_type *t, const char *parent, const void *config);

static json_t *write_field(const config_type *t, const config_field *f, const void *config)
{
    const void *at = (const char *)config + f->offset;
    json_t *value = NULL;
    switch (f->kind) {
    case CONFIG_INT:
        return json_integer(*(const int64_t *)at);
    case CONFIG_FLOAT:
        return json_real(*(const double *)at);
    case CONFIG_BOOL:
        return json_boolean(*(const bool *)at);
    case CONFIG_INTS:
        value = json_array();
        for (int k = 0; k < ((const tsr_shape *)at)->n; k++)
            json_array_append_new(value, json_integer(((const tsr_shape *)at)->v[k]));
        return value;
    case CONFIG_OBJECT:
        return *(const bool *)at ? write_object(t, f->name, config) : json_null();
    }
    return NULL;
}

static json_t *write_object(const config_type *t, const char *parent, const void *config)
{
    json_t *object = json_object();
    for (const config_field *f = t->fields; f < t->fields + t->count; f++)
        if (parent ? f->parent && !strcmp(f->parent, parent) : !f->parent)
            json_object_set_new(object, f->name, write_field(t, f, config));
    return object;
}

tsr_status config_write(const config_type *t, const void *config, tsr_bytes *out)
{
    char text[4096];
    json_t *root = write_object(t, NULL, config);
    size_t length = root ? json_dumpb(root, text, sizeof text, JSON_REAL_PRECISION(17)) : 0;
    json_decref(root);
    *out = (tsr_bytes){NULL, 0};
    if (length == 0 || length > sizeof text) return tsr_fail(TSR_ENOMEM, "no memory for the configuration's JSON text");
    return tsr_bytes_copy(text, (int64_t)length, out);
}

/* ---- presets and refusals -------------------------------------------------------------------------------------------- */

tsr_status config_preset(const config_type *t, const char *name, void *config)
{
    char known[256] = "";
    for (int i = 0; t->names[i]; i++) {
        if (name && !strcmp(name, t->names[i])) {
            memcpy(config, (const char *)t->presets + (size_t)i * t->size, t->size);
            return TSR_OK;
        }
        size_t end = strlen(known);
        snprintf(known + end, sizeof known - end, "%s%s", i > 0 ? ", " : "", t->names[i]);
    }
    return tsr_fail(TSR_EINVAL, "there is no %s preset '%s'; presets: %s", t->what, name ? name : "", known);
}

tsr_status config_refuse(const config_type *t, const char *field, int64_t value, const char *must)
{
    return tsr_fail(TSR_EINVAL, "%s configuration: %s is %lld, it must %s", t->what, field, (long long)value, must);
}

tsr_status config_check_probability(const config_type *t, const char *field, double p)
{
    if (p >= 0 && p < 1) return TSR_OK;
    return tsr_fail(TSR_EINVAL, "%s configuration: %s %g is not in [0, 1)", t->what, field, p);
}
