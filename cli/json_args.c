/* json_args.c: see json_args.h. Values are read by walking the JSON; tensors are made at their first mention. */
#include "json_args.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Elements that strided values may be spread over. */
static const int64_t SPAN_MOST = INT64_C(1) << 28;

/* Zeroed memory that lives as long as the arguments. NULL and an error: no memory. */
static void *take(call_args *a, size_t count, size_t size)
{
    void **more = realloc(a->blocks, (size_t)(a->block_count + 1) * sizeof *more);
    if (more) a->blocks = more;
    void *block = more ? calloc(count ? count : 1, size) : NULL;
    if (block) a->blocks[a->block_count++] = block;
    else tsr_fail(TSR_ENOMEM, "there is no memory for %zu arguments", count);
    return block;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------- */

static bool read_shape(const json_t *list, tsr_shape *out)
{
    *out = (tsr_shape){.n = (int32_t)json_array_size(list)};
    if (!json_is_array(list) || json_array_size(list) > TSR_MAX_DIMS) return false;
    for (int32_t i = 0; i < out->n; i++) {
        const json_t *entry = json_array_get(list, (size_t)i);
        if (!json_is_integer(entry)) return false;
        out->v[i] = json_integer_value(entry);
    }
    return true;
}

/* Elements from the first to the last that a tensor of this geometry reaches; -1: a negative stride, or too many. */
static int64_t span_of(const tsr_shape *shape, const tsr_shape *stride)
{
    int64_t span = 1;
    for (int32_t d = 0; d < shape->n; d++)
        if (shape->v[d] == 0) span = 0;
    for (int32_t d = 0; d < shape->n; d++) {
        int64_t steps = shape->v[d] - 1;
        if (stride->v[d] < 0 || (span > 0 && steps > 0 && stride->v[d] > (SPAN_MOST - span) / steps)) return -1;
        if (span > 0) span += steps * stride->v[d];
    }
    return span;
}

/* Write the row-major elements at `from` to their places in `to`. */
static void scatter_elements(char *to, const char *from, const tsr_shape *shape, const tsr_shape *stride, size_t size)
{
    int64_t index[TSR_MAX_DIMS] = {0}, at = 0;
    for (bool more = true; more; from += size) {
        memcpy(to + at * (int64_t)size, from, size);
        more = false;
        for (int32_t d = shape->n - 1; d >= 0 && !more; d--) {
            at += stride->v[d];
            if (++index[d] < shape->v[d]) more = true;
            else at -= index[d] * stride->v[d], index[d] = 0;
        }
    }
}

static tsr_value shape_value(call_args *a, const tsr_shape *shape)
{
    tsr_value *v = take(a, (size_t)shape->n, sizeof *v);
    for (int32_t i = 0; v && i < shape->n; i++) v[i] = (tsr_value){.kind = TSR_VALUE_INT, .i = shape->v[i]};
    return (tsr_value){.kind = TSR_VALUE_LIST, .list = {v, v ? shape->n : 0}};
}

/* The same values with these strides: a view of memory that holds them at their places. */
static tsr_tensor *with_strides(call_args *a, tsr_tensor *t, const json_t *strides)
{
    tsr_shape shape = tsr_shape_of(t), stride;
    if (!read_shape(strides, &stride) || stride.n != shape.n) {
        tsr_fail(TSR_EFORMAT, "\"stride\" is not a list of %d integers", (int)shape.n);
        return NULL;
    }
    size_t size = tsr_dtype_size(tsr_dtype_of(t));
    int64_t span = span_of(&shape, &stride);
    if (span < 0) {
        tsr_fail(TSR_EFORMAT, "\"stride\" must be of numbers that are not negative, and reach at most %lld elements",
                 (long long)SPAN_MOST);
        return NULL;
    }
    char *memory = take(a, (size_t)span, size);
    if (!memory) return NULL;
    if (span) scatter_elements(memory, tsr_const_data(t), &shape, &stride, size);
    tsr_tensor *base = tsr_from_data(memory, TSR_SHAPE(span), tsr_dtype_of(t)), *view = NULL;
    tsr_arg args[] = {{NULL, {.kind = TSR_VALUE_TENSOR, .tensor = base}},
                      {NULL, shape_value(a, &shape)},
                      {NULL, shape_value(a, &stride)}};
    return tsr_call("as_strided", args, 3, &view, 1) == 1 ? view : NULL;
}

static tsr_tensor *cast_to(tsr_tensor *t, tsr_dtype dtype)
{
    if (!t || !dtype || dtype == tsr_dtype_of(t) || !tsr_dtype_is_floating(tsr_dtype_of(t))) return t;
    int64_t n = tsr_numel(t);
    void *elements = malloc((size_t)n * tsr_dtype_size(dtype) + 1);
    tsr_tensor *result = NULL;
    if (!elements) tsr_fail(TSR_ENOMEM, "there is no memory to convert %lld elements", (long long)n);
    else if (tsr_to_host(t, elements, n, dtype) == TSR_OK) result = tsr_from_data(elements, tsr_shape_of(t), dtype);
    free(elements);
    return result;
}

/* A word that is read by nobody is a misspelt one. */
static bool check_keys(const json_t *object, const char *what, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const char *const *k = known;
        while (*k && strcmp(*k, key) != 0) k++;
        if (*k) continue;
        tsr_fail(TSR_EFORMAT, "%s has an unknown key \"%s\"", what, key);
        return false;
    }
    return true;
}

bool call_args_check_object(const json_t *object)
{
    return check_keys(object, "--args", (const char *const[]){"args", "kwargs", NULL});
}

static tsr_tensor *load_tensor(call_args *a, const char *name, const json_t *spec)
{
    if (!a->archive) {
        tsr_fail(TSR_EINVAL, "the tensor \"%s\" is named, but no file of tensors is given", name);
        return NULL;
    }
    tsr_tensor *t = cast_to(tsr_archive_get_named(a->archive, name), a->cast);
    const json_t *strides = json_object_get(spec, "stride");
    if (t && strides) t = with_strides(a, t, strides);
    if (t && json_is_true(json_object_get(spec, "requires_grad")) && tsr_set_requires_grad(t, true)) return NULL;
    return t;
}

const call_tensor *call_args_find(const call_args *a, const char *name)
{
    for (int64_t i = 0; i < a->tensor_count; i++)
        if (!strcmp(a->tensors[i].name, name)) return &a->tensors[i];
    return NULL;
}

static bool read_tensor(call_args *a, const json_t *spec, tsr_value *out)
{
    const char *name = json_string_value(json_object_get(spec, "tensor"));
    const call_tensor *known = call_args_find(a, name);
    if (!check_keys(spec, "a tensor", (const char *const[]){"tensor", "stride", "requires_grad", NULL})) return false;
    out->kind = TSR_VALUE_TENSOR;
    out->tensor = known ? known->tensor : load_tensor(a, name, spec);
    if (known || !out->tensor) return known;
    call_tensor *more = realloc(a->tensors, (size_t)(a->tensor_count + 1) * sizeof *more);
    if (!more) {
        tsr_fail(TSR_ENOMEM, "there is no memory for %lld tensors", (long long)a->tensor_count);
        return false;
    }
    a->tensors = more;
    a->tensors[a->tensor_count++] = (call_tensor){name, out->tensor, tsr_requires_grad(out->tensor)};
    return true;
}

/* ---- values -------------------------------------------------------------------------------------------------------- */

static bool read_value(call_args *a, const json_t *j, tsr_value *out);

static bool read_list(call_args *a, const json_t *j, tsr_value *out)
{
    size_t n = json_array_size(j);
    tsr_value *v = take(a, n, sizeof *v);
    if (!v) return false;
    for (size_t i = 0; i < n; i++)
        if (!read_value(a, json_array_get(j, i), &v[i])) return false;
    *out = (tsr_value){.kind = TSR_VALUE_LIST, .list = {v, (int64_t)n}};
    return true;
}

static bool read_object(call_args *a, const json_t *j, tsr_value *out)
{
    const char *number = json_string_value(json_object_get(j, "float"));
    const char *dtype = json_string_value(json_object_get(j, "dtype"));
    if (json_is_string(json_object_get(j, "tensor"))) return read_tensor(a, j, out);
    if (number) {
        char *end;
        *out = (tsr_value){.kind = TSR_VALUE_FLOAT, .f = strtod(number, &end)};
        if (*number && !*end) return check_keys(j, "a number", (const char *const[]){"float", NULL});
        tsr_fail(TSR_EFORMAT, "{\"float\": \"%s\"} is no number", number);
        return false;
    }
    if (dtype && tsr_dtype_from_name(dtype)) {
        *out = (tsr_value){.kind = TSR_VALUE_DTYPE, .dtype = tsr_dtype_from_name(dtype)};
        return true;
    }
    char *text = json_dumps(j, JSON_COMPACT);
    tsr_fail(TSR_EFORMAT, "an argument is neither a tensor, a number nor a dtype: %s", text ? text : "{}");
    free(text);
    return false;
}

static bool read_value(call_args *a, const json_t *j, tsr_value *out)
{
    switch (json_typeof(j)) {
    case JSON_NULL:
        *out = (tsr_value){.kind = TSR_VALUE_NONE};
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = (tsr_value){.kind = TSR_VALUE_BOOL, .i = json_is_true(j)};
        return true;
    case JSON_INTEGER:
        *out = (tsr_value){.kind = TSR_VALUE_INT, .i = json_integer_value(j)};
        return true;
    case JSON_REAL:
        *out = (tsr_value){.kind = TSR_VALUE_FLOAT, .f = json_real_value(j)};
        return true;
    case JSON_STRING:
        *out = (tsr_value){.kind = TSR_VALUE_STRING, .string = json_string_value(j)};
        return true;
    case JSON_ARRAY:
        return read_list(a, j, out);
    case JSON_OBJECT:
        return read_object(a, j, out);
    }
    return false;
}

bool call_args_read(call_args *a, const json_t *positional, const json_t *keywords, tsr_archive *archive,
                    tsr_dtype cast)
{
    *a = (call_args){.archive = archive, .cast = cast};
    a->v = take(a, json_array_size(positional) + json_object_size(keywords), sizeof *a->v);
    if (!a->v) return false;
    for (size_t i = 0; i < json_array_size(positional); i++)
        if (!read_value(a, json_array_get(positional, i), &a->v[a->count++].value)) return false;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)keywords, key, value)
    {
        a->v[a->count].name = key;
        if (!read_value(a, value, &a->v[a->count++].value)) return false;
    }
    return true;
}

void call_args_free(call_args *a)
{
    for (int64_t i = 0; i < a->block_count; i++) free(a->blocks[i]);
    free(a->blocks);
    free(a->tensors);
    *a = (call_args){0};
}
