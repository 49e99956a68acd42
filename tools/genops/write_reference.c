/* write_reference.c: the reference, a folder of pages in Markdown: one for each group of operators, modules, optimisers,
   and README.md, which lists all names. */
#include <string.h>

#include "genops.h"

static const char note[] = "<!-- Made by tools/genops; the target update-surface renews it. -->\n";

static void save(const char *folder, const char *page, const buffer *b)
{
    write_if_changed(join("%s/%s.md", folder, page), b);
}

static void put_code(buffer *b, const char *language, const char *text)
{
    put(b, "\n```%s\n%s\n```\n", language, text);
}

/* ---- operators --------------------------------------------------------------------------------------------------------- */

static const char *derivative_words(const entry *e)
{
    if (e->grad == GRAD_NONE) return "not differentiable";
    return e->grad == GRAD_YES ? "differentiable" : "differentiable (made of other operators)";
}

/* "Names: a, b. Takes float; differentiable. In place: a_." */
static void put_facts(buffer *b, const entry *e)
{
    put(b, "\nNames: `%s`. Takes %s; %s.", joined(&e->names, "`, `"), joined(&e->dtypes, ", "), derivative_words(e));
    if (e->view) put(b, " A view of its first argument.");
    if (e->writes) put(b, " Writes its first argument.");
    if (e->inplace_form) put(b, " In place: `%s`.", inplace_name(e));
    for (int i = 0; i < e->param_count; i++)
        if (e->params[i].values.n)
            put(b, " `%s` is one of `\"%s\"`.", e->params[i].name, joined(&e->params[i].values, "\"`, `\""));
    put(b, "\n");
}

static void put_op(buffer *b, const entry *e)
{
    buffer c = {0};
    if (!is_plain(e)) put_struct(&c, e);
    if (e->result == RESULT_SEVERAL) put_result_struct(&c, e);
    put(&c, "%s;", prototype_of(e));
    put(b, "\n## %s\n", e->exact);
    put_code(b, "", join("%s%s", e->exact, e->schema));
    put_code(b, "text", joined(&e->doc, "\n"));
    put_facts(b, e);
    put_code(b, "c", c.data);
    put_code(b, "c", example_of(e));
}

static bool has_page(const table *t, int first)
{
    bool found = false;
    for (int i = first; i < t->n && !strcmp(t->v[i].group, t->v[first].group); i++) found = found || !t->v[i].internal;
    return found;
}

/* One page: the operators of the group that starts at entry `first`. Returns where the next one starts. */
static int write_group(const char *folder, const table *t, int first, buffer *index)
{
    const char *group = t->v[first].group;
    buffer page = {0};
    int i = first;
    bool wanted = has_page(t, first);
    put(&page, "%s# Operators: %s\n\nIn C: `#include <tessera/ops.h>`. How to read this: [README.md](README.md).\n",
        note, group);
    if (wanted) put(index, "\n- [%s](%s.md):", group, group);
    for (; i < t->n && !strcmp(t->v[i].group, group); i++) {
        if (t->v[i].internal || t->v[i].form_of) continue;
        put_op(&page, &t->v[i]);
        put(index, " %s", t->v[i].exact);
    }
    if (wanted) save(folder, group, &page);
    return i;
}

/* ---- modules, optimisers and the like ------------------------------------------------------------------------------------ */

static void put_class(buffer *b, const surface *s, const declaration *d)
{
    put(b, "\n## %s\n\n%s\n", joined(&d->names, ", "), d->doc);
    put_code(b, "c", join("%s;", d->prototype));
    put_code(b, "c", d->example);
    for (int i = 0; i < d->params.n; i++) {
        const structure *options = find_structure(s, d->params.v[i].type);
        if (options) put(b, "\n`%s`: [%s](#%s)\n", d->params.v[i].name, options->name, options->name);
    }
}

static void put_structure(buffer *b, const structure *t)
{
    put(b, "\n## %s\n\n| field | type | meaning |\n| --- | --- | --- |\n", t->name);
    for (int i = 0; i < t->fields.n; i++)
        put(b, "| `%s` | `%s` | %s |\n", t->fields.v[i].name, t->fields.v[i].type, t->fields.v[i].doc);
}

/* The structs that the group's functions take, each once. */
static void put_structures(buffer *b, const surface *s, const declaration **classes, int n)
{
    for (int k = 0; k < s->struct_count; k++) {
        bool used = false;
        for (int i = 0; i < n; i++)
            for (int p = 0; p < classes[i]->params.n; p++)
                used = used || find_structure(s, classes[i]->params.v[p].type) == &s->structs[k];
        if (used) put_structure(b, &s->structs[k]);
    }
}

/* One page: the `n` classes of a group. */
static void write_classes_page(const char *folder, const surface *s, const declaration **classes, int n, buffer *index)
{
    const char *group = classes[0]->group;
    buffer page = {0};
    put(&page, "%s# %s\n\nIn C: `#include <tessera/%s>`.\n", note, group, classes[0]->header);
    put(index, "\n- [%s](%s.md):", group, group);
    for (int i = 0; i < n; i++) {
        put_class(&page, s, classes[i]);
        put(index, "%s %s", i ? "," : "", joined(&classes[i]->names, ", "));
    }
    put_structures(&page, s, classes, n);
    save(folder, group, &page);
}

static void write_all_classes(const char *folder, const surface *s, buffer *index)
{
    int n;
    const declaration **sorted = sorted_classes(s, &n);
    for (int i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && !strcmp(sorted[next]->group, sorted[i]->group);) next++;
        write_classes_page(folder, s, sorted + i, next - i, index);
    }
}

static const char introduction[] = "# Reference\n"
                                   "\n"
                                   "Every public name, by group. `tessera ops NAME` prints the same; `tessera ops "
                                   "--json` has all of it for programs.\n"
                                   "An operator's entry has its schema (PyTorch's order, names and defaults; "
                                   "[docs/operators.md](../operators.md) says what the\n"
                                   "types are in C), what it does and refuses, its dtypes, its declaration in C, and a "
                                   "call. Names are PyTorch's without `torch.`:\n"
                                   "`add`, `nn.functional.conv2d`, `nn.Linear`, `optim.Adam`. Any name of an operator "
                                   "works in `tsr_call`. Parameters after `*`\n"
                                   "are given by name alone.\n"
                                   "\n"
                                   "## Operators\n";

void write_reference(const char *folder, const sources *s)
{
    buffer index = {0};
    put(&index, "%s%s", note, introduction);
    for (int i = 0; i < s->ops.n;) i = write_group(folder, &s->ops, i, &index);
    put(&index, "\n\n## Modules, optimisers and the like\n");
    write_all_classes(folder, &s->headers, &index);
    put(&index, "\n");
    save(folder, "README", &index);
}
