/* samples.c: reads sample texts. A recursive descent over the text; random values come from a counter of the sample's
   own (splitmix64), not from the library, so that they do not depend on what is being tested. */
#include "support/samples.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
    sample *s;
    const char *at;
    int64_t empty;
} parser;

static bool wrong(parser *p, const char *format, ...) TSR_PRINTF(2, 3);
static bool wrong(parser *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->s->problem, sizeof p->s->problem, format, args);
    va_end(args);
    return false;
}

static void skip_space(parser *p)
{
    while (isspace((unsigned char)*p->at)) p->at++;
}

static bool accept(parser *p, char c)
{
    skip_space(p);
    if (*p->at != c) return false;
    p->at++;
    return true;
}

static void *take(sample *s, size_t bytes)
{
    s->blocks = realloc(s->blocks, (size_t)(s->block_count + 1) * sizeof *s->blocks);
    return s->blocks[s->block_count++] = calloc(1, bytes + 1);
}

/* ---- random values ------------------------------------------------------------------------------------------------- */

static uint64_t next_bits(sample *s)
{
    uint64_t z = s->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double next_unit(sample *s) { return ((double)(next_bits(s) >> 11) + 0.5) * 0x1p-53; }

static double next_normal(sample *s)
{
    double r = sqrt(-2 * log(next_unit(s)));
    return r * cos(6.283185307179586 * next_unit(s));
}

static void shuffle(sample *s, double *v, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = (int64_t)(next_bits(s) % (uint64_t)(i + 1));
        double t = v[i];
        v[i] = v[k], v[k] = t;
    }
}

static double draw_normal(sample *s, double low, double high)
{
    (void)low, (void)high;
    return next_normal(s);
}

static double draw_uniform(sample *s, double low, double high) { return low + (high - low) * next_unit(s); }

/* Normal, but at least 0.1 from 0. */
static double draw_away(sample *s, double low, double high)
{
    (void)low, (void)high;
    double x = next_normal(s);
    return x + (x < 0 ? -0.1 : 0.1);
}

static double draw_integer(sample *s, double low, double high) { return low + floor((high - low) * next_unit(s)); }

/* ---- tensors --------------------------------------------------------------------------------------------------------- */

typedef struct tensor_kind {
    const char *name;
    double (*draw)(sample *s, double low, double high);
    double low, high;
    tsr_dtype dtype; /* default: the test's floating dtype, and a gradient is wanted */
} tensor_kind;

static const tensor_kind kinds[] = {
    {"randn", draw_normal, 0, 0, TSR_DTYPE_DEFAULT},
    {"rand", draw_uniform, 0, 1, TSR_DTYPE_DEFAULT},
    {"pos", draw_uniform, 0.5, 2, TSR_DTYPE_DEFAULT},
    {"above", draw_uniform, 1.1, 3, TSR_DTYPE_DEFAULT},
    {"unit", draw_uniform, -0.9, 0.9, TSR_DTYPE_DEFAULT},
    {"away", draw_away, 0, 0, TSR_DTYPE_DEFAULT},
    {"distinct", NULL, 0, 0, TSR_DTYPE_DEFAULT},
    {"int", draw_integer, 0, 10, TSR_I64},
    {"perm", NULL, 0, 0, TSR_I64},
    {"bool", draw_integer, 0, 2, TSR_BOOL},
    {"onehot", NULL, 0, 0, TSR_DTYPE_DEFAULT},
};

static const tensor_kind *find_kind(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == length && !memcmp(kinds[i].name, name, length)) return &kinds[i];
    return NULL;
}

/* Values no two of which are close: a shuffled ladder around 0 with steps of 0.25. */
static void fill_distinct(sample *s, double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) v[i] = 0.25 * (double)(i - n / 2) + 0.1;
    shuffle(s, v, n);
}

static void fill_permutation(sample *s, double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) v[i] = (double)i;
    shuffle(s, v, n);
}

/* A single 1 in each row of the last dimension. */
static void fill_onehot(sample *s, double *v, int64_t n, const tsr_shape *shape)
{
    int64_t row = shape->n ? shape->v[shape->n - 1] : 1;
    for (int64_t i = 0; row && i < n; i += row) v[i + (int64_t)(next_bits(s) % (uint64_t)row)] = 1;
}

static void fill_values(sample *s, const tensor_kind *kind, double low, double high, double *v, int64_t n,
                        const tsr_shape *shape)
{
    if (!strcmp(kind->name, "distinct")) fill_distinct(s, v, n);
    else if (!strcmp(kind->name, "perm")) fill_permutation(s, v, n);
    else if (!strcmp(kind->name, "onehot")) fill_onehot(s, v, n, shape);
    else
        for (int64_t i = 0; i < n; i++) v[i] = kind->draw(s, low, high);
}

/* A tensor of any of our dtypes from f64 values. */
static tsr_tensor *from_values(const double *v, int64_t n, tsr_shape shape, tsr_dtype dtype)
{
    char *bytes = calloc((size_t)n + 1, 8);
    for (int64_t i = 0; i < n; i++) {
        if (dtype == TSR_F64) memcpy(bytes + 8 * i, &v[i], 8);
        else if (dtype == TSR_F32) memcpy(bytes + 4 * i, &(float){(float)v[i]}, 4);
        else if (dtype == TSR_I64) memcpy(bytes + 8 * i, &(int64_t){(int64_t)v[i]}, 8);
        else bytes[i] = (char)v[i];
    }
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *t = tsr_keep(tsr_from_data(bytes, shape, dtype));
    tsr_scope_close(mark);
    free(bytes);
    return t;
}

static bool read_shape(parser *p, tsr_shape *shape)
{
    *shape = (tsr_shape){0};
    if (!accept(p, '[')) return wrong(p, "a tensor's shape is missing at \"%s\"", p->at);
    while (!accept(p, ']')) {
        char *end;
        if (shape->n == TSR_MAX_DIMS) return wrong(p, "more than %d dimensions", TSR_MAX_DIMS);
        int64_t size = strtoll(p->at, &end, 10);
        if (end == p->at) return wrong(p, "\"%s\" is not a size", p->at);
        shape->v[shape->n++] = size == p->empty ? 0 : size;
        p->at = end;
        accept(p, ',');
    }
    return true;
}

/* "{0,5}" */
static bool read_range(parser *p, double *low, double *high)
{
    char *end;
    if (!accept(p, '{')) return true;
    *low = strtod(p->at, &end);
    p->at = end;
    if (!accept(p, ',')) return wrong(p, "a range is {LOW,HIGH}, not \"%s\"", p->at);
    *high = strtod(p->at, &end);
    p->at = end;
    return accept(p, '}') || wrong(p, "a range is {LOW,HIGH}, not \"%s\"", p->at);
}

static bool read_tensor(parser *p, const tensor_kind *kind, tsr_value *out)
{
    sample *s = p->s;
    tsr_shape shape;
    double low = kind->low, high = kind->high;
    if (s->tensor_count == SAMPLE_TENSORS) return wrong(p, "more than %d tensors", SAMPLE_TENSORS);
    if (!read_shape(p, &shape) || !read_range(p, &low, &high)) return false;
    int64_t n = 1;
    for (int32_t d = 0; d < shape.n; d++) n *= shape.v[d];
    double *v = calloc((size_t)n + 1, sizeof *v);
    fill_values(s, kind, low, high, v, n, &shape);
    sample_tensor *t = &s->tensors[s->tensor_count++];
    t->tensor = from_values(v, n, shape, kind->dtype ? kind->dtype : s->dtype);
    free(v);
    t->wants_grad = !kind->dtype && strcmp(kind->name, "onehot") != 0;
    t->distinct = !strcmp(kind->name, "distinct") || !strcmp(kind->name, "perm");
    if (*p->at == '!') p->at++, t->wants_grad = false;
    *out = (tsr_value){.kind = TSR_VALUE_TENSOR, .tensor = t->tensor};
    return t->tensor || wrong(p, "%s", tsr_error_message());
}

/* ---- other values ---------------------------------------------------------------------------------------------------- */

static bool read_value(parser *p, tsr_value *out);

static bool read_list(parser *p, tsr_value *out)
{
    tsr_value *v = take(p->s, 64 * sizeof *v);
    int64_t n = 0;
    while (!accept(p, ']')) {
        if (n == 64 || !*p->at) return wrong(p, "a list does not end");
        if (!read_value(p, &v[n++])) return false;
        accept(p, ',');
    }
    *out = (tsr_value){.kind = TSR_VALUE_LIST, .list = {v, n}};
    return true;
}

static bool read_text(parser *p, tsr_value *out)
{
    size_t length = strcspn(p->at, "\"");
    if (p->at[length] != '"') return wrong(p, "a text does not end: \"%s\"", p->at);
    char *text = take(p->s, length);
    memcpy(text, p->at, length);
    p->at += length + 1;
    *out = (tsr_value){.kind = TSR_VALUE_STRING, .string = text};
    return true;
}

static bool read_number(parser *p, tsr_value *out)
{
    char *end;
    double f = strtod(p->at, &end);
    if (end == p->at) return wrong(p, "\"%s\" is not a value", p->at);
    bool whole = strcspn(p->at, ".eEnN") >= (size_t)(end - p->at);
    *out = (tsr_value){.kind = TSR_VALUE_FLOAT, .f = f};
    if (whole) *out = (tsr_value){.kind = TSR_VALUE_INT, .i = strtoll(p->at, NULL, 10)};
    p->at = end;
    return true;
}

/* true, false, none, a dtype, or a number such as inf; the word has this length. */
static bool read_word(parser *p, size_t length, tsr_value *out)
{
    char word[16] = {0};
    if (length < sizeof word) memcpy(word, p->at, length);
    bool yes = !strcmp(word, "true") || !strcmp(word, "True"), no = !strcmp(word, "false") || !strcmp(word, "False");
    if (yes || no) *out = (tsr_value){.kind = TSR_VALUE_BOOL, .i = yes};
    else if (!strcmp(word, "none") || !strcmp(word, "None")) *out = (tsr_value){.kind = TSR_VALUE_NONE};
    else if (tsr_dtype_from_name(word)) *out = (tsr_value){.kind = TSR_VALUE_DTYPE, .dtype = tsr_dtype_from_name(word)};
    else return read_number(p, out);
    p->at += length;
    return true;
}

static size_t word_length(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_') n++;
    return n;
}

static bool read_value(parser *p, tsr_value *out)
{
    skip_space(p);
    if (accept(p, '[')) return read_list(p, out);
    if (accept(p, '"')) return read_text(p, out);
    size_t length = word_length(p->at);
    const tensor_kind *kind = p->at[length] == '[' ? find_kind(p->at, length) : NULL;
    if (!kind) return read_word(p, length, out);
    p->at += length;
    return read_tensor(p, kind, out);
}

/* "name=" before a value */
static const char *read_keyword(parser *p)
{
    skip_space(p);
    size_t length = word_length(p->at);
    if (!length || p->at[length] != '=') return NULL;
    char *name = take(p->s, length);
    memcpy(name, p->at, length);
    p->at += length + 1;
    return name;
}

bool sample_parse(sample *s, const char *text, tsr_dtype dtype, uint64_t seed, int64_t empty)
{
    *s = (sample){.dtype = dtype, .state = seed * 0x2545F4914F6CDD1Du + 1};
    parser p = {s, text, empty};
    for (skip_space(&p); *p.at; skip_space(&p)) {
        if (s->count == SAMPLE_ARGS) return wrong(&p, "more than %d arguments", SAMPLE_ARGS);
        tsr_arg *a = &s->args[s->count++];
        a->name = read_keyword(&p);
        if (!read_value(&p, &a->value)) return false;
        if (!accept(&p, ',') && *p.at) return wrong(&p, "a comma is missing before \"%s\"", p.at);
    }
    return true;
}

void sample_free(sample *s)
{
    for (int64_t i = 0; i < s->tensor_count; i++) tsr_release(s->tensors[i].tensor);
    for (int64_t i = 0; i < s->block_count; i++) free(s->blocks[i]);
    free(s->blocks);
    *s = (sample){0};
}

/* Replace tensors in order of appearance. */
static void substitute(tsr_value *v, tsr_tensor *const *tensors, int64_t *next)
{
    if (v->kind == TSR_VALUE_TENSOR) v->tensor = tensors[(*next)++];
    if (v->kind != TSR_VALUE_LIST) return;
    for (int64_t i = 0; i < v->list.n; i++) substitute((tsr_value *)&v->list.v[i], tensors, next);
}

void sample_substitute(sample *s, tsr_tensor *const *tensors)
{
    int64_t next = 0;
    for (int64_t i = 0; i < s->count; i++) substitute(&s->args[i].value, tensors, &next);
}
