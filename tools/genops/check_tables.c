/* check_tables.c: what no single line shows: an operator that lacks something, a name used twice, a saved tensor that is
   not a parameter. Adds, as entries of their own, the forms that `inplace` makes. */
#include <string.h>

#include "genops.h"

static bool is_single_tensor(const param *p) { return !strcmp(p->kind, "OP_TENSOR") && !p->optional; }
static bool is_any_tensor(const param *p) { return !strcmp(p->kind, "OP_TENSOR") || !strcmp(p->kind, "OP_TENSORS"); }

/* Does a line of the doc begin with the word, as "Errors   ..."? */
static bool doc_says(const entry *e, const char *word)
{
    size_t length = strlen(word);
    for (int i = 0; i < e->doc.n; i++)
        if (!strncmp(e->doc.v[i], word, length) && e->doc.v[i][length] == ' ') return true;
    return false;
}

static void check_complete(const entry *e)
{
    if (!e->schema) fail_at(e->at, "%s has no schema", e->exact);
    if (!e->doc.n) fail_at(e->at, "%s has no doc", e->exact);
    if (!e->internal && !doc_says(e, "Returns")) fail_at(e->at, "%s: the doc has no line \"Returns  ...\"", e->exact);
    if (!e->internal && !doc_says(e, "Errors")) fail_at(e->at, "%s: the doc has no line \"Errors   ...\"", e->exact);
    if (!e->dtypes.n) fail_at(e->at, "%s has no dtypes", e->exact);
    if (!e->grad) fail_at(e->at, "%s has no line `grad`: yes, composite or none", e->exact);
    if (!e->samples.n && !e->internal) fail_at(e->at, "%s has no sample, and is public", e->exact);
    if (e->names.n && e->internal) fail_at(e->at, "%s is internal and has public names", e->exact);
}

static void check_writing(const entry *e)
{
    const char *why = e->writes         ? "writes its first parameter"
                      : e->inplace_form ? "has an in-place form"
                      : e->view         ? "is a view"
                                        : NULL;
    if (!why) return;
    if (!e->param_count || !is_single_tensor(&e->params[0]))
        fail_at(e->at, "%s %s, which must be a Tensor", e->exact, why);
    if (e->result != RESULT_ONE && !e->view) fail_at(e->at, "%s %s, so it returns one Tensor", e->exact, why);
    if (e->writes && e->inplace_form) fail_at(e->at, "%s is an in-place form already", e->exact);
}

static int find_param(const entry *e, const char *name)
{
    for (int i = 0; i < e->param_count; i++)
        if (!strcmp(e->params[i].name, name)) return i;
    return -1;
}

/* The tensor parameter named in `saves`. */
static int saved_param(const entry *e, const char *name)
{
    int i = find_param(e, name);
    if (i < 0) fail_at(e->saves_at, "%s saves %s, which is not a parameter", e->exact, name);
    if (!is_any_tensor(&e->params[i])) fail_at(e->saves_at, "%s saves %s, which is not a tensor", e->exact, name);
    return i;
}

static void resolve_saves(entry *e)
{
    if (e->saves.n && e->grad != GRAD_YES)
        fail_at(e->saves_at, "%s saves tensors for a derivative, but grad is not yes", e->exact);
    for (int i = 0; i < e->saves.n; i++) {
        const char *word = e->saves.v[i];
        size_t length = strcspn(word, ":");
        if (!strcmp(word, "result") && find_param(e, word) < 0) {
            e->saves_result = true;
            continue;
        }
        param *p = &e->params[saved_param(e, copy_text(word, length))];
        if (p->saved) fail_at(e->saves_at, "%s saves %s twice", e->exact, p->name);
        p->saved = true;
        if (word[length]) p->saved_if = saved_param(e, word + length + 1);
    }
}

/* `values PARAM WORD ...` */
static void resolve_values(entry *e)
{
    for (int i = 0; i < e->values.n; i++) {
        texts words = {0};
        add_words(&words, e->values.v[i]);
        int at = words.n ? find_param(e, words.v[0]) : -1;
        if (at < 0) fail_at(e->values_at, "%s: `values %s` begins with no parameter", e->exact, e->values.v[i]);
        param *p = &e->params[at];
        if (strcmp(p->kind, "OP_STRING") != 0) fail_at(e->values_at, "%s: %s is not a str", e->exact, p->name);
        if (p->values.n) fail_at(e->values_at, "%s: the values of %s are written twice", e->exact, p->name);
        if (words.n < 3) fail_at(e->values_at, "%s: %s has less than two values", e->exact, p->name);
        p->values = (texts){words.v + 1, words.n - 1};
        if (!p->optional && p->default_text && !texts_have(&p->values, p->default_text))
            fail_at(e->values_at, "%s: the default of %s, \"%s\", is not among its values", e->exact, p->name,
                    p->default_text);
    }
}

/* "max.dim": "max_.dim" */
const char *inplace_name(const entry *e)
{
    return e->overload ? join("%s_.%s", e->base, e->overload) : join("%s_", e->base);
}

/* What NAME_ does, which NAME's own text does not say: that speaks of a result of its own. */
static texts form_doc(const entry *e)
{
    const char *to = e->params[0].name;
    texts doc = {0};
    texts_add(&doc, join("%s written into %s, which is returned. What it computes, and from what: %s.", e->exact, to,
                         e->exact));
    texts_add(&doc, "");
    texts_add(&doc, join("Returns  %s", to));
    texts_add(&doc, join("Errors   those of %s; its result has another shape than %s, or a dtype that", e->exact, to));
    texts_add(&doc,
              join("         %s's cannot hold (floats in integers); elements of %s overlap in memory, or", to, to));
    texts_add(&doc,
              join("         another argument shares part of them; %s is a leaf that requires a gradient, a", to));
    texts_add(&doc, "         view of one, or one of several views that one operator returned.");
    return doc;
}

/* NAME_ from NAME: the same parameters and derivative; each public name with an underscore. */
static entry inplace_form(const entry *e, const entry *source)
{
    entry form = *e;
    form.base = join("%s_", e->base);
    form.exact = inplace_name(e);
    form.c_name = join("%s_", e->c_name);
    form.inplace_form = false;
    form.view = false;
    form.writes = true;
    form.form_of = source;
    form.doc = form_doc(e);
    form.names = (texts){0};
    for (int i = 0; i < e->names.n; i++) texts_add(&form.names, join("%s_", e->names.v[i]));
    return form;
}

/* A new table, so that pointers into it (form_of) stay good. */
static table with_inplace_forms(const table *t)
{
    table all = {.v = need(2 * (size_t)t->n * sizeof *all.v)};
    for (int i = 0; i < t->n; i++) {
        entry *e = &all.v[all.n++];
        *e = t->v[i];
        if (e->inplace_form) all.v[all.n++] = inplace_form(e, e);
    }
    return all;
}

static void check_names_of_two(const entry *a, const entry *b)
{
    if (!strcmp(a->exact, b->exact)) fail_at(b->at, "the name %s is taken, at %s:%d", b->exact, a->at.file, a->at.line);
    if (!strcmp(a->c_name, b->c_name))
        fail_at(b->at, "%s and %s (%s:%d) have one name in C, tsr_%s", b->exact, a->exact, a->at.file, a->at.line,
                b->c_name);
    bool overloads = !strcmp(a->base, b->base);
    for (int i = 0; i < b->names.n; i++) {
        bool taken = !overloads && texts_have(&a->names, b->names.v[i]);
        if (taken || !strcmp(a->exact, b->names.v[i]))
            if (!overloads || a->overload)
                fail_at(b->at, "the public name %s of %s is taken by %s, at %s:%d", b->names.v[i], b->exact, a->exact,
                        a->at.file, a->at.line);
    }
}

static void check_names(const table *t)
{
    for (int i = 0; i < t->n; i++) {
        for (int k = 0; k < t->v[i].names.n; k++)
            for (int m = 0; m < k; m++)
                if (!strcmp(t->v[i].names.v[k], t->v[i].names.v[m]))
                    fail_at(t->v[i].at, "%s names %s twice", t->v[i].exact, t->v[i].names.v[k]);
        for (int k = 0; k < t->n; k++) {
            if (k < i) check_names_of_two(&t->v[k], &t->v[i]);
            else if (k > i && strcmp(t->v[k].base, t->v[i].base) && texts_have(&t->v[i].names, t->v[k].exact))
                fail_at(t->v[k].at, "the name %s is a public name of %s, at %s:%d", t->v[k].exact, t->v[i].exact,
                        t->v[i].at.file, t->v[i].at.line);
        }
    }
}

void check_tables(table *t)
{
    for (int i = 0; i < t->n; i++) {
        entry *e = &t->v[i];
        check_complete(e);
        check_writing(e);
        resolve_saves(e);
        resolve_values(e);
        check_samples(e);
        if (!e->names.n && !e->internal) texts_add(&e->names, e->base);
    }
    *t = with_inplace_forms(t);
    check_names(t);
}
