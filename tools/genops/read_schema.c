/* read_schema.c: "(Tensor input, int[2] stride=1) -> Tensor" into parameters.

   The types are a table: what the parameter is to the engine, what its field is in C, and what it may default to. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "genops.h"

typedef enum default_rule {
    REQUIRED, /* has none */
    NONE,     /* None, and always that: the type ends in '?' */
    NONE_OR_INTEGER,
    NONE_OR_NUMBER,
    INTEGER, /* may have one of this kind */
    NUMBER,
    ANY_NUMBER, /* also True and False */
    BOOLEAN,
    TEXT
} default_rule;

typedef struct type_rule {
    const char *type; /* K stands for a number */
    const char *kind, *c_type;
    default_rule rule;
    bool optional, is_int;
} type_rule;

static const type_rule types[] = {
    {"Tensor", "OP_TENSOR", "tsr_tensor *", REQUIRED, false, false},
    {"Tensor?", "OP_TENSOR", "tsr_tensor *", NONE, true, false},
    {"Tensor[]", "OP_TENSORS", "tsr_tensors ", REQUIRED, false, false},
    {"Tensor?[]", "OP_TENSORS", "tsr_tensors ", REQUIRED, true, false},
    {"int", "OP_INT", "int64_t ", INTEGER, false, true},
    {"int?", "OP_NUMBER", "tsr_number ", NONE_OR_INTEGER, true, true},
    {"float", "OP_FLOAT", "double ", NUMBER, false, false},
    {"float?", "OP_NUMBER", "tsr_number ", NONE_OR_NUMBER, true, false},
    {"Scalar", "OP_NUMBER", "tsr_number ", ANY_NUMBER, false, false},
    {"Scalar?", "OP_NUMBER", "tsr_number ", NONE, true, false},
    {"bool", "OP_BOOL", "bool ", BOOLEAN, false, false},
    {"bool?", "OP_FLAG", "tsr_flag ", NONE, true, false},
    {"int[]", "OP_SHAPE", "tsr_shape ", REQUIRED, false, false},
    {"int[]?", "OP_SHAPE", "tsr_shape ", NONE, true, false},
    {"int[K]", "OP_INTS", "int64_t ", INTEGER, false, true},
    {"int[K]?", "OP_INTS", "int64_t ", NONE, true, true},
    {"float[]", "OP_FLOATS", "tsr_floats ", REQUIRED, false, false},
    {"float[]?", "OP_FLOATS", "tsr_floats ", NONE, true, false},
    {"str", "OP_STRING", "const char *", TEXT, false, false},
    {"str?", "OP_STRING", "const char *", NONE, true, false},
    {"dtype", "OP_DTYPE", "tsr_dtype ", REQUIRED, false, false},
    {"dtype?", "OP_DTYPE", "tsr_dtype ", NONE, true, false},
    {"Generator?", "OP_GENERATOR", "tsr_generator *", NONE, true, false},
};

/* Names that a field or a function's parameter cannot have, in C, in C++, or beside our own. */
static const char *const taken[] = {
    "and",      "asm",      "auto",      "bool",      "break",    "case",   "catch", "char",    "class",   "const",
    "continue", "default",  "delete",    "do",        "double",   "else",   "enum",  "export",  "extern",  "false",
    "float",    "for",      "friend",    "goto",      "if",       "inline", "int",   "long",    "mutable", "new",
    "not",      "or",       "private",   "public",    "register", "return", "short", "signed",  "sizeof",  "static",
    "struct",   "switch",   "template",  "this",      "throw",    "true",   "try",   "typedef", "union",   "unsigned",
    "using",    "virtual",  "void",      "while",     "xor",      "end_",   "args",  "out",     "room",    "operator",
    "restrict", "typename", "namespace", "protected", "explicit",
};

static const char *skip_space(const char *text)
{
    while (*text == ' ') text++;
    return text;
}

/* text without the spaces around it */
static const char *trimmed(const char *text, size_t length)
{
    while (length && *text == ' ') text++, length--;
    while (length && text[length - 1] == ' ') length--;
    return copy_text(text, length);
}

/* Does `type` match the rule's text, in which K is a number that goes to *count? */
static bool matches(const char *rule, const char *type, int *count)
{
    *count = 0;
    for (; *rule; rule++) {
        if (*rule == 'K') {
            char *end;
            *count = (int)strtol(type, &end, 10);
            if (end == type || *count < 1) return false;
            type = end;
        } else if (*rule != *type++) return false;
    }
    return !*type;
}

static const type_rule *find_type(const char *type, int *count)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (matches(types[i].type, type, count)) return &types[i];
    return NULL;
}

static bool read_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end;
}

static bool read_integer(const char *text, double *number)
{
    return strspn(text, "-0123456789") == strlen(text) && read_number(text, number) && *number < 1e15 &&
           *number > -1e15;
}

static bool read_boolean(const char *text, double *number)
{
    *number = !strcmp(text, "True");
    return *number != 0 || !strcmp(text, "False");
}

static bool read_quoted(param *p)
{
    size_t length = strlen(p->default_text);
    if (length < 2 || p->default_text[0] != '"' || p->default_text[length - 1] != '"') return false;
    p->default_text = copy_text(p->default_text + 1, length - 2);
    return true;
}

static bool is_none(const char *text) { return text && !strcmp(text, "None"); }

/* Is the parameter's default one that the rule allows? Reads its value. */
static bool read_default(param *p, default_rule rule)
{
    const char *text = p->default_text;
    switch (rule) {
    case REQUIRED:
        return !text;
    case NONE:
        return is_none(text);
    case NONE_OR_INTEGER:
        return is_none(text) || (text && read_integer(text, &p->default_number));
    case NONE_OR_NUMBER:
        return is_none(text) || (text && read_number(text, &p->default_number));
    case INTEGER:
        return !text || read_integer(text, &p->default_number);
    case NUMBER:
        return !text || read_number(text, &p->default_number);
    case ANY_NUMBER:
        return !text || read_boolean(text, &p->default_number) || read_number(text, &p->default_number);
    case BOOLEAN:
        return !text || read_boolean(text, &p->default_number);
    case TEXT:
        return !text || read_quoted(p);
    }
    return false;
}

static const char *const default_words[] = {"cannot have a default",
                                            "must default to None",
                                            "must default to None or an integer",
                                            "must default to None or a number",
                                            "needs an integer as default",
                                            "needs a number as default",
                                            "needs a number as default",
                                            "defaults to True or False",
                                            "needs a \"text\" as default"};

static void check_name(const entry *e, const char *name, place at)
{
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (!strcmp(taken[i], name)) fail_at(at, "%s: a parameter cannot be named %s", e->exact, name);
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_') fail_at(at, "%s: \"%s\" is not a name", e->exact, name);
    if (!isalpha((unsigned char)*name)) fail_at(at, "%s: \"%s\" is not a name", e->exact, name);
    for (int i = 0; i < e->param_count; i++)
        if (!strcmp(e->params[i].name, name)) fail_at(at, "%s: two parameters are named %s", e->exact, name);
}

/* "int[2] stride=1"; or "*", after which parameters are given by keyword alone */
static void read_param(entry *e, const char *text, place at)
{
    if (!strcmp(text, "*")) {
        if (e->keywords) fail_at(at, "%s: the parameters have two *", e->exact);
        e->keywords = true;
        return;
    }
    size_t type_length = strcspn(text, " "), name_length;
    const char *name = skip_space(text + type_length);
    name_length = strcspn(name, "= ");
    const char *equals = strchr(name, '=');
    if (!name_length) fail_at(at, "%s: \"%s\" is not TYPE NAME[=DEFAULT]", e->exact, text);
    param p = {.name = copy_text(name, name_length), .type = copy_text(text, type_length), .saved_if = -1};
    p.keyword_only = e->keywords;
    p.default_text = equals ? skip_space(equals + 1) : NULL;
    const type_rule *rule = find_type(p.type, &p.count);
    if (!rule) fail_at(at, "%s: \"%s\" (of %s) is not a type", e->exact, p.type, p.name);
    check_name(e, p.name, at);
    p.kind = rule->kind, p.c_type = rule->c_type, p.optional = rule->optional, p.is_int = rule->is_int;
    if (!read_default(&p, rule->rule))
        fail_at(at, "%s: %s is %s and %s", e->exact, p.name, rule->type, default_words[rule->rule]);
    if (!strcmp(rule->type, "bool") && p.default_number != 0) p.kind = "OP_FLAG", p.c_type = "tsr_flag ";
    if (!p.default_text && e->param_count && e->params[e->param_count - 1].default_text)
        fail_at(at, "%s: %s has no default but comes after one that has", e->exact, p.name);
    e->params = grow(e->params, e->param_count, sizeof p);
    e->params[e->param_count++] = p;
}

/* The length of the piece up to a comma outside brackets, braces and quotes. */
static size_t piece_length(const char *text)
{
    int depth = 0;
    bool quoted = false;
    size_t n = 0;
    for (; text[n]; n++) {
        if (text[n] == '"') quoted = !quoted;
        if (quoted) continue;
        if (strchr("[({", text[n])) depth++;
        if (strchr("])}", text[n])) depth--;
        if (text[n] == ',' && !depth) break;
    }
    return n;
}

void split_pieces(texts *pieces, const char *list)
{
    list = skip_space(list);
    while (*list) {
        size_t length = piece_length(list);
        texts_add(pieces, trimmed(list, length));
        list = skip_space(list + length + (list[length] == ','));
    }
}

/* Call read for each piece of a comma-separated list. */
static void each_piece(entry *e, const char *list, place at, void (*read)(entry *, const char *, place))
{
    texts pieces = {0};
    split_pieces(&pieces, list);
    for (int i = 0; i < pieces.n; i++) read(e, pieces.v[i], at);
}

static void read_output(entry *e, const char *text, place at)
{
    if (strncmp(text, "Tensor ", 7) || strchr(text + 7, ' '))
        fail_at(at, "%s: \"%s\" is not an output: Tensor NAME", e->exact, text);
    if (texts_have(&e->outputs, text + 7)) fail_at(at, "%s: two outputs are named %s", e->exact, text + 7);
    texts_add(&e->outputs, text + 7);
}

static void read_result(entry *e, const char *text, place at)
{
    size_t length = strlen(text);
    if (!strcmp(text, "Tensor")) {
        e->result = RESULT_ONE;
        texts_add(&e->outputs, "result");
    } else if (!strcmp(text, "Tensor[]")) {
        e->result = RESULT_LIST;
    } else if (*text == '(' && text[length - 1] == ')') {
        e->result = RESULT_SEVERAL;
        each_piece(e, copy_text(text + 1, length - 2), at, read_output);
        if (e->outputs.n < 2) fail_at(at, "%s: (Tensor a, Tensor b) names two outputs or more", e->exact);
    } else fail_at(at, "%s: the result is Tensor, Tensor[] or (Tensor a, Tensor b), not \"%s\"", e->exact, text);
}

void read_schema(entry *e, const char *text, place at)
{
    e->schema = one_line(text);
    const char *arrow = strstr(e->schema, "->");
    const char *close = arrow;
    while (close && close > e->schema && *close != ')') close--;
    if (e->schema[0] != '(' || !arrow || *close != ')')
        fail_at(at, "%s: a schema is (PARAMS) -> RESULT, not \"%s\"", e->exact, text);
    each_piece(e, copy_text(e->schema + 1, (size_t)(close - e->schema - 1)), at, read_param);
    read_result(e, trimmed(arrow + 2, strlen(arrow + 2)), at);
}
