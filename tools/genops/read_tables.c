/* read_tables.c: the lines of a .def file.

   A line is a key and its text. An indented line goes on with the one before; under `doc` each is a line of the text.
   What a single line can get wrong is refused here, where its number is known. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "genops.h"

/* A file being read: the line at hand, without its end. */
typedef struct reader {
    char *next;
    place at;
} reader;

/* The next line, which is overwritten with a terminating zero; NULL at the end. */
static char *next_line(reader *r)
{
    char *line = r->next;
    if (!*line) return NULL;
    size_t length = strcspn(line, "\n");
    r->next = line + length + (line[length] == '\n');
    line[length] = 0;
    while (length && isspace((unsigned char)line[length - 1])) line[--length] = 0;
    r->at.line++;
    return line;
}

static bool is_indented(const char *line) { return *line == ' ' || *line == '\t'; }

static const char *skip_space(const char *text)
{
    while (isspace((unsigned char)*text)) text++;
    return text;
}

/* Join to `text` the indented lines that follow: a long schema goes over several lines. */
static const char *with_continuation(reader *r, const char *text)
{
    while (is_indented(r->next)) {
        const char *more = skip_space(next_line(r));
        if (*more) text = join("%s %s", text, more);
    }
    return text;
}

void add_words(texts *list, const char *text)
{
    for (text = skip_space(text); *text; text = skip_space(text)) {
        size_t length = strcspn(text, " \t");
        texts_add(list, copy_text(text, length));
        text += length;
    }
}

/* A blank line inside the doc belongs to it when an indented one follows. */
static bool doc_goes_on(const char *next)
{
    while (*next == '\n' || *next == '\r') next++;
    return is_indented(next);
}

static size_t indent_of(const char *line)
{
    size_t n = 0;
    while (is_indented(line + n)) n++;
    return n;
}

static void read_doc(reader *r, entry *e)
{
    size_t indent = indent_of(r->next);
    while (doc_goes_on(r->next)) {
        const char *line = next_line(r);
        size_t cut = indent_of(line);
        line += cut < indent ? cut : indent;
        if (strstr(line, "*/") || strstr(line, "/*"))
            fail_at(r->at, "%s: the doc becomes a C comment and cannot hold \"%s\"", e->exact, line);
        texts_add(&e->doc, line);
    }
}

static bool is_name(const char *text, bool capitals)
{
    if (!islower((unsigned char)*text) && *text != '_' && !capitals) return false;
    for (const char *c = text; *c; c++) {
        bool letter = islower((unsigned char)*c) || (capitals && isupper((unsigned char)*c));
        if (!letter && *c != '_' && (c == text || !isdigit((unsigned char)*c))) return false;
    }
    return *text != 0;
}

static bool ends_in_underscore(const char *text)
{
    size_t length = strlen(text);
    return length && text[length - 1] == '_';
}

/* `op NAME[.OVERLOAD]`; overloads may have PyTorch's names, such as Tensor. In C the underscore of in-place forms comes
   last: fill_.scalar is tsr_fill_scalar_. */
static void start_entry(table *t, place at, const char *group, const char *name)
{
    t->v = grow(t->v, t->n, sizeof *t->v);
    entry *e = &t->v[t->n++];
    size_t base = strcspn(name, ".");
    *e = (entry){.at = at, .group = group, .exact = name, .base = copy_text(name, base)};
    e->overload = name[base] ? name + base + 1 : NULL;
    if (!is_name(e->base, false) || (e->overload && !is_name(e->overload, true)))
        fail_at(at,
                "\"%s\" is not an operator's name: small letters, digits, underscores, and a dot before an overload",
                name);
    e->writes = ends_in_underscore(e->base);
    e->c_name = e->base;
    if (e->overload && e->writes) e->c_name = join("%.*s%s_", (int)base, e->base, e->overload);
    else if (e->overload) e->c_name = join("%s_%s", e->base, e->overload);
}

static void read_dtypes(entry *e, const char *text, place at)
{
    static const char *const known = " f32 f64 i64 i32 u8 bool float number all ";
    add_words(&e->dtypes, text);
    if (!e->dtypes.n) fail_at(at, "%s: dtypes names none", e->exact);
    for (int i = 0; i < e->dtypes.n; i++)
        if (!strstr(known, join(" %s ", e->dtypes.v[i])))
            fail_at(at, "%s: \"%s\" is not a dtype; known are%s", e->exact, e->dtypes.v[i], known);
}

static void read_grad(entry *e, const char *text, place at)
{
    if (!strcmp(text, "yes")) e->grad = GRAD_YES;
    else if (!strcmp(text, "composite")) e->grad = GRAD_COMPOSITE;
    else if (!strcmp(text, "none")) e->grad = GRAD_NONE;
    else fail_at(at, "%s: grad is yes, composite or none, not \"%s\"", e->exact, text);
}

/* True when the line is one of those that are only their key. */
static bool read_flag(entry *e, const char *key, const char *text, place at)
{
    bool *flag = !strcmp(key, "inplace")    ? &e->inplace_form
                 : !strcmp(key, "view")     ? &e->view
                 : !strcmp(key, "internal") ? &e->internal
                                            : NULL;
    if (!flag) return false;
    if (*text) fail_at(at, "%s: nothing may follow `%s`, but \"%s\" does", e->exact, key, text);
    if (*flag) fail_at(at, "%s: `%s` is written twice", e->exact, key);
    *flag = true;
    return true;
}

/* Was this line, which may be there once, there already? */
static bool seen_before(const entry *e, const char *key)
{
    return (!strcmp(key, "schema") && e->schema) || (!strcmp(key, "names") && e->names.n) ||
           (!strcmp(key, "dtypes") && e->dtypes.n) || (!strcmp(key, "grad") && e->grad) ||
           (!strcmp(key, "saves") && e->saves.n) || (!strcmp(key, "doc") && e->doc.n);
}

static void read_line(reader *r, entry *e, const char *key, const char *text)
{
    place at = r->at;
    if (seen_before(e, key)) fail_at(at, "%s: `%s` is written twice", e->exact, key);
    if (!strcmp(key, "doc")) {
        if (*text) fail_at(at, "%s: the doc starts on the line after `doc`, indented", e->exact);
        read_doc(r, e);
        return;
    }
    text = with_continuation(r, text);
    if (read_flag(e, key, text, at)) return;
    if (!strcmp(key, "schema")) read_schema(e, text, at);
    else if (!strcmp(key, "names")) add_words(&e->names, text);
    else if (!strcmp(key, "dtypes")) read_dtypes(e, text, at);
    else if (!strcmp(key, "grad")) read_grad(e, text, at);
    else if (!strcmp(key, "sample")) texts_add(&e->samples, text);
    else if (!strcmp(key, "values")) {
        e->values_at = at;
        texts_add(&e->values, text);
    } else if (!strcmp(key, "saves")) {
        e->saves_at = at;
        add_words(&e->saves, text);
    } else fail_at(at, "%s: \"%s\" is not a line of the table; docs/operators.md lists them", e->exact, key);
}

/* "src/op/conv.def" -> "conv" */
static const char *group_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return copy_text(name, strcspn(name, "."));
}

void read_table(table *t, const char *path)
{
    reader r = {.next = read_file(path), .at = {path, 0}};
    const char *group = group_of(path);
    int first = t->n;
    for (char *line; (line = next_line(&r));) {
        if (!*line || *line == '#') continue;
        if (is_indented(line)) fail_at(r.at, "an indented line goes on with the one before, and there is none");
        size_t length = strcspn(line, " \t");
        const char *key = copy_text(line, length), *text = skip_space(line + length);
        if (!strcmp(key, "op")) start_entry(t, r.at, group, text);
        else if (t->n == first) fail_at(r.at, "`%s` comes before the first `op`", key);
        else read_line(&r, &t->v[t->n - 1], key, text);
    }
}
