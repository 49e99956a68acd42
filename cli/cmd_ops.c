/* cmd_ops.c: `tessera ops`: the operators by family, or one in full. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "report.h"
#include "tessera/call.h"

typedef struct ops_options {
    bool json;
} ops_options;

static const option table[] = {
    {"json", OPTION_FLAG, offsetof(ops_options, json), "", "as JSON", 0, 0, NULL, NULL},
};
static const option_group groups[] = {{"options", table, 1, 0}};
static const option_set set = {.command = "ops",
                               .operands = "[NAME]",
                               .min_operands = 0,
                               .max_operands = 1,
                               .summary = "List the operators by family; or say what one does, by its public name "
                                          "(nn.functional.conv2d) or its exact one (max.dim).",
                               .example = "  tessera ops conv2d\n",
                               .groups = groups,
                               .group_count = 1};

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static json_t *texts_json(const char *const *texts)
{
    json_t *list = json_array();
    for (; *texts; texts++) json_array_append_new(list, json_string(*texts));
    return list;
}

static json_t *op_json(const tsr_op_description *d)
{
    return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o}", "name", d->name, "names",
                     texts_json(d->names), "group", d->group, "signature", d->schema, "doc", d->doc, "dtypes",
                     d->dtypes, "derivative", d->derivative, "inplace", d->inplace, "view", d->view, "samples",
                     texts_json(d->samples));
}

/* {"ops": [...]} of those that answer to `name` (NULL: all). */
static void print_json(const char *name)
{
    tsr_op_description d;
    json_t *list = json_array();
    int64_t i = name ? tsr_op_find(name, 0) : 0;
    while (i >= 0 && tsr_op_describe(i, &d)) {
        json_array_append_new(list, op_json(&d));
        i = name ? tsr_op_find(name, i + 1) : i + 1;
    }
    json_t *all = json_pack("{s:o}", "ops", list);
    json_dumpf(all, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(all);
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

static void print_list(void)
{
    tsr_op_description d;
    const char *group = "";
    for (int64_t i = 0; tsr_op_describe(i, &d); i++) {
        if (strcmp(group, d.group)) printf("%s%s\n", i ? "\n" : "", d.group);
        group = d.group;
        printf("  %s\n", d.schema);
    }
}

/* "add_" -> "add_", "max.dim" -> "max_dim", "fill_.scalar" -> "fill_scalar_": the name in C. */
static const char *c_name(const char *name, char *buffer, size_t size)
{
    const char *dot = strchr(name, '.');
    size_t base = dot ? (size_t)(dot - name) : strlen(name);
    bool last = dot && base && name[base - 1] == '_';
    if (!dot) snprintf(buffer, size, "%s", name);
    else if (last) snprintf(buffer, size, "%.*s%s_", (int)base, name, dot + 1);
    else snprintf(buffer, size, "%.*s_%s", (int)base, name, dot + 1);
    return buffer;
}

static void print_op(const tsr_op_description *d)
{
    char c[96];
    printf("%s\n\n", d->schema);
    for (const char *at = d->doc; *at;) {
        size_t n = strcspn(at, "\n");
        printf("  %.*s\n", (int)n, at);
        at += n + (at[n] == '\n');
    }
    printf("\n  names       ");
    for (const char *const *n = d->names; *n; n++) printf("%s%s", n == d->names ? "" : ", ", *n);
    printf("\n  in C        tsr_%s%s\n", c_name(d->name, c, sizeof c),
           d->inplace ? ", which writes its first argument" : "");
    printf("  dtypes      %s\n  derivative  %s\n", d->dtypes, d->derivative);
    for (const char *const *s = d->samples; *s; s++)
        printf("  %s  %s(%s)\n", s == d->samples ? "example   " : "          ", d->names[0], *s);
}

static int print_named(const char *name)
{
    tsr_op_description d;
    int64_t i = tsr_op_find(name, 0);
    if (i < 0) {
        tsr_tensor *none;
        tsr_call(name, NULL, 0, &none, 0); /* its error says which name is near */
        return report_error("ops");
    }
    for (bool first = true; i >= 0; i = tsr_op_find(name, i + 1), first = false) {
        if (!tsr_op_describe(i, &d)) break;
        if (!first) printf("\n");
        print_op(&d);
    }
    return 0;
}

int cmd_ops(int argc, char **argv)
{
    ops_options o = {0};
    parsed_line line;
    int status = options_parse(&set, argc, argv, &o, &line);
    if (status != OPTIONS_GO_ON) return status;
    const char *name = line.operand_count ? line.operands[0] : NULL;
    if (name && (!o.json || tsr_op_find(name, 0) < 0)) return print_named(name);
    if (o.json) print_json(name);
    else print_list();
    return 0;
}
