/* ops_json.c: the registry as JSON: operators, classes, and the dtypes' values. jansson's constructors pass NULL on, so what
   is made is checked once, at its end. */
#include "ops_json.h"

#include <stdlib.h>
#include <string.h>

#include "tessera/call.h"

static json_t *texts_json(const char *const *texts)
{
    json_t *list = json_array();
    for (; *texts; texts++) json_array_append_new(list, json_string(*texts));
    return list;
}

/* The dtypes that a word of the tables stands for. */
static json_t *dtypes_json(const char *words)
{
    static const struct {
        const char *dtype, *groups;
    } known[] = {{"f32", " f32 float number all "}, {"f64", " f64 float number all "}, {"i64", " i64 number all "},
                 {"i32", " i32 number all "},       {"u8", " u8 number all "},         {"bool", " bool all "}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        for (const char *word = words; *word; word += strspn(word, " ")) {
            char padded[16] = " ";
            size_t length = strcspn(word, " ");
            if (length < sizeof padded - 2) strncat(padded, word, length);
            strcat(padded, " ");
            word += length;
            if (!strstr(known[i].groups, padded)) continue;
            json_array_append_new(list, json_string(known[i].dtype));
            break;
        }
    }
    return list;
}

/* A default as the value it is; infinities, which JSON lacks, stay texts. */
static json_t *default_json(const tsr_op_param_description *p)
{
    const char *text = p->default_text;
    char *end;
    if (!strcmp(text, "None")) return json_null();
    if (!strncmp(p->type, "str", 3)) return json_string(text);
    if (!strcmp(text, "True") || !strcmp(text, "False")) return json_boolean(*text == 'T');
    if (!text[strspn(text, "-0123456789")]) return json_integer(strtoll(text, NULL, 10));
    double number = strtod(text, &end);
    json_t *real = *end ? NULL : json_real(number);
    return real ? real : json_string(text);
}

/* In C, 0 in a field of an int, a float or an array of ints stands for its default (docs/operators.md). */
static bool zero_is_default(const tsr_op_param_description *p)
{
    bool number = !strncmp(p->type, "int", 3) || !strncmp(p->type, "float", 5);
    if (!number || strchr(p->type, '?') || strstr(p->type, "[]") || !p->default_text) return false;
    return strtod(p->default_text, NULL) != 0;
}

/* What says 0 there; null: nothing does. */
static json_t *zero_json(const char *type)
{
    if (strchr(type, '[')) return json_null();
    return json_string(*type == 'f' ? "TSR_ZERO" : "TSR_ZERO_INT");
}

static json_t *params_json(int64_t op)
{
    tsr_op_param_description p;
    json_t *list = json_array();
    for (int64_t k = 0; tsr_op_describe_param(op, k, &p); k++) {
        json_t *one = json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", p.name, "type", p.type, "c_type", p.c_type,
                                "required", !p.default_text, "keyword_only", p.keyword_only);
        if (p.default_text) json_object_set_new(one, "default", default_json(&p));
        if (p.values) json_object_set_new(one, "values", texts_json(p.values));
        if (zero_is_default(&p)) json_object_set_new(one, "c_zero", zero_json(p.type));
        json_array_append_new(list, one);
    }
    return list;
}

/* How the function in "prototype" gives its results: as its value, in a struct of "outputs", or through the parameters
   (tsr_tensor **out, int64_t room), which stand before or after the others, returning how many there are. */
static const char *results_of(const tsr_op_description *d)
{
    if (d->output_count >= 0) return d->output_count == 1 ? "value" : "struct";
    return strstr(d->prototype, "(tsr_tensor **out") ? "out, room first" : "out, room last";
}

static json_t *op_json(int64_t i, const tsr_op_description *d)
{
    json_t *one = json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:s, s:b, s:s?, s:b, s:o}", "name", d->name, "names",
                            texts_json(d->names), "group", d->group, "signature", d->schema, "doc", d->doc, "dtypes",
                            dtypes_json(d->dtypes), "derivative", d->derivative, "inplace", d->inplace, "inplace_name",
                            d->inplace_name, "view", d->view, "params", params_json(i));
    json_t *outputs = d->output_count < 0 ? json_null() : texts_json(d->outputs);
    json_t *rest = json_pack("{s:o, s:{s:s, s:s, s:s}, s:s, s:o}", "outputs", outputs, "c", "name", d->c_name,
                             "prototype", d->prototype, "results", results_of(d), "example", d->example, "samples",
                             texts_json(d->samples));
    json_object_update(one, rest);
    json_decref(rest);
    return one;
}

static json_t *fields_json(const tsr_field_description *fields)
{
    json_t *list = json_array();
    for (; fields->name; fields++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "name", fields->name, "type", fields->type, "doc", fields->doc));
    return list;
}

static json_t *class_json(const tsr_class_description *c)
{
    json_t *options = json_null();
    if (c->options) options = json_pack("{s:s, s:o}", "type", c->options_type, "fields", fields_json(c->options));
    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:{s:s, s:s, s:s, s:s}, s:s}", "names", texts_json(c->names), "group",
                     c->group, "doc", c->doc, "params", fields_json(c->params), "options", options, "c", "name",
                     c->function, "prototype", c->prototype, "call", c->call, "header", c->header, "example",
                     c->example);
}

/* {"f32": {"value": 1, "bytes": 4}}, of enum tsr_dtype */
static json_t *dtype_values_json(void)
{
    json_t *all = json_object();
    for (int d = TSR_DTYPE_DEFAULT + 1; d < TSR_DTYPE_COUNT; d++)
        json_object_set_new(all, tsr_dtype_name((tsr_dtype)d),
                            json_pack("{s:i, s:i}", "value", d, "bytes", (int)tsr_dtype_size((tsr_dtype)d)));
    return all;
}

json_t *ops_json(const char *name)
{
    tsr_op_description d;
    tsr_class_description c;
    json_t *ops = json_array(), *classes = json_array();
    int64_t i = name ? tsr_op_find(name, 0) : 0;
    for (; i >= 0 && tsr_op_describe(i, &d); i = name ? tsr_op_find(name, i + 1) : i + 1)
        json_array_append_new(ops, op_json(i, &d));
    i = name ? tsr_class_find(name) : 0;
    for (; tsr_class_describe(i, &c); i = name ? -1 : i + 1) json_array_append_new(classes, class_json(&c));
    return json_pack("{s:o, s:o, s:o}", "ops", ops, "classes", classes, "dtypes", dtype_values_json());
}
