/* cmd_ops.c: `tessera ops`: everything that has a public name, by group, or one thing in full: operators from the tables,
   and the modules, optimisers and initialisers that the public headers register (here: classes). `--json` has all of it,
   enough to write a binding from: ops_json.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "ops_json.h"
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
static const option_set set = {
    .command = "ops",
    .operands = "[NAME]",
    .min_operands = 0,
    .max_operands = 1,
    .summary = "List the public names by group; or say what one does: an operator by any of its "
               "names (nn.functional.conv2d, max.dim), a module, an optimiser (nn.Linear).",
    .example = "  tessera ops conv2d\n",
    .groups = groups,
    .group_count = 1};

/* ---- the list ------------------------------------------------------------------------------------------------------ */

/* "nn.functional.relu relu(Tensor input) -> Tensor"; the name alone when the schema begins with it. */
static void print_line(const char *name, const char *schema)
{
    if (strncmp(name, schema, strlen(name)) != 0) printf("  %s  %s\n", name, schema);
    else printf("  %s\n", schema);
}

static void print_heading(const char **last, const char *group)
{
    if (!strcmp(*last, group)) return;
    printf("%s%s\n", **last ? "\n" : "", group);
    *last = group;
}

static void print_list(void)
{
    tsr_op_description d;
    tsr_class_description c;
    const char *group = "";
    for (int64_t i = 0; tsr_op_describe(i, &d); i++) {
        print_heading(&group, d.group);
        print_line(d.names[0], d.schema);
    }
    for (int64_t i = 0; tsr_class_describe(i, &c); i++) {
        print_heading(&group, c.group);
        print_line(c.names[0], c.call);
    }
}

/* ---- one ------------------------------------------------------------------------------------------------------------- */

static void print_indented(const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        printf("  %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void print_texts(const char *title, const char *const *texts)
{
    printf("  %-12s", title);
    for (const char *const *t = texts; *t; t++) printf("%s%s", t == texts ? "" : ", ", *t);
    printf("\n");
}

static void print_values(int64_t op)
{
    tsr_op_param_description p;
    const char *title = "values";
    for (int64_t k = 0; tsr_op_describe_param(op, k, &p); k++) {
        if (!p.values) continue;
        printf("  %-12s%s: ", title, p.name);
        for (const char *const *v = p.values; *v; v++) printf("\"%s\"%s", *v, v[1] ? ", " : "\n");
        title = "";
    }
}

static void print_op(int64_t i, const tsr_op_description *d)
{
    printf("%s\n\n", d->schema);
    print_indented(d->doc);
    printf("\n");
    print_texts("names", d->names);
    if (d->inplace_name) printf("  in place    %s\n", d->inplace_name);
    print_values(i);
    if (d->inplace) printf("  writes      its first argument\n");
    if (d->view) printf("  view        of its first argument\n");
    printf("  dtypes      %s\n  derivative  %s\n  in C        %s\n\nexample\n", d->dtypes, d->derivative, d->prototype);
    print_indented(d->example);
}

static void print_class(const tsr_class_description *c)
{
    printf("%s\n\n  %s\n\n", c->call, c->doc);
    print_texts("names", c->names);
    printf("  in C        %s\n  header      %s\n", c->prototype, c->header);
    for (const tsr_field_description *f = c->options; f && f->name; f++)
        printf("  %-12s%s %s%s%s\n", f == c->options ? "options" : "", f->type, f->name, *f->doc ? ": " : "", f->doc);
    printf("\nexample\n");
    print_indented(c->example);
}

/* All names there are, for the nearest one; NULL without memory. */
static const char **all_names(int *count)
{
    tsr_op_description d;
    tsr_class_description c;
    int room = 0;
    for (int64_t i = 0; tsr_op_describe(i, &d); i++)
        for (room++; *d.names; d.names++) room++;
    for (int64_t i = 0; tsr_class_describe(i, &c); i++)
        for (; *c.names; c.names++) room++;
    const char **names = malloc((size_t)room * sizeof *names);
    *count = 0;
    for (int64_t i = 0; names && tsr_op_describe(i, &d); i++)
        for (names[(*count)++] = d.name; *d.names; d.names++) names[(*count)++] = *d.names;
    for (int64_t i = 0; names && tsr_class_describe(i, &c); i++)
        for (; *c.names; c.names++) names[(*count)++] = *c.names;
    return names;
}

static int unknown_name(const char *name)
{
    int count;
    tsr_tensor *none;
    const char **names = all_names(&count), *near = names ? nearest_name(name, names, count) : NULL;
    if (near) fprintf(stderr, "tessera ops: nothing is named '%s'; did you mean '%s'?\n", name, near);
    else tsr_call(name, NULL, 0, &none, 0); /* its error looks at the last part of the name, too: torch.relu */
    free(names);
    return near ? EXIT_RUN_FAILED : report_error("ops");
}

static int print_named(const char *name)
{
    tsr_op_description d;
    tsr_class_description c;
    int64_t i = tsr_op_find(name, 0);
    if (tsr_class_describe(tsr_class_find(name), &c)) print_class(&c);
    for (bool first = true; i >= 0 && tsr_op_describe(i, &d); i = tsr_op_find(name, i + 1), first = false) {
        if (!first) printf("\n");
        print_op(i, &d);
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
    if (name && tsr_op_find(name, 0) < 0 && tsr_class_find(name) < 0) return unknown_name(name);
    if (o.json) return report_json(ops_json(name)) ? 0 : report_error("ops");
    if (name) return print_named(name);
    print_list();
    return 0;
}
