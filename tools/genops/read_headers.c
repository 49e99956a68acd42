/* read_headers.c: what the public headers declare.

   Every function that is marked TSR_API is part of the surface that the golden file guards. A declaration whose comment
   begins with dotted names registers these for it, and its comment ends with an example:

       / ** nn.Linear: y = x W^T + b. Example: tsr_nn_linear(8, 4, true) * /
       TSR_API tsr_module *tsr_nn_linear(int64_t in_features, int64_t out_features, bool bias);

   It may be a function, a macro over one, or an enumerator, which stands for the function whose first parameter is of
   that enumeration (optim.Adam is tsr_optim_new(TSR_OPTIM_ADAM, options)). The header stays the one place where it is all
   written; this reader knows the few forms in which our headers, brought into shape by clang-format, write it. */
#include <ctype.h>
#include <string.h>

#include "genops.h"

static bool is_name_character(char c) { return isalnum((unsigned char)c) || c == '_'; }

static const char *skip_space(const char *text)
{
    while (isspace((unsigned char)*text)) text++;
    return text;
}

static bool starts_with(const char *text, const char *start) { return !strncmp(text, start, strlen(start)); }

static int line_of(const char *file, const char *at)
{
    int line = 1;
    for (; file < at; file++) line += *file == '\n';
    return line;
}

/* The name that ends at `end`, going back to `start`. */
static const char *name_before(const char *start, const char *end)
{
    const char *first = end;
    while (first > start && is_name_character(first[-1])) first--;
    return copy_text(first, (size_t)(end - first));
}

/* ---- comments -------------------------------------------------------------------------------------------------------- */

/* The comment's text in one line, without the stars at the starts of lines. */
static const char *comment_text(const char *from, const char *end)
{
    buffer b = {0};
    put(&b, "%s", "");
    for (bool at_start = false; from < end; from++) {
        if (at_start && *from == '*') continue;
        put(&b, "%c", *from);
        at_start = *from == '\n' || (at_start && *from == ' ');
    }
    return one_line(b.data);
}

/* The end of a comment that starts at `at`. */
static const char *comment_end(const surface *s, const char *at)
{
    const char *end = strstr(at, "*/");
    if (!end) fail_at((place){s->path, line_of(s->text, at)}, "a comment does not end");
    return end;
}

/* The length of "nn.BatchNorm1d, nn.BatchNorm2d:" without the colon; 0 when the text does not begin with dotted names. */
static size_t names_length(const char *text)
{
    size_t n = 0;
    bool dotted = false;
    for (; is_name_character(text[n]) || (text[n] && strchr(".,", text[n])) || (text[n] == ' ' && text[n - 1] == ',');
         n++)
        if (text[n] == '.') dotted = true;
    return dotted && text[n] == ':' && text[n + 1] == ' ' ? n : 0;
}

/* Fills in names, doc and example from a comment; false when it registers nothing. */
static bool read_comment(declaration *d, const char *text)
{
    size_t length = names_length(text);
    if (!length) return false;
    split_pieces(&d->names, copy_text(text, length));
    const char *doc = text + length + 2, *example = strstr(doc, "Example: ");
    if (!*doc || example == doc) fail_at(d->at, "%s has no doc", d->names.v[0]);
    if (!example) fail_at(d->at, "%s has no example: its comment ends with \"Example: CALL\"", d->names.v[0]);
    size_t doc_length = (size_t)(example - doc);
    while (doc[doc_length - 1] == ' ') doc_length--;
    d->doc = copy_text(doc, doc_length);
    d->example = example + strlen("Example: ");
    const char *dot = strrchr(d->names.v[0], '.');
    d->group = copy_text(d->names.v[0], (size_t)(dot - d->names.v[0]));
    return true;
}

/* ---- declarations ------------------------------------------------------------------------------------------------------ */

static declaration *add(surface *s, declaration d)
{
    s->v = grow(s->v, s->n, sizeof *s->v);
    s->v[s->n] = d;
    return &s->v[s->n++];
}

/* "int64_t channels" or "double v[3]": type and name apart; an array's length goes to the type. */
static field read_field(const char *text)
{
    const char *bracket = strchr(text, '['), *end = bracket ? bracket : text + strlen(text);
    field f = {.name = name_before(text, end)};
    const char *type = copy_text(text, (size_t)(end - text) - strlen(f.name));
    size_t length = strlen(type);
    while (length && type[length - 1] == ' ') length--;
    f.type = join("%.*s%s", (int)length, type, bracket ? bracket : "");
    return f;
}

static void add_field(fields *list, field f)
{
    list->v = grow(list->v, list->n, sizeof *list->v);
    list->v[list->n++] = f;
}

static void read_parameters(declaration *d, const char *list)
{
    texts pieces = {0};
    split_pieces(&pieces, list);
    for (int i = 0; i < pieces.n; i++)
        if (strcmp(pieces.v[i], "void") != 0) add_field(&d->params, read_field(pieces.v[i]));
}

/* "tsr_module *tsr_nn_linear(int64_t in_features, ...)"; the first bracket opens the parameters. */
static void read_function(declaration *d, const char *text, size_t length)
{
    d->prototype = one_line(copy_text(text, length));
    const char *open = strchr(d->prototype, '('), *close = strrchr(d->prototype, ')');
    if (!open || !close) return; /* a variable */
    d->c_name = d->function = name_before(d->prototype, open);
    read_parameters(d, copy_text(open + 1, (size_t)(close - open - 1)));
    texts names = {0};
    for (int i = 0; i < d->params.n; i++) texts_add(&names, d->params.v[i].name);
    d->call = join("%s(%s)", d->function, joined(&names, ", "));
}

/* "tsr_nn_conv2d(...) tsr_nn_conv_v(2, false, &(tsr_nn_conv_args){__VA_ARGS__, .end_ = 0})" */
static void read_macro(declaration *d, const char *text, size_t length)
{
    const char *line = one_line(copy_text(text, length)), *open = strchr(line, '('), *body = strchr(line, ')');
    if (!open || !body) return;
    d->c_name = name_before(line, open);
    d->call = skip_space(body + 1);
    d->function = copy_text(d->call, strcspn(d->call, "("));
}

/* The declarators of "double beta1, *beta2" are fields of one type. */
static void read_fields(structure *t, const char *text, const char *doc)
{
    texts pieces = {0};
    split_pieces(&pieces, one_line(text));
    for (int i = 0; i < pieces.n; i++) {
        field f = read_field(pieces.v[i]);
        if (i)
            f.type = join("%.*s%s", (int)strcspn(t->fields.v[t->fields.n - 1].type, "[*"),
                          t->fields.v[t->fields.n - 1].type, f.type);
        f.doc = doc;
        if (strcmp(f.name, "end_") != 0) add_field(&t->fields, f);
    }
}

/* The fields up to the brace that closes the struct, with the comments behind them. */
static void read_struct(surface *s, const char *name, const char *body)
{
    structure t = {.name = name};
    for (body = skip_space(body); *body != '}'; body = skip_space(body)) {
        if (starts_with(body, "/*")) {
            body = comment_end(s, body) + 2;
            continue;
        }
        const char *stop = strchr(body, ';'), *next, *doc = "";
        if (!stop) fail_at((place){s->path, line_of(s->text, body)}, "%s does not end", name);
        next = skip_space(stop + 1);
        if (starts_with(next, "/**<")) {
            const char *close = comment_end(s, next);
            doc = comment_text(next + 4, close);
            next = close + 2;
        }
        read_fields(&t, copy_text(body, (size_t)(stop - body)), doc);
        body = next;
    }
    s->structs = grow(s->structs, s->struct_count, sizeof t);
    s->structs[s->struct_count++] = t;
}

/* Structs of arguments: tsr_nn_conv_args, tsr_optim_options, tsr_gpt_config. */
static bool is_arguments(const char *name)
{
    const char *last = strrchr(name, '_');
    return last && (!strcmp(last, "_args") || !strcmp(last, "_options") || !strcmp(last, "_config"));
}

/* "TSR_OPTIM_ADAM, / **< optim.Adam: ... * /": from the comment back to the enumerator, and to the enumeration's name. */
static void read_enumerator(surface *s, declaration d, const char *comment)
{
    const char *end = comment, *start;
    while (!is_name_character(end[-1])) end--;
    d.c_name = name_before(s->text, end);
    for (start = end; !starts_with(start, "typedef enum "); start--)
        if (start == s->text) fail_at(d.at, "%s is not in an enumeration", d.c_name);
    start += strlen("typedef enum ");
    d.enumeration = copy_text(start, strcspn(start, " "));
    add(s, d);
}

/* ---- a file ------------------------------------------------------------------------------------------------------------- */

/* What is declared at `at`, if anything that we want; `comment` stands before it, or is NULL. */
static void read_declaration(surface *s, const char *at, const char *comment)
{
    declaration d = {.at = {s->path, line_of(s->text, at)}, .header = s->header};
    bool named = comment && read_comment(&d, comment);
    if (starts_with(at, "TSR_API ")) {
        at += strlen("TSR_API ");
        read_function(&d, at, strcspn(at, ";"));
    } else if (starts_with(at, "#define ") && named) {
        at += strlen("#define ");
        read_macro(&d, at, strcspn(at, "\n"));
    } else if (named) fail_at(d.at, "%s names neither a function nor a macro", d.names.v[0]);
    if (d.c_name) add(s, d);
}

/* A comment registers what follows it or, begun with a `<`, what it follows. Returns where to go on. */
static const char *read_commented(surface *s, const char *at)
{
    const char *end = comment_end(s, at), *text;
    if (starts_with(at, "/**<")) {
        declaration d = {.at = {s->path, line_of(s->text, at)}, .header = s->header};
        if (read_comment(&d, comment_text(at + 4, end))) read_enumerator(s, d, at);
        return end + 2;
    }
    text = starts_with(at, "/** ") || starts_with(at, "/**\n") ? comment_text(at + 3, end) : NULL;
    at = skip_space(end + 2);
    if (!text || starts_with(at, "/*")) return at;
    read_declaration(s, at, text);
    return at + starts_with(at, "TSR_API "); /* so that it is not read again */
}

static const char *read_struct_at(surface *s, const char *at)
{
    at += strlen("typedef struct ");
    const char *name = copy_text(at, strcspn(at, " ;")), *next = at + strlen(name);
    if (starts_with(next, " {") && is_arguments(name)) read_struct(s, name, next + 2);
    return next;
}

/* ---- what declarations owe to one another ---------------------------------------------------------------------------------- */

/* The function itself, by name or, for an enumerator, by the type of its first parameter. */
static const declaration *find_function(const surface *s, const declaration *d)
{
    for (int i = 0; i < s->n; i++) {
        const declaration *f = &s->v[i];
        if (!f->prototype) continue;
        if (d->enumeration ? f->params.n && !strcmp(f->params.v[0].type, d->enumeration)
                           : !strcmp(f->c_name, d->function))
            return f;
    }
    fail_at(d->at, "%s: no function makes %s", d->names.v[0], d->c_name);
}

static void resolve(const surface *s, declaration *d)
{
    if (!d->names.n || d->prototype) return;
    const declaration *f = find_function(s, d);
    d->function = f->c_name, d->prototype = f->prototype;
    for (int i = 0; i < f->params.n; i++)
        if (d->enumeration ? i > 0 : strchr(f->params.v[i].type, '*') != NULL) add_field(&d->params, f->params.v[i]);
    if (d->enumeration) d->call = join("%s(%s, ...)", d->function, d->c_name);
}

static void check_twice(const surface *s, const table *t, const declaration *d, const char *name)
{
    for (const declaration *other = s->v; other < d; other++)
        if (texts_have(&other->names, name))
            fail_at(d->at, "the name %s is taken, at %s:%d", name, other->at.file, other->at.line);
    for (int i = 0; i < t->n; i++)
        if (texts_have(&t->v[i].names, name) || !strcmp(t->v[i].exact, name))
            fail_at(d->at, "the name %s is taken, at %s:%d", name, t->v[i].at.file, t->v[i].at.line);
}

void check_headers(surface *s, const table *t)
{
    for (int i = 0; i < s->n; i++) {
        declaration *d = &s->v[i];
        resolve(s, d);
        for (int k = 0; k < d->names.n; k++) check_twice(s, t, d, d->names.v[k]);
    }
}

const structure *find_structure(const surface *s, const char *type)
{
    for (int i = 0; i < s->struct_count; i++)
        if (strstr(type, join("%s ", s->structs[i].name))) return &s->structs[i];
    return NULL;
}

void read_header(surface *s, const char *path)
{
    const char *slash = strrchr(path, '/'), *at;
    s->path = path, s->header = slash ? slash + 1 : path;
    s->text = at = read_file(path);
    while (*at) {
        bool first = at == s->text || at[-1] == '\n'; /* of its line */
        if (starts_with(at, "/*")) at = read_commented(s, at);
        else if (first && starts_with(at, "TSR_API ")) {
            read_declaration(s, at, NULL);
            at += strcspn(at, ";");
        } else if (starts_with(at, "typedef struct ")) at = read_struct_at(s, at);
        else at++;
    }
}
