/* write_surface.c: all that has a public name, as three texts: the part of the registry that is not operators; the golden
   file, one sorted line a name; and the examples as functions that a test compiles and runs. */
#include <stdlib.h>
#include <string.h>

#include "genops.h"

/* ---- the registry of modules, optimisers and the like ---------------------------------------------------------------- */

static void put_fields(buffer *b, const char *of, int number, const fields *list)
{
    put(b, "static const tsr_field_description %s_%d[] = {\n", of, number);
    for (int i = 0; i < list->n; i++) {
        put(b, "    {\"%s\", \"%s\", ", list->v[i].name, list->v[i].type);
        put_quoted(b, list->v[i].doc ? list->v[i].doc : "");
        put(b, "},\n");
    }
    put(b, "    {NULL, NULL, NULL},\n};\n");
}

/* The struct that the parameters hold the options in; NULL when they have none. */
static const structure *options_of(const surface *s, const declaration *d)
{
    for (int i = 0; i < d->params.n; i++) {
        const structure *found = find_structure(s, d->params.v[i].type);
        if (found) return found;
    }
    return NULL;
}

static int by_group_and_name(const void *a, const void *b)
{
    const declaration *x = *(const declaration *const *)a, *y = *(const declaration *const *)b;
    int order = strcmp(x->group, y->group);
    return order ? order : strcmp(x->names.v[0], y->names.v[0]);
}

const declaration **sorted_classes(const surface *s, int *count)
{
    const declaration **sorted = need((size_t)(s->n + 1) * sizeof *sorted);
    *count = 0;
    for (int i = 0; i < s->n; i++)
        if (s->v[i].names.n) sorted[(*count)++] = &s->v[i];
    qsort(sorted, (size_t)*count, sizeof *sorted, by_group_and_name);
    return sorted;
}

static void put_class(buffer *b, const surface *s, const declaration *d, int number)
{
    const structure *options = options_of(s, d);
    put(b, "    {.names = class_names_%d,\n     .group = \"%s\",\n     .header = \"tessera/%s\",\n", number, d->group,
        d->header);
    put(b, "     .function = \"%s\",\n     .prototype = \"%s\",\n     .call = ", d->function, d->prototype);
    put_quoted(b, d->call);
    put(b, ",\n     .params = class_params_%d,\n", number);
    if (options) put(b, "     .options = class_options_%d,\n     .options_type = \"%s\",\n", number, options->name);
    put(b, "     .doc = ");
    put_quoted(b, d->doc);
    put(b, ",\n     .example = ");
    put_quoted(b, d->example);
    put(b, "},\n");
}

void write_classes(buffer *b, const surface *s)
{
    int n;
    const declaration **sorted = sorted_classes(s, &n);
    put(b, "\n/* what the public headers register */\n");
    for (int i = 0; i < n; i++) {
        put(b, "static const char *const class_names_%d[] = {\"%s\", NULL};\n", i, joined(&sorted[i]->names, "\", \""));
        put_fields(b, "class_params", i, &sorted[i]->params);
        const structure *options = options_of(s, sorted[i]);
        if (options) put_fields(b, "class_options", i, &options->fields);
    }
    put(b, "const tsr_class_description op_classes[] = {\n");
    for (int i = 0; i < n; i++) put_class(b, s, sorted[i], i);
    put(b, "    {0},\n};\nconst int64_t op_class_count = %d;\n", n);
}

/* ---- the golden file --------------------------------------------------------------------------------------------------- */

static void add_op_lines(texts *lines, const entry *e)
{
    for (int i = 0; i < e->names.n; i++) texts_add(lines, join("%s: %s%s", e->names.v[i], e->exact, e->schema));
    texts_add(lines, join("tsr_%s: %s", e->c_name, prototype_of(e)));
}

static void add_declaration_lines(texts *lines, const declaration *d)
{
    for (int i = 0; i < d->names.n; i++) texts_add(lines, join("%s: %s", d->names.v[i], d->call));
    if (!d->prototype || d->enumeration) return;
    if (!strcmp(d->c_name, d->function)) texts_add(lines, join("%s: %s", d->c_name, d->prototype));
    else texts_add(lines, join("%s: %s", d->c_name, d->call));
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

void write_surface(buffer *b, const sources *s)
{
    texts lines = {0};
    for (int i = 0; i < s->ops.n; i++)
        if (!s->ops.v[i].internal) add_op_lines(&lines, &s->ops.v[i]);
    for (int i = 0; i < s->headers.n; i++) add_declaration_lines(&lines, &s->headers.v[i]);
    qsort(lines.v, (size_t)lines.n, sizeof *lines.v, by_text);
    put(b, "# The public surface: every name with its signature. Made by tools/genops; the target update-surface "
           "renews it.\n");
    for (int i = 0; i < lines.n; i++) put(b, "%s\n", lines.v[i]);
}

/* ---- examples ------------------------------------------------------------------------------------------------------------ */

static void put_lines(buffer *b, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        put(b, "    %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void put_op_example(buffer *b, const entry *e)
{
    put(b, "static bool example_of_%s(void)\n{\n", e->c_name);
    put_lines(b, example_of(e));
    if (e->result == RESULT_ONE) put(b, "    return result != NULL;\n}\n");
    else if (e->result == RESULT_LIST) put(b, "    return count >= 0 && (count == 0 || results[0]);\n}\n");
    else put(b, "    return result.%s != NULL;\n}\n", e->outputs.v[0]);
}

/* "tsr_module *" of "tsr_module *tsr_nn_linear(...)" */
static const char *type_returned(const declaration *d)
{
    return copy_text(d->prototype, (size_t)(strstr(d->prototype, d->function) - d->prototype));
}

/* What is made is freed with the function that is named after its type. */
static void put_class_example(buffer *b, const declaration *d, int number)
{
    const char *type = type_returned(d), *star = strchr(type, '*');
    put(b, "static bool class_example_%d(void)\n{\n    %sresult = %s;\n", number, type, d->example);
    if (!star) put(b, "    return result == TSR_OK;\n}\n");
    else
        put(b, "    bool made = result != NULL;\n    %.*s_free(result);\n    return made;\n}\n", (int)(star - type - 1),
            type);
}

void write_examples(buffer *b, const sources *s)
{
    int n;
    const declaration **sorted = sorted_classes(&s->headers, &n);
    put(b, "/* op_examples.h: the example of every public name, to be compiled and run. Made by tools/genops. */\n"
           "#include \"tessera/tessera.h\"\n\n");
    for (int i = 0; i < s->ops.n; i++)
        if (!s->ops.v[i].internal) put_op_example(b, &s->ops.v[i]);
    for (int i = 0; i < n; i++) put_class_example(b, sorted[i], i);
    put(b, "\nstatic const struct {\n    const char *name;\n    bool (*run)(void);\n} examples[] = {\n");
    for (int i = 0; i < s->ops.n; i++)
        if (!s->ops.v[i].internal) put(b, "    {\"%s\", example_of_%s},\n", s->ops.v[i].exact, s->ops.v[i].c_name);
    for (int i = 0; i < n; i++) put(b, "    {\"%s\", class_example_%d},\n", sorted[i]->names.v[0], i);
    put(b, "};\n");
}
