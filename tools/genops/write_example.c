/* write_example.c: a call in C, made of an operator's first sample: what `tessera ops NAME` and the reference pages show,
   and what the tests compile and run. Each tensor parameter becomes a variable of its name:

       sample randn[2,4,7,7], randn[6,4,3,3], none, padding=[1,1]

       tsr_tensor *input = tsr_randn(TSR_SHAPE(2, 4, 7, 7));
       tsr_tensor *weight = tsr_randn(TSR_SHAPE(6, 4, 3, 3));
       tsr_tensor *result = tsr_conv2d(input, weight, NULL, .padding = {1, 1}); */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "genops.h"

enum { EXAMPLE_ROOM = 16 }; /* for operators that return a list */

/* ---- words and lists of a sample ----------------------------------------------------------------------------------- */

static bool is_word(const char *text, const char *word)
{
    return !strcmp(text, word) || (toupper((unsigned char)*word) == *text && !strcmp(text + 1, word + 1));
}

static bool is_none(const char *text) { return is_word(text, "none"); }

static bool is_whole(const char *text) { return text[strspn(text, "-0123456789")] == 0; }

static bool is_zero(const char *text) { return is_whole(text) ? !atol(text) : *text == '0' && strtod(text, NULL) == 0; }

/* The pieces of "[a, b]"; of a value that is not a list, itself. */
static texts list_of(const char *text)
{
    texts list = {0};
    size_t length = strlen(text);
    if (*text == '[') split_pieces(&list, copy_text(text + 1, length - 2));
    else texts_add(&list, text);
    return list;
}

/* ---- values in C ----------------------------------------------------------------------------------------------------- */

static const char *number_in_c(const char *text)
{
    if (!strcmp(text, "inf")) return "INFINITY";
    if (!strcmp(text, "-inf")) return "-INFINITY";
    return strcmp(text, "nan") ? text : "NAN";
}

static const char *shape_in_c(const char *text)
{
    texts sizes = list_of(text);
    return sizes.n ? join("TSR_SHAPE(%s)", joined(&sizes, ", ")) : "TSR_SCALAR_SHAPE";
}

/* "int[2,4]{0,3}": shape is TSR_SHAPE(2, 4), range is "0,3" or empty */
static const char *integers_in_c(const char *shape, const char *range)
{
    if (!*range) return join("tsr_randint(10, %s)", shape);
    size_t low = strcspn(range, ",");
    const char *high = range + low + 1;
    if (low == 1 && *range == '0') return join("tsr_randint(%s, %s)", high, shape);
    return join("tsr_randint_low(%.*s, %s, %s)", (int)low, range, high, shape);
}

static const char *random_tensor(const entry *e, const char *text)
{
    size_t name = strcspn(text, "["), shape = strcspn(text + name, "]") + 1;
    const char *kind = join(" %.*s ", (int)name, text);
    const char *sizes = shape_in_c(copy_text(text + name, shape));
    const char *brace = strchr(text, '{');
    if (!strcmp(kind, " int ")) return integers_in_c(sizes, brace ? copy_text(brace + 1, strlen(brace) - 2) : "");
    if (!strcmp(kind, " perm ")) return join("tsr_randperm(%.*s)", (int)shape - 2, text + name + 1);
    if (!strcmp(kind, " bool ")) return join("tsr_lt(tsr_rand(%s), tsr_scalar(0.5))", sizes);
    if (!strcmp(kind, " pos ")) return join("tsr_uniform_(tsr_empty(%s), 0.5, 2)", sizes);
    if (!strcmp(kind, " above ")) return join("tsr_uniform_(tsr_empty(%s), 1.1, 3)", sizes);
    if (!strcmp(kind, " unit ")) return join("tsr_uniform_(tsr_empty(%s), -0.9, 0.9)", sizes);
    if (strstr(" rand onehot ", kind)) return join("tsr_rand(%s)", sizes);
    if (!strstr(" randn away distinct ", kind)) fail_at(e->at, "%s: the sample's \"%s\" is unknown", e->exact, text);
    return join("tsr_randn(%s)", sizes);
}

static const char *tensor_in_c(const entry *e, const char *text)
{
    if (is_none(text)) return "NULL";
    if (isalpha((unsigned char)*text) && strchr(text, '[')) return random_tensor(e, text);
    return is_whole(text) ? join("tsr_scalar_int(%s)", text) : join("tsr_scalar(%s)", number_in_c(text));
}

static const char *tensors_in_c(const entry *e, const char *text)
{
    texts list = list_of(text), in_c = {0};
    for (int i = 0; i < list.n; i++) texts_add(&in_c, tensor_in_c(e, list.v[i]));
    return join("TSR_LIST(%s)", joined(&in_c, ", "));
}

static const char *kind_of_number(const char *text)
{
    bool yes = is_word(text, "true");
    if (yes || is_word(text, "false")) return join("(tsr_number){TSR_NUMBER_BOOL, %d, 0}", yes);
    return join(is_whole(text) ? "TSR_INT(%s)" : "TSR_FLOAT(%s)", number_in_c(text));
}

/* A zero where a zero means another default. */
static const char *not_left_out(const param *p, const char *text)
{
    return is_zero(text) && zero_word(p) ? zero_word(p) : number_in_c(text);
}

/* int[K]: {1, 2}; one integer stands for K equal ones. */
static const char *array_in_c(const param *p, const char *text)
{
    texts list = list_of(text), in_c = {0};
    for (int i = 0; list.n && i < p->count; i++) {
        const char *one = list.v[list.n == 1 ? 0 : i];
        texts_add(&in_c, is_none(one) ? "0" : not_left_out(p, one));
    }
    return list.n ? join("{%s}", joined(&in_c, ", ")) : "{0}";
}

static const char *floats_in_c(const char *text)
{
    texts list = list_of(text);
    return join("TSR_FLOATS(%s)", joined(&list, ", "));
}

/* f32, I64: TSR_F32, TSR_I64 */
static const char *dtype_in_c(const char *text)
{
    char *upper = (char *)join("TSR_%s", text);
    for (char *c = upper; *c; c++) *c = (char)toupper((unsigned char)*c);
    return upper;
}

/* What leaves an argument out. */
static const char *nothing_in_c(const param *p)
{
    const char *kind = p->kind;
    if (!strcmp(kind, "OP_NUMBER")) return "(tsr_number){0}";
    if (!strcmp(kind, "OP_SHAPE")) return "TSR_SCALAR_SHAPE";
    if (!strcmp(kind, "OP_FLOATS")) return "(tsr_floats){0}";
    if (!strcmp(kind, "OP_INTS")) return "{0}";
    if (!strcmp(kind, "OP_FLAG")) return "TSR_FLAG_DEFAULT";
    if (!strcmp(kind, "OP_DTYPE")) return "TSR_DTYPE_DEFAULT";
    return strchr(p->c_type, '*') ? "NULL" : "0";
}

static const char *value_in_c(const entry *e, const param *p, const char *text)
{
    const char *kind = p->kind;
    if (!strcmp(kind, "OP_TENSOR")) return tensor_in_c(e, text);
    if (is_none(text)) return nothing_in_c(p);
    if (!strcmp(kind, "OP_TENSORS")) return tensors_in_c(e, text);
    if (!strcmp(kind, "OP_SHAPE")) return shape_in_c(text);
    if (!strcmp(kind, "OP_INTS")) return array_in_c(p, text);
    if (!strcmp(kind, "OP_FLOATS")) return floats_in_c(text);
    if (!strcmp(kind, "OP_NUMBER")) return kind_of_number(text);
    if (!strcmp(kind, "OP_DTYPE")) return dtype_in_c(text);
    if (!strcmp(kind, "OP_BOOL")) return is_word(text, "true") ? "true" : "false";
    if (!strcmp(kind, "OP_FLAG")) return is_word(text, "true") ? "TSR_YES" : "TSR_NO";
    return not_left_out(p, text);
}

/* ---- the call -------------------------------------------------------------------------------------------------------- */

/* The parameter that piece number i of a sample is for; *text moves behind "name=". */
static int param_of_piece(const entry *e, int i, const char **text)
{
    const char *equals = strchr(*text, '=');
    size_t length = equals ? (size_t)(equals - *text) : 0;
    for (int k = 0; length && k < e->param_count; k++) {
        if (strlen(e->params[k].name) != length || strncmp(*text, e->params[k].name, length) != 0) continue;
        *text = equals + 1;
        return k;
    }
    if (i >= e->param_count) fail_at(e->at, "%s: the sample has more arguments than the operator", e->exact);
    if (e->params[i].keyword_only) fail_at(e->at, "%s: the sample must give %s by name", e->exact, e->params[i].name);
    return i;
}

/* A tensor gets a line and a name of its own, other values stand in the call. */
static const char *argument(buffer *lines, const entry *e, const param *p, const char *text)
{
    const char *in_c = value_in_c(e, p, text);
    if (strcmp(p->kind, "OP_TENSOR") != 0 || is_none(text)) return in_c;
    put(lines, "tsr_tensor *%s = %s;\n", p->name, in_c);
    return p->name;
}

/* "input, weight, .padding = {1, 1}" */
static const char *arguments(buffer *lines, const entry *e, const char *sample)
{
    texts pieces = {0}, all = {0};
    split_pieces(&pieces, sample);
    int next = 0; /* the parameter that an argument by position would be */
    for (int i = 0; i < pieces.n; i++) {
        const char *text = pieces.v[i];
        int k = param_of_piece(e, i, &text);
        const char *in_c = argument(lines, e, &e->params[k], text);
        texts_add(&all, k == next ? in_c : join(".%s = %s", e->params[k].name, in_c));
        next = k == next ? next + 1 : -1;
    }
    return joined(&all, ", ");
}

void check_samples(const entry *e)
{
    buffer lines = {0};
    for (int i = 0; i < e->samples.n; i++) arguments(&lines, e, e->samples.v[i]);
}

const char *example_of(const entry *e)
{
    const entry *source = source_of(e);
    if (!source->samples.n) return "";
    buffer b = {0};
    const char *args = arguments(&b, e, source->samples.v[0]), *call;
    if (e->result == RESULT_LIST) {
        const char *comma = *args ? ", " : "";
        put(&b, "tsr_tensor *results[%d];\n", EXAMPLE_ROOM);
        call = join("int64_t count = tsr_%s(results, %d%s%s);", e->c_name, EXAMPLE_ROOM, comma, args);
    } else if (e->result == RESULT_SEVERAL) {
        call = join("tsr_%s_result result = tsr_%s(%s);", e->c_name, e->c_name, args);
    } else call = join("tsr_tensor *result = tsr_%s(%s);", e->c_name, args);
    put_wrapped(&b, "    ", call);
    return b.data;
}
