/* write_registry.c: the registry, a C file: for each operator its parameter table, texts, a trampoline from the common
   signature to the operator's own, and the public function; then all of them sorted, and all their names sorted. */
#include <stdlib.h>
#include <string.h>

#include "genops.h"

/* "int64_t[2]", "const char *" */
static const char *c_type_of(const param *p)
{
    size_t length = strcspn(p->c_type, " ");
    if (strchr(p->c_type, '*')) return p->c_type;
    return p->count ? join("%.*s[%d]", (int)length, p->c_type, p->count) : copy_text(p->c_type, length);
}

static void put_param(buffer *b, const entry *e, const param *p)
{
    put(b, "    {.name = \"%s\", .type = \"%s\", .c_type = \"%s\"", p->name, p->type, c_type_of(p));
    put(b, ", .kind = %s, .offset = offsetof(%s, %s)", p->kind, args_type(e), p->name);
    if (p->keyword_only) put(b, ", .keyword_only = true");
    if (p->count) put(b, ", .count = %d", p->count);
    if (p->optional) put(b, ", .optional = true");
    if (p->is_int) put(b, ", .is_int = true");
    if (p->default_text) {
        put(b, ", .has_default = true, .default_text = ");
        put_quoted(b, p->default_text);
    }
    if (p->values.n) put(b, ", .values = (const char *const[]){\"%s\", NULL}", joined(&p->values, "\", \""));
    if (p->default_number > 1e308) put(b, ", .default_number = INFINITY");
    else if (p->default_number < -1e308) put(b, ", .default_number = -INFINITY");
    else if (p->default_number != p->default_number) put(b, ", .default_number = NAN");
    else if (p->default_number != 0) put(b, ", .default_number = %.17g", p->default_number);
    if (p->saved) put(b, ", .saved = true");
    put(b, ", .saved_if = %d},\n", p->saved_if);
}

static void put_params(buffer *b, const entry *e)
{
    if (!e->param_count || e->form_of) return;
    put(b, "static const op_param params_%s[] = {\n", e->c_name);
    for (int i = 0; i < e->param_count; i++) put_param(b, e, &e->params[i]);
    put(b, "};\n");
}

static void put_texts(buffer *b, const char *what, const entry *e, const texts *list)
{
    put(b, "static const char *const %s_%s[] = {", what, e->c_name);
    for (int i = 0; i < list->n; i++) {
        put_quoted(b, list->v[i]);
        put(b, ", ");
    }
    put(b, "NULL};\n");
}

static void put_trampoline(buffer *b, const entry *e)
{
    const char *name = e->c_name;
    put(b, "static int64_t forward_%s(op_ctx *c, const void *args, tsr_tensor **out, int64_t room)\n{\n", name);
    if (e->result == RESULT_LIST) put(b, "    return op_%s(c, args, out, room);\n}\n", name);
    else if (e->result == RESULT_ONE)
        put(b, "    (void)room;\n    return (out[0] = op_%s(c, args)) ? 1 : -1;\n}\n", name);
    else put(b, "    (void)room;\n    return op_%s(c, args, out) ? %d : -1;\n}\n", name, e->outputs.n);
    if (e->grad != GRAD_YES) return;
    put(b, "static void backward_%s(op_ctx *c, const void *args, tsr_tensor *const *grad, tsr_tensor **grad_in)\n{\n",
        name);
    put(b, "    op_%s_grad(c, args, grad, grad_in);\n}\n", name);
}

/* "In C, 0 means a default: eps 1e-5. TSR_ZERO says 0."; "" where no parameter has such a default. */
static const char *zero_sentence(const entry *e)
{
    const char *each = "", *word = NULL;
    for (int i = 0; i < e->param_count; i++) {
        const param *p = &e->params[i];
        if (!zero_word(p)) continue;
        each = join("%s%s%s %s", each, word ? ", " : "", p->name, p->default_text);
        word = !word || !strcmp(word, zero_word(p)) ? zero_word(p) : "TSR_ZERO (of ints TSR_ZERO_INT)";
    }
    return word ? join("\n\nIn C, 0 means a default: %s. %s says 0.", each, word) : "";
}

static void put_doc_text(buffer *b, const entry *e)
{
    size_t length = 0;
    for (int i = 0; i < e->doc.n; i++) {
        put(b, "\n        ");
        put_quoted(b, join("%s%s", e->doc.v[i], i + 1 < e->doc.n ? "\n" : zero_sentence(e)));
        length += strlen(e->doc.v[i]) + 1;
    }
    if (length > 4000) fail_at(e->at, "%s: the doc has more than 4000 characters", e->exact);
}

static void put_flags(buffer *b, const entry *e)
{
    if (e->writes) put(b, "    .inplace = true,\n");
    if (e->view) put(b, "    .view = true,\n");
    if (e->saves_result) put(b, "    .saves_result = true,\n");
    if (e->internal) put(b, "    .internal = true,\n");
}

/* How it is called in C. */
static void put_c_texts(buffer *b, const entry *e)
{
    put(b, "    .c_name = \"tsr_%s\",\n    .prototype = \"%s\",\n", e->c_name, prototype_of(e));
    if (e->inplace_form) put(b, "    .inplace_name = \"%s\",\n", inplace_name(e));
    put(b, "    .example = ");
    put_quoted(b, example_of(e));
    put(b, ",\n");
}

static void put_info(buffer *b, const entry *e)
{
    static const char *const grads[] = {
        [GRAD_YES] = "OP_DIFF", [GRAD_COMPOSITE] = "OP_COMPOSITE", [GRAD_NONE] = "OP_NONDIFF"};
    const char *source = source_of(e)->c_name;
    put(b, "const op_info op_info_%s = {\n    .name = \"%s\",\n    .names = names_%s,\n", e->c_name, e->exact,
        e->c_name);
    put(b, "    .group = \"%s\",\n    .schema = ", e->group);
    put_quoted(b, join("%s%s", e->exact, e->schema));
    put(b, ",\n    .doc =");
    put_doc_text(b, e);
    put(b, ",\n    .dtypes = \"%s\",\n    .samples = samples_%s,\n", joined(&e->dtypes, " "), source);
    if (e->param_count) put(b, "    .params = params_%s,\n    .param_count = %d,\n", source, e->param_count);
    put(b, "    .args_size = sizeof(%s),\n    .outputs = %d,\n", args_type(e),
        e->result == RESULT_LIST ? -1 : e->outputs.n);
    put(b, "    .output_names = outputs_%s,\n    .grad = %s,\n", source, grads[e->grad]);
    put_c_texts(b, e);
    put_flags(b, e);
    put(b, "    .forward = forward_%s,\n", source);
    if (e->grad == GRAD_YES) put(b, "    .backward = backward_%s,\n", source);
    put(b, "};\n");
}

/* The public function, over op_run. */
static void put_body(buffer *b, const entry *e)
{
    put_function(b, e);
    put(b, "\n{\n");
    if (is_plain(e)) {
        put(b, "    %s args = {", args_type(e));
        for (int i = 0; i < e->param_count; i++) put(b, ".%s = %s, ", e->params[i].name, e->params[i].name);
        put(b, ".end_ = 0};\n");
    }
    const char *args = is_plain(e) ? "&args" : "args";
    if (e->result == RESULT_ONE) put(b, "    return run_one(&op_info_%s, %s);\n}\n", e->c_name, args);
    else if (e->result == RESULT_LIST) put(b, "    return op_run(&op_info_%s, %s, out, room);\n}\n", e->c_name, args);
    else {
        put(b, "    tsr_tensor *out[%d] = {NULL};\n", e->outputs.n);
        put(b, "    bool good = op_run(&op_info_%s, %s, out, %d) >= 0;\n", e->c_name, args, e->outputs.n);
        put(b, "    return (tsr_%s_result){", e->c_name);
        for (int i = 0; i < e->outputs.n; i++) put(b, "%sgood ? out[%d] : NULL", i ? ", " : "", i);
        put(b, "};\n}\n");
    }
}

static void put_entry(buffer *b, const entry *e)
{
    put(b, "\n/* %s, %s:%d */\n", e->exact, e->group, e->at.line);
    put_params(b, e);
    put_texts(b, "names", e, &e->names);
    if (!e->form_of) {
        put_texts(b, "samples", e, &e->samples);
        put_texts(b, "outputs", e, &e->outputs);
        put_trampoline(b, e);
    }
    put_info(b, e);
    put_body(b, e);
}

static int by_group_and_name(const void *a, const void *b)
{
    const entry *x = *(const entry *const *)a, *y = *(const entry *const *)b;
    int order = strcmp(x->group, y->group);
    return order ? order : strcmp(x->exact, y->exact);
}

static void put_sorted(buffer *b, const table *t)
{
    const entry **sorted = need((size_t)t->n * sizeof *sorted);
    for (int i = 0; i < t->n; i++) sorted[i] = &t->v[i];
    qsort(sorted, (size_t)t->n, sizeof *sorted, by_group_and_name);
    put(b, "\nconst op_info *const op_registry[] = {\n");
    for (int i = 0; i < t->n; i++) put(b, "    &op_info_%s,\n", sorted[i]->c_name);
    put(b, "};\nconst int64_t op_registry_count = %d;\n", t->n);
}

/* A name and what it means; `order` keeps overloads as the table has them. */
typedef struct meaning {
    const char *name;
    const entry *e;
    int order;
} meaning;

static int by_name(const void *a, const void *b)
{
    const meaning *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->order - y->order;
}

static void put_names(buffer *b, const table *t)
{
    meaning *all = NULL;
    int n = 0;
    for (int i = 0; i < t->n; i++) {
        const entry *e = &t->v[i];
        for (int k = -1; k < e->names.n; k++) {
            if (k < 0 && texts_have(&e->names, e->exact)) continue;
            all = grow(all, n, sizeof *all);
            all[n] = (meaning){k < 0 ? e->exact : e->names.v[k], e, n};
            n++;
        }
    }
    qsort(all, (size_t)n, sizeof *all, by_name);
    put(b, "\nconst op_name op_names[] = {\n");
    for (int i = 0; i < n; i++) put(b, "    {\"%s\", &op_info_%s},\n", all[i].name, all[i].e->c_name);
    put(b, "};\nconst int64_t op_name_count = %d;\n", n);
}

void write_registry(buffer *b, const sources *s)
{
    const table *t = &s->ops;
    put(b, "/* op_registry.c: every operator of the tables. Made by tools/genops. */\n"
           "#include <math.h>\n#include <stddef.h>\n\n#include \"op/op_args.h\"\n#include \"op_gen.h\"\n\n"
           "static tsr_tensor *run_one(const op_info *info, const void *args)\n"
           "{\n    tsr_tensor *out = NULL;\n    return op_run(info, args, &out, 1) < 0 ? NULL : out;\n}\n");
    for (int i = 0; i < t->n; i++) put_entry(b, &t->v[i]);
    put_sorted(b, t);
    put_names(b, t);
    write_classes(b, &s->headers);
}
